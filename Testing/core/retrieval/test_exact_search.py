"""FAISS and its stand-in on macOS count alike."""

from __future__ import annotations

import numpy as np
import pytest

from RetrievalSAMLib.retrieval import exact


def test_numpy_and_faiss_find_the_same_products(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(5)
    vectors, queries = (random.normal(size=(n, 12)).astype(np.float32) for n in (40, 7))
    by_faiss = exact.inner_products(queries, vectors, few=True)
    monkeypatch.setattr(exact.sys, "platform", "darwin")
    by_numpy = exact.inner_products(queries, vectors, few=True)
    np.testing.assert_allclose(by_numpy, by_faiss, rtol=1e-5)
    np.testing.assert_allclose(by_numpy, queries.astype(float) @ vectors.astype(float).T, rtol=1e-4, atol=1e-5)
