"""Points and boxes: how files are read, and where positions in mm lie in slices, on any grid."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from made_up_cases import GEOMETRY, SEGMENTS

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.segmentation.prompts.points_and_boxes import (
    BoxPrompt,
    PersonsPrompts,
    PlacedBox,
    PointPrompt,
    check_rivals,
    place_prompts,
    read_prompts,
)
from RetrievalSAMLib.volumes import Geometry, Plane, SliceFrame

ANGLE = np.deg2rad(20)
TURN = np.array([[np.cos(ANGLE), -np.sin(ANGLE), 0], [np.sin(ANGLE), np.cos(ANGLE), 0], [0, 0, 1]])
TILT = np.array([[1, 0, 0], [0, np.cos(ANGLE), -np.sin(ANGLE)], [0, np.sin(ANGLE), np.cos(ANGLE)]])
GRIDS = [
    pytest.param(
        Geometry((7, 9, 5), (0.8, 1.3, 3.0), (-20.0, 13.0, 4.0), tuple((turn @ signed).ravel().tolist())),
        id=f"{'oblique ' * (turn is not EYE)}{order}{signs}",
    )
    for EYE in [np.eye(3)]
    for turn in (EYE, TURN @ TILT)
    for order in permutations(range(3))
    for signs in ((1, 1, 1), (-1, 1, -1), (-1, -1, -1))
    for signed in [np.eye(3)[:, order] * signs]
]


def point(position: tuple[float, ...], positive: bool = True, segment: str = "Large") -> PointPrompt:
    x, y, z = position
    return PointPrompt(segment, (x, y, z), positive)


@pytest.mark.parametrize("plane", Plane)
@pytest.mark.parametrize("geometry", GRIDS)
def test_a_point_lies_where_the_image_library_says(geometry: Geometry, plane: Plane) -> None:
    image = sitk.Image(list(geometry.size), sitk.sitkUInt8)
    image.SetSpacing(geometry.spacing_mm)
    image.SetOrigin(geometry.origin_mm)
    image.SetDirection(geometry.direction)
    frame = SliceFrame(geometry, plane)
    for voxel in ((0, 0, 0), (6, 8, 4), (2, 5, 1)):
        marked = np.zeros(geometry.size, dtype=bool)
        marked[voxel] = True
        within = np.array(voxel) + (0.3, -0.4, 0.2)  # not its middle
        position = image.TransformContinuousIndexToPhysicalPoint(within.tolist())
        ((value, slices),) = place_prompts(PersonsPrompts((point(position),)), frame, SEGMENTS).items()
        ((index, on_slice),) = slices.items()
        assert value == 1
        (placed,) = on_slice.points
        assert frame.to_slices(marked)[(index, *placed.pixel)]
        # And in the slice, from the outer corner in mm: half a pixel more than from the middle of the first one.
        spacing = (frame.row_spacing_mm, frame.column_spacing_mm)
        assert all(int(mm / s) == p for mm, s, p in zip(placed.place_mm, spacing, placed.pixel, strict=True))


@pytest.mark.parametrize("geometry", GRIDS)
def test_a_box_holds_the_same_voxels_whichever_corners_are_given(geometry: Geometry) -> None:
    frame = SliceFrame(geometry, Plane.AXIAL)
    marked = np.zeros(geometry.size, dtype=bool)
    _, row_axis, column_axis = frame.plane_axis, frame.row_axis, frame.column_axis
    low, high = np.array([2, 2, 2]), np.array([2, 2, 2])
    high[row_axis], high[column_axis] = 3, 4
    marked[tuple(slice(a, b + 1) for a, b in zip(low, high, strict=True))] = True
    ends = np.array([low, high], dtype=float)
    swapped = ends.copy()
    swapped[:, row_axis] = ends[::-1, row_axis]
    for corners in (ends, ends[::-1], swapped):
        first, last = (tuple(c) for c in geometry.index_to_lps(corners).tolist())
        ((_, slices),) = place_prompts(
            PersonsPrompts((), (BoxPrompt("large", (first, last)),)), frame, SEGMENTS
        ).items()
        ((index, on_slice),) = slices.items()
        assert on_slice.box is not None
        inside = on_slice.box.inside(frame.shape[1:], (frame.row_spacing_mm, frame.column_spacing_mm))
        assert np.array_equal(inside, frame.to_slices(marked)[index]) and marked.sum() == inside.sum()


def test_a_box_between_slices_lies_in_the_nearest_and_one_over_the_edge_ends_there() -> None:
    frame = SliceFrame(GEOMETRY, Plane.AXIAL)
    corners = GEOMETRY.index_to_lps(np.array([[40.0, 3.0, 4.2], [60.0, 5.0, 5.2]])).tolist()
    box = BoxPrompt("Small", (tuple(corners[0]), tuple(corners[1])))
    on_slice = place_prompts(PersonsPrompts((), (box,)), frame, SEGMENTS)[2][5]
    assert on_slice.box is not None
    inside = on_slice.box.inside((48, 48), (1.0, 1.0))
    assert inside.any(axis=1).nonzero()[0].tolist() == [3, 4, 5] and inside[3].nonzero()[0].tolist() == [*range(40, 48)]


def test_a_box_smaller_than_a_pixel_is_that_pixel() -> None:
    frame = SliceFrame(GEOMETRY, Plane.AXIAL)
    corners = GEOMETRY.index_to_lps(np.array([[10.2, 20.1, 3.0], [10.3, 20.2, 3.0]])).tolist()
    placed = place_prompts(
        PersonsPrompts((), (BoxPrompt("Small", (tuple(corners[0]), tuple(corners[1]))),)), frame, SEGMENTS
    )
    box = placed[2][3].box
    assert box is not None
    assert np.argwhere(box.inside((48, 48), (1.0, 1.0))).tolist() == [[20, 10]]
    assert box.outer((48, 48), (1.0, 1.0)) == PlacedBox((20.0, 10.0), (21.0, 11.0))


def test_the_outer_edges_of_a_box_are_those_of_the_pixels_that_it_holds() -> None:
    box = PlacedBox((1.2, 0.4), (7.6, 9.0))  # middles of rows 1 to 3 at 3, 5, 7; of columns 0 to 5 at 0.75, 2.25, ...
    assert box.outer((10, 10), (2.0, 1.5)) == PlacedBox((2.0, 0.0), (8.0, 9.0))


def write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


FILE = {
    "points": [{"segment": "Large", "position_mm": [1, 2.5, -3], "positive": True}],
    "boxes": [{"segment": "Small", "corners_mm": [[0, 0, 1], [4, 5, 1]]}],
    "coordinate_system": "LPS",
}


def test_a_file_is_read_in_either_coordinate_system(tmp_path: Path) -> None:
    left = read_prompts(write(tmp_path / "lps.json", FILE))
    assert left.points == (point((1, 2.5, -3)),)
    assert left.boxes == (BoxPrompt("Small", ((0, 0, 1), (4, 5, 1))),)
    right = read_prompts(write(tmp_path / "ras.json", FILE | {"coordinate_system": "RAS"}))
    assert right.points == (point((-1, -2.5, -3)),)
    assert right.boxes == (BoxPrompt("Small", ((0, 0, 1), (-4, -5, 1))),)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"coordinate_system": "XYZ"}, "coordinate_system"),
        ({"coordinate_system": None}, "coordinate_system"),
        ({"points": [], "boxes": []}, "neither points nor boxes"),
        ({"point": []}, "unknown field `point`"),
        ({"points": [{"segment": "Large", "position_mm": [1, 2], "positive": True}]}, "position_mm"),
        ({"points": [{"segment": "Large", "position_mm": [1, 2, "3"], "positive": True}]}, "position_mm"),
        ({"points": [{"segment": "Large", "position_mm": [1, 2, 3], "positive": 1}]}, "positive"),
        ({"points": [{"segment": "Large", "position_mm": [1, 2, 3]}]}, "positive"),
        ({"boxes": [{"segment": "Large", "corners_mm": [[1, 2, 3]]}]}, "corners_mm"),
    ],
)
def test_a_file_that_is_none_is_told(change: dict[str, object], message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "points.json", FILE | change)
    with pytest.raises(InputError, match=message) as told:
        read_prompts(path)
    assert told.value.thing == str(path) and "docs/formats.md" in told.value.remedy


def test_a_file_without_a_coordinate_system_or_that_is_not_there_is_told(tmp_path: Path) -> None:
    without = {name: value for name, value in FILE.items() if name != "coordinate_system"}
    with pytest.raises(InputError, match="coordinate_system"):
        read_prompts(write(tmp_path / "points.json", without))
    (tmp_path / "broken.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(InputError, match="no file of points"):
        read_prompts(tmp_path / "broken.json")
    with pytest.raises(InputError, match="cannot be read"):
        read_prompts(tmp_path / "missing.json")


def middle(i: float, j: float, k: float) -> tuple[float, ...]:
    return tuple(GEOMETRY.index_to_lps(np.array([i, j, k])).tolist())


@pytest.mark.parametrize(
    ("prompts", "thing", "message"),
    [
        (((point(middle(1, 1, 1)), point(middle(-0.6, 3, 3))), ()), "point 2 (Large)", "outside the volume"),
        (((point(middle(3, 3, 11.6)),), ()), "point 1 (Large)", "outside the volume"),
        (((point((float("nan"), 0, 0)),), ()), "point 1 (Large)", "outside the volume"),
        (((point(middle(3, 3, 3), segment="Liver"),), ()), "point 1 (Liver)", "no such segment"),
        (((), (BoxPrompt("Small", (middle(3, 3, 12.0), middle(5, 5, 12.0))),)), "box 1 (Small)", "outside the volume"),
        (((), (BoxPrompt("Small", (middle(50, 3, 3), middle(60, 5, 3))),)), "box 1 (Small)", "outside the volume"),
        (((), (BoxPrompt("Small", (middle(3, 3, 3), middle(5, 5, 3))),) * 2), "box 2 (Small)", "another box"),
        (((point(middle(3, 3, 3)), point(middle(3.2, 3, 3), False)), ()), "point 2 (Large)", "the same pixel"),
        (
            ((point(middle(9, 3, 3)),), (BoxPrompt("Large", (middle(3, 3, 3), middle(5, 5, 3))),)),
            "box 1 (Large)",
            "lies outside it",
        ),
    ],
)
def test_what_cannot_be_is_told_by_number_and_segment(prompts: tuple, thing: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as told:
        place_prompts(PersonsPrompts(*prompts), SliceFrame(GEOMETRY, Plane.AXIAL), SEGMENTS)
    assert told.value.thing == thing


def test_one_pixel_for_two_segments_is_refused_unless_they_may_overlap() -> None:
    both = PersonsPrompts((point(middle(3, 3, 3)), replace_segment(point(middle(3.1, 3, 3)), "Small")))
    placed = place_prompts(both, SliceFrame(GEOMETRY, Plane.AXIAL), SEGMENTS)
    with pytest.raises(InputError, match="belong to both segments"):
        check_rivals(placed, SEGMENTS, frozenset())
    check_rivals(placed, SEGMENTS, frozenset({2}))


def replace_segment(given: PointPrompt, name: str) -> PointPrompt:
    return PointPrompt(name, given.position_mm, given.positive)


def test_a_point_on_the_outermost_face_is_inside() -> None:
    frame = SliceFrame(replace(GEOMETRY, size=(48, 48, 1)), Plane.AXIAL)
    placed = place_prompts(PersonsPrompts((point(middle(-0.5, 47.5, -0.5)),)), frame, SEGMENTS)
    assert placed[1][0].points[0].pixel == (47, 0)
