"""Masks of an aligned case land on the right pixels of the target, and only where the case has a say."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from aligned_stacks import geometry_of, lump, slices_of, stack_of

from RetrievalSAMLib.alignment import Alignment, Deformation
from RetrievalSAMLib.retrieval.evidence import CaseSlices, MemoryCase
from RetrievalSAMLib.segmentation.spatial_prior.prior_maps import PlaceMaps
from RetrievalSAMLib.volumes import Geometry, Plane, Segment, Segmentation, Volume
from RetrievalSAMLib.volumes.overlap import dice

SHAPE, SPACING_MM = (10, 24, 30), (4.0, 2.0, 1.5)
NOT_MEASURED = float("nan")


def maps_for(*values: int) -> PlaceMaps:
    return PlaceMaps(stack_of(SHAPE, SPACING_MM), values or (1,))


def means(maps: PlaceMaps, value: int = 1) -> np.ndarray:
    """Mean mask (n, h, w); -1 in slices where no case says."""
    rows = [maps.mean(value, index) for index in range(maps.shape[0])]
    return np.stack([np.full(maps.shape[1:], -1.0) if row is None else row for row in rows])


def voxel_to_voxel(spacing_mm: tuple[float, float, float], first: tuple[int, int, int]) -> Alignment:
    """Voxel (0, 0, 0) of the target is voxel ``first`` of the case, and so on along all axes."""
    scale = np.array(spacing_mm) / np.array(SPACING_MM)
    return Alignment(np.diag(scale), np.array(first) * np.array(spacing_mm), NOT_MEASURED)


def test_on_its_own_grid_a_mask_is_itself() -> None:
    maps, mask = maps_for(), lump(SHAPE)
    maps.add(slices_of({1: mask}, SPACING_MM), Alignment(np.eye(3), np.zeros(3), 1.0), 3.0)
    assert maps.shape == SHAPE and maps.spacing_mm == pytest.approx(SPACING_MM)
    assert np.array_equal(means(maps), mask)


def test_a_case_on_another_grid_lands_voxel_on_voxel() -> None:
    maps, mask = maps_for(), lump((14, 40, 26))
    maps.add(slices_of({1: mask}, (5.0, 0.7, 3.0)), voxel_to_voxel((5.0, 0.7, 3.0), (2, 7, -3)), 0.1)
    expected = np.zeros(SHAPE)
    expected[:, :, 3:29] = mask[2:12, 7:31, :]
    assert expected.any()
    assert np.array_equal(means(maps), expected)


def test_a_quarter_turn_within_the_slices() -> None:
    # Rows of the target run along the columns of the case, columns against its rows.
    maps, mask = maps_for(), lump((10, 30, 24))
    spacing = (4.0, 1.5, 2.0)
    turned = Alignment(np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]), np.array([0, 30 * 1.5, 0]), NOT_MEASURED)
    maps.add(slices_of({1: mask}, spacing), turned, 1.0)
    assert np.array_equal(means(maps), np.stack([np.rot90(one, -1) for one in mask]))


TILTED = Alignment(
    np.array([[0.9, 0.05, -0.08], [0.1, 1.2, 0.15], [-0.05, -0.2, 0.8]]), np.array([3.0, -4.0, 9.0]), NOT_MEASURED
)


def unbent(affine: Alignment, displacement_mm: tuple[float, float, float] = (0, 0, 0)) -> Deformation:
    """A deformation that displaces all points of the target alike."""
    field = np.broadcast_to(np.array(displacement_mm, dtype=np.float32)[:, None, None, None], (3, *SHAPE)).copy()
    picture = np.zeros(SHAPE, dtype=np.float32)
    return Deformation(affine, field, np.zeros(3), np.array(SPACING_MM), picture, picture)


@pytest.mark.parametrize("case_shape", [(16, 34, 40), (12, 30, 30)])
def test_a_deformation_that_bends_nothing_is_its_affine_map(case_shape: tuple[int, int, int]) -> None:
    mask, spacing = lump(case_shape), (3.0, 1.5, 1.0)
    results = []
    for alignment in (TILTED, unbent(TILTED)):
        maps = maps_for()
        maps.add(slices_of({1: mask}, spacing), alignment, 1.0)
        results.append(means(maps))
    assert (results[0] > 0.5).any() and results[1] == pytest.approx(results[0], abs=2 / 255)


@pytest.mark.parametrize(("axis", "voxels"), [(0, 2), (1, -3), (2, 4)])
def test_a_displacement_in_the_target_looks_up_what_lies_there(axis: int, voxels: int) -> None:
    maps, mask = maps_for(), lump(SHAPE)
    moves = [0.0, 0.0, 0.0]
    moves[axis] = voxels * SPACING_MM[axis]
    here = unbent(Alignment(np.eye(3), np.zeros(3), 1.0), (moves[0], moves[1], moves[2]))
    maps.add(slices_of({1: mask}, SPACING_MM), here, 1.0)
    found = means(maps)
    # What the target has at a place lies in the case so many voxels further on.
    source = [slice(max(voxels, 0), None) if other == axis else slice(None) for other in range(3)]
    source[axis] = slice(max(voxels, 0), SHAPE[axis] + min(voxels, 0))
    goal = list(source)
    goal[axis] = slice(max(-voxels, 0), SHAPE[axis] - max(voxels, 0))
    assert mask[tuple(source)].any()
    assert found[tuple(goal)] == pytest.approx(mask[tuple(source)].astype(float), abs=2 / 255)
    if axis == 0:
        assert [maps.mean(1, index) is None for index in range(10)] == [False] * 8 + [True] * 2


def test_the_case_that_is_alike_around_a_place_counts_more_there() -> None:
    """One is like the target in the left half, the other in the right one; what lies beyond the masks says the same."""
    random = np.random.default_rng(3)
    picture, noise = (random.standard_normal(SHAPE).astype(np.float32) for _ in range(2))
    left = np.arange(SHAPE[2]) < SHAPE[2] // 2
    one, other = np.zeros(SHAPE, dtype=bool), np.zeros(SHAPE, dtype=bool)
    one[2:8, 4:20, 3:27], other[4:6, 8:12, 10:20] = True, True
    found = []
    for alike in (left, ~left):
        maps, here = maps_for(), unbent(Alignment(np.eye(3), np.zeros(3), 1.0))
        for mask, half in ((one, alike), (other, ~alike)):
            moved = np.where(half, picture, noise)
            maps.add(slices_of({1: mask}, SPACING_MM), replace(here, fixed=picture, moved=moved), 1.0)
        found.append(means(maps))
    # Of the part that one alone has, most is believed where it is like the target, little where it is not.
    alone = one & ~other
    alone[:, :, 11:19] = False
    for mean, alike in zip(found, (left, ~left), strict=True):
        assert mean[alone & alike].min() > 0.9 and mean[alone & ~alike].max() < 0.1
        assert mean[one & other] == pytest.approx(1, abs=1e-3) and (mean[~one] == 0).all()


def test_segments_may_count_differently() -> None:
    one, other = lump(SHAPE), np.roll(lump(SHAPE), 4, axis=2)
    maps, here = maps_for(1, 2), Alignment(np.eye(3), np.zeros(3), 1.0)
    maps.add(slices_of({1: one, 2: one}, SPACING_MM), here, {1: 3.0, 2: 1.0})
    maps.add(slices_of({1: other, 2: other}, SPACING_MM), here, {1: 1.0, 2: 3.0})
    assert means(maps, 1) == pytest.approx(0.75 * one + 0.25 * other, abs=2 / 255)
    assert means(maps, 2) == pytest.approx(0.25 * one + 0.75 * other, abs=2 / 255)


def test_maps_of_some_segments_replace_others() -> None:
    one, other = lump(SHAPE), np.roll(lump(SHAPE), 4, axis=2)
    here = Alignment(np.eye(3), np.zeros(3), 1.0)
    first, second = maps_for(1, 2), maps_for(1, 2)
    first.add(slices_of({1: one, 2: one}, SPACING_MM), here, 1.0)
    second.add(slices_of({1: other, 2: other}, SPACING_MM), here, 1.0)
    both = first.replaced(second.of((2,)))
    assert np.array_equal(means(both, 1), one) and np.array_equal(means(both, 2), other)
    assert np.array_equal(means(first, 2), one) and both.box_mm(2, 0.5) is not None


def looked_up(mask: np.ndarray, spacing_mm: tuple[float, float, float], alignment: Alignment) -> np.ndarray:
    """The nearest voxel of the case at every voxel of the target."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij"), -1)
    there = alignment.to_case((index + 0.5) * np.array(SPACING_MM))
    nearest = np.floor(there / np.array(spacing_mm)).astype(int)
    inside = ((nearest >= 0) & (nearest < mask.shape)).all(-1)
    found = np.zeros(SHAPE, dtype=bool)
    found[inside] = mask[tuple(nearest[inside].T)]
    return found


