"""`retrievalsam library tune`: a preset fitted to a model on the library's own cases."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..networks import AcceptLicence, CheckpointOption, Model, load_models, settle_model
from ..terminal import check_json_output, print_table, progress_bars, write_json
from .library import Json, Library
from .library_review import Device, Encoder

if TYPE_CHECKING:
    from ...library.case import Case
    from ...library.store import SupportLibrary
    from ...segmentation.pipeline import Models
    from ...segmentation.settings.presets import Settings
    from ...tuning.tune import Tuned

_PART_OF_A_RUN = 0.3
"""Of the time of a run that another one takes on the same case; a tenth was measured (docs/command-line.md)."""


def tune(
    library: Library,
    model: Model = "bundled",
    checkpoint: CheckpointOption = None,
    accept_licence: AcceptLicence = None,
    image_size: Annotated[int | None, typer.Option(help="Pixels a side of the model's input.")] = None,
    encoder: Encoder = None,
    preset: Annotated[str, typer.Option(help="That is to be fitted: default, fast or accurate.")] = "default",
    minutes: Annotated[float, typer.Option(help="After which no further value is tried.")] = 60.0,
    json: Json = None,
    device: Device = "auto",
    state: Annotated[bool, typer.Option("--state", help="Only tell what has been tuned.")] = False,
) -> None:
    """Fit a preset and confidence to a model: what proves better on patients that were left out is kept.

    `segment`, `refine`, `batch` and `serve` use it from then on with this model and preset, unless told --no-learned.
    What is stopped goes on the next time.
    """
    from ...library.store import SupportLibrary

    check_json_output(json)
    opened = SupportLibrary.open(library)
    if state:
        _tell_state(opened, json)
        return
    from ...evaluation.review import largest_size
    from ...learning.use import check_preset
    from ...models.device import choose_device
    from ...segmentation.settings.networks import image_size_for
    from ...segmentation.settings.presets import preset as preset_of
    from ...tuning.tune import TuneOptions, cases_by_patient
    from ...tuning.tune import tune as tune_library

    check_preset(preset)
    settings = preset_of(preset)
    settle_model(model, checkpoint, accept_licence, preset)
    cases = [case for of_patient in cases_by_patient(opened).values() for case in of_patient]
    chosen = choose_device(device).name
    size = image_size or image_size_for(model, largest_size(cases))
    models = load_models(model, encoder, checkpoint=checkpoint, image_size=size, device=chosen)
    print(_plan(cases, models, settings, chosen, opened.cache_dir, minutes), file=sys.stderr)
    with progress_bars() as progress:
        found = tune_library(opened, models, settings, TuneOptions(minutes=minutes), progress)
    print_tuned(found)
    if json is not None:
        write_json(json, found)


def _tell_state(opened: SupportLibrary, json: Path | None) -> None:
    from ...tuning.use import tuned_states

    states = tuned_states(opened)
    for one in states:
        print(f"{one.model or one.segmenter[:12]}, {one.preset} ({one.state}): {one.text}")
    if not states:
        print("nothing tuned yet: runs use the presets as they are")
    if json is not None:
        write_json(json, {"tuned": states})


def _plan(cases: list[Case], models: Models, settings: Settings, device: str, cache: Path, minutes: float) -> str:
    """What will be done, and for how long about."""
    import torch

    from ...tuning.choices import CHOICES, TRIED
    from ...volumes import SliceFrame
    from ...volumes.reading import read_information
    from ...worker.jobs import costs

    segmenter, encoder = models.segmenter, models.encoder
    setting = costs.Setting(
        segmenter.name, encoder.name, device, settings.preset, segmenter.image_size, torch.get_num_threads()
    )
    seconds = 0.0
    for case in cases:
        grid = read_information(case.image_path)
        if grid is not None:
            x, y, z = grid.size
            shape = costs.Shape(SliceFrame(grid, case.plane).shape[0], len(case.segments), x * y * z)
            seconds += costs.estimate(setting, shape, settings.supports, 0, cache).seconds
    base = seconds / 60
    most = max(base, min(minutes, base * (1 + _PART_OF_A_RUN * TRIED)))
    return (
        f"plan: segment each of {len(cases)} cases by other patients' (about {base:.0f} min), then try {TRIED} "
        f"values of {len(CHOICES)} settings on each, as far as that is not known; about {most:.0f} min in all"
    )


def print_tuned(tuned: Tuned) -> None:
    """A line a value, and what is used from now on."""
    from ...segmentation.settings.tuning import changes_in_words

    rows = []
    for one in tuned.settings:
        for tried in one.tried:
            error = "-" if tried.error is None else f"{tried.error:.4f}"
            said = "used" if tried.kept else "no better beyond noise"
            gain = f"{tried.gain:+.4f}"
            rows.append((one.name, f"{one.usual:g}", f"{tried.value:g}", str(tried.patients), gain, error, said))
    print_table(("setting", "preset", "tried", "patients", "Dice gained", "+/-", ""), rows)
    if tuned.untried:
        print(f"no time was left for {', '.join(tuned.untried)}: run the same command again to go on")
    confidence = tuned.confidence
    print(
        f"confidence: cross-entropy {confidence.usual:.3f} as fitted to the bundled model, {confidence.fitted:.3f} as "
        f"fitted to other patients (+/- {confidence.error:.3f}): "
        + ("it is fitted from now on" if confidence.kept else "it stays as it is")
    )
    changes = {one.name: change for one in tuned.settings if (change := one.tuned) is not None}
    if changes:
        told = changes_in_words(changes, confidence=False)
        print(f"used from now on with {tuned.model.name} and the preset {tuned.preset}: {told}")
        print(f"Dice on patients left out: {tuned.dice_before:.3f} -> {tuned.dice_after:.3f}")
    else:
        print(f"no value is better than the preset's beyond noise: these stay (Dice {tuned.dice_before:.3f})")
    print(
        f"library: {tuned.library}, {tuned.cases} cases of {tuned.patients} patients; {tuned.runs} runs, "
        f"{tuned.spared} spared; {tuned.seconds:.0f} s; {tuned.notice}"
    )
