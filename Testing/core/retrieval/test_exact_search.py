"""FAISS and its stand-in on macOS rank alike."""

from __future__ import annotations

import numpy as np
import pytest

from RetrievalSAMLib.retrieval import exact


def test_numpy_and_faiss_find_the_same_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(5)
    vectors, queries = (random.normal(size=(n, 12)).astype(np.float32) for n in (40, 7))
    by_faiss = exact.inner_product_index(vectors)
    with monkeypatch.context() as on_a_mac:
        on_a_mac.setattr(exact.sys, "platform", "darwin")
        by_numpy = exact.inner_product_index(vectors)
    assert isinstance(by_numpy, exact.NumpyIndex) and not isinstance(by_faiss, exact.NumpyIndex)
    for k in (3, 40):
        products, entries = by_numpy.search(queries, k)
        expected_products, expected_entries = by_faiss.search(queries, k)
        np.testing.assert_array_equal(entries, expected_entries)
        np.testing.assert_allclose(products, expected_products, rtol=1e-5)
