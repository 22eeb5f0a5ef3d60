"""Options of the commands that say how a volume or a segmentation is to be read, and what was seen in it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError

if TYPE_CHECKING:
    from ..volumes import Geometry, GridChoice, ReadingChoices, Segmentation, Volume

SpacingOption = Annotated[
    str | None,
    typer.Option(
        "--spacing", help="x,y,z in mm between columns, rows and slices, for pictures (TIFF, PNG), which do not say."
    ),
]
GridOption = Annotated[
    str,
    typer.Option(
        "--grid",
        help="own, or of-image: a segmentation of the image's size that lost its place is laid on the image's voxels.",
    ),
]
CleanOption = Annotated[
    str | None,
    typer.Option(
        "--clean",
        help="What is done with the masks, with commas: islands, holes, smooth; or none. Islands and holes that a case "
        "(of `start`: a drawn slice) has stay, and so does what was drawn.",
    ),
]


def clean_steps(text: str | None) -> list[str] | None:
    """The steps that `--clean` names; None where it is not given.

    Raises:
        InputError: There is no such step.
    """
    from ..segmentation.settings.cleaning import Cleaning

    if text is None:
        return None
    steps = [] if text.strip() == "none" else [step.strip() for step in text.split(",")]
    Cleaning.of(steps, "--clean")
    return steps


def volume_of(path: Path, spacing: str | None, series: str | None = None, straighten: bool = False) -> Volume:
    """The volume that a command was given; what the user should know of it is told."""
    from ..volumes import read_volume

    volume = read_volume(path, spacing_mm=spacing_of(spacing), series=series, straighten=straighten)
    tell(path, volume.notes)
    return volume


def segmentation_of(path: Path, image: Path, geometry: Geometry, grid: str, spacing: str | None) -> Segmentation:
    """The segmentation that a command was given, on the image's grid; what the user should know of it is told."""
    from ..volumes import fit_to_grid, read_segmentation
    from ..volumes.formats.picture_stacks import spacing_of_pictures

    choice = grid_of(grid)
    read = read_segmentation(path, spacing_mm=spacing_of_pictures(path, spacing_of(spacing)), grid=geometry)
    fitted = fit_to_grid(read, str(path), geometry, str(image), choice)
    tell(path, fitted.notes)
    return fitted


def reading_choices(spacing: str | None, series: str | None, straighten: bool) -> ReadingChoices:
    """Of a command that reads several volumes: each choice counts for those that it can be about."""
    from ..volumes import ReadingChoices

    return ReadingChoices(series, straighten, spacing_of(spacing))


def tell(path: Path, notes: Iterable[str]) -> None:
    """Warnings about a file."""
    for note in notes:
        print(f"warning: {path}: {note}", file=sys.stderr)


def spacing_of(text: str | None) -> tuple[float, float, float] | None:
    """Of `--spacing`.

    Raises:
        InputError: It is not three lengths.
    """
    if text is None:
        return None
    try:
        x, y, z = (float(part) for part in text.split(","))
    except ValueError:
        remedy = "Give three lengths in mm, for example --spacing 0.01,0.01,0.02."
        raise InputError("--spacing", f"'{text}' is not x,y,z", remedy) from None
    return (x, y, z)


def grid_of(text: str) -> GridChoice:
    """Of `--grid`.

    Raises:
        InputError: There is no such choice.
    """
    if text == "own":
        return "own"
    if text == "of-image":
        return "of-image"
    raise InputError("--grid", f"'{text}' is no choice", "Use own or of-image.")
