"""Reading, scanning and resampling on the CPU: medburn and its peers, timed in turns in one run.

    python -m venv .venv && .venv/bin/pip install numpy SimpleITK nibabel pynrrd pydicom pylibjpeg pylibjpeg-libjpeg \\
        pylibjpeg-openjpeg pylibjpeg-rle deflate torch monai
    .venv/bin/python benches/io.py

Makes the files (io/inputs.py; nothing is downloaded) and starts one process for each library and task. They wait for commands
(io/src/main.rs, io/peers.py), so that each round runs every library once, in turn, while the others sleep. Checks that all
outputs agree.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "io"))
import inputs  # noqa: E402

# Who is asked, by operation; medburn always is.
PEERS = {
    "nifti": ["SimpleITK", "nibabel", "MONAI"],
    "nrrd": ["SimpleITK", "pynrrd", "MONAI"],
    "metaimage": ["SimpleITK"],
    "dicom": ["SimpleITK", "pydicom", "MONAI"],
    "scan": ["SimpleITK", "pydicom"],
    "resample": ["SimpleITK", "torch", "MONAI"],
}
TABLES = {
    "NIfTI, NRRD and MetaImage files to float32": ["nifti", "nrrd", "metaimage"],
    "DICOM, folder to float32": ["dicom"],
    "DICOM, folder to series": ["scan"],
    "Resampling 512 x 512 x 200 float32, linear": ["resample"],
}
FEWEST_ROUNDS = 3


def main():
    tasks = inputs.tasks()
    args = arguments(tasks)
    build = ["cargo", "build", "--release", "-p", "medburn-io-benches", "--message-format", "json-render-diagnostics"]
    args.binary = args.binary or built(subprocess.run(build, cwd=HERE, check=True, stdout=subprocess.PIPE).stdout)
    print(f"{args.threads} threads each; {versions()}", flush=True)
    rows, faults = [], []
    for name in args.tasks:
        print(f"{name}: {tasks[name].label}", flush=True)
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            found = compare(args, tasks[name], pathlib.Path(folder), faults)
        rows += [{"task": name, **row} for row in found]
        if args.json:
            args.json.write_text(json.dumps(rows, indent=1))
    for title, operations in TABLES.items():
        table(title, [row for row in rows if row["operation"] in operations])
    if faults:
        sys.exit("error: " + "\nerror: ".join(faults))


def arguments(tasks):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    usual = [name for name, task in tasks.items() if not task.extra]
    names = f"of {', '.join(tasks)}; those that are not run unless asked for: {', '.join(set(tasks) - set(usual))}"
    parser.add_argument("--tasks", nargs="+", choices=tasks, default=usual, metavar="TASK", help=names)
    everyone = sorted({peer for peers in PEERS.values() for peer in peers} | {"bound"})
    parser.add_argument("--peers", nargs="*", choices=everyone, default=everyone)
    parser.add_argument("--rounds", type=int, default=11)
    enough = f"seconds after which a task gets no more rounds, once it has {FEWEST_ROUNDS}"
    parser.add_argument("--enough", type=float, default=120, help=enough)
    parser.add_argument("--threads", type=int, default=2)
    pause = "seconds before each run, in which the thread pools of the others fall asleep"
    parser.add_argument("--pause", type=float, default=0.05, help=pause)
    parser.add_argument("--warm-only", action="store_true", help="no runs with files dropped from memory")
    parser.add_argument("--folder", type=pathlib.Path, help="where up to 1.1 GB of files are made; on a disk, for cold runs")
    parser.add_argument("--binary", help="a bench-io that is already built")
    parser.add_argument("--json", type=pathlib.Path, help="file for the times of every round")
    return parser.parse_args()


def built(messages):
    """The path of the binary, from cargo's messages."""
    for message in map(json.loads, messages.splitlines()):
        if message.get("executable") and message["target"]["name"] == "bench-io":
            return message["executable"]
    sys.exit("error: cargo built no bench-io")


