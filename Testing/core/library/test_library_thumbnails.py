"""Small pictures of cases."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from RetrievalSAMLib.errors import DamagedLibraryError, InputError
from RetrievalSAMLib.library import Provenance
from RetrievalSAMLib.library.thumbnails import case_thumbnail, slice_thumbnail, slice_thumbnails
from RetrievalSAMLib.volumes import Geometry, Plane, Segment, Segmentation, Volume

SIZE, RED, GREEN = 40, (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)
# Where the voxel axes point to in the patient: towards L, P, S; and the same anatomy stored the other way.
LPS = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
RAI = (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, -1.0)


def marked(direction=LPS, spacing_mm=(1.0, 1.0, 1.0)) -> tuple[Volume, Segmentation]:
    """A cube of grey noise, with a bright corner, outlined in red, at the patient's right, anterior and superior."""
    voxels = np.random.default_rng(0).integers(300, 600, (SIZE, SIZE, SIZE)).astype(np.int16)
    low, high = slice(4, 14), slice(SIZE - 14, SIZE - 4)
    corner = (low, low, high) if direction == LPS else (high, high, low)
    voxels[corner] = 1000
    labels = np.zeros(voxels.shape, np.uint8)
    labels[corner] = 1
    geometry = Geometry(voxels.shape, spacing_mm, (0.0, 0.0, 0.0), direction)
    drawn = Segmentation((Segment("Corner", 1, RED),), (labels,), (0,), (1,), geometry)
    return Volume(voxels, geometry), drawn


def pixels(path) -> np.ndarray:
    with Image.open(path) as picture:
        assert picture.format == "PNG" and picture.mode == "RGB"
        return np.asarray(picture).astype(int)


def where(picture: np.ndarray, color) -> tuple[float, float]:
    """Mean (row, column), from 0 to 1, of the pixels of a colour."""
    others = [channel for channel in range(3) if not color[channel]]
    mine = color.index(1.0)
    rows, columns = np.nonzero((picture[..., mine] > 150) & (picture[..., others].max(axis=-1) < 90))
    assert rows.size > 20
    return rows.mean() / picture.shape[0], columns.mean() / picture.shape[1]


@pytest.mark.parametrize("direction", [LPS, RAI], ids=["LPS", "RAI"])
@pytest.mark.parametrize("plane", list(Plane))
def test_slices_lie_as_slicer_shows_them_however_they_are_stored(library, tmp_path, plane, direction):
    case = library.add(*marked(direction), plane=plane)
    row, column = where(pixels(case_thumbnail(case, tmp_path / "pictures")), RED)
    # Right, anterior and superior: in every plane up and on the viewer's left.
    assert row < 0.45 and column < 0.45


def test_case_and_slice_pictures_have_their_sizes(library, tmp_path):
    case = library.add(*marked())
    assert pixels(case_thumbnail(case, tmp_path)).shape == (72, 96, 3)
    assert pixels(slice_thumbnail(case, 0, tmp_path)).shape == (128, 128, 3)


def test_the_slice_with_the_largest_annotated_area_is_shown(library, tmp_path):
    image, _ = marked()
    labels = np.zeros(image.geometry.size, np.uint8)
    labels[5:10, 5:10, 3] = 1
    labels[4:30, 4:30, 20] = 1
    labels[2:38, 2:38, 30] = 2
    drawn = Segmentation((Segment("a", 1, RED), Segment("b", 2, GREEN)), (labels,), (0, 0), (1, 2), image.geometry)
    whole = library.add(image, drawn, plane="axial")
    where(pixels(case_thumbnail(whole, tmp_path)), GREEN)
    # Slice 30 is no evidence for b there, so its mask does not count.
    part = library.add(image, drawn, plane="axial", annotated_slices={"b": [20]})
    where(pixels(case_thumbnail(part, tmp_path)), RED)


def test_a_slice_is_numbered_as_in_the_file(library, tmp_path):
    for direction, there, elsewhere in ((LPS, SIZE - 9, 9), (RAI, 9, SIZE - 9)):
        case = library.add(*marked(direction), plane="axial")
        where(pixels(slice_thumbnail(case, there, tmp_path)), RED)
        plain = pixels(slice_thumbnail(case, elsewhere, tmp_path))
        assert (plain.max(axis=-1) - plain.min(axis=-1)).max() == 0


