"""The review of a library: every case against the others, worst first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np

from .. import NOTICE, __version__
from ..errors import InputError
from ..library.case import Case
from ..library.store import SupportLibrary
from ..progress import Progress, silent
from ..segmentation.output.report import LibraryReport, ModelReport
from ..segmentation.settings.options import Models, RunOptions
from ..segmentation.settings.presets import FATE_SAM, Settings
from ..volumes.reading import read_information
from .consistency import inconsistencies
from .drawn import drawn_case, drawn_slices
from .flags import Flag, listed
from .gaps import gap_flags
from .influence import Influence, influences
from .kept_results import KeptResults
from .leave_one_out import LeftOut, leave_out

_STAGE = "reviewing cases"
_WORST_SLICES = 5

_LOW, _SPREADS = 0.15, 3.0
"""A Dice is low where it is this far, and this many robust standard deviations, below the other cases' median."""

_DISAGREE = 0.4
"""Of two cases that explain each other by less than this mean Dice, one is drawn otherwise."""

_SWAP_GAIN, _SHIFT_GAIN, _SHIFTED_DICE = 0.3, 0.15, 0.5


class CaseDice(msgspec.Struct, frozen=True):
    """Dice of the other cases' result: the mean of the segments (None where no other case has any), and each."""

    mean: float | None
    segments: dict[str, float | None]


class WorstSlice(msgspec.Struct, frozen=True):
    """A slice to look at: index along the sliced axis of the case's file, segment, Dice there."""

    index: int
    segment: str
    dice: float


class ReviewedCase(msgspec.Struct, frozen=True):
    """One case of a review.

    Attributes:
        name: The case's name.
        id: Its UUID.
        plane: Anatomical plane in which it was sliced.
        plane_axis: Array axis of the file (0, 1, 2 as SimpleITK's x, y, z) that is sliced; None for a damaged case.
        sparse: Whether only some slices are annotated; Dice is over these.
        dice: Against the result that the other cases give.
        flags: What to look at, gravest first.
        worst_slices: Where drawn and found differ most.
        influence: How results that drew on it compare; None for a damaged case.
    """

    name: str
    id: str
    plane: str
    plane_axis: int | None
    sparse: bool
    dice: CaseDice
    flags: tuple[Flag, ...]
    worst_slices: tuple[WorstSlice, ...]
    influence: Influence | None


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """What the review of a library found; ``cases`` worst first. docs/formats.md explains the fields."""

    notice: str = NOTICE
    version: str = __version__
    library: LibraryReport
    model: ModelReport
    encoder: ModelReport
    preset: str
    settings: dict[str, object]
    cases: tuple[ReviewedCase, ...]
    computed: int
    seconds: float


def review_library(
    library: SupportLibrary,
    models: Models,
    settings: Settings,
    progress: Progress = silent,
    *,
    max_memory_bytes: int = 1 << 30,
) -> Review:
    """Segment every case by the others, and compare with what was drawn.

    A case that is finished is kept in the library's cache: a review that is stopped or killed goes on where it was,
    as long as no case, model or setting has changed.

    Args:
        library: At least two cases that can be read.
        models: The networks.
        settings: Of the runs.
        progress: Told how many cases are done; what it raises ends the review.
        max_memory_bytes: What support memories may hold of main memory.

    Raises:
        InputError: There are fewer than two cases, the preset cannot be used, or the cache cannot be written.
        DamagedLibraryError: The `case.json` of a case is damaged.
    """
    if settings.preset == FATE_SAM:
        raise InputError(f"preset '{FATE_SAM}'", "a review cannot use it", "Use fast, default or accurate.")
    everyone = library.cases()
    check_enough(library.name, everyone)
    damaged, cases = _apart(everyone)
    check_enough(library.name, cases)
    drawn, flags, axes = [], {}, []
    for number, case in enumerate(cases):
        progress("reading the cases", number, len(cases))
        slices = drawn_slices(case)
        drawn.append(drawn_case(case, slices))
        axes.append(slices.frame.plane_axis)
        flags[case.name] = gap_flags(slices, {segment.value: segment.name for segment in case.segments})
    for name, found in inconsistencies(drawn).items():
        flags[name] += found
    kept = KeptResults.of(library.cache_dir, cases, models, settings)
    options = RunOptions(
        cache=library.cache_dir,
        library_name=library.name,
        max_memory_bytes=max_memory_bytes,
    )
    results, computed = [], 0
    for number, case in enumerate(cases):
        progress(_STAGE, number, len(cases))
        result = kept.get(case)
        if result is None:
            result = _left_out(case, cases, models, settings, options, progress, number)
            kept.put(case, result)
            computed += 1
        results.append(result)
    progress(_STAGE, len(cases), len(cases))
    reviewed = [
        _reviewed(case, axis, result, results, flags[case.name])
        for case, axis, result in zip(cases, axes, results, strict=True)
    ]
    doubtful = {case.name for case in reviewed if any(flag.severity for flag in case.flags)}
    reviewed = _with_influence(reviewed, influences(results, doubtful))
    segmenter, encoder = models.segmenter, models.encoder
    return Review(
        library=LibraryReport(library.name, len(everyone)),
        model=ModelReport.of(segmenter),
        encoder=ModelReport.of(encoder),
        preset=settings.preset,
        settings=settings.as_report(),
        cases=tuple(sorted([*damaged, *reviewed], key=_order)),
        computed=computed,
        seconds=round(sum(result.seconds for result in results), 1),
    )


