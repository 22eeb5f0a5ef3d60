"""What a run gives."""

from __future__ import annotations

from dataclasses import dataclass

from ...volumes import Segmentation
from .report import SegmentationReport


@dataclass(frozen=True)
class SegmentationResult:
    """What a run gives.

    Attributes:
        segmentation: On the target's grid, every segment of the run, also those not found.
        report: Everything else.
    """

    segmentation: Segmentation
    report: SegmentationReport
