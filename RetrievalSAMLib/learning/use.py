"""Which expert a run is given, and what a library has learned, in words."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence

import msgspec

from ..errors import InputError
from ..library.case import Case
from ..library.store import SupportLibrary
from ..retrieval.evidence import content_key
from ..segmentation.settings.options import Models
from ..segmentation.settings.presets import FATE_SAM, ZHAO_2024, Settings
from ..volumes import Plane
from .at_once.taught import TaughtByCorrections
from .expert.opinion import Expert, LearnedOpinion
from .expert.store import ExpertRecord, learned_from, read_expert, read_record
from .proof.weights import mean_dice

PUBLISHED = (FATE_SAM, ZHAO_2024)
"""Presets that are published methods: these never use an expert."""

_AT_LEAST = 0.5
"""Part of its cases that a library must still have, for an expert to be the library's own."""

_LOG = logging.getLogger(__name__)


class LearnedState(msgspec.Struct, frozen=True):
    """What a library has learned.

    Attributes:
        state: ``none``: nothing yet; ``current``: from all its cases as they are; ``behind``: cases were added,
            corrected or removed since; ``unusable``: the expert is damaged, foreign or of a newer version.
        text: The same in words, for the user.
        cases: Of the library.
        learned: Of these, cases as they are that the expert has learned from.
        can_learn: Whether there are enough cases.
        run_dice: Mean over segments and unseen cases of the run alone; None without a proof.
        fused_dice: Of run and expert together.
        sha256: Of the weights; empty where there are none.
    """

    state: str
    text: str
    cases: int
    learned: int
    can_learn: bool
    run_dice: float | None = None
    fused_dice: float | None = None
    sha256: str = ""


def check_preset(preset: str) -> None:
    """Refuse a preset that never uses an expert.

    Raises:
        InputError: It is a published method.
    """
    if preset in PUBLISHED:
        raise InputError(
            f"preset '{preset}'", "it is a published method and uses nothing learned", "Use default, fast or accurate."
        )


def common_plane(cases: Sequence[Case]) -> Plane:
    """The plane in which most cases are sliced."""
    counts = Counter(case.plane for case in cases)
    return min(counts, key=lambda plane: (-counts[plane], str(plane)))


def opinion_of(
    library: SupportLibrary, cases: Sequence[Case], settings: Settings, segmenter: str, device: str = "cpu"
) -> LearnedOpinion | None:
    """The expert for a run, None where there is none or it is not for this run.

    One that is damaged, newer or not of these cases is left out with a warning.

    Args:
        library: Whose expert.
        cases: Of the library.
        settings: Of the run.
        segmenter: SHA-256 of the segmenter's weights: the proof was made on masks of one.
        device: Where the expert runs.
    """
    if settings.preset in PUBLISHED:
        return None
    try:
        record = read_record(library)
        if record is None or record.segmenter != segmenter:
            return None
        if not _is_own(record, cases):
            _LOG.warning("the library's expert was trained on other cases and is left out")
            return None
        if not any(proof.weight for proof in record.proofs):  # nothing to load: the report tells why
            return _opinion(record, Expert(record.plan, record.segments, ()))
        stored = read_expert(library, device)
    except InputError as error:
        _LOG.warning("the library's expert is left out: %s", error.fact)
        return None
    return None if stored is None else _opinion(stored.record, stored.expert)


def taught_by_corrections(
    library: SupportLibrary, cases: Sequence[Case], settings: Settings, models: Models, device: str = "cpu"
) -> TaughtByCorrections | None:
    """The second look of a refinement, by a copy of the expert; None and left out as `opinion_of`."""
    opinion = opinion_of(library, cases, settings, models.segmenter.sha256, device)
    return None if opinion is None else TaughtByCorrections(opinion)


def _opinion(record: ExpertRecord, expert: Expert) -> LearnedOpinion:
    return LearnedOpinion(expert, record.proofs, record.weights, len(record.cases), Plane(record.plane))


def learned_state(library: SupportLibrary) -> LearnedState:
    """What a library has learned; loads no network."""
    cases = library.cases()
    count = len(cases)
    can_learn = len({case.image_hash for case in cases}) >= 2
    try:
        record = read_record(library)
        if record is not None:
            library.learned.weights(record.weights)
    except InputError as error:
        return LearnedState("unusable", f"what was learned cannot be used: {error.fact}", count, 0, can_learn)
    if record is None:
        text = "nothing learned yet" if can_learn else "two cases are needed to learn from"
        return LearnedState("none", text, count, 0, can_learn)
    if not _is_own(record, cases):
        text = "what was learned comes from other cases and is left out"
        return LearnedState("unusable", text, count, 0, can_learn)
    plane = Plane(record.plane)
    learned = learned_from(record, [content_key(case, plane) for case in cases])
    dice = mean_dice(record.proofs)
    text = f"learned from {learned} of {count} cases"
    if dice is None:
        text += "; too few cases to tell how much better it is"
    elif not any(proof.weight for proof in record.proofs):
        text += f"; it does not help, so the result stays as it is (expected Dice {dice[0]:.2f})"
    else:
        text += f"; expected Dice {dice[0]:.2f} -> {dice[1]:.2f}"
    state = "current" if learned == count == len(record.cases) else "behind"
    run, fused = (None, None) if dice is None else (round(dice[0], 4), round(dice[1], 4))
    return LearnedState(state, text, count, learned, can_learn, run, fused, record.weights)


def _is_own(record: ExpertRecord, cases: Sequence[Case]) -> bool:
    """Whether enough of what an expert has learned from is in the library, be it in a later version."""
    images = {case.image_hash for case in cases}
    known = [case.image in images for case in record.cases]
    return bool(known) and sum(known) >= _AT_LEAST * len(known)
