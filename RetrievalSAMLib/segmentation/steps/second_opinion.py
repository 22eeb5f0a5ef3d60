"""After segmenting, where somebody has one: a second opinion on what was found, before segments compete for voxels.

Who gives it (`RetrievalSAMLib.learning`) knows runs; a run knows only this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ...volumes import Segment, SliceStack
from ..output.report import LearnedReport
from ..spatial_prior.prior_maps import PlaceMaps
from ..supports.verdict import Verdict
from .inputs import RunInputs
from .segment import Segmented

Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Findings:
    """What a run knows of a target once all slices are segmented.

    Attributes:
        stack: The target's slices.
        segments: Of the run, in the order of its rows.
        logits: float32 (segments, n, h, w), from before segments competed, background at 0; perhaps on the disk.
        place: Where the aligned cases have their segments; None where cases were only laid centre on centre.
        verdict: On the volume.
    """

    stack: SliceStack
    segments: Sequence[Segment]
    logits: np.ndarray
    place: PlaceMaps | None
    verdict: Verdict


@dataclass(frozen=True)
class Revision:
    """Logits that take the place of the run's.

    Attributes:
        box: Slices, rows and columns of them.
        logits: By row, float32 on the box.
        report: For the run's report.
    """

    box: Box
    logits: Mapping[int, np.ndarray]
    report: LearnedReport


class SecondOpinion(Protocol):
    """Asked once a run, after its last pass."""

    def revise(self, findings: Findings) -> Revision | None:
        """What to change; None for nothing."""


def with_second_opinion(
    inputs: RunInputs, segmented: Segmented, verdict: Verdict, opinion: SecondOpinion | None
) -> Segmented:
    """Masks with what a second opinion says of them; the canvas of what was found takes its logits.

    Args:
        inputs: Of the run.
        segmented: Of the last pass, with logits.
        verdict: On the target.
        opinion: None leaves all as it is.
    """
    canvas = segmented.canvas
    if opinion is None or canvas.logits is None:
        return segmented
    with inputs.clock.stage("second opinion"):
        findings = Findings(
            inputs.target.stack, inputs.segments, canvas.logits, segmented.retrieved.cases.place, verdict
        )
        revision = opinion.revise(findings)
        if revision is None:
            return segmented
        canvas.revise(revision.box, revision.logits)
    return replace(segmented, learned=revision.report)
