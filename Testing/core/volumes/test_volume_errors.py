"""Bad input of every kind: each is refused by a message that names the file, the fact and the remedy."""

from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.volumes import (
    Geometry,
    Segment,
    Segmentation,
    Volume,
    check_output,
    check_same_grid,
    read_segmentation,
    read_volume,
    write_segmentation,
    write_staged,
    write_volume,
)

GRID = Geometry((4, 5, 6), (1.0, 1.0, 2.0), (0.0, 0.0, 0.0), tuple(np.eye(3).ravel()))
RAMP = np.arange(120, dtype=np.int16).reshape(4, 5, 6)


def nifti(path: Path, voxels: np.ndarray, affine: np.ndarray | None = None) -> None:
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4) if affine is None else affine), path)


def patched(path: Path, offset: int, content: bytes) -> None:
    nifti(path, RAMP)
    data = bytearray(path.read_bytes())
    data[offset : offset + len(content)] = content
    path.write_bytes(data)


def cut(path: Path, write: Callable[[Path], None], share: float = 0.5) -> None:
    write(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def itk(voxels: np.ndarray, path: Path, **options: object) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(voxels, **{"isVector": False, **options}), str(path))


def text_replaced(path: Path, old: bytes, new: bytes) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(RAMP), str(path))
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))


def noise(path: Path) -> None:
    write_volume(Volume(np.random.default_rng(0).normal(size=(20, 20, 20)), replace(GRID, size=(20, 20, 20))), path)


def sheared() -> np.ndarray:
    affine = np.eye(4)
    affine[0, 1] = 0.3
    return affine


def not_a_number(value: float) -> np.ndarray:
    voxels = RAMP.astype(np.float32)
    voxels[1, 2, 3] = value
    return voxels


