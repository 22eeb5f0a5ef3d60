"""A list of volumes to check: those of the scene, which it follows, and files."""

from __future__ import annotations

from typing import Any

import qt
import slicer
import slicer.util
from slicer.util import VTKObservationMixin

from ..signal import Signal

SCENE, FILE, SERIES = "scene:", "file:", "series:"


class VolumeList(VTKObservationMixin):
    """Volumes of the scene in their order, then files; what was unchecked stays so.

    Args:
        items: The widget.

    Attributes:
        changed: Told after every change of entries, checks or the current row.
    """

    def __init__(self, items: qt.QListWidget) -> None:
        VTKObservationMixin.__init__(self)
        self._items = items
        self.changed = Signal()
        # Nodes come and go by the dozen when a scene is loaded.
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.connect("timeout()", self.follow_scene)
        scene = slicer.mrmlScene
        for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndCloseEvent):
            self.addObserver(scene, event, lambda _caller, _event: self._timer.start())
        items.connect("itemChanged(QListWidgetItem*)", lambda _item: self.changed.emit())
        items.connect("currentRowChanged(int)", lambda _row: self.changed.emit())

    def close(self) -> None:
        """Follow the scene no more, and say nothing: whoever listens may be gone."""
        self.removeObservers()
        self._items.blockSignals(True)
        self._timer.stop()

    def follow_scene(self) -> None:
        """Show the volumes that are in the scene now."""
        shown = self._entries()
        checks = {_data(item): item.checkState() for item in shown}
        others = [(_data(item), item.text()) for item in shown if not _is(item, SCENE)]
        volumes = [
            (SCENE + node.GetID(), node.GetName())
            for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
            if node.GetClassName() == "vtkMRMLScalarVolumeNode" and not node.GetHideFromEditors()
        ]
        if [*volumes, *others] != [(_data(item), item.text()) for item in shown]:
            self._items.blockSignals(True)
            self._items.clear()
            for data, text in (*volumes, *others):
                self._add(data, text, checks.get(data, qt.Qt.Checked))
            self._items.blockSignals(False)
        self.changed.emit()

    def add(self, kind: str, file: str, text: str) -> None:
        """Add a file, checked, unless it is there."""
        if kind + file not in {_data(item) for item in self._entries()}:
            self._add(kind + file, text, qt.Qt.Checked)

    def remove_current(self) -> None:
        """Take the current entry off, unless it is a volume of the scene."""
        if self.is_file_current():
            self._items.takeItem(self._items.row(self._items.currentItem()))
        self.changed.emit()

    def is_file_current(self) -> bool:
        """Whether the current entry can be taken off."""
        item = self._items.currentItem()
        return item is not None and not _is(item, SCENE)

    def checked(self, kind: str) -> list[tuple[str, str]]:
        """ID or path, and text, of the checked entries of a kind."""
        return [
            (_data(item).removeprefix(kind), item.text())
            for item in self._entries()
            if _is(item, kind) and item.checkState() == qt.Qt.Checked
        ]

    def _entries(self) -> list[Any]:
        return [self._items.item(row) for row in range(self._items.count)]

    def _add(self, data: str, text: str, state: Any) -> None:
        item = qt.QListWidgetItem(text)
        item.setFlags(qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
        item.setCheckState(state)
        item.setData(qt.Qt.UserRole, data)
        item.setToolTip(text if data.startswith(SCENE) else data.partition(":")[2])
        self._items.addItem(item)


def _data(item: Any) -> str:
    return str(item.data(qt.Qt.UserRole))


def _is(item: Any, kind: str) -> bool:
    return _data(item).startswith(kind)
