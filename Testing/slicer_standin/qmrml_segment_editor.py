"""The Segment Editor's widget: which segment, which effect. It holds what is chosen; strokes are the tests' own."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtWidgets
from PySide6.QtCore import Signal

from .native import native_widget, plain_property
from .qmrml_segments import qMRMLSegmentsTableView

_EFFECTS = ("Paint", "Draw", "Erase", "Scissors", "Islands", "Smoothing")


@native_widget
class qMRMLSegmentEditorWidget(QtWidgets.QWidget):
    """Follows a vtkMRMLSegmentEditorNode, which says what is edited."""

    currentSegmentIDChanged = Signal(str)
    native_signals = {"currentSegmentIDChanged(QString)": "currentSegmentIDChanged"}

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: Any = None
        self._node: Any = None
        self._observed, self._shortcuts = False, False
        self._effects: dict[str, QtWidgets.QToolButton] = {}
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        buttons = QtWidgets.QHBoxLayout()
        self._add, self._remove = QtWidgets.QPushButton("Add"), QtWidgets.QPushButton("Remove")
        for button in (self._add, self._remove):
            buttons.addWidget(button)
        self._add.connect("clicked()", self._add_segment)
        self._remove.connect("clicked()", self._remove_segment)
        layout.addLayout(buttons)
        self._table = qMRMLSegmentsTableView()
        self._table.setFixedHeight(110)
        self._table.connect("selectionChanged(QItemSelection,QItemSelection)", self._selected)
        layout.addWidget(self._table)
        grid = QtWidgets.QGridLayout()
        for number, name in enumerate(_EFFECTS):
            button = QtWidgets.QToolButton()
            button.setText(name)
            button.setCheckable(True)
            button.setSizePolicy(QtWidgets.QSizePolicy.Expanding, QtWidgets.QSizePolicy.Preferred)
            button.connect("clicked(bool)", lambda on, name=name: self.setActiveEffectByName(name if on else ""))
            grid.addWidget(button, number // 3, number % 3)
            self._effects[name] = button
        layout.addLayout(grid)

    def setMRMLScene(self, scene: Any) -> None:
        """Sets the scene; None lets go of everything."""
        self._scene = scene
        if scene is None:
            self.setMRMLSegmentEditorNode(None)

    def setMRMLSegmentEditorNode(self, node: Any) -> None:
        """Follows a node; None for none."""
        self._node = node
        self.updateWidgetFromMRML()

    def mrmlSegmentEditorNode(self) -> Any:
        """Returns the node."""
        return self._node

    def updateWidgetFromMRML(self) -> None:
        """Shows what the node says."""
        self._table.setSegmentationNode(self.segmentationNode())
        chosen = self.currentSegmentID()
        self._table.setSelectedSegmentIDs([chosen] if chosen else [])
        effect = self._node.GetActiveEffectName() if self._node is not None else ""
        for name, button in self._effects.items():
            button.setChecked(name == effect)
            button.setEnabled(self.segmentationNode() is not None and not self.readOnly)

    def segmentationNode(self) -> Any:
        """Returns what is edited, or None."""
        return self._node.GetSegmentationNode() if self._node is not None else None

    def setSegmentationNode(self, node: Any) -> None:
        """Edits a segmentation; its first segment is chosen."""
        if self._node is None:
            return
        self._node.SetAndObserveSegmentationNode(node)
        ids = node.GetSegmentation().GetSegmentIDs() if node is not None else ()
        if self._node.GetSelectedSegmentID() not in ids:
            self._node.SetSelectedSegmentID(ids[0] if ids else "")
        self.updateWidgetFromMRML()

    def sourceVolumeNode(self) -> Any:
        """Returns the volume that is drawn on, or None."""
        return self._node.GetSourceVolumeNode() if self._node is not None else None

    def setSourceVolumeNode(self, node: Any) -> None:
        """Draws on a volume."""
        if self._node is not None:
            self._node.SetAndObserveSourceVolumeNode(node)

    def currentSegmentID(self) -> str:
        """Returns the chosen segment's ID, or an empty text."""
        return (self._node.GetSelectedSegmentID() or "") if self._node is not None else ""

    def setCurrentSegmentID(self, identifier: str) -> None:
        """Chooses a segment."""
        if self._node is None or identifier == self.currentSegmentID():
            return
        self._node.SetSelectedSegmentID(identifier)
        self._table.setSelectedSegmentIDs([identifier] if identifier else [])
        self.currentSegmentIDChanged.emit(identifier)

    def setActiveEffectByName(self, name: str) -> None:
        """Takes up a tool by its name; an empty name puts it down."""
        if name and name not in self._effects:
            raise ValueError(f"there is no effect {name!r}")
        if self._node is not None:
            self._node.SetActiveEffectName(name)
        self.updateWidgetFromMRML()

    def setActiveEffect(self, effect: None) -> None:
        """Puts the tool down."""
        if effect is not None:
            raise TypeError("the stand-in has no effects to choose")
        self.setActiveEffectByName("")

    def setupViewObservations(self) -> None:
        """Clicks into views are its own from now on."""
        self._observed = True

    def removeViewObservations(self) -> None:
        """No more."""
        self._observed = False

    def installKeyboardShortcuts(self, parent: Any = None) -> None:
        """Keys are its own from now on."""
        self._shortcuts = True

    def uninstallKeyboardShortcuts(self) -> None:
        """No more."""
        self._shortcuts = False

    def setMaximumNumberOfUndoStates(self, count: int) -> None:
        """Sets how many strokes are undone."""
        self.maximumNumberOfUndoStates = count

    def _selected(self, _now: Any, _before: Any) -> None:
        chosen = self._table.selectedSegmentIDs()
        if len(chosen) == 1:
            self.setCurrentSegmentID(chosen[0])

    def _add_segment(self) -> None:
        self.setCurrentSegmentID(self.segmentationNode().GetSegmentation().AddEmptySegment())

    def _remove_segment(self) -> None:
        self.segmentationNode().RemoveSegment(self.currentSegmentID())

    maximumNumberOfUndoStates = plain_property(int, "maximumNumberOfUndoStates", 10)
    undoEnabled = plain_property(bool, "undoEnabled", True)
    segmentationNodeSelectorVisible = plain_property(bool, "segmentationNodeSelectorVisible", True)
    sourceVolumeNodeSelectorVisible = plain_property(bool, "sourceVolumeNodeSelectorVisible", True)
    switchToSegmentationsButtonVisible = plain_property(bool, "switchToSegmentationsButtonVisible", True)
    maskingSectionVisible = plain_property(bool, "maskingSectionVisible", True)
    readOnly = plain_property(bool, "readOnly", False, "updateWidgetFromMRML")


slicer.qMRMLSegmentEditorWidget = qMRMLSegmentEditorWidget
