"""Whether a volume looks like those of a library at all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..retrieval.evidence import CaseEvidence
from ..retrieval.likeness import KeptLikeness, likeness_to_others, nearest_similarity

IN_LIBRARY, UNCERTAIN, UNLIKE = "in-library", "uncertain", "unlike-library"

_SEEN_SLACK = 0.05
_UNSEEN_SLACK = 0.15


def volume_verdict(target: np.ndarray, cases: Sequence[CaseEvidence], kept: KeptLikeness | None = None) -> str:
    """Whether a target looks like the cases of the library.

    Compared is the mean over slices of the similarity to the nearest support slice, with the same figure of every
    case against the others.

    Args:
        target: float32 (n, d), embeddings of the target.
        cases: Evidence of every case.
        kept: Where to keep how alike the cases are to each other.

    Returns:
        ``in-library``, ``uncertain`` (also with a single case, which has nothing to be compared with) or
        ``unlike-library``.
    """
    if len(cases) < 2:
        return UNCERTAIN
    embeddings = [case.embeddings for case in cases]
    similarity = float(nearest_similarity(target, embeddings).mean())
    least = min(likeness_to_others(embeddings, kept))
    if similarity >= least - _SEEN_SLACK:
        return IN_LIBRARY
    return UNCERTAIN if similarity >= least - _UNSEEN_SLACK else UNLIKE
