"""Slice views and the voxels of a volume: jumping to a place, and knowing which slice is on display."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import qt
import slicer
import slicer.util
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from .masks.cropped_mask import CroppedMask
from .masks.segment_masks import segment_slice
from .volume_files import file_ijk_to_ras, ijk_to_ras

_QUIET_MS = 120
_COARSER = 1.02


def voxel_to_world(volume: slicer.vtkMRMLScalarVolumeNode, voxel: np.ndarray) -> np.ndarray:
    """RAS in mm, in the world, of a voxel index (i, j, k), through any parent transform."""
    to_world = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(volume.GetParentTransformNode(), None, to_world)
    local = ijk_to_ras(volume) @ np.append(voxel, 1.0)
    return np.asarray(to_world.TransformPoint(*local[:3]))


def world_to_voxel(volume: slicer.vtkMRMLScalarVolumeNode, world: np.ndarray) -> np.ndarray:
    """The voxel index (i, j, k), not rounded, of a point RAS in mm."""
    to_volume = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(None, volume.GetParentTransformNode(), to_volume)
    local = to_volume.TransformPoint(*(float(part) for part in world))
    return (np.linalg.inv(ijk_to_ras(volume)) @ np.append(local, 1.0))[:3]


def slice_centre(
    segmentation: slicer.vtkMRMLSegmentationNode,
    segment_id: str,
    volume: slicer.vtkMRMLScalarVolumeNode,
    axis: int,
    index: int,
) -> np.ndarray:
    """The middle of a segment on one slice of the volume as (i, j, k); of the slice where nothing is there."""
    voxel = (np.asarray(volume.GetImageData().GetDimensions()) - 1) / 2
    voxel[axis] = index
    if segmentation.GetSegmentation().GetSegment(segment_id) is not None:
        on_slice = np.argwhere(segment_slice(segmentation, segment_id, volume, axis, index))
        if len(on_slice):
            voxel[[a for a in range(3) if a != axis]] = on_slice.mean(axis=0)[::-1]
    return voxel


def jump_to_voxel(volume: slicer.vtkMRMLScalarVolumeNode, voxel: np.ndarray) -> None:
    """Show a voxel in all slice views."""
    world = voxel_to_world(volume, voxel)
    slicer.vtkMRMLSliceNode.JumpAllSlices(
        slicer.mrmlScene, *(float(part) for part in world), slicer.vtkMRMLSliceNode.OffsetJumpSlice
    )


def show_volume(volume: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Show a volume in the slice views, as they lie and zoom where it is there already."""
    shown = {node.GetBackgroundVolumeID() for node in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")}
    if shown != {volume.GetID()}:
        slicer.util.setSliceViewerLayers(background=volume, fit=True)


def acquired_axis(volume: slicer.vtkMRMLScalarVolumeNode) -> int:
    """The axis (0, 1, 2 as i, j, k) that a volume was most likely sliced along: the coarsest, else across axial."""
    spacing = np.linalg.norm(ijk_to_ras(volume)[:3, :3], axis=0)
    coarsest = int(np.argmax(spacing))
    others = np.delete(spacing, coarsest)
    if spacing[coarsest] > _COARSER * others.max():
        return coarsest
    return next(axis for axis in range(3) if plane_across(volume, axis) == "axial")


def plane_across(volume: slicer.vtkMRMLScalarVolumeNode, axis: int) -> str:
    """The anatomical plane of the slices that follow each other along an axis (0, 1, 2 as i, j, k)."""
    columns = np.abs(file_ijk_to_ras(volume)[:3, :3])
    columns = columns / np.linalg.norm(columns, axis=0)
    sides = max(itertools.permutations(range(3)), key=lambda order: sum(columns[order[one], one] for one in range(3)))
    return ("sagittal", "coronal", "axial")[sides[axis]]


def slice_place(volume: slicer.vtkMRMLScalarVolumeNode, axis: int, index: int) -> str:
    """Where a slice lies as the slice views say it: a letter, and mm along that side of the patient, in its middle."""
    voxel = (np.asarray(volume.GetImageData().GetDimensions()) - 1) / 2
    voxel[axis] = index
    letter, side = {"sagittal": ("R", 0), "coronal": ("A", 1), "axial": ("S", 2)}[plane_across(volume, axis)]
    return _("{side} {mm} mm").format(side=letter, mm=f"{voxel_to_world(volume, voxel)[side]:.1f}")


def axis_drawn_along(masks: Sequence[CroppedMask]) -> int | None:
    """The axis (0, 1, 2 as i, j, k) along which masks hold the fewest slices; None where none is fewest."""
    counts = [len(set().union(*(mask.held(axis) for mask in masks))) for axis in range(3)]
    fewest = min(counts)
    return counts.index(fewest) if fewest and counts.count(fewest) == 1 else None


def volume_on_display() -> slicer.vtkMRMLScalarVolumeNode | None:
    """The scalar volume that the slice views show in the background, or None."""
    for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        node_id = composite.GetBackgroundVolumeID()
        node = slicer.mrmlScene.GetNodeByID(node_id) if node_id else None
        if node is not None and node.GetClassName() == "vtkMRMLScalarVolumeNode":
            return node
    return None


class DisplayFollower(VTKObservationMixin):
    """Tells when the slice views show another volume."""

    def __init__(self, on_volume: Callable[[], None]) -> None:
        VTKObservationMixin.__init__(self)
        self._on_volume = on_volume
        self.follow()

    def follow(self) -> None:
        """Follow the views that there are now."""
        self.removeObservers()
        for node in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._modified)

    def stop(self) -> None:
        """Follow nothing."""
        self.removeObservers()

    def _modified(self, _node: Any, _event: Any) -> None:
        self._on_volume()


class SliceFollower(VTKObservationMixin):
    """Tells the index of the volume's slice in the view that looks along the sliced axis, when it comes to rest."""

    def __init__(self, on_slice: Callable[[int], None]) -> None:
        VTKObservationMixin.__init__(self)
        self._on_slice = on_slice
        self._volume_id = ""
        self._axis = 2
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(_QUIET_MS)
        self._timer.connect("timeout()", self._tell)

    def follow(self, volume: slicer.vtkMRMLScalarVolumeNode, axis: int) -> None:
        """Follow a volume that was sliced along one of its axes (0, 1, 2 as i, j, k)."""
        self.stop()
        self._volume_id, self._axis = volume.GetID(), axis
        for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._moved)
        self._timer.start()

    def stop(self) -> None:
        """Follow nothing."""
        self._timer.stop()
        self.removeObservers()
        self._volume_id = ""

    def _moved(self, _node: Any, _event: Any) -> None:
        self._timer.start()

    def _tell(self) -> None:
        volume = slicer.mrmlScene.GetNodeByID(self._volume_id) if self._volume_id else None
        nodes = slicer.util.getNodesByClass("vtkMRMLSliceNode")
        if volume is None or not nodes:
            return
        axis = file_ijk_to_ras(volume)[:3, self._axis]
        axis = axis / np.linalg.norm(axis)

        def along(node: Any) -> float:
            return abs(float(slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS())[:3, 2] @ axis))

        facing = max(nodes, key=along)
        middle = slicer.util.arrayFromVTKMatrix(facing.GetSliceToRAS())[:3, 3]
        index = int(round(float(world_to_voxel(volume, middle)[self._axis])))
        if 0 <= index < volume.GetImageData().GetDimensions()[self._axis]:
            self._on_slice(index)
