"""Segment a volume, and say before how long it takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch

from ...errors import InputError, ModelError
from ...learning.use import opinion_of
from ...library.segments import segments_of
from ...library.store import SupportLibrary
from ...models import catalogue, store
from ...models.device import choose_device, share_processors
from ...segmentation.pipeline import RunOptions, segment_volume
from ...segmentation.prompts.points_and_boxes import BoxPrompt, PersonsPrompts, PointPrompt
from ...segmentation.settings.cleaning import Cleaning
from ...segmentation.settings.default_options import usual_options
from ...segmentation.settings.networks import encoder_for, image_size_for
from ...segmentation.settings.presets import FATE_SAM, Settings
from ...segmentation.settings.presets import preset as preset_of
from ...segmentation.settings.region import Region
from ...segmentation.settings.tuning import Tuning
from ...tuning.use import tuned_for
from ...volumes import Geometry, Plane, SliceFrame, check_output, choose_plane, read_volume, write_segmentation
from ..task import Task
from . import costs
from .file_warnings import warnings_of
from .kept import KeptNetworks, Key
from .leaving import left_at_any_layer
from .partials import PartialFiles


@dataclass(frozen=True)
class Networks:
    """Which networks a request asks for, by name, before they are loaded."""

    model: str
    encoder: str
    device: str
    image_size: int | None

    @property
    def key(self) -> Key:
        """For `KeptNetworks`."""
        return self.model, self.encoder, self.device, self.image_size

    @property
    def parameters(self) -> int:
        """Weights of both, as the size of their files tells."""
        segmenter, encoder = catalogue.get(self.model, "segmenter"), catalogue.get(self.encoder, "encoder")
        return (segmenter.bytes + encoder.bytes) // 4

    def setting(self, preset: str) -> costs.Setting:
        """What decides the pace."""
        size = self.image_size or catalogue.get(self.model, "segmenter").image_size
        return costs.Setting(self.model, self.encoder, self.device, preset, size, share_processors())


def estimate(task: Task, kept: KeptNetworks) -> dict[str, Any]:
    """Seconds and memory of a run with these parameters."""
    wanted = task.parameters
    settings = preset_of(wanted.preset)
    library = SupportLibrary.open(wanted.folder)
    try:
        geometry = Geometry(wanted.size, wanted.spacing_mm, (0.0, 0.0, 0.0), wanted.direction)
    except ValueError as error:
        raise InputError("volume", f"its grid cannot be used ({error})", "Choose another volume.") from error
    networks = networks_of(wanted, geometry)
    segments = len(wanted.segments) if wanted.segments is not None else len(segments_of(library.cases()))
    shape = _shape(geometry, wanted.plane, wanted.roi, segments, settings)
    cost = _cost(networks, settings, shape, library, kept)
    return {
        "seconds": round(cost.seconds, 1),
        "memory_bytes": cost.memory_bytes,
        "basis": "measured" if cost.measured else "typical",
    }


def segment(task: Task, kept: KeptNetworks) -> dict[str, Any]:
    """Segment a volume, write the result, and give the report."""
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
    task.progress("reading the volume", 1, 1)
    networks = networks_of(wanted, target.geometry)
    count = len(segments_of(cases) if wanted.segments is None else wanted.segments)
    shape = _shape(target.geometry, wanted.plane, wanted.roi, count, settings)
    task.expect(_cost(networks, settings, shape, library, kept).seconds)
    if not kept.holds(*networks.key):
        task.progress("loading the model", 0, 1)
    torch.manual_seed(wanted.seed)
    models = kept.get(*networks.key)
    shown = None if wanted.partial is None else PartialFiles(Path(wanted.partial), task)
    settings, tuning = tuned_for(library, cases, settings, models, wanted.learned)
    expert = opinion_of(library, cases, settings, models.segmenter.sha256, networks.device) if wanted.learned else None
    options = options_of(wanted, library, task, shown, tuning)
    with left_at_any_layer(task):
        result = segment_volume(target, cases, models, settings, options, prompts_of(wanted), expert)
    task.progress("writing the result", 0, 1)
    write_segmentation(result.segmentation, output)
    files = [] if shown is None else shown.last(result.segmentation)
    report = result.report
    # With points it took longer than a run does, and so it did where memory ran out.
    if report.refinement is None and not report.less_memory:
        seconds = sum(report.seconds.values())
        took = costs.Run(networks.setting(settings.preset), shape, seconds, report.peak_memory_bytes)
        costs.remember(took, library.cache_dir)
    return {
        "segmentation": str(output),
        "files": files,
        "report": msgspec.to_builtins(report),
        "warnings": warnings_of({wanted.image: target.notes}),
    }


def options_of(
    wanted: Any, library: SupportLibrary, task: Task, shown: PartialFiles | None, tuning: Tuning | None
) -> RunOptions:
    """What a request chooses beside the preset."""
    return usual_options(
        library,
        plane=None if wanted.plane == "auto" else Plane(wanted.plane),
        segments=None if wanted.segments is None else tuple(wanted.segments),
        roi=wanted.roi,
        seed=wanted.seed,
        trust_header=wanted.trust_header,
        progress=task.progress,
        partial=shown,
        cleaning=Cleaning.of(wanted.clean),
        tuning=tuning,
    )


def prompts_of(wanted: Any) -> PersonsPrompts:
    """Points and boxes of a request."""
    return PersonsPrompts(
        tuple(PointPrompt(p.segment, p.position_mm, p.positive) for p in wanted.points),
        tuple(BoxPrompt(b.segment, b.corners_mm) for b in wanted.boxes),
    )


def networks_of(wanted: Any, geometry: Geometry) -> Networks:
    """Which networks to take.

    Raises:
        InputError: The device is not there.
        ModelError: A name is unknown, or weights are not installed.
    """
    entries = [catalogue.get(wanted.model, "segmenter")]
    encoder = wanted.encoder or encoder_for(wanted.model)
    entries.append(catalogue.get(encoder, "encoder"))
    for entry in entries:
        if not entry.is_bundled and not store.path_of(entry).is_file():
            remedy = "Download these weights, or import them from a folder; or use the bundled model."
            raise ModelError(entry.name, "its weights are not installed", remedy)
    device = choose_device(wanted.device).name
    return Networks(wanted.model, encoder, device, image_size_for(wanted.model, geometry.size))


def _shape(
    geometry: Geometry, plane: str, roi: tuple[int, int, int, int, int, int] | None, segments: int, settings: Settings
) -> costs.Shape:
    region = Region.of(geometry, roi)
    if settings.preset == FATE_SAM:
        slices = region.stop[2] - region.start[2]
    else:
        frame = SliceFrame(geometry, choose_plane(geometry) if plane == "auto" else Plane(plane))
        slices = len(region.slices_of(frame))
    x, y, z = geometry.size
    return costs.Shape(slices, segments, x * y * z)


def _cost(
    networks: Networks, settings: Settings, shape: costs.Shape, library: SupportLibrary, kept: KeptNetworks
) -> costs.Cost:
    """With the loading of the networks where they are not."""
    parameters = networks.parameters
    setting = networks.setting(settings.preset)
    cost = costs.estimate(setting, shape, settings.supports, parameters, library.cache_dir)
    if kept.holds(*networks.key):
        return cost
    return costs.Cost(cost.seconds + costs.loading_seconds(parameters), cost.memory_bytes, cost.measured)


JOBS = {"estimate": estimate, "segment": segment}
