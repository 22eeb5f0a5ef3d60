"""The engine of a loaded segmenter, whichever network it is."""

from __future__ import annotations

from ...models.build import LoadedSegmenter
from ..engines.interface import Engine
from ..sam2.engine import Sam2Engine
from ..sam3.engine import Sam3Engine


def engine_of(segmenter: LoadedSegmenter) -> Engine:
    """What a run drives the segmenter by, in its precision."""
    return Sam3Engine.of(segmenter) if segmenter.family == "sam3" else Sam2Engine.of(segmenter)
