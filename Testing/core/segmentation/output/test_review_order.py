"""Which slices come first, by what is expected to be wrong there."""

from __future__ import annotations

from RetrievalSAMLib.segmentation.output.report import SegmentOnSlice, SliceReport
from RetrievalSAMLib.segmentation.output.review_order import looks


def look_first(slices: list[SliceReport]) -> tuple[int, ...]:
    return tuple(look.index for look in looks(slices))


def row(index: int, **segments: tuple[float, float, float]) -> SliceReport:
    """A slice; by segment confidence, area found and area expected."""
    return SliceReport(
        index, {name: SegmentOnSlice(c, area, (), expected) for name, (c, area, expected) in segments.items()}
    )


def test_a_large_doubtful_mask_comes_before_a_small_more_doubtful_one() -> None:
    slices = [row(0, liver=(0.1, 10.0, 10.0)), row(1, liver=(0.6, 500.0, 480.0)), row(2, liver=(0.95, 500.0, 500.0))]
    assert look_first(slices) == (1, 2, 0)


def test_what_was_missed_counts_by_the_area_that_was_expected() -> None:
    slices = [row(0, liver=(0.9, 100.0, 100.0)), row(1, liver=(0.4, 0.0, 100.0)), row(2, liver=(0.4, 0.0, 5.0))]
    assert look_first(slices) == (1, 0, 2)


def test_segments_count_alike_whatever_their_size() -> None:
    slices = [
        row(0, liver=(0.9, 9000.0, 0.0), gland=(1.0, 4.0, 0.0)),
        row(1, liver=(1.0, 9000.0, 0.0), gland=(0.5, 4.0, 0.0)),
    ]
    assert look_first(slices) == (1, 0)


def test_slices_that_a_person_drew_and_empty_ones_are_left_out() -> None:
    assert look_first([row(3, liver=(1.0, 80.0, 80.0)), row(4, liver=(0.2, 0.0, 0.0))]) == ()


def test_bad_slices_that_one_correction_mends_are_looked_at_at_a_distance() -> None:
    bad = [row(index, liver=(0.1, 100.0, 100.0)) for index in range(12)]
    first, second, third = look_first(bad)[:3]
    assert min(abs(first - second), abs(first - third), abs(second - third)) >= 2


def test_slices_that_are_better_than_what_is_carried_on_are_looked_at_side_by_side() -> None:
    good = [row(index, liver=(0.9, 100.0 - abs(index - 6), 0.0)) for index in range(12)]
    assert look_first(good)[:3] == (6, 5, 7)


def test_every_slice_comes_once() -> None:
    slices = [row(index, liver=(0.05 * index, 50.0, 60.0), gland=(0.9 - 0.05 * index, 5.0, 0.0)) for index in range(16)]
    order = look_first(slices)
    assert sorted(order) == list(range(16))


def test_gains_fall_and_are_means_over_the_segments() -> None:
    slices = [row(index, liver=(0.05 * index, 50.0, 60.0), gland=(0.9 - 0.05 * index, 5.0, 0.0)) for index in range(16)]
    gains = [look.gain for look in looks(slices)]
    assert gains == sorted(gains, reverse=True) and sum(gains) < 1
    (only,) = looks([row(0, liver=(0.6, 100.0, 0.0), gland=(1.0, 10.0, 0.0))])
    assert abs(only.gain - 0.4 / 2) < 1e-9
