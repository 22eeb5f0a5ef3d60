"""JSON that others may have written: of a bounded length, into a type, with one kind of error."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

MAX_JSON_BYTES = 64 << 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
Kind = TypeVar("Kind")


class JsonError(ValueError):
    """It is not the JSON that was expected; the text is a clause that says why, in one line."""


def decode_json(data: bytes, kind: type[Kind]) -> Kind:
    """JSON as a value of a type that msgspec knows.

    Raises:
        JsonError: It is something else.
    """
    if len(data) > MAX_JSON_BYTES:
        raise JsonError(f"it has more than {MAX_JSON_BYTES >> 20} MB")
    try:
        return msgspec.json.decode(data.removeprefix(_BYTE_ORDER_MARK), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise JsonError(" ".join(str(error).split())) from error


def read_json(path: Path, kind: type[Kind]) -> Kind:
    """The value in a file.

    Raises:
        OSError: The file cannot be read.
        JsonError: It is something else, or longer than any such file.
    """
    with path.open("rb") as stream:
        return decode_json(stream.read(MAX_JSON_BYTES + 1), kind)
