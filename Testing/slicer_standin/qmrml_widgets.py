"""qMRML widgets that show nodes of the scene in a combo box."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtGui, QtWidgets
from PySide6.QtCore import Property, Qt, Signal

from .native import native_widget, plain_property
from .scene_follower import SceneFollower


@native_widget
class qMRMLWidget(QtWidgets.QWidget):
    """A widget that hands the scene to what is in it, by the connections in its .ui file."""

    mrmlSceneChanged = Signal(object)
    native_signals = {"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged"}

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene = None

    def setMRMLScene(self, scene: Any) -> None:
        """Sets the scene and tells the children."""
        self._scene = scene
        self.mrmlSceneChanged.emit(scene)

    def mrmlScene(self) -> Any:
        """Returns the scene."""
        return self._scene


class _NodeList(QtWidgets.QWidget):
    """What both node combo boxes share: which nodes of the scene they offer."""

    def __init__(self, parent: QtWidgets.QWidget | None, box: QtWidgets.QComboBox) -> None:
        super().__init__(parent)
        self._follower = SceneFollower(self)
        self._attributes: list[tuple[str, str, Any]] = []
        self._box = box
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(box)

    def _refresh(self) -> None:
        raise NotImplementedError

    def setMRMLScene(self, scene: Any) -> None:
        """Sets the scene whose nodes are offered; None for none."""
        self._follower.follow(scene)
        self._refresh()

    def mrmlScene(self) -> Any:
        """Returns the scene."""
        return self._follower.scene

    def addAttribute(self, node_type: str, name: str, value: Any = None) -> None:
        """Offers nodes of a type only where they have an attribute (of that value)."""
        self._attributes.append((node_type, name, value))
        self._refresh()

    def _offered(self, node: Any) -> bool:
        if node.GetHideFromEditors() and not self.showHidden:
            return False
        matches = [
            kind
            for kind in self.nodeTypes
            if (node.IsA(kind) if self.showChildNodeTypes else node.GetClassName() == kind)
        ]
        if not matches:
            return False
        for kind, name, value in self._attributes:
            if node.IsA(kind):
                found = node.GetAttribute(name)
                if found is None or (value is not None and found != str(value)):
                    return False
        return True

    def _nodes(self) -> list[Any]:
        scene = self._follower.scene
        if scene is None:
            return []
        nodes = [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())]
        return [node for node in nodes if self._offered(node)]

    def nodeCount(self) -> int:
        """Returns how many nodes are offered."""
        return len(self._nodes())

    def nodeFromIndex(self, index: int) -> Any:
        """Returns one of the offered nodes, or None."""
        nodes = self._nodes()
        return nodes[index] if 0 <= index < len(nodes) else None


@native_widget
class qMRMLNodeComboBox(_NodeList):
    """Chooses one node of the scene; can create, rename and delete nodes."""

    currentNodeChanged = Signal(object)
    _currentNodeChangedBool = Signal(bool)
    currentNodeIDChanged = Signal(str)
    nodeAdded = Signal(object)
    nodeAddedByUser = Signal(object)
    nodeAboutToBeRemoved = Signal(object)
    nodeActivated = Signal(object)
    currentNodeRenamed = Signal(str)
    native_signals = {
        "currentNodeChanged(vtkMRMLNode*)": "currentNodeChanged",
        "currentNodeChanged(bool)": "_currentNodeChangedBool",
        "nodeAdded(vtkMRMLNode*)": "nodeAdded",
        "nodeAddedByUser(vtkMRMLNode*)": "nodeAddedByUser",
        "nodeAboutToBeRemoved(vtkMRMLNode*)": "nodeAboutToBeRemoved",
        "nodeActivated(vtkMRMLNode*)": "nodeActivated",
    }

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent, QtWidgets.QComboBox())
        self._current = ""
        self._refreshing = False
        self._box.sizeAdjustPolicy = QtWidgets.QComboBox.AdjustToMinimumContentsLengthWithIcon
        self._box.connect("activated(int)", self._activated)

    def _actions(self) -> list[tuple[str, str]]:
        label = self.nodeTypes[0] if self.nodeTypes else ""
        tag = label.replace("vtkMRML", "").removesuffix("Node")
        actions = []
        if self.renameEnabled and self._current:
            actions.append((f"Rename current {tag}", "rename"))
        if self.addEnabled:
            actions.append((f"Create new {tag}", "add"))
        if self.removeEnabled and self._current:
            actions.append((f"Delete current {tag}", "remove"))
        return actions

    def _refresh(self) -> None:
        if self._refreshing or "_current" not in self.__dict__:
            return
        nodes = self._nodes()
        self._follower.watch_names(nodes)
        identifiers = [node.GetID() for node in nodes]
        chosen = self._current
        if chosen not in identifiers:
            chosen = "" if self.noneEnabled or not identifiers else identifiers[0]
        self._fill(nodes)
        self._choose(chosen)

    def _fill(self, nodes: list[Any]) -> None:
        blocked = self._box.blockSignals(True)
        self._box.clear()
        if self.noneEnabled:
            self._box.addItem(self.noneDisplay, "")
        for node in nodes:
            self._box.addItem(node.GetName(), node.GetID())
        actions = self._actions()
        if actions and self._box.count:
            self._box.insertSeparator(self._box.count)
        for text, action in actions:
            self._box.addItem(text, f"!{action}")
        self._box.setCurrentIndex(self._box.findData(self._current))
        self._box.blockSignals(blocked)

    def _choose(self, identifier: str) -> None:
        if identifier == self._current:
            self._box.setCurrentIndex(self._box.findData(identifier))
            return
        self._current = identifier
        self._fill(self._nodes())
        node = self.currentNode()
        self.currentNodeChanged.emit(node)
        self._currentNodeChangedBool.emit(node is not None)
        self.currentNodeIDChanged.emit(identifier)

    def _activated(self, index: int) -> None:
        data = self._box.itemData(index)
        if data == "!add":
            self.nodeAddedByUser.emit(self.addNode())
        elif data == "!remove":
            self.removeCurrentNode()
        elif data == "!rename":
            self._box.setCurrentIndex(self._box.findData(self._current))
            self.renameCurrentNode()
        else:
            self._choose(data or "")
            self.nodeActivated.emit(self.currentNode())

    def addNode(self, class_name: str = "") -> Any:
        """Adds a node of the (first) type to the scene, chooses and returns it."""
        scene = self._follower.scene
        kind = class_name or self.nodeTypes[0]
        name = self.baseName or kind.replace("vtkMRML", "").removesuffix("Node")
        node = scene.AddNewNodeByClass(kind, scene.GenerateUniqueName(name))
        self.nodeAdded.emit(node)
        if self.selectNodeUponCreation:
            self._choose(node.GetID())
        return node

    def removeCurrentNode(self) -> None:
        """Removes the chosen node from the scene."""
        node = self.currentNode()
        if node is not None:
            self.nodeAboutToBeRemoved.emit(node)
            self._follower.scene.RemoveNode(node)

    def renameCurrentNode(self) -> None:
        """Asks for another name of the chosen node."""
        node = self.currentNode()
        name = QtWidgets.QInputDialog.getText(self, "Rename", "New name:")
        if node is not None and name:
            node.SetName(name)
            self.currentNodeRenamed.emit(name)

    def currentNode(self) -> Any:
        """Returns the chosen node, or None."""
        scene = self._follower.scene
        return scene.GetNodeByID(self._current) if scene is not None and self._current else None

    def setCurrentNode(self, node: Any) -> None:
        """Chooses a node; None, or a node that is not offered, for none (or the first, without "None")."""
        self.setCurrentNodeID(node.GetID() if node is not None else "")

    def setCurrentNodeID(self, identifier: str | None) -> None:
        """Chooses a node by its ID."""
        offered = [node.GetID() for node in self._nodes()]
        self._choose(identifier if identifier is not None and identifier in offered else "")

    def setCurrentNodeIndex(self, index: int) -> None:
        """Chooses the node of an index among those offered."""
        self.setCurrentNode(self.nodeFromIndex(index))

    nodeTypes = plain_property("QStringList", "nodeTypes", [], "_refresh")
    noneEnabled = plain_property(bool, "noneEnabled", False, "_refresh")
    addEnabled = plain_property(bool, "addEnabled", True, "_refresh")
    removeEnabled = plain_property(bool, "removeEnabled", True, "_refresh")
    renameEnabled = plain_property(bool, "renameEnabled", False, "_refresh")
    editEnabled = plain_property(bool, "editEnabled", False)
    showHidden = plain_property(bool, "showHidden", False, "_refresh")
    showChildNodeTypes = plain_property(bool, "showChildNodeTypes", True, "_refresh")
    hideChildNodeTypes = plain_property("QStringList", "hideChildNodeTypes", [])
    baseName = plain_property(str, "baseName", "")
    noneDisplay = plain_property(str, "noneDisplay", "None", "_refresh")
    selectNodeUponCreation = plain_property(bool, "selectNodeUponCreation", True)
    interactionNodeSingletonTag = plain_property(str, "interactionNodeSingletonTag", "")
    currentNodeID = Property(str, lambda self: self._current, setCurrentNodeID)


@native_widget
class qMRMLCheckableNodeComboBox(_NodeList):
    """Checks several nodes of the scene."""

    checkedNodesChanged = Signal()

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent, QtWidgets.QComboBox())
        self._checked: set[str] = set()
        self._box.setModel(QtGui.QStandardItemModel(0, 1, self._box))
        self._box.model().connect("itemChanged(QStandardItem*)", self._changed)

    def _refresh(self) -> None:
        if "_checked" not in self.__dict__:
            return
        nodes = self._nodes()
        self._follower.watch_names(nodes)
        model = self._box.model()
        blocked = model.blockSignals(True)
        model.clear()
        for node in nodes:
            item = QtGui.QStandardItem(node.GetName())
            item.setFlags(Qt.ItemIsUserCheckable | Qt.ItemIsEnabled)
            item.setData(node.GetID(), Qt.UserRole)
            item.setCheckState(Qt.Checked if node.GetID() in self._checked else Qt.Unchecked)
            model.appendRow(item)
        model.blockSignals(blocked)
        left = self._checked & {node.GetID() for node in nodes}
        if left != self._checked:
            self._checked = left
            self.checkedNodesChanged.emit()

    def _changed(self, item: QtGui.QStandardItem) -> None:
        node = self._follower.scene.GetNodeByID(item.data(Qt.UserRole))
        self._mark(node, item.checkState() == Qt.Checked)

    def _mark(self, node: Any, checked: bool) -> None:
        if checked == (node.GetID() in self._checked):
            return
        (self._checked.add if checked else self._checked.discard)(node.GetID())
        self._refresh()
        self.checkedNodesChanged.emit()

    def checkedNodes(self) -> list[Any]:
        """Returns the checked nodes, in the scene's order."""
        return [node for node in self._nodes() if node.GetID() in self._checked]

    def uncheckedNodes(self) -> list[Any]:
        """Returns the others."""
        return [node for node in self._nodes() if node.GetID() not in self._checked]

    def checkState(self, node: Any) -> Qt.CheckState:
        """Returns whether a node is checked."""
        return Qt.Checked if node.GetID() in self._checked else Qt.Unchecked

    def setCheckState(self, node: Any, state: Qt.CheckState) -> None:
        """Checks or unchecks a node."""
        self._mark(node, state == Qt.Checked)

    def noneChecked(self) -> bool:
        """Returns whether no node is checked."""
        return not self._checked

    nodeTypes = plain_property("QStringList", "nodeTypes", [], "_refresh")
    showHidden = plain_property(bool, "showHidden", False, "_refresh")
    showChildNodeTypes = plain_property(bool, "showChildNodeTypes", True, "_refresh")
    noneDisplay = plain_property(str, "noneDisplay", "None")


for _kind in (qMRMLWidget, qMRMLNodeComboBox, qMRMLCheckableNodeComboBox):
    setattr(slicer, _kind.__name__, _kind)
