"""Through which windows the target is looked at."""

from __future__ import annotations

from ...models.window import Window
from ..settings.options import ONE_SEGMENT_AT_A_TIME
from ..spatial_prior.aligned_cases import likely_boxes
from ..spatial_prior.crops import View, close_views, one_by_one, whole_view
from .describe import Described
from .inputs import RunInputs
from .retrieve import Retrieved


def plan_views(inputs: RunInputs, described: Described, retrieved: Retrieved) -> list[View]:
    """Every segment in one view: a close one where it is known where to look."""
    whole = _whole_window(inputs, described, retrieved)
    place = retrieved.cases.place
    if place is None or not retrieved.cases.could_be_aligned or not inputs.settings.view_margin:
        views = whole_view(whole, len(inputs.segments))
    else:
        boxes = likely_boxes(place, inputs.values)
        known = [box if place.complete(v) else None for v, box in zip(inputs.values, boxes, strict=True)]
        size = inputs.models.segmenter.image_size
        views = close_views(known, inputs.target.stack, whole, inputs.settings.view_margin, size)
    return one_by_one(views) if ONE_SEGMENT_AT_A_TIME in inputs.options.less_memory else views


def _whole_window(inputs: RunInputs, described: Described, retrieved: Retrieved) -> Window:
    """The whole slice; where cases were not aligned, large enough for all of theirs too."""
    stack, cases = inputs.target.stack, retrieved.cases
    if cases.place is not None:
        return Window.around(stack)
    sides = [max(stack.extent_mm)]
    for case in retrieved.case_numbers():
        scale = cases.alignments[case].scale
        sides.append(float((described.evidence[case].extent_mm / scale)[1:].max()))
    return Window.around(stack, max(sides))
