"""What runs on one volume gave: it tells which slices of a segmentation a person has changed since, and how."""

from __future__ import annotations

import logging
import math
import zlib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from ...errors import InputError
from ...json_files import JsonError, read_json
from ...volumes import write_staged
from ..output.report import SliceReport

_KEPT = 4
_ALIKE = 0.5
"""A result is taken for the one before the corrections where at least this part of its slices is as it was."""

_LOG = logging.getLogger(__name__)


Length = Annotated[int, msgspec.Meta(ge=1, le=2**16)]


class KnownResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One result, as it is kept.

    Attributes:
        shape: (n, h, w) of the target's stack.
        masks: By segment, its mask: eight pixels a byte, compressed.
        slices: What its report said of the slices.
    """

    shape: tuple[Length, Length, Length]
    masks: dict[str, bytes]
    slices: tuple[SliceReport, ...]

    @classmethod
    def of(cls, masks: Iterable[tuple[str, np.ndarray]], slices: tuple[SliceReport, ...]) -> KnownResult:
        """From masks (n, h, w) bool by segment, of which there is at least one; one at a time is needed."""
        packed = {}
        for name, mask in masks:
            n, h, w = mask.shape
            packed[name] = zlib.compress(np.packbits(mask).tobytes(), 1)
        return cls((n, h, w), packed, slices)

    def unpacked(self) -> dict[str, np.ndarray]:
        """The masks, bool (n, h, w).

        Raises:
            ValueError: They are not what was kept.
        """
        count = math.prod(self.shape)
        packed_bytes = (count + 7) // 8
        masks = {}
        for name, packed in self.masks.items():
            try:
                bits = np.frombuffer(zlib.decompressobj().decompress(packed, packed_bytes + 1), dtype=np.uint8)
            except zlib.error as error:
                raise ValueError(str(error)) from error
            if len(bits) != packed_bytes:
                raise ValueError(f"{len(bits)} bytes for {count} pixels")
            masks[name] = np.unpackbits(bits, count=count).reshape(self.shape).astype(bool)
        return masks


class Before:
    """The result that a person corrected.

    Attributes:
        masks: By segment, bool (n, h, w).
        slices: What its report said of the slices.
    """

    def __init__(self, masks: Mapping[str, np.ndarray], slices: tuple[SliceReport, ...]) -> None:
        self.masks, self.slices = masks, slices

    def same(self, name: str, index: int, mask: np.ndarray) -> bool:
        """Whether a segment is in a slice as it was.

        Args:
            name: Of the segment.
            index: Of the slice.
            mask: Its mask now, (h, w).
        """
        return name in self.masks and np.array_equal(self.masks[name][index], mask)

    def changed_voxels(self, name: str, index: int, mask: np.ndarray) -> int:
        """In how many voxels of a slice a segment is not as it was; for one that was not known, its own.

        Args:
            name: Of the segment.
            index: Of the slice.
            mask: Its mask now, (h, w).
        """
        return int(np.count_nonzero(mask ^ self.masks[name][index] if name in self.masks else mask))


def read_results(path: Path) -> list[KnownResult]:
    """Oldest first. Derived data, so a file that cannot be read is as good as none."""
    try:
        return read_json(path, list[KnownResult])
    except FileNotFoundError:
        return []
    except (OSError, JsonError) as error:
        _LOG.warning("earlier results cannot be read (%s)", type(error).__name__)
        return []


def add_result(path: Path, result: KnownResult, anew: bool = False) -> None:
    """Keep a result beside those before it, or ``anew`` instead of them.

    Where that fails, the next refinement recomputes more than it need.
    """
    known = [] if anew else read_results(path)
    try:
        content = msgspec.json.encode([*known, result][-_KEPT:])
        write_staged(path, lambda staged: _write(staged, content))
    except (OSError, InputError) as error:
        _LOG.warning("this result cannot be kept (%s)", type(error).__name__)


def result_before(
    known: list[KnownResult], masks: Mapping[str, np.ndarray], corrected: Collection[int]
) -> Before | None:
    """The result that a person corrected: of those most like it elsewhere, the one that takes the smallest correction.

    Results may differ in the very slices that were corrected (a run, and the same run with a point): there the fewest
    changed voxels decide, and of equals the newest.

    Args:
        known: Oldest first.
        masks: Of the corrected segmentation by segment, bool (n, h, w).
        corrected: Slices.

    Returns:
        None where less than half of the slices that were not corrected are as in any of them.
    """
    best, most = None, (_ALIKE, -math.inf)
    for result in reversed(known):
        try:
            candidate = Before(result.unpacked(), result.slices)
        except ValueError as error:
            _LOG.warning("an earlier result is damaged (%s)", error)
            continue
        if any(mask.shape != result.shape for mask in masks.values()):
            continue
        pairs = [(name, i) for name, mask in masks.items() for i in range(len(mask)) if i not in corrected]
        alike = sum(candidate.same(name, i, masks[name][i]) for name, i in pairs) / len(pairs) if pairs else 1.0
        changed = sum(candidate.changed_voxels(name, i, mask[i]) for name, mask in masks.items() for i in corrected)
        if (alike, -changed) > most:
            best, most = candidate, (alike, -changed)
    return best


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
