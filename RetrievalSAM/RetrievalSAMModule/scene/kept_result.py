"""What a result needs to be taken up again, written on its segmentation, so that a saved scene keeps it.

It holds the run's report and settings, and which slices a person corrected: names of cases and segments, the folder of
the library, numbers. Nothing of the patient that is not in the scene anyhow, and never who corrected.
"""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import slicer

from .masks.cropped_mask import CroppedMask
from .masks.segment_masks import segment_mask
from .proposal import Proposal
from .segmentation_files import RESULT_ATTRIBUTE, Backup

VOLUME_ROLE = "RetrievalSAM.Volume"


@dataclass(frozen=True)
class KeptResult:
    """What is known of a result.

    Attributes:
        settings: How it was made, as the worker's requests have it.
        report: The worker's.
        segment_ids: By the library's names.
        corrected: Indices of the slices that a person corrected.
        sums: By name, checksums of the slices along the sliced axis, to know those that are edited afterwards; empty
            as long as the result waits.
    """

    settings: dict[str, Any]
    report: dict[str, Any]
    segment_ids: dict[str, str]
    corrected: tuple[int, ...]
    sums: dict[str, list[int]]

    def write(self, segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLScalarVolumeNode) -> None:
        """Write it on a segmentation."""
        told = {one.name: getattr(self, one.name) for one in fields(self)}  # not `asdict`, which copies the report
        text = json.dumps(told, separators=(",", ":"))
        packed = base64.b64encode(zlib.compress(text.encode("utf-8"))).decode("ascii")
        segmentation.SetNodeReferenceID(VOLUME_ROLE, volume.GetID())
        segmentation.SetAttribute(RESULT_ATTRIBUTE, packed)

    @classmethod
    def of(cls, proposal: Proposal, corrected: list[int], left: bool) -> KeptResult:
        """Of a result whose segments are in the scene; `left`: nobody follows what becomes of it any more."""
        present = proposal.present_segments()
        sums = _sums(proposal, present) if left else {}
        return cls(proposal.settings, proposal.report, present, tuple(corrected), sums)

    def proposal(
        self, segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLScalarVolumeNode
    ) -> Proposal:
        """The result as one that waits; slices that were edited since it was kept count as corrected."""
        size = volume.GetImageData().GetDimensions()
        node_ids = volume.GetID(), segmentation.GetID()
        found = Proposal(*node_ids, False, size, Backup(segmentation), self.settings, self.report)
        content = segmentation.GetSegmentation()
        found.segment_ids = {name: one for name, one in self.segment_ids.items() if content.GetSegment(one) is not None}
        edited: set[int] = set()
        for name, segment_id in found.segment_ids.items():
            mask = segment_mask(segmentation, segment_id, volume)
            found.snapshot.take(name, mask)
            before, now = self.sums.get(name), _sums_of(mask, found.axis, size[found.axis])
            if before is not None and len(before) == len(now):
                edited |= {index for index, pair in enumerate(zip(before, now, strict=True)) if pair[0] != pair[1]}
        found.corrected = frozenset(self.corrected) | edited
        return found


def read(segmentation: slicer.vtkMRMLSegmentationNode) -> KeptResult | None:
    """What is written on a segmentation; None where nothing that can be read is."""
    packed = segmentation.GetAttribute(RESULT_ATTRIBUTE)
    if not packed:
        return None
    try:
        told = json.loads(zlib.decompress(base64.b64decode(packed)))
        return KeptResult(
            dict(told["settings"]),
            dict(told["report"]),
            {str(name): str(one) for name, one in told["segment_ids"].items()},
            tuple(int(index) for index in told["corrected"]),
            {str(name): [int(one) for one in sums] for name, sums in told["sums"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, zlib.error):
        return None  # of another version, or cut off: the segments are there all the same


def _sums(proposal: Proposal, present: dict[str, str]) -> dict[str, list[int]]:
    axis, count = proposal.axis, proposal.size[proposal.axis]
    return {
        name: _sums_of(segment_mask(proposal.segmentation, one, proposal.volume), axis, count)
        for name, one in present.items()
    }


def _sums_of(mask: CroppedMask | None, axis: int, count: int) -> list[int]:
    """Of every slice along an axis (0, 1, 2 as i, j, k) of a mask; 0 where it is empty."""
    sums = [0] * count
    if mask is None:
        return sums
    if axis == 2:
        rows = dict(enumerate(mask.planes, start=mask.first[0]))
    else:
        slices = np.moveaxis(mask.whole(), 2 - axis, 0)
        rows = {index: np.packbits(slices[index]) for index in mask.held(axis)}
    for index, row in rows.items():
        if row.any():
            sums[index] = zlib.crc32(row.tobytes())
    return sums
