"""The evidence of cases: from the library's cache where it is there, else computed and kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..volumes import Plane
from .evidence import CaseEvidence, CaseSlices, SupportCase, content_key
from .evidence_file import EvidenceFile

if TYPE_CHECKING:
    from .embedding import SliceEmbedder

FOLDER = "embeddings"


class EvidenceSource:
    """Gives the evidence of cases, and opens what is kept of them once.

    Args:
        plane: The plane of the run.
        embedder: The encoder.
        cache: The library's folder of derived data, or None to keep nothing.
    """

    def __init__(self, plane: Plane, embedder: SliceEmbedder, cache: Path | None) -> None:
        self._plane, self._embedder = plane, embedder
        self._kept = EvidenceFile(cache / FOLDER / f"{embedder.key}-{plane}.evidence") if cache else None

    def of(self, case: SupportCase, loaded: CaseSlices | None = None) -> CaseEvidence:
        """The evidence of a case.

        Args:
            case: The case.
            loaded: Its slices, where they are at hand.

        Raises:
            DamagedLibraryError: It had to be read, and a file of it is missing or not what was written.
        """
        key = content_key(case, self._plane)
        if self._kept is not None and (found := self._kept.get(key)) is not None:
            return found
        evidence = CaseEvidence.of(loaded or CaseSlices.load(case, self._plane), self._embedder)
        if self._kept is not None:
            self._kept.append(key, evidence)
        return evidence


def evidence_of_cases(
    cases: Sequence[SupportCase],
    plane: Plane,
    embedder: SliceEmbedder,
    cache: Path | None,
    progress: Callable[[int], object] = lambda done: None,
) -> list[CaseEvidence]:
    """The evidence of several cases, in their order.

    Args:
        cases: The cases.
        plane: The plane of the run.
        embedder: The encoder.
        cache: The library's folder of derived data, or None to keep nothing.
        progress: Told how many are there.
    """
    source = EvidenceSource(plane, embedder, cache)
    found = []
    for number, case in enumerate(cases):
        found.append(source.of(case))
        progress(number + 1)
    return found
