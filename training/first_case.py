"""A first case without a library: Dice of a volume that was filled from one or three of its own slices.

    python -m training.first_case --data DATA [--role tune|judge] [--set msd_hippocampus|openkbp_hn_ct|trunks]
        [--drawn 1 --drawn 3] [--clicks] [--change NAME=VALUE] [--targets N] [--first N] [--results FILE.jsonl]

A made-up user draws the truth on the middle slice of what is labelled (1), or at 15, 50 and 85 % of its extent (3);
with ``--clicks`` they click once in the middle of every structure there instead. Everything else is found. Dice is over
the whole volume, drawn slices included, mean over structures that were drawn; beside it what interpolating the drawn
outlines alone gives. Trunks are made up (`training.lookalikes`) and need no data.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
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

PLACES = {1: (0.5,), 2: (0.25, 0.75), 3: (0.15, 0.5, 0.85)}
PARTS = ("role", "set", "target", "drawn", "clicks", "settings")


def targets(data: Path, name: str, role: str) -> Iterator[MemoryCase]:
    """The volumes of a set with their truth."""
    if name == "trunks":
        yield from (trunk(1 if role == "tune" else 2, number) for number in range(SUBJECTS))
        return
    names = json.loads(SPLITS.read_text(encoding="utf-8"))["names"][name]
    cases = sorted(path.name.removesuffix("_image.nii.gz") for path in (data / name).glob("*_image.nii.gz"))
    for case in cases[: TUNE[name]] if role == "tune" else cases[TUNE[name] :]:
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
    masks = [frame.to_slices(truth.mask(place)) for place in range(len(truth.segments))]
    slices = drawn_places(np.any(masks, axis=0), count)
    drawn = []
    for mask in masks:
        only = np.zeros_like(mask)
        only[slices] = mask[slices]
        drawn.append(only)
    return slices, Segmentation.from_masks(truth.segments, map(frame.from_slices, drawn), truth.geometry)


def measured(case: MemoryCase, count: int, clicks: bool, settings: FillSettings) -> dict[str, float]:
    """Dice of the fill and of interpolation alone, mean over the drawn structures, and seconds."""
    truth = case.segmentation
    frame = SliceFrame(truth.geometry, choose_plane(truth.geometry))
    masks = [frame.to_slices(truth.mask(place)) for place in range(len(truth.segments))]
    slices, given = drawn_in(truth, frame, count)
    began = time.perf_counter()
    found = start_volume(
        case.image,
        None if clicks else given,
        None,
        bundled_models(),
        prompts=clicks_on(truth, frame, slices) if clicks else PersonsPrompts(),
        settings=settings,
    ).segmentation
    seconds = time.perf_counter() - began
    rows = [row for row, mask in enumerate(masks) if mask[slices].any()]
    results = [frame.to_slices(found.mask(truth.names[row])) for row in rows]
    on_drawn = [dice(one[slices], masks[row][slices]) for one, row in zip(results, rows, strict=True)]
    return {
        "dice": float(np.mean([dice(one, masks[row]) for one, row in zip(results, rows, strict=True)])),
        "interpolated": float(np.mean([dice(interpolated(masks[row], slices), masks[row]) for row in rows])),
        "on_drawn": float(np.mean(on_drawn)),
        "seconds": seconds,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--role", choices=("tune", "judge"), default="tune")
    parser.add_argument("--set", choices=(*TUNE, "trunks"), default="msd_hippocampus")
    parser.add_argument("--drawn", type=int, choices=sorted(PLACES), action="append")
    parser.add_argument("--clicks", action="store_true")
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
                "settings": settings.as_report(),
            }
            told = records.find(record)
            if told is None:
                told = record | measured(case, count, options.clicks, settings)
                records.append(told)
            found.setdefault(count, []).append(told)
            names = ("dice", "interpolated", "on_drawn", "seconds")
            print(f"{case.name} {count}:", *(f"{name} {told[name]:.3f}" for name in names), flush=True)
    for count, of_count in found.items():
        means = ", ".join(
            f"{name} {np.mean([told[name] for told in of_count]):.3f}" for name in ("dice", "interpolated", "on_drawn")
        )
        print(f"{options.set}, {count} {'clicked' if options.clicks else 'drawn'}: {means} ({len(of_count)} volumes)")


if __name__ == "__main__":
    main()
