"""Whether the review of a library finds a bad case: planted ones, in libraries of real volumes.

    python -m training.planted_cases --data DATA [--role tune|judge] [--set msd_hippocampus] [--cases 6]
        [--plantings 10] [--kind shifted|swapped|empty ...] [--preset fast] [--results FILE.jsonl]
    python -m training.planted_cases --table FILE.jsonl [FILE.jsonl ...]

The n-th planting takes a library of so many cases by name, from the n-th of the role on (begun again at the first
after the last), spoils the mask of its first one and reviews it: a library and a spoilt case of its own each time.
Spoilt is, by turns: ``shifted`` (all segments by half of their extent within the slices, in one of eight directions, so
that nothing leaves the picture where that can be), ``swapped`` (the labels of two segments), ``empty`` (one segment).
Found means that the case comes first, and that a flag names what was done.

With ``--results`` every planting is appended to a file as soon as it is done, and not done again with the same library,
settings and weights. It knows nothing of the code: after a change of that, begin another file.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from RetrievalSAMLib.evaluation.review import Review, review_library
from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.segmentation.settings.presets import PRESETS, preset
from RetrievalSAMLib.volumes import Segmentation, SliceFrame, choose_plane
from training.judge import SPLITS, bundled_models, load_case
from training.records import Record, Records, read_records

KINDS = ("shifted", "swapped", "empty")

PARTS = ("role", "set", "kind", "planting", "library", "settings", "weights")
"""What makes a planting the same planting; the spoilt case is the first of the library."""


def spoilt(truth: Segmentation, kind: str, turn: int) -> Segmentation:
    """A mask with a fault.

    Args:
        truth: The right one, with two segments or more for ``swapped`` and ``empty``.
        kind: One of `KINDS`.
        turn: Which segments, or which direction.
    """
    masks = [truth.mask(n) for n in range(len(truth.segments))]
    drawn = [n for n, mask in enumerate(masks) if mask.any()]
    if kind == "swapped":
        pairs = list(itertools.combinations(drawn, 2))
        one, other = pairs[turn % len(pairs)]
        masks[one], masks[other] = masks[other], masks[one]
    elif kind == "empty":
        chosen = drawn[turn % len(drawn)]
        masks[chosen] = np.zeros_like(masks[chosen])
    else:
        masks = _shifted(truth, masks, turn)
    return Segmentation.from_masks(truth.segments, masks, truth.geometry)


def _shifted(truth: Segmentation, masks: Sequence[np.ndarray], turn: int) -> list[np.ndarray]:
    frame = SliceFrame(truth.geometry, choose_plane(truth.geometry))
    slices = [frame.to_slices(mask) for mask in masks]
    _, rows, columns = np.nonzero(np.any(slices, axis=0))
    low, high = np.array([rows.min(), columns.min()]), np.array([rows.max(), columns.max()]) + 1
    half = np.ceil((high - low) / 2).astype(int)
    size = np.array(frame.shape[1:])
    ways = [np.array(way) for way in itertools.product((-1, 0, 1), repeat=2) if any(way)]
    ways = ways[turn % len(ways) :] + ways[: turn % len(ways)]

    def outside(way: np.ndarray) -> int:
        move = way * half
        return int((np.maximum(0, -(low + move)) + np.maximum(0, high + move - size)).sum())

    way = min(ways, key=outside)  # of equal ones, the next in turn
    padded = [np.pad(one, [(0, 0), (half[0], half[0]), (half[1], half[1])]) for one in slices]
    first = half - way * half
    cut = [one[:, first[0] : first[0] + size[0], first[1] : first[1] + size[1]] for one in padded]
    return [frame.from_slices(one) for one in cut]


def cases_of(role: str, group: str) -> list[str]:
    """All cases of a role, supports and targets alike, by name."""
    split = json.loads(SPLITS.read_text(encoding="utf-8"))["splits"][role][group]
    return sorted({name for part in split for name in [*part["supports"], *part["targets"]]})


def library_of(names: Sequence[str], number: int, count: int) -> list[str]:
    """The cases of one planting, the one to be spoilt first: so many by name from one on, none twice.

    Args:
        names: Of all cases.
        number: Of the planting, from 0.
        count: Of cases in the library.
    """
    first = number % len(names)
    return [*names[first:], *names[:first]][:count]


def planting(data: Path, wanted: Record) -> Record:
    """One library with one spoilt case, reviewed.

    Args:
        data: The folder of the sets.
        wanted: What `PARTS` names, and ``preset``.
    """
    names = json.loads(SPLITS.read_text(encoding="utf-8"))["names"][wanted["set"]]
    bad = wanted["library"][0]
    with tempfile.TemporaryDirectory(prefix="retrievalsam-") as folder:
        library = SupportLibrary.create(Path(folder) / "library")
        for name in wanted["library"]:
            case = load_case(data, wanted["set"], name, names)
            truth = case.segmentation
            mask = spoilt(truth, wanted["kind"], wanted["planting"]) if name == bad else truth
            library.add(case.image, mask, name=name)
        review = review_library(library, bundled_models(), preset(wanted["preset"]))
    return {**wanted, "case": bad, **outcome(review, bad, wanted["kind"])}


def outcome(review: Review, bad: str, kind: str) -> Record:
    """Where the spoilt case came, what was said of it, and of how many others something grave was."""
    rank = next(n for n, case in enumerate(review.cases) if case.name == bad)
    case = review.cases[rank]
    return {
        "rank": rank + 1,
        "named": any(flag.kind == kind for flag in case.flags),
        "flags": [flag.kind for flag in case.flags],
        "dice": case.dice.mean,
        "others_dice": [one.dice.mean for one in review.cases if one.name != bad],
        "others_flagged": sum(any(f.severity > 0 for f in one.flags) for one in review.cases if one.name != bad),
        "seconds": review.seconds,
    }


def table(records: Sequence[Record]) -> str:
    """Markdown: a row a role, set and kind, and one for all kinds together."""
    lines = [
        "| set | planted | found | first | named | Dice of the bad case | least of the others | others flagged |",
        "|---" * 8 + "|",
    ]
    for role, group in dict.fromkeys((r["role"], r["set"]) for r in records):
        of_set = [r for r in records if (r["role"], r["set"]) == (role, group)]
        kinds = [kind for kind in KINDS if any(r["kind"] == kind for r in of_set)]
        for label, chosen in [*((kind, [kind]) for kind in kinds), *([("all", kinds)] if len(kinds) > 1 else [])]:
            lines.append(_row(f"{group} ({role})", label, [r for r in of_set if r["kind"] in chosen]))
    return "\n".join(lines)


def _row(group: str, label: str, rows: Sequence[Record]) -> str:
    first = sum(r["rank"] == 1 for r in rows)
    named = sum(r["named"] for r in rows)
    found = sum(r["rank"] == 1 and r["named"] for r in rows)
    worst = [r["dice"] for r in rows if r["dice"] is not None]
    others = [dice for r in rows for dice in r["others_dice"] if dice is not None]
    cells = [group, label, f"{found} of {len(rows)}", str(first), str(named)]
    cells += [f"{min(worst):.2f} to {max(worst):.2f}" if worst else "", f"{min(others):.2f}" if others else ""]
    flagged = sum(r["others_flagged"] for r in rows)
    cells.append(f"{flagged} of {sum(len(r['others_dice']) for r in rows)}")
    return f"| {' | '.join(cells)} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Plant, review, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--role", choices=("tune", "judge"), default="tune")
    parser.add_argument("--set", default="msd_hippocampus")
    parser.add_argument("--cases", type=int, default=6, help="of a library")
    parser.add_argument("--plantings", type=int, default=10, help="in all, of the kinds by turns")
    parser.add_argument("--kind", choices=KINDS, action="append", help="may be given several times; default all")
    parser.add_argument("--preset", default="fast", choices=[name for name in PRESETS if name != "fate-sam"])
    parser.add_argument("--results", type=Path, help="file they are looked up in and appended to (JSON lines)")
    parser.add_argument("--table", type=Path, nargs="+", help="only print the table of these results files")
    given = parser.parse_args(arguments)
    if given.table:
        print(table(read_records(given.table, PARTS)))
        return
    if given.data is None:
        parser.error("--data is needed, unless --table is given")
    content = json.loads(SPLITS.read_text(encoding="utf-8"))
    groups = content["splits"][given.role]
    if given.set not in groups:
        parser.error(f"no set {given.set} has the role {given.role}: it has {', '.join(groups)}")
    names = cases_of(given.role, given.set)
    if not 2 <= given.cases <= len(names):
        parser.error(f"--cases must be from 2 to {len(names)}: so many cases has {given.set} in the role {given.role}")
    kinds = list(dict.fromkeys(given.kind or KINDS))
    if len(content["names"][given.set]) < 2 and kinds != ["shifted"]:
        parser.error(f"{given.set} has a single segment, so that only --kind shifted can be planted")
    models = bundled_models()
    results = Records(given.results, PARTS)
    records = []
    for number in range(given.plantings):
        wanted: Record = {
            "role": given.role,
            "set": given.set,
            "kind": kinds[number % len(kinds)],
            "planting": number,
            "library": library_of(names, number, given.cases),
            "preset": given.preset,
            "settings": json.loads(json.dumps(asdict(preset(given.preset)))),
            "weights": {"segmenter": models.segmenter.sha256, "encoder": models.encoder.sha256},
        }
        record = results.find(wanted)
        if record is None:
            record = planting(given.data, wanted)
            results.append(record)
        records.append(record)
        print(
            f"{record['kind']:8} {number:2} {record['case']}: rank {record['rank']}, named {record['named']}, "
            f"Dice {record['dice']}, flags {record['flags']}, others flagged {record['others_flagged']}",
            flush=True,
        )
    print("\n" + table(records))


if __name__ == "__main__":
    main()
