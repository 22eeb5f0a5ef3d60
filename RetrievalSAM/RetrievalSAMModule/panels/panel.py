"""What the panels share: loading a `.ui` file, tables, messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import qt
import slicer
import slicer.util
from slicer.i18n import tr as _

from ..clients.worker_client import WorkerFault

_ROW_HEIGHT = 24
_DARK = 128  # of 255
ResourcePath = Callable[[str], str]


def load_ui(resource_path: ResourcePath, file: str) -> tuple[qt.QWidget, SimpleNamespace]:
    """A widget from the module's `.ui` files, with its children by their names."""
    widget = slicer.util.loadUI(resource_path(f"UI/{file}"))
    if hasattr(widget, "setMRMLScene"):
        widget.setMRMLScene(slicer.mrmlScene)
    children = slicer.util.childWidgetVariables(widget)
    for child in vars(children).values():
        if isinstance(child, (qt.QCheckBox, qt.QListWidget)):
            show_boxes(child)
    return widget, children


def show_boxes(widget: qt.QWidget) -> None:
    """Make the boxes that can be checked visible where the application is dark.

    Slicer's style outlines them in a darker shade of the window's color, which nobody sees on a dark window. Nothing
    else of such a widget is drawn in that color.
    """
    palette = widget.palette
    if palette.color(qt.QPalette.Window).lightness() < _DARK:
        palette.setColor(qt.QPalette.Window, palette.color(qt.QPalette.WindowText))
        widget.setPalette(palette)


_shown: list[WorkerFault] = []


def show_fault(fault: WorkerFault) -> None:
    """A message that says what to do, with details that can be copied where there are some.

    When a worker ends, everyone who waits for it gets the same fault: it is shown once.
    """
    if any(fault is shown for shown in _shown):
        return
    _shown[:] = [fault]
    details = {"detailedText": fault.details} if fault.details else {}  # Slicer makes the window wide for them
    slicer.util.errorDisplay(fault.message, windowTitle=_("RetrievalSAM"), **details)


def say(label: qt.QLabel, text: str) -> None:
    """Show a sentence; an empty one takes no room."""
    label.text = text
    label.visible = bool(text)


def head(
    table: qt.QTableWidget, titles: Sequence[str], stretched: int, widths: Mapping[int, int] | None = None
) -> None:
    """Set up a table's columns; one of them takes the room that is left.

    Args:
        table: The table.
        titles: Of its columns.
        stretched: The column that takes the room that is left.
        widths: By column, pixels of those that keep a width, which the user can change: a long name is then shortened
            to it. The others are as wide as their texts.
    """
    widths = widths or {}
    table.setColumnCount(len(titles))
    table.setHorizontalHeaderLabels(list(titles))
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
    header = table.horizontalHeader()
    for column in range(len(titles)):
        mode = qt.QHeaderView.Interactive if column in widths else qt.QHeaderView.ResizeToContents
        header.setSectionResizeMode(column, qt.QHeaderView.Stretch if column == stretched else mode)
        if column in widths:
            table.setColumnWidth(column, widths[column])


@contextmanager
def filling(table: qt.QTableWidget, rows: int) -> Iterator[None]:
    """Give a table so many rows, whose cells are set meanwhile; its columns fit themselves to them once, afterwards.

    Else each cell that is set has all others measured.
    """
    header = table.horizontalHeader()
    modes = [header.sectionResizeMode(column) for column in range(table.columnCount)]
    header.setSectionResizeMode(qt.QHeaderView.Fixed)
    table.setRowCount(rows)
    try:
        yield
    finally:
        for column, mode in enumerate(modes):
            header.setSectionResizeMode(column, mode)


def cell(text: str, data: Any = None, tool_tip: str = "") -> qt.QTableWidgetItem:
    """A cell; `data` can be read back with `cell_data`."""
    item = qt.QTableWidgetItem(text)
    item.setToolTip(tool_tip or text)
    if data is not None:
        item.setData(qt.Qt.UserRole, data)
    return item


def number_cell(text: str, data: Any = None) -> qt.QTableWidgetItem:
    """A cell whose text stands on the right."""
    item = cell(text, data)
    item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
    return item


def cell_data(table: qt.QTableWidget, row: int, column: int = 0) -> Any:
    """What a cell was given as `data`, or None."""
    item = table.item(row, column)
    return None if item is None else item.data(qt.Qt.UserRole)


def bring_up(window: qt.QWidget) -> None:
    """Show a window in front of the others."""
    window.show()
    window.raise_()
    window.activateWindow()


def dismiss(window: qt.QWidget) -> None:
    """Hide a window for good."""
    window.hide()
    window.deleteLater()


def fit_height(table: qt.QTableWidget, most_rows: int) -> None:
    """Make a table as high as its rows, up to so many: the module panel itself scrolls."""
    rows = min(max(table.rowCount, 1), most_rows)
    height = sum(table.rowHeight(row) for row in range(min(table.rowCount, rows))) if table.rowCount else 24
    table.setFixedHeight(height + table.horizontalHeader().sizeHint.height() + 4)


def check_list(
    items: qt.QListWidget, names: Iterable[str], checked: Callable[[str], bool], icons: dict[str, qt.QIcon]
) -> None:
    """Fill a list of names that can be checked."""
    items.blockSignals(True)
    items.clear()
    for name in names:
        item = qt.QListWidgetItem(name)
        item.setFlags(qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsEnabled)
        item.setCheckState(qt.Qt.Checked if checked(name) else qt.Qt.Unchecked)
        if name in icons:
            item.setIcon(icons[name])
        items.addItem(item)
    items.blockSignals(False)
    items.setFixedHeight(min(max(items.count, 2), 8) * 22 + 6)


def checked_names(items: qt.QListWidget) -> list[str]:
    """The names that are checked, in order."""
    return [items.item(row).text() for row in range(items.count) if items.item(row).checkState() == qt.Qt.Checked]


def color_icon(color: Sequence[float] | None) -> qt.QIcon:
    """A square of a segment's color, RGB in [0, 1]; gray where it has none."""
    pixels = qt.QPixmap(14, 14)
    red, green, blue = (round(255 * part) for part in (color or (0.5, 0.5, 0.5)))
    pixels.fill(qt.QColor(red, green, blue))
    icon = qt.QIcon(pixels)
    icon.addPixmap(pixels, qt.QIcon.Selected)  # else styles tint it where its row is selected
    return icon


def fill_choices(box: qt.QComboBox, choices: Sequence[tuple[str, str]]) -> None:
    """Entries as (value, text); the value is what `choice` gives back, whatever the language."""
    box.blockSignals(True)
    box.clear()
    for value, text in choices:
        box.addItem(text, value)
    box.blockSignals(False)


def choose(box: qt.QComboBox, value: str) -> None:
    """Show the entry of a value; the first where there is none."""
    box.blockSignals(True)
    box.setCurrentIndex(max(0, box.findData(value)))
    box.blockSignals(False)


def choice(box: qt.QComboBox) -> str:
    """The value of the entry on show."""
    return str(box.itemData(box.currentIndex))
