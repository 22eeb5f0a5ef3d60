"""For whoever has no library: segment a volume from a few of its own slices, or have an example."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import torch

from ...demo.example import write_example
from ...segmentation.first_case.clicks import checked_start
from ...segmentation.pipeline import RunOptions, start_volume
from ...segmentation.settings.cleaning import Cleaning
from ...segmentation.settings.memory_use import memory_for_supports
from ...segmentation.settings.networks import LEAST_IMAGE_SIZE
from ...volumes import (
    Plane,
    SliceFrame,
    check_output,
    choose_plane,
    fit_to_grid,
    read_segmentation,
    read_volume,
    write_segmentation,
)
from ..parameters import Start
from ..task import Task
from .file_warnings import warnings_of
from .kept import KeptNetworks
from .leaving import left_at_any_layer
from .segmenting import networks_of, prompts_of

_THING = "the drawn slices"


def start(task: Task, kept: KeptNetworks) -> dict[str, Any]:
    """Fill a volume from its drawn slices, write the result, and give the report."""
    wanted: Start = task.parameters
    output = Path(wanted.output)
    check_output(output, (".seg.nrrd",))
    task.progress("reading the volume", 0, 1)
    target = read_volume(wanted.image, spacing_mm=wanted.spacing_mm, series=wanted.series, straighten=wanted.straighten)
    drawn = None
    if wanted.slices is not None:
        read = read_segmentation(wanted.slices, grid=target.geometry)
        drawn = fit_to_grid(read, wanted.slices, target.geometry, wanted.image, wanted.grid)
    plane = None if wanted.plane == "auto" else Plane(wanted.plane)
    prompts = prompts_of(wanted)
    checked_start(
        SliceFrame(target.geometry, plane or choose_plane(target.geometry)), drawn, wanted.drawn, prompts, _THING
    )
    task.progress("reading the volume", 1, 1)
    networks = networks_of(wanted, target.geometry)
    if not kept.holds(*networks.key):
        task.progress("loading the model", 0, 1)
    torch.manual_seed(wanted.seed)
    models = kept.get(*networks.key)
    options = RunOptions(
        plane=plane,
        max_memory_bytes=memory_for_supports(),
        library_name="none",
        seed=wanted.seed,
        progress=task.progress,
        cleaning=Cleaning.of(wanted.clean),
        least_image_size=LEAST_IMAGE_SIZE,
    )
    with left_at_any_layer(task):
        result = start_volume(target, drawn, wanted.drawn, models, options, prompts, thing=_THING)
    task.progress("writing the result", 0, 1)
    write_segmentation(result.segmentation, output)
    notes = {wanted.image: target.notes}
    if wanted.slices is not None and drawn is not None:
        notes[wanted.slices] = drawn.notes
    return {
        "segmentation": str(output),
        "report": msgspec.to_builtins(result.report),
        "warnings": warnings_of(notes),
    }


def make_example(task: Task, _kept: KeptNetworks) -> dict[str, Any]:
    """Write made-up volumes into a folder, and say which of them are annotated."""
    example = write_example(Path(task.parameters.folder), task.progress)
    pairs = [
        {"image": str(image), "segmentation": str(segmentation), "name": name}
        for image, segmentation, name in example.annotated
    ]
    return {"pairs": pairs, "volume": str(example.volume)}


JOBS = {"start": start, "example": make_example}
