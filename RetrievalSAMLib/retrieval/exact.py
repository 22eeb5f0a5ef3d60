"""Exact search by inner product: FAISS, or numpy where FAISS may not be loaded."""

from __future__ import annotations

import sys
from typing import Protocol

import numpy as np


class InnerProductIndex(Protocol):
    """What the retrieval needs of an index."""

    def search(self, queries: np.ndarray, k: int, /) -> tuple[np.ndarray, np.ndarray]:
        """The k largest inner products of each query float32 (n, d), falling: float32 (n, k), entries int64 (n, k)."""


class NumpyIndex:
    """The same by one matrix product."""

    def __init__(self, vectors: np.ndarray) -> None:
        self._vectors = vectors

    def search(self, queries: np.ndarray, k: int, /) -> tuple[np.ndarray, np.ndarray]:
        """See `InnerProductIndex`."""
        products = queries @ self._vectors.T
        entries = np.argsort(-products, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(products, entries, 1), entries


def inner_product_index(vectors: np.ndarray) -> InnerProductIndex:
    """An exact index over vectors float32 (N, d).

    On macOS the wheels of FAISS and of PyTorch bring an OpenMP runtime each, and a process that loads both crashes.
    """
    if sys.platform == "darwin":
        return NumpyIndex(vectors)
    import faiss

    index: InnerProductIndex = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)  # type: ignore[attr-defined]
    return index
