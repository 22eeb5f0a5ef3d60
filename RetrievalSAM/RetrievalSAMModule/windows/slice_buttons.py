"""A row of buttons, one for each slice worth a look."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import qt
from slicer.i18n import tr as _

from ..ending import delete_later

_MOST, _WIDTH = 6, 46


class SliceButtons:
    """Fills a place with buttons that tell which slice is wanted."""

    def __init__(self, place: qt.QWidget, on_slice: Callable[[int], None]) -> None:
        self._place = place
        self._on_slice = on_slice
        self._layout = qt.QHBoxLayout(place)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._buttons: list[qt.QPushButton] = []

    def show(self, slices: Sequence[int]) -> None:
        """Offer other slices; the first few of many."""
        for button in self._buttons:
            self._layout.removeWidget(button)
            button.hide()
            delete_later(button)
        self._buttons = [self._button(index) for index in slices[:_MOST]]
        self._place.visible = bool(self._buttons)

    def _button(self, index: int) -> qt.QPushButton:
        button = qt.QPushButton(str(index))
        button.setObjectName(f"slice{index}")
        button.toolTip = _("Show slice {index}").format(index=index)
        # Enter in a table must not press it.
        button.autoDefault = False
        button.setFixedWidth(_WIDTH)
        button.connect("clicked()", lambda: self._on_slice(index))
        self._layout.addWidget(button)
        button.show()
        return button
