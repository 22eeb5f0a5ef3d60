"""Segmentations between the scene and the worker's `.seg.nrrd` files, on the grid of one volume.

Segments travel with names, colours and terminology. Whatever transforms volume and segmentation have, a voxel of the
file is a voxel of the volume.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import slicer
import slicer.util
import vtk
from slicer.i18n import tr as _

from .masks.cropped_mask import CroppedMask
from .masks.segment_masks import BINARY, segment_mask
from .segments_in_file import reading_segments
from .volume_files import SceneError, file_ijk_to_ras, writing_nrrd

RESULT_ATTRIBUTE = "RetrievalSAM.Result"
"""Of a segmentation: what its result needs to be taken up again (`kept_result`)."""


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
    wanted, layers = set(names), _Layers(volume)
    for segment_id, segment in _segments(segmentation):
        if segment.GetName() not in wanted:
            continue
        mask = segment_mask(segmentation, segment_id, volume)
        if mask is not None and mask.any():
            layers.add(segment, segment.GetName(), mask)
    if not layers.fields:
        raise SceneError(
            _(
                "Nothing of '{segmentation}' lies within '{volume}'. "
                "Choose the segmentation that was drawn on this volume, with at least one segment that is "
                "not empty."
            ).format(segmentation=segmentation.GetName(), volume=volume.GetName())
        )
    for _part in layers.writing(file):
        pass


def write_result(
    segmentation: slicer.vtkMRMLSegmentationNode,
    volume: slicer.vtkMRMLScalarVolumeNode,
    segment_ids: Mapping[str, str],
    file: Path,
) -> None:
    """Write the segments of a result, empty ones too, under the names that the library has for them.

    Args:
        segmentation: The result, whatever its segments were renamed to.
        volume: Whose grid and file geometry the file gets.
        segment_ids: By the library's names.
        file: `.seg.nrrd`.

    Raises:
        SceneError: The disk does not take it.
    """
    content, masks = segmentation.GetSegmentation(), {}
    for name, segment_id in segment_ids.items():
        masks[name] = partial(segment_mask, segmentation, segment_id, volume)
    for _part in writing_result(content, volume, segment_ids, masks, file, lambda _name, _mask: None):
        pass


def writing_result(
    content: slicer.vtkSegmentation,
    volume: slicer.vtkMRMLScalarVolumeNode,
    segment_ids: Mapping[str, str],
    masks: Mapping[str, Callable[[], CroppedMask | None]],
    file: Path,
    on_mask: Callable[[str, CroppedMask | None], None],
    only: tuple[int, Collection[int]] | None = None,
) -> Generator[None, None, None]:
    """Write the segments of a result, empty ones too, one after the other, and then the file.

    Args:
        content: Which has the segments' colors and terminology; nobody changes it while this lasts.
        volume: Whose grid and file geometry the file gets.
        segment_ids: By the library's names.
        masks: What gives the voxels of each, by the same names.
        file: `.seg.nrrd`.
        on_mask: Told the name and the voxels of each.
        only: An axis of the voxels (0, 1, 2 as i, j, k) and the slices along it that are written; None for all.

    Raises:
        SceneError: The disk does not take it.
    """
    layers = _Layers(volume)
    for name, segment_id in segment_ids.items():
        mask = masks[name]()
        on_mask(name, mask)
        if mask is not None and only is not None:
            mask = mask.only(only[0], set(only[1]))
        layers.add(content.GetSegment(segment_id), name, mask)
        yield
    yield from layers.writing(file)


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
    work = reading_segments(file)
    while True:
        try:
            next(work)
        except StopIteration as end:
            found = end.value
            return {name: found.put(name, segmentation, volume, segment_ids or {}) for name in found.names}


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
    """A segmentation as it was before a run, so that discarding brings it back.

    Attributes:
        content: A copy of what it held, which nobody changes.
    """

    def __init__(self, segmentation: slicer.vtkMRMLSegmentationNode) -> None:
        self.content = slicer.vtkSegmentation()
        self.content.DeepCopy(segmentation.GetSegmentation())
        self._result = segmentation.GetAttribute(RESULT_ATTRIBUTE)

    def restore(self, segmentation: slicer.vtkMRMLSegmentationNode) -> None:
        """Make the segmentation what it was."""
        segmentation.GetSegmentation().DeepCopy(self.content)
        segmentation.SetAttribute(RESULT_ATTRIBUTE, self._result)
        segmentation.Modified()


def _segments(segmentation: slicer.vtkMRMLSegmentationNode) -> Iterator[tuple[str, slicer.vtkSegment]]:
    content = segmentation.GetSegmentation()
    for number in range(content.GetNumberOfSegments()):
        segment_id = content.GetNthSegmentID(number)
        yield segment_id, content.GetSegment(segment_id)


class _Layers:
    """Segments on their way into a file, in as few labelmaps as they need where they overlap.

    The whole grid is written, also where it is empty: image and segments of a case have one grid.

    Attributes:
        fields: Of the file's header, as Slicer writes them.
    """

    def __init__(self, volume: slicer.vtkMRMLScalarVolumeNode) -> None:
        self._grid = file_ijk_to_ras(volume)
        self._shape = volume.GetImageData().GetDimensions()[::-1]
        self._labels: list[tuple[np.ndarray, int]] = []  # each with its highest label
        self._count = 0
        self.fields: dict[str, str] = {}

    def add(self, segment: slicer.vtkSegment, name: str, mask: CroppedMask | None) -> None:
        """Take a segment's colour and terminology under a name, with its voxels; None for an empty one."""
        number = 0
        if mask is not None:
            while number < len(self._labels) and not self._has_room(number, mask):
                number += 1
        if number == len(self._labels):
            self._labels.append((np.zeros(self._shape, np.uint8), 0))
        voxels, last = self._labels[number]
        self._labels[number] = voxels, last + 1
        if mask is not None:
            voxels[mask.box][mask.voxels] = last + 1
        prefix, self._count = f"Segment{self._count}_", self._count + 1
        (depth, height, width), terminology = self._shape, vtk.reference("")
        segment.GetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), terminology)
        self.fields |= {
            f"{prefix}Color": " ".join(f"{part:.17g}" for part in segment.GetColor()),
            f"{prefix}Extent": f"0 {width - 1} 0 {height - 1} 0 {depth - 1}",
            f"{prefix}ID": f"Segment_{self._count}",
            f"{prefix}LabelValue": str(last + 1),
            f"{prefix}Layer": str(number),
            f"{prefix}Name": name,
            f"{prefix}Tags": f"{slicer.vtkSegment.GetTerminologyEntryTagName()}:{terminology}|" if terminology else "|",
        }

    def writing(self, file: Path) -> Generator[None, None, None]:
        """Write them; see `writing_nrrd`."""
        about = {"Segmentation_ContainedRepresentationNames": f"{BINARY}|", "Segmentation_MasterRepresentation": BINARY}
        layers = [voxels for voxels, _last in self._labels] or [np.zeros(self._shape, np.uint8)]
        yield from writing_nrrd(file, layers, self._grid, self.fields | about)

    def _has_room(self, number: int, mask: CroppedMask) -> bool:
        voxels, last = self._labels[number]
        return last < np.iinfo(np.uint8).max and not bool((voxels[mask.box].astype(bool) & mask.voxels).any())
