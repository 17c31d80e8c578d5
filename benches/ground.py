"""Phrase grounding on the CPU, medburn beside PyTorch: TransVG (ResNet-50, BERT-base, 421 tokens), phrases per second in one image.

    python -m venv .venv && .venv/bin/pip install torch torchvision transformers safetensors numpy
    .venv/bin/python benches/ground.py

Makes the network with random weights (grounding/transvg.py; nothing is downloaded) and times both libraries in turns, as networks.py does:
with the features of the image computed each time, and with them kept for all phrases. Checks that boxes agree.
"""

import argparse
import json
import os
import pathlib
import statistics
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from networks import Peer, build, parity, ratio, rounds, run  # noqa: E402

# Phrases at once, and whether the features of the image are kept.
CASES = [(1, False), (8, False), (1, True), (8, True)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--enough", type=float, default=20, help="seconds after which a row gets no more rounds, once it has three")
    parser.add_argument("--warm-up", type=int, default=2, help="runs of each library that are not counted")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pause", type=float, default=0.05)
    parser.add_argument("--tolerance", type=float, default=1e-4, help="of boxes: largest difference over the largest value")
    parser.add_argument("--folder", type=pathlib.Path, help="where 640 MB of weights are written")
    parser.add_argument("--binary", help="a bench-ground that is already built")
    parser.add_argument("--json", type=pathlib.Path, help="file for the times of every round")
    parser.add_argument("--cases", type=int, nargs="+", default=range(len(CASES)), help="rows of the table, from 0")
    args = parser.parse_args()
    args.binary = args.binary or build("bench-ground")
    print(f"{args.threads} threads each, f32, at most {args.rounds} rounds", flush=True)
    faults, rows = [], []
    for phrases, keep in [CASES[index] for index in args.cases]:
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            rows.append(compare(args, pathlib.Path(folder), phrases, keep, faults))
        if args.json:
            args.json.write_text(json.dumps(rows, indent=1))
    table(rows)
    if faults:
        sys.exit("error: " + "\nerror: ".join(faults))


def compare(args, folder, phrases, keep, faults):
    """One row of the table."""
    label = f"{phrases} phrase{'s' if phrases > 1 else ''}, " + ("features kept" if keep else "image and all")
    print(label, flush=True)
    threads = str(args.threads)
    environment = {**os.environ, "RAYON_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
    helper = [sys.executable, str(HERE / "grounding/transvg.py")]
    run([*helper, "prepare", "--folder", str(folder), "--phrases", str(phrases)], environment)
    kept = ["--keep"] if keep else []
    own = [args.binary, "--model", str(folder), "--input", str(folder / "input.safetensors"), *kept]
    other = [*helper, "torch", "--folder", str(folder), "--threads", threads, *kept]
    peers = {name: Peer(name, command, environment) for name, command in (("medburn", own), ("torch", other))}
    for name, peer in peers.items():
        print(f"  {name}: {peer.about}", flush=True)
        for _ in range(args.warm_up):
            peer.ask("run")
    times, others = rounds(args, peers)
    memory = {name: peer.ask("memory") for name, peer in peers.items()}
    worst = parity(args, label, peers, folder, faults)
    for peer in peers.values():
        peer.end()
    return {"label": label, "phrases": phrases, "times": times, "others": others, "memory": memory, "worst": worst}


def table(rows):
    names = ["medburn", "torch"]
    header = ["", *(f"{name} ms" for name in names), *(f"{name} phrases/s" for name in names), "medburn / torch"]
    header += [*(f"{name} MiB" for name in names), "difference", "rounds", "CPUs busy elsewhere"]
    print("\n| " + " | ".join(header) + " |\n| --- |" + " ---: |" * (len(header) - 1))
    for row in rows:
        middle = {name: statistics.median(row["times"][name]) for name in names}
        cells = [row["label"], *(f"{middle[name]:.0f}" for name in names)]
        cells += [f"{1e3 * row['phrases'] / middle[name]:.2f}" for name in names]
        cells += [ratio(row["times"]["medburn"], row["times"]["torch"])]
        cells += [f"{int(row['memory'][name]) / 2**20:.0f}" if row["memory"][name].isdigit() else "?" for name in names]
        print("| " + " | ".join([*cells, f"{row['worst']:.0e}", str(len(row["times"]["torch"])), f"{row['others']:.1f}"]) + " |")


if __name__ == "__main__":
    main()
