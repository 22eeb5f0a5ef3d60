"""Evidence of cases that were never drawn: random slices, a segment in the middle of each stack."""

from __future__ import annotations

import numpy as np

from RetrievalSAMLib.retrieval.evidence import CaseEvidence


def made_up_case(
    seed: int, slices: int = 12, dimensions: int = 16, values: tuple[int, ...] = (1, 2), annotated: float = 1.0
) -> CaseEvidence:
    """A case with unit embeddings near one of its own; some slices hold no segment, some are not annotated."""
    random = np.random.default_rng(seed)
    embeddings = random.normal(size=dimensions) + random.normal(size=(slices, dimensions))
    areas = random.uniform(1, 90, size=(slices, len(values))).astype(np.float32)
    areas[random.uniform(size=areas.shape) < 0.4] = 0
    areas[random.uniform(size=areas.shape) > annotated] = np.nan
    return CaseEvidence(
        (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype(np.float32),
        np.linspace(0, 1, slices, dtype=np.float32),
        np.arange(slices),
        values,
        areas,
        (),
        np.array([slices * 2.5, 100.0, 120.0]),
    )