def test_proportions_are_those_in_mm(library, tmp_path):
    case = library.add(*marked(spacing_mm=(1.0, 2.0, 1.0)), plane="axial")
    picture = pixels(slice_thumbnail(case, 0, tmp_path)).max(axis=-1) > 10
    rows, columns = picture.any(axis=1).sum(), picture.any(axis=0).sum()
    assert rows == 128 and abs(columns - 64) <= 2


def test_air_around_the_patient_is_left_out(library, tmp_path):
    image, drawn = marked()
    voxels = np.zeros((160, 160, 3), np.int16)
    voxels[60:100, 60:100] = image.voxels[:, :, 28:31]
    labels = np.zeros(voxels.shape, np.uint8)
    labels[60:100, 60:100] = drawn.labelmap()[:, :, 28:31]
    grid = replace(image.geometry, size=voxels.shape)
    case = library.add(Volume(voxels, grid), Segmentation(drawn.segments, (labels,), (0,), (1,), grid), plane="axial")
    assert (pixels(slice_thumbnail(case, 1, tmp_path)).max(axis=-1) > 10).mean() > 0.5


def test_ct_is_shown_in_a_window_of_what_is_annotated(library, tmp_path):
    """Fat and muscle, 150 HU apart among bone and air, are told apart only in a narrow window."""
    random = np.random.default_rng(0)
    voxels = random.choice(np.array([-1000, 1500], np.int16), (40, 40, 4))
    voxels[:, :20], voxels[:, 20:38] = -100, 50
    labels = np.zeros(voxels.shape, np.uint8)
    labels[5:35, 22:28] = 1
    grid = Geometry(voxels.shape, (1.0, 1.0, 4.0), (0.0, 0.0, 0.0), LPS)
    drawn = Segmentation((Segment("a", 1, RED),), (labels,), (0,), (1,), grid)
    steps = {}
    for modality in ("CT", "MR"):
        case = library.add(Volume(voxels, grid), drawn, modality=modality, plane="axial")
        picture = pixels(slice_thumbnail(case, 1, tmp_path))
        steps[modality] = picture[80, 64].mean() - picture[30, 64].mean()
    assert steps["CT"] > 80 > 30 > steps["MR"]


def test_a_picture_is_drawn_once_and_again_when_the_content_changes(library, tmp_path, make_pair):
    image, drawn = make_pair()
    case = library.add(image, drawn)
    first = case_thumbnail(case, tmp_path / "new" / "pictures")
    os.utime(first, ns=(1, 1))
    case.image_path.unlink()  # so that drawing again would fail
    assert case_thumbnail(case, first.parent) == first and first.stat().st_mtime_ns == 1
    assert [path.name for path in first.parent.iterdir()] == [first.name]
    assert case.name not in first.name
    other = library.add(image, drawn, name="same-content")
    assert case_thumbnail(other, first.parent) == first
    smaller = make_pair(names={1: "Anterior"})[1]
    corrected = library.add_version("same-content", smaller, provenance=Provenance(origin="corrected"))
    assert case_thumbnail(corrected, first.parent) != first


def test_several_slices_come_in_their_order(library, tmp_path, make_pair):
    case = library.add(*make_pair())
    several = slice_thumbnails(case, [3, 0, 3], tmp_path)
    assert several[0] == several[2] != several[1] and len(list(tmp_path.glob("*.png"))) == 2
    assert slice_thumbnail(case, 0, tmp_path) == several[1]


def test_a_slice_that_is_not_there_and_a_damaged_image_are_said(library, tmp_path, make_pair):
    case = library.add(*make_pair())
    for index in (-1, 6):
        with pytest.raises(InputError, match="no such slice.*0 to 5"):
            slice_thumbnail(case, index, tmp_path)
    case.image_path.write_bytes(b"NRRD")
    with pytest.raises(DamagedLibraryError):
        case_thumbnail(case, tmp_path)
    assert not list(tmp_path.glob("*.png"))


def test_a_folder_that_cannot_be_made_is_said(library, tmp_path, make_pair):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="pictures cannot be kept there"):
        case_thumbnail(library.add(*make_pair()), tmp_path / "file" / "pictures")
