"""Pictures for the documentation: SVG whose text stays text, the same bytes each time that the same is drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = ("#2a6fb0", "#d1622b", "#4b8f4b")
GREY = "#8a8a8a"
"""For what the others are compared with."""

_STYLE: dict[Any, Any] = {
    "axes.titlesize": 10,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 8.5,
    "legend.fontsize": 8,
    "legend.frameon": False,
}


def panels(columns: int, rows: int = 1, size: tuple[float, float] = (4.5, 3.4)) -> tuple[Figure, list[Axes]]:
    """Axes side by side, row by row.

    Args:
        columns: In a row.
        rows: Of panels.
        size: Of one panel, inches wide and high.
    """
    with matplotlib.rc_context(_STYLE):
        figure = Figure((columns * size[0], rows * size[1]), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False)
    for one in axes.flat:
        one.grid(alpha=0.3)
        one.set_axisbelow(True)
    return figure, list(axes.flat)


def name(axes: Axes, title: str, across: str = "", up: str = "") -> None:
    """Say what a panel shows.

    Args:
        axes: The panel.
        title: Above it.
        across: What the horizontal axis counts.
        up: What the vertical one does.
    """
    axes.set_title(title, fontsize=_STYLE["axes.titlesize"])
    axes.set_xlabel(across)
    axes.set_ylabel(up)


def legend(axes: Axes, place: Literal["best", "upper left"] = "best", columns: int = 1) -> None:
    """Names of what is drawn.

    Args:
        axes: Where something is drawn that has a label.
        place: Where.
        columns: Of names.
    """
    with matplotlib.rc_context(_STYLE):
        axes.legend(loc=place, ncols=columns)


def save(figure: Figure, path: Path) -> None:
    """Write a picture; its folder is made.

    Args:
        figure: From `panels`.
        path: The .svg file. Its name takes part in the names of what it refers to within, so that two pictures in one
            page do not mix.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": path.stem}):
        figure.savefig(path, format="svg", metadata={"Date": None})


def centred_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Mean of a value and those beside it, fewer at the ends.

    Args:
        values: (n,).
        window: So many values at most.

    Returns:
        (n,).
    """
    kernel = np.ones(min(window, len(values)))
    mean: np.ndarray = np.convolve(values, kernel, "same") / np.convolve(np.ones(len(values)), kernel, "same")
    return mean


def trailing_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Mean of a value and those before it, fewer at the beginning.

    Args:
        values: (n,).
        window: So many values at most.

    Returns:
        (n,).
    """
    return np.array([np.mean(values[max(0, n + 1 - window) : n + 1]) for n in range(len(values))])
