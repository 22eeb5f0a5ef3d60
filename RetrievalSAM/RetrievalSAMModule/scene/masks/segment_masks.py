"""Segments of the scene as masks on the grid of one volume, and masks as segments.

Whatever transforms volume and segmentation have, a voxel of a mask is a voxel of the volume. Where a segment's own
labelmap lies on the volume's grid, which is the rule, only the box that it fills is looked at and written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import slicer
import slicer.util
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from ..volume_files import ijk_to_ras
from .cropped_mask import CroppedMask

BINARY = slicer.vtkSegmentationConverter.GetBinaryLabelmapRepresentationName()
_SAME_MM = 1e-4
_LOGIC = slicer.vtkSlicerSegmentationsModuleLogic


def segment_voxels(
    segmentation: slicer.vtkMRMLSegmentationNode, segment_id: str, volume: slicer.vtkMRMLScalarVolumeNode
) -> np.ndarray | None:
    """A segment on the volume's grid, (k, j, i), nonzero inside; None or zeros where nothing is there."""
    source, target = segmentation.GetParentTransformNode(), volume.GetParentTransformNode()
    between = vtk.vtkMatrix4x4()
    if not slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(source, target, between):
        return slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment_id, volume)
    # Slicer's function leaves a display node behind, and where the transforms differ it resamples twice, which moves
    # the segment by up to a voxel.
    segmentation.CreateBinaryLabelmapRepresentation()
    labelmap, on_grid = slicer.vtkOrientedImageData(), slicer.vtkOrientedImageData()
    segmentation.GetBinaryLabelmapRepresentation(segment_id, labelmap)
    if labelmap.IsEmpty():
        return None
    own = vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(own)
    moved = slicer.util.arrayFromVTKMatrix(between) @ slicer.util.arrayFromVTKMatrix(own)
    labelmap.SetGeometryFromImageToWorldMatrix(slicer.util.vtkMatrixFromArray(moved))
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(
        labelmap, empty_grid(volume, ijk_to_ras(volume)), on_grid
    )
    return vtk_to_numpy(on_grid.GetPointData().GetScalars()).reshape(on_grid.GetDimensions()[::-1])


def segment_mask(
    segmentation: slicer.vtkMRMLSegmentationNode, segment_id: str, volume: slicer.vtkMRMLScalarVolumeNode
) -> CroppedMask | None:
    """A segment on the volume's grid; None, or one that holds nothing, where nothing is there."""
    segment = segmentation.GetSegmentation().GetSegment(segment_id)
    labels = segment.GetRepresentation(BINARY)
    if labels is not None and lies_on(labels, segmentation, volume):
        return _own_mask(segment, labels, volume.GetImageData().GetDimensions()[::-1])
    mask = segment_voxels(segmentation, segment_id, volume)
    return None if mask is None else CroppedMask.of(mask)


def masks_of_copy(
    copy: slicer.vtkSegmentation,
    segmentation: slicer.vtkMRMLSegmentationNode,
    segment_ids: Mapping[str, str],
    volume: slicer.vtkMRMLScalarVolumeNode,
) -> dict[str, Callable[[], CroppedMask | None]]:
    """How segments are now, to be asked for later, whatever is drawn meanwhile.

    Args:
        copy: Of what the segmentation holds now, which nobody changes.
        segmentation: The node.
        segment_ids: Those that are wanted, by their names.
        volume: Whose grid the masks are on.
    """
    found: dict[str, Callable[[], CroppedMask | None]] = {}
    shape = volume.GetImageData().GetDimensions()[::-1]
    for name, segment_id in segment_ids.items():
        segment = copy.GetSegment(segment_id)
        labels = segment.GetRepresentation(BINARY)
        if labels is not None and lies_on(labels, segmentation, volume):
            found[name] = partial(_own_mask, segment, labels, shape)
        else:  # it has to be resampled, which takes the node
            found[name] = partial(_same, segment_mask(segmentation, segment_id, volume))
    return found


def _same(mask: CroppedMask | None) -> CroppedMask | None:
    return mask


