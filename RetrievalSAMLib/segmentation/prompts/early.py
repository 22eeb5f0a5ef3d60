"""What is wrong with points and boxes, told before a network is loaded and a run begins."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import InputError
from ...library.segments import merge_segments
from ...retrieval.evidence import SupportCase
from ...volumes import Plane, Segment, SliceFrame, Volume, choose_plane
from ..settings.presets import FATE_SAM, Settings
from .points_and_boxes import PersonsPrompts, check_rivals, place_prompts


def check_prompts(
    prompts: PersonsPrompts,
    target: Volume,
    cases: Sequence[SupportCase],
    settings: Settings,
    plane: Plane | None,
    names: Sequence[str] | None,
) -> None:
    """Refuse points and boxes that the run would refuse, as far as volume, library and settings tell.

    Args:
        prompts: All of them.
        target: The volume.
        cases: Of the library.
        settings: Of the run.
        plane: To slice along; None for the one that the volume was most likely acquired in.
        names: Of the segments that are looked for; None for all.

    Raises:
        InputError: A point or box lies outside the volume, names a segment that is not looked for, or contradicts
            another one; or the preset knows none.
    """
    if settings.preset == FATE_SAM:
        fact = "the published method takes no points and no boxes"
        raise InputError(f"preset '{FATE_SAM}'", fact, "Use another preset for them.")
    frame = SliceFrame(target.geometry, plane or choose_plane(target.geometry))
    segments = merge_segments((case.name, case.segments) for case in cases)
    wanted = None if names is None else {name.casefold() for name in names}
    chosen = [s for s in segments if wanted is None or s.name.casefold() in wanted]
    placed = place_prompts(prompts, frame, chosen)
    try:
        check_rivals(placed, chosen, ())
    except InputError:
        # Allowed where the two overlap in a case: only then are the cases looked at.
        check_rivals(placed, chosen, _overlapping(cases, chosen))


def _overlapping(cases: Sequence[SupportCase], segments: Sequence[Segment]) -> frozenset[int]:
    """Values of the segments that share voxels with others in any case."""
    found: set[int] = set()
    for case in cases:
        drawn = case.load_segmentation()
        masks = [(s.value, drawn.mask(place)) for place, s in enumerate(drawn.segments)]
        for number, (value, mask) in enumerate(masks):
            for other, another in masks[:number]:
                if (mask & another).any():
                    found |= {value, other}
    return frozenset(found & {s.value for s in segments})
