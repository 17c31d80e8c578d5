"""Judges what medio said about a file or folder by what the references say."""

import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import references
from references import Refused

GEOMETRY_TOLERANCE = 1e-4  # mm, of the affine's numbers and of positions
# Decoders of lossy JPEG and JPEG 2000 may round, each by one level from the exact inverse transform (IEEE 1180, which T.83 builds
# on), so that two are up to two levels apart; those that are compared here are never more than one apart in grey. In colour
# two levels of Y and of Cb or Cr make 2 + 1.772 * 2 = 5.5 of blue (T.871), and one more by rounding; few pixels have that.
LOSSY_GREY, LOSSY_COLOUR, LOSSY_COLOUR_MEAN = 1.0, 6.0, 0.5


@dataclass
class Verdict:
    """`agreed`, `differs`, `refused by medio`, `refused by the reference` or `refused by both`."""

    word: str
    detail: str = ""


def values_of(item):
    """The array of an observation, slowest axis first."""
    found = item["outcome"]["read"]
    values = np.fromfile(found["dump"], dtype="<f4").reshape(found["shape"])
    Path(found["dump"]).unlink()
    return values, found["axes"]


def affine_of(item):
    affine = item["outcome"]["read"]["affine"]
    return None if affine is None else np.array(affine)


def refusal(item):
    refused = item["outcome"]["refused"]
    return refused["kind"], refused["message"]


def difference(ours, theirs, tolerance):
    """None where the arrays are equal bit for bit (one NaN for all), a text where not."""
    if ours.shape != theirs.shape:
        return f"shape {list(ours.shape)}, the reference {list(theirs.shape)}"
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    if same.all():
        return None
    with np.errstate(all="ignore"):
        apart = np.abs(ours.astype(np.float64) - theirs)
    apart = np.where(same, 0, np.nan_to_num(apart, nan=np.inf))
    # Both sides are rounded to single precision after the rescale.
    rounding = np.spacing(np.float32(np.abs(theirs[np.isfinite(theirs)]).max(initial=0))) if tolerance else 0
    if apart.max() <= tolerance + rounding and (tolerance != LOSSY_COLOUR or apart.mean() <= LOSSY_COLOUR_MEAN):
        return None
    return f"{(~same).mean():.2%} of the values, by up to {apart.max():.6g}"


def as_planes(values, axes):
    """[plane, channel, row, column] of an array with the axes t, f, c, z, y, x."""
    for axis in axes:
        if axis not in "tfczyx":
            raise ValueError(f"unknown axis {axis}")
    if "c" not in axes:
        values, axes = np.expand_dims(values, len(axes) - 2), axes[:-2] + "c" + axes[-2:]
    values = np.moveaxis(values, axes.index("c"), len(axes) - 3)
    return values.reshape((-1,) + values.shape[-3:])


def as_volumes(values, axes):
    """[volume or component, slice, row, column]: what is not in space first, in its order."""
    order = [i for i, a in enumerate(axes) if a not in "zyx"] + [axes.index(a) for a in "zyx"]
    values = values.transpose(order)
    return values.reshape((-1,) + values.shape[-3:])


def compare_affine(ours, theirs):
    if ours is None or theirs is None:
        return None
    apart = np.abs(ours - theirs).max()
    return None if apart <= GEOMETRY_TOLERANCE else f"affine apart by {apart:.6g} mm"


def judge_grid(items, reference):
    """NIfTI, NRRD, MetaImage: one array on each side."""
    refused = [refusal(i) for i in items if "refused" in i["outcome"]]
    try:
        grid = reference()
    except Refused as error:
        if refused:
            return [Verdict("refused by both", str(error))]
        return [Verdict("refused by the reference", str(error))]
    if refused:
        return [Verdict("refused by medio", f"{grid.reader} reads {grid.axes} {list(grid.values.shape)}")]
    values, axes = values_of(items[0])
    problems = [difference(as_volumes(values, axes), as_volumes(grid.values, grid.axes), 0.0)]
    problems.append(compare_affine(affine_of(items[0]), grid.affine))
    problems = [p for p in problems if p]
    return [Verdict("differs", f"{grid.reader}: " + "; ".join(problems)) if problems else Verdict("agreed", grid.reader)]


