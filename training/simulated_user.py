"""What a person's corrections are worth: a made-up user draws some slices as the truth has them, the rest follows.

    python -m training.simulated_user --data DATA [--role tune|judge] [--set msd_hippocampus] [--preset default]
        [--part 0.1] [--draws 5] [--rank worth|lowest] [--targets N] [--results FILE.jsonl] [--pairs FILE.jsonl]
        [--choice worst --choice random ...] [--learn [--steps 510] [--libraries FOLDER]]

Every target is segmented once. Then a part of its slices is corrected, all segments of them: those that the tool would
have a person look at first (or, with ``--rank lowest``, those with the least sure segment), those with the most wrong
pixels (which only the truth knows: the most that ranking could gain), and, several times, random ones. Dice over the
whole volume, mean over segments, is told before, with the corrected slices alone, and after they were carried on; and
the forward passes that this took, as a part of the run's.
Targets that the file of ``--results`` has are not done again.

With ``--learn`` the library of the supports learns first, results have its expert in them, and corrections are carried
on twice: alone, and with a copy of the expert that they teach. Libraries in FOLDER that have learned are taken as they
are.

``--pairs`` keeps what the run said of itself, for `training.confidence_plots`: confidence and Dice of every segment on
every slice where it is, or was found.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from RetrievalSAMLib.learning.at_once.taught import TaughtByCorrections
from RetrievalSAMLib.learning.use import taught_by_corrections
from RetrievalSAMLib.retrieval.evidence import MemoryCase, SupportCase
from RetrievalSAMLib.segmentation.output.mask_edits import painted
from RetrievalSAMLib.segmentation.output.report import SegmentationReport
from RetrievalSAMLib.segmentation.pipeline import (
    Models,
    RunOptions,
    SegmentationResult,
    refine_volume,
    segment_volume,
)
from RetrievalSAMLib.segmentation.run_state.state_file import RESULTS_SUFFIX
from RetrievalSAMLib.segmentation.settings.presets import PRESETS, Settings, preset
from RetrievalSAMLib.volumes import Segmentation, SliceFrame, choose_plane
from RetrievalSAMLib.volumes.overlap import dice
from training.confidence_plots import PAIR
from training.judge import SPLITS, bundled_models, learned_library, load_case, scores
from training.passes import counted
from training.records import Record, Records

PARTS = ("role", "set", "preset", "part", "target", "choice", "draw")
"""What makes a figure the same figure."""

PAIR_PARTS = ("role", *PAIR)

CHOICES = ("worst", "most wrong", "random")

Rank = Callable[[SegmentationReport], dict[int, float]]
"""By slice, how good the tool takes it to be."""


def by_worth(report: SegmentationReport) -> dict[int, float]:
    """As the report orders them: slices that it does not name are as good as can be."""
    order = {index: float(place) for place, index in enumerate(report.look_first)}
    return {row.index: order.get(row.index, math.inf) for row in report.slices}


def by_lowest(report: SegmentationReport) -> dict[int, float]:
    """A slice is as good as its worst segment."""
    return {row.index: min(s.confidence for s in row.segments.values()) for row in report.slices}


RANKS: dict[str, Rank] = {"worth": by_worth, "lowest": by_lowest}


def corrected_by(found: Segmentation, truth: Segmentation, frame: SliceFrame, slices: Sequence[int]) -> Segmentation:
    """A segmentation in which a person has drawn some slices as they should be.

    Args:
        found: By the tool.
        truth: On the same grid; segments by the same names.
        frame: How the grid is sliced.
        slices: Indices along the sliced axis of the file.
    """
    known = set(truth.names)
    new = {}
    for n, segment in enumerate(found.segments):
        mask = frame.to_slices(truth.mask(segment.name)) if segment.name in known else np.zeros(frame.shape, dtype=bool)
        new[n] = {frame.slice_index(i): mask[frame.slice_index(i)] for i in slices}
    return painted(found, frame, new, range(len(found.segments)))


def wrong_pixels(found: Segmentation, truth: Segmentation, frame: SliceFrame) -> dict[int, float]:
    """By slice, minus the number of pixels that are not as they should be, over all segments."""
    drawn = corrected_by(found, truth, frame, range(frame.shape[0]))
    wrong = np.zeros(frame.shape[0])
    for n in range(len(found.segments)):
        wrong += frame.to_slices(found.mask(n) ^ drawn.mask(n)).sum(axis=(1, 2))
    return {frame.file_index(i): -float(value) for i, value in enumerate(wrong)}


def told_pairs(found: SegmentationResult, truth: Segmentation, frame: SliceFrame) -> Iterator[Record]:
    """Confidence and Dice of every segment on every slice where it is, or was found."""
    known = set(truth.names)
    for n, segment in enumerate(found.segmentation.segments):
        masks = frame.to_slices(found.segmentation.mask(n))
        true = frame.to_slices(truth.mask(segment.name)) if segment.name in known else np.zeros_like(masks)
        for row in found.report.slices:
            index = frame.slice_index(row.index)
            if segment.name in row.segments and (masks[index].any() or true[index].any()):
                confidence = row.segments[segment.name].confidence
                score = dice(masks[index], true[index])
                told = {"segment": segment.name, "slice": row.index, "found": bool(masks[index].any())}
                yield told | {"confidence": confidence, "dice": score}


def corrections(
    target: MemoryCase,
    cases: Sequence[SupportCase],
    models: Models,
    settings: Settings,
    part: float,
    draws: int,
    rank: Rank,
    choices: Sequence[str] = CHOICES,
    pairs: Callable[[Record], None] = lambda record: None,
    look: TaughtByCorrections | None = None,
) -> Iterator[Record]:
    """What corrections of one target gain: a record for every choice of slices.

    Args:
        target: With its truth.
        cases: The library.
        models: The networks.
        settings: Of all runs.
        part: Of the slices that are corrected, at least one.
        draws: Of random slices.
        rank: How the tool ranks slices.
        choices: Those of `CHOICES` that are wanted.
        pairs: Given confidence and Dice of what the run found.
        look: A copy of whose expert is taught by the corrections; the run has what the expert itself says.
    """
    plane = choose_plane(target.image.geometry)
    frame = SliceFrame(target.image.geometry, plane)
    with tempfile.TemporaryDirectory(prefix="retrievalsam-") as folder:
        options = RunOptions(plane=plane, state=Path(folder))
        with counted(models) as run:
            opinion = None if look is None else look.opinion
            first = segment_volume(target.image, cases, models, settings, options, opinion=opinion)
        for pair in told_pairs(first, target.segmentation, frame):
            pairs({"target": target.name, **pair})
        before = _mean(scores(first.segmentation, target.segmentation))
        ranked = {
            "worst": rank(first.report),
            "most wrong": wrong_pixels(first.segmentation, target.segmentation, frame),
        }
        count = max(1, math.ceil(part * frame.shape[0] - 1e-9))
        chosen = [(name, 0, sorted(good, key=lambda i: (good[i], i))[:count]) for name, good in ranked.items()]
        generator = np.random.default_rng(0)
        chosen += [
            ("random", draw, generator.choice(frame.shape[0], size=count, replace=False).tolist())
            for draw in range(draws)
        ]
        for name, draw, slices in chosen:
            if name not in choices:
                continue
            drawn = corrected_by(first.segmentation, target.segmentation, frame, slices)
            known = {path: path.read_bytes() for path in Path(folder).glob(f"*{RESULTS_SUFFIX}")}
            with counted(models) as refining:
                refined = refine_volume(target.image, drawn, slices, cases, models, settings, options)
            record: Record = {
                "target": target.name,
                "choice": name,
                "draw": draw,
                "slices": sorted(slices),
                "of": frame.shape[0],
                "before": before,
                "corrected": _mean(scores(drawn, target.segmentation)),
                "refined": _mean(scores(refined.segmentation, target.segmentation)),
                "passes": refining.total / run.total,
                "operations": refining.operations / run.operations,
            }
            if look is not None:
                # What the first refinement left is another result to have been corrected.
                for path, content in known.items():
                    path.write_bytes(content)
                taught = refine_volume(target.image, drawn, slices, cases, models, settings, options, look=look)
                assert taught.report.refinement is not None
                record["taught"] = _mean(scores(taught.segmentation, target.segmentation))
                record["teaching"] = msgspec.to_builtins(taught.report.refinement.taught)
            yield record


def table(records: Sequence[Mapping[str, Any]]) -> str:
    """Mean gains in Markdown: a row a set and choice of slices."""
    lines = [
        "| set | slices | targets | before | gain by these slices | gain after carrying on | part of a run's passes "
        "| gain with a taught copy | better in |",
        "|---" * 9 + "|",
    ]
    for group, choice in dict.fromkeys((r["set"], r["choice"]) for r in records):
        rows = [r for r in records if (r["set"], r["choice"]) == (group, choice)]
        # Draws of one target first, so that each target counts once.
        means = [
            {
                key: float(np.mean([r[key] for r in rows if r["target"] == target]))
                for key in ("before", "corrected", "refined", "passes", "taught")
                if all(key in r for r in rows)
            }
            for target in dict.fromkeys(r["target"] for r in rows)
        ]
        before, corrected, refined, passes = (
            float(np.mean([m[key] for m in means])) for key in ("before", "corrected", "refined", "passes")
        )
        lines.append(
            f"| {group} | {choice} | {len(means)} | {before:.3f} | {corrected - before:+.4f} | {refined - before:+.4f} "
            f"| {100 * passes:.1f} % {_taught(means)}|"
        )
    return "\n".join(lines)


def _taught(means: Sequence[Mapping[str, float]]) -> str:
    """Two cells: what is gained with a taught copy, and in how many targets that is more than without."""
    if not all("taught" in m for m in means):
        return "| | "
    gain = float(np.mean([m["taught"] - m["before"] for m in means]))
    return f"| {gain:+.4f} | {sum(m['taught'] > m['refined'] for m in means)} "


def _mean(dice: Mapping[str, float]) -> float:
    return float(np.mean(list(dice.values())))


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with one folder a set")
    parser.add_argument("--role", choices=("judge", "tune"), default="tune")
    parser.add_argument("--set", action="append", dest="sets", help="one set, may be given several times; default all")
    parser.add_argument("--preset", default="default", choices=[name for name in PRESETS if name != "fate-sam"])
    parser.add_argument("--part", type=float, default=0.1, help="of the slices that are corrected; at least one is")
    parser.add_argument("--draws", type=int, default=5, help="of random slices a target")
    parser.add_argument("--choice", action="append", dest="choices", choices=CHOICES, help="default all")
    parser.add_argument("--rank", choices=RANKS, default="worth", help="how the tool ranks slices")
    parser.add_argument("--targets", type=int, help="only the first so many targets of a split")
    parser.add_argument("--results", type=Path, help="file that figures are appended to (JSON lines)")
    parser.add_argument("--learn", action="store_true", help="let the library learn, and corrections teach")
    parser.add_argument("--steps", type=int, default=510, help="of training of each network")
    parser.add_argument("--libraries", type=Path, help="folder for libraries that learn; temporary unless given")
    parser.add_argument("--pairs", type=Path, help="file that confidence and Dice are appended to (JSON lines)")
    options = parser.parse_args(arguments)
    content = json.loads(SPLITS.read_text(encoding="utf-8"))
    everything = content["splits"][options.role]
    groups = options.sets or list(everything)
    if unknown := [group for group in groups if group not in everything]:
        parser.error(f"no set {', '.join(unknown)} has the role {options.role}: it has {', '.join(everything)}")
    settings, choices = preset(options.preset), tuple(options.choices or CHOICES)
    load = functools.lru_cache(maxsize=8)(
        lambda group, name: load_case(options.data, group, name, content["names"].get(group, {}))
    )
    records, pairs = Records(options.results, PARTS), Records(options.pairs, PAIR_PARTS)
    shown = []
    temporary = tempfile.TemporaryDirectory(prefix="retrievalsam-") if options.libraries is None else None
    libraries = Path(temporary.name if temporary else options.libraries)
    for group in groups:
        method = f"{options.preset} + learn {options.steps}" if options.learn else options.preset
        own = {"role": options.role, "set": group, "preset": method, "part": options.part}
        for split in everything[group]:
            cases: Sequence[SupportCase] = [load(group, name) for name in split["supports"]]
            look = None
            if options.learn:
                library = learned_library(libraries, cases, bundled_models(), settings, options.steps)
                cases = library.cases()
                look = taught_by_corrections(library, library.cases(), settings, bundled_models())
            for name in split["targets"][: options.targets]:
                draws = [(choice, n) for choice in choices for n in range(options.draws if choice == "random" else 1)]
                if not all(records.find(own | {"target": name, "choice": c, "draw": n}) for c, n in draws):
                    target = load(group, name)
                    rank = RANKS[options.rank]
                    for record in corrections(
                        target,
                        cases,
                        bundled_models(),
                        settings,
                        options.part,
                        options.draws,
                        rank,
                        choices,
                        lambda pair, own=own: pairs.append(own | pair),  # type: ignore[misc]
                        look,
                    ):
                        records.append(own | record)
                        print(json.dumps(own | record), flush=True)
                shown += [r for r in records.known.values() if r["target"] == name and r.items() >= own.items()]
    print("\n" + table(shown))


if __name__ == "__main__":
    main()
