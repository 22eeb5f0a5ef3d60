"""Whether a library says "unlike anything here" of volumes of another kind, and not of its own kind.

    python -m training.unlike --data DATA [--role tune|judge] [--set msd_hippocampus] [--cases 8] [--libraries 1]
        [--results FILE.jsonl]
    python -m training.unlike --table FILE.jsonl [FILE.jsonl ...]

The library is the first so many cases by name of a set of a role of splits.json. Its own kind: the other cases of that
set and role. Volumes of another kind: all cases of the role's other sets; in the role ``tune`` also those of the sets
that may be trained on. With ``--libraries N`` the same is done with N libraries, which begin evenly spread over the
names (begun again at the first after the last): more verdicts, though of the same volumes.

Only the verdict is computed, nothing is segmented. With ``--results`` every verdict is appended to a file, and not
computed again with the same library and weights. It knows nothing of the code: after a change of that, begin another
file.
"""

from __future__ import annotations

import argparse
import functools
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from RetrievalSAMLib.alignment import stack_extent_mm
from RetrievalSAMLib.retrieval.embedding import SliceEmbedder
from RetrievalSAMLib.retrieval.evidence import SupportCase
from RetrievalSAMLib.retrieval.gathering import evidence_of_cases
from RetrievalSAMLib.segmentation.pipeline import Models
from RetrievalSAMLib.segmentation.supports.verdict import volume_verdict
from RetrievalSAMLib.volumes import SliceStack, Volume, choose_plane, read_volume
from training.judge import SPLITS, bundled_models, load_case
from training.planted_cases import cases_of
from training.records import Record, Records, read_records

PARTS = ("role", "kind", "library", "set", "target", "weights")
"""What makes a verdict the same verdict; ``kind`` is the set that the library is of."""

VERDICTS = ("unlike-library", "uncertain", "in-library")

TRAINED_ON = ("fetal_brain_sba", "sts_ct", "sts_mr_t1", "sts_pet")
"""Sets without a role of their own: another kind than the library of the role ``tune``."""


def verdict_of(target: Volume, cases: Sequence[SupportCase], models: Models, cache: Path) -> str:
    """The verdict that a run with these cases would give on a volume.

    Args:
        target: The volume.
        cases: The library.
        models: The networks.
        cache: For embeddings of the cases.
    """
    plane = choose_plane(target.geometry)
    embedder = SliceEmbedder(models.encoder)
    evidence = evidence_of_cases(cases, plane, embedder, cache)
    stack = SliceStack.of(target, plane)
    return volume_verdict(embedder.embed(stack), stack_extent_mm(stack), evidence).name


def libraries_of(names: Sequence[str], size: int, count: int) -> list[list[str]]:
    """Names of the cases of some libraries.

    Args:
        names: Of all cases.
        size: Of a library.
        count: Of libraries.
    """
    starts = [number * len(names) // count for number in range(count)]
    return [[*names[start:], *names[:start]][:size] for start in starts]


def others_of(data: Path, role: str, group: str) -> Iterator[tuple[str, str]]:
    """Volumes of another kind than a set, as set and name."""
    for other in json.loads(SPLITS.read_text(encoding="utf-8"))["splits"][role]:
        if other != group:
            yield from ((other, name) for name in cases_of(role, other))
    if role == "tune":
        for other in TRAINED_ON:
            there = (data / other).glob("*_image.nii.gz")
            yield from ((other, name) for name in sorted(path.name.removesuffix("_image.nii.gz") for path in there))


def verdicts(data: Path, role: str, group: str, size: int, count: int, results: Records) -> Iterator[Record]:
    """A record for every library and volume.

    Args:
        data: The folder of the sets.
        role: ``judge`` or ``tune``.
        group: The set that the libraries are of.
        size: Of a library.
        count: Of libraries.
        results: Where verdicts are looked up and kept.
    """
    models = bundled_models()
    names = json.loads(SPLITS.read_text(encoding="utf-8"))["names"][group]
    everyone = cases_of(role, group)
    load = functools.cache(lambda name: load_case(data, group, name, names))
    with tempfile.TemporaryDirectory(prefix="retrievalsam-") as cache:
        for library in libraries_of(everyone, size, count):
            own = [(group, name) for name in everyone if name not in library]
            for other, name in [*own, *others_of(data, role, group)]:
                wanted: Record = {
                    "role": role,
                    "kind": group,
                    "library": library,
                    "set": other,
                    "target": name,
                    "weights": {"encoder": models.encoder.sha256},
                }
                record = results.find(wanted)
                if record is None:
                    target = read_volume(data / other / f"{name}_image.nii.gz")
                    cases = [load(case) for case in library]
                    record = wanted | {"verdict": verdict_of(target, cases, models, Path(cache))}
                    results.append(record)
                    print(f"{other} {name}: {record['verdict']}", flush=True)
                yield record


def table(records: Sequence[Record]) -> str:
    """Markdown: a row a set, and one for all of another kind."""
    lines = [
        f"| library of | volumes of | volumes | libraries | {' | '.join(VERDICTS)} | |",
        "|---" * 8 + "|",
    ]
    for role, kind in dict.fromkeys((r["role"], r["kind"]) for r in records):
        rows = [r for r in records if (r["role"], r["kind"]) == (role, kind)]
        own = [r for r in rows if r["set"] == kind]
        others = [r for r in rows if r["set"] != kind]
        label = f"{kind} ({role})"
        lines += [_row(label, "its own kind", own, "false alarms")] if own else []
        groups = list(dict.fromkeys(r["set"] for r in others))
        lines += [_row(label, group, [r for r in others if r["set"] == group], "caught") for group in groups]
        lines += [_row(label, "all others", others, "caught")] if len(groups) > 1 else []
    return "\n".join(lines)


def _row(kind: str, group: str, rows: Sequence[Record], meaning: str) -> str:
    counts = [sum(r["verdict"] == verdict for r in rows) for verdict in VERDICTS]
    volumes = len({(r["set"], r["target"]) for r in rows})
    libraries = len({tuple(r["library"]) for r in rows})
    cells = [kind, group, str(volumes), str(libraries), *map(str, counts)]
    return f"| {' | '.join(cells)} | {100 * counts[0] / len(rows):.1f} % {meaning} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, help="folder with one folder a set")
    parser.add_argument("--role", choices=("judge", "tune"), default="tune")
    parser.add_argument("--set", default="msd_hippocampus", help="that the library is of")
    parser.add_argument("--cases", type=int, default=8, help="of a library")
    parser.add_argument("--libraries", type=int, default=1)
    parser.add_argument("--results", type=Path, help="file they are looked up in and appended to (JSON lines)")
    parser.add_argument("--table", type=Path, nargs="+", help="only print the table of these results files")
    options = parser.parse_args(arguments)
    if options.table:
        print(table(read_records(options.table, PARTS)))
        return
    if options.data is None:
        parser.error("--data is needed, unless --table is given")
    groups = json.loads(SPLITS.read_text(encoding="utf-8"))["splits"][options.role]
    if options.set not in groups:
        parser.error(f"no set {options.set} has the role {options.role}: it has {', '.join(groups)}")
    count = len(cases_of(options.role, options.set))
    if not 1 <= options.cases < count:
        parser.error(f"--cases must be from 1 to {count - 1}: {options.set} has {count} in the role {options.role}")
    if not 1 <= options.libraries <= count:
        parser.error(f"--libraries must be from 1 to {count}")
    results = Records(options.results, PARTS)
    found = list(verdicts(options.data, options.role, options.set, options.cases, options.libraries, results))
    print("\n" + table(found))


if __name__ == "__main__":
    main()