def tolerance_of(planes):
    if not planes.lossy:
        return 0.0
    return LOSSY_GREY * planes.slope if planes.planes[0].values.shape[0] == 1 else LOSSY_COLOUR


def judge_plane(values, k, affine, plane, tolerance, slack=0.0):
    """The problem of one slice against the frame that it should be; `slack` mm along the normal is what medio admits."""
    problem = difference(values, plane.values, tolerance)
    if problem or affine is None or plane.position is None:
        return problem
    position = affine[:, 3] + k * affine[:, 2]
    steps = np.abs(np.stack([affine[:, 0] - plane.along_row, affine[:, 1] - plane.along_column])).max()
    apart = max(np.abs(position - plane.position).max() - slack, steps)
    return f"place apart by {apart:.6g} mm" if apart > GEOMETRY_TOLERANCE else None


def nearest(planes, free, position):
    """The indices of free planes, the nearest to a position first; those at one place stay in file order."""
    if position is None:
        return free
    apart = lambda i: 0 if planes[i].position is None else round(float(np.abs(planes[i].position - position).max()), 3)
    return sorted(free, key=apart)


def judge_volume(item, planes, free, tolerance):
    """One volume whose slices should each be a frame of the files; uses up what it finds."""
    values, axes = values_of(item)
    slices, affine, slack = as_planes(values, axes), affine_of(item), item["outcome"]["read"]["slack_mm"]
    per_volume = slices.shape[0] if "z" not in axes else values.shape[axes.index("z")]
    files, frames = item["outcome"]["read"]["files"], item["outcome"]["read"]["frames"]
    said = len(frames) == len(slices)
    problems = []
    for k, one in enumerate(slices):
        z = k % per_volume
        candidates = [i for i in free if planes[i].frame + 1 == frames[k]] if said else free
        candidates = [i for i in candidates if planes[i].file == files[k]] if said and files else candidates
        position = None if affine is None else affine[:, 3] + z * affine[:, 2]
        found, problem = None, "no frame is left for it"
        # Frames at one place differ in echo or time; the right one has the same values.
        for i in nearest(planes, candidates, position)[:64]:
            this = judge_plane(one, z, affine, planes[i], tolerance, slack)
            if this is None:
                found, problem = i, None
                break
            if found is None:
                found, problem = i, this
        if found is not None:
            free.remove(found)
        if problem:
            problems.append(f"slice {k}: {problem}")
    if not problems:
        return Verdict("agreed", "bit for bit" if tolerance == 0 else f"within {tolerance:g}")
    more = f" (and {len(problems) - 1} more slices)" if len(problems) > 1 else ""
    return Verdict("differs", problems[0] + more)


def judge_dicom_file(items, path):
    refused = [i for i in items if "refused" in i["outcome"]]
    try:
        reference = references.dicom(path)
    except Refused as error:
        both = Verdict("refused by both", str(error))
        return [both if i in refused else Verdict("refused by the reference", str(error)) for i in items]
    planes, tolerance = reference.planes, tolerance_of(reference)
    free = list(range(len(planes)))
    dropped = dropped_of(items)
    what = f"{reference.syntax}, {reference.photometric}, {len(planes)} x {list(planes[0].values.shape)}"
    verdicts = []
    for item in items:
        if item in refused:
            verdicts.append(Verdict("refused by medio", what))
        elif is_segmentation(item):
            verdicts.append(judge_segmentation(item, path))
        else:
            verdicts.append(judge_volume(item, planes, free, tolerance))
    images = [i for i in items if not is_segmentation(i)]
    if len(free) != dropped and images and accounted(images):
        at = items.index(images[-1])
        verdicts[at] = Verdict("differs", f"{len(free)} of {len(planes)} frames are in no volume; {verdicts[at].detail}")
    return verdicts


def is_lenient(item):
    return "read" in item["outcome"] and item["outcome"]["read"]["format"] == "dicom, lenient"


def is_segmentation(item):
    return "read" in item["outcome"] and item["outcome"]["read"]["format"] == "seg"


def dropped_of(items):
    """Images that medio says it left out."""
    return sum(i["outcome"]["read"]["dropped"] for i in items if "read" in i["outcome"])


def accounted(items):
    """Whether each series was read, if only with options that accept it: then no image may be missing."""
    refused = [k for k, item in enumerate(items) if "refused" in item["outcome"]]
    return all(k + 1 < len(items) and is_lenient(items[k + 1]) for k in refused)


