"""Whether a volume looks like those of a library at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...retrieval.evidence import CaseEvidence
from ...retrieval.likeness import KeptLikeness, likeness_to_others, nearest_similarity

IN_LIBRARY, UNCERTAIN, UNLIKE = "in-library", "uncertain", "unlike-library"

IN_WORDS = {
    IN_LIBRARY: "like the library",
    UNCERTAIN: "perhaps unlike the library",
    UNLIKE: "unlike the library: look at every slice",
}

APPEARANCE, EXTENT, ALIGNMENT = "appearance", "extent", "alignment"

_UNLIKE = 0.15
"""Similarity that a target may lack to the least similar case of a library, before it is unlike the library."""

_FACTOR = 2.0
"""Slices may be so many times as large, or as small, as what the library's cases differ by, before they are unlike."""

_DOUBT = 0.05 / 0.15, 0.5
"""Parts of these two, of the second as a power, from which on a target is uncertain."""


@dataclass(frozen=True)
class Verdict:
    """On a target.

    Attributes:
        name: `IN_LIBRARY`, `UNCERTAIN` or `UNLIKE`.
        because: What speaks against the target: `APPEARANCE`, `EXTENT`, `ALIGNMENT`, several of them or none.
    """

    name: str
    because: tuple[str, ...] = ()

    def unaligned(self) -> Verdict:
        """The verdict on the same target where no case could be aligned with it: uncertain at best."""
        name = UNCERTAIN if self.name == IN_LIBRARY else self.name
        return Verdict(name, (*self.because, ALIGNMENT))


def volume_verdict(
    target: np.ndarray, extent_mm: np.ndarray, cases: Sequence[CaseEvidence], kept: KeptLikeness | None = None
) -> Verdict:
    """Whether a target looks like the cases of the library.

    Compared with what every case says of itself against the others are two things: the mean over slices of the
    similarity to the nearest support slice; and how far height and width of the slices, in mm, are from those of the
    case that is nearest in this (the larger of both ratios). Either makes a target unlike the library.

    Args:
        target: float32 (n, d), embeddings of the target.
        extent_mm: float (3,), extent of its stack along slices, rows and columns.
        cases: Evidence of every case.
        kept: Where to keep how alike the cases are to each other.

    Returns:
        The verdict; uncertain for a library of a single case, which has nothing to be compared with.
    """
    if len(cases) < 2:
        return Verdict(UNCERTAIN)
    embeddings = [case.embeddings for case in cases]
    least = min(likeness_to_others(embeddings, kept))
    similarity = float(nearest_similarity(target, embeddings).mean())
    sides = np.log2([case.extent_mm[1:] for case in cases])
    widest = max(_distance(own, np.delete(sides, number, axis=0)) for number, own in enumerate(sides))
    # As parts of what makes a target unlike.
    lacking = {
        APPEARANCE: (least - similarity) / _UNLIKE,
        EXTENT: (_distance(np.log2(extent_mm[1:]), sides) - widest) / float(np.log2(_FACTOR)),
    }
    for name, limits in ((UNLIKE, (1.0, 1.0)), (UNCERTAIN, _DOUBT)):
        because = tuple(what for (what, lack), limit in zip(lacking.items(), limits, strict=True) if lack > limit)
        if because:
            return Verdict(name, because)
    return Verdict(IN_LIBRARY)


def _distance(own: np.ndarray, others: np.ndarray) -> float:
    """Height and width, as powers of 2, (2,), away from the nearest of others, (m, 2)."""
    return float(np.abs(own - others).max(axis=1).min())
