"""Label maps as people have them: brought to whole numbers from 0 to 65535, or refused, and every change told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from ..errors import InputError
from .counting import value_counts

MAX_SEGMENTS = 1000
MAX_VALUE = 65535
# Labels kept as floats may be this far from whole numbers.
_ROUNDING = 1e-4
# Integers that were scaled to 8 bit and back are off by at most half of a 255th of the largest.
_SCALED = 1 / 510
_MOST_SCALED = 0.25
_NAMELESS = re.compile(r"segment_[0-9]+")
_REMEDY = "A label map holds whole numbers from 0 (background) to 65535: give the segmentation, not the image."


@dataclass(frozen=True)
class LabelMap:
    """The labels of a file.

    Attributes:
        voxels: (i, j, k) uint8 or uint16.
        renumbered: By new value, the value in the file where that was above 65535.
        notes: What was changed, a clause each.
    """

    voxels: np.ndarray
    renumbered: dict[int, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> dict[int, str]:
        """Of renumbered values: they tell the value in the file."""
        return {value: nameless(old) for value, old in self.renumbered.items()}


def nameless(value: int) -> str:
    """What a segment is called whose file gives it no name."""
    return f"segment_{value}"


def is_nameless(name: str) -> bool:
    """Whether it is a name of `nameless`."""
    return _NAMELESS.fullmatch(name) is not None


def all_finite(voxels: np.ndarray) -> bool:
    """Whether no voxel is NaN or infinite, without a temporary array of the volume's size."""
    return bool(np.isfinite(voxels.min()) and np.isfinite(voxels.max()))


def as_labels(voxels: np.ndarray, thing: str) -> np.ndarray:
    """A label map as uint8 or uint16, whichever its largest value needs; not copied where it is one already.

    Args:
        voxels: Of any real dtype.
        thing: The name for messages.

    Raises:
        InputError: If values are not whole, not finite, negative or above 65535.
    """
    if voxels.dtype.kind == "f":
        if not all_finite(voxels):
            raise InputError(thing, "it has labels that are NaN or infinite", _REMEDY)
        whole = np.rint(voxels)
        if np.abs(voxels - whole).max() > _ROUNDING:
            raise _not_whole(thing)
        voxels = whole
    elif voxels.dtype.kind not in "biu":
        raise InputError(thing, f"its voxels are of the type {voxels.dtype}, not integers", _REMEDY)
    least, most = int(voxels.min()), int(voxels.max())
    if least < 0:
        raise InputError(thing, f"it has negative labels (down to {least})", _REMEDY)
    if most > MAX_VALUE:
        raise InputError(thing, f"it has labels up to {most}", _REMEDY)
    return voxels.astype(np.uint8 if most <= 255 else np.uint16, order="K", copy=False)


def found_labels(voxels: np.ndarray, thing: str) -> LabelMap:
    """The label map of a file, mended where that can be done without a guess.

    NaN, infinity and negative values are background; integers that were scaled (1.004 for 1) are rounded; values
    above 65535 get the lowest free ones. Each of these is told.

    Args:
        voxels: Of any real dtype.
        thing: The name for messages.

    Raises:
        InputError: If values are not whole, or there are too many of them.
    """
    notes: list[str] = []
    if voxels.dtype.kind == "f":
        voxels = _whole(voxels, thing, notes)
    elif voxels.dtype.kind not in "biu":
        raise InputError(thing, f"its voxels are of the type {voxels.dtype}, not integers", _REMEDY)
    if voxels.dtype.kind != "b" and voxels.min() < 0:
        negative = voxels < 0
        values = np.unique(voxels[negative])
        if values.size > MAX_SEGMENTS:
            raise _too_many(thing, values.size)
        shown = ", ".join(str(int(value)) for value in values[:5]) + (", ..." if values.size > 5 else "")
        notes.append(f"{np.count_nonzero(negative)} voxels are negative ({shown}); they count as background")
        voxels = np.where(negative, 0, voxels)
    renumbered: dict[int, int] = {}
    if int(voxels.max()) > MAX_VALUE:
        voxels, renumbered = _renumbered(voxels, thing)
        changed = ", ".join(f"{old} became {new}" for new, old in renumbered.items())
        kept = [value for value in label_values(voxels, thing) if value not in renumbered]
        rest = f"; kept are {', '.join(map(str, kept))}" if kept else ""
        notes.append(f"values above {MAX_VALUE} were renumbered: {changed}{rest}")
    return LabelMap(as_labels(voxels, thing), renumbered, tuple(notes))


def _whole(voxels: np.ndarray, thing: str, notes: list[str]) -> np.ndarray:
    """Floats rounded to the whole numbers that they stand for."""
    if not all_finite(voxels):
        wrong = ~np.isfinite(voxels)
        notes.append(f"{np.count_nonzero(wrong)} voxels are NaN or infinite; they count as background")
        voxels = np.where(wrong, 0, voxels)
    whole = np.rint(voxels)
    off = float(np.abs(voxels - whole).max())
    if off > _ROUNDING:
        allowed = min(_MOST_SCALED, 1.01 * _SCALED * float(np.abs(whole).max()) + _ROUNDING)
        values = np.unique(voxels[whole != 0]) if off <= allowed else np.empty(0)
        # One scaled value a label: an image, a probability or an interpolated map has many near a whole number.
        if off > allowed or values.size > MAX_SEGMENTS or _differ_within(values) or voxels[whole == 0].any():
            raise _not_whole(thing)
        pairs = ", ".join(f"{value:g} to {round(value)}" for value in values[:5].tolist())
        more = ", ..." if values.size > 5 else ""
        notes.append(f"its labels are no whole numbers; they were rounded ({pairs}{more})")
    # Beyond 2**53 a float holds no longer every whole number, and no label map has them.
    if float(np.abs(whole).max()) > 2**53:
        raise InputError(thing, f"it has labels up to {float(whole.max()):g}", _REMEDY)
    return whole.astype(np.int64)


def _differ_within(values: np.ndarray) -> bool:
    """Whether two of the rising values that stand for one label are further apart than rounding."""
    same = np.rint(values[1:]) == np.rint(values[:-1])
    return bool((np.diff(values)[same] > _ROUNDING).any())


def _renumbered(voxels: np.ndarray, thing: str) -> tuple[np.ndarray, dict[int, int]]:
    values = np.unique(voxels)
    if values.size > MAX_SEGMENTS + 1:
        raise _too_many(thing, values.size - 1)
    taken = {int(value) for value in values if value <= MAX_VALUE}
    free = (number for number in range(1, MAX_VALUE) if number not in taken)
    new_of = {int(value): next(free) for value in values if value > MAX_VALUE}
    table = np.array([new_of.get(int(value), int(value)) for value in values], dtype=np.uint16)
    return table[np.searchsorted(values, voxels)], {new: old for old, new in new_of.items()}


def label_values(labels: np.ndarray, thing: str = "label map") -> list[int]:
    """The values above 0 that occur in a label map of `as_labels`, rising.

    Raises:
        InputError: If there are more than 1000.
    """
    counts = value_counts(labels, 0, int(labels.max(initial=0)))
    values = [int(value) for value in np.flatnonzero(counts) if value > 0]
    if len(values) > MAX_SEGMENTS:
        raise _too_many(thing, len(values))
    return values


def _too_many(thing: str, count: int) -> InputError:
    fact = f"it has {count} different labels, more than {MAX_SEGMENTS}"
    return InputError(thing, fact, "It looks like an image: give its segmentation.")


def _not_whole(thing: str) -> InputError:
    return InputError(thing, "it has labels that are not whole numbers", _REMEDY)
