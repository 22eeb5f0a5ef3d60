"""What a run is given of what its library has tuned."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import msgspec

from ..errors import InputError
from ..library.case import Case
from ..library.store import SupportLibrary
from ..retrieval.evidence import content_key
from ..segmentation.settings.options import Models
from ..segmentation.settings.presets import PUBLISHED, Settings
from ..segmentation.settings.tuning import TunedSetting, Tuning, changes_in_words
from .store import TuningRecord, read_every_record, read_record

_AT_LEAST = 0.5
"""Part of its cases that a library must still have, for a tuning to be the library's own."""


class TunedState(msgspec.Struct, frozen=True):
    """What a library has tuned for one model and preset.

    Attributes:
        model: Its name, as it was given then.
        segmenter: SHA-256 of its weights.
        preset: The preset.
        state: ``current``: on all cases as they are; ``behind``: cases were added, corrected or removed since;
            ``unusable``: it is damaged, foreign or of another version.
        text: The same, and what was found, in words.
        cases: On which it was tuned; 0 where that cannot be read.
        settings: That proved to be better with another value, by name.
        confidence: Whether confidence was fitted too.
    """

    model: str
    segmenter: str
    preset: str
    state: str
    text: str
    cases: int = 0
    settings: Mapping[str, TunedSetting] = {}
    confidence: bool = False


_LOG = logging.getLogger(__name__)


def tuned_for(
    library: SupportLibrary, cases: Sequence[Case], settings: Settings, models: Models, wanted: bool = True
) -> tuple[Settings, Tuning | None]:
    """A preset as a run takes it: with what the library has tuned for these networks, as it is where there is nothing.

    Args:
        library: Whose.
        cases: Of the library.
        settings: As the preset has them.
        models: Of the run.
        wanted: Whether the run is to use anything that the library has worked out.
    """
    if not wanted:
        return settings, None
    segmenter, encoder = models.segmenter, models.encoder
    tuning = tuning_of(library, cases, settings, segmenter.sha256, segmenter.image_size, encoder.sha256)
    return (settings if tuning is None else tuning.applied(settings)), tuning


def tuning_of(
    library: SupportLibrary, cases: Sequence[Case], settings: Settings, segmenter: str, image_size: int, encoder: str
) -> Tuning | None:
    """The tuning for a run, None where there is none or it is not for this run.

    One that is damaged, of another format or not of these cases, image size or encoder is left out with a warning.

    Args:
        library: Whose.
        cases: Of the library.
        settings: Of the run, as its preset has them.
        segmenter: SHA-256 of the segmenter's weights.
        image_size: Pixels a side of the segmenter's input.
        encoder: SHA-256 of the encoder's weights.
    """
    if settings.preset in PUBLISHED:
        return None
    try:
        known = read_record(library, segmenter, settings.preset)
    except InputError as error:
        _LOG.warning("what the library has tuned is left out: %s", error.fact)
        return None
    if known is None:
        return None
    record, sha256 = known
    reason = ""
    if not _is_own(record, cases):
        reason = "it was tuned on other cases"
    elif record.encoder != encoder:
        reason = "it was tuned with another encoder"
    elif record.image_size != image_size:
        reason = f"it was tuned at {record.image_size} pixels a side, and this run has {image_size}"
    if reason:
        _LOG.warning("what the library has tuned is left out: %s", reason)
        return None
    return Tuning(sha256, len(record.cases), record.patients, record.changes, record.calibration)


def tuned_states(library: SupportLibrary) -> list[TunedState]:
    """What a library has tuned, by model and preset; loads no network."""
    cases = library.cases()
    states = []
    for segmenter, preset, read in read_every_record(library):
        if isinstance(read, InputError):
            states.append(TunedState("", segmenter, preset, "unusable", f"it cannot be used: {read.fact}"))
            continue
        if not _is_own(read, cases):
            state, text = "unusable", "it was tuned on other cases and is left out"
        else:
            now = {content_key(case, case.plane) for case in cases}
            state = "current" if {case.content for case in read.cases} == now else "behind"
            changes = changes_in_words(read.changes, read.calibration is not None)
            text = f"tuned on {len(read.cases)} cases: {changes or 'the values of the preset stay'}"
        is_fitted = read.calibration is not None
        states.append(TunedState(read.model, segmenter, preset, state, text, len(read.cases), read.changes, is_fitted))
    return states


def _is_own(record: TuningRecord, cases: Sequence[Case]) -> bool:
    """Whether enough of what was tuned on is in the library, be it in a later version."""
    images = {case.image_hash for case in cases}
    return sum(case.image in images for case in record.cases) >= _AT_LEAST * len(record.cases)
