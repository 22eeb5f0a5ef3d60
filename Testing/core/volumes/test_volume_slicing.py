from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from grids import SIGNED_PERMUTATIONS, frame_directions, geometries, planes, voxel_numbers
from hypothesis import given
from hypothesis import strategies as st

from RetrievalSAMLib.volumes import Geometry, Plane, SliceFrame, choose_plane

# What the documentation of SliceFrame promises, in LPS: slices, rows, columns.
LEFT, POSTERIOR, SUPERIOR = np.eye(3)
DOCUMENTED = {
    Plane.AXIAL: (SUPERIOR, POSTERIOR, LEFT),
    Plane.CORONAL: (-POSTERIOR, -SUPERIOR, LEFT),
    Plane.SAGITTAL: (LEFT, -SUPERIOR, POSTERIOR),
}


def grid(size: tuple = (20, 21, 22), spacing: tuple = (1.0, 1.0, 1.0), matrix: np.ndarray | None = None) -> Geometry:
    return Geometry(size, spacing, (0.0, 0.0, 0.0), tuple(np.ravel(np.eye(3) if matrix is None else matrix)))


@pytest.mark.parametrize("plane", list(Plane))
@pytest.mark.parametrize("matrix", SIGNED_PERMUTATIONS)
def test_slices_lie_in_the_patient_as_documented_for_every_axis_order_and_flip(matrix: np.ndarray, plane: Plane):
    frame = SliceFrame(grid((2, 3, 4), (0.5, 1.0, 3.0), matrix), plane)
    for found, documented in zip(frame_directions(frame), DOCUMENTED[plane], strict=True):
        assert np.allclose(found, documented)
    assert np.allclose(frame.directions, np.stack(DOCUMENTED[plane], axis=1))


@given(geometries(max_turn_degrees=25), planes)
def test_slices_of_oblique_grids_run_nearest_to_the_documented_directions(geometry: Geometry, plane: Plane):
    frame = SliceFrame(replace(geometry, size=(3, 4, 5), origin_mm=(0.0, 0.0, 0.0)), plane)
    for found, documented in zip(frame_directions(frame), DOCUMENTED[plane], strict=True):
        assert found @ documented > 0.9


@given(geometries(), planes)
def test_from_slices_undoes_to_slices_exactly_and_neither_copies(geometry: Geometry, plane: Plane):
    frame = SliceFrame(geometry, plane)
    voxels = voxel_numbers(geometry)
    slices = frame.to_slices(voxels)
    assert slices.shape == frame.shape
    assert np.array_equal(frame.from_slices(slices), voxels)
    assert np.shares_memory(slices, voxels) and np.shares_memory(frame.from_slices(slices), voxels)


@given(geometries(), planes, st.data())
def test_pixels_know_their_voxel(geometry: Geometry, plane: Plane, data: st.DataObject):
    frame = SliceFrame(geometry, plane)
    s, r, c = (data.draw(st.integers(0, n - 1)) for n in frame.shape)
    voxels = voxel_numbers(geometry)
    assert voxels[frame.voxel_index(s, r, c)] == frame.to_slices(voxels)[s, r, c]


@given(geometries(), planes)
def test_slice_numbers_go_to_the_file_and_back(geometry: Geometry, plane: Plane):
    frame = SliceFrame(geometry, plane)
    voxels = voxel_numbers(geometry)
    for number in range(frame.shape[0]):
        assert frame.slice_index(frame.file_index(number)) == number
        in_file = voxels.take(frame.file_index(number), frame.plane_axis)
        assert set(in_file.ravel()) == set(frame.to_slices(voxels)[number].ravel())
    with pytest.raises(IndexError):
        frame.file_index(frame.shape[0])


@given(geometries(), planes)
def test_spacings_follow_the_axes(geometry: Geometry, plane: Plane):
    frame = SliceFrame(geometry, plane)
    spacing = (frame.slice_spacing_mm, frame.row_spacing_mm, frame.column_spacing_mm)
    axes = (frame.plane_axis, frame.row_axis, frame.column_axis)
    assert spacing == tuple(geometry.spacing_mm[axis] for axis in axes)
    assert frame.shape == tuple(geometry.size[axis] for axis in axes)


def test_an_array_of_another_grid_is_refused():
    frame = SliceFrame(grid((2, 3, 4)), Plane.AXIAL)
    with pytest.raises(ValueError):
        frame.to_slices(np.zeros((3, 2, 4)))
    with pytest.raises(ValueError):
        frame.from_slices(np.zeros((2, 3, 4)))


PIR = np.array([[0, 0, -1], [1, 0, 0], [0, -1, 0]], dtype=float)


@pytest.mark.parametrize(
    ("geometry", "plane"),
    [
        (grid(spacing=(0.8, 0.8, 5.0)), Plane.AXIAL),
        (grid(spacing=(0.8, 5.0, 0.8)), Plane.CORONAL),
        (grid(spacing=(5.0, 0.8, 0.8)), Plane.SAGITTAL),
        (grid(spacing=(1.0, 1.0, 0.5)), Plane.AXIAL),
        (grid(spacing=(0.8, 0.805, 5.0)), Plane.AXIAL),
        (grid(spacing=(5.0, 0.8, 0.8), matrix=PIR), Plane.CORONAL),
        (grid(spacing=(0.8, 0.8, 5.0), matrix=PIR), Plane.SAGITTAL),
        (grid((20, 200, 200)), Plane.SAGITTAL),
        (grid((200, 99, 200)), Plane.CORONAL),
        (grid((200, 150, 200)), Plane.AXIAL),
        (grid((20, 20, 200)), Plane.AXIAL),
        (grid(spacing=(0.7, 0.9, 4.0)), Plane.AXIAL),
        (grid(spacing=(0.7, 4.0, 0.9)), Plane.CORONAL),
        (grid(spacing=(0.7, 0.8, 0.9), matrix=PIR), Plane.AXIAL),
        (grid((100, 1, 100)), Plane.CORONAL),
        (grid((100, 1, 100), spacing=(0.5, 0.5, 0.7)), Plane.CORONAL),
        (grid((1, 1, 1)), Plane.AXIAL),
    ],
)
def test_the_plane_of_acquisition_is_found(geometry: Geometry, plane: Plane):
    assert choose_plane(geometry) is plane


@given(geometries(max_turn_degrees=0))
def test_the_plane_does_not_depend_on_how_the_file_orders_or_flips_its_axes(geometry: Geometry):
    for order in ((1, 2, 0), (2, 1, 0)):
        matrix = -geometry.direction_matrix[:, order]
        same = Geometry(
            tuple(geometry.size[axis] for axis in order),
            tuple(geometry.spacing_mm[axis] for axis in order),
            geometry.origin_mm,
            tuple(matrix.ravel()),
        )
        assert choose_plane(same) is choose_plane(geometry)


@pytest.mark.parametrize(
    ("size", "spacing", "lost"),
    [
        ((10, 216, 256), (1.0, 1.0, 1.0), True),
        ((10, 216, 256), (8.0, 1.0, 1.0), False),
        ((35, 51, 35), (1.0, 1.0, 1.0), False),
    ],
)
def test_a_stack_thinner_than_any_body_has_lost_its_spacing(size: tuple, spacing: tuple, lost: bool) -> None:
    slices, rows, columns = size
    between, row, column = spacing
    frame = SliceFrame(grid((columns, rows, slices), (column, row, between)), Plane.AXIAL)
    assert frame.lost_spacing == lost
