"""What came out of a library that grew, as tables and as a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from training.judge import interval
from training.records import Record, identity
from training.svg import COLOURS, GREY, legend, name, panels, save, trailing_mean

PARTS = ("role", "set", "kind", "name", "library", "loop", "settings", "weights")
"""What makes a figure the same figure. ``kind``: ``case`` (one that was corrected: dice of the run and after each time
that corrections were carried on, looked, corrected, and added: the hash of what went into the library, None for a
control) or ``target`` (dice by segment). ``library``: hashes of the cases that were there, in order."""

WINDOW = 4
"""Cases that the moving mean of corrections is over."""


@dataclass(frozen=True)
class Growth:
    """A library that grew, followed from its first case on.

    Attributes:
        role: ``judge`` or ``tune``.
        group: The set.
        loop: How the made-up user worked.
        cases: Records of the cases, in order; the first one was drawn by a person.
        alone: By name of a case, its record with the first case alone as its library, where that was measured.
        measured: By size of the library, mean Dice over segments of each target.
    """

    role: str
    group: str
    loop: dict[str, object]
    cases: list[Record]
    alone: dict[str, Record]
    measured: dict[int, list[float]]


def growths(records: Sequence[Record]) -> Iterator[Growth]:
    """Libraries that grew, each with the figures that belong to it."""
    runs: dict[str, list[Record]] = {}
    for record in records:
        run_of = identity(record, ("role", "set", "loop", "settings", "weights"))
        runs.setdefault(run_of, []).append(record)
    for run in runs.values():
        cases: list[Record] = []
        hashes: list[str] = []
        while step := [r for r in run if r["kind"] == "case" and r["added"] and r["library"] == hashes]:
            cases.append(step[-1])
            hashes.append(step[-1]["added"])
        if not cases:
            continue
        measured: dict[int, list[float]] = {}
        for size in range(1, len(hashes) + 1):
            targets = [r for r in run if r["kind"] == "target" and r["library"] == hashes[:size]]
            if targets:
                measured[size] = [float(np.mean(list(r["dice"].values()))) for r in targets]
        alone = {r["name"]: r for r in run if r["kind"] == "case" and r["library"] == hashes[:1]}
        yield Growth(run[0]["role"], run[0]["set"], run[0]["loop"], cases, alone, measured)


def corrections(growth: Growth) -> np.ndarray:
    """Slices corrected in each case from the second on, float (cases - 1,)."""
    return np.array([len(case["corrected"]) for case in growth.cases[1:]], dtype=float)


def corrections_alone(growth: Growth) -> np.ndarray | None:
    """The same with the first case alone as the library, which the second case always has; None where not measured."""
    names = [case["name"] for case in growth.cases[1:]]
    if len(names) < 2 or not set(names) <= growth.alone.keys():
        return None
    return np.array([len(growth.alone[name]["corrected"]) for name in names], dtype=float)


def table(records: Sequence[Record]) -> str:
    """Markdown: by size of the library what it finds and what a case still takes, then every case."""
    return "\n\n".join(_table(growth) for growth in growths(records))


def _table(growth: Growth) -> str:
    alone = corrections_alone(growth)
    taken = trailing_mean(corrections(growth), WINDOW)
    control = None if alone is None else trailing_mean(alone, WINDOW)
    extra = " the same with the first case alone |" if control is not None else ""
    lines = [
        f"### {growth.group} ({growth.role}, goal {growth.loop['goal']}, {growth.loop['step']} slices at a time)",
        "",
        f"| cases | targets | mean Dice | slices corrected a case, mean of the last {WINDOW} |{extra}",
        "|---" * (4 + bool(extra)) + "|",
    ]
    for size, dice in growth.measured.items():
        low, high = interval(dice)
        cells = [str(size), str(len(dice)), f"{np.mean(dice):.3f} [{low:.3f}, {high:.3f}]"]
        cells.append(f"{taken[size - 2]:.1f}" if size > 1 else "drawn whole")
        if control is not None:
            cells.append(f"{control[size - 2]:.1f}" if size > 1 else "")
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "| case | Dice found | Dice accepted | looked at | corrected |", "|---" * 5 + "|"]
    for number, case in enumerate(growth.cases, start=1):
        if number == 1:
            lines.append(f"| 1 ({case['name']}) | | | | drawn whole |")
            continue
        met = "" if case["dice"][-1] >= growth.loop["goal"] else " (limit)"
        lines.append(
            f"| {number} ({case['name']}) | {case['dice'][0]:.3f} | {case['dice'][-1]:.3f}{met} "
            f"| {len(case['looked'])} | {len(case['corrected'])} |"
        )
    return "\n".join(lines)


def draw(records: Sequence[Record], path: Path) -> None:
    """Dice by size of the library, and corrections by case, as SVG.

    Args:
        records: Of one library that grew, or several.
        path: The file.
    """
    figure, (left, right) = panels(2)
    found = list(growths(records))
    for growth, colour in zip(found, COLOURS, strict=False):
        label = growth.group if len(found) > 1 else ""
        _draw_dice(left, growth, colour, label)
        _draw_corrections(right, growth, colour, label)
    name(left, "what the library finds in held-out volumes", "cases in the library", "mean Dice")
    name(right, "what a case takes before it is added", "becomes the n-th case", "slices corrected")
    right.set_ylim(bottom=0)
    for axes in (left, right):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        legend(axes)
    save(figure, path)


def _draw_dice(axes: Axes, growth: Growth, colour: str, label: str) -> None:
    sizes = np.array(list(growth.measured))
    means = [float(np.mean(dice)) for dice in growth.measured.values()]
    bounds = np.array([interval(dice) for dice in growth.measured.values()]).T
    targets = max(map(len, growth.measured.values()))
    told = f"mean of {targets} targets" if targets > 1 else "one target"
    axes.fill_between(sizes, *bounds, color=colour, alpha=0.15, linewidth=0, label="95 % bootstrap interval")
    axes.plot(sizes, means, "o-", color=colour, linewidth=1.6, markersize=4, label=label or told)


def _draw_corrections(axes: Axes, growth: Growth, colour: str, label: str) -> None:
    taken = corrections(growth)
    places = np.arange(2, len(taken) + 2)
    axes.plot(places, taken, "o", color=colour, markersize=4, alpha=0.5)
    axes.plot(places, trailing_mean(taken, WINDOW), color=colour, label=label or f"mean of the last {WINDOW}")
    alone = corrections_alone(growth)
    if alone is not None:
        mean = trailing_mean(alone, WINDOW)
        axes.plot(places, alone, "x", color=GREY, markersize=4, alpha=0.5)
        axes.plot(places, mean, "--", color=GREY, label="the same with the first case alone")
