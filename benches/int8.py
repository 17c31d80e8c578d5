"""What 8 bits cost in accuracy: embeddings of scans, and masks of images, with and without `--int8`.

    .venv/bin/python benches/int8.py embed dinov2-small/ scan.nii.gz series/
    .venv/bin/python benches/int8.py segment images/ masks/          # PNG files of the same names: 0 is background; weights of fixtures/

Builds the examples `embed` and `segment`. Needs numpy, safetensors and, for masks, pillow.
"""

import argparse
import pathlib
import statistics
import subprocess
import tempfile

import numpy
from networks import build

ROUNDED = ([], ["--int8"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("embed")
    command.add_argument("weights", type=pathlib.Path)
    command.add_argument("scans", type=pathlib.Path, nargs="+")
    command.set_defaults(run=embed)
    command = commands.add_parser("segment")
    command.add_argument("images", type=pathlib.Path)
    command.add_argument("masks", type=pathlib.Path)
    command.set_defaults(run=segment)
    args = parser.parse_args()
    args.run(args)


def embed(args):
    """Cosines of what `embed` writes for a study, and of each of its slices."""
    from safetensors.numpy import load_file

    binary = build("embed", "-p", "medburn-examples")
    print("| scan | slices | cosine of the study | least of a slice | median of a slice |\n| --- | ---: | ---: | ---: | ---: |")
    for scan in args.scans:
        found = []
        for flags in ROUNDED:
            with tempfile.TemporaryDirectory() as folder:
                run([binary, scan.resolve(), "--weights", args.weights.resolve(), "--output", folder, *flags])
                found.append(load_file(pathlib.Path(folder) / "embedding.safetensors"))
        study, slices = (cosine(found[0][key], found[1][key]) for key in ["study", "features"])
        print(f"| {scan.name} | {slices.size} | {study:.5f} | {slices.min():.5f} | {numpy.median(slices):.5f} |", flush=True)


def cosine(a, b):
    return (a * b).sum(-1) / numpy.linalg.norm(a, axis=-1) / numpy.linalg.norm(b, axis=-1)


def segment(args):
    """Dice of masks that `segment` makes to those given, and of one to the other."""
    binary = build("segment", "-p", "medburn-examples")
    rows = []
    for mask in sorted(args.masks.glob("*.png")):
        found = []
        for flags in ROUNDED:
            with tempfile.TemporaryDirectory() as folder:
                run([binary, (args.images / mask.name).resolve(), "--output", folder, *flags])
                found.append(read_mask(pathlib.Path(folder) / "mask.png"))
        truth = read_mask(mask)
        rows.append([dice(found[0], truth), dice(found[1], truth), dice(*found)])
    plain, int8, both = zip(*rows, strict=True)
    worst = max(a - b for a, b in zip(plain, int8, strict=True))
    print(f"{len(rows)} images: mean Dice {statistics.mean(plain):.4f} in f32, {statistics.mean(int8):.4f} in 8 bits", end="")
    print(f" (at worst {worst:.4f} less); of one to the other {statistics.mean(both):.4f}, at least {min(both):.4f}")


def read_mask(path):
    from PIL import Image

    return numpy.asarray(Image.open(path)) > 0


def dice(a, b):
    return 2 * (a & b).sum() / max((a.sum() + b.sum()), 1)


def run(command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
