"""What runs on one volume gave, by hashes: which slices of a segmentation a person has changed since."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec

from ..errors import InputError
from ..volumes import write_staged
from .report import SliceReport

_KEPT = 4
_ALIKE = 0.5
"""A result is taken for the one before the corrections where at least this part of its slices is as it was."""

_LOG = logging.getLogger(__name__)


class KnownResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One result.

    Attributes:
        masks: By segment, `state.mask_hash` of every slice of the target's stack.
        slices: What its report said of the slices.
    """

    masks: dict[str, tuple[str, ...]]
    slices: tuple[SliceReport, ...]

    def same(self, name: str, index: int, hashes: Mapping[str, tuple[str, ...]]) -> bool:
        """Whether a segment is in a slice as it was."""
        return name in self.masks and self.masks[name][index : index + 1] == hashes[name][index : index + 1]


def read_results(path: Path) -> list[KnownResult]:
    """Oldest first. Derived data, so a file that cannot be read is as good as none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[KnownResult])
    except FileNotFoundError:
        return []
    except (OSError, msgspec.DecodeError) as error:
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
    known: list[KnownResult], hashes: Mapping[str, tuple[str, ...]], corrected: Collection[int]
) -> KnownResult | None:
    """The result that a person corrected: the newest of those that are most like it where it was not corrected.

    Args:
        known: Oldest first.
        hashes: Of the corrected segmentation, as in `KnownResult.masks`.
        corrected: Slices.
    """
    best, most = None, _ALIKE
    for result in reversed(known):
        pairs = [(n, i) for n in hashes for i in range(len(hashes[n])) if i not in corrected]
        alike = sum(result.same(n, i, hashes) for n, i in pairs) / len(pairs) if pairs else 1.0
        if alike > most or (best is None and alike == most):
            best, most = result, alike
    return best


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
