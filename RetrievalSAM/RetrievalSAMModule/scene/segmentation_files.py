"""Segmentations between the scene and the worker's `.seg.nrrd` files, on the grid of one volume.

Segments travel with names, colours and terminology. Whatever transforms volume and segmentation have, a voxel of the
file is a voxel of the volume.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import slicer
import slicer.util
import vtk
from slicer.i18n import tr as _
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from .volume_files import SceneError, file_ijk_to_ras, ijk_to_ras

RESULT_ATTRIBUTE = "RetrievalSAM.Result"
"""Of a segmentation: what its result needs to be taken up again (`kept_result`)."""

_BINARY = slicer.vtkSegmentationConverter.GetBinaryLabelmapRepresentationName()
_SAME_MM = 1e-4
_WHOLE_SEGMENT = slicer.vtkSlicerSegmentationsModuleLogic.MODE_REPLACE


def segment_names(segmentation: slicer.vtkMRMLSegmentationNode) -> list[str]:
    """Names of the segments, in order."""
    return [segment.GetName() for _id, segment in _segments(segmentation)]


def write_segments(
    segmentation: slicer.vtkMRMLSegmentationNode,
    volume: slicer.vtkMRMLScalarVolumeNode,
    names: Iterable[str],
    file: Path,
) -> None:
    """Write some segments on the volume's grid, in the geometry of the volume's file; empty ones are left out.

    Raises:
        SceneError: Nothing of these segments lies in the volume.
    """
    wanted = set(names)
    grid = file_ijk_to_ras(volume)
    written = 0
    staged = _staged(volume, grid)
    for segment_id, segment in _segments(segmentation):
        if segment.GetName() not in wanted:
            continue
        mask = segment_voxels(segmentation, segment_id, volume)
        if mask is None or not mask.any():
            continue
        written += 1
        _add_copy(staged, segment_id, segment, segment.GetName(), mask, grid)
    if not written:
        raise SceneError(
            _(
                "Nothing of '{segmentation}' lies within '{volume}'. "
                "Choose the segmentation that was drawn on this volume, with at least one segment that is "
                "not empty."
            ).format(segmentation=segmentation.GetName(), volume=volume.GetName())
        )
    _store(staged, file)


def write_result(
    segmentation: slicer.vtkMRMLSegmentationNode,
    volume: slicer.vtkMRMLScalarVolumeNode,
    segment_ids: Mapping[str, str],
    file: Path,
    on_mask: Callable[[str, np.ndarray | None], None],
    only: tuple[int, Collection[int]] | None = None,
) -> None:
    """Write the segments of a result, empty ones too, under the names that the library has for them.

    Args:
        segmentation: The result, whatever its segments were renamed to.
        volume: Whose grid and file geometry the file gets.
        segment_ids: By the library's names.
        file: `.seg.nrrd`.
        on_mask: Told the name and the voxels of each, as `segment_voxels` gives them.
        only: An axis of the voxels (0, 1, 2 as i, j, k) and the slices along it that are written; None for all.

    Raises:
        SceneError: The disk does not take it.
    """
    grid = file_ijk_to_ras(volume)
    nothing = np.zeros(volume.GetImageData().GetDimensions()[::-1], np.uint8)
    staged = _staged(volume, grid)
    for name, segment_id in segment_ids.items():
        mask = segment_voxels(segmentation, segment_id, volume)
        on_mask(name, mask)
        segment = segmentation.GetSegmentation().GetSegment(segment_id)
        if mask is not None and only is not None:
            mask = _slices_of(mask, *only)
        _add_copy(staged, segment_id, segment, name, nothing if mask is None else mask, grid)
    _store(staged, file)


def _slices_of(mask: np.ndarray, axis: int, slices: Collection[int]) -> np.ndarray:
    """A mask (k, j, i) without what lies on other slices along an axis (0, 1, 2 as i, j, k)."""
    chosen = np.zeros_like(mask)
    for index in slices:
        np.moveaxis(chosen, 2 - axis, 0)[index] = np.take(mask, index, axis=2 - axis)
    return chosen


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
        labelmap, _empty_grid(volume, ijk_to_ras(volume)), on_grid
    )
    return vtk_to_numpy(on_grid.GetPointData().GetScalars()).reshape(on_grid.GetDimensions()[::-1])


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
    labels = content.GetSegment(segment_id).GetRepresentation(_BINARY)
    if labels is None or not _lies_on(labels, segmentation, volume):
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


def _lies_on(
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
    mask: np.ndarray,
) -> None:
    """Make a segment what a mask uint8 (k, j, i) on the volume's grid shows; other segments stay."""
    labelmap = _labelmap(mask, ijk_to_ras(volume))
    _move(labelmap, volume, segmentation)
    _replace(segmentation, segment_id, labelmap)


