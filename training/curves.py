"""Learning curves as pictures: training/curves.svg, and training/prompt_curves.svg of the decoder of prompts.

python -m training.curves [--segmenter DIR [DIR ...] [--encoder DIR [DIR ...]]] [--prompts DIR [DIR ...]]
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from training.svg import centred_mean, legend, name, panels, save

PICTURE = Path(__file__).parent / "curves.svg"
PROMPTS_PICTURE = Path(__file__).parent / "prompt_curves.svg"
_WINDOW = 5
"""Rows of the log that one point of a smoothed curve is the mean of."""

_ROWS_A_POINT = 10
"""Rows of the log of prompts that are drawn as one."""


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
    parser.add_argument("--segmenter", type=Path, nargs="+", default=[], help="state folders, in order")
    parser.add_argument("--encoder", type=Path, nargs="+", default=[], help="state folders, in order")
    parser.add_argument("--prompts", type=Path, nargs="+", default=[], help="state folders of the prompt decoder")
    options = parser.parse_args(arguments)
    if options.segmenter:
        _draw_networks(options.segmenter, options.encoder)
    if options.prompts:
        _draw_prompts(options.prompts)


def _draw_networks(segmenter: list[Path], encoder: list[Path]) -> None:
    figure, axes = panels(2 if encoder else 1)
    _draw(
        axes[0],
        read_log(segmenter),
        {
            "dice": "Dice where present",
            "presence_present": "presence right, present",
            "presence_absent": "absent",
            "dice library 128": "Dice with a library, small",
            "dice library 256": "the same, 256 pixels",
            "dice followed 128": "Dice carried on from one slice, small",
        },
    )
    name(axes[0], "segmenter, made-up episodes", "steps")
    if encoder:
        _draw(
            axes[1],
            read_log(encoder),
            {
                "likeness_retrieved": "likeness of the nearest",
                "likeness_random": "by chance",
                "likeness_best": "best possible",
            },
        )
        name(axes[1], "encoder", "steps")
    save(figure, PICTURE)


def _mean_of(rows: list[dict[str, float]]) -> dict[str, float]:
    keys = dict.fromkeys(key for row in rows for key in row)
    return {key: float(np.mean([row[key] for row in rows if key in row])) for key in keys}


def _draw_prompts(states: list[Path]) -> None:
    """Small episodes come first and then large ones: a curve goes through both. A step has one kind of prompt alone."""
    log = [{re.sub(r" \d+$", "", key): value for key, value in row.items()} for row in read_log(states)]
    rows = [_mean_of(log[start : start + _ROWS_A_POINT]) for start in range(0, len(log), _ROWS_A_POINT)]
    figure, axes = panels(2)
    for panel, given in zip(axes, ("alone", "on a mask"), strict=True):
        _draw(
            panel,
            rows,
            {
                f"dice click {given}": "a click",
                f"dice click {given}+2": "three clicks",
                f"dice box {given}": "a box",
            },
        )
        name(panel, f"Dice after prompts {given}, made-up episodes", "steps")
    save(figure, PROMPTS_PICTURE)


if __name__ == "__main__":
    main()
