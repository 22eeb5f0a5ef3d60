"""Reading pictures that were drawn: what is written in them, and whether a browser could show them."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"


def texts(path: Path) -> list[str]:
    """What stands in an SVG file, label by label."""
    root = ElementTree.parse(path).getroot()
    assert root.tag == f"{SVG}svg"
    return [re.sub(r"\s+", " ", "".join(label.itertext())).strip() for label in root.iter(f"{SVG}text")]


def images(path: Path) -> int:
    """How many pixel images an SVG file holds."""
    return len(list(ElementTree.parse(path).getroot().iter(f"{SVG}image")))
