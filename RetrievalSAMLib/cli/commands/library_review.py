"""`retrievalsam library review`, `suggest` and `learn`: what to mend in a library, what to add, and what it teaches."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..inputs import SpacingOption, reading_choices, tell
from ..networks import load_models
from ..terminal import check_json_output, print_table, progress_bars, write_json
from .dicom import Series, Straighten
from .library import Json, Library

if TYPE_CHECKING:
    from ...evaluation.review import Review
    from ...learning.learn import Learned

Preset = Annotated[str, typer.Option(help="fast, default, accurate or zhao-2024.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Model = Annotated[str, typer.Option(help="bundled, or sam2.1-tiny, -small, -base-plus, -large.")]
Encoder = Annotated[str | None, typer.Option(help="bundled or dinov2-s14, for retrieval.")]


def review(
    library: Library,
    json: Json = None,
    preset: Preset = "fast",
    model: Model = "bundled",
    encoder: Encoder = None,
    device: Device = "auto",
) -> None:
    """Segment every case by the others and show the worst first. What is stopped goes on the next time."""
    from ...evaluation.last_review import keep_last_review
    from ...evaluation.review import check_enough, largest_size, review_library
    from ...library.store import SupportLibrary
    from ...segmentation.settings.presets import preset as preset_of

    check_json_output(json)
    settings = preset_of(preset)
    opened = SupportLibrary.open(library)
    cases = opened.cases()
    check_enough(opened.name, cases)
    from ...models.device import choose_device
    from ...segmentation.settings.memory_use import memory_for_supports
    from ...segmentation.settings.networks import image_size_for

    image_size = image_size_for(model, largest_size(cases))
    models = load_models(model, encoder, image_size=image_size, device=choose_device(device).name)
    with progress_bars() as progress:
        found = review_library(opened, models, settings, progress, max_memory_bytes=memory_for_supports())
    keep_last_review(opened, cases, found)
    print_review(found)
    if json is not None:
        write_json(json, found)


def print_review(review: Review) -> None:
    """A line a case, worst first, and beneath it what to look at."""
    names = list(dict.fromkeys(name for case in review.cases for name in case.dice.segments))
    print_table(
        ("case", "Dice", *names, "to look at"),
        [
            (
                case.name,
                _figure(case.dice.mean),
                *(_figure(case.dice.segments.get(name)) for name in names),
                ", ".join(dict.fromkeys(flag.kind for flag in case.flags)) or "-",
            )
            for case in review.cases
        ],
    )
    for case in review.cases:
        if case.flags:
            print(f"\n{case.name}{' (some slices annotated)' if case.sparse else ''}:")
        for flag in case.flags:
            print(f"  {flag.kind}: {flag.text}")
    print(f"\nlibrary: {review.library.name}, {review.library.cases} cases; {review.computed} segmented anew")
    print(review.notice)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def suggest(
    library: Library,
    files: Annotated[list[Path], typer.Argument(help="Volumes that are not annotated yet.", metavar="FILE...")],
    json: Json = None,
    report: Annotated[
        list[Path] | None, typer.Option(help="Report of `segment` on one of them, once for each.")
    ] = None,
    plane: Annotated[str, typer.Option(help="auto, axial, coronal or sagittal.")] = "auto",
    encoder: Encoder = None,
    device: Device = "auto",
    spacing: SpacingOption = None,
    series: Series = None,
    straighten: Straighten = False,
) -> None:
    """Rank volumes by what a mask of theirs would teach the library, and name the slices to draw first."""
    from ...library.store import SupportLibrary
    from .segment import plane_of

    check_json_output(json)
    chosen = plane_of(plane)
    reading = reading_choices(spacing, series, straighten)
    opened = SupportLibrary.open(library)
    cases = opened.cases()
    from ...evaluation.suggest import suggest as rank
    from ...segmentation.output.report import read_report

    reports = [read_report(path) for path in report or []]
    from ...models.build import build_encoder
    from ...models.catalogue import BUNDLED
    from ...models.device import choose_device, share_processors
    from ...retrieval.embedding import SliceEmbedder

    share_processors()
    embedder = SliceEmbedder(build_encoder(encoder or BUNDLED, device=choose_device(device).name))
    with progress_bars() as progress:
        found = rank(
            cases,
            [str(file) for file in files],
            embedder,
            cache=opened.cache_dir,
            plane=chosen,
            reports=reports,
            reading=reading,
            progress=progress,
        )
    for warning in found.warnings:
        tell(Path(warning.file), [warning.text])
    print_table(
        ("volume", "score", "new", "uncertain", "nearest case", "draw first"),
        [
            (
                one.file,
                f"{one.score:.2f}",
                f"{one.novelty:.2f}",
                _figure(one.uncertainty),
                "-" if one.nearest is None else f"{one.nearest.case} ({one.nearest.similarity:.2f})",
                one.note or f"slices {', '.join(map(str, one.slices))}",
            )
            for one in found.volumes
        ],
    )
    for file in found.unreadable:
        print(f"warning: left out {file.message}", file=sys.stderr)
    print(f"slices are counted along the {found.plane} axis of each file; {found.notice}")
    if json is not None:
        write_json(json, found)


def learn(
    library: Library,
    minutes: Annotated[float, typer.Option(help="That it may take, about.")] = 10.0,
    steps: Annotated[
        int | None, typer.Option(help="Of training a network; as many as fit into the minutes unless given.")
    ] = None,
    json: Json = None,
    preset: Annotated[str, typer.Option(help="That is to be bettered: fast, default or accurate.")] = "default",
    model: Model = "bundled",
    encoder: Encoder = None,
    device: Device = "auto",
    seed: Annotated[int, typer.Option(help="Of every random generator.", min=0, max=2**31 - 1)] = 0,
    state: Annotated[bool, typer.Option("--state", help="Only tell what has been learned.")] = False,
) -> None:
    """Train an expert on the cases, believed as far as it helps on cases that it has not seen.

    `segment`, `batch` and `serve` use it from then on, unless told --no-learned; `refine` goes on from their masks.
    What is stopped goes on the next time.
    """
    from ...learning.use import check_preset, learned_state
    from ...library.store import SupportLibrary

    check_json_output(json)
    check_preset(preset)
    opened = SupportLibrary.open(library)
    if state:
        known = learned_state(opened)
        print(known.text)
        if json is not None:
            write_json(json, known)
        return
    from ...evaluation.review import largest_size
    from ...learning.learn import LearnOptions, usable_cases
    from ...learning.learn import learn as learn_from
    from ...models.device import choose_device
    from ...segmentation.settings.networks import image_size_for
    from ...segmentation.settings.presets import preset as preset_of
    from ...tuning.use import tuned_for

    cases = usable_cases(opened)
    chosen = choose_device(device).name
    print(
        f"plan: segment each of {len(cases)} cases by the others, as far as that is not known, then train; "
        + (f"about {minutes:g} minutes in all" if steps is None else f"{steps} steps a network"),
        file=sys.stderr,
    )
    models = load_models(model, encoder, image_size=image_size_for(model, largest_size(cases)), device=chosen)
    wanted = LearnOptions(minutes=minutes, steps=steps, seed=seed, device=chosen)
    settings, _ = tuned_for(opened, cases, preset_of(preset), models)
    with progress_bars() as progress:
        found = learn_from(opened, models, settings, wanted, progress)
    print_learned(found)
    if json is not None:
        write_json(json, found)


def print_learned(learned: Learned) -> None:
    """A line a segment, and what is to be expected."""
    print_table(
        ("segment", "unseen cases", "run", "expert", "weight", "both"),
        [
            (one.name, str(one.cases), _exact(one.run), _exact(one.expert), f"{one.weight:g}", _exact(one.fused))
            for one in learned.segments
        ],
    )
    if learned.run_dice is None or learned.fused_dice is None:
        print("too few cases for a proof: the weights are those that helped elsewhere")
    else:
        print(f"expected Dice on a new volume like these: {learned.run_dice:.3f} -> {learned.fused_dice:.3f}")
    if not learned.replaced:
        print("the expert that was there stays: the new one is no better on cases that neither has seen")
    print(
        f"library: {learned.library}, {learned.cases} cases; learned from {learned.learned}, "
        f"{learned.members} networks, {learned.steps} steps each"
    )
    print(f"{learned.seconds:.0f} s; {learned.notice}")


def _exact(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
