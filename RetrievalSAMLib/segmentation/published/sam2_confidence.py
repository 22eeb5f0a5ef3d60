"""Confidence from what SAM 2 says of its own masks."""

from __future__ import annotations

from ..propagation.segmented_slice import SegmentedSlice


def own_estimate(segmented: SegmentedSlice, segment: int) -> float:
    """What SAM 2 itself says of one segment of one slice, in [0, 1]; for a method whose signs are not gathered.

    Where the segment is present: its probability of presence times the Dice that the predicted IoU amounts to
    (2 IoU / (1 + IoU)). Where it is absent: the probability of absence.
    """
    presence = float(segmented.presence[segment])
    if not segmented.present[segment]:
        return 1.0 - presence
    iou = min(max(float(segmented.predicted_iou[segment]), 0.0), 1.0)
    return presence * 2 * iou / (1 + iou)
