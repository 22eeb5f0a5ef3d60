"""Exact inner products: by FAISS, or by numpy where FAISS may not be loaded or gains nothing."""

from __future__ import annotations

import sys

import numpy as np

BLOCK = 4096
"""Vectors that are compared at a time. FAISS sorts what it finds: of so many, numpy's plain product is ten times as
fast. The two differ in the last bit."""


def inner_products(queries: np.ndarray, vectors: np.ndarray, few: bool) -> np.ndarray:
    """Inner product of each query with each vector.

    On macOS the wheels of FAISS and of PyTorch bring an OpenMP runtime each, and a process that loads both crashes.

    Args:
        queries: float32 (n, d).
        vectors: float32 (m, d).
        few: Whether these are all vectors there are, and so few that FAISS does not lose.

    Returns:
        float32 (n, m).
    """
    if sys.platform == "darwin" or not few:
        return np.asarray(queries @ vectors.T)
    import faiss

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    found, entries = index.search(queries, len(vectors))
    products = np.empty_like(found)
    np.put_along_axis(products, entries, found, 1)
    return products
