"""A first case without a library: Dice of a volume that was filled from one or three of its own slices.

    python -m training.first_case --data DATA [--role tune|judge] [--set msd_hippocampus|...|trunks]
        [--drawn 1 --drawn 3] [--clicks] [--corrected N] [--until DICE] [--change NAME=VALUE] [--targets N] [--first N]
        [--results FILE.jsonl]

A made-up user draws the truth on the middle slice of what is labelled (1), or at 15, 50 and 85 % of its extent (3);
with ``--clicks`` they click once in the middle of every structure there instead. Everything else is found. Dice is over
the whole volume, drawn slices included, mean over structures that were drawn; beside it what interpolating the drawn
outlines alone gives. Trunks are made up (`training.lookalikes`) and need no data.

With ``--corrected N`` the user then draws the N slices that the report names first, all at once, and fills again. With
``--until DICE`` they draw one at a time, filling again after each, until the mean Dice is that: told are the slices
that were drawn by then, of those that hold anything, and the seconds that the computer took.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.segmentation.first_case.settings import FillSettings
from RetrievalSAMLib.segmentation.pipeline import start_volume
from RetrievalSAMLib.segmentation.prompts.click_masks import signed_distance
from RetrievalSAMLib.segmentation.prompts.points_and_boxes import PersonsPrompts, PointPrompt
from RetrievalSAMLib.volumes import Segmentation, SliceFrame, choose_plane
from RetrievalSAMLib.volumes.overlap import dice
from training.judge import SPLITS, bundled_models, load_case
from training.lookalikes import SUBJECTS, trunk
from training.records import Record, Records

TUNE = {"msd_hippocampus": 12, "openkbp_hn_ct": 3}
"""Cases by set, the first by name, that choices may be made on; the others are the judge's."""

FIGURES = ("dice", "interpolated", "on_drawn", "corrected_dice", "slices_drawn", "slices", "last_dice", "seconds")
"""That are told, as far as they are there."""

PLACES = {1: (0.5,), 2: (0.25, 0.75), 3: (0.15, 0.5, 0.85)}
PARTS = ("role", "set", "target", "drawn", "clicks", "corrected", "until", "settings")


def targets(data: Path, name: str, role: str) -> Iterator[MemoryCase]:
    """The volumes of a set with their truth."""
    if name == "trunks":
        yield from (trunk(1 if role == "tune" else 2, number) for number in range(SUBJECTS))
        return
    names = json.loads(SPLITS.read_text(encoding="utf-8"))["names"][name]
    cases = sorted(path.name.removesuffix("_image.nii.gz") for path in (data / name).glob("*_image.nii.gz"))
    tune = TUNE.get(name, 0)
    for case in cases[:tune] if role == "tune" else cases[tune:]:
        yield load_case(data, name, case, names)


def drawn_places(whole: np.ndarray, count: int) -> list[int]:
    """Slices that the user draws: the one with the most pixels, or several by the extent of what is labelled.

    Args:
        whole: bool (n, h, w), all structures.
        count: How many.
    """
    areas = whole.sum(axis=(1, 2))
    if count == 1:
        return [int(areas.argmax())]
    holding = np.flatnonzero(areas)
    first, last = holding[0], holding[-1]
    return sorted({round(first + (last - first) * part) for part in PLACES[count]})


def interpolated(masks: np.ndarray, slices: Sequence[int]) -> np.ndarray:
    """The drawn slices and what lies between them by shape-based interpolation, bool (n, h, w)."""
    found = np.zeros_like(masks)
    holding = [index for index in slices if masks[index].any()]
    for index in holding:
        found[index] = masks[index]
    for a, b in zip(holding, holding[1:], strict=False):
        for index in range(a + 1, b):
            part = (index - a) / (b - a)
            found[index] = (1 - part) * signed_distance(masks[a]) + part * signed_distance(masks[b]) > 0
    return found


def clicks_on(truth: Segmentation, frame: SliceFrame, slices: Sequence[int]) -> PersonsPrompts:
    """One positive point in the middle of every structure of these slices."""
    points = []
    for place, segment in enumerate(truth.segments):
        masks = frame.to_slices(truth.mask(place))
        for index in slices:
            if masks[index].any():
                distance = signed_distance(np.pad(masks[index], 1))[1:-1, 1:-1]
                row, column = np.unravel_index(int(distance.argmax()), distance.shape)
                voxel = np.array(frame.voxel_index(index, int(row), int(column)))
                x, y, z = (float(mm) for mm in frame.geometry.index_to_lps(voxel))
                points.append(PointPrompt(segment.name, (x, y, z), True))
    return PersonsPrompts(tuple(points))


def drawn_in(truth: Segmentation, frame: SliceFrame, count: int) -> tuple[list[int], Segmentation]:
    """What a made-up user draws of all structures: the slices, and a segmentation that holds these alone."""
    whole = np.any([frame.to_slices(truth.mask(place)) for place in range(len(truth.segments))], axis=0)
    slices = drawn_places(whole, count)
    return slices, these_alone(truth, frame, slices)


def these_alone(truth: Segmentation, frame: SliceFrame, slices: Sequence[int]) -> Segmentation:
    """The truth on some slices of the stack, and nothing else."""
    drawn = []
    for place in range(len(truth.segments)):
        mask = frame.to_slices(truth.mask(place))
        only = np.zeros_like(mask)
        only[slices] = mask[slices]
        drawn.append(only)
    return Segmentation.from_masks(truth.segments, map(frame.from_slices, drawn), truth.geometry)


