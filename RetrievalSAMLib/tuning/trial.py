"""A case segmented by the cases of other patients, again and again with other settings.

What no tuned setting changes is done once: the target's and the cases' embeddings, the order of slices, the alignment
and, by an engine of `remembering`, image features; support memories are kept on the disk by every run. Beyond that, a
run is not made where it is bound to give the masks of one that was made (`same_masks`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
import torch

from ..evaluation.drawn import drawn_slices
from ..library.case import Case
from ..library.segments import segments_of
from ..segmentation.cleaning.of_run import with_clean_masks
from ..segmentation.engines.interface import Engine
from ..segmentation.less_memory import with_less_memory
from ..segmentation.settings.options import Models, RunOptions
from ..segmentation.settings.presets import Settings
from ..segmentation.spatial_prior.aligned_cases import AlignedCases, cases_to_align
from ..segmentation.steps.describe import Described, describe
from ..segmentation.steps.inputs import RunInputs, StageClock
from ..segmentation.steps.order import in_order
from ..segmentation.steps.report import evidence_of_masks
from ..segmentation.steps.retrieve import Retrieved, align, correct_place, retrieve, supports_among
from ..segmentation.steps.segment import LOOKING_CLOSER, Segmented, look_closer, segment
from ..segmentation.steps.side_outputs import side_outputs
from ..segmentation.steps.turn import TRYING_TURNS, align_turned
from ..segmentation.supports.stack_order import StackOrder
from ..volumes.overlap import dice


class Answer(msgspec.Struct, frozen=True):
    """What decided on one segment in one slice.

    Attributes:
        vote: Probability of presence by the vote of retrieved slices.
        score: The same by SAM 2's object score; None where SAM 2 was not asked.
        predicted_iou: SAM 2's estimate; None likewise.
    """

    vote: float
    score: float | None
    predicted_iou: float | None


class JudgedSlice(msgspec.Struct, frozen=True):
    """One segment on one annotated slice.

    Attributes:
        found: Whether it was found there.
        values: What speaks for it (`Evidence`).
        dice: With what was drawn; 1 where both are empty.
    """

    found: bool
    values: dict[str, float | None]
    dice: float


class Trial(msgspec.Struct, frozen=True):
    """What one run gave.

    Attributes:
        dice: By value of a segment that another patient has too, over all slices that are annotated for it.
        slices: Every such segment on every annotated slice that was looked at.
        answers: Every such segment on every slice that was looked at.
        in_one_pass: Whether the slices were gone through once only.
        has_place: Whether aligned cases said where segments are.
        seconds: That it took.
    """

    dice: dict[int, float]
    slices: tuple[JudgedSlice, ...]
    answers: tuple[Answer, ...]
    in_one_pass: bool
    has_place: bool
    seconds: float

    @property
    def mean_dice(self) -> float:
        """Of the segments."""
        return float(np.mean(list(self.dice.values())))


def same_masks(trial: Trial, was: Settings, now: Settings) -> bool:
    """Whether a run with other settings is bound to give the masks of one that was made, but for rounding.

    The gate and the weight of the object score only decide yes or no, slice by slice, and the weight of the place
    counts only where there is one: where no decision of the run that was made would be another one, none is.

    Args:
        trial: What the run gave.
        was: Its settings.
        now: The others.
    """
    decides = {"gate": now.gate, "score_weight": now.score_weight}
    if not trial.has_place:
        decides["place_weight"] = now.place_weight
    if was.changed(decides) != now or not trial.in_one_pass:
        return False
    return all(_decision(answer, was) == _decision(answer, now) for answer in trial.answers)


def _decision(answer: Answer, settings: Settings) -> tuple[bool, bool]:
    """Whether a segment is in a slice, and becomes a memory; where SAM 2 was not asked, whether it would be."""
    voted = (1 - settings.score_weight) * answer.vote
    if answer.score is None or answer.predicted_iou is None:
        return voted + settings.score_weight >= settings.presence_threshold, False
    present = voted + settings.score_weight * answer.score >= settings.presence_threshold
    return present, present and answer.predicted_iou >= settings.gate


@dataclass(frozen=True)
class _Prepared:
    """What settings with one weight of the place along the stack have in common."""

    inputs: RunInputs
    described: Described
    retrieved: Retrieved
    aligned: Retrieved


class CaseOnTrial:
    """A case, and what is known of it from one run to the next.

    Args:
        case: The case.
        others: Those of other patients.
        models: The networks.
        options: Of the runs; plane and segments are the case's.
        engine: For all runs of all cases.
    """

    def __init__(self, case: Case, others: Sequence[Case], models: Models, options: RunOptions, engine: Engine) -> None:
        self._case, self._others, self._models, self._engine = case, others, models, engine
        shared = shared_values(case, others)
        names = {one.value: one.name for one in segments_of(others)}
        self._options = replace(options, plane=case.plane, segments=tuple(names[value] for value in shared))
        self._drawn = drawn_slices(case)
        self._described: Described | None = None
        self._first: _Prepared | None = None
        self._learned: tuple[AlignedCases, AlignedCases] | None = None

    @property
    def voxels(self) -> int:
        """Of the volume."""
        return int(np.prod(self._drawn.frame.shape))

    def run(self, settings: Settings, still_wanted: Callable[[], None]) -> Trial:
        """Segment it.

        Args:
            settings: Of the run.
            still_wanted: Called often; what it raises ends the run.

        Raises:
            DamagedLibraryError: A file of a case is missing or not what was written.
            NotEnoughMemoryError: Memory ran out.
        """
        began = time.monotonic()

        def once(_models: Models, options: RunOptions) -> Trial:
            with torch.inference_mode():
                inputs, segmented = self._segmented(settings, options)
                return self._judged(inputs, segmented, time.monotonic() - began)

        options = replace(self._options, progress=lambda _stage, _done, _total: still_wanted())
        return with_less_memory(once, self._models, settings, options)

    def _segmented(self, settings: Settings, options: RunOptions) -> tuple[RunInputs, Segmented]:
        """The steps of `segmentation.run.run` up to clean masks, from what is known already."""
        known = self._prepared(settings, options)
        inputs = replace(known.inputs, settings=settings, options=options, clock=StageClock())
        with side_outputs(inputs, inputs.content_keys()) as outputs:
            aligned = align_turned(inputs, known.described, known.retrieved, known.aligned)
            segmented = segment(inputs, known.described, self._corrected(inputs, aligned), outputs)
            segmented = look_closer(inputs, known.described, segmented, outputs)
            return inputs, with_clean_masks(inputs, segmented)

    def _corrected(self, inputs: RunInputs, aligned: Retrieved) -> Retrieved:
        """With what the cases teach about their masks; it is learned once for cases that lie the same way."""
        if self._learned is None or self._learned[0] is not aligned.cases:
            self._learned = aligned.cases, correct_place(inputs, aligned).cases
        return replace(aligned, cases=self._learned[1])

    def _prepared(self, settings: Settings, options: RunOptions) -> _Prepared:
        """Up to the alignment; of all that is tuned only the weight of the place along the stack changes it."""
        first = self._first
        if first is not None:
            if first.inputs.settings.position_weight == settings.position_weight:
                return first
            inputs = replace(first.inputs, settings=settings, options=options)
            retrieved = retrieve(inputs, first.described)
            limit = settings.aligned_cases
            same = cases_to_align(retrieved.supports, limit) == cases_to_align(first.retrieved.supports, limit)
            if same and not inputs.order.backwards and first.aligned is not first.retrieved:
                aligned = supports_among(first.aligned.cases, inputs, first.described)
                return _Prepared(inputs, first.described, retrieved, aligned)
            inputs = replace(inputs, order=StackOrder())
        else:
            image = self._case.load_image()
            inputs = RunInputs.of(image, self._others, self._models, settings, options)
            inputs = replace(inputs, engine=self._engine)
        if self._described is None:
            self._described = describe(inputs)
        inputs, described, retrieved = in_order(inputs, self._described)
        prepared = _Prepared(inputs, described, retrieved, align(inputs, described, retrieved))
        self._first = self._first or prepared
        return prepared

    def _judged(self, inputs: RunInputs, segmented: Segmented, seconds: float) -> Trial:
        scores: dict[int, float] = {}
        slices: list[JudgedSlice] = []
        answers: list[Answer] = []
        for row, (value, of_slices) in enumerate(zip(inputs.values, evidence_of_masks(inputs, segmented), strict=True)):
            known, drawn = self._drawn.annotated[value], self._drawn.masks[value]
            found = segmented.canvas.mask(row, slice(None)) & known[:, None, None]
            scores[value] = dice(found, drawn)
            for index, evidence in of_slices.items():
                if known[index]:
                    values = dict(evidence.values)
                    slices.append(JudgedSlice(evidence.found, values, dice(found[index], drawn[index])))
                one = segmented.found[index][row]
                signs, iou = one.segmented.signs[one.row], float(one.segmented.predicted_iou[one.row])
                asked = not np.isnan(iou)
                answers.append(Answer(signs.vote, signs.object_score if asked else None, iou if asked else None))
        again = {LOOKING_CLOSER, TRYING_TURNS} & set(inputs.clock.seconds)
        has_place = segmented.retrieved.cases.place is not None
        return Trial(scores, tuple(slices), tuple(answers), not again, has_place, round(seconds, 3))


def shared_values(case: Case, others: Sequence[Case]) -> list[int]:
    """Values of the segments of a case that others have too."""
    known = {segment.value for segment in segments_of(others)} if others else set()
    return [segment.value for segment in case.segments if segment.value in known]
