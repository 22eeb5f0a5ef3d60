"""Where segments of the scene come from, for the library: from which model, and which slices a person corrected.

What was accepted stays known while the scene is open; what a saved scene keeps of it is written on the segmentation. It
never says who.
"""

from __future__ import annotations

import json
from collections.abc import Collection

import slicer

from ..scene.kept_result import VOLUME_ROLE
from ..scene.proposal import Proposal
from .correcting import Correcting
from .origin import Origin
from .segmenting import Segmenting

_ATTRIBUTE = "RetrievalSAM.MadeBy"


class Origins:
    """The origins of everything that was segmented in this scene."""

    def __init__(self, segmenting: Segmenting, correcting: Correcting) -> None:
        self._segmenting = segmenting
        self._correcting = correcting
        self._accepted: dict[str, Proposal] = {}
        segmenting.accepted.connect(self._keep)

    def of(
        self,
        volume: slicer.vtkMRMLScalarVolumeNode,
        segmentation: slicer.vtkMRMLSegmentationNode,
        segments: Collection[str],
    ) -> Origin | None:
        """Where segments come from, by their names in the scene; None for what a person drew."""
        proposal = self._segmenting.proposal
        if proposal is None or proposal.segmentation_id != segmentation.GetID() or not proposal.report:
            proposal = self._accepted.get(segmentation.GetID())
        if proposal is not None and proposal.segmentation is segmentation:
            origin = self._origin(proposal) if proposal.volume_id == volume.GetID() else None
        else:
            origin = _written(segmentation) if segmentation.GetNodeReference(VOLUME_ROLE) is volume else None
        return origin if origin is not None and set(origin.segments) & set(segments) else None

    def scene_closes(self) -> None:
        """The nodes are about to go."""
        self._accepted.clear()

    def _keep(self, proposal: Proposal) -> None:
        segmentation = proposal.segmentation
        if segmentation is None or proposal.volume is None:
            return
        self._accepted[proposal.segmentation_id] = proposal
        origin = self._origin(proposal)
        segmentation.SetNodeReferenceID(VOLUME_ROLE, proposal.volume_id)
        segmentation.SetAttribute(_ATTRIBUTE, json.dumps(vars(origin)))

    def _origin(self, proposal: Proposal) -> Origin:
        report = proposal.report
        corrected = self._correcting.corrected_for(proposal)
        refined = report.get("refinement") is not None
        content = proposal.segmentation.GetSegmentation()
        return Origin(
            model=report["model"]["name"],
            model_sha256=report["model"]["sha256"],
            plane=report["plane"],
            corrected=tuple(corrected) if corrected or refined else None,
            segments=tuple(content.GetSegment(one).GetName() for one in proposal.present_segments().values()),
        )


def _written(segmentation: slicer.vtkMRMLSegmentationNode) -> Origin | None:
    """What a saved scene says; None where it says nothing that can be read."""
    text = segmentation.GetAttribute(_ATTRIBUTE)
    if not text:
        return None
    try:
        told = json.loads(text)
        corrected = told["corrected"]
        return Origin(
            model=str(told["model"]),
            model_sha256=str(told["model_sha256"]),
            plane=str(told["plane"]),
            corrected=None if corrected is None else tuple(int(index) for index in corrected),
            segments=tuple(map(str, told["segments"])),
        )
    except (ValueError, KeyError, TypeError):
        return None
