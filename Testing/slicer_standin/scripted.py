"""slicer.ScriptedLoadableModule: the base classes of modules written in Python, and the C++ parents they get."""

from __future__ import annotations

import types
import unittest
from pathlib import Path
from typing import Any

import slicer
from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property

from .native import plain_property
from .qmrml_widgets import qMRMLWidget
from .qt_objects import register_native


@register_native
class qSlicerScriptedLoadableModule(QtCore.QObject):
    """The C++ object that describes a module: `parent` of the Python class."""

    def __init__(self) -> None:
        super().__init__()
        self._widget: Any = None

    def widgetRepresentation(self) -> Any:
        """Returns the module's panel."""
        return self._widget

    title = plain_property(str, "title", "")
    path = plain_property(str, "path", "")
    helpText = plain_property(str, "helpText", "")
    acknowledgementText = plain_property(str, "acknowledgementText", "")
    categories = plain_property("QStringList", "categories", [])
    dependencies = plain_property("QStringList", "dependencies", [])
    contributors = plain_property("QStringList", "contributors", [])
    associatedNodeTypes = plain_property("QStringList", "associatedNodeTypes", [])
    hidden = plain_property(bool, "hidden", False)
    widgetRepresentationCreationEnabled = plain_property(bool, "widgetRepresentationCreationEnabled", True)
    index = plain_property(int, "index", -1)
    icon = Property(
        QtGui.QIcon,
        lambda self: self.__dict__.get("_icon", QtGui.QIcon()),
        lambda self, value: self.__dict__.__setitem__("_icon", value),
    )


@register_native
class qSlicerScriptedLoadableModuleWidget(qMRMLWidget):
    """The C++ panel of a module: `parent` of the Python widget class."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        QtWidgets.QVBoxLayout(self)
        self._python: Any = None
        self._recreate: Any = None
        self._entered = False

    def self(self) -> Any:
        """Returns the Python widget object."""
        return self._python

    def reload(self) -> None:
        """Makes the Python widget again from the reloaded source."""
        self._recreate()

    def enter(self) -> None:
        """Tells the Python widget that its panel is shown."""
        self._entered = True
        if hasattr(self._python, "enter"):
            self._python.enter()

    def exit(self) -> None:
        """Tells the Python widget that its panel is left."""
        self._entered = False
        if hasattr(self._python, "exit"):
            self._python.exit()

    isEntered = Property(bool, lambda self: self.__dict__["_entered"])


class ScriptedLoadableModule:
    """Base of the class that describes a module."""

    def __init__(self, parent: Any) -> None:
        self.parent = parent
        self.moduleName = self.__class__.__name__
        parent.title = ""
        parent.categories = []
        parent.dependencies = []
        parent.contributors = []
        parent.helpText = ""
        parent.acknowledgementText = ""
        parent.hidden = False

    def resourcePath(self, filename: str) -> str:
        """Returns the path of a file in the module's folder Resources."""
        return str(Path(slicer.util.modulePath(self.moduleName)).parent / "Resources" / filename)

    def getDefaultModuleDocumentationLink(self, docPage: str | None = None) -> str:
        """Returns a link to the documentation."""
        return ""

    def runTest(self, msec: int = 100, **kwargs: Any) -> None:
        """Runs the module's tests; modules override it."""


class ScriptedLoadableModuleWidget:
    """Base of a module's panel."""

    def __init__(self, parent: Any = None) -> None:
        self.moduleName = self.__class__.__name__.removesuffix("Widget")
        self.developerMode = False
        if parent is None:
            self.parent = qMRMLWidget()
            self.parent.setLayout(QtWidgets.QVBoxLayout())
            self.parent.setMRMLScene(slicer.mrmlScene)
        else:
            self.parent = parent
        self.layout = self.parent.layout()
        if parent is None:
            self.setup()
            self.parent.show()
        slicer.app.moduleManager().connect("moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded)

    def resourcePath(self, filename: str) -> str:
        """Returns the path of a file in the module's folder Resources."""
        return str(Path(slicer.util.modulePath(self.moduleName)).parent / "Resources" / filename)

    def setup(self) -> None:
        """Builds the panel; modules extend it."""

    def cleanup(self) -> None:
        """Called before the panel is destroyed; modules override it."""

    def setupDeveloperSection(self) -> None:
        """Slicer's Reload buttons; there are none here."""

    def onReload(self) -> None:
        """Loads the module's source again."""
        slicer.util.reloadScriptedModule(self.moduleName)

    def _onModuleAboutToBeUnloaded(self, moduleName: str) -> None:
        if moduleName == self.moduleName:
            self.cleanup()
            slicer.app.moduleManager().disconnect("moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded)


class ScriptedLoadableModuleLogic:
    """Base of a module's logic, with the parameter node that scenes keep."""

    def __init__(self, parent: Any = None) -> None:
        self.moduleName = self.__class__.__name__.removesuffix("Logic")
        self.isSingletonParameterNode = True

    def createParameterNode(self) -> Any:
        """Adds a parameter node to the scene and returns it."""
        node = slicer.vtkMRMLScriptedModuleNode()
        if self.isSingletonParameterNode:
            node.SetSingletonTag(self.moduleName)
        node.SetModuleName(self.moduleName)
        node.SetName(slicer.mrmlScene.GenerateUniqueName(self.moduleName))
        return slicer.mrmlScene.AddNode(node)

    def getParameterNode(self) -> Any:
        """Returns the module's parameter node; makes it where there is none."""
        nodes = self.getAllParameterNodes()
        return nodes[0] if nodes else self.createParameterNode()

    def getAllParameterNodes(self) -> list[Any]:
        """Returns the parameter nodes of this module in the scene."""
        scene = slicer.mrmlScene
        if self.isSingletonParameterNode:
            node = scene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
            return [node] if node is not None else []
        nodes = slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode")
        return [node for node in nodes if node.GetModuleName() == self.moduleName]


class ScriptedLoadableModuleTest(unittest.TestCase):
    """Base of the tests that Slicer's Reload and Test button runs."""

    def delayDisplay(self, message: str, requestedDelay: int | None = None, msec: int | None = None) -> None:
        """Shows a message in passing; here it lets events be processed."""
        slicer.app.processEvents()

    def runTest(self) -> None:
        """Runs all tests; modules override it."""


slicer.qSlicerScriptedLoadableModule = qSlicerScriptedLoadableModule
slicer.qSlicerScriptedLoadableModuleWidget = qSlicerScriptedLoadableModuleWidget


def build() -> types.ModuleType:
    """Returns the module `slicer.ScriptedLoadableModule`."""
    module: Any = types.ModuleType("slicer.ScriptedLoadableModule", "Base classes of scripted modules.")
    kinds = (
        ScriptedLoadableModule,
        ScriptedLoadableModuleWidget,
        ScriptedLoadableModuleLogic,
        ScriptedLoadableModuleTest,
    )
    for kind in kinds:
        setattr(module, kind.__name__, kind)
    module.__all__ = [kind.__name__ for kind in kinds]
    return module
