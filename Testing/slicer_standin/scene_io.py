"""The part of Slicer's qSlicerCoreIOManager that slicer.util needs: files to nodes and back."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from typing import Any

import slicer

_STORAGE = {
    "VolumeFile": ("vtkMRMLScalarVolumeNode", "vtkMRMLVolumeArchetypeStorageNode"),
    "SegmentationFile": ("vtkMRMLSegmentationNode", "vtkMRMLSegmentationStorageNode"),
    "ModelFile": ("vtkMRMLModelNode", "vtkMRMLModelStorageNode"),
    "TransformFile": ("vtkMRMLTransformNode", "vtkMRMLTransformStorageNode"),
    "ColorTableFile": ("vtkMRMLColorTableNode", "vtkMRMLColorTableStorageNode"),
    "MarkupsFile": ("vtkMRMLMarkupsFiducialNode", "vtkMRMLMarkupsJsonStorageNode"),
    "TableFile": ("vtkMRMLTableNode", "vtkMRMLTableStorageNode"),
    "TextFile": ("vtkMRMLTextNode", "vtkMRMLTextStorageNode"),
}


class CoreIOManager:
    """Loads and saves nodes and scenes with Slicer's own storage nodes."""

    def __init__(self, scene: Any, show_volume: Any) -> None:
        self._scene, self._show_volume = scene, show_volume

    def fileType(self, file: str) -> str:
        """Returns the kind of a file by its name."""
        name = str(file).lower()
        if name.endswith((".mrml", ".mrb")):
            return "SceneFile"
        if name.endswith((".seg.nrrd", ".seg.nhdr")):
            return "SegmentationFile"
        return "VolumeFile"

    def loadNodes(self, kind: str, properties: dict[str, Any], loaded: Any, messages: Any = None) -> bool:
        """Reads a file into new nodes, which are added to the collection `loaded`."""
        file = Path(properties["fileName"])
        if kind == "SceneFile":
            return self._load_scene(file, bool(properties.get("clear", False)))
        node_class, storage_class = _STORAGE[kind]
        if kind == "VolumeFile" and properties.get("labelmap"):
            node_class = "vtkMRMLLabelMapVolumeNode"
        name = properties.get("name") or file.name.split(".")[0]
        node = self._scene.AddNewNodeByClass(node_class, self._scene.GenerateUniqueName(name))
        storage = self._scene.AddNewNodeByClass(storage_class)
        storage.SetFileName(str(file))
        node.SetAndObserveStorageNodeID(storage.GetID())
        if not storage.ReadData(node):
            self._scene.RemoveNode(storage)
            self._scene.RemoveNode(node)
            return False
        if hasattr(node, "CreateDefaultDisplayNodes"):
            node.CreateDefaultDisplayNodes()
        loaded.AddItem(node)
        if kind == "VolumeFile" and properties.get("show", True):
            self._show_volume(node)
        return True

    def _load_scene(self, file: Path, clear: bool) -> bool:
        if not file.is_file():
            return False
        if file.suffix == ".mrb":
            folder = Path(tempfile.mkdtemp(dir=slicer.app.temporaryPath))
            with zipfile.ZipFile(file) as bundle:
                bundle.extractall(folder)
            file = next(folder.rglob("*.mrml"))
        self._scene.SetURL(str(file))
        return bool(self._scene.Connect() if clear else self._scene.Import())

    def saveNodes(self, kind: str, properties: dict[str, Any], messages: Any = None) -> bool:
        """Writes a node, or the scene, to the file of the properties."""
        file = Path(properties["fileName"])
        if kind == "SceneFile":
            self._scene.SetRootDirectory(str(file.parent))
            self._scene.SetURL(str(file))
            return bool(self._scene.WriteToMRB(str(file)) if file.suffix == ".mrb" else self._scene.Commit())
        node = self._scene.GetNodeByID(properties["nodeID"])
        node.AddDefaultStorageNode()
        storage = node.GetStorageNode()
        storage.SetFileName(str(file))
        storage.SetUseCompression(int(properties.get("useCompression", True)))
        return bool(storage.WriteData(node))

    def fileWriterFileType(self, node: Any) -> str:
        """Returns the kind of file that a node is written to."""
        return "NodeFile"