def test_a_tilted_and_sheared_case_lands_where_its_voxels_are_looked_up() -> None:
    maps, mask, spacing = maps_for(), lump((16, 34, 40)), (3.0, 1.5, 1.0)
    maps.add(slices_of({1: mask}, spacing), TILTED, 1.0)
    found, expected = means(maps) >= 0.5, looked_up(mask, spacing, TILTED)
    assert expected.sum() > 100
    assert dice(found, expected) > 0.9
    for axes in itertools.chain.from_iterable(itertools.combinations(range(3), n) for n in (1, 2, 3)):
        assert dice(np.flip(found, axes), expected) < 0.75


def test_how_a_case_is_stored_does_not_matter() -> None:
    mask, spacing = lump((16, 34, 40)), (3.0, 1.5, 1.0)
    plain = slices_of({1: mask}, spacing)
    geometry = geometry_of((16, 34, 40), spacing)
    flipped = Geometry(
        geometry.size, geometry.spacing_mm, tuple(geometry.index_to_lps(np.array([39, 0, 15]))),  # type: ignore[arg-type]
        (-1, 0, 0, 0, 1, 0, 0, 0, -1),
    )  # fmt: skip
    assert flipped.orientation != geometry.orientation
    stored = slices_of_flipped(mask, flipped)
    results = []
    for case in (plain, stored):
        maps = maps_for()
        maps.add(case, TILTED, 1.0)
        results.append(means(maps))
    assert np.array_equal(*results) and (results[0] > 0.5).any()


