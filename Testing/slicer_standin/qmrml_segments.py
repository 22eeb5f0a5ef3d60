"""The table of a segmentation's segments."""

from __future__ import annotations

from typing import Any

import shiboken6
import slicer
from PySide6 import QtGui, QtWidgets
from PySide6.QtCore import Qt, Signal

from .native import native_widget, plain_property

_EVENTS = ("SegmentAdded", "SegmentRemoved", "SegmentModified", "SegmentsOrderModified")
_VISIBLE, _COLOUR, _NAME = range(3)


@native_widget
class qMRMLSegmentsTableView(QtWidgets.QWidget):
    """Shows visibility, colour and name of each segment; the selection is by segment ID."""

    _selected = Signal(object, object)
    native_signals = {"selectionChanged(QItemSelection,QItemSelection)": "_selected"}

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._node: Any = None
        self._tags: list[tuple[Any, int]] = []
        self._filling = False
        self._table = QtWidgets.QTableWidget(0, 3)
        self._table.setHorizontalHeaderLabels(["", "Color", "Name"])
        self._table.horizontalHeader().setStretchLastSection(True)
        self._table.setColumnWidth(_VISIBLE, 28)
        self._table.setColumnWidth(_COLOUR, 48)
        self._table.verticalHeader().hide()
        self._table.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectRows)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._table)
        self._table.connect("itemChanged(QTableWidgetItem*)", self._edited)
        self._table.connect("itemSelectionChanged()", lambda: self._selected.emit(None, None))

    def setMRMLScene(self, scene: Any) -> None:
        """Lets go of the segmentation when the scene does."""
        if scene is None:
            self.setSegmentationNode(None)

    def setSegmentationNode(self, node: Any) -> None:
        """Shows the segments of a node; None empties the table."""
        for target, tag in self._tags:
            target.RemoveObserver(tag)
        self._node, self._tags = node, []
        if node is not None:
            segmentation = node.GetSegmentation()
            for name in _EVENTS:
                event = getattr(slicer.vtkSegmentation, name)
                self._tags.append((segmentation, segmentation.AddObserver(event, self._changed)))
            shown_otherwise = slicer.vtkMRMLDisplayableNode.DisplayModifiedEvent
            self._tags.append((node, node.AddObserver(shown_otherwise, self._changed)))
        self._refresh()

    def segmentationNode(self) -> Any:
        """Returns the segmentation node, or None."""
        return self._node

    def _changed(self, caller: Any, event: str) -> None:
        if shiboken6.isValid(self):
            self._refresh()
        else:
            for target, tag in self.__dict__.pop("_tags", []):
                target.RemoveObserver(tag)

    def _refresh(self) -> None:
        if self._filling:
            return
        self._filling = True
        chosen = self.selectedSegmentIDs()
        segmentation: Any = self._node.GetSegmentation() if self._node is not None else None
        count = segmentation.GetNumberOfSegments() if segmentation is not None else 0
        self._table.setRowCount(count)
        for row in range(count):
            self._fill_row(row, segmentation.GetNthSegmentID(row), segmentation.GetNthSegment(row))
        self._filling = False
        self.setSelectedSegmentIDs(chosen)

    def _fill_row(self, row: int, identifier: str, segment: Any) -> None:
        display = self._node.GetDisplayNode()
        visible = QtWidgets.QTableWidgetItem()
        visible.setFlags(Qt.ItemIsUserCheckable | Qt.ItemIsEnabled | Qt.ItemIsSelectable)
        shown = display is None or display.GetSegmentVisibility(identifier)
        visible.setCheckState(Qt.Checked if shown else Qt.Unchecked)
        visible.setData(Qt.UserRole, identifier)
        colour = QtWidgets.QTableWidgetItem()
        colour.setFlags(Qt.ItemIsEnabled)  # selected, its color would not be seen
        colour.setBackground(QtGui.QColor.fromRgbF(*segment.GetColor()))
        name = QtWidgets.QTableWidgetItem(segment.GetName())
        if self.readOnly:
            name.setFlags(Qt.ItemIsEnabled | Qt.ItemIsSelectable)
        for column, item in ((_VISIBLE, visible), (_COLOUR, colour), (_NAME, name)):
            self._table.setItem(row, column, item)

    def _identifier(self, row: int) -> str:
        return str(self._table.item(row, _VISIBLE).data(Qt.UserRole))

    def _edited(self, item: QtWidgets.QTableWidgetItem) -> None:
        if self._filling:
            return
        identifier = self._identifier(item.row())
        if item.column() == _NAME:
            self._node.GetSegmentation().GetSegment(identifier).SetName(item.text())
        elif item.column() == _VISIBLE and self._node.GetDisplayNode() is not None:
            self._node.GetDisplayNode().SetSegmentVisibility(identifier, item.checkState() == Qt.Checked)

    def selectedSegmentIDs(self) -> tuple[str, ...]:
        """Returns the IDs of the selected segments, in their order."""
        rows = sorted(index.row() for index in self._table.selectionModel().selectedRows())
        return tuple(self._identifier(row) for row in rows if self._table.item(row, _VISIBLE) is not None)

    def setSelectedSegmentIDs(self, identifiers: Any) -> None:
        """Selects segments by their IDs."""
        if set(identifiers) == set(self.selectedSegmentIDs()):
            return
        mode = self._table.selectionMode
        self._table.setSelectionMode(QtWidgets.QAbstractItemView.MultiSelection)
        self._table.clearSelection()
        for row in range(self._table.rowCount):
            if self._identifier(row) in identifiers:
                self._table.selectRow(row)
        self._table.setSelectionMode(mode)

    def clearSelection(self) -> None:
        """Selects nothing."""
        self._table.clearSelection()

    def setHeaderVisible(self, visible: bool) -> None:
        """Shows or hides the column titles."""
        self._table.horizontalHeader().setVisible(visible)

    def setReadOnly(self, read_only: bool) -> None:
        """Sets whether names can be edited."""
        self.readOnly = read_only

    selectionMode = plain_property(int, "selectionMode", 3)
    headerVisible = plain_property(bool, "headerVisible", True)
    readOnly = plain_property(bool, "readOnly", False, "_refresh")
    visibilityColumnVisible = plain_property(bool, "visibilityColumnVisible", True)
    colorColumnVisible = plain_property(bool, "colorColumnVisible", True)
    opacityColumnVisible = plain_property(bool, "opacityColumnVisible", True)
    statusColumnVisible = plain_property(bool, "statusColumnVisible", False)
    layerColumnVisible = plain_property(bool, "layerColumnVisible", False)
    filterBarVisible = plain_property(bool, "filterBarVisible", False)


slicer.qMRMLSegmentsTableView = qMRMLSegmentsTableView
