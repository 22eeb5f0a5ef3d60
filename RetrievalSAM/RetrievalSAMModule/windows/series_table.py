"""A table of the series of a DICOM folder to choose from: nothing of the patient is in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt
from slicer.i18n import tr as _

from ..panels.panel import cell, fit_height, head, number_cell
from ..signal import Signal

_MOST_ROWS = 8


class SeriesTable:
    """Fills a table with what the worker's `dicom.series` tells.

    Args:
        table: The widget; how many rows can be selected is its own affair.

    Attributes:
        changed: Told after every change of the choice.
    """

    def __init__(self, table: qt.QTableWidget) -> None:
        self._table = table
        self._series: list[dict[str, Any]] = []
        self.changed = Signal()
        titles = [_("Series"), _("Description"), _("Modality"), _("Slices"), _("Size")]
        head(table, titles, stretched=1)
        table.connect("itemSelectionChanged()", self.changed.emit)

    def show(self, series: Sequence[dict[str, Any]]) -> None:
        """Offer other series; the one that would be read without a choice is chosen."""
        self._series = list(series)
        table = self._table
        table.blockSignals(True)
        table.clearSelection()
        table.setRowCount(len(self._series))
        for number, one in enumerate(self._series):
            name = ", ".join(filter(None, (one["label"], one["part"])))
            table.setItem(number, 0, cell(name))
            table.setItem(number, 1, cell(one["description"] or ""))
            table.setItem(number, 2, cell(one["modality"] or ""))
            table.setItem(number, 3, number_cell(str(one["slices"])))
            table.setItem(number, 4, number_cell(" x ".join(map(str, one["size"]))))
            if one["chosen"]:
                table.selectRow(number)
        table.blockSignals(False)
        fit_height(table, _MOST_ROWS)
        self.changed.emit()

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._series)

    def chosen(self) -> list[dict[str, Any]]:
        """Those that are selected, in their order."""
        rows = sorted({index.row() for index in self._table.selectionModel().selectedRows()})
        return [self._series[row] for row in rows]