@dataclass(frozen=True)
class User:
    """What the made-up user does.

    Attributes:
        drawn: So many slices they begin with.
        clicks: Whether they click in them instead of drawing.
        corrected: So many slices they draw after the first fill, all at once.
        until: They draw one slice after the other until this Dice; None for not at all.
    """

    drawn: int
    clicks: bool = False
    corrected: int = 0
    until: float | None = None


def measured(case: MemoryCase, user: User, settings: FillSettings) -> dict[str, float]:
    """Dice of the fill and of interpolation alone, mean over the drawn structures, seconds, and what was drawn."""
    truth = case.segmentation
    frame = SliceFrame(truth.geometry, choose_plane(truth.geometry))
    masks = [frame.to_slices(truth.mask(place)) for place in range(len(truth.segments))]
    first, _ = drawn_in(truth, frame, user.drawn)
    rows = [row for row, mask in enumerate(masks) if mask[first].any()]
    prompts = clicks_on(truth, frame, first) if user.clicks else PersonsPrompts()
    drawn = [] if user.clicks else list(first)
    seconds = 0.0

    def fill() -> tuple[list[np.ndarray], list[int]]:
        """What the drawn structures come out as, and the slices to look at first that nobody has drawn."""
        nonlocal seconds
        began = time.perf_counter()
        # A slice that is drawn now has no clicks any more, as at the desk.
        left = PersonsPrompts(tuple(one for one in prompts.points if slice_of(one, frame) not in drawn))
        given, named = these_alone(truth, frame, drawn), [frame.file_index(index) for index in drawn]
        result = start_volume(
            case.image,
            given if drawn else None,
            named if drawn else None,
            bundled_models(),
            prompts=left,
            settings=settings,
        )
        seconds += time.perf_counter() - began
        worst = [frame.slice_index(index) for index in result.report.look_first]
        found = [frame.to_slices(result.segmentation.mask(truth.names[row])) for row in rows]
        return found, [index for index in worst if index not in drawn]

    def told(found: list[np.ndarray]) -> float:
        return float(np.mean([dice(one, masks[row]) for one, row in zip(found, rows, strict=True)]))

    found, worst = fill()
    on_drawn = [dice(one[first], masks[row][first]) for one, row in zip(found, rows, strict=True)]
    record = {"dice": told(found), "on_drawn": float(np.mean(on_drawn)), "first_seconds": seconds}
    if user.corrected:
        drawn += worst[: user.corrected]
        found, _ = fill()
        record["corrected_dice"] = told(found)
    while user.until is not None and told(found) < user.until and worst:
        drawn.append(worst[0])
        found, worst = fill()
    holding = int(np.any(masks, axis=0).any(axis=(1, 2)).sum())
    record |= {"slices_drawn": len(drawn), "slices": holding, "clicked": len(prompts.points), "last_dice": told(found)}
    between = [dice(interpolated(masks[row], first), masks[row]) for row in rows]
    return record | {"interpolated": float(np.mean(between)), "seconds": seconds}


def slice_of(point: PointPrompt, frame: SliceFrame) -> int:
    """Of the stack, on which a point lies."""
    voxel = frame.geometry.lps_to_index(np.array(point.position_mm))
    return frame.slice_index(round(float(voxel[frame.plane_axis])))


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--role", choices=("tune", "judge"), default="tune")
    sets = json.loads(SPLITS.read_text(encoding="utf-8"))["names"]
    parser.add_argument("--set", choices=(*sets, "trunks"), default="msd_hippocampus")
    parser.add_argument("--drawn", type=int, choices=sorted(PLACES), action="append")
    parser.add_argument("--clicks", action="store_true")
    parser.add_argument("--corrected", type=int, default=0, help="draw so many of the slices to look at first as well")
    parser.add_argument("--until", type=float, help="draw one slice after the other until this Dice")
    parser.add_argument("--change", action="append", default=[], help="NAME=VALUE of a setting of the fill")
    parser.add_argument("--first", type=int, default=0, help="the first target, from 0")
    parser.add_argument("--targets", type=int, help="so many targets at most")
    parser.add_argument("--results", type=Path, help="append every figure to this file, and skip what it has")
    options = parser.parse_args(arguments)
    kinds = {field.name: type(field.default) for field in fields(FillSettings)}
    changes = {name: kinds[name](value) for name, _, value in (text.partition("=") for text in options.change)}
    settings = replace(FillSettings(), **changes)
    records = Records(options.results, PARTS)
    found: dict[int, list[dict[str, float]]] = {}
    last = None if options.targets is None else options.first + options.targets
    for number, case in enumerate(targets(options.data, options.set, options.role)):
        if number < options.first or (last is not None and number >= last):
            continue
        for count in options.drawn or [1, 3]:
            record: Record = {
                "role": options.role,
                "set": options.set,
                "target": case.name,
                "drawn": count,
                "clicks": options.clicks,
                "corrected": options.corrected,
                "until": options.until,
                "settings": settings.as_report(),
            }
            told = records.find(record)
            if told is None:
                told = record | measured(case, User(count, options.clicks, options.corrected, options.until), settings)
                records.append(told)
            found.setdefault(count, []).append(told)
            figures = {name: told[name] for name in FIGURES if name in told}
            print(f"{case.name} {count}:", *(f"{name} {value:.3f}" for name, value in figures.items()), flush=True)
    for count, of_count in found.items():
        means = ", ".join(
            f"{name} {np.mean([told[name] for told in of_count]):.3f}" for name in FIGURES if name in of_count[0]
        )
        print(f"{options.set}, {count} {'clicked' if options.clicks else 'drawn'}: {means} ({len(of_count)} volumes)")


if __name__ == "__main__":
    main()
