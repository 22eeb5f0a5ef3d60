"""The page of a batch: one file that any browser opens from the disk, or that a server gives away without its content.

Style and script stand in it, and its own policy lets it load nothing but pictures that lie beside it: neither another
script nor anything of a network.
"""

from __future__ import annotations

import hashlib
import uuid
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

import jinja2
import msgspec

from ...json_files import JsonError, read_json
from ...volumes import write_staged
from ..results import Outcome, Results
from .content import Content, content_of
from .decisions import Decisions

CONTENT_FILE = "batch.json"
_FOLDER = Path(__file__).parent
_SCRIPTS = ("ledger.js", "pictures.js", "plot.js", "page.js")


class _Key(msgspec.Struct):
    """What an earlier page's content is known by."""

    batch: str


def write_page(outcomes: Sequence[Outcome], results: Results, decisions: Decisions) -> Path:
    """Write `index.html`, and its content for a server.

    Returns:
        The page.

    Raises:
        InputError: The folder cannot be written to.
    """
    file = results.pages / CONTENT_FILE
    content = content_of(outcomes, decisions, _key_of(file))
    _write(file, msgspec.json.encode(content))
    page = results.folder / "index.html"
    _write(page, page_of(content).encode())
    return page


def page_of(content: Content | None) -> str:
    """The page as HTML.

    Args:
        content: None for a page that asks the server it comes from.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    script = f'"use strict";\n{script}'
    return environment.get_template("page.html.jinja").render(
        style=(_FOLDER / "page.css").read_text(encoding="utf-8"),
        script=script,
        script_hash=b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        content="null" if content is None else _in_html(msgspec.json.encode(content).decode()),
    )


def _in_html(json: str) -> str:
    """JSON that no reader of HTML takes for an end of its element."""
    return json.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _key_of(file: Path) -> str:
    """The key that the folder has, else a new one: what browsers kept under it is found again."""
    try:
        return read_json(file, _Key).batch
    except (FileNotFoundError, JsonError):
        return uuid.uuid4().hex


def _write(file: Path, content: bytes) -> None:
    def write(staged: Path) -> None:
        staged.write_bytes(content)

    write_staged(file, write)
