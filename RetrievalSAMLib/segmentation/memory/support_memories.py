"""Support memories: every support slice is encoded once a run, for all its segments together."""

from __future__ import annotations

import shutil
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol

import numpy as np
import torch

from ...models.window import MovedWindow, Seen
from ...out_of_memory import give_back_now_and_then
from ...retrieval.evidence import CaseSlices
from ...side_by_side import side_by_side
from ...volumes import SliceStack
from ..engines.interface import Engine, ImageFeatures, Memory
from .kept_memories import KeptSupports

SupportKey = tuple[int, int]
"""(case, slice)"""

_SEGMENTS_AT_ONCE = 8


class Memories(Protocol):
    """Where support memories come from."""

    def get(self, key: SupportKey, device: torch.device) -> Memory:
        """The memories of a support slice, all segments in one batch."""


class MemoryStore:
    """Memories by support slice, held in main memory up to a limit and beyond it in a temporary folder.

    Args:
        limit_bytes: What may stay in main memory.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._held: OrderedDict[SupportKey, Memory] = OrderedDict()
        self._bytes = 0
        self._folder: Path | None = None
        self._spilled: set[SupportKey] = set()

    def __enter__(self) -> MemoryStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget everything and remove the temporary folder."""
        self._held.clear()
        self._bytes = 0
        if self._folder is not None:
            shutil.rmtree(self._folder)
            self._folder = None
        self._spilled.clear()

    def __contains__(self, key: SupportKey) -> bool:
        return key in self._held or key in self._spilled

    def put(self, key: SupportKey, memory: Memory) -> None:
        """Keep the memories of a support slice, all segments in one batch."""
        self._held[key] = memory
        self._bytes += _size(memory)
        while self._bytes > self.limit_bytes and len(self._held) > 1:
            oldest, evicted = self._held.popitem(last=False)
            self._bytes -= _size(evicted)
            if oldest not in self._spilled:
                torch.save(tuple(t.cpu() for t in _tensors(evicted)), self._file(oldest))
                self._spilled.add(oldest)

    def get(self, key: SupportKey, device: torch.device) -> Memory:
        """The memories of a support slice that was put here."""
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key]
        memory = Memory(*torch.load(self._file(key), map_location=device, weights_only=True))
        self.put(key, memory)
        return memory

    def _file(self, key: SupportKey) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="retrievalsam-"))
        return self._folder / f"{key[0]}-{key[1]}.pt"


def _tensors(memory: Memory) -> tuple[torch.Tensor, ...]:
    return memory.spatial, memory.pointer


def _size(memory: Memory) -> int:
    return sum(t.nbytes for t in _tensors(memory))


def mask_to_input(mask: np.ndarray, window: Seen, spacing_mm: tuple[float, float], size: int) -> torch.Tensor:
    """A mask (h, w) as a model sees it, float (1, S, S) in {0, 1}.

    A structure thinner than a pixel of the model's input is kept where it is thickest: it must not turn into
    evidence of absence.
    """
    soft = window.to_input(torch.from_numpy(np.ascontiguousarray(mask, dtype=np.float32))[None], spacing_mm, size)
    peak = float(soft.max())
    return (soft > min(0.5, 0.5 * peak)).float() if peak > 0 else soft


def encode_slice(engine: Engine, stack: SliceStack, index: int, window: Seen) -> ImageFeatures:
    """Image features of one slice seen through a window."""
    image = torch.from_numpy(stack.image(index))[None]
    return engine.encode_images(window.to_input(image, stack.spacing_mm, engine.image_size).to(engine.device))


def encode_supports(
    engine: Engine,
    store: MemoryStore,
    wanted: Mapping[int, Iterable[int]],
    load: Callable[[int], CaseSlices],
    window_of: Callable[[int, int], MovedWindow],
    values: tuple[int, ...],
    progress: Callable[[int, int], None],
    kept: KeptSupports | None = None,
) -> None:
    """Encode support slices case by case, so that one volume at a time is in memory.

    Args:
        engine: SAM 2.
        store: Where the memories go; row b of a memory is segment ``values[b]``.
        wanted: Slices by case.
        load: Loads a case.
        window_of: Through which window a slice of a case is seen.
        values: The segments. One that a case does not have, or that is not annotated in a slice, gets a memory of
            absence there that is never asked for.
        progress: Told how many of how many slices are done.
        kept: What earlier runs encoded; a case of which all is known is not loaded.
    """
    total = sum(len(set(slices)) for slices in wanted.values())
    done = 0
    for case, numbers in wanted.items():
        windows = {number: window_of(case, number) for number in sorted(set(numbers)) if (case, number) not in store}
        missing = []
        for number, window in windows.items():
            known = kept.memory(case, number, window, values) if kept else None
            if known is None:
                missing.append(number)
            else:
                store.put((case, number), known)
        done += len(set(numbers)) - len(missing)
        progress(done, total)
        if not missing:
            continue
        # Nothing here holds on to the case: it is gone before the next one is read.
        for number, made in _memories(engine, load(case), {number: windows[number] for number in missing}, values):
            if kept:
                kept.put_memory(case, number, windows[number], values, made)
            store.put((case, number), made)
            done += 1
            progress(done, total)
            give_back_now_and_then(done)


def _memories(
    engine: Engine, slices: CaseSlices, windows: Mapping[int, MovedWindow], values: tuple[int, ...]
) -> Iterator[tuple[int, Memory]]:
    """What some slices of a case leave behind, each seen through its window."""

    @torch.inference_mode()
    def memory(number: int) -> Memory:
        return _memory_of(engine, slices, number, windows[number], values)

    yield from zip(windows, side_by_side(memory, windows, engine.device.type), strict=True)


def _memory_of(engine: Engine, slices: CaseSlices, number: int, window: MovedWindow, values: tuple[int, ...]) -> Memory:
    """What one slice of a case leaves behind for some segments."""
    features = encode_slice(engine, slices.stack, number, window)
    masks = torch.cat([_shown_mask(slices, value, number, window, engine.image_size) for value in values])
    masks = masks.to(engine.device)
    # Segments that are not seen leave the same memory of absence, which is made once: of forty, most are elsewhere.
    seen = masks.flatten(1).any(1)
    absent = (~seen).nonzero()[:1, 0]
    told = torch.cat([seen.nonzero()[:, 0], absent])
    parts = [
        engine.encode_support(features.expand(len(part)), masks[part]).rounded()
        for part in told.split(_SEGMENTS_AT_ONCE)
    ]
    row = torch.empty(len(values), dtype=torch.long, device=engine.device)
    row[~seen] = len(told) - 1
    row[seen] = torch.arange(len(told) - len(absent), device=engine.device)
    return Memory(torch.cat([p.spatial for p in parts])[row], torch.cat([p.pointer for p in parts])[row])


def _shown_mask(slices: CaseSlices, value: int, number: int, window: MovedWindow, size: int) -> torch.Tensor:
    """A case's mask as a window shows it, float (1, S, S) in {0, 1}."""
    mask = slices.mask(value, number)
    if not mask.any():
        return torch.zeros(1, size, size)
    return mask_to_input(mask, window, slices.stack.spacing_mm, size)
