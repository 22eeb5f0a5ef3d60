"""How many images and segments on slices go through which network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from RetrievalSAMLib.retrieval.embedding import SliceEmbedder
from RetrievalSAMLib.segmentation.sam2.engine import Sam2Engine


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Counts meanwhile, by network."""
    count: Counter[str] = Counter()

    def counting(owner: type, method: str, rows: Any) -> None:
        original = getattr(owner, method)

        def wrapped(self: Any, first: Any, *more: Any, **named: Any) -> Any:
            count[method] += rows(first)
            return original(self, first, *more, **named)

        patch.setattr(owner, method, wrapped)

    with monkeypatch.context() as patch:
        counting(Sam2Engine, "encode_images", len)
        counting(SliceEmbedder, "embed", len)
        for method in ("attend", "_run_decoder", "_encode_memory"):
            counting(Sam2Engine, method, lambda features: len(features.embedding))
        yield count
