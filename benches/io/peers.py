"""A library that reads or resamples on command, as `bench-io` does (see src/main.rs), to be timed in turns by io.py.

    python benches/io/peers.py SimpleITK|nibabel|pynrrd|pydicom|MONAI|torch|bound THREADS
"""

import logging
import os
import pathlib
import sys
import time
import warnings
import zlib


class SimpleITK:
    """`ReadImage` and `ImageSeriesReader` to float32."""

    def __init__(self, threads):
        import SimpleITK

        self.sitk = SimpleITK
        SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)

    def nifti(self, path):
        return self.sitk.ReadImage(path, self.sitk.sitkFloat32)

    nrrd = metaimage = nifti

    def dicom(self, folder):
        reader = self.sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(folder))
        reader.SetOutputPixelType(self.sitk.sitkFloat32)
        return reader.Execute()

    def scan(self, folder):
        found = []
        reader = self.sitk.ImageSeriesReader
        for place, _, files in os.walk(folder):
            if files:
                found += [reader.GetGDCMSeriesFileNames(place, uid) for uid in reader.GetGDCMSeriesIDs(place)]
        return names(found)

    def prepare_resample(self, path):
        return self.nifti(path)

    def resample(self, image):
        spacing = image.GetSpacing()
        size = [round(n * s) for n, s in zip(image.GetSize(), spacing, strict=True)]
        # The outer face of the first voxels stays where it is.
        origin = image.TransformContinuousIndexToPhysicalPoint([0.5 / s - 0.5 for s in spacing])
        grid = (origin, [1.0] * 3, image.GetDirection())
        return self.sitk.Resample(image, size, self.sitk.Transform(), self.sitk.sitkLinear, *grid)

    def voxels(self, image):
        return self.sitk.GetArrayViewFromImage(image)


class Nibabel:
    """`get_fdata(dtype=float32)`."""

    def __init__(self, threads):
        import nibabel
        import numpy

        self.load, self.dtype = nibabel.load, numpy.float32

    def nifti(self, path):
        return self.load(path).get_fdata(dtype=self.dtype)

    def voxels(self, array):
        return array.T


class Pynrrd:
    """`read` and `astype(float32)`."""

    def __init__(self, threads):
        import nrrd

        self.read = nrrd.read

    def nrrd(self, path):
        return self.read(path)[0].astype("float32")

    def voxels(self, array):
        return array.T


class Pydicom:
    """`dcmread` of each file, sorted by position, `pixel_array` rescaled into one float32 array."""

    HEADER = ["SeriesInstanceUID", "ImagePositionPatient", "ImageOrientationPatient"]

    def __init__(self, threads):
        import numpy
        import pydicom

        self.numpy, self.dcmread = numpy, pydicom.dcmread

    def dicom(self, folder):
        images = [self.dcmread(file.path) for file in os.scandir(folder)]
        images.sort(key=self.position)
        volume = self.numpy.empty((len(images), images[0].Rows, images[0].Columns), self.numpy.float32)
        for k in range(len(images)):
            # What has been read is let go.
            image, images[k] = images[k], None
            slope, intercept = float(image.RescaleSlope), float(image.RescaleIntercept)
            volume[k] = image.pixel_array * slope + intercept
        return volume

    def scan(self, folder):
        series = {}
        for place, _, files in os.walk(folder):
            for file in files:
                header = self.dcmread(f"{place}/{file}", stop_before_pixels=True, specific_tags=self.HEADER)
                series.setdefault(header.SeriesInstanceUID, []).append((self.position(header), file))
        return names([[file for _, file in sorted(found)] for found in series.values()])

    def position(self, header):
        """Along the normal of the slice."""
        normal = self.numpy.cross(header.ImageOrientationPatient[:3], header.ImageOrientationPatient[3:])
        return float(normal @ header.ImagePositionPatient)

    def voxels(self, volume):
        return volume


class Monai:
    """`LoadImage(dtype=float32)` with the reader that its documentation names for the format, and `Spacing`."""

    def __init__(self, threads):
        # It says what of NVIDIA's is not installed.
        logging.disable(logging.WARNING)
        warnings.simplefilter("ignore")
        import numpy
        import torch
        from monai.transforms import LoadImage, Spacing

        torch.set_num_threads(threads)
        self.numpy = numpy
        self.nifti, self.nrrd, self.dicom = (
            LoadImage(f"{reader}Reader", image_only=True, dtype=numpy.float32)
            for reader in ["Nibabel", "Nrrd", "Pydicom"]
        )
        # The grid of the others, and in float32 as they are.
        grid = {"scale_extent": True, "padding_mode": "border"}
        self.spacing = Spacing((1.0, 1.0, 1.0), mode="bilinear", dtype=numpy.float32, **grid)

    def prepare_resample(self, path):
        return self.nifti(path)[None]

    def resample(self, image):
        return self.spacing(image)[0]

    def voxels(self, image):
        return self.numpy.asarray(image).T


