"""Finding the surroundings of a case's structure in a target."""

from __future__ import annotations

import numpy as np
import phantom
import pytest

from RetrievalSAMLib.alignment import Alignment, SmallImage, Surroundings, lay_together

ORGAN_MM = np.array([48.0, 84.0, 66.0])
"""Centre of one organ of the phantom, in the body."""

RADIUS_MM = 10.0


def around_organ(known: Alignment) -> Surroundings:
    """The organ's surroundings in a case that lies to the body as ``known`` says, starting centre on centre."""
    away = RADIUS_MM * np.random.default_rng(0).uniform(-1, 1, (500, 3))
    places = known.to_case(ORGAN_MM + away)
    image = SmallImage.of(phantom.stack(known))
    return Surroundings.of(image, Alignment.centred(phantom.EXTENT_MM, phantom.EXTENT_MM), places)


def moved(rows_mm: float, columns_mm: float, scale: float = 1.0) -> Alignment:
    middle = phantom.EXTENT_MM / 2
    return Alignment(np.eye(3) * scale, middle - scale * middle + [0.0, rows_mm, columns_mm], float("nan"))


def test_a_structure_is_found_again_from_beside_it() -> None:
    target = SmallImage.of(phantom.stack())
    known = [moved(12, -9), moved(-14, 6)]
    near = ORGAN_MM + [0.0, 6.0, -5.0]
    found = lay_together(target, [around_organ(k) for k in known], near[None])
    for alignment, truth in zip(found, known, strict=True):
        assert np.abs(alignment.to_case(ORGAN_MM) - truth.to_case(ORGAN_MM))[1:].max() < 3
        assert alignment.similarity > 0.8


def test_the_depth_of_the_points_does_not_count() -> None:
    target = SmallImage.of(phantom.stack())
    parts = [around_organ(moved(4, 4))]
    there, above = (lay_together(target, parts, (ORGAN_MM + [z, 2.0, 2.0])[None])[0] for z in (0.0, 40.0))
    assert np.array_equal(there.offset_mm, above.offset_mm)


def test_nothing_is_looked_for_far_from_all_points() -> None:
    target = SmallImage.of(phantom.stack())
    part = around_organ(moved(0, 0))
    far = ORGAN_MM + [0.0, -40.0, 30.0]
    (alignment,) = lay_together(target, [part], far[None])
    place = alignment.to_target(part.centre_mm)
    assert np.hypot(*(place - far)[1:]) < 1.5 * part.half_side_mm()
    # One more point near the organ is enough.
    (alignment,) = lay_together(target, [part], np.stack([far, ORGAN_MM]))
    assert np.abs(alignment.to_target(part.centre_mm) - ORGAN_MM)[1:].max() < 3


@pytest.mark.parametrize("scale", [0.8, 1.0, 1.25])
def test_a_case_of_another_size_is_scaled(scale: float) -> None:
    target = SmallImage.of(phantom.stack())
    (found,) = lay_together(target, [around_organ(moved(0, 0, scale))], ORGAN_MM[None])
    assert found.matrix.diagonal() == pytest.approx([scale] * 3, rel=0.13)


def test_a_uniform_target_is_like_nothing() -> None:
    nothing = SmallImage.of(phantom.stack(of=lambda points: np.full(points.shape[:-1], 0.5)))
    (found,) = lay_together(nothing, [around_organ(moved(0, 0))], ORGAN_MM[None])
    assert np.isfinite(found.offset_mm).all() and abs(found.similarity) < 0.2


def test_the_box_of_a_structure_follows_its_alignment() -> None:
    part = around_organ(moved(0, 0))
    turned = Alignment(np.diag([1.0, 2.0, 0.5]), np.array([0.0, -10.0, 5.0]), 0.5)
    low, high = part.box_in_target(turned)
    assert low == pytest.approx((part.low_mm - turned.offset_mm) / [1, 2, 0.5])
    assert high == pytest.approx((part.high_mm - turned.offset_mm) / [1, 2, 0.5])
    assert turned.to_target(turned.to_case(ORGAN_MM)) == pytest.approx(ORGAN_MM)
