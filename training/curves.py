"""Learning curves as a picture: training/curves.svg.

python -m training.curves --segmenter DIR [DIR ...] [--encoder DIR [DIR ...]]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from training.svg import centred_mean, legend, name, panels, save

PICTURE = Path(__file__).parent / "curves.svg"
_WINDOW = 5
"""Rows of the log that one point of a smoothed curve is the mean of."""


def read_log(states: list[Path]) -> list[dict[str, float]]:
    """The rows of several runs, one after the other; steps are counted on."""
    rows: list[dict[str, float]] = []
    for state in states:
        before = rows[-1]["step"] if rows else 0
        for line in (state / "log.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            rows.append(row | {"step": row["step"] + before})
    return rows


def _draw(axes: Axes, rows: list[dict[str, float]], names: dict[str, str]) -> None:
    for key, label in names.items():
        known = [(row["step"], row[key]) for row in rows if key in row]
        if not known:  # of another kind of run
            continue
        steps, values = np.array(known).T
        (line,) = axes.plot(steps, values, linewidth=0.6, alpha=0.4)
        axes.plot(steps, centred_mean(values, _WINDOW), color=line.get_color(), linewidth=1.6, label=label)
    legend(axes)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--segmenter", type=Path, nargs="+", required=True, help="state folders, in order")
    parser.add_argument("--encoder", type=Path, nargs="*", default=[], help="state folders, in order; none")
    options = parser.parse_args(arguments)
    figure, axes = panels(2 if options.encoder else 1)
    _draw(
        axes[0],
        read_log(options.segmenter),
        {
            "dice": "Dice where present",
            "presence_present": "presence right, present",
            "presence_absent": "absent",
            "dice library 128": "Dice with a library, small",
            "dice library 256": "the same, 256 pixels",
            "dice followed 128": "Dice carried on from one slice, small",
            "dice click 256": "Dice after a click, 256 pixels",
        },
    )
    name(axes[0], "segmenter, made-up episodes", "steps")
    if options.encoder:
        _draw(
            axes[1],
            read_log(options.encoder),
            {
                "likeness_retrieved": "likeness of the nearest",
                "likeness_random": "by chance",
                "likeness_best": "best possible",
            },
        )
        name(axes[1], "encoder", "steps")
    save(figure, PICTURE)


if __name__ == "__main__":
    main()
