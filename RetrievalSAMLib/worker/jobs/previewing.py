"""What the user sees at once of a result: a slice as points and a box change it, and numbers of the segments."""

from __future__ import annotations

import base64
import binascii
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...evaluation.numbers import as_csv, numbers_of
from ...segmentation.desk.preview import SlicePreview
from ...segmentation.memory.engine_of import engine_of
from ...segmentation.prompts.points_and_boxes import place_prompts
from ...volumes import Plane, Segment, SliceFrame, SliceStack, fit_to_grid, read_segmentation, read_volume
from ..desk_parameters import Numbers, Preview
from ..task import Task
from .kept import KeptNetworks
from .segmenting import networks_of, prompts_of


def preview(task: Task, kept: KeptNetworks) -> dict[str, Any]:
    """The mask of the slice, as bits; the volume and what was seen of it stay for the next request."""
    wanted: Preview = task.parameters
    shown = _preview_of(wanted, kept)
    frame = shown.stack.frame
    prompts = prompts_of(wanted)
    names = {point.segment for point in prompts.points} | {box.segment for box in prompts.boxes}
    if len(names) != 1:
        raise InputError("preview", f"it is of {len(names)} segments", "Ask for one segment at a time.")
    placed = place_prompts(prompts, frame, [Segment(names.pop(), 1)])[1]
    if len(placed) != 1:
        raise InputError("preview", f"points and boxes lie on {len(placed)} slices", "Ask for one slice at a time.")
    ((index, on_slice),) = placed.items()
    before = _unpacked(wanted.before, frame)
    mask = shown.mask(index, before, on_slice)
    return {"slice": frame.file_index(index), "mask": _packed(mask, frame)}


def _preview_of(wanted: Preview, kept: KeptNetworks) -> SlicePreview:
    file = Path(wanted.image)
    key = (wanted.image, file.stat().st_mtime_ns if file.is_file() else 0, wanted.plane, wanted.model, wanted.device)
    if kept.preview is not None and kept.preview[0] == key:
        return kept.preview[1]
    target = read_volume(wanted.image)
    models = kept.get(*networks_of(wanted, target.geometry).key)
    plane = None if wanted.plane == "auto" else Plane(wanted.plane)
    engine = engine_of(models.segmenter)
    made = SlicePreview(engine, SliceStack.of(target, plane))
    kept.preview = (key, made)
    return made


def _unpacked(bits: str, frame: SliceFrame) -> np.ndarray:
    """A mask bool (h, w) of a slice from the bits of the file's voxels there, the first axis fastest."""
    size = [frame.geometry.size[axis] for axis in range(3) if axis != frame.plane_axis]
    if not bits:
        return np.zeros(frame.shape[1:], dtype=bool)
    try:
        flat = np.unpackbits(np.frombuffer(base64.b64decode(bits, validate=True), np.uint8))
    except binascii.Error as error:
        raise InputError("before", "it is not written in base64", "Send packed bits.") from error
    count = int(np.prod(size))
    if not count <= len(flat) < count + 8:
        raise InputError("before", f"it has {len(flat)} bits for {count} pixels", "Send one bit a pixel of the slice.")
    return frame.to_slice(flat[:count].reshape(size[::-1]).T.astype(bool))


def _packed(mask: np.ndarray, frame: SliceFrame) -> str:
    return base64.b64encode(np.packbits(frame.from_slice(mask).T).tobytes()).decode("ascii")


def numbers(task: Task, _kept: KeptNetworks) -> dict[str, Any]:
    """The rows, and the same as CSV."""
    wanted: Numbers = task.parameters
    volume = read_volume(wanted.image)
    read = read_segmentation(wanted.segmentation, grid=volume.geometry)
    drawn = fit_to_grid(read, wanted.segmentation, volume.geometry, wanted.image)
    rows = numbers_of(volume, drawn, wanted.name, wanted.confidence, wanted.corrected)
    return {"rows": [asdict(row) for row in rows], "csv": as_csv(rows)}


JOBS = {"preview": preview, "numbers": numbers}