def judge_segmentation(item, path):
    """The segments on their grid against highdicom's volume of them."""
    values, _ = values_of(item)
    try:
        theirs, affine = references.segments(path)
    except Refused as error:
        return Verdict("refused by the reference", str(error))
    problems = [difference(values, theirs, 0.0), compare_affine(affine_of(item), affine)]
    problems = [p for p in problems if p]
    return Verdict("differs", "highdicom: " + "; ".join(problems)) if problems else Verdict("agreed", "highdicom")


def second_opinion(item, folder):
    """What readers of whole series say about the place of a volume: None where one agrees."""
    ours, files = affine_of(item), [folder / f for f in item["outcome"]["read"]["files"]]
    if ours is None or len(set(files)) < 2:
        return None
    said = []
    for name, reader in (("SimpleITK", references.series_by_sitk), ("highdicom", references.series_by_highdicom)):
        try:
            problem = compare_affine(ours, reader(files))
        except Refused as error:
            problem = str(error)
        if problem is None:
            return None
        said.append(f"{name}: {problem}")
    return "; ".join(said)


def judge_folder(items, folder):
    """The volumes of a folder: every slice a frame of the file that it names, every image in a volume or refused."""
    planes, lossy = [], []
    for file in sorted(f for f in folder.rglob("*") if f.is_file()):
        try:
            one = references.dicom(file, str(file.relative_to(folder)))
        except Refused:
            continue
        planes += one.planes
        lossy.append(tolerance_of(one))
    free, verdicts = list(range(len(planes))), []
    for item in items:
        if "refused" in item["outcome"]:
            kind, message = refusal(item)
            passed_over = message.split(": ")[0] if kind.startswith("Skipped/") else None
            both = not any(passed_over is None or passed_over.endswith(p.file) for p in planes)
            verdicts.append(Verdict("refused by both" if both else "refused by medio", f"{len(planes)} images"))
            continue
        verdict = judge_volume(item, planes, free, max(lossy, default=0.0))
        # Other readers do not take the middle of unequal steps, nor leave out what medio left out.
        if verdict.word == "agreed" and not is_lenient(item) and (opinion := second_opinion(item, folder)):
            verdict = Verdict("differs", opinion)
        verdicts.append(verdict)
    images = [i for i in items if "read" in i["outcome"] or not refusal(i)[0].startswith("Skipped/")]
    passed_over = sum(v.word == "refused by medio" for v, i in zip(verdicts, items) if i not in images)
    if len(free) != dropped_of(items) + passed_over and images and accounted(images):
        verdicts[-1] = Verdict("differs", f"{len(free)} images are in no volume; {verdicts[-1].detail}")
    return verdicts


def judge(path, items):
    """A verdict for each item that medio gave."""
    path = Path(path)
    if path.is_dir():
        return judge_folder(items, path)
    format = next((i["outcome"]["read"]["format"] for i in items if "read" in i["outcome"]), None)
    if zipfile.is_zipfile(path):
        with tempfile.TemporaryDirectory() as folder:
            zipfile.ZipFile(path).extractall(folder)
            return judge_folder(items, Path(folder))
    start = path.open("rb").read(352)
    if format in ("dicom", "dicom, lenient", "seg") or (format is None and (references.is_dicom(path) or looks_like_data_set(start))):
        return judge_dicom_file(items, path)
    if format == "nifti" or (format is None and looks_like_nifti(path, start)):
        return judge_grid(items, lambda: references.by_nibabel(path))
    return judge_grid(items, lambda: by_any(path))


def looks_like_data_set(start):
    """A DICOM data set without preamble starts with group 2 or 8."""
    return start[:2] in (b"\x02\x00", b"\x08\x00", b"\x00\x08") and len(start) > 8


def looks_like_nifti(path, start):
    names = (".nii", ".nii.gz", ".hdr", ".img")
    return start[344:347] in (b"n+1", b"ni1") or start[4:7] in (b"n+2", b"ni2") or str(path).endswith(names)


def by_any(path):
    """ITK for what it reads, nibabel for the rest."""
    if path.suffix in (".nrrd", ".nhdr", ".mha", ".mhd"):
        return references.by_sitk(path)
    return references.by_nibabel(path)