def show_segments(
    file: Path,
    segmentation: slicer.vtkMRMLSegmentationNode,
    volume: slicer.vtkMRMLScalarVolumeNode,
    segment_ids: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Put the segments of a file on the volume's grid into a segmentation node; its other segments stay.

    A segment of the same name is replaced, so a growing result can be shown again and again.

    Args:
        file: `.seg.nrrd` on the grid of the volume's file, or on a part of it.
        segmentation: Where the segments go; any parent transform.
        volume: The volume that was segmented.
        segment_ids: Segments that have another name by now, by their names in the file.

    Returns:
        IDs of the segments by their names in the file, in the file's order.
    """
    content = segmentation.GetSegmentation()
    present = {segment.GetName(): segment_id for segment_id, segment in _segments(segmentation)}
    present.update({name: one for name, one in (segment_ids or {}).items() if content.GetSegment(one) is not None})
    shown = {}
    with _read(file) as found:
        for segment_id, segment in _segments(found):
            name = segment.GetName()
            if name not in present:
                copy = slicer.vtkSegment()
                copy.DeepCopyMetadata(segment)
                content.AddSegment(copy)
                present[name] = content.GetSegmentIdBySegment(copy)
            labelmap = slicer.vtkOrientedImageData()
            found.GetBinaryLabelmapRepresentation(segment_id, labelmap)
            _put_on_grid(labelmap, volume)
            _move(labelmap, volume, segmentation)
            _replace(segmentation, present[name], labelmap)
            shown[name] = present[name]
    return shown


def new_segmentation(volume: slicer.vtkMRMLScalarVolumeNode) -> slicer.vtkMRMLSegmentationNode:
    """An empty segmentation on a volume, named after it, that moves with it."""
    segmentation = slicer.mrmlScene.AddNewNodeByClass(
        "vtkMRMLSegmentationNode",
        slicer.mrmlScene.GenerateUniqueName(_("Segments of {volume}").format(volume=volume.GetName())),
    )
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    put_into_study_of(volume, segmentation)
    return segmentation


def put_into_study_of(volume: slicer.vtkMRMLScalarVolumeNode, segmentation: slicer.vtkMRMLSegmentationNode) -> None:
    """Beside its volume, below the same patient and study: Slicer's DICOM export takes it from there.

    Nothing happens to a volume that lies below no study (one that is not from DICOM).
    """
    hierarchy = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSubjectHierarchyNode")
    if hierarchy is None:  # to ask for one by its own class would make it
        return
    item, own = hierarchy.GetItemByDataNode(volume), hierarchy.GetItemByDataNode(segmentation)
    none = hierarchy.GetInvalidItemID()
    if item == none or own == none or hierarchy.GetItemParent(item) == hierarchy.GetSceneItemID():
        return
    hierarchy.SetItemParent(own, hierarchy.GetItemParent(item))


class Backup:
    """A segmentation as it was before a run, so that discarding brings it back."""

    def __init__(self, segmentation: slicer.vtkMRMLSegmentationNode) -> None:
        self._before = slicer.vtkSegmentation()
        self._before.DeepCopy(segmentation.GetSegmentation())
        self._result = segmentation.GetAttribute(RESULT_ATTRIBUTE)

    def restore(self, segmentation: slicer.vtkMRMLSegmentationNode) -> None:
        """Make the segmentation what it was."""
        segmentation.GetSegmentation().DeepCopy(self._before)
        segmentation.SetAttribute(RESULT_ATTRIBUTE, self._result)
        segmentation.Modified()


def _segments(segmentation: slicer.vtkMRMLSegmentationNode) -> Iterator[tuple[str, slicer.vtkSegment]]:
    content = segmentation.GetSegmentation()
    for number in range(content.GetNumberOfSegments()):
        segment_id = content.GetNthSegmentID(number)
        yield segment_id, content.GetSegment(segment_id)


def _add_copy(
    staged: slicer.vtkMRMLSegmentationNode,
    segment_id: str,
    segment: slicer.vtkSegment,
    name: str,
    mask: np.ndarray,
    grid: np.ndarray,
) -> None:
    """A segment's colour and terminology under a name, with a mask (k, j, i) on a grid float64 (4, 4)."""
    copy = slicer.vtkSegment()
    copy.DeepCopyMetadata(segment)
    copy.SetName(name)
    staged.GetSegmentation().AddSegment(copy, segment_id)
    _replace(staged, segment_id, _labelmap(np.asarray(mask != 0, np.uint8), grid))


def _labelmap(mask: np.ndarray, grid: np.ndarray) -> slicer.vtkOrientedImageData:
    """uint8 (k, j, i) on a grid float64 (4, 4)."""
    image = slicer.vtkOrientedImageData()
    image.SetDimensions(*mask.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(mask.ravel(), deep=True, array_type=vtk.VTK_UNSIGNED_CHAR))
    image.SetGeometryFromImageToWorldMatrix(slicer.util.vtkMatrixFromArray(grid))
    return image


def _staged(volume: slicer.vtkMRMLScalarVolumeNode, grid: np.ndarray) -> slicer.vtkMRMLSegmentationNode:
    """An empty segmentation of the volume's size on a grid float64 (4, 4).

    It is in no scene: one that is only hidden has no item in the subject hierarchy, whose plugin for segmentations
    then writes an error for each of its changes.
    """
    staged = slicer.vtkMRMLSegmentationNode()
    converter = slicer.vtkSegmentationConverter
    staged.GetSegmentation().SetConversionParameter(
        converter.GetReferenceImageGeometryParameterName(),
        converter.SerializeImageGeometry(_empty_grid(volume, grid)),
    )
    return staged


def _empty_grid(volume: slicer.vtkMRMLScalarVolumeNode, grid: np.ndarray) -> slicer.vtkOrientedImageData:
    """The volume's size on a grid float64 (4, 4), without voxels."""
    geometry = slicer.vtkOrientedImageData()
    geometry.SetExtent(volume.GetImageData().GetExtent())
    geometry.SetGeometryFromImageToWorldMatrix(slicer.util.vtkMatrixFromArray(grid))
    return geometry


def _put_on_grid(labelmap: slicer.vtkOrientedImageData, volume: slicer.vtkMRMLScalarVolumeNode) -> None:
    """From the grid of the volume's file, or a part of it, to the volume's own: the same voxels."""
    matrix = vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(matrix)
    in_voxels = np.linalg.inv(file_ijk_to_ras(volume)) @ slicer.util.arrayFromVTKMatrix(matrix)
    i, j, k = (round(float(part)) for part in in_voxels[:3, 3])
    first, last = labelmap.GetExtent()[::2], labelmap.GetExtent()[1::2]
    labelmap.SetExtent(first[0] + i, last[0] + i, first[1] + j, last[1] + j, first[2] + k, last[2] + k)
    labelmap.SetGeometryFromImageToWorldMatrix(slicer.util.vtkMatrixFromArray(ijk_to_ras(volume)))


def _move(
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


def _replace(
    segmentation: slicer.vtkMRMLSegmentationNode, segment_id: str, labelmap: slicer.vtkOrientedImageData
) -> None:
    extent = labelmap.GetExtent()
    if not slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(
        labelmap, segmentation, segment_id, _WHOLE_SEGMENT, extent
    ):
        raise RuntimeError(f"Slicer refused the labelmap of segment {segment_id}")


@contextmanager
def _read(file: Path) -> Iterator[slicer.vtkMRMLSegmentationNode]:
    """The segmentation of a file, in a scene of its own: reading gives it display nodes, which need one."""
    scene = slicer.vtkMRMLScene()
    node = scene.AddNode(slicer.vtkMRMLSegmentationNode())
    storage = slicer.vtkMRMLSegmentationStorageNode()
    storage.SetFileName(str(file))
    if not storage.ReadData(node):
        raise SceneError(_("The result '{file}' could not be read. Press Segment again.").format(file=file.name))
    yield node
    scene.Clear(1)


def _store(segmentation: slicer.vtkMRMLSegmentationNode, file: Path) -> None:
    storage = slicer.vtkMRMLSegmentationStorageNode()
    storage.SetFileName(str(file))
    storage.SetUseCompression(True)
    # The whole grid is written, also where it is empty: image and segments of a case have one grid.
    storage.SetCropToMinimumExtent(False)
    if not storage.WriteData(segmentation):
        raise SceneError(
            _("'{file}' could not be written; is the disk full? Free some space and try again.").format(file=file.name)
        )
