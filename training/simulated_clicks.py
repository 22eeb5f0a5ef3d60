"""What a click or a box is worth: a made-up user points at the worst slices, the rest follows.

    python -m training.simulated_clicks --data DATA [--role tune|judge] [--set msd_hippocampus] [--preset default]
        [--slices 3] [--clicks 3] [--anywhere] [--targets N] [--checkpoint FILE] [--results FILE.jsonl]

Every target is segmented once. Then, for each of the slices of a segment with the most wrong pixels alone: a click into
the middle of its largest mistake (with ``--anywhere``, somewhere in it), refined; another into what is then its
largest; and so on. And, from the start again, the box of the truth. Dice of that segment in that slice, in the slices
beside it, and over the whole volume (mean over segments) is told before and after each; nothing done is the first row.
"""

from __future__ import annotations

import argparse
import functools
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from RetrievalSAMLib.models.build import build_encoder, build_segmenter
from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.segmentation.pipeline import Models, RunOptions, refine_volume, segment_volume
from RetrievalSAMLib.segmentation.prompts.points_and_boxes import BoxPrompt, PersonsPrompts, PointPrompt
from RetrievalSAMLib.segmentation.settings.presets import PRESETS, Settings, preset
from RetrievalSAMLib.volumes import Segmentation, SliceFrame, choose_plane
from RetrievalSAMLib.volumes.overlap import dice
from training.clicking import wrong_place
from training.judge import SPLITS, load_case, scores

Record = dict[str, Any]
BESIDE = 3
"""Slices on either side of the one that was pointed at whose Dice is told."""


def point_at(frame: SliceFrame, segment: str, index: int, pixel: tuple[int, int], positive: bool) -> PointPrompt:
    """A point at the middle of a pixel (row, column) of a slice."""
    x, y, z = frame.geometry.index_to_lps(np.array(frame.voxel_index(index, *pixel))).tolist()
    return PointPrompt(segment, (x, y, z), positive)


def box_around(frame: SliceFrame, segment: str, index: int, mask: np.ndarray) -> BoxPrompt:
    """The box of a mask (h, w): its corners are middles of pixels."""
    rows, columns = np.nonzero(mask)
    ends = ((rows.min(), columns.min()), (rows.max(), columns.max()))
    first, last = (point_at(frame, segment, index, (int(r), int(c)), True).position_mm for r, c in ends)
    return BoxPrompt(segment, (first, last))


def worst_pairs(found: Segmentation, truth: Segmentation, frame: SliceFrame, count: int) -> list[tuple[str, int]]:
    """Segments and slices with the most wrong pixels, worst first, among slices in which the truth has the segment."""
    wrong = []
    for name in truth.names:
        if name in found.names:
            right = frame.to_slices(truth.mask(name))
            differ = (frame.to_slices(found.mask(name)) ^ right).sum(axis=(1, 2))
            wrong += [(-int(n), name, i) for i, n in enumerate(differ) if n and right[i].any()]
    return [(name, i) for _, name, i in sorted(wrong)[:count]]


def pointed_at(
    target: MemoryCase,
    cases: Sequence[MemoryCase],
    models: Models,
    settings: Settings,
    slices: int,
    clicks: int,
    middle: bool,
) -> Iterator[Record]:
    """What clicks and a box gain on one target: a record for every slice and every step."""
    plane = choose_plane(target.image.geometry)
    frame, truth = SliceFrame(target.image.geometry, plane), target.segmentation
    with tempfile.TemporaryDirectory(prefix="retrievalsam-") as folder:
        options = RunOptions(plane=plane, state=Path(folder))
        first = segment_volume(target.image, cases, models, settings, options).segmentation

        def told(done: str, name: str, index: int, found: Segmentation) -> Record:
            mask, right = frame.to_slices(found.mask(name)), frame.to_slices(truth.mask(name))
            near = [i for i in range(index - BESIDE, index + BESIDE + 1) if i != index and 0 <= i < len(mask)]
            return {
                "target": target.name,
                "segment": name,
                "slice": frame.file_index(index),
                "done": done,
                "slice_dice": dice(mask[index], right[index]),
                "beside_dice": dice(mask[near], right[near]),
                "volume_dice": float(np.mean(list(scores(found, truth).values()))),
            }

        for name, index in worst_pairs(first, truth, frame, slices):
            right = frame.to_slices(truth.mask(name))[index]
            yield told("nothing", name, index, first)
            found, points = first, []
            for number in range(1, clicks + 1):
                place = wrong_place(frame.to_slices(found.mask(name))[index], right, middle)
                if place is not None:
                    points.append(point_at(frame, name, index, place[:2], place[2]))
                    prompts = PersonsPrompts(tuple(points))
                    found = refine_volume(
                        target.image, found, (), cases, models, settings, options, prompts
                    ).segmentation
                yield told(f"{number} click{'s' * (number > 1)}", name, index, found)
            prompts = PersonsPrompts(boxes=(box_around(frame, name, index, right),))
            boxed = refine_volume(target.image, first, (), cases, models, settings, options, prompts).segmentation
            yield told("box", name, index, boxed)


