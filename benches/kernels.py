"""Speed of element-wise and row-wise operations in PyTorch: the shortest of many runs.

The shapes are those of `cargo bench -p medkernels --bench elementwise`. Needs torch.
"""

import os
import time

import torch
from torch.nn import functional as F

ROUNDS = 30


def report(name, count, body, prepare=lambda: None):
    best = float("inf")
    for _ in range(ROUNDS):
        prepare()
        start = time.perf_counter()
        body()
        best = min(best, time.perf_counter() - start)
    print(f"torch     {name:24} {best * 1e3:8.2f} ms {best * 1e9 / count:7.3f} ns/element")


def numbers(*shape):
    return torch.rand(*shape) * 8 - 4


def main():
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count())))
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, threads: {torch.get_num_threads()}, {torch.backends.cpu.get_cpu_capability()}")
    with torch.inference_mode():
        activations()
        softmax()
        norms()


def activations():
    x = numbers(8, 257, 3072)
    grad = numbers(8, 257, 3072)
    y = torch.empty_like(x)
    aten = torch.ops.aten
    forward = {
        "gelu": lambda: aten.gelu.out(x, out=y),
        "gelutanh": lambda: aten.gelu.out(x, approximate="tanh", out=y),
        "silu": lambda: aten.silu.out(x, out=y),
        "relu": lambda: torch.clamp_min(x, 0, out=y),
        "sigmoid": lambda: torch.sigmoid(x, out=y),
    }
    backward = {
        "gelu": lambda: aten.gelu_backward.grad_input(grad, x, grad_input=y),
        "gelutanh": lambda: aten.gelu_backward.grad_input(grad, x, approximate="tanh", grad_input=y),
        "silu": lambda: aten.silu_backward.grad_input(grad, x, grad_input=y),
        "relu": lambda: aten.threshold_backward.grad_input(grad, x, 0, grad_input=y),
        "sigmoid": lambda: aten.sigmoid_backward.grad_input(grad, x, grad_input=y),
    }
    for name in forward:
        report(name, x.numel(), forward[name])
        report(f"{name} backward", x.numel(), backward[name])
    z = x.clone()
    report("silu in place", x.numel(), lambda: F.silu(z, inplace=True), lambda: z.copy_(x))
    report("sigmoid in place", x.numel(), lambda: z.sigmoid_(), lambda: z.copy_(x))
    gate, value = x.chunk(2, dim=-1)
    report("swiglu", x.numel() // 2, lambda: F.silu(gate) * value)


def softmax():
    x = numbers(8, 12, 257, 257)
    grad = numbers(8, 12, 257, 257)
    y = torch.empty_like(x)
    z = torch.empty_like(x)
    aten = torch.ops.aten
    report("softmax", x.numel(), lambda: aten._softmax.out(x, -1, False, out=y))
    report("softmax backward", x.numel(), lambda: aten._softmax_backward_data.out(grad, y, -1, x.dtype, grad_input=z))


def norms():
    x = numbers(2056, 768)
    grad = numbers(2056, 768)
    gamma = numbers(768)
    report("layer norm", x.numel(), lambda: F.layer_norm(x, (768,), gamma, gamma, 1e-6))
    report("add, layer norm", x.numel(), lambda: F.layer_norm(x + grad, (768,), gamma, gamma, 1e-6))
    aten = torch.ops.aten
    _, mean, std = aten.native_layer_norm(x, [768], gamma, gamma, 1e-6)
    report(
        "layer norm backward",
        x.numel(),
        lambda: aten.native_layer_norm_backward(grad, x, [768], mean, std, gamma, gamma, [True, True, True]),
    )
    report("rms norm", x.numel(), lambda: F.rms_norm(x, (768,), gamma, 1e-6))
    report("layer scale, add", x.numel(), lambda: torch.addcmul(x, grad, gamma))


if __name__ == "__main__":
    main()