IMAGES = {
    "missing": ("a.nii.gz", lambda p: None, "no such file", "spelling"),
    "no bytes": ("a.nii.gz", lambda p: p.touch(), "0 bytes", "again"),
    "unknown format": ("a.xyz", lambda p: p.write_bytes(b"\x89XYZ"), "format .xyz is not known", ".nii.gz"),
    "a picture": ("a.png", lambda p: p.write_bytes(b"\x89PNG"), "do not say how large a voxel is", "--spacing"),
    "no extension": ("a", lambda p: p.write_bytes(b"hello"), "without an extension", "Known are"),
    "an empty folder": ("a", lambda p: p.mkdir(), "no DICOM slices", "folder that holds the slices"),
    "text as nifti": ("a.nii", lambda p: p.write_text("hello " * 100), "not a NIfTI-1 file", "NRRD"),
    "text as nifti, short": ("a.nii", lambda p: p.write_text("hello"), "not a NIfTI-1 file", "Save it again"),
    "text as compressed nifti": ("a.nii.gz", lambda p: p.write_text("hello"), "not a NIfTI-1 file", "NRRD"),
    "text as nrrd": ("a.nrrd", lambda p: p.write_text("hello"), "not a .nrrd file", "again"),
    "text as metaimage": ("a.mha", lambda p: p.write_text("hello"), "not a .mha file", "again"),
    "nifti-2, cut short": (
        "a.nii",
        lambda p: cut(p, lambda p: nibabel.save(nibabel.Nifti2Image(RAMP, np.eye(4)), p), 0.9),
        "cut short",
        "again",
    ),
    "nothing but NaN": (
        "a.nii.gz",
        lambda p: nifti(p, np.full((4, 5, 6), np.nan, np.float32)),
        "all its voxels are NaN",
        "exported",
    ),
    "one value beside NaN": (
        "a.nii",
        lambda p: nifti(p, not_a_number(np.nan) * 0 + 1),
        "all its voxels are 1",
        "check",
    ),
    "nifti cut short": ("a.nii", lambda p: cut(p, noise), "cut short: 3", "again"),
    "compressed nifti cut short": (
        "a.nii.gz",
        lambda p: cut(p, noise),
        "compressed content is cut short",
        "again",
    ),
    "nrrd cut short": ("a.nrrd", lambda p: cut(p, noise), "cut short", "again"),
    "metaimage cut short": ("a.mha", lambda p: cut(p, noise), "cut short", "again"),
    "nrrd cut in its header": ("a.nrrd", lambda p: cut(p, noise, 0.001), "cut short", "again"),
    "nrrd almost whole": ("a.nrrd", lambda p: cut(p, noise, 0.999), "cut short", "again"),
    "metaimage almost whole": ("a.mha", lambda p: cut(p, noise, 0.999), "cut short", "again"),
    "nifti almost whole": ("a.nii.gz", lambda p: cut(p, noise, 0.999), "cut short", "again"),
    "4D nifti": (
        "a.nii.gz",
        lambda p: nifti(p, np.stack([RAMP] * 3, -1)),
        "4 dimensions (4 x 5 x 6 x 3)",
        "3D",
    ),
    "4D nrrd": ("a.nrrd", lambda p: itk(np.stack([RAMP] * 3), p), "dimensions (6 x 5 x 4 x 3)", "3D"),
    "4D metaimage": ("a.mha", lambda p: itk(np.stack([RAMP] * 3), p), "4 dimensions", "3D"),
    "2D nifti": ("a.nii", lambda p: nifti(p, RAMP[0]), "2 dimensions", "one slice is enough"),
    "2D nrrd": ("a.nrrd", lambda p: itk(RAMP[0], p), "2 dimensions", "one slice is enough"),
    "2D metaimage": ("a.mha", lambda p: itk(RAMP[0], p), "2 dimensions", "one slice is enough"),
    "colours, nrrd": (
        "a.nrrd",
        lambda p: itk(np.zeros((3, 4, 5, 3), np.uint8), p, isVector=True),
        "3 numbers a voxel",
        "alone",
    ),
    "colours, metaimage": (
        "a.mha",
        lambda p: itk(np.zeros((3, 4, 5, 3), np.uint8), p, isVector=True),
        "3 numbers a voxel",
        "alone",
    ),
    "colours, nifti": (
        "a.nii",
        lambda p: nifti(p, np.zeros((4, 5, 6), [("R", "u1"), ("G", "u1"), ("B", "u1")])),
        "voxels are colours",
        "one real number",
    ),
    "vectors, nifti": (
        "a.nii",
        lambda p: nifti(p, np.zeros((4, 5, 6, 1, 3), np.float32)),
        "5 dimensions",
        "3D",
    ),
    "complex, nifti": ("a.nii", lambda p: nifti(p, RAMP.astype(np.complex64)), "complex", "real number"),
    "complex, metaimage": (
        "a.mha",
        lambda p: itk(RAMP.astype(np.complex64), p),
        "2 numbers a voxel",
        "alone",
    ),
    "no voxels": ("a.nii", lambda p: patched(p, 42, struct.pack("<h", 0)), "empty", "Export"),
    "one value": (
        "a.nii.gz",
        lambda p: nifti(p, np.full((4, 5, 6), 7, np.int16)),
        "all its voxels are 7",
        "check",
    ),
    "spacing 0, nifti": (
        "a.nii",
        lambda p: patched(p, 80, struct.pack("<f", 0)),
        "spacing is 0 x 1 x 1",
        "above zero",
    ),
    "spacing below 0": ("a.nii", lambda p: patched(p, 84, struct.pack("<f", -2)), "1 x -2 x 1", "above zero"),
    "spacing NaN": (
        "a.nii",
        lambda p: patched(p, 88, struct.pack("<f", np.nan)),
        "1 x 1 x nan",
        "above zero",
    ),
    "spacing 0, metaimage": (
        "a.mha",
        lambda p: text_replaced(p, b"ElementSpacing = 1", b"ElementSpacing = 0"),
        "spacing is 0",
        "above zero",
    ),
    "spacing below 0, metaimage": (
        "a.mha",
        lambda p: text_replaced(p, b"ElementSpacing = 1", b"ElementSpacing = -1"),
        "spacing is -1",
        "zero",
    ),
    "spacing 0, nrrd": (
        "a.nrrd",
        lambda p: text_replaced(p, b"(0,0,1)", b"(0,0,0)"),
        "spacing is 1 x 1 x 0",
        "zero",
    ),
    "contradicting spacings": (
        "a.nii",
        lambda p: patched(p, 80, struct.pack("<f", 3)),
        "contradicts itself",
        "check the spacing",
    ),
    "sheared nifti": ("a.nii", lambda p: nifti(p, RAMP, sheared()), "not perpendicular", "Resample"),
    "sheared nrrd": (
        "a.nrrd",
        lambda p: text_replaced(p, b"(0,0,1)", b"(0,1,1)"),
        "not perpendicular",
        "Resample",
    ),
    "dimensions out of range": (
        "a.nii",
        lambda p: patched(p, 40, struct.pack("<h", 9)),
        "9 dimensions",
        "damaged",
    ),
}

