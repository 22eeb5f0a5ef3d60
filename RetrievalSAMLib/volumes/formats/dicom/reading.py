"""A DICOM series as one volume: from a folder as archives give it, or from a file of many frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ....errors import InputError
from ...geometry import Geometry
from .folder import Found, damaged_file, files_below
from .frame import Kind
from .header import Damaged, read_file
from .line import Line, check_rectangular, line_of
from .pixels import rescaled_each_its_own_way, stored_each_its_own_way, voxels_of
from .quiet import quiet
from .stacks import Stack, choose, stacks_of, the_only_one
from .straighten import straightened

_VARYING_MODALITIES = ("PT", "NM")
_OUT_OF_ORDER = 0.25


class ChosenStack(NamedTuple):
    """The slices that are meant, and what the user should know of how they were found."""

    stack: Stack
    notes: tuple[str, ...]


def read_dicom(
    place: Path, name: str, series: str | None = None, *, straighten: bool = False
) -> tuple[np.ndarray, Geometry, tuple[str, ...]]:
    """The voxels and the grid of one series, and what the user should know of how they were read.

    Args:
        place: A folder, which is searched with all below it; a DICOMDIR, which stands for its folder; or a file: one of
            many frames, or one slice of a series, which stands for the series.
        name: Its name as the user typed it, for messages.
        series: Number, UID or description of the series; None for the only image stack.
        straighten: Resample what makes no rectangular grid.

    Returns:
        (i, j, k) values rescaled to what they mean (HU in CT), the grid, and clauses for the user. These name no
        text of the files, which a person may have typed.

    Raises:
        InputError: There is no series or more than one, a file of it is damaged, or its slices make no volume.
        OSError: The folder cannot be read.
    """
    stack, found = find_stack(place, name, series)
    line = line_of(stack, name)
    if not straighten:
        check_rectangular(line, name)
    voxels = voxels_of(line.frames, name)
    notes = [*found, *_oddities(stack, line), *_blank_slices(stack, voxels)]
    first, step = np.array(line.frames[0].position_mm), line.step_mm
    if straighten:
        straight = straightened(line, voxels)
        voxels, first, step = straight.voxels, straight.first_mm, straight.step_mm
        notes.append(f"{stack.outline}: {straight.told}")
    count, rows, columns = voxels.shape
    try:
        geometry = Geometry(
            (columns, rows, count),
            (*line.pixel_mm, step),
            (float(first[0]), float(first[1]), float(first[2])),
            tuple(line.axes.T.ravel()),
        )
    except ValueError as error:
        raise InputError(name, str(error), "Export the series again from the archive.") from error
    return voxels.T, geometry, tuple(notes)


def find_stack(place: Path, name: str, series: str | None = None) -> ChosenStack:
    """The slices that are meant, with nothing missing that could be told.

    Args:
        place: As `read_dicom` takes it.
        name: Its name as the user typed it.
        series: Number, UID or description; None for the only image stack.

    Raises:
        InputError: As `read_dicom`.
        OSError: The folder cannot be read.
    """
    if place.is_dir():
        found = files_below(place, name)
    elif place.name.casefold() == "dicomdir":
        found = files_below(place.absolute().parent, name)
    else:
        return _of_file(place, name, series)
    images = found.images()
    if not images:
        raise _no_images(found, name)
    stacks = stacks_of(images)
    stack = choose(stacks, series, name)
    notes = _check_whole(found, stack, name)
    if len(stacks) > 1 and series is None:
        others = "; ".join(other.outline for other in stacks if other is not stack)
        notes.append(f"{stack.outline} is read, as the only image stack; left out: {others}")
    return ChosenStack(stack, tuple(notes))


def list_series(place: Path, name: str) -> list[tuple[Stack, bool]]:
    """The stacks below a folder (or the folder of a file) by series number, and whether one is read unless chosen.

    Empty where there is no image.

    Raises:
        InputError: It cannot be searched.
        OSError: It cannot be read.
    """
    stacks = stacks_of(files_below(place if place.is_dir() else place.absolute().parent, name).images())
    taken = the_only_one(stacks)
    return [(stack, stack is taken) for stack in stacks]


def _of_file(path: Path, name: str, series: str | None) -> ChosenStack:
    """A file of many frames, or the series in whose folder one of its slices was named."""
    try:
        with quiet():
            file = read_file(path)
    except Damaged as error:
        raise InputError(name, str(error), "Copy or export it again.") from error
    if file.kind is not Kind.IMAGE:
        remedy = "Give the folder or a file of the image; segmentations and structure sets go where segmentations go."
        raise InputError(name, f"it is a DICOM file without an image ({file.series.modality})", remedy)
    if len(file.frames) > 1:
        return ChosenStack(choose(stacks_of([file]), series, name), ())
    found = files_below(path.absolute().parent, name, deep=False)
    members = [image for image in found.images() if image.series.uid == file.series.uid]
    stacks = stacks_of(members)
    if series is None:
        own = [stack for stack in stacks if file.instance_uid in {one.instance_uid for one in stack.files}]
        stacks = own or stacks
    stack = choose(stacks, series, name)
    notes = _check_whole(found, stack, name)
    if len(stack.frames) > 1:
        notes.append(f"the file is one slice of a series; all of it is read: {stack.outline}")
    return ChosenStack(stack, tuple(notes))


def _no_images(found: Found, name: str) -> InputError:
    if found.unreadable:
        return damaged_file(name, found.unreadable[0])
    if found.files:
        kinds = sorted({file.series.modality or file.kind.value for file in found.files})
        return InputError(
            name,
            f"its DICOM files hold no image ({', '.join(kinds)})",
            "Give the folder that holds the slices of the series.",
        )
    return InputError(
        name,
        "the folder has no DICOM slices",
        "Give the folder that holds the slices itself, or a volume file.",
    )


def _check_whole(found: Found, stack: Stack, name: str) -> list[str]:
    """Refuse a series from which something may have vanished; what was left out rightly is told."""
    used = {file.path.parent for file in stack.files}
    found.check_nothing_vanishes(name, used, list(stack.files))
    return [f"{found.copies} files are copies of others and were left out"] if found.copies else []


def _oddities(stack: Stack, line: Line) -> Iterator[str]:
    """What may be right, and may be a slip that changes the voxels."""
    frames, files, told = line.frames, stack.files, stack.outline
    varies = all(file.series.modality in _VARYING_MODALITIES for file in files)
    if rescaled_each_its_own_way(frames, varies):
        yield f"{told}: slope or intercept change from slice to slice; each slice is rescaled by its own"
    if stored_each_its_own_way(frames):
        yield f"{told}: its slices keep their numbers in different ways; each is read by its own"
    if len(frames) == 1 and frames[0].thickness_mm is None:
        yield f"{told}: nothing says how thick it is; 1 mm is assumed"
    announced = max((file.announced or 0 for file in files), default=0)
    if len(files) == len(frames) < announced:
        yield f"{told}: its files speak of {announced} images"
    if any(file.series != stack.series for file in files):
        yield f"{told}: its files call the series differently (number, description or modality)"
    number_of = {file.path: file.instance_number for file in files}
    numbers = [number_of[frame.path] for frame in frames]
    if len(files) == len(frames) and len(frames) > 2 and None not in numbers:
        steps = np.sign(np.diff(np.array(numbers, dtype=np.int64)))
        against = min(np.count_nonzero(steps != 1), np.count_nonzero(steps != -1))
        if 0 < against <= max(2, _OUT_OF_ORDER * len(steps)):
            yield f"{told}: some slices are numbered against the order of their positions"


def _blank_slices(stack: Stack, voxels: np.ndarray) -> list[str]:
    """A slice without a picture between others may be right, and may be one that got lost on its way."""
    blank = np.array([plane.min() == plane.max() for plane in voxels])
    shown = np.flatnonzero(~blank)
    if shown.size == 0:
        return []
    numbers = [str(k) for k in np.flatnonzero(blank) if shown[0] < k < shown[-1]]
    if not numbers:
        return []
    which = ", ".join(numbers[:5]) + (", ..." if len(numbers) > 5 else "")
    return [f"{stack.outline}: slices between others show nothing, each has one value only (counted from 0: {which})"]