def _own_mask(
    segment: slicer.vtkSegment, labels: slicer.vtkOrientedImageData, shape: tuple[int, int, int]
) -> CroppedMask | None:
    """What a labelmap on a grid of a shape (k, j, i) holds of a segment within the grid; a copy."""
    if labels.IsEmpty():
        return None
    first, last = labels.GetExtent()[::2][::-1], labels.GetExtent()[1::2][::-1]
    box, begin = [], []
    for side in range(3):
        low, high = max(first[side], 0), min(last[side] + 1, shape[side])
        if low >= high:
            return None
        box.append(slice(low - first[side], high - first[side]))
        begin.append(low)
    return CroppedMask(shape, (begin[0], begin[1], begin[2]), label_voxels(segment, labels)[tuple(box)])


def label_voxels(segment: slicer.vtkSegment, labels: slicer.vtkOrientedImageData) -> np.ndarray:
    """Where a labelmap, which several segments may share, holds a segment: bool (k, j, i)."""
    values = vtk_to_numpy(labels.GetPointData().GetScalars()).reshape(labels.GetDimensions()[::-1])
    return values == segment.GetLabelValue()


def segment_slice(
    segmentation: slicer.vtkMRMLSegmentationNode,
    segment_id: str,
    volume: slicer.vtkMRMLScalarVolumeNode,
    axis: int,
    index: int,
) -> np.ndarray:
    """One slice of a segment along an axis (0, 1, 2 as i, j, k) of the volume, bool, axes in the order (k, j, i).

    Where the segment's own labelmap lies on the volume's grid, the other slices are not looked at.
    """
    content, size = segmentation.GetSegmentation(), volume.GetImageData().GetDimensions()
    found = np.zeros(size[::-1][: 2 - axis] + size[::-1][3 - axis :], dtype=bool)
    labels = content.GetSegment(segment_id).GetRepresentation(BINARY)
    if labels is None or not lies_on(labels, segmentation, volume):
        mask = segment_voxels(segmentation, segment_id, volume)
        return found if mask is None else np.moveaxis(mask, 2 - axis, 0)[index] != 0
    extent = labels.GetExtent()
    first, last = extent[::2], extent[1::2]
    if labels.IsEmpty() or not first[axis] <= index <= last[axis]:
        return found
    values = vtk_to_numpy(labels.GetPointData().GetScalars()).reshape(labels.GetDimensions()[::-1])
    own = np.moveaxis(values, 2 - axis, 0)[index - first[axis]] == content.GetSegment(segment_id).GetLabelValue()
    there, here = [], []
    for side in (other for other in (2, 1, 0) if other != axis):
        begin, end = max(first[side], 0), min(last[side], size[side] - 1) + 1
        there.append(slice(begin, max(end, begin)))
        here.append(slice(begin - first[side], max(end, begin) - first[side]))
    found[tuple(there)] = own[tuple(here)]
    return found


def lies_on(
    labels: slicer.vtkOrientedImageData,
    segmentation: slicer.vtkMRMLSegmentationNode,
    volume: slicer.vtkMRMLScalarVolumeNode,
) -> bool:
    """Whether a voxel of a labelmap is the volume's voxel of the same index."""
    if segmentation.GetParentTransformNode() is not volume.GetParentTransformNode():
        return False
    own = vtk.vtkMatrix4x4()
    labels.GetImageToWorldMatrix(own)
    return bool(np.allclose(slicer.util.arrayFromVTKMatrix(own), ijk_to_ras(volume), atol=_SAME_MM))


def replace_segment(
    segmentation: slicer.vtkMRMLSegmentationNode,
    segment_id: str,
    volume: slicer.vtkMRMLScalarVolumeNode,
    mask: np.ndarray | CroppedMask,
) -> None:
    """Make a segment what a mask (k, j, i) on the volume's grid shows, nonzero inside; other segments stay."""
    tight = mask.tight() if isinstance(mask, CroppedMask) else CroppedMask.of(mask)
    labelmap = labelmap_of(tight.voxels, tight.first, ijk_to_ras(volume))
    move(labelmap, volume, segmentation)
    put_labelmap(segmentation, segment_id, labelmap)


