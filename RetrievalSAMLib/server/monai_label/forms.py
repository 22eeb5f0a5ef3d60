"""Forms with files, as MONAI Label's clients send them. Read after the token was looked at, no further than allowed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.datastructures import UploadFile
from starlette.requests import Request

from ..problems import Problem

if TYPE_CHECKING:
    from starlette.types import Message

_KINDS = ("multipart/form-data", "application/x-www-form-urlencoded")
_MOST_FILES = 5000
_MOST_FIELDS = 20
_MOST_FIELD_BYTES = 4 << 20
_PIECE_BYTES = 1 << 20
# What a name of a file may end with, longest first; the readers look at what it holds.
_ENDINGS = (".seg.nrrd", ".nii.gz", ".nii", ".nrrd", ".mha", ".mgz", ".dcm", ".bin", ".tif", ".tiff")


@dataclass(frozen=True)
class Form:
    """A form.

    Attributes:
        params: The JSON object in the field `params`.
        files: By the name of the field.
    """

    params: dict[str, Any]
    files: dict[str, list[UploadFile]]

    def one(self, name: str) -> UploadFile | None:
        """The file of a field, None where none was sent."""
        files = self.files.get(name, [])
        return files[0] if files else None


@asynccontextmanager
async def form_of(request: Request, most_bytes: int) -> AsyncIterator[Form]:
    """The form of a request; its files are gone afterwards.

    Args:
        request: Whose body nobody has read yet.
        most_bytes: Of it.

    Raises:
        Problem: It is none, or too long.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _KINDS:
        fact = f"it is {kind or 'of no stated type'}, not a form with files"
        raise Problem(415, "request", "request", fact, "Send it as multipart/form-data, as MONAI Label's clients do.")
    received = 0

    async def counted_receive() -> Message:
        nonlocal received
        message = await request.receive()
        received += len(message.get("body", b""))
        if received > most_bytes:
            fact = f"it is larger than the {most_bytes / 1e6:,.0f} MB that this server takes"
            raise Problem(413, "large", "upload", fact, "Crop the volume, or have the server's limit raised.")
        return message

    counted = Request(request.scope, counted_receive)
    limits = {"max_files": _MOST_FILES, "max_fields": _MOST_FIELDS, "max_part_size": _MOST_FIELD_BYTES}
    async with counted.form(**limits) as sent:
        files: dict[str, list[UploadFile]] = {}
        for name, value in sent.multi_items():
            if isinstance(value, UploadFile):
                files.setdefault(name, []).append(value)
        yield Form(_params(sent.get("params")), files)


def ending_of(file: UploadFile) -> str:
    """What the file's name ends with, of all the name that may tell of a patient; .nii.gz where it tells nothing."""
    name = (file.filename or "").lower()
    return next((ending for ending in _ENDINGS if name.endswith(ending)), "" if name else ".nii.gz")


async def pieces_of(file: UploadFile) -> AsyncIterator[bytes]:
    """What a file holds."""
    while piece := await file.read(_PIECE_BYTES):
        yield piece


def _params(text: object) -> dict[str, Any]:
    if text is None or text == "":
        return {}
    try:
        params = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        params = None
    if not isinstance(params, dict):
        raise Problem(422, "request", "params", "it is not a JSON object", 'Send for example {"preset": "fast"}.')
    return params
