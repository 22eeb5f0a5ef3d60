"""What a refinement is given, put in order before its first step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...errors import InputError
from ...retrieval.evidence import SupportCase
from ...volumes import Segment, Segmentation, SliceFrame, Volume, check_same_grid
from ..prompts.points_and_boxes import NO_PROMPTS, PersonsPrompts, Placed, place_prompts
from ..settings.options import Models, RunOptions
from ..settings.presets import FATE_SAM, Settings
from ..steps.inputs import RunInputs, wanted_segments
from .given_result import completed, same_segments, stack_slices


@dataclass(frozen=True, eq=False)
class RefinementInputs:
    """What all steps of a refinement are given.

    Attributes:
        run: As a run would be given it; its segments are those that are carried on.
        library_segments: All that the cases have.
        before: The segmentation with its corrected slices, on the target's grid.
        corrected: Numbers of these slices in the target's stack.
        placed: Points and boxes; each makes its slice a corrected one for its segment.
    """

    run: RunInputs
    library_segments: tuple[Segment, ...]
    before: Segmentation
    corrected: Sequence[int]
    placed: Placed

    @classmethod
    def of(
        cls,
        target: Volume,
        before: Segmentation,
        corrected: Sequence[int],
        cases: Sequence[SupportCase],
        models: Models,
        settings: Settings,
        options: RunOptions,
        prompts: PersonsPrompts = NO_PROMPTS,
    ) -> RefinementInputs:
        """Put in order what a caller gives (see `pipeline.refine_volume`).

        Raises:
            InputError: As told there.
        """
        if settings.preset == FATE_SAM:
            raise InputError(
                f"preset '{FATE_SAM}'", "the published method knows no corrections", "Use another preset to refine."
            )
        run = RunInputs.of(target, cases, models, settings, replace(options, segments=None))
        check_same_grid(before.geometry, "the segmentation", target.geometry, "the image")
        frame = run.target.frame
        slices = stack_slices(corrected, frame, bool(prompts))
        completed_before = completed(before, run.segments)
        wanted = run.segments if options.segments is None else wanted_segments(run.cases, options.segments)
        known = same_segments(completed_before, wanted)
        if not known:
            raise InputError(
                "the segmentation",
                f"it has no {' or '.join(s.name for s in wanted)}",
                "Give the result of a run with this library.",
            )
        carried = tuple(s for n, s in enumerate(wanted) if n in known)
        placed = place_prompts(prompts, frame, carried)
        _check_not_corrected(placed, slices, carried, frame)
        return cls(replace(run, segments=carried), run.segments, completed_before, slices, placed)

    def places_of(self, segments: Sequence[Segment]) -> dict[int, int]:
        """By place in ``segments``, the place in the given segmentation of each that is carried on."""
        wanted = set(self.run.values)
        return {n: place for n, place in same_segments(self.before, segments).items() if segments[n].value in wanted}


def _check_not_corrected(
    placed: Placed, corrected: Sequence[int], segments: Sequence[Segment], frame: SliceFrame
) -> None:
    names = {s.value: s.name for s in segments}
    for value, slices in placed.items():
        for index in sorted(set(slices) & set(corrected)):
            raise InputError(
                f"points and boxes ({names[value]})",
                f"slice {frame.file_index(index)} is named as corrected, and stays as it was drawn",
                "Remove what is set there, or leave the slice out of the corrected ones.",
            )
