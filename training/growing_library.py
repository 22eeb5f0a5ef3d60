"""A library that grows by its own results: what it gains, and how much correcting a case still takes.

    python -m training.growing_library --data DATA --results FILE.jsonl [--library DIR] [--role tune|judge]
        [--set msd_hippocampus] [--preset default] [--goal 0.85] [--step 2] [--limit 20] [--rank worth|lowest]
        [--control] [--cases N] [--targets N] [--picture FILE.svg]
    python -m training.growing_library --table FILE.jsonl [--picture FILE.svg]

The library begins with one case, drawn by a person. Every next one is segmented with what is there; then a made-up
user looks at the slices that the tool would have looked at first, a few at a time, draws them as the truth has them,
and lets the tool carry them on, until the mean Dice over segments reaches the goal or so many slices were looked at.
What came out (not the truth) becomes the next case. At some sizes the library segments targets that never go into it.
Which cases, in which order, and which targets: splits.json, under ``growing``.

Cases differ, so the corrections that the last ones took may be few by luck: with ``--control`` every case is also
corrected with the first case alone as its library.

Every figure is appended to the results as soon as it is there, and the library is kept beside them: run again, it goes
on where it was stopped. A figure is that of certain settings, weights and contents of the library; of the code it knows
nothing, so begin another file after a change of that.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from RetrievalSAMLib.library.case import Case
from RetrievalSAMLib.library.format import Provenance
from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.retrieval.evidence import MemoryCase, SupportCase
from RetrievalSAMLib.segmentation.output.report import SegmentationReport
from RetrievalSAMLib.segmentation.pipeline import Models, RunOptions, refine_volume, segment_volume
from RetrievalSAMLib.segmentation.settings.presets import PRESETS, Settings, preset
from RetrievalSAMLib.volumes import Segmentation, SliceFrame, choose_plane
from training.growing_results import PARTS, draw, table
from training.judge import SPLITS, bundled_models, load_case, scores
from training.records import Record, Records, read_records
from training.simulated_user import RANKS, corrected_by, wrong_pixels

SIZES = (1, 2, 4, 8, 12, 16)
"""Of the library, at which it is measured."""


@dataclass(frozen=True)
class Loop:
    """How the made-up user works.

    Attributes:
        goal: Mean Dice over segments at which a case is good enough.
        step: Slices that are looked at before the tool carries on.
        limit: Slices of a case that are looked at, at most.
        rank: One of `RANKS`: how the tool ranks slices.
    """

    goal: float = 0.85
    step: int = 2
    limit: int = 20
    rank: str = "worth"


@dataclass(frozen=True)
class Accepted:
    """A case as the user accepts it.

    Attributes:
        segmentation: The result, with its corrections carried on.
        report: Of the last run or refinement.
        dice: Mean over segments, of the run and after each time that corrections were carried on.
        looked: Slices that were looked at, in this order, as indices along the sliced axis of the file.
        corrected: Those in which something had to be changed.
    """

    segmentation: Segmentation
    report: SegmentationReport
    dice: tuple[float, ...]
    looked: tuple[int, ...]
    corrected: tuple[int, ...]


def accepted(
    target: MemoryCase,
    cases: Sequence[SupportCase],
    models: Models,
    settings: Settings,
    loop: Loop,
    cache: Path | None = None,
) -> Accepted:
    """Segment a case and correct it, worst slices first, until it is good enough.

    Args:
        target: With its truth.
        cases: The library.
        models: The networks.
        settings: Of all runs.
        loop: How the user works.
        cache: For embeddings of the cases.
    """
    plane = choose_plane(target.image.geometry)
    frame = SliceFrame(target.image.geometry, plane)
    looked: list[int] = []
    corrected: list[int] = []
    with tempfile.TemporaryDirectory(prefix="retrievalsam-") as folder:
        options = RunOptions(plane=plane, cache=cache, state=Path(folder))
        result = segment_volume(target.image, cases, models, settings, options)
        dice = [_mean_dice(result.segmentation, target.segmentation)]
        ranked = RANKS[loop.rank](result.report)
        while dice[-1] < loop.goal:
            left = sorted(ranked.keys() - set(looked), key=lambda i: (ranked[i], i))
            chosen = left[: min(loop.step, loop.limit - len(looked))]
            if not chosen:
                break
            wrong = wrong_pixels(result.segmentation, target.segmentation, frame)
            corrected += [i for i in chosen if wrong[i] < 0]
            looked += chosen
            drawn = corrected_by(result.segmentation, target.segmentation, frame, chosen)
            result = refine_volume(target.image, drawn, looked, cases, models, settings, options)
            dice.append(_mean_dice(result.segmentation, target.segmentation))
            # Of slices that were not looked at again nothing new is known.
            ranked |= RANKS[loop.rank](result.report)
    return Accepted(result.segmentation, result.report, tuple(dice), tuple(looked), tuple(corrected))


def _mean_dice(found: Segmentation, truth: Segmentation) -> float:
    return float(np.mean(list(scores(found, truth).values())))


@dataclass
class Growing:
    """A library that grows, with the figures of it.

    Attributes:
        library: On the disk. What it holds already is used where the figures say that it came about in the same way.
        data: The folder of the sets.
        role: ``judge`` or ``tune``.
        group: The set.
        names: Of its segments, by value.
        settings: Of all runs.
        loop: How the user works.
        results: Where figures are looked up and kept.
        control: Whether every case is corrected with the first one alone as well.
        hashes: Of the contents of the cases so far, in order.
    """

    library: SupportLibrary
    data: Path
    role: str
    group: str
    names: dict[str, str]
    settings: Settings
    loop: Loop
    results: Records
    control: bool = False
    hashes: list[str] = field(default_factory=list)

    def run(self, cases: Sequence[str], targets: Sequence[str]) -> None:
        """Grow by some cases, and measure on some targets.

        Args:
            cases: Names, in order.
            targets: Names.
        """
        for number, name in enumerate(cases, start=1):
            self._take(name)
            if number in SIZES or number == len(cases):
                for target in targets:
                    self._measure(target)

    def _take(self, name: str) -> None:
        """Make sure that the library has a case, as it comes out with the cases before it."""
        there = {case.name: case for case in self.library.cases()}
        wanted = self._figure("case", name, self.hashes)
        known = self.results.find(wanted)
        case = there.get(name)
        if case is None or known is None or known["added"] != case.content_hash:
            if case is not None:
                self.library.remove(name)
            before = self._cases(there)
            case, figures = self._add(name, before)
            self._keep(wanted | figures | {"added": case.content_hash})
        if self.control and self.hashes:
            alone = self._figure("case", name, self.hashes[:1])
            if self.results.find(alone) is None:
                result = self._accepted(name, self._cases(there)[:1])
                self._keep(alone | _figures_of(result) | {"added": None})
        self.hashes.append(case.content_hash)

    def _add(self, name: str, before: Sequence[Case]) -> tuple[Case, Record]:
        target = self._load(name)
        if not before:
            drawn = self.library.add(target.image, target.segmentation, name=name)
            return drawn, {"dice": [], "looked": [], "corrected": []}
        result = self._accepted(name, before)
        told, corrected = result.report, result.report.refinement and result.report.refinement.corrected
        plane, provenance = told.plane, Provenance.of_run(told.model.name, told.model.sha256, corrected)
        case = self.library.add(target.image, result.segmentation, name=name, plane=plane, provenance=provenance)
        return case, _figures_of(result)

    def _accepted(self, name: str, cases: Sequence[Case]) -> Accepted:
        return accepted(
            self._load(name), cases, bundled_models(), self.settings, self.loop, cache=self.library.cache_dir
        )

    def _measure(self, name: str) -> None:
        wanted = self._figure("target", name, self.hashes)
        if self.results.find(wanted) is None:
            target = self._load(name)
            cases = self._cases({case.name: case for case in self.library.cases()})
            options = RunOptions(cache=self.library.cache_dir)
            found = segment_volume(target.image, cases, bundled_models(), self.settings, options).segmentation
            self._keep(wanted | {"dice": {s: round(d, 4) for s, d in scores(found, target.segmentation).items()}})

    def _cases(self, there: dict[str, Case]) -> list[Case]:
        """The cases so far, in order: the library may hold more already."""
        of_hash = {case.content_hash: case for case in there.values()}
        return [of_hash[content] for content in self.hashes]

    def _load(self, name: str) -> MemoryCase:
        return load_case(self.data, self.group, name, self.names)

    def _figure(self, kind: str, name: str, library: Sequence[str]) -> Record:
        models = bundled_models()
        return {
            "role": self.role,
            "set": self.group,
            "kind": kind,
            "name": name,
            "library": list(library),
            "loop": asdict(self.loop),
            "settings": json.loads(json.dumps(asdict(self.settings))),
            "weights": {"segmenter": models.segmenter.sha256, "encoder": models.encoder.sha256},
        }

    def _keep(self, record: Record) -> None:
        self.results.append(record)
        told = {key: record[key] for key in ("dice", "corrected") if key in record}
        print(f"{record['kind']} {record['name']} with {len(record['library'])} cases: {json.dumps(told)}", flush=True)


def _figures_of(result: Accepted) -> Record:
    return {
        "dice": [round(value, 4) for value in result.dice],
        "looked": list(result.looked),
        "corrected": list(result.corrected),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, help="folder with one folder a set")
    parser.add_argument("--results", type=Path, help="file that figures are looked up in and appended to (JSON lines)")
    parser.add_argument("--library", type=Path, help="folder of the library; default beside the results")
    parser.add_argument("--role", choices=("judge", "tune"), default="tune")
    parser.add_argument("--set", default="msd_hippocampus")
    parser.add_argument("--preset", default="default", choices=[name for name in PRESETS if name != "fate-sam"])
    parser.add_argument("--goal", type=float, default=Loop.goal, help="mean Dice at which a case is good enough")
    parser.add_argument("--step", type=int, default=Loop.step, help="slices looked at before the tool carries on")
    parser.add_argument("--limit", type=int, default=Loop.limit, help="slices of a case that are looked at, at most")
    parser.add_argument("--rank", choices=RANKS, default=Loop.rank, help="how the tool ranks slices")
    parser.add_argument("--control", action="store_true", help="correct every case with the first one alone as well")
    parser.add_argument("--cases", type=int, help="only so many cases (for a quick look)")
    parser.add_argument("--targets", type=int, help="only the first so many targets (for a quick look)")
    parser.add_argument("--table", type=Path, nargs="+", help="only print the tables of these results files")
    parser.add_argument("--picture", type=Path, help="SVG file to draw the curves into")
    options = parser.parse_args(arguments)
    if not options.table:
        if options.data is None or options.results is None:
            parser.error("--data and --results are needed, unless --table is given")
        if options.step < 1 or options.limit < 0:
            parser.error("--step must be at least 1, --limit at least 0")
        _grow(parser, options)
    records = read_records(options.table or [options.results], PARTS)
    print("\n" + table(records))
    if options.picture:
        draw(records, options.picture)


def _grow(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    content = json.loads(SPLITS.read_text(encoding="utf-8"))
    of_role = content["growing"][options.role]
    if options.set not in of_role:
        parser.error(f"no set {options.set} has the role {options.role}: it has {', '.join(of_role)}")
    split = of_role[options.set]
    folder = options.library or options.results.with_suffix(".library")
    library = _opened(folder)
    if strange := [case.name for case in library.cases() if case.name not in split["cases"]]:
        parser.error(f"{folder}: the library holds {', '.join(strange)}, so it did not grow here; give another folder")
    loop = Loop(options.goal, options.step, options.limit, options.rank)
    names = content["names"].get(options.set, {})
    results = Records(options.results, PARTS)
    settings = preset(options.preset)
    growing = Growing(
        library, options.data, options.role, options.set, names, settings, loop, results, control=options.control
    )
    growing.run(split["cases"][: options.cases], split["targets"][: options.targets])


def _opened(folder: Path) -> SupportLibrary:
    there = (folder / "library.json").exists()
    return SupportLibrary.open(folder) if there else SupportLibrary.create(folder, name="growing library")


if __name__ == "__main__":
    main()
