"""Whether the review of a library finds a bad case: planted ones, in libraries of real volumes.

    python -m training.planted_cases --data DATA [--role tune|judge] [--set msd_hippocampus] [--cases 6]
        [--plantings 10] [--kind shifted|swapped|empty ...] [--preset fast] [--results FILE.jsonl]

A planting takes a library of the first cases of a role of splits.json, spoils the mask of one of them (another one each
time, in turn) and reviews it. Spoilt is: ``shifted`` (all segments by half of their extent within the slices, in one
of eight directions, so that nothing leaves the picture where that can be), ``swapped`` (the labels of two segments, by
turns), ``empty`` (one segment, by turns). Found means that the case comes first, and that a flag names what was done.

With ``--results`` every planting is appended to a file as soon as it is done, and not done again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from RetrievalSAMLib.evaluation.review import Review, review_library
from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.segmentation.presets import preset
from RetrievalSAMLib.volumes import Segmentation, SliceFrame, choose_plane
from training.judge import SPLITS, bundled_models, load_case

KINDS = ("shifted", "swapped", "empty")


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


def cases_of(role: str, group: str, count: int) -> list[str]:
    """The first cases of a role, supports and targets alike."""
    split = json.loads(SPLITS.read_text(encoding="utf-8"))["splits"][role][group]
    return list(dict.fromkeys(name for part in split for name in [*part["supports"], *part["targets"]]))[:count]


def planting(data: Path, role: str, group: str, kind: str, number: int, count: int, settings: str) -> dict[str, Any]:
    """One library with one spoilt case, reviewed."""
    names = json.loads(SPLITS.read_text(encoding="utf-8"))["names"][group]
    cases = cases_of(role, group, count)
    bad = cases[number % len(cases)]
    with tempfile.TemporaryDirectory() as folder:
        library = SupportLibrary.create(Path(folder) / "library")
        for name in cases:
            case = load_case(data, group, name, names)
            mask = spoilt(case.segmentation, kind, number) if name == bad else case.segmentation
            library.add(case.image, mask, name=name)
        review = review_library(library, bundled_models(), preset(settings))
    return {
        "role": role,
        "set": group,
        "kind": kind,
        "planting": number,
        "cases": len(cases),
        "preset": settings,
        "case": bad,
        **outcome(review, bad, kind),
    }


def outcome(review: Review, bad: str, kind: str) -> dict[str, Any]:
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Plant, review, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--role", choices=("tune", "judge"), default="tune")
    parser.add_argument("--set", default="msd_hippocampus")
    parser.add_argument("--cases", type=int, default=6)
    parser.add_argument("--plantings", type=int, default=10)
    parser.add_argument("--kind", choices=KINDS, action="append")
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--results", type=Path)
    given = parser.parse_args(arguments)
    known = list(_lines(given.results))
    for kind, number in itertools.product(given.kind or KINDS, range(given.plantings)):
        wanted = {"role": given.role, "set": given.set, "kind": kind, "planting": number, "preset": given.preset}
        record = next((one for one in known if wanted.items() <= one.items()), None)
        if record is None:
            record = planting(given.data, given.role, given.set, kind, number, given.cases, given.preset)
            if given.results is not None:
                with given.results.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(record) + "\n")
        print(
            f"{kind:8} {number:2} {record['case']}: rank {record['rank']}, named {record['named']}, "
            f"Dice {record['dice']}, flags {record['flags']}, others flagged {record['others_flagged']}",
            flush=True,
        )


def _lines(path: Path | None) -> Iterator[dict[str, Any]]:
    if path is not None and path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


if __name__ == "__main__":
    main()
