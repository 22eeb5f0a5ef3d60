"""A table in which a person names the values of label maps, or names segments otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import qt
from slicer.i18n import tr as _

from ..panels.panel import cell, fit_height, head
from ..signal import Signal

_MOST_ROWS = 8
_VALUE, _NAME, _NOTE = range(3)


@dataclass(frozen=True)
class NamedValue:
    """A row: what a segment's voxels have as their value, its name so far, and what helps to know it."""

    value: int
    name: str = ""
    note: str = ""


class SegmentNames:
    """Rows of a value and a name that can be typed.

    Args:
        table: The widget.

    Attributes:
        changed: Told when a name was typed.
    """

    def __init__(self, table: qt.QTableWidget) -> None:
        self._table = table
        self._rows: list[NamedValue] = []
        self.changed = Signal()
        head(table, [_("Value"), _("Name"), ""], stretched=_NAME)
        table.connect("itemChanged(QTableWidgetItem*)", lambda _item: self.changed.emit())

    def show(self, rows: Sequence[NamedValue]) -> None:
        """Offer other values; names that were typed for a value stay."""
        typed = self.names()
        self._rows = list(rows)
        table = self._table
        table.blockSignals(True)
        table.setRowCount(len(self._rows))
        for number, row in enumerate(self._rows):
            for column, text in ((_VALUE, str(row.value)), (_NOTE, row.note)):
                shown = cell(text)
                shown.setFlags(qt.Qt.ItemIsEnabled)
                table.setItem(number, column, shown)
            name = qt.QTableWidgetItem(typed.get(row.value, row.name))
            name.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable | qt.Qt.ItemIsEditable)
            name.setToolTip(_("The name of the structure, such as Liver"))
            table.setItem(number, _NAME, name)
        table.blockSignals(False)
        table.visible = bool(self._rows)
        fit_height(table, _MOST_ROWS)
        self.changed.emit()

    def names(self) -> dict[int, str]:
        """The names by value; values without one are left out."""
        typed = ((row.value, self._table.item(n, _NAME).text().strip()) for n, row in enumerate(self._rows))
        return {value: name for value, name in typed if name}

    def new_names(self) -> dict[int, str]:
        """Those that are not what they were."""
        before = {row.value: row.name for row in self._rows}
        return {value: name for value, name in self.names().items() if name != before[value]}

    def nameless(self) -> list[int]:
        """The values without a name."""
        named = self.names()
        return [row.value for row in self._rows if row.value not in named]


def as_parameter(names: dict[int, str]) -> list[dict[str, object]]:
    """As the worker takes them."""
    return [{"value": value, "name": name} for value, name in names.items()]
