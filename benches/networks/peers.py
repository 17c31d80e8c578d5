"""The processes of networks.py: makes a network, or runs it in PyTorch or onnxruntime on command (see src/commands.rs)."""

import argparse
import os
import pathlib
import platform
import sys
import time
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import models  # noqa: E402

# Of training: as in src/training.rs, with the constants that PyTorch has by default.
LEARNING_RATE = 1e-4
ONNX = "model.onnx"
ONNX_INT8 = "model-int8.onnx"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("role", choices=["prepare", "torch", "train", "onnxruntime", "onnxruntime-int8"])
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--model", choices=models.MODELS, required=True)
    parser.add_argument("--size", type=int, default=0)
    parser.add_argument("--batch", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--onnx", action="store_true", help="prepares for onnxruntime too")
    parser.add_argument("--int8", action="store_true", help="and for it in 8 bits")
    args = parser.parse_args()
    if not args.role.startswith("onnxruntime"):
        quiet()
    if args.role == "prepare":
        models.prepare(args.folder, args.model, args.size, args.batch)
        if args.onnx:
            export(args)
        if args.int8:
            quantize(args.folder)
    elif args.role == "onnxruntime-int8":
        serve_onnxruntime(args, ONNX_INT8)
    else:
        {"torch": infer, "train": train, "onnxruntime": serve_onnxruntime}[args.role](args)


def quiet():
    """No progress bars; no warnings that a trace holds for one shape only: it is run on that one."""
    import transformers

    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    warnings.simplefilter("ignore")


def export(args):
    import importlib.util
    import torch

    network, inputs = models.MODELS[args.model].network, read_input(args.folder)

    class Output(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = models.load(args.folder, args.model)

        def forward(self, values):
            return models.run(network, self.model, {key: values})

    (key, values), = inputs.items()
    names = {"input_names": [key], "output_names": ["output"]}
    # The exporter that is the default needs onnxscript. It must not print.
    dynamo = importlib.util.find_spec("onnxscript") is not None
    torch.onnx.export(Output().eval(), (values,), str(args.folder / ONNX), dynamo=dynamo, verbose=False, **names)


def quantize(folder):
    """Products in 8 bits as onnxruntime does them without calibration: weights by channel, activations by tensor and in each pass."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    options = {"weight_type": QuantType.QInt8, "per_channel": True, "op_types_to_quantize": ["MatMul", "Gemm"]}
    quantize_dynamic(folder / ONNX, folder / ONNX_INT8, **options)


def read_input(folder):
    from safetensors.torch import load_file

    return {key: values for key, values in load_file(folder / models.FILE).items() if key != "targets"}


def start_torch(args):
    """The network, its input and what there is to say."""
    import torch

    torch.set_num_threads(args.threads)
    torch.set_num_interop_threads(1)
    model = models.load(args.folder, args.model)
    attention = getattr(getattr(model, "config", None), "_attn_implementation", "no")
    about = f"{torch.__version__}, {torch.get_num_threads()} threads, {attention} attention"
    return model, read_input(args.folder), about


def infer(args):
    import torch
    from safetensors.torch import save_file

    network = models.MODELS[args.model].network
    model, inputs, about = start_torch(args)
    model.eval()

    @torch.inference_mode()
    def run(_):
        models.run(network, model, inputs)

    @torch.inference_mode()
    def save(path):
        save_file({"output": models.run(network, model, inputs).contiguous()}, path)
        return "saved"

    serve(about, run, {"save": save})


def train(args):
    import torch
    from safetensors.torch import load_file

    network = models.MODELS[args.model].network
    model, inputs, about = start_torch(args)
    targets = load_file(args.folder / models.FILE)["targets"]
    model.train()
    parameters = model.parameters()
    if network == "resnet":
        optimizer = torch.optim.SGD(parameters, lr=LEARNING_RATE, momentum=0.9, fused=True)
    else:
        optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, fused=True)

    def gradients():
        optimizer.zero_grad(set_to_none=True)
        loss = torch.nn.functional.mse_loss(models.run(network, model, inputs), targets)
        loss.backward()
        return loss.item()

    def run(_):
        gradients()
        optimizer.step()

    def check(_):
        loss = gradients()
        norm = torch.nn.utils.get_total_norm([p.grad.double() for p in model.parameters() if p.grad is not None])
        optimizer.step()
        return f"{loss:.9e} {norm.item():.9e}"

    serve(f"{about}, fused {type(optimizer).__name__}", run, {"check": check})


def serve_onnxruntime(args, name=ONNX):
    import onnxruntime
    from safetensors.numpy import load_file, save_file

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = args.threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    path = str(args.folder / name)
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    inputs = {key: values for key, values in load_file(args.folder / models.FILE).items() if key != "targets"}

    def run(_):
        session.run(["output"], inputs)

    def save(path):
        save_file({"output": session.run(["output"], inputs)[0]}, path)
        return "saved"

    serve(f"{onnxruntime.__version__}, {args.threads} threads", run, {"save": save})


def serve(about, run, others):
    """Answers the commands that bench-network answers too."""
    # Libraries that print must not answer.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    print(f"ready {about}", file=answers)
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        if command == "run":
            started = time.perf_counter()
            run(argument)
            print(f"{1e3 * (time.perf_counter() - started):.4f}", file=answers)
        elif command == "memory":
            print(peak_memory(), file=answers)
        elif command in others:
            print(others[command](argument), file=answers)
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
