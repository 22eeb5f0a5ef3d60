"""The map from a target to a case, and the small images that it is found with."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk

from RetrievalSAMLib.alignment import Alignment, SmallImage, stack_extent_mm
from RetrievalSAMLib.volumes import Geometry, Plane, SliceStack, Volume


def stack_of(slices: np.ndarray, spacing_mm: tuple[float, float, float]) -> SliceStack:
    """Axial slices (n, h, w) with spacing along slices, rows, columns."""
    n, h, w = slices.shape
    geometry = Geometry((w, h, n), spacing_mm[::-1], (5.0, 6.0, 7.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))  # type: ignore[arg-type]
    return SliceStack.of(Volume(slices.transpose(2, 1, 0), geometry), Plane.AXIAL, window=(0.0, 1.0))


def sheared(seed: int) -> Alignment:
    random = np.random.default_rng(seed)
    return Alignment(np.eye(3) + random.uniform(-0.2, 0.2, (3, 3)), random.uniform(-20, 20, 3), 0.9)


def test_points_are_mapped_by_matrix_and_offset() -> None:
    alignment = Alignment(np.array([[2.0, 0, 0], [0, 0, 3], [0, 1, 0]]), np.array([10.0, 20, 30]), 1.0)
    assert alignment.to_case(np.array([1.0, 2, 5])) == pytest.approx([12, 35, 32])
    assert alignment.to_case(np.ones((4, 5, 3))).shape == (4, 5, 3)


@pytest.mark.parametrize("seed", range(5))
def test_depth_in_the_target_is_the_inverse_of_the_map(seed: int) -> None:
    alignment = sheared(seed)
    depths = np.array([-3.0, 0.0, 12.5, 90.0])
    points = np.stack([depths, np.full(4, 31.0), np.full(4, 47.0)], axis=-1)
    in_case = alignment.to_case(points)[:, 0]
    assert alignment.depth_in_target(in_case, 31.0, 47.0) == pytest.approx(depths)
    # Elsewhere in the slices a tilted case lies at another depth.
    assert alignment.depth_in_target(in_case, 31.0, 87.0) != pytest.approx(depths, abs=0.1)


def test_centre_on_centre_keeps_millimetres() -> None:
    target, case = np.array([90.0, 100.0, 110.0]), np.array([30.0, 200.0, 111.0])
    alignment = Alignment.centred(target, case)
    assert alignment.to_case(target / 2) == pytest.approx(case / 2)
    assert alignment.to_case(target / 2 + (1, 2, 3)) == pytest.approx(case / 2 + (1, 2, 3))
    assert np.isnan(alignment.similarity)


def test_the_extent_is_along_slices_rows_and_columns() -> None:
    assert stack_extent_mm(stack_of(np.zeros((3, 4, 5)), (7.0, 2.0, 1.5))) == pytest.approx([21, 8, 7.5])


def mass_centre_mm(image: sitk.Image) -> np.ndarray:
    """(slices, rows, columns)."""
    voxels = sitk.GetArrayFromImage(image).astype(float)
    z, y, x = (float((np.indices(voxels.shape)[a] * voxels).sum() / voxels.sum()) for a in range(3))
    return np.array(image.TransformContinuousIndexToPhysicalPoint((x, y, z)))[::-1]


@pytest.mark.parametrize("shape", [(20, 40, 60), (300, 24, 140)])
def test_a_small_image_keeps_places_in_millimetres(shape: tuple[int, int, int]) -> None:
    spacing = (2.0, 1.5, 0.8)
    voxels = np.zeros(shape, dtype=np.float32)
    corner = np.array(shape) // 5
    a, b, c = (slice(int(start), int(start) + 4) for start in corner)
    voxels[a, b, c] = 1
    stack = stack_of(voxels, spacing)
    small = SmallImage.of(stack)
    wanted = (corner + 2) * np.array(spacing)
    assert small.extent_mm == pytest.approx(np.array(shape) * spacing)
    assert max(small.image.GetSize()) <= 128
    cell = np.array(small.image.GetSpacing())[::-1]
    assert cell * small.image.GetSize()[::-1] == pytest.approx(small.extent_mm)
    assert (np.abs(mass_centre_mm(small.image) - wanted) <= cell / 2).all()
    coarse = small.coarser(5.0)
    size = np.array(coarse.GetSize()) * coarse.GetSpacing()
    assert size[::-1] == pytest.approx(small.extent_mm)
    assert np.array(coarse.GetOrigin()) - np.array(coarse.GetSpacing()) / 2 == pytest.approx(np.zeros(3), abs=1e-6)
    assert (np.abs(mass_centre_mm(coarse) - wanted) <= 2.5).all()


def test_a_coarser_image_keeps_what_is_even_and_loses_what_it_cannot_show() -> None:
    rows, columns = np.indices((60, 60))
    stripes = np.where((rows + columns) % 2 == 0, 1.0, 0.0).astype(np.float32)
    for picture, expected in ((np.full((60, 60), 0.25, dtype=np.float32), 0.25), (stripes, 0.5)):
        stack = stack_of(np.stack([picture] * 3), (4.0, 1.0, 1.0))
        coarse = sitk.GetArrayFromImage(SmallImage.of(stack).coarser(3.0))
        assert coarse.shape == (3, 20, 20)
        assert coarse[:, 2:-2, 2:-2] == pytest.approx(expected, abs=0.01)


def test_a_part_holds_its_box_and_knows_where_it_lies() -> None:
    voxels = np.zeros((30, 40, 50), dtype=np.float32)
    voxels[10:14, 30:34, 6:10] = 1
    small = SmallImage.of(stack_of(voxels, (3.0, 2.0, 1.0)))
    low, high = np.array([24.0, 55.0, 3.0]), np.array([50.0, 73.0, 13.0])
    part = small.part(low, high, 40)
    corner = (np.array(part.GetOrigin()) - np.array(part.GetSpacing()) / 2)[::-1]
    end = corner + (np.array(part.GetSpacing()) * part.GetSize())[::-1]
    assert (corner <= low).all() and (end >= high).all()
    assert (corner > low - 3).all() and (end < high + 3).all()
    assert mass_centre_mm(part) == pytest.approx([36, 64, 8], abs=0.5)


def test_a_part_beyond_the_image_is_what_there_is_of_it() -> None:
    small = SmallImage.of(stack_of(np.ones((5, 6, 7), dtype=np.float32), (1.0, 1.0, 1.0)))
    assert small.part(np.full(3, -50.0), np.full(3, 90.0), 40).GetSize() == (7, 6, 5)
    assert min(small.part(np.full(3, 200.0), np.full(3, 210.0), 40).GetSize()) >= 1


_IN_THREADS = """
import numpy as np, SimpleITK as sitk
from concurrent.futures import ThreadPoolExecutor
from RetrievalSAMLib.alignment import SmallImage
from RetrievalSAMLib.volumes import Geometry, Plane, SliceStack, Volume
voxels = np.random.default_rng(0).random((24, 24, 24)).astype(np.float32)
geometry = Geometry(voxels.shape, (1, 1, 1), (0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
small = SmallImage.of(SliceStack.of(Volume(voxels, geometry), Plane.AXIAL))
def look(number):
    image = small.coarser(2.0)
    return sitk.GetArrayFromImage(image).sum() if number % 2 else sitk.RegionOfInterest(image, [9, 9, 9], [0, 0, 0])
with ThreadPoolExecutor(4) as pool:
    list(pool.map(look, range(60_000)))
"""


def test_threads_may_work_on_one_image() -> None:
    """In a process of its own, which SimpleITK would end."""
    assert subprocess.run([sys.executable, "-c", _IN_THREADS], check=False).returncode == 0