def versions():
    packages = ["numpy", "SimpleITK", "nibabel", "pynrrd", "pydicom", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg"]
    packages += ["pylibjpeg-rle", "deflate", "torch", "monai"]
    found = []
    for package in packages:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"no {package}")
    return ", ".join(found)


def compare(args, task, folder, faults):
    """The rows of one task: with files in memory, and without."""
    environment = {**os.environ}
    for variable in ["RAYON_NUM_THREADS", "OMP_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"]:
        environment[variable] = str(args.threads)
    names = ["medburn", *(peer for peer in PEERS[task.operation] if peer in args.peers)]
    commands = {name: [sys.executable, str(HERE / "io/peers.py"), name, str(args.threads)] for name in names}
    commands["medburn"] = [args.binary]
    commands["bound"] = [sys.executable, str(HERE / "io/peers.py"), "bound", str(args.threads)]
    peers = {"medburn": Peer("medburn", commands["medburn"], environment)}
    if task.operation not in peers["medburn"].operations:
        print(f"  left out: medburn does not know {task.operation}", flush=True)
        peers["medburn"].end()
        return []
    (folder / "tiny").mkdir()
    (folder / "full").mkdir()
    tiny, full = task.write(folder / "tiny", inputs.TINY), task.write(folder / "full", task.size)
    peers |= {name: Peer(name, commands[name], environment) for name in names[1:]}
    for peer in peers.values():
        peer.warm_up(task.operation, tiny, full)
    result = peers["medburn"].bytes
    if task.bound and "bound" in args.peers:
        peers["bound"] = Peer("bound", commands["bound"], environment)
        what = result if task.bound == "copy" else full
        peers["bound"].warm_up(task.bound, tiny if task.bound == "inflate" else 4096, what)
    rows = []
    for cold in [False, True] if task.cold and not args.warm_only else [False]:
        # A copy reads no file.
        timed = {name: peer for name, peer in peers.items() if not (cold and name == "bound" and task.bound == "copy")}
        times, others = rounds(args, timed, full if cold else None)
        row = {"label": f"{task.label}, cold" if cold else task.label, "operation": task.operation}
        row |= {"times": times, "bytes": result, "others": others}
        rows.append(row | {"peak": {name: peers[name].peak for name in names}})
    faults += [f"{task.label}: {fault}" for fault in disagreements(task, peers, folder)]
    for peer in peers.values():
        peer.end()
    return rows


def rounds(args, peers, dropped):
    """Milliseconds of each, and how many CPUs other programs kept busy meanwhile."""
    names, times = list(peers), {name: [] for name in peers}
    started, busy = time.monotonic(), foreign_seconds(peers)
    for number in range(args.rounds):
        # Another one begins each round, so that none always follows the same.
        start = number % len(names)
        for name in names[start:] + names[:start]:
            if dropped:
                inputs.drop_from_memory(dropped)
            time.sleep(args.pause)
            times[name].append(peers[name].run())
        if number + 1 >= FEWEST_ROUNDS and time.monotonic() - started > args.enough:
            break
    return times, (foreign_seconds(peers) - busy) / (time.monotonic() - started)


def disagreements(task, peers, folder):
    """What is wrong with the outputs, in words."""
    libraries = [peer for name, peer in peers.items() if name != "bound"]
    first = libraries[0]
    for peer in libraries:
        if len(peer.checksums) != 1:
            yield f"{peer.name} gives another output in another run"
        if peer.bytes != first.bytes:
            yield f"{peer.name} gives {peer.bytes} bytes, {first.name} {first.bytes}"
            return
    alike = [peer for peer in libraries[1:] if not task.alike or peer.name in task.alike]
    if task.tolerance is None:
        for peer in alike:
            print(f"  {first.name} and {peer.name}: {'equal' if peer.checksums == first.checksums else 'DIFFERENT'}")
        yield from (f"{p.name} and {first.name} differ" for p in alike if p.checksums != first.checksums)
        return
    reference = first.save(folder / "reference")
    for peer in alike:
        worst = float(abs(peer.save(folder / "output") - reference).max() / abs(reference).max())
        print(f"  {first.name} and {peer.name}: largest difference over the largest value {worst:.1e}")
        if not worst <= task.tolerance:
            yield f"{peer.name} and {first.name} differ by {worst:.1e} of the largest value"


