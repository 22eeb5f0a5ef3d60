"""NIfTI-2, pairs of .hdr and .img, FreeSurfer's .mgz, pictures of slices: voxels and places as their makers mean."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.volumes import read_segmentation, read_volume, write_volume
from RetrievalSAMLib.volumes.formats.header_text import header_texts

RAMP = np.arange(120, dtype=np.int16).reshape(4, 5, 6)
AFFINE = np.array([[0, -1.5, 0, 20.0], [-0.7, 0, 0, 4.0], [0, 0, 2.5, -9.0], [0, 0, 0, 1]])
SPACING_MM = (0.01, 0.02, 0.03)
NIBABEL_DATA = Path(nibabel.__file__).parent


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (nibabel.Nifti2Image, "a.nii"),
        (nibabel.Nifti2Image, "a.nii.gz"),
        (nibabel.Nifti1Pair, "a.hdr"),
        (nibabel.Nifti1Pair, "a.img"),
        (nibabel.Nifti1Pair, "a.img.gz"),
        (nibabel.MGHImage, "a.mgz"),
        (nibabel.MGHImage, "a.mgh"),
    ],
)
@pytest.mark.parametrize("dtype", ["u1", "i2", "f4"])
def test_what_nibabel_writes_is_read_as_it_reads_it(tmp_path: Path, kind: type, name: str, dtype: str) -> None:
    nibabel.save(kind(RAMP.astype(dtype), AFFINE), tmp_path / name)
    volume = read_volume(tmp_path / name)
    assert volume.voxels.dtype == dtype and np.array_equal(volume.voxels, RAMP) and volume.notes == ()
    np.testing.assert_allclose(volume.geometry.affine, np.diag([-1, -1, 1, 1]) @ AFFINE, atol=1e-5)
    assert read_segmentation(tmp_path / name).segments[-1].value == 119
    write_volume(volume, tmp_path / "again.nii.gz")
    assert volume.geometry.difference(read_volume(tmp_path / "again.nii.gz").geometry) is None
    assert header_texts(tmp_path / name) == [] or name.endswith((".nii", ".nii.gz"))


def test_scaled_values_units_and_two_places_are_heeded(tmp_path: Path) -> None:
    image = nibabel.Nifti2Image(RAMP, AFFINE)
    image.header.set_slope_inter(0.5, -3)
    image.header.set_xyzt_units("micron")
    moved = AFFINE.copy()
    moved[0, 3] += 9
    image.set_qform(moved, 1)
    image.set_sform(AFFINE, 2)
    nibabel.save(image, tmp_path / "a.nii")
    volume = read_volume(tmp_path / "a.nii")
    assert np.allclose(volume.voxels, nibabel.load(tmp_path / "a.nii").get_fdata())
    assert volume.geometry.spacing_mm == pytest.approx((0.0007, 0.0015, 0.0025))
    assert len(volume.notes) == 1 and "0.009 mm apart" in volume.notes[0]


def test_a_file_that_does_not_say_how_it_lies_is_told_or_refused(tmp_path: Path) -> None:
    image = nibabel.Nifti2Image(RAMP, AFFINE)
    image.set_qform(None, 0)
    image.set_sform(None, 0)
    nibabel.save(image, tmp_path / "a.nii")
    assert "does not say how it lies" in read_volume(tmp_path / "a.nii").notes[0]
    nibabel.save(nibabel.AnalyzeImage(RAMP, np.diag([-1, 1, 1, 1])), tmp_path / "b.img")
    for half in ("b.hdr", "b.img"):
        with pytest.raises(InputError, match=r"Analyze|without|not a"):
            read_volume(tmp_path / half)


BAD = {
    "half of a pair": ("b.hdr", lambda p: _pair(p).with_suffix(".img").unlink(), "other half, b.img"),
    "the other half": ("b.img", lambda p: _pair(p).with_suffix(".hdr").unlink(), "other half, b.hdr"),
    "pair cut short": ("b.hdr", lambda p: _cut(_pair(p).with_suffix(".img")), "cut short"),
    "mgz cut short": ("b.mgz", lambda p: _cut(_mgh(p)), "cut short"),
    "mgz damaged": ("b.mgz", lambda p: _spoilt(_mgh(p)), "damaged"),
    "mgz of time points": ("b.mgz", lambda p: _mgh(p, np.stack([RAMP] * 2, -1)), "4 dimensions (4 x 5 x 6 x 2)"),
    "text": ("b.mgz", lambda p: p.write_text("hello " * 99), "not a file of FreeSurfer"),
}


def _pair(path: Path) -> Path:
    nibabel.save(nibabel.Nifti1Pair(RAMP, AFFINE), path)
    return path


def _mgh(path: Path, voxels: np.ndarray = RAMP) -> Path:
    nibabel.save(nibabel.MGHImage(voxels, AFFINE), path)
    return path


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def _spoilt(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-6] ^= 255
    path.write_bytes(data)


@pytest.mark.parametrize("kind", BAD)
def test_what_is_damaged_is_refused(tmp_path: Path, kind: str) -> None:
    name, make, fact = BAD[kind]
    make(tmp_path / name)
    with pytest.raises(InputError) as caught:
        read_volume(tmp_path / name)
    assert fact in caught.value.fact and caught.value.thing == str(tmp_path / name)


def pages(dtype: str) -> list[Image.Image]:
    return [Image.fromarray(np.ascontiguousarray(page.T.astype(dtype))) for page in np.moveaxis(RAMP, 2, 0)]


@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "f4"])
@pytest.mark.parametrize("packed", [None, "tiff_lzw"])
def test_a_tiff_of_many_pages_is_a_volume_once_its_spacing_is_given(
    tmp_path: Path, dtype: str, packed: str | None
) -> None:
    path = tmp_path / "a.tif"
    first, *rest = pages(dtype)
    first.save(path, save_all=True, append_images=rest, compression=packed)
    with pytest.raises(InputError, match="how large a voxel is.*--spacing"):
        read_volume(path)
    volume = read_volume(path, spacing_mm=SPACING_MM)
    assert np.array_equal(volume.voxels, RAMP) and volume.voxels.dtype == dtype
    assert volume.geometry.spacing_mm == SPACING_MM and volume.geometry.orientation == "LPS"
    assert len(volume.notes) == 1 and "do not say how they lie" in volume.notes[0]


@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_a_folder_of_pictures_is_a_volume_in_the_order_of_their_numbers(tmp_path: Path, ending: str) -> None:
    for number, page in enumerate(pages("u2"), start=7):
        page.save(tmp_path / f"slice{number}{ending}")
    assert np.array_equal(read_volume(tmp_path, spacing_mm=SPACING_MM).voxels, RAMP)
    assert read_segmentation(tmp_path, spacing_mm=SPACING_MM).labelmap().max() == 119
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match="no DICOM slices"):
        read_volume(tmp_path)


def _colour(folder: Path) -> None:
    Image.new("RGB", (5, 4)).save(folder / "z.png")


def _other_size(folder: Path) -> None:
    Image.new("I;16", (6, 4)).save(folder / "z.png")


def _cut_picture(folder: Path) -> None:
    path = folder / "slice3.png"
    path.write_bytes(path.read_bytes()[:50])


def _many_pages(folder: Path) -> None:
    first, *rest = pages("u2")
    first.save(folder / "z.tif", save_all=True, append_images=rest)


@pytest.mark.parametrize(
    ("spoil", "fact"),
    [
        (_colour, "in colour"),
        (_other_size, "picture 7 is 6 x 4"),
        (_cut_picture, "cut short or damaged"),
        (_many_pages, "6 pages"),
    ],
)
def test_pictures_that_make_no_volume_are_refused(tmp_path: Path, spoil: object, fact: str) -> None:
    for number, page in enumerate(pages("u2")):
        page.save(tmp_path / f"slice{number}.png")
    spoil(tmp_path)  # type: ignore[operator]
    with pytest.raises(InputError, match=fact):
        read_volume(tmp_path, spacing_mm=SPACING_MM)


@pytest.mark.parametrize("spacing", [(0.0, 1.0, 1.0), (1.0, -1.0, 1.0), (1.0, 1.0, float("nan"))])
def test_a_spacing_that_is_none_is_refused(tmp_path: Path, spacing: tuple[float, float, float]) -> None:
    pages("u1")[0].save(tmp_path / "a.png")
    with pytest.raises(InputError, match="above zero"):
        read_volume(tmp_path / "a.png", spacing_mm=spacing)


def test_a_spacing_beside_one_that_the_file_states_is_refused(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(RAMP, AFFINE), tmp_path / "a.nii")
    with pytest.raises(InputError, match="states its own spacing"):
        read_volume(tmp_path / "a.nii", spacing_mm=SPACING_MM)


def test_the_images_that_come_with_nibabel_are_read_as_it_reads_them_or_refused() -> None:
    equal, refused = 0, 0
    for path in sorted(NIBABEL_DATA.rglob("data/*")):
        if path.suffix in (".py", ".pyc") or not path.is_file():
            continue
        try:
            volume = read_volume(path)
        except InputError:
            refused += 1
            continue
        if path.suffix == ".dcm":  # which nibabel does not load as an image
            continue
        own = np.asanyarray(nibabel.load(path).dataobj).reshape(volume.voxels.shape)
        given = volume.voxels.astype(float)
        if volume.padding is not None:
            given[volume.padding] = np.nan
        np.testing.assert_array_equal(given, own.astype(float), err_msg=path.name)
        equal += 1
    assert equal >= 4 and refused >= 17
