"""What a segmenter knows by itself: Dice without the spatial prior, of one drawn slice, and after a click or a box.

    python -m training.judge_network --data DATA [--segmenter FILE] [--set NAME ...] [--targets N]
        [--part library|first-slice|prompts|corrections ...] [--results FILE.jsonl]

The masks of the aligned cases carry most of a result, so that a better network moves the default run by little. Here it
stands alone, on tune volumes only: hippocampi and head and neck CTs (splits.json) and subjects made of the pool's
held-out sets (`training.held_out`).

- ``library``: the default preset with ``place_weight`` 0, mean over structures and targets;
- ``first-slice``: the slice of a target that shows most of a structure is drawn, no case is there, and the network
  carries it on both ways;
- ``prompts``: the decoder alone on that slice, with nothing known of it but a click in the middle of the structure, two
  or three clicks each on the largest mistake, or its box;
- ``corrections``: the slices that come out worst of a run of the default preset, after the same clicks and box, as the
  desk shows them at once (`SlicePreview`).

With ``--segmenter`` prompts are decoded by SAM 2's own decoder. Every figure is kept with the SHA-256 of the weights;
what the file has is not computed again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from RetrievalSAMLib.models.build import LoadedSegmenter, build_encoder, build_segmenter
from RetrievalSAMLib.models.window import Window
from RetrievalSAMLib.retrieval.evidence import CaseSlices, MemoryCase
from RetrievalSAMLib.segmentation.desk.preview import SlicePreview
from RetrievalSAMLib.segmentation.engines.interface import NO_OBJECT_LOGIT, MemoryBank, PointerEntry, SpatialEntry
from RetrievalSAMLib.segmentation.memory.support_memories import encode_slice, mask_to_input
from RetrievalSAMLib.segmentation.pipeline import Models, segment_volume
from RetrievalSAMLib.segmentation.prompts.click_masks import Click, Frame
from RetrievalSAMLib.segmentation.prompts.points_and_boxes import PersonsPrompts, place_prompts
from RetrievalSAMLib.segmentation.sam2.engine import Sam2Engine
from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.segmentation.spatial_prior.crops import window_around
from RetrievalSAMLib.volumes import Plane, Segmentation
from RetrievalSAMLib.volumes.overlap import dice
from training.clicking import wrong_place
from training.held_out import Task, held_out_tasks
from training.judge import SPLITS, load_case, scores
from training.pool import HELD_OUT
from training.prompts import prompts_of
from training.records import Record, Records
from training.simulated_clicks import box_around, point_at

PARTS = ("library", "first-slice", "prompts", "corrections")
_BY_STEP = ("prompts", "corrections")
"""Parts whose figures are told step by step, not as a mean."""

IDENTITY = ("part", "task", "target", "weights")

_MARGIN = 1.6
"""As the product frames a structure (`Settings.view_margin`)."""

_CLICKS = 3
_REACH = 6

_WORST = 5
"""Slices of a target that are corrected."""

_LEAST_PIXELS = 25
"""Of a structure on a slice that is corrected: of fewer, Dice says little."""


def tune_sets() -> list[str]:
    """The sets that have tune volumes, and the held-out ones of the pool."""
    return [*json.loads(SPLITS.read_text(encoding="utf-8"))["splits"]["tune"], *sorted(HELD_OUT)]


def tune_tasks(data: Path, sets: Sequence[str]) -> Iterator[Task]:
    """The tasks of some of `tune_sets`; a volume is read when its task comes."""
    content = json.loads(SPLITS.read_text(encoding="utf-8"))
    for group, splits in content["splits"]["tune"].items():
        for split in splits if group in sets else ():
            supports, targets = (
                tuple(load_case(data, group, name, content["names"][group]) for name in split[part])
                for part in ("supports", "targets")
            )
            yield Task(group, supports, targets)
    yield from held_out_tasks(data, [name for name in HELD_OUT if name in sets])


def library_dice(models: Models, task: Task, target: MemoryCase) -> dict[str, float]:
    """Whole volumes with cases, but without where these have their structures."""
    settings = replace(preset("default"), place_weight=0.0, checks=False)
    return scores(segment_volume(target.image, task.cases, models, settings).segmentation, target.segmentation)


@dataclass(frozen=True)
class _Shown:
    """A structure of a target as a view shows it.

    Attributes:
        slices: The target.
        window: Around the structure.
        masks: float (n, S, S) in {0, 1}, one a slice.
        best: The slice that shows most of it.
    """

    slices: CaseSlices
    window: Window
    masks: torch.Tensor
    best: int

    @classmethod
    def of(cls, slices: CaseSlices, value: int, size: int) -> _Shown:
        """Of a structure that the target has."""
        volume = np.stack([slices.mask(value, index) for index in range(len(slices.stack))])
        where = np.argwhere(volume)
        spacing = np.array([slices.stack.frame.slice_spacing_mm, *slices.stack.spacing_mm])
        window = window_around((where.min(0) * spacing, (where.max(0) + 1) * spacing), slices.stack, _MARGIN)
        masks = torch.cat([mask_to_input(mask, window, slices.stack.spacing_mm, size) for mask in volume])
        return cls(slices, window, masks, int(volume.sum((1, 2)).argmax()))


def first_slice_dice(engine: Sam2Engine, shown: _Shown) -> float:
    """Dice of the volume, seen through the view, where one slice is drawn and the others follow by memory alone."""
    given = engine.encode_support(
        encode_slice(engine, shown.slices.stack, shown.best, shown.window), shown.masks[shown.best][None]
    )
    small = shown.masks[:, 2::4, 2::4] > 0.5
    found = torch.zeros_like(small)
    found[shown.best] = small[shown.best]
    for way in (range(shown.best + 1, len(small)), range(shown.best - 1, -1, -1)):
        past: list[tuple[SpatialEntry, PointerEntry]] = []
        for index in way:
            features = encode_slice(engine, shown.slices.stack, index, shown.window)
            distance = min(abs(index - shown.best), engine.max_pointers - 1)
            bank = MemoryBank(
                [
                    SpatialEntry(given.spatial, 0),
                    *(replace(s, time=b + 1) for b, (s, _) in enumerate(past[::-1][:_REACH])),
                ],
                [
                    PointerEntry(given.pointer, distance),
                    *(replace(p, distance=b + 1) for b, (_, p) in enumerate(past[::-1][:_REACH])),
                ],
            )
            answer = engine.decode(features, engine.attend(features, bank))
            present = answer.object_score > 0
            found[index] = (answer.logits[0] > 0) & present[0]
            logits = torch.where(present[:, None, None], answer.logits, NO_OBJECT_LOGIT)
            memory = engine.encode_prediction(features, logits, present, answer.pointer)
            past.append((SpatialEntry(memory.spatial, 1), PointerEntry(memory.pointer, 1)))
    return _dice(found, small)


def prompt_dice(engine: Sam2Engine, shown: _Shown) -> dict[str, float]:
    """Dice of the best slice after clicks into the middle of the largest mistake, and by its box."""
    features = encode_slice(engine, shown.slices.stack, shown.best, shown.window)
    conditioned = engine.attend(features, MemoryBank([], []))
    truth = shown.masks[shown.best][2::4, 2::4].numpy() > 0.5
    cell = engine.image_size / len(truth)
    found, clicks, told = np.zeros_like(truth), [], {}
    nothing = np.zeros_like(truth)[None]
    for number in range(1, _CLICKS + 1):
        place = wrong_place(found, truth)
        if place is not None:
            clicks.append(Click(place[0] + 0.5, place[1] + 0.5, place[2]))
            found = (
                engine.decode(features, conditioned, prompts_of(nothing, [clicks], None, cell)).logits[0] > 0
            ).numpy()
        told[f"{number} clicks"] = _dice(torch.from_numpy(found), torch.from_numpy(truth))
    rows, columns = np.nonzero(truth)
    box = Frame(float(rows.min()), float(columns.min()), float(rows.max() + 1), float(columns.max() + 1))
    by_box = engine.decode(features, conditioned, prompts_of(nothing, [[]], [box], cell)).logits[0] > 0
    return told | {"box": _dice(by_box, torch.from_numpy(truth))}


def correction_dice(models: Models, task: Task, target: MemoryCase) -> dict[str, float]:
    """Mean Dice of the worst slices of a run, each alone, before and after clicks and a box; of none, nothing."""
    found = segment_volume(target.image, task.cases, models, preset("default")).segmentation
    slices = CaseSlices.load(target, target.plane)
    shown = SlicePreview(Sam2Engine.of(models.segmenter), slices.stack)
    told: dict[str, list[float]] = {}
    for mistake in sorted(_mistakes(found, target, slices), key=lambda one: one.dice)[:_WORST]:
        told.setdefault("nothing", []).append(mistake.dice)
        mask, clicks = mistake.found, PersonsPrompts()
        for number in range(1, _CLICKS + 1):
            place = wrong_place(mask, mistake.truth)
            if place is not None:
                point = point_at(slices.stack.frame, mistake.name, mistake.index, place[:2], place[2])
                clicks = PersonsPrompts((*clicks.points, point))
                mask = mistake.after(shown, found, clicks)
            told.setdefault(f"{number} clicks", []).append(dice(mask, mistake.truth))
        box = PersonsPrompts(boxes=(box_around(slices.stack.frame, mistake.name, mistake.index, mistake.truth),))
        told.setdefault("box", []).append(dice(mistake.after(shown, found, box), mistake.truth))
    return {key: float(np.mean(values)) for key, values in told.items()}


@dataclass(frozen=True)
class _Mistake:
    """A segment on a slice: what was found bool (h, w), and the truth."""

    name: str
    index: int
    found: np.ndarray
    truth: np.ndarray

    @property
    def dice(self) -> float:
        return dice(self.found, self.truth)

    def after(self, shown: SlicePreview, segmentation: Segmentation, prompts: PersonsPrompts) -> np.ndarray:
        """What comes out once a person has set something."""
        (of_slice,) = place_prompts(prompts, shown.stack.frame, segmentation.segments).values()
        return shown.mask(self.index, self.found, of_slice[self.index])


def _mistakes(found: Segmentation, target: MemoryCase, slices: CaseSlices) -> Iterator[_Mistake]:
    for segment in target.segments:
        if segment.name in found.names:
            of_run = slices.stack.frame.to_slices(found.mask(segment.name))
            for index in range(len(slices.stack)):
                truth = slices.mask(segment.value, index)
                if truth.sum() >= _LEAST_PIXELS:
                    yield _Mistake(segment.name, index, of_run[index], truth)


def _dice(found: torch.Tensor, truth: torch.Tensor) -> float:
    total = int(found.sum() + truth.sum())
    return 2 * int((found & truth).sum()) / total if total else 1.0


def _structures(engine: Sam2Engine, target: MemoryCase) -> Iterator[tuple[str, _Shown]]:
    slices = CaseSlices.load(target, Plane.AXIAL)
    for segment in target.segments:
        if slices.has(segment.value):
            yield segment.name, _Shown.of(slices, segment.value, engine.image_size)


@torch.inference_mode()
def judge(
    segmenter: LoadedSegmenter, tasks: Iterator[Task], parts: Sequence[str], targets: int | None, results: Records
) -> list[Record]:
    """The figures of all targets, those that are there already among them."""
    engine = Sam2Engine.of(segmenter)
    models, decoder = Models(segmenter, build_encoder()), segmenter.prompt_decoder

    def first_slices(target: MemoryCase) -> dict[str, float]:
        return {name: first_slice_dice(engine, shown) for name, shown in _structures(engine, target)}

    def prompts(target: MemoryCase) -> dict[str, float]:
        found = [prompt_dice(engine, shown) for _, shown in _structures(engine, target)]
        return {key: float(np.mean([one[key] for one in found])) for key in found[0]}

    figures = []
    for task in tasks:
        measures: dict[str, Callable[[MemoryCase], dict[str, float]]] = {
            "library": lambda target, task=task: library_dice(models, task, target),  # type: ignore[misc]
            "first-slice": first_slices,
            "prompts": prompts,
            "corrections": lambda target, task=task: correction_dice(models, task, target),  # type: ignore[misc]
        }
        for target in task.targets[:targets]:
            for part in parts:
                record: Record = {
                    "part": part,
                    "task": task.name,
                    "target": target.name,
                    "weights": decoder.sha256 if decoder and part in _BY_STEP else segmenter.sha256,
                }
                known = results.find(record)
                if known is None:
                    known = record | {"dice": {k: round(v, 4) for k, v in measures[part](target).items()}}
                    results.append(known)
                    print(f"{part} {task.name} {target.name}: {_mean(known):.3f}", flush=True)
                figures.append(known)
    return figures


def _mean(record: Record) -> float:
    return float(np.mean(list(record["dice"].values()))) if record["dice"] else float("nan")


def table(records: Sequence[Record]) -> str:
    """Means over targets in Markdown: a row a part, a column a task, and the mean of the tasks."""
    tasks = list(dict.fromkeys(r["task"] for r in records))
    lines = [f"| part | {' | '.join(tasks)} | mean |", "|---" * (len(tasks) + 2) + "|"]
    for part in dict.fromkeys(r["part"] for r in records):
        rows = [r for r in records if r["part"] == part]
        keys = list(dict.fromkeys(k for r in rows for k in r["dice"])) if part in _BY_STEP else ["mean"]
        for key in keys:
            cells = []
            for task in tasks:
                own = [r for r in rows if r["task"] == task]
                values = [_mean(r) if key == "mean" else r["dice"][key] for r in own if r["dice"]]
                cells.append(float(np.mean(values)) if values else float("nan"))
            label = part if key == "mean" else f"{part}, {key}"
            told = [f"{c:.3f}" for c in (*cells, float(np.nanmean(cells)))]
            lines.append(f"| {label} | {' | '.join(told)} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with one folder a set, and the pool")
    parser.add_argument("--segmenter", type=Path, help="weights; the shipped ones by default")
    parser.add_argument("--part", action="append", dest="parts", choices=PARTS, help="default all")
    parser.add_argument("--set", action="append", dest="sets", choices=tune_sets(), help="default all")
    parser.add_argument("--targets", type=int, help="only the first so many of a task")
    parser.add_argument("--results", type=Path, help="file that figures are looked up in and appended to (JSON lines)")
    options = parser.parse_args(arguments)
    segmenter = build_segmenter(checkpoint=options.segmenter)
    tasks = tune_tasks(options.data, options.sets or tune_sets())
    parts = options.parts or PARTS
    print("\n" + table(judge(segmenter, tasks, parts, options.targets, Records(options.results, IDENTITY))))


if __name__ == "__main__":
    main()
