"""How often slices that run the other way than their header tells are found, and how often others are taken for such.

    python -m training.slice_order --results FILE.jsonl [--kind hearts ...] [--seed 1] [--data DATA --set SET ...]
    python -m training.slice_order --table FILE.jsonl [FILE.jsonl ...]

Every target is looked at as it is and with its slices in the reverse order (`segmentation.steps.order:in_order`);
nothing is segmented. What the results have already is not computed again; they know nothing of the code.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.segmentation.settings.options import RunOptions
from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.segmentation.steps.describe import describe
from RetrievalSAMLib.segmentation.steps.inputs import RunInputs
from RetrievalSAMLib.segmentation.steps.order import in_order
from training import lookalikes
from training.judge import bundled_models
from training.moved_cases import mirrored_case
from training.orientation import targets_of
from training.records import Record, Records, read_records

PARTS = ("kind", "seed", "target", "mirrored")
"""What makes a figure the same figure. Besides: ``said``, whether the target was said to run the other way, and
``cases``, of how many cases that was said."""


def look(target: MemoryCase, cases: Sequence[MemoryCase], cache: Path) -> Record:
    """What is said of a target and its cases.

    Args:
        target: The target.
        cases: Its cases.
        cache: Folder in which embeddings of cases are kept.
    """
    options = RunOptions(plane=target.plane, cache=cache)
    with torch.inference_mode():
        inputs = RunInputs.of(target.image, cases, bundled_models(), preset("default"), options)
        order = in_order(inputs, describe(inputs))[0].order
    return {"said": order.of_target, "cases": len(order.odd_cases)}


def measure(kind: str, seed: int, data: Path | None, count: int, results: Records) -> None:
    """Look at the targets of a cohort or set, as far as the results have them not yet."""
    with tempfile.TemporaryDirectory(prefix="retrievalsam-order-") as cache:
        for cases, target in targets_of(kind, seed, data, count):
            for mirrored in (False, True):
                record: Record = {"kind": kind, "seed": seed, "target": target.name, "mirrored": mirrored}
                if results.find(record) is None:
                    record |= look(mirrored_case(target) if mirrored else target, cases, Path(cache))
                    results.append(record)
                    print(*record.values(), flush=True)


def table(records: Sequence[Record]) -> str:
    """Markdown: by kind, and of all together, how often it was said rightly and wrongly."""
    return "\n".join(["| volumes | n | found in reverse | false alarms |", "|---" * 4 + "|", *_rows(records)])


def _rows(records: Sequence[Record]) -> Iterator[str]:
    for kind in [*dict.fromkeys(record["kind"] for record in records), None]:
        own = [record for record in records if kind in (record["kind"], None)]
        reverse = [record["said"] for record in own if record["mirrored"]]
        usual = [record["said"] or record["cases"] > 0 for record in own if not record["mirrored"]]
        if reverse and usual:
            found, alarms = f"{sum(reverse)} of {len(reverse)}", f"{sum(usual)} of {len(usual)}"
            yield f"| {kind or 'all'} | {len(usual)} | {found} | {alarms} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--results", type=Path, help="file that figures are looked up in and appended to (JSON lines)")
    parser.add_argument("--kind", nargs="*", choices=lookalikes.KINDS, help="made-up targets; default all")
    parser.add_argument("--set", nargs="*", default=[], dest="sets", help="tune sets")
    parser.add_argument("--data", type=Path, help="folder with one folder a set")
    parser.add_argument("--seed", type=int, nargs="*", default=[1], help="of made-up cohorts")
    parser.add_argument("--targets", type=int, default=12, help="of a cohort or set, the first so many")
    parser.add_argument("--table", type=Path, nargs="+", help="only print the table of these results files")
    options = parser.parse_args(arguments)
    if options.table is None and options.results is None:
        parser.error("--results or --table is needed")
    if options.sets and options.data is None:
        parser.error("--set needs --data")
    if options.table is None:
        results = Records(options.results, PARTS)
        for kind in lookalikes.KINDS if options.kind is None else options.kind:
            for seed in options.seed:
                measure(kind, seed, options.data, options.targets, results)
        for kind in options.sets:
            measure(kind, 0, options.data, options.targets, results)
    print("\n" + table(read_records(options.table or [options.results], PARTS)))


if __name__ == "__main__":
    main()