LABELS = {
    "fractions": (
        "a.nii.gz",
        lambda p: nifti(p, RAMP.astype(np.float32) / 3),
        "not whole numbers",
        "not the image",
    ),
    "nothing but NaN": ("a.nii.gz", lambda p: nifti(p, np.full((4, 5, 6), np.nan, np.float32)), "NaN", "one segment"),
    "nothing but negative": ("a.nii.gz", lambda p: nifti(p, RAMP * 0 - 1), "120 voxels are negative", "one segment"),
    "no label": ("a.nrrd", lambda p: itk(RAMP * 0, p), "no label", "at least one segment"),
    "larger than a float can count": (
        "a.nii",
        lambda p: nifti(p, np.full((4, 5, 6), 1e17)),
        "labels up to 1e+17",
        "65535",
    ),
    "an image": (
        "a.nrrd",
        lambda p: itk(np.arange(3000, dtype=np.int16).reshape(10, 10, 30), p),
        "2999 different labels",
        "looks like an image",
    ),
    "missing": ("a.seg.nrrd", lambda p: None, "no such file", "spelling"),
    "no bytes": ("a.seg.nrrd", lambda p: p.touch(), "0 bytes", "again"),
    "text": ("a.seg.nrrd", lambda p: p.write_text("hello"), "not a .nrrd file", "again"),
    "4D": ("a.nii.gz", lambda p: nifti(p, np.stack([RAMP] * 2, -1)), "4 dimensions", "3D"),
}


def check(read: Callable, path: Path, make: Callable[[Path], object], fact: str, remedy: str) -> None:
    make(path)
    with pytest.raises(InputError) as caught:
        read(str(path))
    assert caught.value.thing == str(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert fact in caught.value.fact, caught.value.fact
    assert remedy in caught.value.remedy, caught.value.remedy
    assert caught.value.remedy.endswith(".") and "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", IMAGES)
def test_a_bad_image_is_refused(tmp_path: Path, kind: str):
    name, make, fact, remedy = IMAGES[kind]
    check(read_volume, tmp_path / name, make, fact, remedy)


@pytest.mark.parametrize("kind", LABELS)
def test_a_bad_segmentation_is_refused(tmp_path: Path, kind: str):
    name, make, fact, remedy = LABELS[kind]
    check(read_segmentation, tmp_path / name, make, fact, remedy)


def test_the_path_is_shown_as_it_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"^\./nothing\.nii: "):
        read_volume("./nothing.nii")


def test_an_empty_prediction_can_be_read_where_it_is_asked_for(tmp_path: Path):
    itk(RAMP * 0, tmp_path / "a.nrrd")
    assert read_segmentation(tmp_path / "a.nrrd", allow_empty=True).segments == ()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read and write everything")
