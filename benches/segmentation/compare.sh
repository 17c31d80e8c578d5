#!/usr/bin/env bash
# The trainings of docs/segmentation.md, one set at a time. What the record has is not done again.
#
#   benches/segmentation/compare.sh SET IMAGES MASKS [ARMS] [PARTS]
#
# SET      nuclei, hippocampus, ct, lungs or lesions: how images are cut and held out
# IMAGES, MASKS  folders (for ct: one volume and its labels), and MANIFEST=FILE, a CSV, where patients or splits are given
# BACKBONE=FOLDER  what is frozen: `first_blocks.py DINOV2 6 FOLDER`, or fixtures/segformer-nuclei with SIZE=128
# MORE=OPTIONS  such as `--gated` or `--superpixel-loss 1`
# RECORD=FILE  where lines are added; `segment-train table FILE..` makes the table
set -euo pipefail
set_name=$1 images=$2 masks=$3 arms=${4:-fft,slic,ssn,lora,full,tokens,none,none+image,none+pooled,none+both,fft+image,fft+pooled} parts=${5:-0.05,0.2,1}
cd "$(dirname "$0")/../.."
case $set_name in
nuclei) cut=(--tile 84 --tiles 3 --held-out-limit 40) ;;
hippocampus) cut=(--kind nifti --classes 3 --square --upright --held-out-limit 40) ;;
ct) cut=(--kind nifti --window -160,240 --square --block 2 --held-out 0.33 --upright) ;;
lungs | lesions) cut=(--held-out 0.33 --square --upright) ;;
*) echo "no set $set_name" >&2 && exit 2 ;;
esac
cargo run --release --locked --bin segment-train -- compare --name "$set_name" --images "$images" --masks "$masks" \
    ${MANIFEST:+--manifest "$MANIFEST"} "${cut[@]}" --arms "$arms" --fractions "$parts" --seeds "${SEEDS:-0,1,2}" \
    --backbone "${BACKBONE:?the folder of a backbone}" --size "${SIZE:-84}" --steps "${STEPS:-200}" --batch 4 --learning-rate 1e-3 \
    --full-learning-rate 1e-4 --decoder-width 64 --segments 300 --pyramid 600,150,40 --record "${RECORD:-$set_name.jsonl}" ${MORE:-}