def slices_of_flipped(mask: np.ndarray, geometry: Geometry) -> CaseSlices:
    voxels = np.flip(mask.transpose(2, 1, 0), (0, 2))
    segmentation = Segmentation.from_masks((Segment("Segment 1", 1),), (voxels,), geometry)
    case = MemoryCase("flipped", Volume(np.zeros(geometry.size, dtype=np.int16), geometry), segmentation, Plane.AXIAL)
    return CaseSlices.load(case, Plane.AXIAL)


def test_slices_outside_the_case_have_no_say() -> None:
    maps, mask = maps_for(), np.ones((5, 24, 30), dtype=bool)
    maps.add(slices_of({1: mask}, SPACING_MM), voxel_to_voxel(SPACING_MM, (-3, 0, 0)), 1.0)
    assert [maps.mean(1, index) is not None for index in range(10)] == [False] * 3 + [True] * 5 + [False] * 2
    assert (means(maps)[3:8] == 1).all()


def test_slices_that_were_not_annotated_have_no_say() -> None:
    maps, mask = maps_for(), lump(SHAPE)
    maps.add(slices_of({1: mask}, SPACING_MM, {1: (3, 4, 8)}), voxel_to_voxel(SPACING_MM, (0, 0, 0)), 1.0)
    assert [index for index in range(10) if maps.mean(1, index) is not None] == [3, 4, 8]
    found = means(maps)
    assert np.array_equal(found[[3, 4, 8]], mask[[3, 4, 8]]) and mask[3].any() and not mask[8].any()


