"""Dice by how a target is turned against the cases, with a header that tells of it, does not, or lies.

    python -m training.orientation --results FILE.jsonl [--kind hearts ...] [--data DATA --set msd_hippocampus ...]
        [--seed 1] [--targets 1] [--degrees 0 45 90 180] [--tilt 15 30] [--header lost true]
        [--mirrored | --scaled 0.7 | --cropped | --without-spacing] [--preset default]
    python -m training.orientation --table FILE.jsonl [FILE.jsonl ...] [--picture FILE.svg]

Made-up hearts, trunks and heads (`training.lookalikes`) and tune sets; the target alone is moved
(`training.moved_cases`), the cases lie as they do. Degrees are within the slices; each tilt is one about the rows and
one about the columns. Every figure is appended to the results as soon as it is there, and what the file has already is
not computed again: a measurement that was stopped goes on. The file knows nothing of the code: after a change of that,
begin another one.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import numpy as np
from matplotlib.axes import Axes

from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.segmentation.pipeline import segment_volume
from RetrievalSAMLib.segmentation.settings.options import RunOptions
from RetrievalSAMLib.segmentation.settings.presets import PRESETS, preset
from training import lookalikes
from training.confidence_plots import auroc
from training.judge import SPLITS, bundled_models, load_case, scores
from training.moved_cases import (
    AXES,
    cropped_case,
    mirrored_case,
    scaled_case,
    turned_case,
    with_wrong_header,
    without_spacing,
)
from training.records import Record, Records, read_records
from training.svg import COLOURS, GREY, legend, name, panels, save

PARTS = ("kind", "seed", "target", "degrees", "axis", "header", "also", "settings", "weights")
"""What makes a figure the same figure. ``axis``: what the target is turned about (`training.moved_cases.AXES`);
``header``: ``true``, ``lost`` (that of before the turn) or ``wrong`` (it tells of 90 degrees more); ``also``: what else
was done to the target."""

HEADERS = ("true", "lost", "wrong")
WITHIN = (0, 15, 30, 45, 60, 90, 135, 180)
TILTED = (15, 30)

_HALF = 0.5
"""A target is taken not to have been aligned where its Dice is less than this part of what it is unturned."""


@dataclass(frozen=True)
class Pose:
    """How a target is moved.

    Attributes:
        degrees: How far it is turned.
        axis: What about, one of `AXES`.
        header: One of `HEADERS`.
    """

    degrees: float
    axis: str
    header: str

    def of(self, case: MemoryCase) -> MemoryCase:
        """A case in this pose."""
        moved = turned_case(case, self.degrees, self.axis, true_header=self.header != "lost")
        return with_wrong_header(moved) if self.header == "wrong" else moved


def poses(degrees: Sequence[float], tilts: Sequence[float], headers: Sequence[str]) -> list[Pose]:
    """All of them, those first that tell most: unturned, then every turn with each header."""
    turns = [(d, AXES[0]) for d in degrees if d % 360] + [(d, a) for d, a in itertools.product(tilts, AXES[1:]) if d]
    # What is not turned has one header that tells so.
    still = [Pose(0, AXES[0], "wrong" if header == "wrong" else "true") for header in headers]
    return [*dict.fromkeys(still), *(Pose(d, axis, header) for header in headers for d, axis in turns)]


def targets_of(kind: str, seed: int, data: Path | None, count: int) -> Iterator[tuple[list[MemoryCase], MemoryCase]]:
    """Cases and target of a kind of made-up volumes, or of a tune set.

    Raises:
        ValueError: It is a set, and there is no folder of data.
    """
    if kind in lookalikes.KINDS:
        yield from itertools.islice(lookalikes.splits(kind, seed, lookalikes.CHAMBERS), count)
        return
    if data is None:
        raise ValueError(f"the set {kind} needs --data")
    content = json.loads(SPLITS.read_text(encoding="utf-8"))
    load = functools.cache(lambda name: load_case(data, kind, name, content["names"].get(kind, {})))
    pairs = ((split["supports"], name) for split in content["splits"]["tune"][kind] for name in split["targets"])
    for supports, name_ in itertools.islice(pairs, count):
        yield [load(support) for support in supports], load(name_)


def measure(
    kind: str,
    seed: int,
    pairs: Sequence[tuple[list[MemoryCase], MemoryCase]],
    pose: Pose,
    also: str,
    preset_name: str,
    results: Records,
) -> None:
    """Segment some targets in one pose, as far as the results have them not yet."""
    models, settings = bundled_models(), preset(preset_name)
    for cases, target in pairs:
        record: Record = {
            "kind": kind,
            "seed": seed,
            "target": target.name,
            "degrees": pose.degrees,
            "axis": pose.axis,
            "header": pose.header,
            "also": also,
            "settings": asdict(settings),
            "weights": {"segmenter": models.segmenter.sha256, "encoder": models.encoder.sha256},
        }
        if results.find(record) is not None:
            continue
        moved = changed(pose.of(target), also)
        began = time.perf_counter()
        result = segment_volume(moved.image, cases, models, settings, RunOptions(plane=target.plane))
        report = result.report
        record |= {
            "dice": {s: round(d, 4) for s, d in scores(result.segmentation, moved.segmentation).items()},
            "confidence": {segment.name: segment.confidence for segment in report.segments},
            "verdict": report.verdict,
            "because": list(report.verdict_because),
            "orientation": None if report.orientation is None else msgspec.to_builtins(report.orientation),
            "seconds": round(time.perf_counter() - began, 1),
            "stages": report.seconds,
        }
        results.append(record)
        told = f"{pose.degrees:g} about {pose.axis}, header {pose.header}"
        print(f"{kind} {seed} {target.name} {told}: {mean_dice(record):.3f} ({record['seconds']} s)", flush=True)


def changed(case: MemoryCase, also: str) -> MemoryCase:
    """A case with what else is to be done to it: "", "mirrored", "cropped", "without-spacing" or "scaled FACTOR"."""
    what, _, factor = also.partition(" ")
    if what == "scaled":
        return scaled_case(case, float(factor))
    return {"": lambda c: c, "mirrored": mirrored_case, "cropped": cropped_case, "without-spacing": without_spacing}[
        what
    ](case)


def mean_dice(record: Record) -> float:
    """Over segments."""
    return float(np.mean(list(record["dice"].values())))


def table(records: Sequence[Record]) -> str:
    """Markdown: by kind and header, mean Dice over targets at every angle; then how well confidence tells failures."""
    parts = []
    for kind in dict.fromkeys(record["kind"] for record in records):
        own = [record for record in records if record["kind"] == kind]
        count = len({(record["seed"], record["target"]) for record in own})
        lines = [f"### {kind} ({count} {'target' if count == 1 else 'targets'})", ""]
        lines += ["| turned | header | mean Dice | against 0 degrees | n |", "|---" * 5 + "|"]
        for label, header, rows in _grouped(own):
            dice = [mean_dice(row) for row in rows]
            straight = [still for row in rows if (still := _unturned(row, own)) is not None]
            change = f"{100 * (np.mean(dice) - np.mean(straight)):+.1f}" if len(straight) == len(rows) else ""
            lines.append(f"| {label} | {header} | {np.mean(dice):.3f} | {change} | {len(rows)} |")
        parts.append("\n".join(lines))
    found = told_apart(records)
    if found is not None:
        parts.append(f"Confidence tells targets at less than half of their Dice unturned: AUROC {found:.3f}.")
    return "\n\n".join(parts)


def told_apart(records: Sequence[Record]) -> float | None:
    """AUROC of mean confidence for targets that could not be aligned; None where all are of a kind.

    Those count as not aligned whose mean Dice is less than half of what it is for the same target unturned.
    """
    failed, confidence = [], []
    for record in records:
        straight = _unturned(record, records)
        if straight:
            failed.append(mean_dice(record) < _HALF * straight)
            confidence.append(float(np.mean(list(record["confidence"].values()))))
    return auroc(np.array(confidence), np.array(failed)) if 0 < sum(failed) < len(failed) else None


def _unturned(record: Record, records: Sequence[Record]) -> float | None:
    """Mean Dice of the same target as it lies."""
    same = ("kind", "seed", "target", "settings", "weights")
    for other in records:
        still = other["degrees"] == 0 and other["header"] == "true" and not other["also"]
        if still and all(other[part] == record[part] for part in same):
            return mean_dice(other)
    return None


def _grouped(records: Sequence[Record]) -> Iterator[tuple[str, str, list[Record]]]:
    """By label and header, in the order of the angles."""

    def key(record: Record) -> tuple[str, int, float, str]:
        return record["also"], AXES.index(record["axis"]), record["degrees"], record["header"]

    for (also, axis, degrees, header), rows in itertools.groupby(sorted(records, key=key), key=key):
        where = "" if axis == 0 else f" about the {AXES[axis]}"
        yield f"{degrees:g}°{where}{', ' + also if also else ''}", header, list(rows)


def draw(records: Sequence[Record], path: Path) -> None:
    """Mean Dice by angle within the slices, a panel a header, a line a kind; tilts as crosses.

    Args:
        records: Of targets to which nothing else was done.
        path: The SVG file.
    """
    plain = [record for record in records if not record["also"]]
    headers = [h for h in HEADERS if any(record["header"] == h and record["degrees"] for record in plain)]
    figure, axes = panels(max(len(headers), 1))
    kinds = list(dict.fromkeys(record["kind"] for record in plain))
    for panel, header in zip(axes, headers, strict=False):
        for kind, colour in zip(kinds, itertools.cycle((*COLOURS, GREY, "#7b4b94")), strict=False):
            _draw_kind(panel, [r for r in plain if r["kind"] == kind], header, colour, kind)
        name(panel, f"header {header}", "degrees that the target is turned", "mean Dice")
        panel.set_ylim(0, 1)
        panel.set_xlim(-5, 185)
    legend(axes[0])
    save(figure, path)


def _draw_kind(panel: Axes, records: Sequence[Record], header: str, colour: str, label: str) -> None:
    by_angle: dict[tuple[str, float], list[float]] = {}
    for record in records:
        if record["header"] == header or not record["degrees"]:
            by_angle.setdefault((record["axis"], record["degrees"]), []).append(mean_dice(record))
    within = sorted((degrees, float(np.mean(dice))) for (axis, degrees), dice in by_angle.items() if axis == AXES[0])
    tilted = [(degrees, float(np.mean(dice))) for (axis, degrees), dice in by_angle.items() if axis != AXES[0]]
    count = len({(record["seed"], record["target"]) for record in records})
    panel.plot(
        *zip(*within, strict=True), "o-", color=colour, linewidth=1.4, markersize=4, label=f"{label} (n = {count})"
    )
    if tilted:
        panel.plot(*zip(*tilted, strict=True), "x", color=colour, markersize=6)


def _changes(options: argparse.Namespace) -> str:
    if options.scaled is not None:
        return f"scaled {options.scaled:g}"
    chosen = {"mirrored": options.mirrored, "cropped": options.cropped, "without-spacing": options.without_spacing}
    return next((what for what, wanted in chosen.items() if wanted), "")


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--results", type=Path, help="file that figures are looked up in and appended to (JSON lines)")
    parser.add_argument("--kind", nargs="*", choices=lookalikes.KINDS, help="made-up targets; default all")
    parser.add_argument("--set", nargs="*", default=[], dest="sets", help="tune sets")
    parser.add_argument("--data", type=Path, help="folder with one folder a set")
    parser.add_argument("--seed", type=int, nargs="*", default=[1], help="of made-up cohorts")
    parser.add_argument("--targets", type=int, default=1, help="of a cohort or set, the first so many")
    parser.add_argument("--degrees", type=float, nargs="*", default=WITHIN, help="turns within the slices")
    parser.add_argument("--tilt", type=float, nargs="*", default=TILTED, help="about the rows, and about the columns")
    parser.add_argument("--header", nargs="*", choices=HEADERS, default=("true", "lost"))
    also = parser.add_mutually_exclusive_group()
    also.add_argument("--mirrored", action="store_true", help="the slices of the target run the other way as well")
    also.add_argument("--cropped", action="store_true", help="it is cropped around its structures as well")
    also.add_argument("--without-spacing", action="store_true", help="its voxels are said to be 1 mm as well")
    also.add_argument("--scaled", type=float, metavar="FACTOR", help="its voxels are so many times as long as well")
    parser.add_argument("--preset", choices=PRESETS, default="default")
    parser.add_argument("--table", type=Path, nargs="+", help="only print the table of these results files")
    parser.add_argument("--picture", type=Path, help="draw them as SVG as well")
    options = parser.parse_args(arguments)
    if options.table is None and options.results is None:
        parser.error("--results or --table is needed")
    if options.sets and options.data is None:
        parser.error("--set needs --data")
    if options.table is None:
        results = Records(options.results, PARTS)
        kinds = [*(lookalikes.KINDS if options.kind is None else options.kind), *options.sets]
        # A set has no seeds.
        cohorts = [(k, s) for k in kinds for s in (options.seed if k in lookalikes.KINDS else [0])]
        pairs = {key: list(targets_of(*key, options.data, options.targets)) for key in cohorts}
        for pose in poses(options.degrees, options.tilt, options.header):
            for kind, seed in cohorts:
                measure(kind, seed, pairs[kind, seed], pose, _changes(options), options.preset, results)
    records = read_records(options.table or [options.results], PARTS)
    print("\n" + table(records))
    if options.picture is not None:
        draw(records, options.picture)


if __name__ == "__main__":
    main()
