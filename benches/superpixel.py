"""Superpixels on the CPU: medsuperpixel, scikit-image and fast-slic, timed in turns in one run, and how good they are.

    python -m venv .venv && .venv/bin/pip install "numpy<2" scipy scikit-image pillow nibabel "cython<3" "setuptools<70" wheel
    .venv/bin/pip install --no-build-isolation fast-slic
    .venv/bin/python benches/superpixel.py speed
    .venv/bin/python benches/superpixel.py quality --images FOLDER --labels FOLDER
    .venv/bin/python benches/superpixel.py quality --volume CT.nii.gz --truth LABELS.nii.gz

`speed` makes its images (nothing is downloaded) and starts one process for each library, which waits for commands, so that each round
runs every library once, in turn, while the others sleep. `quality` divides images with known objects into equal numbers of
regions, with several compactnesses for each library.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
SPEED = {
    "512 x 512": ([1, 512, 512], 3, 1000, True),
    "2048 x 2048": ([1, 2048, 2048], 3, 6000, True),
    "512 x 512 x 200": ([200, 512, 512], 1, 10000, False),
}


def scene(size, channels, seed=0):
    """Overlapping objects with texture and noise, as 8-bit channels [channel, slice, row, column]."""
    from scipy.ndimage import gaussian_filter, zoom

    random = np.random.default_rng(seed)
    image = []
    for _ in range(channels):
        total = np.zeros(size, np.float32)
        for cells, weight in ((4, 1.0), (16, 0.6), (48, 0.3)):
            coarse = random.normal(size=[min(cells, n) + 1 if n > 1 else 1 for n in size]).astype(np.float32)
            fine = zoom(coarse, [n / c for n, c in zip(size, coarse.shape)], order=1)
            total += weight * np.sign(fine) * (0.5 + np.abs(fine))
        total = gaussian_filter(total, [0 if n == 1 else 0.8 for n in size])
        total += random.normal(0, 0.1, size).astype(np.float32)
        image.append(np.clip(128 + 45 * total, 0, 255).astype(np.uint8))
    return np.stack(image)


class Ours:
    """`bench-superpixel`, in a process of its own."""

    def __init__(self, program, threads, folder):
        self.folder = pathlib.Path(folder)
        environment = dict(os.environ, RAYON_NUM_THREADS=str(threads))
        self.process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.process.stdout.readline()

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if not answer:
            sys.exit(f"bench-superpixel did not answer: {line}")
        return answer

    def load(self, array, spacing=(1, 1, 1)):
        path = self.folder / "pixels.bin"
        np.ascontiguousarray(array).tofile(path)
        kind = "u8" if array.dtype == np.uint8 else "i16"
        self.size = array.shape[1:]
        self.ask(" ".join(map(str, ["load", kind, *array.shape, *spacing, path])))

    def run(self, segments, options=""):
        return float(self.ask(f"run {segments} {options}")[0])

    def labels(self):
        path = self.folder / "labels.bin"
        self.ask(f"save {path}")
        return np.fromfile(path, "<u4").reshape(self.size).astype(np.int64)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def peer(name, threads):
    """A function (image, segments, compactness, spacing) to labels, by a library of Python."""
    if name == "scikit-image":
        from skimage.segmentation import slic

        def run(image, segments, compactness, spacing, **options):
            flat = image.shape[1] == 1
            array = np.moveaxis(image, 0, -1) if len(image) == 3 else image[0]
            axis = -1 if len(image) == 3 else None
            if flat:
                return slic(array[0], segments, compactness, spacing=spacing[1:], channel_axis=axis, **options)[None]
            return slic(array, segments, compactness, spacing=spacing, channel_axis=axis, **options)
    else:
        from fast_slic.avx2 import SlicAvx2

        def run(image, segments, compactness, spacing):
            array = np.ascontiguousarray(np.moveaxis(image[:, 0], 0, -1))
            if array.shape[-1] == 1:
                array = np.ascontiguousarray(np.repeat(array, 3, -1))
            model = SlicAvx2(num_components=segments, compactness=compactness, num_threads=threads)
            return model.iterate(array)[None].astype(np.int64)

    return run


def serve(name, threads):
    """Answers `load PATH` and `run SEGMENTS COMPACTNESS` with `loaded` and milliseconds."""
    run = peer(name, threads)
    image = None
    for line in sys.stdin:
        command, *words = line.split()
        if command == "load":
            image = np.load(words[0])
            print("loaded", flush=True)
        else:
            started = time.perf_counter()
            run(image, int(words[0]), float(words[1]), (1, 1, 1))
            print(1e3 * (time.perf_counter() - started), flush=True)


class Peer:
    def __init__(self, name, threads, folder):
        self.path = pathlib.Path(folder) / "pixels.npy"
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads))
        self.process = subprocess.Popen(
            [sys.executable, __file__, "serve", name, str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def load(self, image):
        np.save(self.path, image)
        self.ask(f"load {self.path}")

    def run(self, segments, compactness):
        return float(self.ask(f"run {segments} {compactness}"))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def speed(arguments):
    print(f"load average {os.getloadavg()[0]:.2f}")
    print("| image | threads | library | ms, median | ms, least | ours / it, median |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for threads in arguments.threads:
            for name, (size, channels, segments, flat) in SPEED.items():
                if arguments.only and name not in arguments.only:
                    continue
                image = scene(size, channels)
                compactness = 10 if channels == 3 else 0.1
                ours = Ours(arguments.program, threads, folder)
                ours.load(image)
                libraries = ["scikit-image"] + (["fast-slic"] if flat else [])
                runs = {
                    "medsuperpixel": lambda: ours.run(segments, f"compactness={compactness}"),
                    "medsuperpixel, every row": lambda: ours.run(segments, f"compactness={compactness} row_stride=1"),
                }
                peers = {library: Peer(library, threads, folder) for library in libraries}
                for library, process in peers.items():
                    process.load(image)
                    runs[library] = lambda process=process: process.run(segments, compactness)
                times = {library: [] for library in runs}
                rounds = arguments.rounds if flat else max(1, arguments.rounds // 5)
                for turn in range(rounds + (1 if flat else 0)):
                    order = list(runs)
                    for library in order[turn % len(order):] + order[: turn % len(order)]:
                        time.sleep(0.05)
                        times[library].append(runs[library]())
                if flat:
                    times = {library: found[1:] for library, found in times.items()}
                for process in [ours, *peers.values()]:
                    process.close()
                for library, found in times.items():
                    ratios = [
                        f"{statistics.median(a / b for a, b in zip(times[own], found)):.2f}"
                        for own in list(runs)[:2]
                    ]
                    ratio = " and ".join(ratios) if library in peers else ""
                    print(
                        f"| {name} | {threads} | {library} | {statistics.median(found):.1f} | {min(found):.1f} | {ratio} |",
                        flush=True,
                    )


def boundaries(labels):
    found = np.zeros(labels.shape, bool)
    for axis in range(labels.ndim):
        moved = np.moveaxis(labels, axis, 0)
        differs = moved[:-1] != moved[1:]
        view = np.moveaxis(found, axis, 0)
        view[:-1] |= differs
        view[1:] |= differs
    return found


def measures(labels, truth, tolerance):
    """Boundary recall, under-segmentation error, achievable accuracy, regions; as `medsuperpixel::Quality` has them."""
    from scipy.ndimage import maximum_filter

    labels = np.unique(labels, return_inverse=True)[1].reshape(labels.shape)
    truth = np.unique(truth, return_inverse=True)[1].reshape(truth.shape)
    size = [2 * tolerance + 1 if n > 1 else 1 for n in labels.shape]
    near = maximum_filter(boundaries(labels), size=size, mode="constant")
    reference = boundaries(truth)
    objects = truth.max() + 1
    table = np.bincount((labels * objects + truth).ravel(), minlength=(labels.max() + 1) * objects).reshape(-1, objects)
    sizes = table.sum(1, keepdims=True)
    recall = (near & reference).sum() / max(1, reference.sum())
    return recall, np.minimum(table, sizes - table).sum() / labels.size, table.max(1).sum() / labels.size, len(table)


def equal_regions(divide, wanted):
    """Labels with a number of regions within 1 % of what is wanted, or as close as a few tries come."""
    asked, best = wanted, None
    for _ in range(6):
        labels = divide(asked)
        found = len(np.unique(labels))
        if best is None or abs(found - wanted) < abs(best[0] - wanted):
            best = (found, labels)
        if abs(found - wanted) <= 0.01 * wanted:
            break
        asked = max(1, round(asked * wanted / found))
    return best[1]


def cases(arguments):
    """Images [channel, slice, row, column], objects, spacing (slice, row, column) and names."""
    if arguments.volume:
        import nibabel

        scan, truth = nibabel.load(arguments.volume), nibabel.load(arguments.truth)
        spacing = tuple(float(s) for s in scan.header.get_zooms()[:3])[::-1]
        # The window of soft tissue, in 8 bits for all.
        image = np.clip((np.asarray(scan.dataobj).T + 160) / 400 * 255, 0, 255).astype(np.uint8)
        truth = np.asarray(truth.dataobj).T.astype(np.int64)
        if arguments.slices:
            for k in range(0, len(image), arguments.slices):
                if len(np.unique(truth[k])) > 1:
                    yield image[None, k:k + 1], truth[k:k + 1], (1.0, *spacing[1:])
        else:
            yield image[None], truth, spacing
        return
    from PIL import Image

    for path in sorted(pathlib.Path(arguments.images).iterdir())[:: arguments.every]:
        image = np.asarray(Image.open(path).convert("RGB"))
        truth = np.asarray(Image.open(pathlib.Path(arguments.labels) / path.name)).astype(np.int64)
        yield np.moveaxis(image, -1, 0)[:, None], truth[None], (1, 1, 1)


def quality(arguments):
    found = {}
    libraries = {name: peer(name, 1) for name in ("scikit-image", "fast-slic")}
    with tempfile.TemporaryDirectory() as folder:
        ours = Ours(arguments.program, 2, folder)
        for image, truth, spacing in cases(arguments):
            wanted = max(2, truth.size // arguments.pixels)
            ours.load(image, spacing)
            for compactness in arguments.compactness:
                value = compactness if len(image) == 3 else compactness / 100

                def own(options):
                    def divide(n):
                        ours.run(n, f"compactness={value} {options}")
                        return ours.labels()
                    return divide

                arms = {
                    "medsuperpixel": own(""),
                    "medsuperpixel, every row": own("row_stride=1"),
                    "medsuperpixel, SLICO": own("adaptive=1"),
                    "scikit-image": lambda n: libraries["scikit-image"](image, n, value, spacing),
                    "scikit-image, SLICO": lambda n: libraries["scikit-image"](image, n, value, spacing, slic_zero=True),
                }
                if image.shape[1] == 1:
                    arms["fast-slic"] = lambda n: libraries["fast-slic"](image, n, compactness, spacing)
                for name, divide in arms.items():
                    if arguments.arms and name not in arguments.arms:
                        continue
                    labels = equal_regions(divide, wanted)
                    found.setdefault((name, compactness), []).append(measures(labels, truth, arguments.tolerance))
        ours.close()
    print("| library | compactness | boundary recall | under-segmentation error | achievable accuracy | regions |")
    print("|---|---|---|---|---|---|")
    for (name, compactness), all_measures in sorted(found.items()):
        recall, error, accuracy, regions = np.mean(all_measures, axis=0)
        print(f"| {name} | {compactness:g} | {recall:.4f} | {error:.4f} | {accuracy:.4f} | {regions:.0f} |")


def main():
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2], int(sys.argv[3]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target"))
    parser.add_argument("--program", default=str(target / "release" / "bench-superpixel"))
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("speed")
    one.add_argument("--rounds", type=int, default=15)
    one.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    one.add_argument("--only", nargs="+")
    one.set_defaults(run=speed)
    two = commands.add_parser("quality")
    two.add_argument("--images")
    two.add_argument("--labels")
    two.add_argument("--every", type=int, default=1, help="every n-th image")
    two.add_argument("--volume")
    two.add_argument("--truth")
    two.add_argument("--slices", type=int, default=0, help="every n-th slice by itself, instead of the volume")
    two.add_argument("--pixels", type=int, default=400, help="pixels per region")
    two.add_argument("--arms", nargs="+", help="some of the libraries only")
    two.add_argument("--tolerance", type=int, default=2)
    two.add_argument("--compactness", type=float, nargs="+", default=[2.5, 5, 10, 20])
    two.set_defaults(run=quality)
    arguments = parser.parse_args()
    if not pathlib.Path(arguments.program).exists():
        subprocess.run(["cargo", "build", "--release", "-p", "medburn-superpixel-benches"], cwd=HERE.parent, check=True)
    arguments.run(arguments)


main()
