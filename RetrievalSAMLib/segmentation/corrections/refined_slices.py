"""What the report of a refinement says of the slices."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from ...retrieval.evidence import SupportCase
from ...volumes import Segment, SliceFrame
from ..confidence.calibration import evidence_of_slices
from ..output.report import SegmentOnSlice, SliceReport, SupportReport
from ..run_state.known_results import Before
from ..run_state.run_context import RunContext
from ..settings.confidence_curves import Calibration
from .correction_propagation import TARGET, Carried, Told


@dataclass(frozen=True)
class RefinedSlices:
    """The slices of one refinement.

    Attributes:
        frame: Of the target.
        segments: Of the refinement; elsewhere they go by their places here.
        cases: Of the library.
        context: What it stood on.
        corrected: Slices that a person drew.
        found: What was looked at.
        calibration: What confidence is worked out with.
    """

    frame: SliceFrame
    segments: Sequence[Segment]
    cases: Sequence[SupportCase]
    context: RunContext
    corrected: Collection[int]
    found: Carried
    calibration: Calibration

    def reports(
        self, given: Mapping[int, np.ndarray], after: Mapping[int, np.ndarray], previous: Before | None
    ) -> tuple[SliceReport, ...]:
        """Of slices that were corrected or looked at; of others, what was said of them if they are as they were.

        Args:
            given: By segment, masks (n, h, w) as the user gave them.
            after: As they are now.
            previous: The result that the user corrected, as far as it is known.
        """
        pixel = self.frame.row_spacing_mm * self.frame.column_spacing_mm
        said = {row.index: row.segments for row in previous.slices} if previous else {}
        confidence = {n: self._confidence(n, mask) for n, mask in after.items()}
        reports = []
        for index in range(self.frame.shape[0]):
            row = {}
            for n, mask in after.items():
                name, area = self.segments[n].name, float(mask[index].sum() * pixel)
                told = self.found.looked.get((n, index))
                before = said.get(self.frame.file_index(index), {}).get(name)
                if index in self.corrected:
                    row[name] = SegmentOnSlice(1.0, area, ())
                elif told is not None:
                    row[name] = SegmentOnSlice(
                        confidence[n][index], area, self._supports(told), self._expected_mm2(n, index)
                    )
                elif before is not None and previous is not None and previous.same(name, index, given[n][index]):
                    # It may have lost pixels to a segment that was prompted there.
                    row[name] = msgspec.structs.replace(before, area_mm2=area)
            if row:
                reports.append(SliceReport(self.frame.file_index(index), row))
        return tuple(sorted(reports, key=lambda report: report.index))

    def by_segment(self, pairs: Collection[tuple[int, int]]) -> dict[str, tuple[int, ...]]:
        """Indices of slices in the file by name of the segment, from pairs of both; segments without any left out."""
        found: dict[str, list[int]] = {}
        for n, index in sorted(pairs):
            found.setdefault(self.segments[n].name, []).append(self.frame.file_index(index))
        return {name: tuple(sorted(slices)) for name, slices in found.items()}

    def _confidence(self, n: int, masks: np.ndarray) -> dict[int, float]:
        """Of one segment on the slices that were looked at."""
        told = {index: one for (segment, index), one in self.found.looked.items() if segment == n}
        signs = {index: one.signs for index, one in told.items() if one.signs is not None}
        evidence = evidence_of_slices(
            signs, masks, {index: self._expected_mm2(n, index) for index in self.context.searched}
        )
        return {
            index: round(self.calibration.expected(evidence[index]) if index in evidence else one.confidence, 4)
            for index, one in told.items()
        }

    def _expected_mm2(self, n: int, index: int) -> float:
        searched = self.context.searched
        return round(self.context.retrieval[index - searched.start][n].area_mm2, 2) if index in searched else 0.0

    def _supports(self, told: Told) -> tuple[SupportReport, ...]:
        return tuple(
            SupportReport("", self.frame.file_index(s.slice), s.similarity, share)
            if s.case == TARGET
            else SupportReport(
                self.cases[s.case].name,
                int(self.context.cases[s.case].file_index[s.slice]),
                round(s.similarity, 4),
                share,
            )
            for s, share in zip(told.supports, told.shares, strict=True)
        )
