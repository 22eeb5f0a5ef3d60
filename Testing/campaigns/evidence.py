"""The file that keeps what retrieval needs of each case: the same faults, and what comes back of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from RetrievalSAMLib.retrieval.evidence import CaseEvidence
from RetrievalSAMLib.retrieval.evidence_file import EvidenceFile

from .crashes import Change, crashes


def evidence(work: Path, every: int) -> Iterator[tuple[str, Iterator[str | None]]]:
    """By fault: what is wrong after each trial."""
    for fault, trials in crashes(work / "evidence", every, (CHANGE,)):
        yield f"kept evidence, {fault}", trials


def made_up_evidence(seed: int) -> CaseEvidence:
    """What is kept of a case."""
    random = np.random.default_rng(seed)
    return CaseEvidence(
        embeddings=random.random((3, 4), dtype=np.float32),
        position=np.linspace(0, 1, 3, dtype=np.float32),
        file_index=np.arange(3),
        values=(1,),
        areas_mm2=random.random((3, 1), dtype=np.float32),
        overlapping=(),
        extent_mm=random.random(3),
    )


def same_evidence(found: CaseEvidence | None, seed: int) -> bool | None:
    """Whether it is what was made up; None where there is none."""
    if found is None:
        return None
    expected = made_up_evidence(seed)
    names = ("embeddings", "position", "file_index", "areas_mm2", "extent_mm", "values", "overlapping")
    return all(np.array_equal(getattr(found, name), getattr(expected, name)) for name in names)


def _file(folder: Path) -> EvidenceFile:
    return EvidenceFile(folder / "lib" / "cache" / "embeddings" / "made-up.evidence")


def _keep(folder: Path, seed: int = 1) -> None:
    _file(folder).append(str(seed), made_up_evidence(seed))


def _kept(folder: Path) -> object:
    """What is kept of two cases; a third can be kept whatever happened before."""
    found = [same_evidence(_file(folder).get(str(seed)), seed) for seed in (0, 1)]
    _keep(folder, 2)
    assert same_evidence(_file(folder).get("2"), 2), "nothing can be kept any more"
    return found


CHANGE = Change("evidence", _keep, _kept, derived=True, prepare=lambda folder: _keep(folder, 0))
