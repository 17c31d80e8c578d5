"""The files that io.py times: a made-up CT with noise, the same at each run, in every format."""

import gzip
import os
import pathlib
from dataclasses import dataclass
from typing import Callable

import numpy as np

SEED = 20240
# Sizes are [slices, rows, columns].
CHEST = (200, 512, 512)
LONG_CHEST = (1000, 512, 512)
# To warm a process up: no time or memory to speak of.
TINY = (3, 64, 64)
SERIES_IN_SCAN, SLICES_IN_SCAN = 50, 200


@dataclass
class Task:
    """A row of the tables."""

    label: str
    # What the processes are told to do, see src/main.rs.
    operation: str
    # Writes the input to an empty folder and returns its path.
    write: Callable[[pathlib.Path, tuple], pathlib.Path]
    size: tuple = CHEST
    # What no reader can be faster than, see the class Bound of peers.py.
    bound: str | None = None
    # Also timed with files that the system no longer has in memory.
    cold: bool = False
    # Left out unless it is asked for.
    extra: bool = False
    # Who is to give the same output; None: all.
    alike: list | None = None
    # Largest difference over the largest value, where outputs are not equal bit by bit.
    tolerance: float | None = None


def chest(size, spacing):
    """A body of soft tissue with two lungs and a spine in air, 360 mm wide, with noise, in HU, as ../src/phantom.rs has it."""
    slices, rows, columns = size
    y = (np.arange(rows) + 0.5)[:, None] * 360 / rows - 180
    x = (np.arange(columns) + 0.5)[None] * 360 / columns - 180
    plane = np.full((rows, columns), -1000.0)
    for cx, cy, rx, ry, hu in [
        (0, 0, 160, 110, 40),
        (-70, 0, 50, 75, -850),
        (70, 0, 50, 75, -850),
        (0, 75, 18, 18, 400),
    ]:
        plane[((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1] = hu
    noise = np.random.default_rng(SEED)
    volume = np.empty(size, np.int16)
    for voxels in volume:
        voxels[:] = np.rint(plane + noise.normal(0, 18, plane.shape))
    # One value that is far from all others, at one place: flips and shifts do not go unseen.
    volume[1, 2, 3] = 2000
    return volume, spacing


def plain_chest(size):
    return chest(size, (360 / size[2], 360 / size[1], 1.5))


def nifti(folder, size, dtype=np.int16, spacing=None):
    import nibabel

    voxels, spacing = chest(size, spacing) if spacing else plain_chest(size)
    # LPS to RAS: x and y are negated.
    affine = np.diag([-spacing[0], -spacing[1], spacing[2], 1])
    path = folder / "ct.nii"
    nibabel.save(nibabel.Nifti1Image(voxels.astype(dtype).T, affine), path)
    return path


def nifti_float(folder, size):
    return nifti(folder, size, np.float32)


def nifti_gzip(folder, size):
    plain = nifti(folder, size)
    path = folder / "ct.nii.gz"
    path.write_bytes(gzip.compress(plain.read_bytes(), 6, mtime=0))
    plain.unlink()
    return path


def nifti_finer_target(folder, size):
    """Voxels of more than 1 mm along each axis, such that 1 mm divides the field of view."""
    return nifti(folder, size, np.float32, (1.171875, 1.171875, 1.5))


def nifti_coarser_target(folder, size):
    """Pixels of less than 1 mm, slices of more, such that 1 mm divides the field of view."""
    return nifti(folder, size, np.float32, (0.703125, 0.703125, 1.5))


def by_simpleitk(folder, size, name, compress):
    import SimpleITK as sitk

    voxels, spacing = plain_chest(size)
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing(spacing)
    sitk.WriteImage(image, folder / name, compress)
    return folder / name


def nrrd(folder, size):
    return by_simpleitk(folder, size, "ct.nrrd", False)


def nrrd_gzip(folder, size):
    return by_simpleitk(folder, size, "ct.nrrd", True)


def metaimage(folder, size):
    return by_simpleitk(folder, size, "ct.mha", False)


def metaimage_compressed(folder, size):
    return by_simpleitk(folder, size, "ct.mha", True)


def dicom(folder, size, encode=None):
    """A series of CT images; file names are in another order than positions."""
    voxels, spacing = plain_chest(size)
    names = np.random.default_rng(SEED).permutation(len(voxels))
    folder = folder / "series"
    folder.mkdir()
    for k, pixels in enumerate(voxels):
        image = ct_image(1, k, size, spacing)
        stored = (pixels + 1024).astype("<i2")
        image.PixelData = stored.tobytes()
        if encode:
            encode(image, stored)
        image.save_as(folder / f"{names[k]:06}.dcm", enforce_file_format=True)
    return folder


def dicom_rle(folder, size):
    from pydicom.uid import RLELossless

    return dicom(folder, size, lambda image, _: image.compress(RLELossless))


def dicom_jpeg2000(folder, size):
    from pydicom.uid import JPEG2000Lossless

    return dicom(folder, size, lambda image, _: image.compress(JPEG2000Lossless))


def dicom_jpeg_lossless(folder, size):
    """JPEG lossless (process 14, selection value 1). pydicom has no encoder for it; that of GDCM is in SimpleITK."""
    import SimpleITK as sitk
    from pydicom import dcmread
    from pydicom.encaps import encapsulate, get_frame
    from pydicom.uid import JPEGLosslessSV1

    writer = sitk.ImageFileWriter()
    file = str(folder / "frame.dcm")
    writer.SetFileName(file)
    writer.SetUseCompression(True)
    writer.SetCompressor("JPEG")

    def encode(image, stored):
        writer.Execute(sitk.GetImageFromArray(stored[None]))
        written = dcmread(file)
        if written.file_meta.TransferSyntaxUID != JPEGLosslessSV1:
            raise RuntimeError(f"GDCM wrote {written.file_meta.TransferSyntaxUID.name}")
        image.PixelData = encapsulate([get_frame(written.PixelData, 0, number_of_frames=1)])
        image["PixelData"].VR = "OB"
        image["PixelData"].is_undefined_length = True
        image.file_meta.TransferSyntaxUID = JPEGLosslessSV1

    return dicom(folder, size, encode)


def dicom_tree(folder, size):
    """Series, each in a folder of its own. The pixels are holes: on the disk a file is as long as its header."""
    slices, rows, columns = size
    count = SERIES_IN_SCAN if size != TINY else 2
    folder = folder / "studies"
    names = np.random.default_rng(SEED)
    for number in range(1, count + 1):
        series = folder / f"series{number:03}"
        series.mkdir(parents=True)
        order = names.permutation(slices)
        for k in range(slices):
            image = ct_image(number, k, size, (360 / columns, 360 / rows, 1.5))
            path = series / f"{number:03}{order[k]:06}.dcm"
            image.save_as(path, enforce_file_format=True)
            header = path.stat().st_size
            with open(path, "ab") as file:
                # Tag, VR and length of PixelData.
                file.write(b"\xe0\x7f\x10\x00OW\0\0" + (2 * rows * columns).to_bytes(4, "little"))
                file.truncate(header + 12 + 2 * rows * columns)
    return folder


def ct_image(series, k, size, spacing):
    """A CT image without pixels. Identifiers are made up."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = CTImageStorage
    uid = f"2.25.{SEED}.{series}"
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = f"{uid}.1.{k + 1}"
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.StudyDate = image.SeriesDate = image.AcquisitionDate = image.ContentDate = "20240101"
    image.StudyTime = image.SeriesTime = image.AcquisitionTime = image.ContentTime = "120000"
    image.AccessionNumber = ""
    image.Modality = "CT"
    image.Manufacturer = "medburn"
    image.ReferringPhysicianName = ""
    image.StudyDescription = "phantom"
    image.SeriesDescription = f"phantom {series}"
    image.PatientName = "phantom"
    image.PatientID = "phantom"
    image.PatientBirthDate = image.PatientSex = ""
    image.BodyPartExamined = "CHEST"
    image.SliceThickness = spacing[2]
    image.KVP = 120
    image.DataCollectionDiameter = 500
    image.ReconstructionDiameter = 360
    image.DistanceSourceToDetector = 1000
    image.GantryDetectorTilt = 0
    image.TableHeight = 150
    image.RotationDirection = "CW"
    image.ExposureTime = 500
    image.XRayTubeCurrent = 200
    image.Exposure = 100
    image.FilterType = "NONE"
    image.ConvolutionKernel = "STANDARD"
    image.PatientPosition = "HFS"
    image.StudyInstanceUID = f"2.25.{SEED}"
    image.SeriesInstanceUID = uid
    image.StudyID = "1"
    image.SeriesNumber = series
    image.AcquisitionNumber = 1
    image.InstanceNumber = k + 1
    image.ImagePositionPatient = [-180, -180, 1.5 * k]
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.FrameOfReferenceUID = f"{uid}.2"
    image.PositionReferenceIndicator = ""
    image.SliceLocation = 1.5 * k
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.Rows, image.Columns = size[1:]
    # [between rows, between columns]
    image.PixelSpacing = [spacing[1], spacing[0]]
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit = 15
    image.PixelRepresentation = 1
    image.WindowCenter, image.WindowWidth = 40, 400
    image.RescaleIntercept, image.RescaleSlope, image.RescaleType = -1024, 1, "HU"
    return image


def drop_from_memory(path):
    """Asks the system to forget what it has in memory of a file or of those in a folder. A disk may have a memory of its own."""
    files = [path] if path.is_file() else [f for f in path.rglob("*") if f.is_file()]
    for file in files:
        descriptor = os.open(file, os.O_RDONLY)
        try:
            # What is not on the disk yet stays in memory.
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def tasks():
    cubic = (256, 256, 256)
    table = {
        "nii-gz-256": Task(".nii.gz int16, 256 x 256 x 256", "nifti", nifti_gzip, cubic, "inflate"),
        "nii-gz": Task(".nii.gz int16, 512 x 512 x 200", "nifti", nifti_gzip, bound="inflate", cold=True),
        "nii": Task(".nii int16", "nifti", nifti, bound="copy", cold=True),
        "nii-float": Task(".nii float32", "nifti", nifti_float, bound="copy"),
        "nrrd": Task(".nrrd int16", "nrrd", nrrd, bound="copy"),
        "nrrd-gz": Task(".nrrd gzip int16", "nrrd", nrrd_gzip, bound="inflate"),
        "mha": Task(".mha int16", "metaimage", metaimage, bound="copy"),
        "mha-z": Task(".mha compressed int16", "metaimage", metaimage_compressed, bound="inflate"),
    }
    encodings = {
        "native": ("uncompressed", dicom),
        "rle": ("RLE", dicom_rle),
        "jpeg": ("JPEG lossless", dicom_jpeg_lossless),
        "jpeg2000": ("JPEG 2000 lossless", dicom_jpeg2000),
    }
    for size in [CHEST, LONG_CHEST]:
        for name, (words, write) in encodings.items():
            native = name == "native"
            options = {"bound": "copy" if native else None, "cold": native and size == CHEST}
            label = f"DICOM {words}, {size[0]:,} slices"
            extra = size == LONG_CHEST and not native
            table[f"{name}-{size[0]}"] = Task(label, "dicom", write, size, extra=extra, **options)
    scanned = (SLICES_IN_SCAN, *CHEST[1:])
    label = f"folder of {SERIES_IN_SCAN * SLICES_IN_SCAN:,} files in {SERIES_IN_SCAN} series"
    table["scan"] = Task(label, "scan", dicom_tree, scanned, cold=True)
    label = "1.17 x 1.17 x 1.5 mm to 1 mm"
    table["finer"] = Task(label, "resample", nifti_finer_target, tolerance=1e-4)
    label = "0.70 x 0.70 x 1.5 mm to 1 mm"
    table["coarser"] = Task(label, "resample", nifti_coarser_target, tolerance=1e-4, alike=["medburn", "torch"])
    return table
