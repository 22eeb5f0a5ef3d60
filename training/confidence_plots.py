"""Pictures of how well the tool knows where it is wrong: docs/plots/confidence.svg and docs/plots/corrections.svg.

    python -m training.confidence_plots [--confidence FILE.jsonl ...] [--corrections FILE.jsonl ...] [--folder DIR]

``--confidence``: records {set, target, segment, slice, confidence, dice}, one for every segment on a slice where truth
or prediction is not empty. A panel a set: confidence against the slice's Dice.

``--corrections``: what `training.simulated_user` wrote. Bars for each set: what correcting the same number of slices
gains once they were carried on, chosen by the tool, at random, and as only the truth knows.

The figures in the pictures are printed too.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from scipy.stats import rankdata

from training.judge import interval
from training.records import Record, read_records
from training.svg import COLOURS, GREY, legend, name, panels, save

FOLDER = Path(__file__).parent.parent / "docs" / "plots"

PAIR = ("set", "target", "segment", "slice")
"""What makes a pair of segment and slice the same pair."""

BAD = 0.5
"""Below this Dice a slice is to be found."""

CHOICES = {
    "worst": ("named first by the report", COLOURS[0]),
    "random": ("random", COLOURS[1]),
    "most wrong": ("most wrong (oracle)", GREY),
}

_DRAWN = 250
"""Points of a panel, at most, so that a picture stays small."""
_BINS = 10
_FEWEST = 5
"""Pairs that a bin needs to have a mean."""


def spearman(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's rank correlation, ties by mean ranks; NaN where one of them does not vary.

    Args:
        one: (n,).
        other: (n,).
    """
    ranks = [rankdata(values) for values in (one, other)]
    if min(np.ptp(rank) for rank in ranks) == 0:
        return math.nan
    return float(np.corrcoef(*ranks)[0, 1])


def auroc(confidence: np.ndarray, bad: np.ndarray) -> float:
    """How often a bad pair has the lower confidence of a bad and a good one, ties half (Mann and Whitney's U).

    Args:
        confidence: (n,).
        bad: (n,) bool.

    Returns:
        0.5 by chance, 1 at best; NaN where all are good or all are bad.
    """
    count = int(bad.sum())
    if count in (0, len(bad)):
        return math.nan
    ranks = rankdata(-confidence)
    return float((ranks[bad].sum() - count * (count + 1) / 2) / (count * (len(bad) - count)))


