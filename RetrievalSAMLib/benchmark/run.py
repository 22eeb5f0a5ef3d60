"""A benchmark from end to end: rounds in which every contestant runs once, so that what slows one slows the others."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from ..progress import Progress, silent
from ..segmentation.published.fate_sam import SUPPORTS
from ..segmentation.settings.presets import Settings, preset
from .bare_modules import replay
from .contestants import TOTAL, Ours, Published, Video, for_timing, spent_on, synchroniser
from .figures import LOOP, PREDICTOR, SAME_PRESET, SAME_PRESET_AGAIN, Found, Peak, figures
from .material import Material
from .networks import Networks
from .plan import PUBLISHED, VIDEO, Plan
from .report import BenchmarkReport


def run_benchmark(plan: Plan, material: Material, networks: Networks, progress: Progress = silent) -> BenchmarkReport:
    """Measure.

    Args:
        plan: What is measured.
        material: Made for it.
        networks: Loaded.
        progress: Told how many of how many runs are done.

    Raises:
        InputError: There is no such preset.
    """
    settings = for_timing(preset(plan.preset, plan.supports), networks.ours.segmenter.origin)
    with tempfile.TemporaryDirectory(prefix="retrievalsam-") as folder, torch.inference_mode():
        found = _measured(plan, material, networks, settings, Path(folder), progress)
    return figures(plan, material, networks, settings, found)


def _measured(
    plan: Plan, material: Material, networks: Networks, settings: Settings, folder: Path, progress: Progress
) -> Found:
    ours = Ours(material, networks.ours, settings, folder)
    model = networks.ours.segmenter.model
    synchronise = synchroniser(model.device)
    first = ours.run()
    found = Found(first.seconds[TOTAL], Peak.now(model.device))
    others: dict[str, Callable[[], object]] = {}
    published = None
    if PUBLISHED in plan.compare:
        published = Published(material, networks.published, plan.supports or SUPPORTS, folder / "memories")
        published.prepare()
        others |= {
            LOOP: published.loop,
            SAME_PRESET: published.same_preset,
            SAME_PRESET_AGAIN: published.same_preset_again,
        }
    if VIDEO in plan.compare:
        pictures = folder / "film"
        pictures.mkdir()
        video = Video(material, networks.published, first.result.report, pictures)
        found.conditioning_frames = video.conditioning_frames
        others[PREDICTOR] = video.run
    total = plan.repeats * (2 + len(others))
    for number in range(plan.repeats):
        done = number * (2 + len(others))
        run = ours.run()
        found.add_own(run)
        progress("measuring", done + 1, total)
        found.add_bare(*replay(networks.ours.segmenter, run.recorder.calls, synchronise))
        progress("measuring", done + 2, total)
        for place, (name, work) in enumerate(others.items(), start=3):
            found.add(name, spent_on(work, synchronise))
            progress("measuring", done + place, total)
        if published is not None:
            found.logits_difference = published.difference()
    return found