class Torch:
    """`interpolate`: trilinear, anti-aliased where the grid gets coarser, which is all in the plane of the slices here."""

    def __init__(self, threads):
        import nibabel
        import numpy
        import torch

        torch.set_num_threads(threads)
        self.nibabel, self.numpy, self.torch = nibabel, numpy, torch

    def prepare_resample(self, path):
        image = self.nibabel.load(path)
        voxels = self.numpy.asarray(image.dataobj, dtype=self.numpy.float32).T
        return self.torch.from_numpy(voxels.copy()), image.header.get_zooms()[::-1]

    def resample(self, image):
        voxels, spacing = image
        size = [round(n * float(s)) for n, s in zip(voxels.shape, spacing, strict=True)]
        interpolate = self.torch.nn.functional.interpolate
        with self.torch.inference_mode():
            if size[1] >= voxels.shape[1]:
                return interpolate(voxels[None, None], size=size, mode="trilinear")[0, 0]
            planes = interpolate(voxels[None], size=size[1:], mode="bilinear", antialias=True)
            rows = planes.reshape(1, 1, len(voxels), -1)
            return interpolate(rows, size=(size[0], rows.shape[3]), mode="bilinear").reshape(size)

    def voxels(self, tensor):
        return tensor.numpy()


class Bound:
    """What no reader can do without."""

    def __init__(self, threads):
        import deflate
        import numpy

        self.deflate, self.numpy = deflate, numpy

    def prepare_inflate(self, path):
        """Where the compressed bytes start, what they are, and how many they become."""
        with open(path, "rb") as file:
            head = file.read(1 << 16)
        if path.endswith(".gz"):
            start, wrapper = 0, 31
        elif path.endswith(".nrrd"):
            start, wrapper = head.index(b"\n\n") + 2, 31
        else:
            start, wrapper = head.index(b"ElementDataFile = LOCAL\n") + 24, 15
        with open(path, "rb") as file:
            file.seek(start)
            size = len(zlib.decompress(file.read(), wrapper))
        return path, start, wrapper, size

    def inflate(self, prepared):
        """libdeflate, the whole buffer at once; reading the file included."""
        path, start, wrapper, size = prepared
        with open(path, "rb") as file:
            file.seek(start)
            data = file.read()
        inflate = self.deflate.gzip_decompress if wrapper == 31 else self.deflate.zlib_decompress
        inflate(data, size)

    def prepare_copy(self, size):
        return self.numpy.ones(int(size) // 4, self.numpy.float32)

    def copy(self, array):
        """As many bytes as the result has, once, to new memory."""
        array.copy()


PEERS = {
    "SimpleITK": SimpleITK,
    "nibabel": Nibabel,
    "pynrrd": Pynrrd,
    "pydicom": Pydicom,
    "MONAI": Monai,
    "torch": Torch,
    "bound": Bound,
}


def names(series):
    return sorted([os.path.basename(file) for file in files] for files in series)


def checksum(peer, result):
    """CRC-32 and size as `bench-io` has them."""
    if isinstance(result, list):
        text = "".join(f"{file}\n" for files in result for file in files)
        return zlib.crc32(text.encode()), 0
    if result is None:
        return 0, 0
    crc, size = 0, 0
    for plane in slices(peer, result):
        crc, size = zlib.crc32(plane, crc), size + plane.nbytes
    return crc, size


def slices(peer, result):
    """Each as it is compared: rows of columns, little-endian float32."""
    import numpy

    voxels = peer.voxels(result)
    if voxels.dtype != numpy.float32:
        raise TypeError(f"expected float32, found {voxels.dtype}")
    return (numpy.ascontiguousarray(plane, "<f4") for plane in voxels)


def prepare(peer, operation, path):
    return getattr(peer, f"prepare_{operation}", lambda path: path)(path)


def serve(peer):
    # Libraries that print must not answer.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    operations = [o for o in dir(peer) if not o.startswith("_")]
    print("ready", *operations, file=answers)
    at_hand, prepared = None, None
    for line in sys.stdin:
        command, *arguments = line.split()
        if command == "quit":
            return
        operation, path = arguments[:2]
        if at_hand != (operation, path):
            prepared = None
            prepared = prepare(peer, operation, path)
            at_hand = (operation, path)
        if command == "prepare":
            print("prepared", file=answers)
            continue
        started = time.perf_counter()
        result = getattr(peer, operation)(prepared)
        milliseconds = 1e3 * (time.perf_counter() - started)
        if command == "save":
            with pathlib.Path(arguments[2]).open("wb") as file:
                for plane in slices(peer, result):
                    file.write(plane)
        crc, size = checksum(peer, result)
        result = None
        print(f"{milliseconds:.4f} {crc:08x} {size}", file=answers)


if __name__ == "__main__":
    serve(PEERS[sys.argv[1]](int(sys.argv[2])))
