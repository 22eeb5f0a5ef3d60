"""What cleaning masks is worth: Dice, HD95 and islands of whole volumes before and after each of its steps.

    python -m training.cleaning --data DATA [--role tune|judge] [--set msd_hippocampus] [--targets N] [--masks FOLDER]
    python -m training.cleaning --data DATA --drawn 3 [--set msd_hippocampus|trunks] [--targets N]

Targets and supports are those of splits.json, runs those of the preset ``default`` without cleaning; with ``--masks``
their masks are kept there, and a target whose masks are there is not run again. It knows nothing of the code: after a
change of that, begin another folder. With ``--drawn`` volumes are filled from one or three of their own slices instead
(targets and slices as `training.first_case` has them), and these say what is cleaned.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from RetrievalSAMLib.evaluation.metrics import evaluate
from RetrievalSAMLib.retrieval.evidence import CaseSlices, MemoryCase
from RetrievalSAMLib.segmentation.cleaning.clean import Found, clean
from RetrievalSAMLib.segmentation.cleaning.habits import Habit, habit_of, least_of
from RetrievalSAMLib.segmentation.cleaning.shapes import islands_of
from RetrievalSAMLib.segmentation.first_case.cleaned import clean_filled
from RetrievalSAMLib.segmentation.first_case.inputs import StartInputs
from RetrievalSAMLib.segmentation.first_case.run import fill
from RetrievalSAMLib.segmentation.first_case.settings import FillSettings
from RetrievalSAMLib.segmentation.pipeline import RunOptions, segment_volume
from RetrievalSAMLib.segmentation.settings.cleaning import NO_CLEANING, Cleaning
from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.volumes import (
    Plane,
    Segmentation,
    SliceFrame,
    choose_plane,
    read_segmentation,
    write_segmentation,
)
from training import first_case, judge

STEPS = {
    "as found": NO_CLEANING,
    "islands": Cleaning.of(["islands"]),
    "holes": Cleaning.of(["holes"]),
    "smooth": Cleaning.of(["smooth"]),
    "all": Cleaning.of(["islands", "holes", "smooth"]),
}


@dataclass(frozen=True)
class Figure:
    """Of one segment of one target after one step; HD95 in mm, None where a mask is empty."""

    dice: float
    hd95_mm: float | None
    islands: int


def cleaned(found: Segmentation, cases: Sequence[MemoryCase], steps: Cleaning) -> Segmentation:
    """Masks that share no voxels, cleaned as a run with these cases would."""
    frame = SliceFrame(found.geometry, choose_plane(found.geometry))
    of_cases = [CaseSlices.load(case, Plane(frame.plane)) for case in cases]
    rows = range(len(found.segments))
    labels = np.zeros(frame.shape, dtype=np.uint16)
    habits: dict[int, Habit] = {}
    for row, segment in enumerate(found.segments):
        labels[frame.to_slices(found.mask(row))] = row + 1
        named = [
            (c, s.value)
            for c, case in zip(of_cases, cases, strict=True)
            for s in case.segments
            if s.name == segment.name
        ]
        habits[row] = least_of([habit_of(slices, value) for slices, value in named])
    everywhere = dict.fromkeys(rows, np.ones(len(labels), dtype=bool))
    masks = Found(labels, {row: row + 1 for row in rows}, {}, everywhere, np.ones(labels.shape[1:], dtype=bool))
    clean(masks, habits, steps)
    return Segmentation.from_masks(found.segments, [frame.from_slices(masks.mask(row)) for row in rows], found.geometry)


def figures(found: Segmentation, truth: Segmentation) -> dict[str, Figure]:
    """By name of the segment."""
    count = {}
    for place, segment in enumerate(found.segments):
        pieces = islands_of(found.mask(place))
        count[segment.name] = 0 if pieces is None else len(pieces.sizes) - 1
    return {one.name: Figure(one.dice, one.hd95_mm, count.get(one.name, 0)) for one in evaluate(found, truth)}


def measured(
    data: Path, role: str, group: str, targets: int | None, masks: Path | None
) -> Iterator[dict[str, dict[str, Figure]]]:
    """By step and segment, target by target."""
    content = json.loads(judge.SPLITS.read_text(encoding="utf-8"))
    names = content["names"].get(group, {})
    for split in content["splits"][role][group]:
        cases = [judge.load_case(data, group, support, names) for support in split["supports"]]
        for name in split["targets"][:targets]:
            target = judge.load_case(data, group, name, names)
            file = masks / f"{group}__{name}.seg.nrrd" if masks else None
            if file is not None and file.is_file():
                found = read_segmentation(file, allow_empty=True)
            else:
                options = RunOptions(cleaning=NO_CLEANING)
                models = judge.bundled_models()
                found = segment_volume(target.image, cases, models, preset("default"), options).segmentation
                if file is not None:
                    file.parent.mkdir(parents=True, exist_ok=True)
                    write_segmentation(found, file)
            print(f"{group} {name}", flush=True)
            yield {step: figures(cleaned(found, cases, how), target.segmentation) for step, how in STEPS.items()}


def filled(
    data: Path, role: str, group: str, targets: int | None, drawn: int
) -> Iterator[dict[str, dict[str, Figure]]]:
    """Likewise, of volumes that were filled from drawn slices; structures that were not drawn are left out."""
    for case in islice(first_case.targets(data, group, role), targets):
        truth = case.segmentation
        frame = SliceFrame(truth.geometry, choose_plane(truth.geometry))
        _, given = first_case.drawn_in(truth, frame, drawn)
        options = RunOptions(cleaning=NO_CLEANING)
        inputs = StartInputs.of(case.image, given, None, judge.bundled_models(), FillSettings(), options)
        with torch.inference_mode():
            canvas = fill(inputs).canvas
        names = [segment.name for segment in canvas.segments]
        inside = np.ones(canvas.labels.shape[1:], dtype=bool)
        found = {}
        for step, how in STEPS.items():
            one = deepcopy(canvas)
            clean_filled(one, inputs.drawn, {}, inside, how)
            found[step] = {name: of for name, of in figures(one.segmentation(), truth).items() if name in names}
        print(f"{group} {case.name}", flush=True)
        yield found


def table(rows: Sequence[dict[str, dict[str, Figure]]]) -> str:
    """Means over segments and targets; those of HD95 over what has one after every step."""
    lines = ["| step | Dice | HD95, mm | islands | segments better / worse |", "|---|---|---|---|---|"]
    places = [(row, name) for row in rows for name in row["as found"]]
    both = [(row, name) for row, name in places if all(row[step][name].hd95_mm is not None for step in STEPS)]
    for step in STEPS:
        dice = np.mean([row[step][name].dice for row, name in places])
        distances = [row[step][name].hd95_mm for row, name in both]
        hd95 = f"{np.mean([mm for mm in distances if mm is not None]):.2f}" if both else ""
        islands = np.mean([row[step][name].islands for row, name in places])
        gains = np.array([row[step][name].dice - row["as found"][name].dice for row, name in places])
        lines.append(
            f"| {step} | {dice:.4f} | {hd95} | {islands:.2f} | {(gains > 1e-4).sum()} / {(gains < -1e-4).sum()} |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with one folder a set")
    parser.add_argument("--role", choices=("judge", "tune"), default="tune")
    parser.add_argument("--set", action="append", dest="sets", help="one set, may be given several times; default all")
    parser.add_argument("--targets", type=int, help="only the first so many targets of a split")
    parser.add_argument("--masks", type=Path, help="folder that masks are kept in")
    parser.add_argument("--drawn", type=int, choices=sorted(first_case.PLACES), help="fill from so many drawn slices")
    options = parser.parse_args(arguments)
    splits = json.loads(judge.SPLITS.read_text(encoding="utf-8"))["splits"][options.role]
    for group in options.sets or splits:
        if options.drawn:
            rows = list(filled(options.data, options.role, group, options.targets, options.drawn))
        else:
            rows = list(measured(options.data, options.role, group, options.targets, options.masks))
        print(f"\n### {group} ({options.role}, {len(rows)} targets)\n\n{table(rows)}\n", flush=True)


if __name__ == "__main__":
    main()
