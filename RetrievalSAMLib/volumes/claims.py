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


def size_of(path: Path) -> int | None:
    """Bytes of a file; None where it cannot be told."""
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return None


def unpack(stream: BinaryIO, needed: int, encoding: str, whole: bool = True) -> bytes:
    """So many bytes of a packed stream and never more.

    Args:
        stream: At the beginning of the packed bytes.
        needed: Bytes.
        encoding: ``raw``, ``gzip`` or ``bzip2``.
        whole: Go on to the end of the stream, where its checksum is.

    Returns:
        What there is of these bytes: fewer where the stream ends early.

    Raises:
        ValueError: It is damaged, or goes on and on.
    """
    if encoding == "raw":
        return stream.read(min(needed, os.fstat(stream.fileno()).st_size))
    try:
        with (gzip if encoding == "gzip" else bz2).open(stream) as opened:
            data = bytes(opened.read(needed))
            surplus = 0
            while whole and (chunk := opened.read(_CHUNK_BYTES)):
                surplus += len(chunk)
                if surplus > _SURPLUS_BYTES:
                    raise ValueError("it holds more than its header claims")
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(str(error) or type(error).__name__) from error
    return data
