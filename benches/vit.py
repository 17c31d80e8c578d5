"""Vision transformers on the CPU: medburn, PyTorch and onnxruntime, timed in turns in one run.

    python -m venv .venv && .venv/bin/pip install torch transformers onnx onnxscript onnxruntime safetensors numpy
    .venv/bin/python benches/vit.py

Makes DINOv2 networks with random weights (nothing is downloaded), saves them as transformers does, exports them to ONNX, and
starts one process for each library. They wait for commands (see src/bin/bench-vit.rs), so that each round runs every library
once, in turn, while the others sleep. Checks that all tokens agree.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
SEED = 20240
SIZES = {
    "tiny": {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 3},
    "ViT-S/14": {"hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 6},
    "ViT-B/14": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12},
}
PEERS = ["medburn", "torch", "onnxruntime"]


def main():
    args = arguments()
    if args.role:
        return {"prepare": prepare, "torch": serve_torch, "onnxruntime": serve_onnxruntime}[args.role](args)
    build = ["cargo", "build", "--release", "--bin", "bench-vit", "--message-format", "json-render-diagnostics"]
    binary = args.binary or built(subprocess.run(build, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE).stdout)
    print(f"{args.threads} threads each, f32, {args.size} px, medians of {args.rounds} rounds")
    rows, disagree = [], False
    for model in args.models:
        for batch in args.batch:
            with tempfile.TemporaryDirectory() as folder:
                row, worst = compare(args, binary, pathlib.Path(folder), model, batch)
            rows.append(row)
            disagree |= worst > args.tolerance
    table(rows)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1))
    if disagree:
        sys.exit(f"error: outputs differ by more than {args.tolerance:g} of the largest value")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=SIZES, default=["ViT-S/14", "ViT-B/14"])
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--size", type=int, default=224, help="side of the images in pixels")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--warm-up", type=int, default=3, help="rounds that are not counted")
    parser.add_argument("--threads", type=int, default=2)
    pause = "seconds before each run, in which the thread pools of the others fall asleep"
    parser.add_argument("--pause", type=float, default=0.05, help=pause)
    parser.add_argument("--tolerance", type=float, default=1e-4, help="largest difference over the largest value")
    parser.add_argument("--binary", help="a bench-vit that is already built")
    parser.add_argument("--json", type=pathlib.Path, help="file for the times of every round")
    # What the processes that this one starts are told.
    parser.add_argument("--role", choices=["prepare", "torch", "onnxruntime"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=pathlib.Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def built(messages):
    """The path of the binary, from cargo's messages."""
    for message in map(json.loads, messages.splitlines()):
        if message.get("executable") and message["target"]["name"] == "bench-vit":
            return message["executable"]
    sys.exit("error: cargo built no bench-vit")


def compare(args, binary, folder, model, batch):
    """One row of the table, and the largest difference."""
    own = [sys.executable, __file__, "--threads", str(args.threads), "--size", str(args.size), "--folder", str(folder)]
    environment = {**os.environ, "RAYON_NUM_THREADS": str(args.threads), "OMP_NUM_THREADS": str(args.threads)}
    subprocess.run([*own, "--role", "prepare", "--models", model, "--batch", str(batch)], check=True, env=environment)
    commands = {
        "medburn": [binary, "--model", str(folder), "--input", str(folder / "input.safetensors")],
        "torch": [*own, "--role", "torch"],
        "onnxruntime": [*own, "--role", "onnxruntime"],
    }
    peers = {name: Peer(commands[name], environment) for name in PEERS}
    for name, peer in peers.items():
        print(f"  {name}: {peer.about}")
    times = {name: [] for name in PEERS}
    for round_number in range(args.warm_up + args.rounds):
        # Another one begins each round, so that none always follows the same.
        start = round_number % len(PEERS)
        for name in PEERS[start:] + PEERS[:start]:
            time.sleep(args.pause)
            milliseconds = float(peers[name].ask("run"))
            if round_number >= args.warm_up:
                times[name].append(milliseconds)
    memory = {}
    for name, peer in peers.items():
        peer.ask(f"save {folder / name}.safetensors")
        memory[name] = peer.ask("memory")
        peer.end()
    differences = parity(folder)
    print("  largest differences over the largest value:")
    for pair, difference in differences.items():
        print(f"  {pair}: tokens {difference['tokens']:.1e}, class tokens {difference['class']:.1e}")
    worst = max(value for difference in differences.values() for value in difference.values())
    return {"model": model, "batch": batch, "times": times, "memory": memory, "worst": worst}, worst


class Peer:
    """A process that runs the network when told to."""

    def __init__(self, command, environment):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True, bufsize=1)
        word, _, self.about = self.answer().partition(" ")
        if word != "ready":
            sys.exit(f"error: {command[0]} says {word!r} instead of ready")

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"error: a process ended with status {self.process.wait()}")
        return line.strip()

    def end(self):
        self.process.stdin.write("quit\n")
        self.process.stdin.close()
        self.process.wait()