def write_slices(
    segmentation: slicer.vtkMRMLSegmentationNode,
    segment_id: str,
    volume: slicer.vtkMRMLScalarVolumeNode,
    slices: Mapping[tuple[int, int], np.ndarray],
) -> None:
    """Make a segment on some slices of the volume what they show; its other slices, and other segments, stay.

    Args:
        segmentation: The node.
        segment_id: Of the segment.
        volume: Whose slices they are.
        slices: Bool, axes in the order (k, j, i), by the axis (0, 1, 2 as i, j, k) and the index along it. Where two
            cross, the later one counts.
    """
    mask = segment_mask(segmentation, segment_id, volume)
    if mask is None:
        mask = CroppedMask.empty(volume.GetImageData().GetDimensions()[::-1])
    # Whole, as far as its box reaches: merging a slice alone goes wrong in Slicer (5.13) where a segment that shares
    # its labelmap with no other has a label that is not 1.
    replace_segment(segmentation, segment_id, volume, mask.with_slices(slices))


def labelmap_of(voxels: np.ndarray, first: tuple[int, ...], grid: np.ndarray) -> slicer.vtkOrientedImageData:
    """A box of a mask (k, j, i), nonzero inside, that begins with a voxel (k, j, i) of a grid float64 (4, 4).

    A box without voxels becomes one of a single voxel that is outside.
    """
    if voxels.size == 0:
        voxels, first = np.zeros((1, 1, 1), bool), (0, 0, 0)
    image = slicer.vtkOrientedImageData()
    (k, j, i), (depth, height, width) = first, voxels.shape
    image.SetExtent(i, i + width - 1, j, j + height - 1, k, k + depth - 1)
    flat = np.ascontiguousarray(voxels != 0).view(np.uint8).ravel()
    image.GetPointData().SetScalars(numpy_to_vtk(flat, deep=True, array_type=vtk.VTK_UNSIGNED_CHAR))
    image.SetGeometryFromImageToWorldMatrix(slicer.util.vtkMatrixFromArray(grid))
    return image


def empty_grid(volume: slicer.vtkMRMLScalarVolumeNode, grid: np.ndarray) -> slicer.vtkOrientedImageData:
    """The volume's size on a grid float64 (4, 4), without voxels."""
    geometry = slicer.vtkOrientedImageData()
    geometry.SetExtent(volume.GetImageData().GetExtent())
    geometry.SetGeometryFromImageToWorldMatrix(slicer.util.vtkMatrixFromArray(grid))
    return geometry


def move(
    labelmap: slicer.vtkOrientedImageData,
    volume: slicer.vtkMRMLScalarVolumeNode,
    segmentation: slicer.vtkMRMLSegmentationNode,
) -> None:
    """From the volume's coordinates to the segmentation's, where their parent transforms differ."""
    source, target = volume.GetParentTransformNode(), segmentation.GetParentTransformNode()
    if source is target:
        return
    matrix = vtk.vtkMatrix4x4()
    if slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(source, target, matrix):
        # Moved by its header, so that its voxels stay the volume's; Slicer's function would resample it.
        grid = slicer.util.arrayFromVTKMatrix(matrix) @ ijk_to_ras(volume)
        labelmap.SetGeometryFromImageToWorldMatrix(slicer.util.vtkMatrixFromArray(grid))
        return
    transform = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(source, target, transform)
    slicer.vtkOrientedImageDataResample.TransformOrientedImage(labelmap, transform)


def put_labelmap(
    segmentation: slicer.vtkMRMLSegmentationNode, segment_id: str, labelmap: slicer.vtkOrientedImageData
) -> None:
    """Make a segment what a labelmap holds, by Slicer's own function, so that other segments stay.

    Raises:
        RuntimeError: Slicer refuses it.
    """
    extent = labelmap.GetExtent()
    if not _LOGIC.SetBinaryLabelmapToSegment(labelmap, segmentation, segment_id, _LOGIC.MODE_REPLACE, extent):
        raise RuntimeError(f"Slicer refused the labelmap of segment {segment_id}")
