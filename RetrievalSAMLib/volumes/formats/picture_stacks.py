"""TIFF and PNG: one file of many pages, or a folder with a file for each slice. They hold no place in space."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageSequence, UnidentifiedImageError

from ...errors import InputError
from ..claims import check_claim, check_encodable
from ..geometry import Geometry

ENDINGS = (".tif", ".tiff", ".png")
SPACING_REMEDY = (
    "Give the distances between columns, rows and slices in mm (on the command line: --spacing 0.01,0.01,0.02)."
)
PLACE_NOTE = (
    "pictures do not say how they lie in the patient: columns are taken to run to the left, rows to the back, slices "
    "to the head"
)
# One number a pixel; Pillow's names.
_GREY = ("1", "L", "I;16", "I;16B", "I;16L", "I;16N", "I", "F")
_BITS, _SAMPLE_FORMAT, _UNSIGNED = 258, 339, 1
# What Pillow raises over files that are no pictures, or tell of impossible ones.
_DAMAGED = (
    UnidentifiedImageError,
    Image.DecompressionBombError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    OverflowError,
    EOFError,
    struct.error,
)
_DESCRIPTION = 270
Spacing = tuple[float, float, float]
_IMAGEJ = re.compile(r"ImageJ=.*?^images=(\d+)", re.DOTALL | re.MULTILINE)
_NUMBERS = re.compile(r"(\d+)")


def picture_files(folder: Path) -> list[Path]:
    """The pictures of a folder in the order of the numbers in their names; none where it holds anything else."""
    files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    pictures = [path for path in files if path.suffix.lower() in ENDINGS]
    return sorted(pictures, key=_by_number) if len(pictures) == len(files) else []


def spacing_of_pictures(place: Path, spacing_mm: Spacing | None) -> Spacing | None:
    """The spacing that was given for an image, where a segmentation of it is pictures as well; else None."""
    return spacing_mm if place.is_dir() or place.suffix.lower() in ENDINGS else None


def read_pictures(
    files: list[Path], name: str, spacing_mm: tuple[float, float, float] | None
) -> tuple[np.ndarray, Geometry]:
    """Voxels (column, row, slice) and grid of a stack of pictures.

    Args:
        files: A slice each, in their order; or one file with a page for each slice.
        name: What the user typed, for messages.
        spacing_mm: Between columns, rows and slices.

    Raises:
        InputError: No spacing is given, a picture cannot be read, is in colour, or unlike the others.
        OSError: A file cannot be read.
    """
    if spacing_mm is None:
        raise InputError(name, "pictures (TIFF, PNG) do not say how large a voxel is", SPACING_REMEDY)
    slices: list[np.ndarray] = []
    for page in _pages(files, name):
        if slices and (page.shape != slices[0].shape or page.dtype != slices[0].dtype):
            fact = f"picture {len(slices) + 1} is {_described(page)}, the first {_described(slices[0])}"
            raise InputError(name, fact, "All pictures of a stack have one size and one type: leave out the others.")
        slices.append(page)
    voxels = np.stack([page.T for page in slices], axis=-1)
    a, b, c = voxels.shape
    return np.asfortranarray(voxels), Geometry((a, b, c), spacing_mm, (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))


def _pages(files: list[Path], name: str) -> Iterator[np.ndarray]:
    for file in files:
        check_encodable(str(file))
        shown = name if len(files) == 1 else f"{name}, {file.name}"
        try:
            with Image.open(file) as picture:
                count = getattr(picture, "n_frames", 1)
                if len(files) > 1 and count > 1:
                    fact = f"it has {count} pages, in a folder of {len(files)} pictures"
                    raise InputError(shown, fact, "Give one file with all slices, or a folder with one slice a file.")
                told = _IMAGEJ.search(str(getattr(picture, "tag_v2", {}).get(_DESCRIPTION, "")))
                if told is not None and int(told[1]) != count:
                    fact = (
                        f"it says that it holds {told[1]} images, and has {count} pages (as ImageJ writes large files)"
                    )
                    raise InputError(shown, fact, "Save it as an image sequence, a file for each slice, or as .nrrd.")
                check_claim(name, (*picture.size, count * len(files)), 1, None, "raw")
                for page in ImageSequence.Iterator(picture):
                    yield _values(page, shown)
        except _DAMAGED as error:
            raise InputError(shown, "it is cut short, damaged, or no picture", "Copy or export it again.") from error
        except OSError as error:
            # Of what the system says it has a number; of a picture that is damaged Pillow says it without one.
            if error.errno is not None:
                raise
            raise InputError(shown, f"it is cut short or damaged ({error})", "Copy or export it again.") from error


def _values(page: Image.Image, name: str) -> np.ndarray:
    """(row, column) of one page."""
    if page.mode not in _GREY:
        raise InputError(name, f"it is in colour ({page.mode})", "Save it in grey: one number a pixel.")
    values = np.asarray(page)
    if page.mode == "1":
        return values.astype(np.uint8)
    tags = getattr(page, "tag_v2", {})
    if page.mode == "I" and tags.get(_BITS, (0,))[0] == 32 and tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))[0] == _UNSIGNED:
        return values.view(np.uint32)  # which Pillow has no mode for
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _described(page: np.ndarray) -> str:
    return f"{page.shape[1]} x {page.shape[0]} of the type {page.dtype}"


def _by_number(path: Path) -> tuple[tuple[int, str], ...]:
    parts = _NUMBERS.split(path.name.lower())
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in parts)