def check_enough(name: str, cases: Sequence[Case]) -> None:
    """Refuse a library with nothing to compare.

    Raises:
        InputError: There are fewer than two cases.
    """
    if len(cases) < 2:
        count = "no case" if not cases else "one case only"
        raise InputError(
            f"library `{name}`",
            f"it has {count} that can be read, and a review compares every case with the others",
            "Add annotated volumes first (retrievalsam library add).",
        )


def largest_size(cases: Sequence[Case]) -> tuple[int, int, int]:
    """The most voxels along each axis of any case, for the networks' input; cases that cannot be read are left out."""
    sizes = [grid.size for case in cases if (grid := read_information(case.image_path)) is not None]
    x, y, z = np.max(sizes, axis=0) if sizes else (1, 1, 1)
    return int(x), int(y), int(z)


def _apart(cases: Sequence[Case]) -> tuple[list[ReviewedCase], list[Case]]:
    """The cases with a damaged file in use, told, and the others."""
    damaged, intact = [], []
    for case in cases:
        facts = [f"{path.name}: {fact}" for path, fact in case.damage() if path in _in_use(case)]
        if facts:
            text = f"a file is damaged ({'; '.join(facts)}), so the case was left out"
            dice = CaseDice(None, {segment.name: None for segment in case.segments})
            flag = Flag("damaged", text)
            damaged.append(
                ReviewedCase(case.name, case.id, str(case.plane), None, _is_sparse(case), dice, (flag,), (), None)
            )
        else:
            intact.append(case)
    return damaged, intact


def _in_use(case: Case) -> tuple[object, ...]:
    return case.image_path, case.segmentation_path


def _is_sparse(case: Case) -> bool:
    return any(segment.annotated_slices is not None for segment in case.segments)


def _left_out(
    case: Case,
    cases: Sequence[Case],
    models: Models,
    settings: Settings,
    options: RunOptions,
    progress: Progress,
    number: int,
) -> LeftOut:
    def step(_stage: str, _done: int, _total: int) -> None:
        progress(_STAGE, number, len(cases))  # the case is not done, but the caller may want an end

    others = [other for other in cases if other is not case]
    return leave_out(case, others, models, settings, replace(options, progress=step))


def _reviewed(
    case: Case, plane_axis: int, result: LeftOut, results: Sequence[LeftOut], flags: Sequence[Flag]
) -> ReviewedCase:
    names = {segment.value: segment.name for segment in case.segments}
    mean = _mean(result)
    scores = sorted(result.scores, key=lambda score: (score.dice, score.index, score.value))[:_WORST_SLICES]
    found = [*flags, *_low(result, results, names), *_swapped(result, names, flags)]
    if not any(flag.kind == "swapped" for flag in found):
        found += _shifted(result)
    if result.backwards:
        text = "its slices seem to run the other way than those of the other cases: its header may be wrong"
        found.append(Flag("backwards", text))
    if result.verdict == "unlike-library":
        found.append(Flag("unlike", "its slices look unlike those of all other cases"))
    alone = tuple(names[value] for value in names if value not in result.dice)
    if alone:
        found.append(Flag("alone", f"no other case has {listed(alone)}, so nothing can be said of it", alone))
    return ReviewedCase(
        name=case.name,
        id=case.id,
        plane=str(case.plane),
        plane_axis=plane_axis,
        sparse=_is_sparse(case),
        dice=CaseDice(mean, {name: result.dice.get(value) for value, name in names.items()}),
        flags=tuple(found),
        worst_slices=tuple(WorstSlice(score.index, names[score.value], score.dice) for score in scores),
        influence=None,
    )


