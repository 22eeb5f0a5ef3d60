"""What the page of a batch shows, as JSON: in the page itself, and in `pages/batch.json` for a server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ... import NOTICE, __version__
from ...segmentation.supports.verdict import IN_WORDS, UNLIKE
from ...volumes.display.units import volume_text
from ..results import DONE, FAILED, Outcome
from .decisions import Decisions
from .outliers import outliers


class ShownSegment(msgspec.Struct, frozen=True):
    """A structure of one volume; `outlier`: its volume stands out from those of the batch."""

    name: str
    color: str
    volume_mm3: float
    volume: str
    confidence: float
    outlier: bool


class ShownVolume(msgspec.Struct, frozen=True):
    """One volume.

    Attributes:
        result: SHA-256 of its segmentation's file, which a decision names.
        indices: Of its slices, as the file counts them, in the order in which they are looked through.
        places: Where these lie.
        confidences: On these, None where nothing was found.
        shown: Of these, positions (from 0) of the slices in its small picture.
        tile: Width and height of a slice on its sheets.
        orientation: Where headers and images disagree about how it or cases lie.
        reading: What was seen when the volume was read.
    """

    id: str
    result: str
    verdict: str
    confidence: float
    plane: str
    segments: tuple[ShownSegment, ...]
    indices: tuple[int, ...]
    places: tuple[str, ...]
    confidences: tuple[float | None, ...]
    shown: tuple[int, ...]
    tile: tuple[int, int]
    orientation: tuple[str, ...] = ()
    reading: tuple[str, ...] = ()


class FailedVolume(msgspec.Struct, frozen=True):
    """A volume that could not be segmented, and why."""

    id: str
    error: str


class Content(msgspec.Struct, frozen=True):
    """All that the page shows.

    Attributes:
        batch: Key of the batch's folder, made once: a browser keeps decisions under it.
        volumes: What needs a look first comes first.
        decisions: As they stand in the folder.
    """

    batch: str
    volumes: tuple[ShownVolume, ...]
    failed: tuple[FailedVolume, ...]
    decisions: tuple[dict[str, Any], ...]
    verdicts: dict[str, str] = msgspec.field(default_factory=lambda: dict(IN_WORDS))
    notice: str = NOTICE
    version: str = __version__


def worst_first(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Volumes that were segmented: those unlike the library, then by rising confidence."""
    done = [outcome for outcome in outcomes if outcome.state == DONE]
    return sorted(done, key=lambda outcome: (outcome.verdict != UNLIKE, outcome.confidence, outcome.id))


def content_of(outcomes: Sequence[Outcome], decisions: Decisions, batch: str) -> Content:
    """What the page shows of these outcomes.

    Args:
        outcomes: All of the batch.
        decisions: Made so far.
        batch: Key of its folder.
    """
    done = worst_first(outcomes)
    stands_out = standing_out(done)
    failed = tuple(FailedVolume(one.id, one.error) for one in outcomes if one.state == FAILED)
    volumes = tuple(_shown(one, stands_out) for one in done)
    return Content(batch, volumes, failed, tuple(one.as_json() for one in decisions.lines))


def standing_out(outcomes: Sequence[Outcome]) -> set[tuple[str, str]]:
    """Volume's id and segment's name, where the segment's volume stands out from those of the others."""
    by_name: dict[str, list[tuple[str, float]]] = {}
    for outcome in outcomes:
        for segment in outcome.segments:
            by_name.setdefault(segment.name, []).append((outcome.id, segment.volume_mm3))
    return {
        (id_, name)
        for name, found in by_name.items()
        for (id_, _), is_out in zip(found, outliers([volume for _, volume in found]), strict=True)
        if is_out
    }


def _shown(outcome: Outcome, stands_out: set[tuple[str, str]]) -> ShownVolume:
    shown = set(outcome.shown)
    return ShownVolume(
        id=outcome.id,
        result=outcome.result,
        verdict=outcome.verdict,
        confidence=round(outcome.confidence, 3),
        plane=outcome.plane,
        segments=tuple(
            ShownSegment(
                one.name,
                one.color,
                round(one.volume_mm3, 3),
                volume_text(one.volume_mm3),
                round(one.confidence, 3),
                (outcome.id, one.name) in stands_out,
            )
            for one in outcome.segments
        ),
        indices=tuple(one.index for one in outcome.slices),
        places=tuple(one.place for one in outcome.slices),
        confidences=tuple(None if one.confidence is None else round(one.confidence, 2) for one in outcome.slices),
        shown=tuple(place for place, one in enumerate(outcome.slices) if one.index in shown),
        tile=outcome.tile,
        orientation=outcome.orientation,
        reading=outcome.notes,
    )
