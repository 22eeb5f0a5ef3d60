"""Readers of volumes. ITK runs native code: what crashes it ends the process, which is a failure too."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from hypothesis import strategies as st

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.volumes import read_segmentation, read_volume, write_segmentation, write_volume
from RetrievalSAMLib.volumes.reading import read_information

from .mutations import damaged_bytes, damaged_header
from .promise import Attempt, Promise, subject

_SECRET = b"SECRET" * 2000
_IMPLICIT_HEADER_BYTES = 352


def _material(folder: Path) -> Path:
    """A folder for the file that is tried; what lies beside that folder is none of its business."""
    (folder / "secret.raw").write_bytes(_SECRET)
    inside = folder / "inside"
    inside.mkdir()
    return inside


def read_all(path: Path) -> bool:
    """Everything that reads a volume, on one path."""
    read_information(path)
    valid = False
    for read in (read_volume, partial(read_segmentation, allow_empty=True)):
        try:
            found: Any = read(path)
        except InputError as error:
            assert error.fact and error.remedy and error.thing == str(path), error
            continue
        arrays = found.layers if read is not read_volume else (found.voxels,)
        for array in arrays:
            assert array.shape == found.geometry.size
            assert _SECRET[:24] not in array.tobytes(order="F"), "it shows a file outside its folder"
        assert np.isfinite(found.geometry.affine).all()
        valid = True
    return valid


def _of_file(
    name: str, write: Callable[[Path], object], damaged: Callable[[bytes], st.SearchStrategy[bytes]]
) -> Callable[[Path], tuple[st.SearchStrategy[bytes], Attempt]]:
    def make(folder: Path) -> tuple[st.SearchStrategy[bytes], Attempt]:
        path = _material(folder) / name
        write(path)
        valid = path.read_bytes()
        assert read_all(path)

        def attempt(data: bytes) -> bool:
            path.write_bytes(data)
            return read_all(path)

        return st.just(valid) | damaged(valid), attempt

    return make


def _text(separator: bytes, end: bytes) -> Callable[[bytes], st.SearchStrategy[bytes]]:
    return lambda valid: damaged_header(valid, valid.index(end) + len(end), separator)


def _metaimage(path: Path, packed: bool) -> None:
    image = sitk.GetImageFromArray(subject()[0].voxels.T)
    image.SetSpacing(subject()[0].geometry.spacing_mm)
    sitk.WriteImage(image, str(path), useCompression=packed)


def _detached(path: Path) -> None:
    """A .nhdr or .mhd with its voxels in a file beside it."""
    _metaimage(path, packed=False)


def _layers(path: Path) -> None:
    """Overlapping segments: several layers, raw."""
    _, drawn = subject()
    wide = np.zeros(drawn.geometry.size, bool)
    wide[1:8, 1:8, 1:5] = True
    write_segmentation(type(drawn).from_masks(drawn.segments, (wide, drawn.mask(1)), drawn.geometry), path)


def _series(folder: Path) -> tuple[st.SearchStrategy[tuple[int, bytes]], Attempt]:
    inside = _material(folder) / "series"
    inside.mkdir()
    volume = subject()[0]
    files = []
    for k in range(volume.geometry.size[2]):
        image = sitk.GetImageFromArray(volume.voxels.T[k : k + 1])
        image.SetSpacing(volume.geometry.spacing_mm)
        image.SetOrigin((0.0, 0.0, 4.0 * k))
        for key, value in (("0020|000e", "1.2.3"), ("0008|0060", "MR"), ("0020|0032", f"0\\0\\{4.0 * k}")):
            image.SetMetaData(key, value)
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetFileName(str(inside / f"{k}.dcm"))
        writer.Execute(image)
        files.append((inside / f"{k}.dcm").read_bytes())
    assert read_all(inside)

    def attempt(one: tuple[int, bytes]) -> bool:
        number, data = one
        (inside / f"{number}.dcm").write_bytes(data)
        try:
            return read_all(inside)
        finally:
            (inside / f"{number}.dcm").write_bytes(files[number])

    numbers = st.integers(0, len(files) - 1)
    return numbers.flatmap(lambda n: st.tuples(st.just(n), damaged_bytes(files[n], 128, len(files[n])))), attempt


def _pairs(folder: Path) -> tuple[st.SearchStrategy[tuple[bytes, bytes]], Attempt]:
    """Damaged but readable volumes on their way into a library."""
    from RetrievalSAMLib.library import SupportLibrary
    from RetrievalSAMLib.volumes import fit_to_grid

    image, drawn = folder / "image.nrrd", folder / "drawn.seg.nrrd"
    volume, segmentation = subject()
    write_volume(volume, image)
    write_segmentation(segmentation, drawn)
    valid = image.read_bytes(), drawn.read_bytes()

    def attempt(one: tuple[bytes, bytes]) -> bool:
        image.write_bytes(one[0])
        drawn.write_bytes(one[1])
        shutil.rmtree(folder / "library", ignore_errors=True)
        library = SupportLibrary.create(folder / "library")
        try:
            read = read_volume(image)
            library.add(read, fit_to_grid(read_segmentation(drawn), "drawn", read.geometry, "image"))
        except InputError:
            assert library.cases() == [] and not (library.path / ".staging").exists()
            return False
        assert library.verify() == []
        library.cases()[0].load()
        return True

    both = st.tuples(_text(b":", b"\n\n")(valid[0]), st.just(valid[1]))
    return both | st.tuples(st.just(valid[0]), _text(b":", b"\n\n")(valid[1])) | st.just(valid), attempt


_READ = "read as a volume or refused in words; within memory; no file from elsewhere"
PROMISES = (
    Promise("nrrd", f"a damaged or made-up .nrrd: {_READ}", _of_file(
        "a.nrrd", lambda path: write_volume(subject()[0], path), _text(b":", b"\n\n"))),
    Promise("seg.nrrd", f"a damaged or made-up .seg.nrrd: {_READ}", _of_file(
        "a.seg.nrrd", lambda path: write_segmentation(subject()[1], path), _text(b":", b"\n\n"))),
    Promise("layers", f"a damaged or made-up .seg.nrrd with layers: {_READ}", _of_file(
        "a.seg.nrrd", _layers, _text(b":", b"\n\n"))),
    Promise("nhdr", f"a damaged or made-up .nhdr: {_READ}", _of_file(
        "a.nhdr", _detached, lambda valid: damaged_header(valid, len(valid), b":"))),
    Promise("mha", f"a damaged or made-up .mha: {_READ}", _of_file(
        "a.mha", partial(_metaimage, packed=True), _text(b"=", b"LOCAL\n"))),
    Promise("mhd", f"a damaged or made-up .mhd: {_READ}", _of_file(
        "a.mhd", _detached, lambda valid: damaged_header(valid, len(valid), b"="))),
    Promise("nii", f"a damaged or made-up .nii: {_READ}", _of_file(
        "a.nii", lambda path: write_volume(subject()[0], path),
        lambda valid: damaged_bytes(valid, 0, _IMPLICIT_HEADER_BYTES))),
    Promise("nii.gz", f"a damaged or made-up .nii.gz: {_READ}", _of_file(
        "a.nii.gz", lambda path: write_volume(subject()[0], path), lambda valid: damaged_bytes(valid, 0, 64))),
    Promise("dicom", f"a damaged or made-up DICOM series: {_READ}", _series, weight=1.5),
    Promise("add", "a volume with an odd header is added whole, or refused with the library as it was", _pairs,
    weight=0.2),
)  # fmt: skip
