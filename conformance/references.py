"""What pydicom, nibabel, SimpleITK and pynrrd make of a file.

A DICOM file becomes planes: one per frame, with its real values and its place, both by the standard. Other formats become
one array with an affine. What a reference cannot read is `Refused`, with its reason.
"""

import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import SimpleITK as sitk
from nibabel.nicom.dicomwrappers import MosaicWrapper
from pydicom.pixels import apply_color_lut, apply_modality_lut, pixel_array
from pydicom.uid import UID

warnings.simplefilter("ignore")
sitk.ProcessObject.SetGlobalWarningDisplay(False)
nibabel.imageglobals.logger.setLevel(100)
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE

LOSSY_SYNTAXES = {
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.203",
}


class Refused(Exception):
    """The reference does not read it."""


@dataclass
class Plane:
    """One frame of a DICOM file."""

    values: np.ndarray  # [channel, row, column], float32
    position: np.ndarray | None = None  # of the first pixel, LPS in mm
    along_row: np.ndarray | None = None  # step from a column to the next, LPS in mm
    along_column: np.ndarray | None = None  # step from a row to the next
    file: str = ""
    frame: int = 0


@dataclass
class Planes:
    planes: list[Plane]
    lossy: bool = False
    syntax: str = ""
    photometric: str = ""
    slope: float = 1.0


@dataclass
class Grid:
    values: np.ndarray  # slowest axis first, float32; the axes of `axes`
    axes: str
    affine: np.ndarray | None  # voxel (column, row, slice) to LPS, 3 x 4
    reader: str
    notes: list[str] = field(default_factory=list)


def short(error):
    text = re.sub(r"0x[0-9a-f]+", "0x", " ".join(str(error).split()))
    # Where SimpleITK was built.
    text = re.sub(r"/\S*/(?=ITK/Modules)", "", text)
    # Where this repository is.
    text = text.replace(str(Path(__file__).resolve().parent.parent) + "/", "")
    return f"{type(error).__name__}: {text[:160]}"


def read_dataset(path):
    try:
        return pydicom.dcmread(path)
    except pydicom.errors.InvalidDicomError:
        ds = pydicom.dcmread(path, force=True)
        if "SOPClassUID" not in ds and "PixelData" not in ds:
            raise Refused("pydicom: no DICOM file") from None
        return ds
    except Exception as error:
        raise Refused(f"pydicom: {short(error)}") from None


def first(ds, *keywords):
    """The value behind a path of sequences, of which the first item counts."""
    for keyword in keywords[:-1]:
        items = ds.get(keyword)
        if not items:
            return None
        ds = items[0]
    return ds.get(keywords[-1])


def of_frame(ds, frame, *keywords):
    """PS3.3 C.7.6.16.1.1: an attribute is in the per-frame functional groups, or in the shared ones."""
    groups = ds.get("PerFrameFunctionalGroupsSequence") or []
    if frame < len(groups) and (value := first(groups[frame], *keywords)) is not None:
        return value
    shared = ds.get("SharedFunctionalGroupsSequence") or []
    if shared and (value := first(shared[0], *keywords)) is not None:
        return value
    return None