def test_slices_that_nobody_drew_in_do_not_thin_out_their_neighbours() -> None:
    maps, mask = maps_for(), lump(SHAPE)
    between = Alignment(np.eye(3), np.array([0.4 * SPACING_MM[0], 0.0, 0.0]), NOT_MEASURED)
    drawn = np.zeros_like(mask)
    drawn[[3, 5]] = mask[[3, 5]]
    maps.add(slices_of({1: drawn}, SPACING_MM, {1: (3, 5)}), between, 1.0)
    assert [index for index in range(10) if maps.mean(1, index) is not None] == [3, 5]
    found = means(maps)
    # 0.4 of a slice further on lies what is nearest to it: half of slices 3 and 5 each, or slice 5 alone.
    assert found[3] == pytest.approx(0.6 * mask[3] + 0.4 * mask[5], abs=1 / 255)
    assert np.array_equal(found[5], mask[5])


def test_a_box_is_complete_where_one_case_has_all_slices_drawn() -> None:
    maps, here = maps_for(1, 2), voxel_to_voxel(SPACING_MM, (0, 0, 0))
    maps.add(slices_of({1: lump(SHAPE)}, SPACING_MM, {1: (3, 4, 8)}), here, 1.0)
    assert maps.box_mm(1, 0.3) is not None and not maps.complete(1)
    maps.add(slices_of({1: lump(SHAPE)}, SPACING_MM), here, 1.0)
    assert maps.complete(1) and not maps.complete(2)


def test_another_case_speaks_where_one_is_not_annotated() -> None:
    maps, here = maps_for(), voxel_to_voxel(SPACING_MM, (0, 0, 0))
    mask = lump(SHAPE)
    maps.add(slices_of({1: mask}, SPACING_MM, {1: (3,)}), here, 5.0)
    maps.add(slices_of({1: np.zeros(SHAPE, dtype=bool)}, SPACING_MM), here, 1.0)
    found = means(maps)
    assert found[3] == pytest.approx(mask[3] * 5 / 6, abs=1 / 255)
    assert (found[4] == 0).all() and mask[4].any()


def test_a_case_without_a_segment_says_nothing_of_it() -> None:
    maps, here = maps_for(1, 2), voxel_to_voxel(SPACING_MM, (0, 0, 0))
    mask = lump(SHAPE)
    maps.add(slices_of({1: mask}, SPACING_MM), here, 1.0)
    assert maps.mean(2, 4) is None and maps.box_mm(2, 0.3) is None
    other = np.roll(mask, 4, axis=2)
    maps.add(slices_of({2: other}, SPACING_MM), here, 1.0)
    assert np.array_equal(means(maps, 1), mask) and np.array_equal(means(maps, 2), other)


def test_several_cases_are_averaged_by_weight_whatever_their_order() -> None:
    weights = (0.5, 1.5, 3.0)
    masks = [np.roll(lump(SHAPE), shift, axis=(1, 2)) for shift in (0, 3, 5)]
    expected = sum(w * m for w, m in zip(weights, masks, strict=True)) / 5.0
    assert len(np.unique(expected)) > 4
    for order in ((0, 1, 2), (2, 0, 1)):
        maps = maps_for()
        for n in order:
            maps.add(slices_of({1: masks[n]}, SPACING_MM), voxel_to_voxel(SPACING_MM, (0, 0, 0)), weights[n])
        assert means(maps) == pytest.approx(expected, abs=1 / 255)


def test_segments_that_share_voxels_each_have_their_own_map() -> None:
    one, other = lump(SHAPE), np.ones(SHAPE, dtype=bool)
    maps = maps_for(1, 2)
    maps.add(slices_of({1: one, 2: other}, SPACING_MM), voxel_to_voxel(SPACING_MM, (0, 0, 0)), 1.0)
    assert np.array_equal(means(maps, 1), one) and np.array_equal(means(maps, 2), other)


