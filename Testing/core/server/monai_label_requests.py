"""Requests byte for byte as MONAI Label's plug-ins make them, and answers read as they read them.

Learned from the public sources of its 3D Slicer module (`MONAILabelLib/client.py`, `MONAILabel.py`) and of its plug-ins
for OHIF (`MonaiLabelClient.js`, the tabs' components, `SegmentationReader.js`) at version 0.8.5.
"""

from __future__ import annotations

import email
import http.client
import json
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

import numpy as np

from Testing.patience import PATIENCE

OHIF = "http://127.0.0.1:3000"
"""Where OHIF's pages come from, as the plug-in's own web server has them."""
_SLICER_BOUNDARY = "----------lImIt_of_THE_fIle_eW_$"
_BROWSER_BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Message
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


def ask(address: str, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
    """One request on a connection of its own, with no header but these."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=PATIENCE)
    try:
        connection.request(method, path, body or None, headers or {})
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


class SlicerModule:
    """The requests of the 3D Slicer module's client."""

    def __init__(self, address: str) -> None:
        self.address = address

    def method(self, method: str, selector: str, body: dict[str, Any] | None = None) -> Answer:
        """`http_method`: JSON, where there is a body; every one names the client."""
        text = b"" if body is None else json.dumps({**body, "client_id": "user-xyz"}).encode()
        headers = {"content-type": "application/json", "content-length": str(len(text))} if text else {}
        return ask(self.address, method, selector, text, headers)

    def multipart(self, method: str, selector: str, params: dict[str, Any], files: dict[str, Path]) -> Answer:
        """`http_multipart`: the file's whole path as its name, and a boundary with a dollar sign."""
        fields = [(f'name="{"params"}"', None, json.dumps({**params, "client_id": "user-xyz"}).encode())]
        kinds = {".gz": "application/gzip"}
        for name, path in files.items():
            kind = kinds.get(path.suffix, "application/octet-stream")
            fields.append((f'name="{name}"; filename="{path}"', kind, path.read_bytes()))
        kind, body = _form(fields, _SLICER_BOUNDARY)
        return ask(self.address, method, selector, body, {"content-type": kind, "content-length": str(len(body))})

    def infer(
        self,
        model: str,
        image: str,
        params: dict[str, Any],
        session: str | None = None,
        files: dict[str, Path] | None = None,
    ) -> Answer:
        """`infer`, with what the module adds to `params`."""
        selector = f"/infer/{quote_plus(model)}?image={quote_plus(image)}"
        selector += f"&session_id={quote_plus(session)}" if session else ""
        asked = {**params, "result_extension": ".nrrd", "result_dtype": "uint8"}
        return self.multipart("POST", selector, asked, files or {})


def slicer_reads(answer: Answer, folder: Path) -> tuple[Path, dict[str, Any]]:
    """`parse_multipart` and `save_result`: parts with a file name are files, the others fields."""
    assert answer.status == 200, answer.content
    assert "multipart" in answer.headers["content-type"]
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    fields, files = {}, {}
    for part in email.message_from_bytes(head + answer.content).get_payload():
        content = part.get_payload(decode=True)
        name = part.get_param("name", header="content-disposition")
        files |= {part.get_filename(): content} if part.get_filename() else {}
        fields |= {} if part.get_filename() else {name: content}
    ((name, content),) = files.items()
    (folder / name).write_bytes(content)
    return folder / name, json.loads(fields["params"])


class OhifPlugin:
    """The requests of OHIF's plug-in from a page of another origin."""

    def __init__(self, address: str, origin: str = OHIF) -> None:
        self.address = address
        self._headers = {"Origin": origin, "Referer": f"{origin}/", "Sec-Fetch-Mode": "cors"}

    def preflight(self, method: str, path: str) -> Answer:
        """What a browser asks before anything but a plain GET or form."""
        asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "content-type"}
        return ask(self.address, "OPTIONS", path, headers={**self._headers, **asked})

    def get(self, path: str) -> Answer:
        return ask(self.address, "GET", path, headers={**self._headers, "Accept": "application/json, text/plain, */*"})

    def delete(self, path: str) -> Answer:
        return ask(self.address, "DELETE", path, headers=self._headers)

    def json(self, path: str, params: dict[str, Any]) -> Answer:
        """`api_post` without a form."""
        kind = {"Content-Type": "application/json", "Accept": "application/json,multipart/form-data"}
        return ask(self.address, "POST", path, json.dumps(params).encode(), {**self._headers, **kind})

    def infer(
        self, model: str, series: str, params: dict[str, Any], kind: str = "uint8", label: bytes | None = None
    ) -> Answer:
        """`infer`: a form with `params`, and a label of scribbles in OHIF 2 alone."""
        asked = {**params, "result_extension": ".nrrd", "result_dtype": kind, "result_compress": False}
        asked |= {"restore_label_idx": False} if kind == "uint8" else {}
        path = f"/infer/{quote(model, safe='')}?image={quote_plus(series)}&output=image"
        return self._send("POST", path, asked, label)

    def save_label(self, series: str, params: dict[str, Any], label: bytes) -> Answer:
        """`save_label`, which OHIF 2's panel has a button for."""
        return self._send("PUT", f"/datastore/label?image={quote_plus(series)}", params, label)

    def _send(self, method: str, path: str, params: dict[str, Any], label: bytes | None) -> Answer:
        fields = [('name="params"', None, json.dumps(params).encode())]
        if label is not None:
            fields.append(('name="label"; filename="label.bin"', "application/octet-stream", label))
        kind, body = _form(fields, _BROWSER_BOUNDARY)
        accept = {"Content-Type": kind, "Accept": "application/json,multipart/form-data"}
        return ask(self.address, method, path, body, {**self._headers, **accept})


def ohif_reads(answer: Answer, kind: str = "uint8") -> np.ndarray:
    """`parseNrrdData`: what stands behind the header, taken for voxels of one type whatever the header says.

    Returns:
        (i, j, k), as `sizes` say.
    """
    assert answer.status == 200, answer.content
    header, _, voxels = answer.content.partition(b"\n\n")
    lines = header.decode("ascii").splitlines()
    assert lines[0].startswith("NRRD000")
    told = dict(line.split(": ", 1) for line in lines[1:] if ": " in line and not line.startswith("#"))
    assert told["encoding"] == "raw"
    size = tuple(int(number) for number in told["sizes"].split())
    return np.frombuffer(voxels, np.dtype(kind)).reshape(size, order="F")


def _form(fields: list[tuple[str, str | None, bytes]], boundary: str) -> tuple[str, bytes]:
    lines: list[bytes] = []
    for name, kind, content in fields:
        lines += [f"--{boundary}".encode(), f"Content-Disposition: form-data; {name}".encode()]
        lines += [f"Content-Type: {kind}".encode()] if kind else []
        lines += [b"", content]
    lines += [f"--{boundary}--".encode(), b""]
    return f"multipart/form-data; boundary={boundary}", b"\r\n".join(lines)
