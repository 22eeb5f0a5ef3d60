"""What a large library costs: `python -m training.large_library --folder F [--cases 1000] [--slices 100]`.

Makes a library of made-up cases with made-up embeddings in a new folder, and measures in it and in an empty one: what
adding a case reads and writes, how long it takes to open, and how long retrieval takes. The volumes are tiny, since
voxels cost the same in every library; the embeddings are as many and as long as the bundled encoder's.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from RetrievalSAMLib.library import Case, SupportLibrary
from RetrievalSAMLib.library.catalogue import FILE as CATALOGUE
from RetrievalSAMLib.retrieval.evidence import CaseEvidence, content_key
from RetrievalSAMLib.retrieval.evidence_file import EvidenceFile
from RetrievalSAMLib.retrieval.index import SliceRetrieval, SupportIndex
from RetrievalSAMLib.retrieval.likeness import KeptLikeness, likeness_to_others, nearest_similarity
from RetrievalSAMLib.segmentation.settings.presets import PRESETS
from RetrievalSAMLib.volumes import Geometry, Plane, Segment, Segmentation, Volume

DIMENSIONS = 384
TARGET_SLICES = 200
_EVENTS = {
    "open": "files opened",
    "sqlite3.connect": "files opened",
    "os.listdir": "folders listed",
    "os.scandir": "folders listed",
}
_REPEATS = 5


@dataclass
class Cost:
    """What something cost: how often files were opened and folders listed, bytes read and written, seconds."""

    counts: Counter[str] = field(default_factory=Counter)
    read: int | None = None
    written: int | None = None
    seconds: float = 0.0
    cpu_seconds: float = 0.0


class Meter:
    """Counts what the process does with files."""

    def __init__(self) -> None:
        self._counting: Counter[str] | None = None
        sys.addaudithook(self._heard)

    @contextmanager
    def measure(self) -> Iterator[Cost]:
        """Whatever happens inside."""
        cost = Cost()
        before, cpu, began = _bytes(), time.process_time(), time.perf_counter()
        self._counting = cost.counts
        try:
            yield cost
        finally:
            self._counting = None
        cost.seconds, cost.cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
        if before is not None and (after := _bytes()) is not None:
            cost.read, cost.written = after[0] - before[0], after[1] - before[1]

    def _heard(self, event: str, _: tuple[object, ...]) -> None:
        if self._counting is not None and event in _EVENTS:
            self._counting[_EVENTS[event]] += 1


def _bytes() -> tuple[int, int] | None:
    """Read and written by calls of the process so far, on systems that count them."""
    process = psutil.Process()
    if not hasattr(process, "io_counters"):
        return None
    counters = process.io_counters()
    read = getattr(counters, "read_chars", counters.read_bytes)
    return read, getattr(counters, "write_chars", counters.write_bytes)


def volume_of(number: int, slices: int) -> tuple[Volume, Segmentation]:
    """A tiny case, unlike every other."""
    random = np.random.default_rng(number)
    grid = Geometry((8, 8, slices), (1.0, 1.0, 3.0), (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    masks = np.zeros((2, *grid.size), dtype=bool)
    masks[0, 2:5, 2:6, slices // 4 : slices // 2] = True
    masks[1, 5:7, 2:6, slices // 3 : 3 * slices // 4] = True
    segments = [Segment("Liver", 1), Segment("Spleen", 2)]
    return Volume(random.integers(0, 2000, grid.size, dtype=np.int16), grid), Segmentation.from_masks(
        segments, list(masks), grid
    )


def evidence_of(number: int, slices: int) -> CaseEvidence:
    """Embeddings that drift along the stack as those of neighbouring slices do, with the areas of `volume_of`."""
    random = np.random.default_rng((7, number))
    common = np.random.default_rng(7).normal(size=(2, DIMENSIONS))
    along = np.linspace(0, 1, slices)[:, None]
    embeddings = 2 * ((1 - along) * common[0] + along * common[1]) + random.normal(size=DIMENSIONS)
    embeddings = embeddings + 0.3 * random.normal(size=(slices, DIMENSIONS))
    areas = np.zeros((slices, 2), dtype=np.float32)
    areas[slices // 4 : slices // 2, 0] = 12
    areas[slices // 3 : 3 * slices // 4, 1] = 8
    return CaseEvidence(
        (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype(np.float32),
        np.linspace(0, 1, slices, dtype=np.float32),
        np.arange(slices),
        (1, 2),
        areas,
        (),
        np.array([3.0 * slices, 8.0, 8.0]),
    )


def build(folder: Path, cases: int, slices: int) -> SupportLibrary:
    """A library of so many cases, all of them embedded; one that is there already is used."""
    there = (folder / "library.json").exists()
    library = SupportLibrary.open(folder) if there else SupportLibrary.create(folder)
    for number in range(len(library.cases()), cases):
        add(library, number, slices)
    return library


def add(library: SupportLibrary, number: int, slices: int) -> Case:
    """Add a case and what is computed of it."""
    case = library.add(*volume_of(number, slices))
    evidence_file(library).append(content_key(case, Plane.AXIAL), evidence_of(number, slices))
    return case


def evidence_file(library: SupportLibrary) -> EvidenceFile:
    """The library's made-up evidence."""
    return EvidenceFile(library.cache_dir / "embeddings" / "made-up-axial.evidence")