def parity(folder):
    """For each two libraries, the largest difference over the largest value."""
    from safetensors.numpy import load_file

    outputs = {name: load_file(folder / f"{name}.safetensors")["last_hidden_state"] for name in PEERS}
    differences = {}
    for a, b in [("medburn", "torch"), ("medburn", "onnxruntime"), ("torch", "onnxruntime")]:
        if outputs[a].shape != outputs[b].shape:
            sys.exit(f"error: {a} made {outputs[a].shape}, {b} made {outputs[b].shape}")
        differences[f"{a} and {b}"] = {
            "tokens": relative(outputs[a], outputs[b]),
            "class": relative(outputs[a][:, 0], outputs[b][:, 0]),
        }
    return differences


def relative(values, reference):
    return float(abs(values - reference).max() / abs(reference).max())


def table(rows):
    header = ["model", "batch", *(f"{name} ms" for name in PEERS), *(f"medburn / {name}" for name in PEERS[1:])]
    header += [*(f"{name} MiB" for name in PEERS), "difference"]
    print("\n| " + " | ".join(header) + " |")
    print("| --- |" + " ---: |" * (len(header) - 1))
    for row in rows:
        times, memory = row["times"], row["memory"]
        cells = [row["model"], str(row["batch"])]
        cells += [f"{statistics.median(times[name]):.1f}" for name in PEERS]
        cells += [f"{ratio(times['medburn'], times[name]):.2f}" for name in PEERS[1:]]
        cells += [f"{int(memory[n]) / 2**20:.0f}" if memory[n].isdigit() else "?" for n in PEERS]
        print("| " + " | ".join([*cells, f"{row['worst']:.0e}"]) + " |")


def ratio(times, others):
    """Of the two times of a round, the median over rounds."""
    return statistics.median(a / b for a, b in zip(times, others, strict=True))


def prepare(args):
    """Writes config.json, model.safetensors, model.onnx and input.safetensors."""
    import torch
    from safetensors.torch import save_file
    from transformers import Dinov2Config, Dinov2Model

    quiet()
    torch.manual_seed(SEED)
    # The position table of the published networks: 518 px, to be resized.
    config = Dinov2Config(**SIZES[args.models[0]], image_size=518, patch_size=14)
    model = Dinov2Model(config).eval()
    spread(model)
    model.save_pretrained(args.folder)
    images = torch.randn(args.batch[0], 3, args.size, args.size)
    save_file({"pixel_values": images}, args.folder / "input.safetensors")
    export(model, images, args.folder / "model.onnx")


def spread(model):
    """Lets the input of GELU spread by about 1, as in trained networks: the time of erf can depend on it."""
    import torch

    with torch.no_grad():
        for layer in model.encoder.layer:
            # Of normalised tokens, with transformers' initial weights.
            layer.mlp.fc1.weight /= model.config.initializer_range * model.config.hidden_size**0.5


def quiet():
    """No progress bars; no warnings that a trace holds for one shape only: it is run on that one."""
    import transformers

    transformers.utils.logging.disable_progress_bar()
    warnings.simplefilter("ignore")


def export(model, images, path):
    import importlib.util
    import torch

    class Tokens(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, pixel_values):
            return self.model(pixel_values).last_hidden_state

    names = {"input_names": ["pixel_values"], "output_names": ["last_hidden_state"]}
    # The exporter that is the default needs onnxscript.
    dynamo = importlib.util.find_spec("onnxscript") is not None
    torch.onnx.export(Tokens().eval(), (images,), str(path), dynamo=dynamo, **names)


def serve_torch(args):
    import torch
    from safetensors.torch import load_file, save_file
    from transformers import Dinov2Model

    quiet()
    torch.set_num_threads(args.threads)
    torch.set_num_interop_threads(1)
    model = Dinov2Model.from_pretrained(args.folder).eval()
    images = load_file(args.folder / "input.safetensors")["pixel_values"]

    @torch.inference_mode()
    def run():
        tokens = model(images).last_hidden_state
        return tokens, tokens[:, 0].tolist()

    def save(tokens, path):
        save_file({"last_hidden_state": tokens.contiguous()}, path)

    attention = model.config._attn_implementation
    serve(f"{torch.__version__}, {torch.get_num_threads()} threads, {attention} attention", run, save)


def serve_onnxruntime(args):
    import onnxruntime
    from safetensors.numpy import load_file, save_file

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = args.threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    path = str(args.folder / "model.onnx")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    images = load_file(args.folder / "input.safetensors")["pixel_values"]

    def run():
        (tokens,) = session.run(["last_hidden_state"], {"pixel_values": images})
        return tokens, tokens[:, 0].tolist()

    def save(tokens, path):
        save_file({"last_hidden_state": tokens}, path)

    serve(f"{onnxruntime.__version__}, {args.threads} threads", run, save)


def serve(about, run, save):
    """Answers the commands that bench-vit answers too."""
    tokens = None
    # Libraries that print must not answer.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    print(f"ready {about}", file=answers)
    for line in sys.stdin:
        command, _, path = line.strip().partition(" ")
        if command == "run":
            started = time.perf_counter()
            tokens, _ = run()
            print(f"{1e3 * (time.perf_counter() - started):.4f}", file=answers)
        elif command == "memory":
            print(peak_memory(), file=answers)
        elif command == "save":
            save(tokens, path)
            print("saved", file=answers)
        else:
            return


def peak_memory():
    """Most memory that was resident, in bytes. `getrusage` would tell that of the parent where it is more."""
    if platform.system() == "Linux":
        for line in pathlib.Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return "unknown"


if __name__ == "__main__":
    main()
