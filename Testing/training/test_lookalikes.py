"""Made-up volumes with two structures that look alike."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from training.lookalikes import SUBJECTS, heart, splits, trunk


def test_a_seed_repeats_its_subjects() -> None:
    first = heart(3, 1)
    assert first.content_hash == heart(3, 1).content_hash
    assert first.content_hash != heart(3, 2).content_hash != heart(4, 2).content_hash


def test_the_left_chamber_is_bright_in_a_darker_wall_and_the_only_one_labelled() -> None:
    case = heart(1, 1)
    chamber = case.segmentation.mask("LV")
    assert case.segmentation.names == ("LV",) and ndimage.label(chamber)[1] == 1
    middle = int(np.argwhere(chamber)[:, 2].mean())
    image, inside = case.image.voxels[:, :, middle].astype(float), chamber[:, :, middle]
    ring = ndimage.binary_dilation(inside, iterations=5) & ~ndimage.binary_dilation(inside, iterations=1)
    blood, wall = np.median(image[inside]), np.median(image[ring])
    assert blood > 1.3 * wall
    # Blood is elsewhere too: a structure of that size that is not labelled.
    parts, count = ndimage.label((np.abs(image - blood) < 0.3 * blood) & ~ndimage.binary_dilation(inside, iterations=2))
    assert max(ndimage.sum_labels(parts > 0, parts, range(1, count + 1))) > 0.5 * inside.sum()


def test_both_kidneys_are_labelled_and_do_not_move_as_one() -> None:
    heights = []
    for number in range(SUBJECTS):
        case = trunk(1, number)
        right, left = (np.argwhere(case.segmentation.mask(name)).mean(axis=0) for name in ("R kidney", "L kidney"))
        heights.append((left - right)[2] * case.image.geometry.spacing_mm[2])
    assert np.ptp(heights) > 20


@pytest.mark.parametrize(("kind", "cases"), [("hearts", 4), ("trunks", 3)])
def test_no_target_is_among_its_cases(kind: str, cases: int) -> None:
    drawn = list(splits(kind, 1))
    assert len(drawn) == SUBJECTS
    for support, target in drawn:
        names = {case.name for case in support}
        assert len(names) == cases and target.name not in names
