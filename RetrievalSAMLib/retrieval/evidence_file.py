"""The evidence of many cases in one file that only grows: mapped into memory, so that no case is read on its own.

Records follow each other, each at a multiple of 64 bytes (little endian):

```
8 bytes   RSLIBev1
4 bytes   length of the description, 4 bytes CRC-32 of it
          description: JSON (`_Description`), filled up with blanks to a multiple of 64 bytes
          embeddings float32 (n, d), position float32 (n,), areas float32 (n, values), file_index int64 (n,)
```

A record counts from the moment that its description is there, and that is written last, when the rest is on the disk:
what a killed program leaves is overwritten by the next one. A damaged record is passed over, and the case computed
anew. One program appends at a time; readers need no lock. The file is derived and may be deleted at any time.
"""

from __future__ import annotations

import io
import logging
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from ..json_files import JsonError, decode_json
from ..library.lock import LockHeldError, lock_held
from .evidence import CaseEvidence

_MAGIC = b"RSLIBev1"
_HEAD = struct.Struct("<8sII")
_ALIGNED = 64
_LONGEST_DESCRIPTION = 1 << 20
_CHUNK_BYTES = 1 << 22
_LOCK_SECONDS = 60.0
_LOG = logging.getLogger(__name__)


Count = Annotated[int, msgspec.Meta(ge=0, le=2**31)]


class _Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a record holds.

    Attributes:
        key: `content_key` of the case.
        slices: n.
        dimensions: d.
        values: Of the segments.
        overlapping: See `CaseEvidence`.
        extent_mm: See `CaseEvidence`.
        sum: CRC-32 of the arrays.
    """

    key: str
    slices: Count
    dimensions: Count
    values: tuple[int, ...]
    overlapping: tuple[int, ...]
    extent_mm: tuple[float, float, float]
    sum: int

    @property
    def bytes(self) -> int:
        """Of the arrays."""
        return self.slices * (4 * (self.dimensions + 1 + len(self.values)) + 8)


@dataclass(frozen=True)
class _Place:
    """Where a record is: where it begins, where its arrays begin, and what they are."""

    start: int
    arrays: int
    description: _Description

    @property
    def end(self) -> int:
        """Where the next record begins."""
        return _aligned(self.arrays + self.description.bytes)


class EvidenceFile:
    """The evidence of the cases of a library along one plane, by one encoder.

    Args:
        path: The file; need not be there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, _Place] = {}
        self._last: _Place | None = None
        self._map: np.ndarray = np.empty(0, dtype=np.uint8)
        self._follow()

    def get(self, key: str) -> CaseEvidence | None:
        """What was kept under a key, in views of the file; None where there is nothing, or it is damaged."""
        place = self._places.get(key)
        if place is None:
            return None
        told = place.description
        if len(self._map) < place.arrays + told.bytes:
            try:
                self._map = np.memmap(self._path, dtype=np.uint8, mode="r")
            except (OSError, ValueError):  # deleted meanwhile
                return None
        raw = np.asarray(self._map[place.arrays : place.arrays + told.bytes])
        if len(raw) < told.bytes or zlib.crc32(raw.data) != told.sum:
            return None
        sizes = [4 * told.slices * told.dimensions, 4 * told.slices, 4 * told.slices * len(told.values)]
        embeddings, position, areas, file_index = np.split(raw, np.cumsum(sizes))
        return CaseEvidence(
            embeddings.view("<f4").reshape(told.slices, told.dimensions),
            position.view("<f4"),
            file_index.view("<i8"),
            told.values,
            areas.view("<f4").reshape(told.slices, len(told.values)),
            told.overlapping,
            np.array(told.extent_mm),
        )

    def append(self, key: str, evidence: CaseEvidence) -> None:
        """Keep the evidence of a case. Where the folder cannot be written it is computed again another time."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with lock_held(self._path.with_suffix(".lock"), _LOCK_SECONDS):
                self._follow()
                if self.get(key) is None:
                    self._write(key, evidence)
                    self._follow()
        except (OSError, LockHeldError) as error:
            _LOG.warning("what was computed of a case cannot be kept (%s)", type(error).__name__)

    def _write(self, key: str, evidence: CaseEvidence) -> None:
        arrays = b"".join(
            np.ascontiguousarray(array, dtype=kind).tobytes()
            for array, kind in (
                (evidence.embeddings, "<f4"),
                (evidence.position, "<f4"),
                (evidence.areas_mm2, "<f4"),
                (evidence.file_index, "<i8"),
            )
        )
        slices, dimensions = evidence.embeddings.shape
        x, y, z = (float(length) for length in evidence.extent_mm)
        told = _Description(
            key, slices, dimensions, evidence.values, evidence.overlapping, (x, y, z), zlib.crc32(arrays)
        )
        text = msgspec.json.encode(told)
        text = text.ljust(_aligned(_HEAD.size + len(text)) - _HEAD.size)
        start = self._last.end if self._last else 0
        if not self._path.exists():
            self._path.touch()
        with self._path.open("r+b") as stream:
            stream.seek(start + _HEAD.size + len(text))
            stream.write(arrays)
            stream.flush()
            os.fsync(stream.fileno())
            stream.seek(start)
            stream.write(_HEAD.pack(_MAGIC, len(text), zlib.crc32(text)) + text)
            stream.flush()
            os.fsync(stream.fileno())

    def _follow(self) -> None:
        """Find the records that were appended since; all of them where the file is no longer the one it was."""
        try:
            # Unbuffered: of each record only its description is read.
            with self._path.open("rb", buffering=0) as stream:
                if self._last is None or _record_at(stream, self._last.start) != self._last:
                    self._places, self._last = {}, None
                    self._map = np.empty(0, dtype=np.uint8)
                start = self._last.end if self._last else 0
                while (found := _record_from(stream, start)) is not None:
                    self._places[found.description.key] = self._last = found
                    start = found.end
        except OSError:
            self._places, self._last = {}, None


def _record_from(stream: io.FileIO, start: int) -> _Place | None:
    """The next whole record at a place or, where something there is damaged, behind it."""
    if (found := _record_at(stream, start)) is not None:
        return found
    # A description that cannot be read may have others behind it. What a killed program left has none.
    stream.seek(start + _ALIGNED)
    base = start + _ALIGNED
    while chunk := stream.read(_CHUNK_BYTES):
        at = chunk.find(_MAGIC)
        while at >= 0:
            if (base + at) % _ALIGNED == 0 and (found := _record_at(stream, base + at)) is not None:
                return found
            at = chunk.find(_MAGIC, at + 1)
        base += len(chunk)
        stream.seek(base)
    return None


def _record_at(stream: io.FileIO, start: int) -> _Place | None:
    stream.seek(start)
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    magic, length, checksum = _HEAD.unpack(head)
    if magic != _MAGIC or length > _LONGEST_DESCRIPTION:
        return None
    text = stream.read(length)
    if len(text) < length or zlib.crc32(text) != checksum:
        return None
    try:
        told = decode_json(text, _Description)
    except JsonError:
        return None
    place = _Place(start, start + _HEAD.size + length, told)
    return place if place.arrays + told.bytes <= stream.seek(0, io.SEEK_END) else None


def _aligned(length: int) -> int:
    return -(-length // _ALIGNED) * _ALIGNED