def read_evidence(library: SupportLibrary, cases: list[Case]) -> list[CaseEvidence]:
    """The evidence of all cases, in the order of a run."""
    file = evidence_file(library)
    found = [file.get(content_key(case, Plane.AXIAL)) for case in cases]
    assert all(one is not None for one in found)
    return [one for one in found if one is not None]


def retrieve(evidence: list[CaseEvidence], target: CaseEvidence) -> list[list[SliceRetrieval]]:
    """Supports of every slice and both segments, as a run with the default settings asks for them."""
    settings = PRESETS["default"]
    index = SupportIndex(evidence, settings.position_weight)
    return [
        [
            index.choose(
                row,
                value,
                settings.supports,
                settings.share_per_case,
                settings.supports_hold_segment,
                settings.voters,
            )
            for value in (1, 2)
        ]
        for row in index.similarities(target.embeddings, target.position)
    ]


def main() -> None:
    """Build, measure, print."""
    parser = argparse.ArgumentParser(description="What a large library costs.")
    parser.add_argument("--folder", type=Path, required=True, help="It stays; what is in it from before is used.")
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--slices", type=int, default=100, help="Of each case.")
    arguments = parser.parse_args()
    meter = Meter()
    print("| | files opened | folders listed | bytes read | bytes written | s | s of CPU |")
    print("|---|---|---|---|---|---|---|")

    def measured(what: str, work: Callable[[], object], repeats: int = 1) -> None:
        """The median of a few times by CPU, as a busy machine disturbs it least."""
        costs = []
        for _ in range(repeats):
            with meter.measure() as cost:
                work()
            costs.append(cost)
        print_row(what, sorted(costs, key=lambda cost: cost.cpu_seconds)[len(costs) // 2])

    empty = build(arguments.folder / "empty", 1, arguments.slices)
    large = build(arguments.folder / "large", arguments.cases, arguments.slices)
    added = iter(range(time.time_ns() % 10**9, 10**10))
    for name, library in (("1 case", empty), (f"{arguments.cases} cases", large)):
        cases = [volume_of(next(added), arguments.slices) for _ in range(_REPEATS)]
        measured(f"add a case to {name}", lambda to=library, ready=cases: to.add(*ready.pop()), _REPEATS)
        made = evidence_of(next(added), arguments.slices)
        measured(
            f"append its evidence to that of {name}",
            lambda to=library, one=made: evidence_file(to).append(str(next(added)), one),
            _REPEATS,
        )
    time.sleep(2.5)  # what was written just now is not believed yet
    large.cases()
    measured("open", lambda: SupportLibrary.open(large.path).cases(), _REPEATS)
    (large.cache_dir / CATALOGUE).unlink()
    measured("open without a catalogue", lambda: SupportLibrary.open(large.path).cases())
    # Those that were added to measure have no evidence of their own.
    file = evidence_file(large)
    present = [case for case in large.cases() if file.get(content_key(case, Plane.AXIAL))]
    cases = sorted(present, key=lambda case: (case.content_hash, case.name))
    measured("open the evidence", lambda: read_evidence(large, cases), _REPEATS)
    evidence = read_evidence(large, cases)
    target = evidence_of(10**9, TARGET_SLICES)
    measured(f"supports of {TARGET_SLICES} slices, 2 segments", lambda: retrieve(evidence, target), _REPEATS)
    embeddings = [one.embeddings for one in evidence]
    measured("likeness of the target", lambda: nearest_similarity(target.embeddings, embeddings), _REPEATS)
    kept = KeptLikeness(large.cache_dir / "likeness.npz", [case.id for case in cases])
    measured("likeness of all cases", lambda: likeness_to_others(embeddings, kept))
    measured("the same, kept", lambda: likeness_to_others(embeddings, kept), _REPEATS)
    fewer = KeptLikeness(kept.file, kept.keys[1:])
    likeness_to_others(embeddings[1:], fewer)
    measured("the same after one case more", lambda: likeness_to_others(embeddings, kept))


def print_row(what: str, cost: Cost) -> None:
    """A row of a Markdown table."""
    counted = [cost.counts["files opened"], cost.counts["folders listed"], cost.read, cost.written]
    shown = ["-" if number is None else f"{number:,}" for number in counted]
    print(f"| {what} | {' | '.join(shown)} | {cost.seconds:.3f} | {cost.cpu_seconds:.3f} |", flush=True)


if __name__ == "__main__":
    main()