def _mean(result: LeftOut) -> float | None:
    return round(float(np.mean(list(result.dice.values()))), 4) if result.dice else None


def _low(result: LeftOut, results: Sequence[LeftOut], names: dict[int, str]) -> list[Flag]:
    """Segments whose Dice is far below that of the other cases."""
    low = []
    for value, own in result.dice.items():
        others = [other.dice[value] for other in results if other is not result and value in other.dice]
        if len(others) >= 2:
            middle = float(np.median(others))
            spread = 1.4826 * float(np.median(np.abs(np.array(others) - middle)))
            if own < middle - max(_LOW, _SPREADS * spread):
                low.append((names[value], f"`{names[value]}` {own:.2f} (the other cases: {middle:.2f})"))
        elif others and own < _DISAGREE:
            low.append((names[value], f"`{names[value]}` {own:.2f}; with two cases it cannot be told which is wrong"))
    if not low:
        return []
    text = f"the other cases' result agrees little with what is drawn: Dice of {', '.join(told for _, told in low)}"
    return [Flag("low-dice", text, tuple(name for name, _ in low))]


def _swapped(result: LeftOut, names: dict[int, str], known: Sequence[Flag]) -> list[Flag]:
    flags: list[Flag] = []
    for swap in sorted(result.swaps, key=lambda swap: swap.as_drawn - swap.swapped):
        pair = (names[swap.first], names[swap.second])
        told = any(set(pair) & set(flag.segments) for flag in [*known, *flags] if flag.kind == "swapped")
        if told or swap.swapped - swap.as_drawn < _SWAP_GAIN:
            continue
        text = (
            f"{listed(pair)} seem to be swapped: with the other cases' result the Dice is {swap.as_drawn / 2:.2f} "
            f"as drawn and {swap.swapped / 2:.2f} the other way round"
        )
        flags.append(Flag("swapped", text, pair))
    return flags


def _shifted(result: LeftOut) -> list[Flag]:
    shift = result.shift
    if shift is None or shift.moved < _SHIFTED_DICE or shift.moved - shift.as_drawn < _SHIFT_GAIN:
        return []
    text = (
        f"the mask seems to be shifted by {shift.distance_mm:.3g} mm: moved by {shift.slices:+d} slices, "
        f"{shift.rows:+d} rows and {shift.columns:+d} columns the Dice would be {shift.moved:.2f} "
        f"instead of {shift.as_drawn:.2f}"
    )
    return [Flag("shifted", text)]


def _with_influence(cases: Sequence[ReviewedCase], found: dict[str, Influence]) -> list[ReviewedCase]:
    told = []
    for case in cases:
        influence = found[case.name]
        flags = list(case.flags)
        if influence.hurts:
            text = (
                f"results that drew on it are worse: the more, the lower their Dice (correlation "
                f"{influence.correlation:.2f} over {influence.slices} slices)"
            )
            flags.append(Flag("hurts", text))
        flags.sort(key=lambda flag: -flag.severity)
        told.append(msgspec.structs.replace(case, flags=tuple(flags), influence=influence))
    return told


def _order(case: ReviewedCase) -> tuple[int, int, float, str]:
    """Gravest first: by what is almost surely wrong, by how much else speaks against a case, then by Dice.

    Where one of few cases is wrong, those that are measured by it seem wrong in the same way, but for nothing else.
    """
    gravest = max((flag.severity for flag in case.flags), default=0)
    dice = 1.0 if case.dice.mean is None else case.dice.mean
    return -gravest, -len(case.flags), dice, case.name
