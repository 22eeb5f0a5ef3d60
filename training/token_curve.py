"""What fewer tokens in memory attention cost in Dice: docs/plots/tokens.svg, and a table.

    python -m training.token_curve FILE.jsonl [FILE.jsonl ...] [--picture FILE.svg]

The files are results of `training.judge` with ``--change whole_blocks=PART`` for some parts and 1, on the same
targets. A point is the mean difference to all tokens over the targets that both were run on, in points of Dice.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from training.judge import read_results
from training.records import Record
from training.svg import legend, name, panels, save

PICTURE = Path(__file__).parent.parent / "docs" / "plots" / "tokens.svg"

_TOKENS_OF_A_BLOCK = 4
"""A block of 2 x 2 tokens that is not whole is attended to as one."""

Curve = dict[float, tuple[float, int]]
"""By the part of the tokens that is attended to: points of Dice gained (lost below 0), and number of targets."""


def tokens_of(whole_blocks: float) -> float:
    """The part of the tokens that is left where this part of the blocks stays whole."""
    return whole_blocks + (1 - whole_blocks) / _TOKENS_OF_A_BLOCK


def curves(records: Sequence[Record]) -> dict[tuple[str, str], Curve]:
    """A curve by role and set.

    Raises:
        ValueError: No target of a set was run with all tokens.
    """
    dice: dict[tuple[str, str], dict[float, dict[str, float]]] = {}
    for record in records:
        by_part = dice.setdefault((record["role"], record["set"]), {})
        mean = float(np.mean(list(record["dice"].values())))
        by_part.setdefault(record["settings"]["whole_blocks"], {})[record["target"]] = mean
    found = {}
    for place, by_part in dice.items():
        if 1 not in by_part:
            raise ValueError(f"{place[1]} ({place[0]}): no target was run with whole_blocks=1")
        everything = by_part[1]
        found[place] = {tokens_of(part): _gained(everything, by_target) for part, by_target in sorted(by_part.items())}
    return found


def _gained(before: dict[str, float], after: dict[str, float]) -> tuple[float, int]:
    both = sorted(before.keys() & after.keys())
    return 100 * float(np.mean([after[target] - before[target] for target in both])), len(both)


def table(found: dict[tuple[str, str], Curve]) -> str:
    """The curves in Markdown."""
    columns = sorted({tokens for curve in found.values() for tokens in curve}, reverse=True)
    lines = [
        f"| set (targets) | {' | '.join(f'{tokens:.0%}' for tokens in columns)} |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for (role, group), curve in found.items():
        targets = min(count for _, count in curve.values())
        cells = [f"{curve[tokens][0]:+.2f}" if tokens in curve else "" for tokens in columns]
        lines.append(f"| {group}, {role} ({targets}) | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(found: dict[tuple[str, str], Curve], path: Path) -> None:
    """The curves as a picture."""
    figure, (axes,) = panels(1, size=(5.5, 3.6))
    for (role, group), curve in found.items():
        tokens = sorted(curve)
        axes.plot(
            [100 * part for part in tokens],
            [curve[part][0] for part in tokens],
            marker="o",
            markersize=3,
            linewidth=1.2,
            linestyle="-" if role == "tune" else "--",
            label=f"{group} ({role})",
        )
    axes.axhline(0, color="black", linewidth=0.6)
    name(axes, "fewer tokens of the memories", "% of the tokens attended to", "points of Dice")
    legend(axes)
    save(figure, path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--picture", type=Path, default=PICTURE)
    options = parser.parse_args(arguments)
    found = curves(read_results(options.results))
    draw(found, options.picture)
    print(table(found))


if __name__ == "__main__":
    main()
