"""Made-up volumes with segments, small enough to be segmented in seconds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import slicer
import slicer.util
import vtk
from vtk.util.numpy_support import vtk_to_numpy

SHAPE = (12, 48, 48)
# Columns point left and backwards, as scanners write them: 1.5 mm x 1.5 mm x 4 mm.
IJK_TO_RAS = np.array([[-1.5, 0, 0, 40], [0, -1.5, 0, 30], [0, 0, 4, -20], [0, 0, 0, 1.0]])
COLORS = {"Liver": (0.87, 0.51, 0.40), "Spleen": (0.62, 0.44, 0.56)}
LIVER, SPLEEN, BODY, AIR = 160, 100, 30, -400


def subject(number: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """A trunk with a large bright organ on one side and a small dim one on the other.

    Returns:
        Voxels int16 (k, j, i), and masks bool (k, j, i) by the segments' names.
    """
    random = np.random.default_rng(number)
    k, j, i = np.indices(SHAPE)
    shift = random.uniform(-1.5, 1.5, 2)
    z, y, x = (k - 5.5) * 4, (j - 23.5) * 1.5 - shift[0], (i - 23.5) * 1.5 - shift[1]
    body = (x / 33) ** 2 + (y / 27) ** 2 < 1
    liver = ((x + 12) / 14) ** 2 + ((y + 3) / 13) ** 2 + ((z + 7) / 14) ** 2 < 1
    spleen = ((x - 18) / 8) ** 2 + ((y - 6) / 9) ** 2 + ((z - 4) / 13) ** 2 < 1
    voxels = np.select([liver, spleen, body], [LIVER, SPLEEN, BODY], AIR) + random.normal(0, 8, SHAPE)
    return voxels.astype(np.int16), {"Liver": liver, "Spleen": spleen}


def rotated(grid: np.ndarray, degrees: float, axis: tuple[float, float, float]) -> np.ndarray:
    """A grid float64 (4, 4) turned about an axis through the origin."""
    transform = vtk.vtkTransform()
    transform.RotateWXYZ(degrees, *axis)
    return slicer.util.arrayFromVTKMatrix(transform.GetMatrix()) @ grid


def add_volume(voxels: np.ndarray, name: str, ijk_to_ras: np.ndarray = IJK_TO_RAS) -> slicer.vtkMRMLScalarVolumeNode:
    """Voxels (k, j, i) as a volume of the scene."""
    return slicer.util.addVolumeFromArray(voxels, ijkToRAS=ijk_to_ras, name=name)


def add_segmentation(
    volume: slicer.vtkMRMLScalarVolumeNode, masks: Mapping[str, np.ndarray], name: str = "Drawn"
) -> slicer.vtkMRMLSegmentationNode:
    """Masks (k, j, i) on the volume's grid as a segmentation of the scene."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
    for segment, mask in masks.items():
        segment_id = node.GetSegmentation().AddEmptySegment("", segment, COLORS.get(segment, (0.2, 0.6, 0.9)))
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask.astype(np.uint8), node, segment_id, volume)
    return node


def add_subject(number: int) -> tuple[slicer.vtkMRMLScalarVolumeNode, slicer.vtkMRMLSegmentationNode]:
    """A subject's volume and what an expert has drawn on it."""
    voxels, masks = subject(number)
    volume = add_volume(voxels, f"Subject {number}")
    return volume, add_segmentation(volume, masks, f"Drawn {number}")


def mask_of(
    segmentation: slicer.vtkMRMLSegmentationNode, segment: str, volume: slicer.vtkMRMLScalarVolumeNode
) -> np.ndarray:
    """A segment by its name where it lies in the volume, bool (k, j, i).

    Not by Slicer's own function: that leaves a node in the scene, and resamples where the transforms differ.
    """
    segment_id = segmentation.GetSegmentation().GetSegmentIdBySegmentName(segment)
    if not segment_id:
        raise AssertionError(f"{segmentation.GetName()} has no segment {segment}")
    labelmap = slicer.vtkOrientedImageData()
    segmentation.GetBinaryLabelmapRepresentation(segment_id, labelmap)
    if labelmap.IsEmpty():
        return np.zeros(volume.GetImageData().GetDimensions()[::-1], bool)
    voxels = vtk_to_numpy(labelmap.GetPointData().GetScalars()).reshape(labelmap.GetDimensions()[::-1])
    places = np.argwhere(voxels)[:, ::-1] + labelmap.GetExtent()[::2]
    own, between, grid = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(own)
    slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(
        segmentation.GetParentTransformNode(), volume.GetParentTransformNode(), between
    )
    volume.GetRASToIJKMatrix(grid)
    to_volume = np.linalg.multi_dot([slicer.util.arrayFromVTKMatrix(matrix) for matrix in (grid, between, own)])
    found = (to_volume @ np.vstack([places.T, np.ones(len(places))]))[:3].T
    np.testing.assert_allclose(found, found.round(), atol=1e-3, err_msg="the segment lies between the volume's voxels")
    mask = np.zeros(volume.GetImageData().GetDimensions()[::-1], bool)
    mask[tuple(found.round().astype(int).T[::-1])] = True
    return mask


def edit_slice(
    segmentation: slicer.vtkMRMLSegmentationNode,
    segment: str,
    volume: slicer.vtkMRMLScalarVolumeNode,
    index: int,
    mask: np.ndarray,
    axis: int = 2,
) -> None:
    """Draw a segment anew on one slice; its other slices, and the other segments, stay.

    `mask` is bool, the volume's voxels of that slice along an axis (0, 1, 2 as i, j, k), in the order (k, j, i).
    """
    whole = mask_of(segmentation, segment, volume)
    np.moveaxis(whole, 2 - axis, 0)[index] = mask
    grid, between = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(grid)
    slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(
        volume.GetParentTransformNode(), segmentation.GetParentTransformNode(), between
    )
    to_segmentation = slicer.util.arrayFromVTKMatrix(between) @ slicer.util.arrayFromVTKMatrix(grid)
    labelmap = slicer.vtkOrientedImageData()
    labelmap.SetExtent(*volume.GetImageData().GetExtent())
    labelmap.SetGeometryFromImageToWorldMatrix(slicer.util.vtkMatrixFromArray(to_segmentation))
    labelmap.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    vtk_to_numpy(labelmap.GetPointData().GetScalars())[:] = whole.astype(np.uint8).ravel()
    segment_id = segmentation.GetSegmentation().GetSegmentIdBySegmentName(segment)
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    if not logic.SetBinaryLabelmapToSegment(labelmap, segmentation, segment_id, logic.MODE_REPLACE):
        raise AssertionError("Slicer refused the edit")


def world_of(volume: slicer.vtkMRMLScalarVolumeNode, voxel: tuple[float, float, float]) -> np.ndarray:
    """RAS in mm, in the world, of a voxel index (i, j, k) under linear transforms; reckoned without the module."""
    local, to_world = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(local)
    if volume.GetParentTransformNode() is not None:
        volume.GetParentTransformNode().GetMatrixTransformToWorld(to_world)
    matrix = slicer.util.arrayFromVTKMatrix(to_world) @ slicer.util.arrayFromVTKMatrix(local)
    return (matrix @ np.append(voxel, 1.0))[:3]


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """Overlap of two masks, 1 where they are the same."""
    both = float(one.sum() + other.sum())
    return 2 * float((one & other).sum()) / both if both else 1.0
