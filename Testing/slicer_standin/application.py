"""slicer.app and slicer.modules round slicer-core's scene and logics."""

from __future__ import annotations

import os
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from . import error_log
from .layout import LayoutManager
from .qt_objects import register_native
from .scene_io import CoreIOManager
from .subject_hierarchy import SubjectHierarchyPlugins

LOGICS = {
    "Volumes": "vtkSlicerVolumesLogic",
    "Terminologies": "vtkSlicerTerminologiesModuleLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Colors": "vtkMRMLColorLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Models": "vtkSlicerModelsLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "CropVolume": "vtkSlicerCropVolumeLogic",
    "VolumeRendering": "vtkSlicerVolumeRenderingLogic",
}


class CoreModule:
    """One of Slicer's own modules: a name and a logic."""

    def __init__(self, name: str, logic: Any) -> None:
        self.name = self.title = name
        self._logic = logic

    def logic(self) -> Any:
        """Returns the module's logic."""
        return self._logic


class ModuleManager(QtCore.QObject):
    """slicer.app.moduleManager()."""

    moduleAboutToBeUnloaded = QtCore.Signal(str)
    moduleLoaded = QtCore.Signal(str)

    def modulesNames(self) -> tuple[str, ...]:
        """Returns the names of all modules."""
        return tuple(entry.name for entry in vars(slicer.modules).values() if hasattr(entry, "name"))

    def module(self, name: str) -> Any:
        """Returns a module by its name, or None."""
        return getattr(slicer.modules, name.lower(), None)


class ExtensionsManagerModel(QtCore.QObject):
    """slicer.app.extensionsManagerModel(): which extensions are there; installing is only noted."""

    extensionInstalled = QtCore.Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._installed: list[str] = []
        self._asked: list[str] = []

    def isExtensionInstalled(self, name: str) -> bool:
        """Returns whether an extension is there."""
        return name in self._installed

    def downloadAndInstallExtensionByName(self, name: str, *options: Any) -> bool:
        """Notes that an extension was asked for."""
        self._asked.append(name)
        return True

    def installExtensionFromServer(self, name: str, *options: Any) -> bool:
        """Notes that an extension was asked for."""
        self._asked.append(name)
        return True

    def askedFor(self) -> tuple[str, ...]:
        """Returns the extensions whose installation was asked for (the stand-in's own)."""
        return tuple(self._asked)

    def pretendInstalled(self, *names: str) -> None:
        """Sets which extensions are there (the stand-in's own)."""
        self._installed = list(names)


