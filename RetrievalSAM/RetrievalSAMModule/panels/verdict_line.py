"""Whether the volume is like those of the library, as a line that stays as long as the result is on show."""

from __future__ import annotations

from typing import Any

import qt
from slicer.i18n import tr as _

_ICON = 24
_TINTS = {"unlike-library": (214, 40, 40), "uncertain": (225, 165, 30)}
_STRENGTH = {"unlike-library": 0.35, "uncertain": 0.15}


class VerdictLine:
    """Fills a frame with an icon and a sentence: a loud one for a volume of another kind, a milder one for a doubt."""

    def __init__(self, ui: Any) -> None:
        self._ui = ui

    def show(self, verdict: str | None, could_be_aligned: bool = True) -> None:
        """Show a verdict of the worker (docs/formats.md), or none; one that gives no cause for doubt needs no line.

        Args:
            verdict: Its name.
            could_be_aligned: Whether any case could be aligned with the volume: with none, that is the doubt.
        """
        frame = self._ui.verdictFrame
        frame.visible = verdict in _TINTS
        if verdict not in _TINTS:
            return
        loud = verdict == "unlike-library"
        kind = qt.QStyle.SP_MessageBoxWarning if loud else qt.QStyle.SP_MessageBoxInformation
        self._ui.verdictIcon.setPixmap(frame.style().standardIcon(kind).pixmap(_ICON, _ICON))
        told = words(verdict) if loud or could_be_aligned else not_aligned()
        self._ui.verdictLabel.text = f"<b>{told}</b>" if loud else told
        palette = frame.palette
        palette.setColor(qt.QPalette.Window, _tinted(qt.QApplication.palette().color(qt.QPalette.Window), verdict))
        frame.setPalette(palette)


def words(verdict: str) -> str:
    """A verdict in words."""
    return {
        "in-library": _("This volume looks like those of the library."),
        "uncertain": _(
            "Whether this volume is like those of the library cannot be told; look closely, above all at the slices "
            "listed below."
        ),
        "unlike-library": _(
            "This volume is unlike anything in this library; do not trust this mask without looking at every slice."
        ),
    }[verdict]


def not_aligned() -> str:
    """The doubt about a volume that no case could be aligned with."""
    return _(
        "No case of the library could be aligned with this volume, so that their places say nothing of it: look at "
        "every slice."
    )


def _tinted(color: qt.QColor, verdict: str) -> qt.QColor:
    """The window's own color, light or dark, with a touch of red or amber."""
    part = _STRENGTH[verdict]
    own = (color.red(), color.green(), color.blue())
    return qt.QColor(*(round((1 - part) * mine + part * tint) for mine, tint in zip(own, _TINTS[verdict], strict=True)))
