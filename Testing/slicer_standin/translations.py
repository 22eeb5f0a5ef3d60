"""Texts in another language, from one of the module's `.ts` files; Slicer's language packs bring them in Slicer."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

_known: dict[str, str] = {}


def use(file: Path) -> None:
    """Shows a language from now on: what `tr()` gives and what `.ui` files hold."""
    for message in ET.parse(file).getroot().iter("message"):
        translation = message.find("translation")
        if translation is not None and translation.get("type") != "unfinished" and translation.text:
            _known[message.findtext("source") or ""] = translation.text


def translated(text: str) -> str:
    """A text in the language that is used; as it is where that has none."""
    return _known.get(text, text)
