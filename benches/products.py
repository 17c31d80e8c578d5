"""Products of matrices as networks have them: the kernels here, the gemm and matrixmultiply crates under burn, and the BLAS of NumPy and PyTorch.

    .venv/bin/python benches/products.py

Weights are where they were left by the product before. Builds bench-products; needs numpy and torch.
"""

import os
import statistics
import subprocess
import time

THREADS = os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ |= {name: THREADS for name in ["OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS", "MATMUL_NUM_THREADS"]}

import numpy  # noqa: E402
import torch  # noqa: E402

from networks import build  # noqa: E402

ROUNDS = 15
SIZES = [(1, 768, 3072), (32, 768, 768), (32, 768, 3072), (32, 3072, 768), (257, 384, 384), (257, 384, 1536), (257, 1536, 384)]
SIZES += [(2056, 384, 1536), (2056, 1536, 384), (2056, 768, 3072), (784, 1152, 128), (49, 2048, 512)]


def main():
    torch.set_num_threads(int(THREADS))
    binary = build("bench-products", "--features", "ndarray")
    process = subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    print(f"{THREADS} threads, GFLOP/s; numpy {numpy.__version__}, torch {torch.__version__}\n")
    for number, size in enumerate(SIZES):
        times = ask(process, size) | {"numpy": numpy_time(size), "torch": torch_time(size)}
        if number == 0:
            print("| rows x depth x columns | " + " | ".join(times) + " |\n| --- |" + " ---: |" * len(times), flush=True)
        rows, depth, columns = size
        speeds = [f"{2e-6 * rows * depth * columns / ms:.0f}" for ms in times.values()]
        print(f"| {rows} x {depth} x {columns} | " + " | ".join(speeds) + " |", flush=True)
    process.stdin.close()
    process.wait()


def ask(process, size):
    """Milliseconds of each way of bench-products."""
    process.stdin.write("{} {} {}\n".format(*size))
    lines = iter(lambda: process.stdout.readline().strip(), "")
    return {name: float(ms) for name, ms in (line.split("\t") for line in lines)}


def numpy_time(size):
    rows, depth, columns = size
    x, weight = (numpy.random.rand(*shape).astype(numpy.float32) for shape in [(rows, depth), (depth, columns)])
    y = numpy.empty((rows, columns), numpy.float32)
    return median(lambda: numpy.matmul(x, weight, out=y))


def torch_time(size):
    rows, depth, columns = size
    # As linear layers keep it.
    x, weight = torch.rand(rows, depth), torch.rand(columns, depth)
    with torch.inference_mode():
        return median(lambda: torch.nn.functional.linear(x, weight))


def median(body):
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        body()
        times.append(1e3 * (time.perf_counter() - started))
    return statistics.median(times)


if __name__ == "__main__":
    main()