class qSlicerApplication(QtWidgets.QApplication):
    """The application object."""

    startupCompleted = QtCore.Signal()

    def __init__(self) -> None:
        QtCore.QCoreApplication.setOrganizationName("RetrievalSAM-Testing")
        super().__init__([sys.argv[0]])
        self.setApplicationName("Slicer")
        self._temporary = Path(tempfile.mkdtemp(prefix="slicer-standin-"))
        settings = self._temporary / "settings"
        QtCore.QSettings.setDefaultFormat(QtCore.QSettings.IniFormat)
        for scope in (QtCore.QSettings.UserScope, QtCore.QSettings.SystemScope):
            QtCore.QSettings.setPath(QtCore.QSettings.IniFormat, scope, str(settings))
        self._settings = QtCore.QSettings(str(settings / "Slicer.ini"), QtCore.QSettings.IniFormat)
        self._module_manager = ModuleManager()
        self._extensions = ExtensionsManagerModel()
        self._error_log = error_log.watch()

    def start_scene(self) -> None:
        """Makes the scene, its logics, `slicer.modules` and the views."""
        self._scene = slicer.vtkMRMLScene()
        self._logic = slicer.vtkSlicerApplicationLogic()
        crosshair = slicer.vtkMRMLCrosshairNode()
        crosshair.SetCrosshairName("default")
        self._scene.AddNode(crosshair)
        self._logic.SetMRMLScene(self._scene)
        colours = self._logic.GetColorLogic()
        colours.SetMRMLScene(self._scene)
        colours.AddDefaultColorNodes()
        self._logic.SetSliceLogics(vtk.vtkCollection())
        self._logic.SetViewLogics(vtk.vtkCollection())
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(self._scene, True)
        self._start_remote_io()
        slicer.mrmlScene = self._scene
        slicer.modules = types.SimpleNamespace()
        for name, class_name in LOGICS.items():
            logic = getattr(slicer, class_name)()
            # slicer-core has no terminology files, and the logic says so at length.
            vtk.vtkObject.SetGlobalWarningDisplay(int(name != "Terminologies"))
            logic.SetMRMLApplicationLogic(self._logic)
            logic.SetMRMLScene(self._scene)
            vtk.vtkObject.SetGlobalWarningDisplay(1)
            self._logic.SetModuleLogic(name, logic)
            setattr(slicer.modules, name.lower(), CoreModule(name, logic))
        self._plugins = SubjectHierarchyPlugins(self._scene, lambda text: self._error_log.add("Critical", "Qt", text))
        self._layout_manager = LayoutManager(self._logic, self._scene)
        self._io = CoreIOManager(self._scene, self._show_volume)

    def _start_remote_io(self) -> None:
        # ReadFromMRB needs the scene's cache folder, which the remote logic brings.
        self._remote = slicer.vtkMRMLRemoteIOLogic()
        self._remote.SetMRMLScene(self._scene)
        self._remote.SetMRMLApplicationLogic(self._logic)
        self._remote.GetCacheManager().SetRemoteCacheDirectory(str(self._temporary))
        self._data_io = slicer.vtkDataIOManagerLogic()
        self._data_io.SetMRMLScene(self._scene)
        self._data_io.SetMRMLApplicationLogic(self._logic)
        self._data_io.SetAndObserveDataIOManager(self._remote.GetDataIOManager())
        self._remote.AddDataIOToScene()

    def _show_volume(self, node: Any) -> None:
        selection = self._logic.GetSelectionNode()
        selection.SetActiveVolumeID(node.GetID())
        self._logic.PropagateVolumeSelection()

    @property
    def temporaryPath(self) -> str:
        """A folder for temporary files."""
        return str(self._temporary)

    @property
    def slicerHome(self) -> str:
        """Where Slicer is installed; for the stand-in, where Python is."""
        return sys.prefix

    @property
    def majorVersion(self) -> int:
        """Slicer's version: the first number."""
        return 5

    @property
    def minorVersion(self) -> int:
        """Slicer's version: the second number."""
        return 12

    @property
    def applicationVersion(self) -> str:
        """Slicer's version as text."""
        return "5.12.0"

    @property
    def revision(self) -> str:
        """Slicer's revision."""
        return "0"

    @property
    def os(self) -> str:
        """The operating system in Slicer's words."""
        return {"win32": "win", "darwin": "macosx"}.get(sys.platform, "linux")

    @property
    def extensionsInstallPath(self) -> str:
        """Where extensions are installed."""
        return str(self._temporary / "Extensions")

    def applicationLogic(self) -> Any:
        """Returns the vtkSlicerApplicationLogic."""
        return self._logic

    def coreIOManager(self) -> CoreIOManager:
        """Returns what loads and saves nodes."""
        return self._io

    def ioManager(self) -> CoreIOManager:
        """Returns what loads and saves nodes."""
        return self._io

    def mrmlScene(self) -> Any:
        """Returns the scene."""
        return self._scene

    def layoutManager(self) -> LayoutManager:
        """Returns the views."""
        return self._layout_manager

    def moduleManager(self) -> ModuleManager:
        """Returns the module manager."""
        return self._module_manager

    def errorLogModel(self) -> error_log.ctkErrorLogModel:
        """Returns what VTK, Qt and Python have reported."""
        return self._error_log

    def extensionsManagerModel(self) -> ExtensionsManagerModel:
        """Returns the extensions manager."""
        return self._extensions

    def userSettings(self) -> QtCore.QSettings:
        """Returns the user's settings: a file in the temporary folder."""
        return self._settings

    def revisionUserSettings(self) -> QtCore.QSettings:
        """Returns the settings of this version of Slicer."""
        return self._settings

    def startupEnvironment(self) -> QtCore.QProcessEnvironment:
        """Returns the environment that the application was started in."""
        environment = QtCore.QProcessEnvironment()
        for name, value in os.environ.items():
            environment.insert(name, value)
        return environment

    def testingEnabled(self) -> bool:
        """Returns False: messages go to the prepared answers, not to the log."""
        return False

    def mainWindow(self) -> None:
        """There is none."""
        return None

    def pauseRender(self) -> None:
        """Nothing is rendered before a picture is asked for."""

    def resumeRender(self) -> None:
        """Nothing is rendered before a picture is asked for."""


for _kind in (error_log.ctkErrorLogModel, ModuleManager, ExtensionsManagerModel, qSlicerApplication):
    register_native(_kind)
