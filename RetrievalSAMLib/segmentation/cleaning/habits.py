"""How cases have their segments: how small pieces, how small holes, how thin. What they have is never taken away."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from ...errors import InputError
from ...json_files import JsonError, read_json
from ...retrieval.evidence import CaseSlices, content_key
from ...volumes import write_staged
from ..steps.inputs import RunInputs
from .shapes import holes_of, islands_of
from .smoothing import smoothed_mask

_FOLDER = "habits"
_LOG = logging.getLogger(__name__)


class Habit(msgspec.Struct, frozen=True):
    """How a segment looks.

    Attributes:
        least_island: Smallest piece as a part of the largest one; 1 where it is always in one piece. None: not known,
            as it was drawn in some slices only, or is not there.
        least_hole: Smallest hole in a slice as a part of what the outline round it encloses; 1 where it has none.
            None: not known, as no slice along this plane was drawn whole.
        smooth: Dice of the segment with itself when its outlines are smoothed; None as for ``least_hole``. A thin one
            loses by it.
    """

    least_island: float | None = None
    least_hole: float | None = None
    smooth: float | None = None


class _Kept(msgspec.Struct, frozen=True):
    """Of a case, by value of the segment."""

    segments: dict[int, Habit]


def habit_of(slices: CaseSlices, value: int) -> Habit:
    """How a case has a segment."""
    layer, label = slices.labels[value]
    mask, drawn = layer == label, slices.annotated[value]
    pieces = islands_of(mask)
    if pieces is None:
        return Habit()
    least_island = float(pieces.parts.min()) if drawn.all() else None
    sharing = [other for other in slices.labels.values() if other[0] is layer and other[1] != label]
    others = [other for _, other in sharing]
    shown = np.flatnonzero(drawn & mask.any(axis=(1, 2)))
    return _within_slices([(mask[index], np.isin(layer[index], others)) for index in shown], least_island)


def habit_of_drawn(slices: Iterable[tuple[np.ndarray, np.ndarray]]) -> Habit:
    """How a structure looks in the slices that a person drew of it, which are all that is known of it.

    One that hangs together in each of them is taken to do so everywhere; how large the pieces of another are in the
    whole volume, slices do not tell.

    Args:
        slices: Of each the mask, bool (h, w), and where structures are that it may not share pixels with.
    """
    shown = [(mask, taken) for mask, taken in slices if mask.any()]
    pieces = [islands for mask, _ in shown if (islands := islands_of(mask[None])) is not None]
    together = bool(pieces) and all(len(islands.sizes) == 1 for islands in pieces)
    return _within_slices(shown, 1.0 if together else None)


def _within_slices(shown: Sequence[tuple[np.ndarray, np.ndarray]], least_island: float | None) -> Habit:
    """What slices that were drawn whole say: of each the mask, not empty, and where others are."""
    if not shown:
        return Habit(least_island)
    least_hole, in_both, in_each = 1.0, 0, 0
    for mask, taken in shown:
        least_hole = min([least_hole, *(part for _, part in holes_of(mask, taken))])
        smooth = smoothed_mask(mask)
        in_both += int((smooth & mask).sum())
        in_each += int(smooth.sum()) + int(mask.sum())
    return Habit(least_island, least_hole, 2 * in_both / in_each)


def habits(inputs: RunInputs, cases: Sequence[int]) -> dict[int, Habit]:
    """How some cases have the segments of a run between them, by value.

    Args:
        inputs: Of the run; what is found out of a case is kept in its cache.
        cases: Their numbers.
    """
    told = [_of_case(inputs, number) for number in cases]
    return {value: least_of([case.get(value, Habit()) for case in told]) for value in inputs.values}


def least_of(of_cases: Sequence[Habit]) -> Habit:
    """How several cases have a segment between them."""

    def least(known: Iterable[float | None]) -> float | None:
        return min((one for one in known if one is not None), default=None)

    return Habit(
        least(one.least_island for one in of_cases),
        least(one.least_hole for one in of_cases),
        least(one.smooth for one in of_cases),
    )


def _of_case(inputs: RunInputs, number: int) -> Mapping[int, Habit]:
    """From the cache, else found out and kept there."""
    case = inputs.cases[number]
    cache = inputs.options.cache
    file = cache / _FOLDER / f"{content_key(case, inputs.plane)}.json" if cache else None
    kept = _read(file) if file else None
    if kept is not None:
        return kept
    slices = inputs.load(number)
    found = {value: habit_of(slices, value) for value in slices.labels}
    if file:
        _write(file, found)
    return found


def _read(file: Path) -> Mapping[int, Habit] | None:
    try:
        return read_json(file, _Kept).segments
    except FileNotFoundError:
        return None
    except (OSError, JsonError) as error:
        _LOG.warning("what was found out of a case cannot be read (%s); it is found out again", type(error).__name__)
        return None


def _write(file: Path, found: Mapping[int, Habit]) -> None:
    content = msgspec.json.encode(_Kept(dict(found)))

    def write(staged: Path) -> None:
        staged.write_bytes(content)

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_staged(file, write)
    except (OSError, InputError) as error:
        _LOG.warning("what was found out of a case cannot be kept (%s)", type(error).__name__)
