"""One case of a library segmented by the example of the others, and compared with what was drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import msgspec
import numpy as np

from ..library.case import Case
from ..library.segments import segments_of
from ..segmentation.output.report import SegmentationReport
from ..segmentation.pipeline import segment_volume
from ..segmentation.settings.options import Models, RunOptions
from ..segmentation.settings.presets import Settings
from ..volumes.overlap import dice
from .drawn import DrawnSlices, drawn_slices

_LARGEST = 3


class SliceScore(msgspec.Struct, frozen=True):
    """One segment on one slice in which it was drawn or found.

    Attributes:
        index: Along the sliced axis of the case's file.
        value: Of the segment.
        dice: 0..1.
        shares: By name of another case, its part of the support slices; sums to 1.
    """

    index: int
    value: int
    dice: float
    shares: dict[str, float]


class Swap(msgspec.Struct, frozen=True):
    """Two segments that agree better the other way round: sums of their Dice (0..2) as drawn and swapped."""

    first: int
    second: int
    as_drawn: float
    swapped: float


class Shift(msgspec.Struct, frozen=True):
    """What moving the drawn masks onto the found ones does.

    Attributes:
        slices: So many slices up.
        rows: So many rows down.
        columns: So many columns on.
        distance_mm: How far that is.
        as_drawn: Mean Dice of the segments.
        moved: The same after the move.
    """

    slices: int
    rows: int
    columns: int
    distance_mm: float
    as_drawn: float
    moved: float


class LeftOut(msgspec.Struct, frozen=True):
    """What leaving one case out gave.

    Attributes:
        name: Of the case.
        dice: By value of a segment that another case has too, over all slices that are annotated for it.
        scores: By slice and segment.
        swaps: Pairs that agree better swapped.
        shift: None where nothing was drawn or found, or moving does not help.
        verdict: Of the run's report.
        seconds: That the run took.
        backwards: Whether the case's slices seem to run the other way than its header tells.
    """

    name: str
    dice: dict[int, float]
    scores: tuple[SliceScore, ...]
    swaps: tuple[Swap, ...]
    shift: Shift | None
    verdict: str
    seconds: float
    backwards: bool = False


@dataclass(frozen=True)
class _Masks:
    """Drawn and found masks (n, h, w) of one segment, with nothing where it is not annotated."""

    drawn: np.ndarray
    found: np.ndarray


def leave_out(case: Case, others: Sequence[Case], models: Models, settings: Settings, options: RunOptions) -> LeftOut:
    """Segment a case by the others alone, and compare.

    Args:
        case: The case.
        others: The other cases.
        models: The networks.
        settings: Of the runs.
        options: Of the runs; plane and segments are the case's.

    Raises:
        DamagedLibraryError: A file of a case is missing or not what was written.
    """
    known = {segment.value: segment.name for segment in segments_of(others)}
    shared = [segment.value for segment in case.segments if segment.value in known]
    if not shared:
        return LeftOut(case.name, {}, (), (), None, "uncertain", 0.0)
    options = replace(options, plane=case.plane, segments=tuple(known[value] for value in shared))
    result = segment_volume(case.load_image(), others, models, settings, options)
    slices = drawn_slices(case)
    found = {segment.value: result.segmentation.mask(n) for n, segment in enumerate(result.segmentation.segments)}
    masks = {
        value: _Masks(
            slices.masks[value], slices.frame.to_slices(found[value]) & slices.annotated[value][:, None, None]
        )
        for value in shared
    }
    return LeftOut(
        name=case.name,
        dice={value: round(dice(m.found, m.drawn), 4) for value, m in masks.items()},
        scores=tuple(_scores(slices, masks, result.report, known)),
        swaps=tuple(_swaps(masks)),
        shift=_shift(slices, masks),
        verdict=result.report.verdict,
        seconds=round(sum(result.report.seconds.values()), 2),
        backwards=result.report.orientation is not None and result.report.orientation.backwards,
    )


def _scores(
    slices: DrawnSlices, masks: dict[int, _Masks], report: SegmentationReport, names: dict[int, str]
) -> list[SliceScore]:
    told = {one.index: one.segments for one in report.slices}
    scores = []
    for value, both in masks.items():
        for number in range(slices.frame.shape[0]):
            drawn, found = both.drawn[number], both.found[number]
            if not (drawn.any() or found.any()):
                continue
            index = slices.frame.file_index(number)
            supports = told[index][names[value]].supports
            counts = Counter(support.case for support in supports)
            shares = {case: round(count / len(supports), 4) for case, count in sorted(counts.items())}
            scores.append(SliceScore(index, value, round(dice(found, drawn), 4), shares))
    return scores


def _swaps(masks: dict[int, _Masks]) -> list[Swap]:
    swaps = []
    for one, other in combinations(sorted(masks), 2):
        if not (masks[one].drawn.any() and masks[other].drawn.any()):
            continue
        as_drawn = dice(masks[one].found, masks[one].drawn) + dice(masks[other].found, masks[other].drawn)
        swapped = dice(masks[one].found, masks[other].drawn) + dice(masks[other].found, masks[one].drawn)
        if swapped > as_drawn:
            swaps.append(Swap(one, other, round(as_drawn, 4), round(swapped, 4)))
    return swaps


def _shift(slices: DrawnSlices, masks: dict[int, _Masks]) -> Shift | None:
    """Move all segments together, by the way from a drawn to its found middle that helps most."""
    pairs = [both for both in masks.values() if both.drawn.any() and both.found.any()]
    if not pairs:
        return None
    # A single segment may be drawn wrong, or run out of the picture: the median way, and those of the largest ones.
    pairs.sort(key=lambda both: -np.count_nonzero(both.drawn))
    ways = [_middle(both.found) - _middle(both.drawn) for both in pairs]
    tried = {tuple(np.round(way).astype(int).tolist()) for way in (np.median(ways, axis=0), *ways[:_LARGEST])}
    if not all(known.all() for known in slices.annotated.values()):
        tried = {(0, row, column) for _, row, column in tried}  # what lies in the slices between is not known
    as_drawn = float(np.mean([dice(both.found, both.drawn) for both in pairs]))
    gains = {way: float(np.mean([dice(both.found, _moved(both.drawn, way)) for both in pairs])) for way in tried}
    steps = max(gains, key=lambda way: (gains[way], way))
    moved = gains[steps]
    if moved <= as_drawn:
        return None
    frame = slices.frame
    spacing = np.array([frame.slice_spacing_mm, frame.row_spacing_mm, frame.column_spacing_mm])
    along, down, across = steps
    distance = float(np.linalg.norm(np.array(steps) * spacing))
    return Shift(along, down, across, round(distance, 2), round(as_drawn, 4), round(moved, 4))


def _middle(mask: np.ndarray) -> np.ndarray:
    middle: np.ndarray = np.argwhere(mask).mean(axis=0)
    return middle


def _moved(mask: np.ndarray, steps: tuple[int, int, int]) -> np.ndarray:
    """A mask so many voxels further along each axis; what leaves the volume is gone."""
    moved = np.zeros_like(mask)
    here = tuple(slice(max(0, -s), min(n, n - s)) for s, n in zip(steps, mask.shape, strict=True))
    there = tuple(slice(max(0, s), min(n, n + s)) for s, n in zip(steps, mask.shape, strict=True))
    moved[there] = mask[here]
    return moved
