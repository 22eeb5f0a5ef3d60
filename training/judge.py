"""Whole-volume Dice on real volumes, beside what else could be done with the same few annotated cases.

    python -m training.judge --data DATA [--role judge|tune] [--set msd_hippocampus] [--method default]
        [--change NAME=VALUE] [--targets N] [--results FILE.jsonl]
    python -m training.judge --table FILE.jsonl [FILE.jsonl ...]

With ``--learn`` the presets are measured once more with what `library learn` makes of the supports, in a library of its
own that lives as long as the measurement (``--steps`` of training a network; the proof is on the supports alone).

Methods are the presets of the product and four baselines (see `training.baselines`): ``slice-copy``, ``case-copy``,
``registration`` and ``unet``. Supports and targets stand in splits.json: by rules that its test states, not by choice.

With ``--results`` every figure is appended to a file as soon as it is there, and what the file already has (same
target, supports, method, settings and weights) is not computed again. It knows nothing of the code: after a change of
that, begin another file. Processes that run side by side need a file each; ``--table`` takes them together.

Dice is `evaluate`'s: a segment that a target's truth lacks counts 1 where nothing was found either, else 0. Intervals
are over targets, as if these were independent of each other.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from RetrievalSAMLib.evaluation.metrics import evaluate
from RetrievalSAMLib.learning.learn import LearnOptions, learn
from RetrievalSAMLib.learning.use import learned_state, opinion_of
from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.models.build import build_encoder, build_segmenter
from RetrievalSAMLib.retrieval.embedding import SliceEmbedder
from RetrievalSAMLib.retrieval.evidence import MemoryCase, SupportCase
from RetrievalSAMLib.segmentation.pipeline import Models, segment_volume
from RetrievalSAMLib.segmentation.settings.presets import PRESETS, Settings, preset
from RetrievalSAMLib.volumes import Segmentation, Volume, read_segmentation, read_volume
from training.baselines.copying import copy_case, copy_slices
from training.baselines.registration import RegistrationSettings, register_cases
from training.baselines.unet import UnetSettings, train_unet
from training.records import Record, Records, read_records

SPLITS = Path(__file__).parent / "splits.json"
BASELINES = ("slice-copy", "case-copy", "registration", "unet")

Segmenter = Callable[[Volume], Segmentation]

PARTS = ("role", "set", "target", "supports", "method", "settings", "weights")
"""What makes a figure the same figure. Besides, a record has dice by segment, seconds for the volume, and
preparation_seconds for the supports (once for all targets that share them)."""


@dataclass(frozen=True)
class Method:
    """A way to segment a target from support cases.

    Attributes:
        name: As results call it.
        settings: All that its result depends on, besides volumes, weights and code; plain JSON values.
        weights: SHA-256 by network.
        prepare: From support cases to what segments a target.
    """

    name: str
    settings: Mapping[str, object]
    weights: Mapping[str, str]
    prepare: Callable[[Sequence[SupportCase]], Segmenter]


@functools.cache
def bundled_models() -> Models:
    """The networks that come with the package; loaded only where a method needs them."""
    return Models(build_segmenter(), build_encoder())


def method_of(name: str, settings: Settings, changes: Mapping[str, object]) -> Method:
    """A method by its name.

    Args:
        name: A preset or one of `BASELINES`.
        settings: Of the preset whose retrieval ``slice-copy`` uses.
        changes: Settings to change, by name. Those that the method does not have are left aside.
    """
    if name == "case-copy":
        return Method(name, {}, {}, lambda cases: lambda target: copy_case(target, cases))
    if name == "registration":
        registration = _changed(RegistrationSettings(), changes)
        return Method(
            name, _plain(registration), {}, lambda cases: lambda target: register_cases(target, cases, registration)
        )
    if name == "unet":
        unet = _changed(UnetSettings(), changes)
        return Method(name, _plain(unet), {}, lambda cases: train_unet(cases, unet).segment)
    models = bundled_models()
    if name == "slice-copy":
        copying = _changed(settings, changes)
        embedder = SliceEmbedder(models.encoder)
        return Method(
            name,
            {"position_weight": copying.position_weight},
            {"encoder": models.encoder.sha256},
            lambda cases: lambda target: copy_slices(target, cases, embedder, copying),
        )
    ours = _changed(preset(name), changes)
    return Method(
        name,
        _plain(ours),
        {"segmenter": models.segmenter.sha256, "encoder": models.encoder.sha256},
        lambda cases: lambda target: segment_volume(target, cases, models, ours).segmentation,
    )


def learned_method(name: str, changes: Mapping[str, object], steps: int, kept: Path | None) -> Method:
    """A preset with an expert that is trained on the supports.

    Args:
        name: Of the preset.
        changes: Settings to change, by name.
        steps: Of training of each network.
        kept: Folder for the libraries and what they learn, for a measurement that goes on another time; else temporary.
    """
    models = bundled_models()
    ours = _changed(preset(name), changes)

    def prepare(cases: Sequence[SupportCase]) -> Segmenter:
        # The folder goes when the segmenter does.
        temporary = tempfile.TemporaryDirectory(prefix="retrievalsam-judge-") if kept is None else None
        library = learned_library(Path(temporary.name if temporary else kept or ""), cases, models, ours, steps)
        stored = library.cases()
        opinion = opinion_of(library, stored, ours, models.segmenter.sha256)

        def segment(target: Volume, _held: object = temporary) -> Segmentation:
            return segment_volume(target, stored, models, ours, opinion=opinion).segmentation

        return segment

    weights = {"segmenter": models.segmenter.sha256, "encoder": models.encoder.sha256}
    return Method(f"{name} + learn", {**_plain(ours), "learn_steps": steps}, weights, prepare)


def learned_library(
    parent: Path, cases: Sequence[SupportCase], models: Models, settings: Settings, steps: int
) -> SupportLibrary:
    """A library of some cases that has learned from them; one that is there already is taken as it is.

    Args:
        parent: Folder of all such libraries.
        cases: Of the library.
        models: Of the runs.
        settings: Of the runs.
        steps: Of training of each network.
    """
    contents = "".join(sorted(case.content_hash for case in cases))
    folder = parent / hashlib.sha256(contents.encode()).hexdigest()[:16]
    library = SupportLibrary.open(folder) if folder.is_dir() else SupportLibrary.create(folder)
    known = {case.name for case in library.cases()}
    for case in cases:
        if case.name not in known:
            library.add(case.load_image(), case.load_segmentation(), name=case.name)
    if learned_state(library).state != "current":
        learned = learn(library, models, settings, LearnOptions(steps=steps))
        print(json.dumps(msgspec.to_builtins(learned)), flush=True)
    return library


def _changed(settings: Any, changes: Mapping[str, object]) -> Any:
    own = {f.name for f in fields(settings)}
    return replace(settings, **{name: value for name, value in changes.items() if name in own})


def _plain(settings: Any) -> dict[str, object]:
    """Settings as they come back from a file: tuples as lists."""
    plain: dict[str, object] = json.loads(json.dumps(asdict(settings)))
    return plain


def load_case(data: Path, group: str, name: str, names: Mapping[str, str]) -> MemoryCase:
    """One case of a set, its segments named."""
    segmentation = read_segmentation(data / group / f"{name}_label.nii.gz")
    segments = tuple(replace(s, name=names.get(str(s.value), s.name)) for s in segmentation.segments)
    image = read_volume(data / group / f"{name}_image.nii.gz")
    return MemoryCase(name, image, replace(segmentation, segments=segments))


def scores(found: Segmentation, truth: Segmentation) -> dict[str, float]:
    """Dice by segment."""
    return {s.name: s.dice for s in evaluate(found, truth)}


class Results(Records):
    """The records of a results file."""

    def __init__(self, path: Path | None) -> None:
        super().__init__(path, PARTS)


def read_results(paths: Sequence[Path]) -> list[Record]:
    """The records of some files, each figure once: the last of those that are the same."""
    return read_records(paths, PARTS)


def judge(
    data: Path,
    role: str,
    content: Mapping[str, Any],
    groups: Sequence[str],
    methods: Sequence[Method],
    targets: int | None,
    results: Results,
) -> Iterator[Record]:
    """The figures of all targets of some sets, those that are there already among them.

    Args:
        data: The folder of the sets.
        role: ``judge`` or ``tune``.
        content: Of splits.json.
        groups: The sets.
        methods: To run on each.
        targets: Only the first so many of a split.
        results: Where figures are looked up and kept.
    """
    load = functools.lru_cache(maxsize=8)(
        lambda group, name: load_case(data, group, name, content["names"].get(group, {}))
    )
    for group in groups:
        for split in content["splits"][role][group]:
            for method in methods:
                segment: Segmenter | None = None
                preparation = 0.0
                for name in split["targets"][:targets]:
                    record: Record = {
                        "role": role,
                        "set": group,
                        "target": name,
                        "supports": sorted(split["supports"]),
                        "method": method.name,
                        "settings": method.settings,
                        "weights": method.weights,
                    }
                    known = results.find(record)
                    if known is not None:
                        yield known
                        continue
                    if segment is None:
                        cases = [load(group, support) for support in split["supports"]]
                        began = time.perf_counter()
                        segment = method.prepare(cases)
                        preparation = time.perf_counter() - began
                    target = load(group, name)
                    began = time.perf_counter()
                    found = segment(target.image)
                    seconds = time.perf_counter() - began
                    dice = {s: round(value, 4) for s, value in scores(found, target.segmentation).items()}
                    record |= {
                        "dice": dice,
                        "seconds": round(seconds, 2),
                        "preparation_seconds": round(preparation, 2),
                    }
                    results.append(record)
                    print(f"{group} {name} {method.name}: {np.mean(list(dice.values())):.3f}", flush=True)
                    yield record


def interval(values: Sequence[float], draws: int = 2000) -> tuple[float, float]:
    """95 % bootstrap interval of the mean over targets."""
    generator = np.random.default_rng(0)
    sample = generator.choice(np.array(values), size=(draws, len(values)))
    low, high = np.percentile(sample.mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def table(records: Sequence[Record]) -> str:
    """Mean Dice with intervals in Markdown: a table a set, a row a method."""
    parts = []
    for role, group in dict.fromkeys((r["role"], r["set"]) for r in records):
        chosen = [r for r in records if (r["role"], r["set"]) == (role, group)]
        segments = list(dict.fromkeys(segment for r in chosen for segment in r["dice"]))
        # One segment is its own mean.
        columns = ["mean", *segments] if len(segments) > 1 else segments
        supports = "/".join(str(n) for n in sorted({len(r["supports"]) for r in chosen}))
        lines = [
            f"### {group} ({role}, {supports} supports)",
            "",
            f"| method | targets | {' | '.join(columns)} | s a volume |",
            "|---" * (len(columns) + 3) + "|",
        ]
        for label, rows in labelled(chosen):
            cells = [label, str(len(rows))]
            if len(segments) > 1:
                cells.append(_cell([float(np.mean(list(r["dice"].values()))) for r in rows]))
            cells += [_cell([r["dice"][segment] for r in rows if segment in r["dice"]]) for segment in segments]
            cells.append(f"{np.mean([r['seconds'] for r in rows]):.1f}")
            lines.append(f"| {' | '.join(cells)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _cell(values: Sequence[float]) -> str:
    if not values:
        return ""
    low, high = interval(values)
    return f"{np.mean(values):.3f} [{low:.3f}, {high:.3f}]" if len(values) > 1 else f"{values[0]:.3f}"


def labelled(records: Sequence[Record]) -> list[tuple[str, list[Record]]]:
    """The records of a set by method; runs of a method that differ in settings or weights apart, and named by that."""
    runs: dict[str, dict[str, list[Record]]] = {}
    for record in records:
        what = json.dumps([record["settings"], record["weights"]], sort_keys=True)
        runs.setdefault(record["method"], {}).setdefault(what, []).append(record)
    rows = []
    for method, by_run in runs.items():
        ours = [{**r[0]["settings"], **{k: v[:8] for k, v in r[0]["weights"].items()}} for r in by_run.values()]
        names = dict.fromkeys(name for run in ours for name in run)
        differing = [name for name in names if len({json.dumps(run.get(name)) for run in ours}) > 1]
        for run, found in zip(ours, by_run.values(), strict=True):
            details = ", ".join(f"{name} {run[name]}" for name in differing if name in run)
            rows.append((f"{method} ({details})" if details else method, found))
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, help="folder with one folder a set")
    parser.add_argument("--role", choices=("judge", "tune"), default="judge")
    parser.add_argument("--set", action="append", dest="sets", help="one set, may be given several times; default all")
    parser.add_argument(
        "--method",
        action="append",
        dest="methods",
        choices=(*PRESETS, *BASELINES),
        help="may be given several times; default the preset and all baselines",
    )
    parser.add_argument(
        "--preset",
        default="default",
        choices=PRESETS,
        help="runs beside the baselines where no --method is given; slice-copy retrieves as it does",
    )
    parser.add_argument(
        "--change",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting to change, in every method that has it",
    )
    parser.add_argument("--learn", action="store_true", help="also the preset with what the supports teach")
    parser.add_argument("--steps", type=int, default=150, help="of training a network, with --learn")
    parser.add_argument("--libraries", type=Path, help="keep what was learned here, with --learn")
    parser.add_argument("--targets", type=int, help="only the first so many targets of a split (for a quick look)")
    parser.add_argument("--results", type=Path, help="file that figures are looked up in and appended to (JSON lines)")
    parser.add_argument("--table", type=Path, nargs="+", help="only print the table of these results files")
    options = parser.parse_args(arguments)
    if options.table:
        print(table(read_results(options.table)))
        return
    if options.data is None:
        parser.error("--data is needed, unless --table is given")
    content = json.loads(SPLITS.read_text(encoding="utf-8"))
    everything = content["splits"][options.role]
    groups = options.sets or list(everything)
    if unknown := [group for group in groups if group not in everything]:
        parser.error(f"no set {', '.join(unknown)} has the role {options.role}: it has {', '.join(everything)}")
    changes = {name: json.loads(value) for name, value in (text.split("=", 1) for text in options.change)}
    names = dict.fromkeys(options.methods or (options.preset, *BASELINES))
    methods = [method_of(name, preset(options.preset), changes) for name in names]
    if options.learn:
        methods += [
            learned_method(name, changes, options.steps, options.libraries) for name in names if name in PRESETS
        ]
    if unused := [name for name in changes if not any(name in method.settings for method in methods)]:
        parser.error(f"none of the methods has a setting {', '.join(unused)}")
    results = Results(options.results)
    found = judge(options.data, options.role, content, groups, methods, options.targets, results)
    print("\n" + table(list(found)))


if __name__ == "__main__":
    main()
