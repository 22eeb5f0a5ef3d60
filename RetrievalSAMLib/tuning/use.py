"""What a run is given of what its library has tuned."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ..errors import InputError
from ..library.case import Case
from ..library.store import SupportLibrary
from ..segmentation.settings.presets import PUBLISHED, Settings
from ..segmentation.settings.tuning import Tuning
from .store import read_record

_AT_LEAST = 0.5
"""Part of its cases that a library must still have, for a tuning to be the library's own."""

_LOG = logging.getLogger(__name__)


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
    images = {case.image_hash for case in cases}
    reason = ""
    if sum(case.image in images for case in record.cases) < _AT_LEAST * len(record.cases):
        reason = "it was tuned on other cases"
    elif record.encoder != encoder:
        reason = "it was tuned with another encoder"
    elif record.image_size != image_size:
        reason = f"it was tuned at {record.image_size} pixels a side, and this run has {image_size}"
    if reason:
        _LOG.warning("what the library has tuned is left out: %s", reason)
        return None
    return Tuning(sha256, len(record.cases), record.patients, record.changes, record.calibration)
