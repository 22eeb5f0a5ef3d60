"""Carry the corrections of a result on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import torch

from ...errors import InputError
from ...learning.use import taught_by_corrections
from ...library.store import SupportLibrary
from ...segmentation.pipeline import refine_volume
from ...segmentation.settings.presets import preset as preset_of
from ...tuning.use import tuned_for
from ...volumes import check_output, fit_to_grid, read_segmentation, read_volume, write_segmentation
from ..task import Task
from .file_warnings import warnings_of
from .kept import KeptNetworks
from .leaving import left_at_any_layer
from .partials import PartialFiles
from .segmenting import networks_of, options_of, prompts_of


def refine(task: Task, kept: KeptNetworks) -> dict[str, Any]:
    """Refine a result, write it, and give the report."""
    wanted = task.parameters
    output = Path(wanted.output)
    check_output(output, (".seg.nrrd",))
    settings = preset_of(wanted.preset)
    if wanted.segments == []:
        raise InputError("segments", "none is chosen", "Choose at least one.")
    library = SupportLibrary.open(wanted.folder)
    cases = library.cases()
    task.progress("reading the volume", 0, 1)
    target = read_volume(wanted.image, spacing_mm=wanted.spacing_mm, series=wanted.series, straighten=wanted.straighten)
    drawn = read_segmentation(wanted.segmentation, grid=target.geometry)
    before = fit_to_grid(drawn, wanted.segmentation, target.geometry, wanted.image, wanted.grid)
    task.progress("reading the volume", 1, 1)
    networks = networks_of(wanted, target.geometry)
    if not kept.holds(*networks.key):
        task.progress("loading the model", 0, 1)
    torch.manual_seed(wanted.seed)
    models = kept.get(*networks.key)
    shown = None if wanted.partial is None else PartialFiles(Path(wanted.partial), task)
    settings, tuning = tuned_for(library, cases, settings, models, wanted.learned)
    wants_look = wanted.learned and wanted.teach and wanted.corrected
    look = taught_by_corrections(library, cases, settings, models, networks.device) if wants_look else None
    options = options_of(wanted, library, task, shown, tuning)
    prompts = prompts_of(wanted)
    with left_at_any_layer(task):
        result = refine_volume(target, before, wanted.corrected, cases, models, settings, options, prompts, look)
    task.progress("writing the result", 0, 1)
    write_segmentation(result.segmentation, output)
    files = [] if shown is None else shown.last(result.segmentation)
    return {
        "segmentation": str(output),
        "files": files,
        "report": msgspec.to_builtins(result.report),
        "warnings": warnings_of({wanted.image: target.notes, wanted.segmentation: before.notes}),
    }


JOBS = {"refine": refine}