def table(records: Sequence[Mapping[str, Any]]) -> str:
    """Means in Markdown: a row a set and step, over the slices that were pointed at."""
    lines = [
        "| set | done | slices | its Dice | Dice of those beside | volume Dice | gain |",
        "|---" * 7 + "|",
    ]
    for group, done in dict.fromkeys((r["set"], r["done"]) for r in records):
        rows = [r for r in records if (r["set"], r["done"]) == (group, done)]
        start = [r for r in records if (r["set"], r["done"]) == (group, "nothing")]
        own, beside, whole, before = (
            float(np.mean([r[key] for r in of]))
            for of, key in ((rows, "slice_dice"), (rows, "beside_dice"), (rows, "volume_dice"), (start, "volume_dice"))
        )
        lines.append(
            f"| {group} | {done} | {len(rows)} | {own:.3f} | {beside:.3f} | {whole:.4f} | {whole - before:+.4f} |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with one folder a set")
    parser.add_argument("--role", choices=("judge", "tune"), default="tune")
    parser.add_argument("--set", action="append", dest="sets", help="one set, may be given several times; default all")
    parser.add_argument("--preset", default="default", choices=[name for name in PRESETS if name != "fate-sam"])
    parser.add_argument("--slices", type=int, default=3, help="slices of a segment that are pointed at, each alone")
    parser.add_argument("--clicks", type=int, default=3, help="at most, on each")
    parser.add_argument("--anywhere", action="store_true", help="click anywhere in a mistake instead of its middle")
    parser.add_argument("--targets", type=int, help="only the first so many targets of a split")
    parser.add_argument("--checkpoint", type=Path, help="weights of the bundled segmenter from a file")
    parser.add_argument("--results", type=Path, help="file that figures are appended to (JSON lines)")
    options = parser.parse_args(arguments)
    content = json.loads(SPLITS.read_text(encoding="utf-8"))
    everything = content["splits"][options.role]
    groups = options.sets or list(everything)
    if unknown := [group for group in groups if group not in everything]:
        parser.error(f"no set {', '.join(unknown)} has the role {options.role}: it has {', '.join(everything)}")
    torch.manual_seed(0)
    models = Models(build_segmenter(checkpoint=options.checkpoint), build_encoder())
    settings = preset(options.preset)
    load = functools.lru_cache(maxsize=8)(
        lambda group, name: load_case(options.data, group, name, content["names"].get(group, {}))
    )
    records = []
    for group in groups:
        for split in everything[group]:
            cases = [load(group, name) for name in split["supports"]]
            for name in split["targets"][: options.targets]:
                for record in pointed_at(
                    load(group, name), cases, models, settings, options.slices, options.clicks, not options.anywhere
                ):
                    records.append({"role": options.role, "set": group, "preset": options.preset, **record})
                    if options.results:
                        with options.results.open("a", encoding="utf-8") as stream:
                            stream.write(json.dumps(records[-1]) + "\n")
                    print(json.dumps(records[-1]), flush=True)
    print("\n" + table(records))


if __name__ == "__main__":
    main()