def test_a_file_without_permission_is_refused(tmp_path: Path):
    nifti(tmp_path / "a.nii", RAMP)
    (tmp_path / "a.nii").chmod(0)
    with pytest.raises(InputError, match="cannot be opened"):
        read_volume(tmp_path / "a.nii")


def test_an_image_and_a_segmentation_on_different_grids_are_refused():
    check_same_grid(GRID, "seg.nrrd", GRID, "image.nrrd")
    with pytest.raises(InputError, match=r"^seg\.nrrd: .*grid of image\.nrrd: its size is 4 x 5 x 6.*resample"):
        check_same_grid(GRID, "seg.nrrd", replace(GRID, size=(4, 5, 7)), "image.nrrd")


SEGMENTATION = Segmentation.from_labelmap((RAMP % 3).astype(np.uint8), GRID)


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("nowhere/a.nii.gz", "folder does not exist"),
        ("a.png", "format .png cannot be written"),
        ("a", "without an extension cannot be written"),
        ("a.nhdr", "cannot be written"),
        ("folder.nii.gz", "it is a folder"),
    ],
)
def test_a_bad_output_is_refused_before_anything_is_written(tmp_path: Path, name: str, fact: str):
    (tmp_path / "folder.nii.gz").mkdir()
    before = sorted(tmp_path.rglob("*"))
    for attempt in (
        lambda p: write_segmentation(SEGMENTATION, p),
        lambda p: write_volume(Volume(RAMP, GRID), p),
        check_output,
    ):
        with pytest.raises(InputError, match=fact) as caught:
            attempt(tmp_path / name)
        assert caught.value.thing == str(tmp_path / name)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_image_cannot_be_written_as_a_segmentation(tmp_path: Path):
    with pytest.raises(InputError, match="cannot be written"):
        write_volume(Volume(RAMP, GRID), tmp_path / "a.seg.nrrd")


@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd", ".mha"])
def test_overlapping_segments_cannot_go_into_a_label_map(tmp_path: Path, ending: str):
    masks = [RAMP > 50, RAMP > 60]
    overlapping = Segmentation.from_masks((Segment("Liver", 1), Segment("Lesion", 2)), masks, GRID)
    with pytest.raises(InputError, match=r"Liver and Lesion.*\.seg\.nrrd") as caught:
        write_segmentation(overlapping, tmp_path / f"a{ending}")
    assert caught.value.thing == str(tmp_path / f"a{ending}") and not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "a.nii.gz"
    write_segmentation(SEGMENTATION, path)
    before = path.read_bytes()

    def disk_full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)
    for ending in (".nii.gz", ".nrrd", ".mha", ".seg.nrrd"):
        target = tmp_path / f"a{ending}"
        with pytest.raises(InputError, match="No space left on device.*free space"):
            write_segmentation(SEGMENTATION, target)
    assert list(tmp_path.iterdir()) == [path] and path.read_bytes() == before


def test_an_interrupted_write_leaves_nothing(tmp_path: Path):
    def interrupted(staged: Path) -> None:
        staged.write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_staged(tmp_path / "a.json", interrupted)
    assert not list(tmp_path.iterdir())


def test_an_existing_file_is_replaced(tmp_path: Path):
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(b"old"))
    write_segmentation(SEGMENTATION, tmp_path / "a.nii.gz")
    assert np.array_equal(read_segmentation(tmp_path / "a.nii.gz").labelmap(), RAMP % 3)
    assert [p.name for p in tmp_path.iterdir()] == ["a.nii.gz"]


def test_names_with_blanks_and_accents_work(tmp_path: Path):
    for ending in (".nii.gz", ".nrrd", ".mha", ".seg.nrrd"):
        path = tmp_path / f"Fälle 2024 (é).v1{ending.upper() if ending == '.nrrd' else ending}"
        write_segmentation(SEGMENTATION, path)
        assert np.array_equal(read_segmentation(path).labelmap(), RAMP % 3)
