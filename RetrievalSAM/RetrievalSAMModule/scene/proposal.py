"""What a run has put into the scene, and the states that it can be put back to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import slicer
import slicer.util
import vtk

from .masks.result_snapshot import ResultSnapshot
from .segmentation_files import Backup


@dataclass(frozen=True)
class Choices:
    """What the user chose for a run.

    Attributes:
        volume: The volume to segment.
        output: Where the segments go, or None for a new node.
        region: Where to look, or None.
        library: Folder of the support library.
        segments: Names of the segments to look for, or None for all.
        plane: `auto`, `axial`, `coronal` or `sagittal`.
        preset: Name of the preset.
        model: Name in the catalogue.
        device: `auto`, `cpu`, `cuda` or `mps`.
        clean: Whether masks are cleaned of what no case has.
    """

    volume: slicer.vtkMRMLScalarVolumeNode
    output: slicer.vtkMRMLSegmentationNode | None
    region: slicer.vtkMRMLMarkupsROINode | None
    library: str
    segments: tuple[str, ...] | None
    plane: str
    preset: str
    model: str
    device: str
    clean: bool = True

    def settings(self, roi: tuple[int, int, int, int, int, int] | None) -> dict[str, Any]:
        """The fields of the worker's requests that say how to look; `roi` is the region in voxels of the volume."""
        return {
            "folder": self.library,
            "segments": list(self.segments) if self.segments is not None else None,
            "plane": self.plane,
            "roi": [int(edge) for edge in roi] if roi is not None else None,
            "preset": self.preset,
            "model": self.model,
            "device": self.device,
            **({} if self.clean else {"clean": []}),
        }


@dataclass(frozen=True)
class ProposalState:
    """A result at one moment: the segments, and what is known of them. Attributes as those of `Proposal`."""

    segments: Backup
    report: dict[str, Any]
    segment_ids: dict[str, str]
    snapshot: ResultSnapshot
    corrected: frozenset[int]


@dataclass
class Proposal:
    """What a run has put into the scene.

    Attributes:
        volume_id: The volume's node ID; IDs, since two volumes may have one name.
        segmentation_id: The segmentation's node ID.
        is_new: Whether the run made the segmentation node.
        size: Of the volume in voxels.
        backup: The segmentation as it was before the run.
        settings: How the run looked, as the worker's requests have it; corrections are carried on in the same way.
        report: The worker's report; empty while the first run goes on.
        segment_ids: IDs of the segments by the library's names.
        snapshot: The segments as the worker gave them.
        corrected: Indices of the slices that were corrected before that, and are not overwritten any more.
        drawn_axis: The axis of the voxels that slices are drawn along, as long as no run has said which it slices.
    """

    volume_id: str
    segmentation_id: str
    is_new: bool
    size: tuple[int, int, int]
    backup: Backup
    settings: dict[str, Any]
    report: dict[str, Any] = field(default_factory=dict)
    segment_ids: dict[str, str] = field(default_factory=dict)
    snapshot: ResultSnapshot = field(default_factory=ResultSnapshot)
    corrected: frozenset[int] = frozenset()
    drawn_axis: int = 2

    @property
    def is_first_case(self) -> bool:
        """Whether it is made of slices of the volume itself, without a library."""
        return "folder" not in self.settings

    @property
    def volume(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        """The volume, or None where it was deleted."""
        return slicer.mrmlScene.GetNodeByID(self.volume_id)

    @property
    def segmentation(self) -> slicer.vtkMRMLSegmentationNode | None:
        """The segmentation, or None where it was deleted."""
        return slicer.mrmlScene.GetNodeByID(self.segmentation_id)

    @property
    def is_in_scene(self) -> bool:
        """Whether volume and segmentation are there, and the volume's voxels are still those of the result."""
        image = self.volume.GetImageData() if self.volume is not None else None
        return image is not None and image.GetDimensions() == self.size and self.segmentation is not None

    @property
    def axis(self) -> int:
        """The axis of the volume's voxels (0, 1, 2 as i, j, k) that is sliced."""
        return int(self.report["plane_axis"]) if self.report else self.drawn_axis

    def name_drawn_segments(self) -> None:
        """Know the segments of a drawing by the names that they have now."""
        content = self.segmentation.GetSegmentation()
        ids = [content.GetNthSegmentID(number) for number in range(content.GetNumberOfSegments())]
        self.segment_ids = {content.GetSegment(one).GetName(): one for one in ids}

    def present_segments(self) -> dict[str, str]:
        """IDs by the library's names, without the segments that the user deleted."""
        if self.segmentation is None:
            return {}
        content = self.segmentation.GetSegmentation()
        return {name: one for name, one in self.segment_ids.items() if content.GetSegment(one) is not None}

    def version(self, name: str) -> tuple[Any, ...]:
        """What a segment's voxels on the volume's grid depend on; another version where any of it was changed."""
        segment = self.segmentation.GetSegmentation().GetSegment(self.segment_ids[name])
        labels = segment.GetRepresentation(slicer.vtkSegmentationConverter.GetBinaryLabelmapRepresentationName())
        stamp = None if labels is None else (labels.GetMTime(), labels.GetPointData().GetMTime())
        between = vtk.vtkMatrix4x4()
        nodes = (self.segmentation.GetParentTransformNode(), self.volume.GetParentTransformNode())
        moved: tuple[Any, ...]
        if slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(*nodes, between):
            moved = tuple(slicer.util.arrayFromVTKMatrix(between).ravel())
        else:
            moved = tuple(node and node.GetTransformToWorldMTime() for node in nodes)
        return segment.GetLabelValue(), stamp, moved

    def state(self) -> ProposalState:
        """The result as it is now; the segmentation must be in the scene."""
        return ProposalState(
            Backup(self.segmentation), self.report, dict(self.segment_ids), self.snapshot, self.corrected
        )

    def put(self, state: ProposalState) -> None:
        """Make the result what it was at another moment; the segmentation must be in the scene."""
        state.segments.restore(self.segmentation)
        self.report, self.segment_ids = state.report, dict(state.segment_ids)
        self.snapshot, self.corrected = state.snapshot, state.corrected
