"""Everything that can be wrong with a line, and with a request to segment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

BAD_LINES: dict[str, tuple[bytes, str | None]] = {
    "no JSON": (b"hello", None),
    "half of an object": (b'{"id": "1", "do": "pi', None),
    "a list": (b"[1, 2]", None),
    "not UTF-8": (b'{"id": "\xff", "do": "ping"}', None),
    "a number that is none": (b'{"id": "1", "do": "ping", "with": {"x": NaN}}', None),
    "nested too deeply": (b"[" * 100_000, None),
    "no verb": (b'{"id": "1"}', "1"),
    "unknown verb": (b'{"id": "1", "do": "format C:"}', "1"),
    "unknown parameter": (b'{"id": "1", "do": "ping", "with": {"x": 1}}', "1"),
    "wrong type": (b'{"id": "1", "do": "library.verify", "with": {"folder": 5}}', "1"),
    "no id": (b'{"do": "ping"}', None),
    "too long": (b'{"id": "1", "do": "ping", "with": {"x": "' + b"x" * 17_000_000 + b'"}}', None),
    "null characters": (b"\0" * 1000, None),
}
"""By what is wrong: the line, and the id that the error names."""

WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "no such volume": ({"image": "nowhere.nrrd"}, "input", "nowhere.nrrd"),
    "no library": ({"folder": "nowhere"}, "input", "nowhere"),
    "no folder for the output": ({"output": "nowhere/out.seg.nrrd"}, "input", "out.seg.nrrd"),
    "another format": ({"output": "out.nii.gz"}, "input", ".seg.nrrd"),
    "unknown segment": ({"segments": ["Heart"]}, "input", "Heart"),
    "no segment": ({"segments": []}, "input", "segments"),
    "region outside": ({"roi": [0, 999, 0, 10, 0, 4]}, "input", "region of interest"),
    "unknown preset": ({"preset": "best"}, "input", "best"),
    "unknown model": ({"model": "sam9"}, "model", "sam9"),
    "weights not installed": ({"model": "sam2.1-large"}, "model", "sam2.1-large"),
    "device that is not there": ({"device": "mps"}, "input", "mps"),
}
"""By what is wrong: the parameters that say so, the code of the error, and what its message names."""


def changed(kind: str, folder: Path) -> dict[str, Any]:
    """The parameters of `WRONG`, with paths in a folder."""
    paths = ("image", "folder", "output")
    return {key: str(folder / value) if key in paths else value for key, value in WRONG[kind][0].items()}
