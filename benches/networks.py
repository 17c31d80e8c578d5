"""Whole networks on the CPU: medburn, PyTorch and onnxruntime, timed in turns in one run; inference and training steps.

    python -m venv .venv && .venv/bin/pip install torch torchvision transformers onnx onnxscript onnxruntime safetensors numpy
    .venv/bin/python benches/networks.py

Makes networks with random weights (networks/models.py; nothing is downloaded), saves them as transformers and torchvision do, exports
them to ONNX, and starts one process for each library. They wait for commands (src/commands.rs, networks/peers.py), so that each
round runs every library once, in turn, while the others sleep. Checks that outputs, losses and gradients agree.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "networks"))
from models import FILE, MODELS  # noqa: E402

FEWEST_ROUNDS = 3
TITLES = {"inference": "Inference", "training": "Training step: forward, backward, optimizer"}
MAPPED = "medburn --map"
INT8 = "medburn int8"
ONNX_INT8 = "onnxruntime int8"
OWN = ["medburn", "burn", MAPPED, INT8]


@dataclasses.dataclass(frozen=True)
class Case:
    """A row of a table."""

    model: str
    mode: str
    size: int
    batch: int

    def __str__(self):
        unit = "px" if MODELS[self.model].network in ("vit", "segformer", "resnet") else "tokens"
        return f"{self.model}, {self.size} {unit}, batch {self.batch}"


def main():
    args = arguments()
    binary = args.binary or build()
    print(f"{args.threads} threads each, f32, at most {args.rounds} rounds", flush=True)
    rows, faults = [], []
    for case in cases(args):
        print(f"{case}, {case.mode}", flush=True)
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            rows.append(compare(args, binary, pathlib.Path(folder), case, faults))
        if args.json:
            args.json.write_text(json.dumps(rows, indent=1))
    for mode in args.modes:
        table(TITLES[mode], [row for row in rows if row["mode"] == mode])
    if faults:
        sys.exit("error: " + "\nerror: ".join(faults))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    usual = [name for name, model in MODELS.items() if model.batches]
    parser.add_argument("--models", nargs="+", choices=MODELS, default=usual, metavar="MODEL", help=", ".join(MODELS))
    parser.add_argument("--modes", nargs="+", choices=TITLES, default=list(TITLES))
    parser.add_argument("--size", nargs="+", type=int, help="sides of images in pixels, or lengths of sequences")
    parser.add_argument("--batch", nargs="+", type=int, help="also those that take minutes and are left out otherwise")
    parser.add_argument("--peers", nargs="*", choices=["torch", "onnxruntime"], default=["torch", "onnxruntime"])
    kernels = "medburn with its kernels, with burn's own operations alone, or both beside each other"
    parser.add_argument("--kernels", choices=["on", "off", "both"], default="on", help=kernels)
    parser.add_argument("--isa", help="instructions for medburn's kernels: avx512, avx2, neon or portable")
    parser.add_argument("--rounds", type=int, default=15)
    enough = f"seconds after which a row gets no more rounds, once it has {FEWEST_ROUNDS}"
    parser.add_argument("--enough", type=float, default=20, help=enough)
    parser.add_argument("--warm-up", type=int, default=2, help="runs of each library that are not counted")
    parser.add_argument("--threads", type=int, default=2)
    pause = "seconds before each run, in which the thread pools of the others fall asleep"
    parser.add_argument("--pause", type=float, default=0.05, help=pause)
    parser.add_argument("--tolerance", type=float, default=1e-4, help="of outputs: largest difference over the largest value")
    mapped = "beside medburn another of it, which leaves the words of BERT in their file, as onnxruntime does"
    parser.add_argument("--map", action="store_true", help=mapped)
    int8 = "beside them medburn and onnxruntime with linear layers in 8 bits, and how far these are off, root mean squares over the same of the output"
    parser.add_argument("--int8", action="store_true", help=int8)
    parser.add_argument("--folder", type=pathlib.Path, help="where up to 1 GB of networks is written")
    parser.add_argument("--binary", help="a bench-network that is already built")
    parser.add_argument("--json", type=pathlib.Path, help="file for the times of every round")
    return parser.parse_args()


def cases(args):
    """The rows that were asked for."""
    for name in args.models:
        model = MODELS[name]
        if "inference" in args.modes:
            for size in args.size or model.sizes:
                usual = [batch for batch in model.batches if batch not in model.long.get(size, [])]
                yield from (Case(name, "inference", size, batch) for batch in args.batch or usual)
        # Unless asked for, only where the table has a row for it.
        if "training" in args.modes and (model.training or args.batch):
            for size in args.size or model.sizes[:1]:
                yield from (Case(name, "training", size, batch) for batch in args.batch or model.training)


def build(name="bench-network", *flags):
    """Builds a program; its path."""
    command = ["cargo", "build", "--release", "--bin", name, *flags, "--message-format", "json-render-diagnostics"]
    messages = subprocess.run(command, cwd=HERE, check=True, stdout=subprocess.PIPE).stdout
    for message in map(json.loads, messages.splitlines()):
        if message.get("executable") and message["target"]["name"] == name:
            return message["executable"]
    sys.exit(f"error: cargo built no {name}")


def compare(args, binary, folder, case, faults):
    """One row of a table."""
    training = case.mode == "training"
    threads = str(args.threads)
    environment = {**os.environ, "RAYON_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
    environment |= {"MEDKERNELS_ISA": args.isa} if args.isa else {}
    helper = [sys.executable, str(HERE / "networks/peers.py")]
    told = ["--folder", str(folder), "--model", case.model, "--threads", threads]
    names = own_names(args, training) + [peer for peer in args.peers if not (training and peer == "onnxruntime")]
    names += [ONNX_INT8] * (args.int8 and "onnxruntime" in names)
    prepare = [*helper, "prepare", *told, "--size", str(case.size), "--batch", str(case.batch)]
    flags = ["--onnx"] * ("onnxruntime" in names) + ["--int8"] * (ONNX_INT8 in names)
    run(prepare + flags, environment)
    own = [binary, "--network", MODELS[case.model].network, "--model", str(folder), "--input", str(folder / FILE)]
    own += ["--train"] if training else []
    commands = {name: own for name in OWN} | {MAPPED: [*own, "--map"], INT8: [*own, "--int8"]}
    commands |= {"torch": [*helper, "train" if training else "torch", *told]}
    commands |= {"onnxruntime": [*helper, "onnxruntime", *told], ONNX_INT8: [*helper, "onnxruntime-int8", *told]}
    peers = {}
    for name in names:
        variables = {**environment, "MEDBURN_KERNELS": "0" if name == "burn" else "1"}
        peers[name] = Peer(name, commands[name], variables)
        print(f"  {name}: {peers[name].about}", flush=True)
    # Training is checked on its first steps: after many, roundings have grown.
    worst = training_parity(case, peers, faults) if training else 0.0
    for peer in peers.values():
        for _ in range(args.warm_up):
            peer.ask("run")
    times, others = rounds(args, peers)
    memory = {name: peer.ask("memory") for name, peer in peers.items()}
    off = {}
    if not training:
        worst, off = parity(args, case, peers, folder, faults)
    for peer in peers.values():
        peer.end()
    row = {"label": str(case), "mode": case.mode, "times": times, "others": others, "memory": memory}
    return row | {"worst": worst, "off": off}


def own_names(args, training):
    names = {"on": OWN[:1], "off": OWN[1:2], "both": OWN[:2]}[args.kernels]
    # First, so that ratios are of it.
    return [INT8] * (args.int8 and not training) + [MAPPED] * args.map + names


def run(command, environment):
    # What exporters print is of no interest unless they fail.
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{done.stdout}\nerror: {' '.join(command)} ended with status {done.returncode}")


def rounds(args, peers):
    """Milliseconds of each, and how many CPUs other programs kept busy meanwhile."""
    names, times = list(peers), {name: [] for name in peers}
    started, busy = time.monotonic(), foreign_seconds(peers)
    for number in range(args.rounds):
        # Another one begins each round, so that none always follows the same.
        start = number % len(names)
        for name in names[start:] + names[:start]:
            time.sleep(args.pause)
            times[name].append(float(peers[name].ask("run")))
        if number + 1 >= FEWEST_ROUNDS and time.monotonic() - started > args.enough:
            break
    return times, (foreign_seconds(peers) - busy) / (time.monotonic() - started)


def parity(args, case, peers, folder, faults):
    """The largest difference between any two libraries, over the largest value; and how far those in 8 bits are off what they are without."""
    from safetensors.numpy import load_file

    outputs = {}
    for name, peer in peers.items():
        peer.ask(f"save {folder / name}.safetensors")
        outputs[name] = load_file(folder / f"{name}.safetensors")["output"]
    worst, off = 0.0, {}
    for name, plain in [(INT8, "medburn"), (ONNX_INT8, "onnxruntime")]:
        if name in outputs and plain in outputs:
            exact, rounded = outputs[plain].astype(float), outputs.pop(name).astype(float)
            off[name] = float((((rounded - exact) ** 2).mean() / (exact**2).mean()) ** 0.5)
            print(f"  {name}: {100 * off[name]:.2f} % off {plain}", flush=True)
            if not 0 < off[name] < 0.5:
                faults.append(f"{case}: {name} is {100 * off[name]:.2f} % off {plain}")
    for a, b in pairs(outputs):
        if outputs[a].shape != outputs[b].shape:
            faults.append(f"{case}: {a} made {outputs[a].shape}, {b} made {outputs[b].shape}")
            return float("nan"), off
        difference = float(abs(outputs[a] - outputs[b]).max() / abs(outputs[b]).max())
        print(f"  {a} and {b}: largest difference over the largest value {difference:.1e}", flush=True)
        # Also where it is not a number.
        if not difference <= args.tolerance:
            faults.append(f"{case}: {a} and {b} differ by {difference:.1e} of the largest value")
        worst = max(worst, difference)
    return worst, off


def training_parity(case, peers, faults):
    """The largest relative difference between any two libraries, of loss and gradient, before and after one step."""
    seen, tolerance = {}, MODELS[case.model].training_tolerance
    for name, peer in peers.items():
        (before, norm), (after, norm_after) = [map(float, peer.ask("check").split()) for _ in range(2)]
        seen[name] = [before, norm, after, norm_after]
        print(f"  {name}: loss {before:.6g}, gradient {norm:.6g}; after one step {after:.6g}, {norm_after:.6g}", flush=True)
        # Otherwise equal losses after a step would say nothing about the step.
        if not abs(after - before) > 1e-3 * before:
            faults.append(f"{case}: a step of {name} does not change the loss")
    worst = 0.0
    for a, b in pairs(peers):
        difference = max(abs(x - y) / abs(y) for x, y in zip(seen[a], seen[b], strict=True))
        if not difference <= tolerance:
            faults.append(f"{case}: losses or gradients of {a} and {b} differ by {difference:.1e}")
        worst = max(worst, difference)
    return worst


def pairs(peers):
    names = list(peers)
    return [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]


class Peer:
    """A process that runs the network when told to."""

    def __init__(self, name, command, environment):
        self.name, pipe = name, subprocess.PIPE
        self.process = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True, bufsize=1)
        word, _, self.about = self.answer().partition(" ")
        if word != "ready":
            sys.exit(f"error: {name} says {word!r} instead of ready")

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"error: {self.name} ended with status {self.process.wait()}")
        return line.strip()

    def cpu_seconds(self):
        # After the name, which may hold anything: the 12th and 13th are utime and stime: proc_pid_stat(5).
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        self.process.stdin.write("quit\n")
        self.process.stdin.close()
        self.process.wait()


def foreign_seconds(peers):
    """CPU time of all programs but these, since the system started; 0 where the system does not say."""
    try:
        user, nice, system = map(int, pathlib.Path("/proc/stat").read_text().split()[1:4])
    except OSError:
        return 0.0
    own = os.times().user + os.times().system + sum(peer.cpu_seconds() for peer in peers.values())
    return (user + nice + system) / os.sysconf("SC_CLK_TCK") - own


def table(title, rows):
    if not rows:
        return
    names = list(rows[0]["times"])
    own, others = names[0], names[1:]
    peers = [name for name in others if name not in [*OWN, ONNX_INT8]]
    header = ["", *(f"{name} ms" for name in names), *(f"{own} / {name}" for name in others)]
    header += [f"{own} / faster peer"] if len(peers) > 1 else []
    rounded = [name for name in names if name in rows[0]["off"]]
    header += [*(f"{name} MiB" for name in names), *(f"{name} off, %" for name in rounded)]
    header += ["difference", "rounds", "CPUs busy elsewhere"]
    print(f"\n{title}\n\n| " + " | ".join(header) + " |")
    print("| --- |" + " ---: |" * (len(header) - 1))
    for row in rows:
        times, memory = row["times"], row["memory"]
        cells = [row["label"], *(f"{statistics.median(times[name]):.1f}" for name in names)]
        cells += [ratio(times[own], times[name]) for name in others]
        if len(peers) > 1:
            faster = min(peers, key=lambda name: statistics.median(times[name]))
            cells += [ratio(times[own], times[faster])]
        cells += [f"{int(memory[n]) / 2**20:.0f}" if memory[n].isdigit() else "?" for n in names]
        cells += [f"{100 * row['off'][name]:.2f}" for name in rounded]
        print("| " + " | ".join([*cells, f"{row['worst']:.0e}", str(len(times[own])), f"{row['others']:.1f}"]) + " |")


def ratio(times, others):
    """Of the two times of a round, the median over rounds."""
    return f"{statistics.median(a / b for a, b in zip(times, others, strict=True)):.2f}"


if __name__ == "__main__":
    main()