def binned(confidence: np.ndarray, dice: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean confidence and mean Dice in bins of equal width in which there are enough pairs.

    Args:
        confidence: (n,) in [0, 1].
        dice: (n,).

    Returns:
        (m,) and (m,).
    """
    of = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    full = [b for b in range(_BINS) if np.count_nonzero(of == b) >= _FEWEST]
    return (
        np.array([confidence[of == b].mean() for b in full]),
        np.array([dice[of == b].mean() for b in full]),
    )


def draw_confidence(records: Sequence[Record], path: Path) -> None:
    """A panel a set: confidence against Dice of its slices.

    Args:
        records: Of `PAIR`, with confidence and dice.
        path: The SVG file.
    """
    groups = list(dict.fromkeys(r["set"] for r in records))
    columns = min(3, len(groups))
    figure, axes = panels(columns, math.ceil(len(groups) / columns), (3.0, 2.9))
    for one in axes[len(groups) :]:
        one.set_axis_off()
    for place, (one, group) in enumerate(zip(axes, groups, strict=False)):
        rows = [r for r in records if r["set"] == group]
        confidence, dice = (np.array([r[key] for r in rows], dtype=float) for key in ("confidence", "dice"))
        _draw_pairs(one, confidence, dice)
        below = place + columns >= len(groups)
        name(one, group, "confidence" if below else "", "Dice of the slice" if place % columns == 0 else "")
        rho, area = spearman(confidence, dice), auroc(confidence, dice < BAD)
        told = f"Spearman {_told(rho)}, AUROC {_told(area)}"
        print(f"{group}: {told}, {len(rows)} pairs, {np.count_nonzero(dice < BAD)} of them below {BAD}")
        one.text(0.02, 1.0, f"{told}\n{len(rows)} pairs", transform=one.transAxes, va="top", fontsize=8)
    save(figure, path)


def _told(figure: float) -> str:
    return "-" if math.isnan(figure) else f"{figure:.2f}"


def _draw_pairs(axes: Axes, confidence: np.ndarray, dice: np.ndarray) -> None:
    drawn = np.arange(len(dice))
    if len(dice) > _DRAWN:
        drawn = np.sort(np.random.default_rng(0).choice(len(dice), _DRAWN, replace=False))
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
    axes.axhline(BAD, color=GREY, linewidth=0.8)
    axes.plot(confidence[drawn], dice[drawn], "o", color=COLOURS[0], markersize=2.5, alpha=0.3, markeredgewidth=0)
    axes.plot(*binned(confidence, dice), "o-", color=COLOURS[1], markersize=3.5, linewidth=1.6)
    axes.set_xlim(-0.03, 1.03)
    # Room for the text above the points.
    axes.set_ylim(-0.03, 1.28)
    axes.set_yticks(np.linspace(0, 1, 6))


def gains(records: Sequence[Record]) -> dict[tuple[str, str], list[float]]:
    """Gain in Dice once corrections were carried on, by set and choice of slices: each target once, draws averaged."""
    found: dict[tuple[str, str], list[float]] = {}
    for group, choice in dict.fromkeys((r["set"], r["choice"]) for r in records):
        rows = [r for r in records if (r["set"], r["choice"]) == (group, choice)]
        found[group, choice] = [
            float(np.mean([r["refined"] - r["before"] for r in rows if r["target"] == target]))
            for target in dict.fromkeys(r["target"] for r in rows)
        ]
    return found


def draw_corrections(records: Sequence[Record], path: Path) -> None:
    """Bars: what corrected slices gain, by set and choice of slices.

    Args:
        records: With set, target, choice, before and refined.
        path: The SVG file.
    """
    found = gains(records)
    groups = list(dict.fromkeys(group for group, _ in found))
    figure, (axes,) = panels(1, size=(max(4.5, 1.5 + 1.4 * len(groups)), 3.4))
    axes.grid(visible=False, axis="x")
    width = 0.8 / len(CHOICES)
    for number, (choice, (label, colour)) in enumerate(CHOICES.items()):
        here = [place for place, group in enumerate(groups) if (group, choice) in found]
        values = [found[groups[place], choice] for place in here]
        means = np.array([np.mean(value) for value in values])
        bounds = np.abs(np.array([interval(value) for value in values]).reshape(-1, 2).T - means)
        places = np.array(here) + (number - (len(CHOICES) - 1) / 2) * width
        bars: dict[str, Any] = {"color": colour, "label": label, "error_kw": {"linewidth": 0.8}}
        axes.bar(places, means, width * 0.92, yerr=bounds, **bars)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xticks(range(len(groups)), [_label(group, found) for group in groups])
    name(axes, "gain by correcting the same number of slices, carried on", up="Dice")
    # Room for the names above the bars.
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.15 * (high - low))
    legend(axes, "upper left", columns=3)
    save(figure, path)


def _label(group: str, found: dict[tuple[str, str], list[float]]) -> str:
    """The set, how many targets, and how much better than random the tool chose."""
    worst, random = (found.get((group, choice)) for choice in ("worst", "random"))
    targets = len(next(values for (of, _), values in found.items() if of == group))
    lines = [group, f"{targets} target{'s' * (targets > 1)}"]
    if worst and random and np.mean(random) > 0:
        times = float(np.mean(worst) / np.mean(random))
        print(f"{group}: named first {np.mean(worst):+.4f}, random {np.mean(random):+.4f}, {times:.2f} times")
        lines.append(f"{times:.1f} times random")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--confidence", type=Path, nargs="+", help="records of confidence and Dice (JSON lines)")
    parser.add_argument("--corrections", type=Path, nargs="+", help="results of training.simulated_user (JSON lines)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="for the pictures")
    options = parser.parse_args(arguments)
    drawings = (
        (options.confidence, PAIR, draw_confidence, "confidence.svg"),
        # Of two draws of the same slices both count.
        (options.corrections, None, draw_corrections, "corrections.svg"),
    )
    if not (options.confidence or options.corrections):
        parser.error("give --confidence, --corrections or both")
    for files, parts, draw, picture in drawings:
        if files:
            records = read_records(files, parts)
            if not records:
                parser.error(f"{', '.join(map(str, files))}: there is no record")
            draw(records, options.folder / picture)


if __name__ == "__main__":
    main()
