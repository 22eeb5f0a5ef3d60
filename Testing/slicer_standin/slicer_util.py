"""Replaces in slicer.util only what would open a dialog or install packages; all else is Slicer's own."""

from __future__ import annotations

import logging
from typing import Any

import slicer

from .dialogs import dialogs

_KINDS = {logging.ERROR: "error", logging.WARNING: "warning", logging.INFO: "info"}


def _display(level: int) -> Any:
    def display(
        text: str, windowTitle: str | None = None, parent: Any = None, standardButtons: Any = None, **options: Any
    ) -> None:
        logging.log(level, text)
        if dialogs.interactive:
            slicer.util.messageBox(text, parent=parent, windowTitle=windowTitle or "Slicer", **options)
        else:
            dialogs.message(_KINDS[level], text, windowTitle or "", options.get("detailedText", ""))

    return display


def _confirm(original: Any) -> Any:
    def confirm(text: str, windowTitle: str | None = None, parent: Any = None, **options: Any) -> bool:
        if dialogs.interactive:
            return bool(original(text, windowTitle=windowTitle, parent=parent, **options))
        return bool(dialogs.ask("confirm", text, windowTitle or "", options.get("detailedText", "")))

    return confirm


def patch(util: Any) -> None:
    """Routes Slicer's message functions to the prepared answers, and pip to the record."""
    for name, level in (
        ("errorDisplay", logging.ERROR),
        ("warningDisplay", logging.WARNING),
        ("infoDisplay", logging.INFO),
    ):
        setattr(util, name, _display(level))
    for name in ("confirmOkCancelDisplay", "confirmYesNoDisplay", "confirmRetryCloseDisplay"):
        setattr(util, name, _confirm(getattr(util, name)))
    for name in ("pip_install", "pip_uninstall"):
        setattr(util, name, getattr(slicer.packaging, name))
