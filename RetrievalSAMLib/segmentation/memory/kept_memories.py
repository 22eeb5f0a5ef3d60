"""What SAM 2 made of support slices in runs before this one, found again by what it was made of."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch

from ... import __version__
from ...models.build import LoadedSegmenter
from ...models.window import MovedWindow
from ..engines.interface import ImageFeatures, Memory
from ..settings.cache_space import CacheSpace
from .tensor_cache import TensorCache

FORMAT_VERSION = 1
"""Counts up whenever the same slice, window and weights give other tensors."""


class KeptSupports:
    """Memories and image features of the support slices of a run's cases.

    The key of an entry holds all that its tensors depend on, down to the last bit but for the number of threads.

    Args:
        space: Where.
        segmenter: The network; its weights and size are part of every key.
        cases: By number of the case, what tells its voxels, masks and plane (see `content_key`).
    """

    def __init__(self, space: CacheSpace, segmenter: LoadedSegmenter, cases: Sequence[str]) -> None:
        self._cache = TensorCache(space)
        self._cases = cases
        self._device = segmenter.model.device
        self._network = (
            f"{FORMAT_VERSION} {__version__} {torch.__version__} {self._device.type} {segmenter.precision} "
            f"{segmenter.sha256} {segmenter.image_size}{segmenter.software and f' {segmenter.software}'}"
        )
        self._position: torch.Tensor | None = None

    def memory(self, case: int, number: int, window: MovedWindow, values: Sequence[int]) -> Memory | None:
        """Memories of a slice for some segments, as they were put; None where they are not known."""
        found = self._cache.get(self._memory_name(case, number, window, values))
        return None if found is None else Memory(*(found[key].to(self._device) for key in ("spatial", "pointer")))

    def put_memory(self, case: int, number: int, window: MovedWindow, values: Sequence[int], memory: Memory) -> None:
        """Keep memories bit for bit."""
        name = self._memory_name(case, number, window, values)
        self._cache.put(name, {"spatial": memory.spatial, "pointer": memory.pointer})

    def features(self, case: int, number: int) -> ImageFeatures | None:
        """Image features of a slice as the preset `fate-sam` shows it; None where they are not known."""
        found = self._cache.get(self._name(case, number, "squashed"))
        position = self._known_position()
        if found is None or position is None:
            return None
        fine, middle, embedding = (found[key].to(self._device) for key in ("fine", "middle", "embedding"))
        return ImageFeatures(fine, middle, embedding, position)

    def put_features(self, case: int, number: int, features: ImageFeatures) -> None:
        """Keep image features bit for bit; their position, the same for all, once."""
        if self._known_position() is None:
            self._position = features.position
            self._cache.put(self._position_name(), {"position": features.position})
        levels = {"fine": features.fine, "middle": features.middle, "embedding": features.embedding}
        self._cache.put(self._name(case, number, "squashed"), levels)

    def flush(self) -> None:
        """Write what waits to be written."""
        self._cache.flush()

    def _known_position(self) -> torch.Tensor | None:
        if self._position is None and (found := self._cache.get(self._position_name())) is not None:
            self._position = found["position"].to(self._device)
        return self._position

    def _position_name(self) -> str:
        return _hashed(f"{self._network} position")

    def _memory_name(self, case: int, number: int, window: MovedWindow, values: Sequence[int]) -> str:
        return self._name(case, number, f"{window.shown.tobytes().hex()} {tuple(values)}")

    def _name(self, case: int, number: int, seen: str) -> str:
        return _hashed(f"{self._network} {self._cases[case]} {number} {seen}")


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:40]
