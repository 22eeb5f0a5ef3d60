"""The window that asks which series of a DICOM folder are meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..panels.panel import ResourcePath, bring_up, dismiss, load_ui
from .series_table import SeriesTable


class SeriesWindow:
    """A window of its own; nothing happens where it is closed.

    Args:
        resource_path: Where `.ui` files are.
    """

    def __init__(self, resource_path: ResourcePath) -> None:
        self._on_chosen: Callable[[list[dict[str, Any]]], None] = lambda _series: None
        self.widget, self.ui = load_ui(resource_path, "SeriesWindow.ui")
        self._series = SeriesTable(self.ui.seriesTable)
        self._series.changed.connect(self._enable)
        self.ui.addButton.connect("clicked()", self._add)
        self.ui.closeButton.connect("clicked()", self.widget.hide)
        self._enable()

    def open(self, series: list[dict[str, Any]], on_chosen: Callable[[list[dict[str, Any]]], None]) -> None:
        """Ask which of these series are meant.

        Args:
            series: As the worker's `dicom.series` tells them.
            on_chosen: Told those that were chosen.
        """
        self._on_chosen = on_chosen
        self._series.show(series)
        bring_up(self.widget)

    def close(self) -> None:
        """The end of the module."""
        dismiss(self.widget)

    def _enable(self) -> None:
        self.ui.addButton.enabled = bool(self._series.chosen())

    def _add(self) -> None:
        self.widget.hide()
        self._on_chosen(self._series.chosen())