class Peer:
    """A process that works when told to."""

    def __init__(self, name, command, environment):
        self.name, self.checksums, self.bytes, self.peak = name, set(), 0, None
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True, bufsize=1)
        word, *self.operations = self.answer().split()
        if word != "ready":
            sys.exit(f"error: {name} says {word!r} instead of ready")

    def warm_up(self, operation, tiny, full):
        """Runs once, and finds the most memory that this took above what was resident before."""
        for command in ["prepare", "run"]:
            # Code and codecs that are loaded when first used are no part of the measure.
            self.ask(f"{command} {operation} {tiny}")
        self.task = f"{operation} {full}"
        self.ask(f"prepare {self.task}")
        before = self.memory("VmRSS:") if self.forget_peak() else None
        self.run()
        self.peak = self.memory("VmHWM:") - before if before is not None else None

    def run(self):
        """Milliseconds."""
        return self.result(self.ask(f"run {self.task}"))

    def save(self, path):
        """The output, as an array without shape."""
        import numpy

        self.result(self.ask(f"save {self.task} {path}"))
        return numpy.fromfile(path, "<f4")

    def result(self, answer):
        milliseconds, checksum, size = answer.split()
        self.checksums.add(checksum)
        self.bytes = int(size)
        return float(milliseconds)

    def forget_peak(self):
        """Lets the peak start again at what is resident now; false where the system does not allow it."""
        try:
            # 5 resets VmHWM: proc_pid_clear_refs(5).
            pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
            return True
        except OSError:
            return False

    def memory(self, field):
        """In bytes."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) * 1024
        return 0

    def cpu_seconds(self):
        # After the name, which may hold anything: the 12th and 13th are utime and stime: proc_pid_stat(5).
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"error: {self.name} ended with status {self.process.wait()}")
        return line.strip()

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
    names = list(dict.fromkeys(name for row in rows for name in row["peak"]))
    header = ["", *(f"{name} ms" for name in names), *(f"medburn / {name}" for name in names[1:])]
    bounded = any("bound" in row["times"] for row in rows)
    header += ["bound ms", "medburn / bound"] if bounded else []
    unit = "peak / result" if rows[0]["bytes"] else "peak MiB"
    header += [*(f"{name} {unit}" for name in names), "rounds", "CPUs busy elsewhere"]
    print(f"\n{title}\n\n| " + " | ".join(header) + " |")
    print("| --- |" + " ---: |" * (len(header) - 1))
    for row in rows:
        times = row["times"]
        cells = [row["label"]]
        cells += [median(times.get(name)) for name in names]
        cells += [ratio(times["medburn"], times.get(name)) for name in names[1:]]
        if bounded:
            cells += [median(times.get("bound")), ratio(times["medburn"], times.get("bound"))]
        cells += [memory(row["peak"].get(name), row["bytes"]) for name in names]
        cells += [str(len(times["medburn"])), f"{row['others']:.1f}"]
        print("| " + " | ".join(cells) + " |")


def median(times):
    return f"{statistics.median(times):.1f}" if times else ""


def ratio(times, others):
    """Of the two times of a round, the median over rounds."""
    return f"{statistics.median(a / b for a, b in zip(times, others, strict=True)):.2f}" if others else ""


def memory(peak, size):
    if peak is None:
        return ""
    return f"{peak / size:.2f}" if size else f"{peak / 2**20:.0f}"


if __name__ == "__main__":
    main()