def test_the_box_is_where_enough_cases_have_the_segment_in_millimetres() -> None:
    maps, here = maps_for(), voxel_to_voxel(SPACING_MM, (0, 0, 0))
    often, once = np.zeros(SHAPE, dtype=bool), np.zeros(SHAPE, dtype=bool)
    often[2:5, 6:10, 20:29] = True
    once[1:9, 4:12, 3:29] = True
    for mask in (often, often | once, often):
        maps.add(slices_of({1: mask}, SPACING_MM), here, 1.0)
    low, high = maps.box_mm(1, 0.5)  # type: ignore[misc]
    assert low == pytest.approx([2 * 4.0, 6 * 2.0, 20 * 1.5]) and high == pytest.approx([5 * 4.0, 10 * 2.0, 29 * 1.5])
    low, high = maps.box_mm(1, 0.3)  # type: ignore[misc]
    assert low == pytest.approx([1 * 4.0, 4 * 2.0, 3 * 1.5]) and high == pytest.approx([9 * 4.0, 12 * 2.0, 29 * 1.5])
    assert maps_for().box_mm(1, 0.3) is None


def test_a_case_beside_the_target_leaves_it_empty() -> None:
    maps = maps_for()
    maps.add(slices_of({1: lump(SHAPE)}, SPACING_MM), voxel_to_voxel(SPACING_MM, (0, 500, 0)), 1.0)
    assert (means(maps) == 0).all() and maps.box_mm(1, 0.1) is None


def test_large_slices_are_mapped_coarser_and_in_place() -> None:
    shape, spacing = (4, 300, 900), (5.0, 0.5, 0.25)
    mask = np.zeros(shape, dtype=bool)
    mask[1:3, 60:200, 500:780] = True
    maps = PlaceMaps(stack_of(shape, spacing), (1,))
    maps.add(slices_of({1: mask}, spacing), Alignment(np.eye(3), np.zeros(3), 1.0), 1.0)
    assert max(maps.shape[1:]) < 900 and maps.shape[0] == 4
    assert maps.spacing_mm * maps.shape == pytest.approx(np.array(shape) * spacing)
    low, high = maps.box_mm(1, 0.5)  # type: ignore[misc]
    assert low == pytest.approx([5, 30, 125], abs=float(maps.spacing_mm[1:].max()))
    assert high == pytest.approx([15, 100, 195], abs=float(maps.spacing_mm[1:].max()))


HERE = Alignment(np.eye(3), np.zeros(3), NOT_MEASURED)


def shifted(mask: np.ndarray, columns: int) -> np.ndarray:
    return np.roll(mask, columns, axis=2)


def test_cases_whose_masks_lie_on_each_other_agree_fully() -> None:
    maps = maps_for()
    for weight in (1.0, 5.0, 0.1):
        maps.add(slices_of({1: lump(SHAPE)}, SPACING_MM), HERE, weight)
    assert maps.agreement(1) == pytest.approx(1)


def test_agreement_is_how_well_the_others_foretell_each_case() -> None:
    maps, mask = maps_for(), lump(SHAPE)
    for one in (mask, mask, shifted(mask, 3)):
        maps.add(slices_of({1: one}, SPACING_MM), HERE, 1.0)
    # Of the two that lie together, half of the others agree: nothing is above a half but where both others have it.
    both = mask & shifted(mask, 3)
    expected = np.mean([dice(mask, both), dice(mask, both), dice(shifted(mask, 3), mask)])
    assert maps.agreement(1) == pytest.approx(expected)


def test_cases_that_lie_apart_do_not_agree() -> None:
    maps, left = maps_for(), np.zeros(SHAPE, dtype=bool)
    left[3:6, 5:10, 3:8] = True
    for one in (left, shifted(left, 15)):
        maps.add(slices_of({1: one}, SPACING_MM), HERE, 1.0)
    assert maps.agreement(1) == 0


def test_of_a_single_case_nobody_knows() -> None:
    maps = maps_for()
    maps.add(slices_of({1: lump(SHAPE)}, SPACING_MM), HERE, 1.0)
    assert 0 < maps.agreement(1) < 0.5