def numbers(value, count):
    try:
        out = np.array([float(v) for v in value], dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return out if out.shape == (count,) else None


def place(ds, frame, frames):
    """Position and steps of a frame (PS3.3 C.7.6.2.1.1), or None."""
    position = numbers(of_frame(ds, frame, "PlanePositionSequence", "ImagePositionPatient"), 3)
    orientation = numbers(of_frame(ds, frame, "PlaneOrientationSequence", "ImageOrientationPatient"), 6)
    spacing = numbers(of_frame(ds, frame, "PixelMeasuresSequence", "PixelSpacing"), 2)
    if "PerFrameFunctionalGroupsSequence" not in ds:
        position = numbers(ds.get("ImagePositionPatient"), 3)
        orientation = numbers(ds.get("ImageOrientationPatient"), 6)
        spacing = numbers(ds.get("PixelSpacing"), 2)
    if position is None or orientation is None or spacing is None:
        return None
    row, column = orientation[:3], orientation[3:]
    if frames > 1 and "PerFrameFunctionalGroupsSequence" not in ds:
        # RT Dose (PS3.3 C.8.8.3.2): offsets of the frames along the normal, from the first or as z in the patient.
        offsets = ds.get("GridFrameOffsetVector")
        if offsets is None or len(offsets) != frames:
            return None
        step = float(offsets[frame]) - (float(offsets[0]) if float(offsets[0]) == 0 else position[2])
        position = position + np.cross(row, column) * step
    return position, row * spacing[1], column * spacing[0]


def rescaled(ds, values, frame):
    """Stored to real values in float64 (PS3.3 C.11.1), the frame's own transformation first (C.7.6.16.2.9)."""
    slope = of_frame(ds, frame, "PixelValueTransformationSequence", "RescaleSlope")
    intercept = of_frame(ds, frame, "PixelValueTransformationSequence", "RescaleIntercept")
    if slope is None and intercept is None:
        if ds.get("ModalityLUTSequence"):
            return apply_modality_lut(values, ds).astype(np.float64), 1.0
        slope, intercept = ds.get("RescaleSlope"), ds.get("RescaleIntercept")
        if slope in (None, "") and "DoseGridScaling" in ds:
            slope, intercept = ds.DoseGridScaling, 0
    slope = 1.0 if slope in (None, "") else float(slope)
    intercept = 0.0 if intercept in (None, "") else float(intercept)
    return values.astype(np.float64) * slope + intercept, slope


def mosaic(path, name):
    """The slices of a Siemens mosaic, cut and placed by nibabel."""
    try:
        wrapper = MosaicWrapper(read_dataset(path))
        values, affine = wrapper.get_data(), wrapper.affine
    except Exception as error:
        raise Refused(f"nibabel: {short(error)}") from None
    # Rows, columns, slices; the affine has the step from a row to the next first, and is in LPS.
    planes = []
    for k in range(values.shape[2]):
        plane = Plane(np.ascontiguousarray(values[None, :, :, k], dtype=np.float32), file=name)
        plane.position = affine[:3, 3] + k * affine[:3, 2]
        plane.along_column, plane.along_row = affine[:3, 0], affine[:3, 1]
        planes.append(plane)
    return Planes(planes, syntax="mosaic, by nibabel")


def dicom(path, name=""):
    """The frames of a file."""
    ds = read_dataset(path)
    if not any(k in ds for k in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise Refused("pydicom: no pixel data")
    try:
        syntax = ds.file_meta.TransferSyntaxUID
    except AttributeError:
        implicit, little = ds.original_encoding
        syntax = UID("1.2.840.10008.1.2" if implicit else "1.2.840.10008.1.2.1" if little else "1.2.840.10008.1.2.2")
        ds.ensure_file_meta()
        ds.file_meta.TransferSyntaxUID = syntax
    try:
        array = pixel_array(ds)
        photometric = str(ds.get("PhotometricInterpretation", ""))
        if photometric == "PALETTE COLOR":
            array = apply_color_lut(array, ds)
    except Exception as error:
        raise Refused(f"pydicom: {short(error)}") from None
    if int(ds.get("SamplesPerPixel") or 1) == 3 and int(ds.BitsStored) > 16:
        # Colours are compared by their 16 most significant bits, which is what medio gives of more.
        array = array >> (int(ds.BitsStored) - 16)
    if "MOSAIC" in ds.get("ImageType", ()):
        return mosaic(path, name)
    frames = int(ds.get("NumberOfFrames") or 1)
    array = array.reshape(frames, int(ds.Rows), int(ds.Columns), -1).transpose(0, 3, 1, 2)
    grey = array.shape[1] == 1
    planes, slope = [], 1.0
    for frame in range(frames):
        values = array[frame]
        if grey:
            try:
                values, slope = rescaled(ds, values, frame)
            except Exception as error:
                raise Refused(f"pydicom: {short(error)}") from None
        plane = Plane(np.ascontiguousarray(values, dtype=np.float32), file=name, frame=frame)
        where = place(ds, frame, frames)
        if where is not None:
            plane.position, plane.along_row, plane.along_column = where
        planes.append(plane)
    lossy = str(syntax) in LOSSY_SYNTAXES
    return Planes(planes, lossy, UID(syntax).name, photometric, abs(slope))


def ras_to_lps(affine):
    return (np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine)[:3]


def by_nibabel(path):
    """NIfTI and what else nibabel takes for an image: first index fastest, so its axes are turned round."""
    try:
        image = nibabel.load(path)
        if isinstance(image, nibabel.Cifti2Image):
            # CIFTI-2 is a NIfTI-2 file whose axes are told in an extension.
            image = nibabel.Nifti2Image.from_filename(path)
        if image.get_data_dtype().names:
            # Colour is not scaled (nifti1.h, "DATA SCALING").
            values = image.dataobj.get_unscaled()
        else:
            values = np.asanyarray(image.dataobj)
    except Exception as error:
        raise Refused(f"nibabel: {short(error)}") from None
    if not isinstance(image, nibabel.spatialimages.SpatialImage):
        raise Refused(f"nibabel: {type(image).__name__} is no image in space")
    if values.size == 0:
        raise Refused("nibabel: no voxels")
    if values.dtype.names:
        values = np.stack([values[n] for n in values.dtype.names], axis=0)
        channels = True
    else:
        channels = False
    if np.iscomplexobj(values):
        values = np.stack([values.real, values.imag], axis=0)
        channels = True
    spatial = values.shape[1:] if channels else values.shape
    shape = list(spatial) + [1] * (3 - len(spatial))
    extra = [n for n in shape[3:]]
    values = values.reshape([values.shape[0]] * channels + shape)
    axes = list(range(values.ndim))
    if channels:
        # [c, x, y, z, t...] to [t..., c, z, y, x]
        order = axes[4:][::-1] + [0, 3, 2, 1]
    else:
        order = axes[3:][::-1] + [2, 1, 0]
    values = np.ascontiguousarray(values.transpose(order), dtype=np.float32)
    count = int(np.prod(extra)) if extra else 1
    space = tuple(shape[2::-1]) if not channels else (values.shape[len(extra)],) + tuple(shape[2::-1])
    values = values.reshape((count,) + space) if count > 1 else values.reshape(space)
    names = ("t" if count > 1 else "") + ("c" if channels else "") + "zyx"
    affine = image.affine
    return Grid(values, names, None if affine is None else ras_to_lps(affine), "nibabel")


def sitk_affine(image):
    """Of three dimensions; a two-dimensional image is one slice."""
    n = min(image.GetDimension(), 3)
    direction = np.array(image.GetDirection()).reshape(image.GetDimension(), -1)[:n, :n]
    affine = np.eye(3, 4)
    affine[:n, :n] = direction * np.array(image.GetSpacing()[:n])
    affine[:n, 3] = image.GetOrigin()[:n]
    return affine


def by_sitk(path):
    """NRRD, MetaImage and what else ITK takes for an image."""
    try:
        image = sitk.ReadImage(str(path))
        values = sitk.GetArrayFromImage(image)
    except Exception as error:
        raise Refused(f"SimpleITK: {short(error)}") from None
    axes = {2: "yx", 3: "zyx", 4: "tzyx"}.get(image.GetDimension())
    if axes is None:
        raise Refused(f"SimpleITK: {image.GetDimension()} dimensions")
    if np.iscomplexobj(values):
        values = np.stack([values.real, values.imag], axis=-1)
    if values.ndim > image.GetDimension():
        axes += "c"
    if "z" not in axes:
        values, axes = np.expand_dims(values, axes.index("y")), axes.replace("yx", "zyx")
    return Grid(np.ascontiguousarray(values, dtype=np.float32), axes, sitk_affine(image), "SimpleITK")


def series_by_sitk(files):
    """The affine that ITK's series reader gives files in this order."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(f) for f in files])
    try:
        return sitk_affine(reader.Execute())
    except Exception as error:
        raise Refused(f"SimpleITK: {short(error)}") from None


def series_by_highdicom(files):
    """The affine that highdicom gives a series of regular slices."""
    import highdicom

    try:
        volume = highdicom.get_volume_from_series([pydicom.dcmread(f) for f in files])
        # Index (slice, row, column) to LPS; ours is (column, row, slice). Slices may descend: turned to ascend along the normal.
        affine = volume.affine[:3, [2, 1, 0, 3]].copy()
        if np.dot(np.cross(affine[:, 0], affine[:, 1]), affine[:, 2]) < 0:
            affine[:, 3] += (volume.spatial_shape[0] - 1) * affine[:, 2]
            affine[:, 2] *= -1
        return affine
    except Exception as error:
        raise Refused(f"highdicom: {short(error)}") from None


def segments(path):
    """The masks or fractions [segment, slice, row, column] of a segmentation, and their affine."""
    import highdicom

    try:
        volume = highdicom.seg.segread(path).get_volume(combine_segments=False, rescale_fractional=True)
    except Exception as error:
        raise Refused(f"highdicom: {short(error)}") from None
    array, affine = volume.array, volume.affine[:3, [2, 1, 0, 3]].copy()
    if np.dot(np.cross(affine[:, 0], affine[:, 1]), affine[:, 2]) < 0:
        affine[:, 3] += (array.shape[0] - 1) * affine[:, 2]
        affine[:, 2] *= -1
        array = array[::-1]
    return np.ascontiguousarray(array.transpose(3, 0, 1, 2), dtype=np.float32), affine


def is_dicom(path):
    with Path(path).open("rb") as file:
        return file.read(132)[128:] == b"DICM"
