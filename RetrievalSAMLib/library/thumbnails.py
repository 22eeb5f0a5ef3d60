"""Small pictures of cases for lists, kept by their content so that each is drawn once.

Slices lie as 3D Slicer shows them (`SliceFrame`): the patient's right on the viewer's left in axial and coronal
slices, anterior up in axial, superior up in the others, anterior on the left in sagittal slices.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from RetrievalSAMLib.drawing import Tile, draw_tile
from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library.case import Case
from RetrievalSAMLib.volumes.display.colors import shown_color
from RetrievalSAMLib.volumes.slicing import SliceFrame
from RetrievalSAMLib.volumes.stack import SliceStack
from RetrievalSAMLib.volumes.volume import Segmentation, Volume
from RetrievalSAMLib.volumes.writing import write_staged

CASE_SIZE = (96, 72)
SLICE_SIZE = (128, 128)
# Drawn so many times larger and then reduced: outlines of about one pixel stay smooth.
_ENLARGED = 4
_LINE_PIXELS = 1.25
# Of a slice: darker is background, rows with fewer bright pixels hold specks only, and left around the rest.
_BACKGROUND, _SPECKS, _MARGIN = 0.1, 0.02, 0.03
# In what is kept under another number the drawing was another one.
_DRAWING = 1
# Of CT, in HU: soft tissue, lung, bone. The first that holds the annotated structures is shown.
_CT_WINDOWS = ((-160.0, 240.0), (-1000.0, 200.0), (-200.0, 1300.0))


def case_thumbnail(case: Case, folder: Path) -> Path:
    """A picture of the slice with the largest annotated area, with the segments' outlines.

    Args:
        case: The case, in its latest version.
        folder: Where pictures are kept; made where it is missing.

    Returns:
        A PNG of 96 x 72 pixels.

    Raises:
        DamagedLibraryError: A file of the case is missing or not what was written.
        InputError: The folder cannot be written to.
    """
    path = _path(case, folder, CASE_SIZE, None)
    if not path.is_file():
        drawing = _Drawing(case)
        drawing.save(drawing.fullest_slice(), CASE_SIZE, path)
    return path


def slice_thumbnail(case: Case, index: int, folder: Path) -> Path:
    """A picture of one slice with the segments' outlines: see `slice_thumbnails`."""
    return slice_thumbnails(case, [index], folder)[0]


def slice_thumbnails(case: Case, indices: Sequence[int], folder: Path) -> list[Path]:
    """Pictures of several slices of a case, which is read once at most.

    Args:
        case: The case, in its latest version.
        indices: Along the sliced axis of the case's file, as reports name support slices.
        folder: Where pictures are kept; made where it is missing.

    Returns:
        PNGs of 128 x 128 pixels, in the order of `indices`.

    Raises:
        DamagedLibraryError: A file of the case is missing or not what was written.
        InputError: There is no such slice, or the folder cannot be written to.
    """
    paths = [_path(case, folder, SLICE_SIZE, index) for index in indices]
    missing = {path: index for path, index in zip(paths, indices, strict=True) if not path.is_file()}
    if missing:
        drawing = _Drawing(case)
        for path, index in missing.items():
            drawing.save(drawing.slice_at(index), SLICE_SIZE, path)
    return paths


def _path(case: Case, folder: Path, size: tuple[int, int], index: int | None) -> Path:
    """Named after all that the picture depends on, so that it is never out of date."""
    look = [_DRAWING, case.content_hash, str(case.plane), case.modality, size, index]
    look += [[segment.color, segment.annotated_slices] for segment in case.segments]
    return Path(folder) / f"{hashlib.sha256(json.dumps(look).encode()).hexdigest()[:32]}.png"


class _Drawing:
    """The slices of one case, loaded."""

    def __init__(self, case: Case) -> None:
        self._case = case
        volume, segmentation = case.load()
        frame = SliceFrame(volume.geometry, case.plane)
        self._masks = [frame.to_slices(segmentation.mask(index)) for index in range(len(segmentation.segments))]
        self._stack = SliceStack.of(volume, case.plane, _ct_window(case, volume, segmentation))
        self._colors = [shown_color(segment.color, segment.value) for segment in case.segments]

    def fullest_slice(self) -> int:
        """The slice with the largest annotated area; the middle one where nothing is annotated."""
        frame = self._stack.frame
        area = np.zeros(len(self._stack), dtype=np.int64)
        for mask, segment in zip(self._masks, self._case.segments, strict=True):
            evidence = [segment.is_annotated(frame.file_index(index)) for index in range(len(area))]
            area += np.count_nonzero(mask, axis=(1, 2)) * np.array(evidence)
        return int(area.argmax()) if area.any() else len(area) // 2

    def slice_at(self, file_index: int) -> int:
        """The slice at an index along the sliced axis of the file."""
        try:
            return self._stack.frame.slice_index(file_index)
        except IndexError:
            raise InputError(
                f"slice {file_index} of `{self._case.name}`",
                "there is no such slice",
                f"The slices are 0 to {len(self._stack) - 1}.",
            ) from None

    def save(self, index: int, size: tuple[int, int], path: Path) -> None:
        width, height = size
        image, masks = self._stack.image(index), [mask[index] for mask in self._masks]
        box = _without_background(image, masks)
        tile = Tile(
            image=image[box],
            spacing_mm=self._stack.spacing_mm,
            outlines=[(mask[box], color) for mask, color in zip(masks, self._colors, strict=True)],
        )
        # At 72 dots an inch a point is a pixel.
        figure = Figure(figsize=(width * _ENLARGED / 72, height * _ENLARGED / 72), dpi=72, facecolor="black")
        canvas = FigureCanvasAgg(figure)
        draw_tile(figure.add_axes((0, 0, 1, 1)), tile, height / width, _LINE_PIXELS * _ENLARGED)
        canvas.draw()
        picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
        picture = picture.resize(size, Image.Resampling.LANCZOS)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                str(path.parent),
                f"pictures cannot be kept there ({error.strerror or error})",
                "Choose a folder that you may write to.",
            ) from error
        write_staged(path, lambda staged: picture.save(staged, format="PNG"))


def _without_background(image: np.ndarray, masks: Sequence[np.ndarray]) -> tuple[slice, slice]:
    """The rows and columns of a slice (h, w) in [0, 1] that show something: air around a head is left out."""
    shown = image > _BACKGROUND
    ranges = []
    for axis in (0, 1):
        along = np.count_nonzero(shown, axis=1 - axis) > _SPECKS * shown.shape[1 - axis]
        for mask in masks:
            along |= mask.any(axis=1 - axis)
        (hit,) = np.nonzero(along)
        margin = round(_MARGIN * along.size)
        least, most = (hit[0], hit[-1]) if hit.size else (0, along.size - 1)
        ranges.append(slice(max(0, int(least) - margin), int(most) + 1 + margin))
    return ranges[0], ranges[1]


def _ct_window(case: Case, volume: Volume, segmentation: Segmentation) -> tuple[float, float] | None:
    """For CT a window that shows what is annotated; None leaves it to the volume's own percentiles."""
    if (case.modality or "").strip().upper() != "CT":
        return None
    annotated = np.zeros(volume.geometry.size, dtype=bool)
    for index in range(len(segmentation.segments)):
        annotated |= segmentation.mask(index)
    if not annotated.any() or volume.voxels.min() >= 0:  # no HU without air below 0
        return None
    middle = float(np.median(volume.voxels[annotated]))
    return next(((low, high) for low, high in _CT_WINDOWS if low <= middle <= high), None)
