"""Whether a volume looks like those of a library at all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..retrieval.evidence import CaseEvidence

IN_LIBRARY, UNCERTAIN, UNLIKE = "in-library", "uncertain", "unlike-library"

_SEEN_SLACK = 0.05
_UNSEEN_SLACK = 0.15


def volume_verdict(target: np.ndarray, cases: Sequence[CaseEvidence]) -> str:
    """Whether a target looks like the cases of the library.

    Compared is the mean over slices of the similarity to the nearest support slice, with the same figure of every
    case against the others.

    Args:
        target: float32 (n, d), embeddings of the target.
        cases: Evidence of every case.

    Returns:
        ``in-library``, ``uncertain`` (also with a single case, which has nothing to be compared with) or
        ``unlike-library``.
    """
    if len(cases) < 2:
        return UNCERTAIN
    embeddings = [case.embeddings for case in cases]
    among = [
        _nearest(own, np.concatenate([e for j, e in enumerate(embeddings) if j != i]))
        for i, own in enumerate(embeddings)
    ]
    similarity, least = _nearest(target, np.concatenate(embeddings)), min(among)
    if similarity >= least - _SEEN_SLACK:
        return IN_LIBRARY
    return UNCERTAIN if similarity >= least - _UNSEEN_SLACK else UNLIKE


def _nearest(queries: np.ndarray, pool: np.ndarray) -> float:
    return float((queries @ pool.T).max(axis=1).mean())
