"""What the header of a volume claims, checked before memory is asked for: a few bytes may claim anything."""

from __future__ import annotations

import bz2
import gzip
import math
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import psutil

from ..errors import InputError

MAX_HEADER_BYTES = 16 << 20
_LONGEST_AXIS = 1 << 31
# Deflate packs 1032 bytes into one at most; bzip2 has no such bound, and only memory limits what it may claim.
_PACKED = {"raw": 1, "text": 8, "gzip": 1100}
# Behind the voxels other programs may leave something; the checksum at the end comes after it.
_SURPLUS_BYTES = 64 << 20
_CHUNK_BYTES = 1 << 20
_TOO_MUCH = "it holds more than its header claims"
# Of zlib's: the largest window, and gzip's header is understood as well.
_ANY_WRAPPER = 47


def check_claim(name: str, size: Sequence[int], voxel_bytes: int, held: int | None, encoding: str) -> int:
    """Refuse a header that claims more voxels than its file can hold, or than this computer's memory can.

    Args:
        name: The file as the user typed it.
        size: Voxels (and layers) along every axis, all above 0.
        voxel_bytes: Of one.
        held: Bytes that the file has for the voxels, as they are stored; None where that is not known.
        encoding: ``raw``, ``text``, ``gzip``, or another way to pack them.

    Returns:
        The bytes of all voxels, unpacked.

    Raises:
        InputError: It claims more.
    """
    if max(size) > _LONGEST_AXIS:
        fact = f"its header claims an axis of over {_LONGEST_AXIS} voxels"
        raise InputError(name, fact, "The file is damaged: export it again.")
    needed = math.prod(size) * voxel_bytes
    shape = " x ".join(map(str, size))
    memory = psutil.virtual_memory().total
    if needed > memory:
        raise InputError(
            name,
            f"its header claims {shape} voxels, {needed / 1e9:,.0f} GB, and this computer has {memory / 1e9:,.0f} GB "
            "of memory",
            "Check how it was exported; if it is so large, crop or resample it.",
        )
    if held is not None and encoding in _PACKED and needed > held * _PACKED[encoding]:
        fact = f"it is cut short: its header claims {shape} voxels, {needed} bytes, and {held} bytes are there"
        raise InputError(name, fact, "Copy or download it again.")
    return needed


def spare_bytes(size: Sequence[int], needed: int) -> int:
    """What may lie behind the voxels of a file: less than any axis would need that is longer by one.

    Args:
        size: Voxels along every axis.
        needed: Bytes of them all.
    """
    return max(0, needed // max(size) - 1)


def check_surplus(name: str, size: Sequence[int], needed: int, held: int) -> None:
    """Refuse a file that holds more voxels than its header claims: which of them are the volume is not known.

    What some programs leave behind the voxels is less than one more row, column or slice would be.

    Args:
        name: The file as the user typed it.
        size: Voxels along every axis.
        needed: Bytes of them all, as `check_claim` gave them.
        held: Bytes that the file has for them, not packed.

    Raises:
        InputError: It holds more.
    """
    if held - needed > spare_bytes(size, needed):
        shape = " x ".join(map(str, size))
        fact = f"its header claims {shape} voxels, {needed} bytes, and {held} bytes are there"
        raise InputError(name, fact, "Header and voxels do not belong together: export it again.")


def check_encodable(name: str) -> None:
    """Refuse a path that is no Unicode (an old name on Linux): ITK ends the process over one.

    Raises:
        InputError: It is none.
    """
    try:
        name.encode()
    except UnicodeEncodeError as error:
        remedy = "Rename the file, and the folders above it."
        raise InputError(ascii(name), "its path holds characters that are no Unicode", remedy) from error


def check_beside(name: str, files: Sequence[str]) -> None:
    """Refuse a header that takes its voxels from a file outside its own folder: it could be anybody's.

    Raises:
        InputError: A file is named by an absolute path, or by one that leads out of the folder.
    """
    for file in files:
        parts = file.replace("\\", "/").split("/")
        if ".." in parts or parts[0] == "" or ":" in parts[0]:
            raise InputError(
                name,
                "it keeps its voxels in a file outside its own folder",
                "Put header and voxels into one folder, or save it as one file.",
            )


def damaged_content(name: str, error: ValueError) -> InputError:
    """What to tell of packed voxels that `unpack` refuses."""
    fact = f"its compressed content is cut short or damaged ({error})"
    return InputError(name, fact, "Copy or download it again.")


def size_of(path: Path) -> int | None:
    """Bytes of a file; None where it cannot be told."""
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return None


def unpack(stream: BinaryIO, needed: int, encoding: str, whole: bool = True, spare: int | None = None) -> bytes:
    """So many bytes of a packed stream and never more.

    Args:
        stream: At the beginning of the packed bytes.
        needed: Bytes.
        encoding: ``raw``, ``gzip``, ``zlib`` or ``bzip2``.
        whole: Go on to the end of the stream, where its checksum is.
        spare: So many bytes may follow; 64 MB by default.

    Returns:
        What there is of these bytes: fewer where the stream ends early.

    Raises:
        ValueError: It is damaged, or goes on and on.
    """
    if encoding == "raw":
        return stream.read(min(needed, os.fstat(stream.fileno()).st_size))
    surplus_bytes = _SURPLUS_BYTES if spare is None else spare
    try:
        if encoding == "zlib":
            return _unpack_zlib(stream.read(), needed, surplus_bytes)
        with (gzip if encoding == "gzip" else bz2).open(stream) as opened:
            data = bytes(opened.read(needed))
            surplus = 0
            while whole and (chunk := opened.read(_CHUNK_BYTES)):
                surplus += len(chunk)
                if surplus > surplus_bytes:
                    raise ValueError(_TOO_MUCH)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(str(error) or type(error).__name__) from error
    return data


def _unpack_zlib(packed: bytes, needed: int, surplus_bytes: int) -> bytes:
    unpacker = zlib.decompressobj(_ANY_WRAPPER)
    data = unpacker.decompress(packed, needed + surplus_bytes + 1)
    if len(data) > needed + surplus_bytes:
        raise ValueError(_TOO_MUCH)
    if not unpacker.eof:
        raise ValueError("it ends early")
    return data[:needed]
