"""Fitting a preset to a model on a library: every case by other patients' cases, one setting after the other.

A value replaces the preset's where it is better beyond noise on patients that were not among the cases (`proof`), and
no segment loses by it; later settings are tried with it. All values of a setting are tried on one case before the next
one, while what they have in common is at hand.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from .. import NOTICE, __version__
from ..errors import InputError
from ..learning.learn import usable_cases
from ..learning.proof.folds import FoldCase, patients
from ..learning.proof.same_patient import FineDetail, fine_detail, same_patient_pairs
from ..learning.use import check_preset
from ..library.case import Case
from ..library.lock import only_one_at_work
from ..library.store import SupportLibrary
from ..progress import Progress, silent
from ..retrieval.evidence import content_key
from ..segmentation.confidence.calibration import calibration
from ..segmentation.output.report import ModelReport
from ..segmentation.settings.cache_space import memory_cache
from ..segmentation.settings.memory_use import memory_for_supports
from ..segmentation.settings.options import Models, RunOptions
from ..segmentation.settings.presets import Settings
from ..volumes import SliceStack
from .choices import CHOICES, TRIED, Choice
from .confidence import ConfidenceProof, fit_confidence
from .kept_trials import FOLDER, KeptTrials
from .proof import PROVABLE_PATIENTS, beyond_noise, harmed, standard_error, worth_going_on
from .remembering import remembering
from .store import FORMAT_VERSION, TriedSetting, TriedValue, TunedCase, TuningRecord, write_record
from .trial import CaseOnTrial, Trial, same_masks, shared_values

_BASE = "segmenting every case by other patients'"
_HELD_VOXELS = 200_000_000
"""Of cases that stay at hand together with their alignments from one setting to the next."""


@dataclass(frozen=True)
class TuneOptions:
    """What a caller may choose.

    Attributes:
        minutes: After which no further value is tried; the cases are segmented with the preset as it is in any event.
    """

    minutes: float = 60.0


class Tuned(msgspec.Struct, frozen=True, kw_only=True):
    """What tuning gave; docs/formats.md explains the fields.

    Attributes:
        library: Its name.
        cases: That took part.
        patients: Whose these are.
        settings: By setting, in the order in which they were tried, what came of it.
        untried: Settings of which not all values were tried, as time ran out.
        confidence: What cross-validation says of confidence.
        dice_before: Mean over unseen cases and segments with the preset as it is.
        dice_after: With what is used from now on.
        runs: That were made now.
        spared: That would have given masks that are known.
        seconds: That it took.
        sha256: Of what the library keeps of it.
    """

    notice: str = NOTICE
    version: str = __version__
    library: str
    model: ModelReport
    encoder: ModelReport
    preset: str
    cases: int
    patients: int
    settings: tuple[TriedSetting, ...]
    untried: tuple[str, ...]
    confidence: ConfidenceProof
    dice_before: float
    dice_after: float
    runs: int
    spared: int
    seconds: float
    sha256: str


def tune(
    library: SupportLibrary,
    models: Models,
    settings: Settings,
    options: TuneOptions,
    progress: Progress = silent,
) -> Tuned:
    """Fit a preset's settings and confidence to a model on a library's cases, and keep what proves to be better.

    Interrupted at any moment, what the library has tuned is as it was, and runs that were made are not made again the
    next time.

    Args:
        library: With cases of at least three patients that share segments.
        models: The networks.
        settings: A preset as it is.
        options: Everything else.
        progress: Told how far it is; what it raises ends the tuning.

    Raises:
        InputError: There are too few patients, another program is tuning this library, the preset is a published
            method, or the disk cannot be written.
        DamagedLibraryError: A file of a case is damaged.
        NotEnoughMemoryError: Memory ran out.
    """
    check_preset(settings.preset)
    if not options.minutes > 0:
        raise InputError("--minutes", f"{options.minutes:g} minutes are no time", "Give more than 0.")
    with only_one_at_work(library.cache_dir / FOLDER, library.path, "tuning"):
        return _Tuning(library, models, settings, options, progress).run()


def cases_by_patient(library: SupportLibrary, progress: Progress = silent) -> dict[str, list[Case]]:
    """The cases that can be tried, by patient: those with a segment that another patient's case has too.

    Raises:
        InputError: They are of fewer than three patients.
        DamagedLibraryError: A file of a case is damaged.
    """
    cases = usable_cases(library)
    details: dict[str, FineDetail] = {}
    for number, case in enumerate(cases):
        progress("reading the cases", number, len(cases))
        details[case.image_hash] = fine_detail(SliceStack.of(case.load_image(), case.plane))
    progress("reading the cases", len(cases), len(cases))
    named = [FoldCase(case.image_hash, case.name) for case in cases]
    patient_of = patients(named, same_patient_pairs(details))
    found: dict[str, list[Case]] = {}
    for case in cases:
        patient = patient_of[case.image_hash]
        if shared_values(case, [other for other in cases if patient_of[other.image_hash] != patient]):
            found.setdefault(patient, []).append(case)
    if len(found) < PROVABLE_PATIENTS:
        raise InputError(
            f"library `{library.name}`",
            f"it has cases of {len(found)} patients that share segments, and of fewer than {PROVABLE_PATIENTS} nothing "
            "can be proven: nothing was changed",
            "Add annotated volumes of other patients first (retrievalsam library add).",
        )
    return found


@dataclass(frozen=True)
class _Place:
    """A case and its patient."""

    case: Case
    patient: str


class _Tuning:
    """The steps of one tuning, with what they share."""

    def __init__(
        self, library: SupportLibrary, models: Models, settings: Settings, options: TuneOptions, progress: Progress
    ) -> None:
        self.began = time.monotonic()
        self.library, self.models, self.settings, self.options = library, models, settings, options
        self.progress = progress
        self.places = [
            _Place(case, patient) for patient, of in cases_by_patient(library, progress).items() for case in of
        ]
        self.patients = list(dict.fromkeys(place.patient for place in self.places))
        self.kept = KeptTrials.of(library.cache_dir, [place.case for place in self.places], models)
        self.engine = remembering(models.segmenter, memory_for_supports() // 2)
        self.at_hand: dict[str, CaseOnTrial] = {}
        self.trials: dict[Settings, dict[str, Trial]] = {}
        self.runs = self.spared = 0

    def run(self) -> Tuned:
        """All of it."""
        for number, place in enumerate(self.places):
            self.progress(_BASE, number, len(self.places))
            self._trial(place, self.settings, (_BASE, number, len(self.places)))
        self.progress(_BASE, len(self.places), len(self.places))
        now, tried, untried = self.settings, [], []
        for choice in CHOICES:
            told, now, complete = self._tuned(choice, now)
            tried.append(told)
            if not complete:
                untried.append(choice.name)
        by_patient = {
            patient: [one for place in self._of(patient) for one in self.trials[now][place.case.id].slices]
            for patient in self.patients
        }
        curves, confidence = fit_confidence(by_patient, calibration(), self.models.segmenter.sha256)
        segmenter, encoder = self.models.segmenter, self.models.encoder
        record = TuningRecord(
            format_version=FORMAT_VERSION,
            program=__version__,
            model=segmenter.name,
            segmenter=segmenter.sha256,
            image_size=segmenter.image_size,
            encoder=encoder.sha256,
            preset=self.settings.preset,
            cases=tuple(
                TunedCase(
                    content_key(place.case, place.case.plane),
                    place.case.image_hash,
                    self.patients.index(place.patient),
                )
                for place in self.places
            ),
            settings=tuple(tried),
            confidence=confidence,
            calibration=curves,
            dice_before=round(self._mean_dice(self.settings), 4),
            dice_after=round(self._mean_dice(now), 4),
        )
        return Tuned(
            library=self.library.name,
            model=ModelReport.of(segmenter),
            encoder=ModelReport.of(encoder),
            preset=record.preset,
            cases=len(self.places),
            patients=len(self.patients),
            settings=record.settings,
            untried=tuple(untried),
            confidence=confidence,
            dice_before=record.dice_before,
            dice_after=record.dice_after,
            runs=self.runs,
            spared=self.spared,
            seconds=round(time.monotonic() - self.began, 1),
            sha256=write_record(self.library, record),
        )

    def _tuned(self, choice: Choice, now: Settings) -> tuple[TriedSetting, Settings, bool]:
        """Try the values of a setting: what came of it, the settings from now on, whether there was time for all."""
        usual = getattr(now, choice.name)
        candidates = choice.tried(now)
        gains = self._gains(choice.name, candidates, now)
        if gains is None:
            return TriedSetting(choice.name, usual, usual, ()), now, False
        better = [
            candidate
            for candidate in candidates
            if len(gains[candidate]) == len(self.patients)
            and beyond_noise(list(gains[candidate].values()), TRIED)
            and not harmed(self._dice(now), self._dice(candidate))
        ]
        best = max(better, key=lambda candidate: np.mean(list(gains[candidate].values())), default=now)
        told = []
        for candidate in candidates:
            own = list(gains[candidate].values())
            error = round(standard_error(own), 4) if len(own) > 1 else None
            value = getattr(candidate, choice.name)
            told.append(TriedValue(value, len(own), round(float(np.mean(own)), 4), error, candidate == best))
        return TriedSetting(choice.name, usual, getattr(best, choice.name), tuple(told)), best, True

    def _gains(
        self, name: str, candidates: Sequence[Settings], now: Settings
    ) -> dict[Settings, dict[str, float]] | None:
        """By candidate and patient, the mean Dice that it gains; None where time ran out."""
        gains: dict[Settings, dict[str, float]] = {candidate: {} for candidate in candidates}
        stage, done, total = f"trying {name}", 0, len(candidates) * len(self.places)
        for patient in self.patients:
            for candidate in candidates:
                so_far = list(gains[candidate].values())
                of_patient = self._of(patient)
                if so_far and not worth_going_on(so_far, len(self.patients)):
                    done += len(of_patient)
                    continue
                for place in of_patient:
                    if self._out_of_time(place, candidate):
                        return None
                    self._trial(place, candidate, (stage, done, total))
                    done += 1
                gains[candidate][patient] = self._patient_dice(patient, candidate) - self._patient_dice(patient, now)
        self.progress(stage, total, total)
        return gains

    def _out_of_time(self, place: _Place, settings: Settings) -> bool:
        """Whether a run that would have to be made comes too late."""
        late = time.monotonic() - self.began > self.options.minutes * 60
        return late and self.kept.get(place.case, settings) is None

    def _trial(self, place: _Place, settings: Settings, told: tuple[str, int, int]) -> Trial:
        """That of a case with some settings: known, kept from before, bound to be like one that is, or made."""
        self.progress(*told)
        known = self.trials.setdefault(settings, {})
        case = place.case
        if case.id not in known:
            known[case.id] = self._kept_or_made(place, settings, told)
        return known[case.id]

    def _kept_or_made(self, place: _Place, settings: Settings, told: tuple[str, int, int]) -> Trial:
        case = place.case
        kept = self.kept.get(case, settings)
        if kept is not None:
            return kept
        for other, trials in self.trials.items():
            if case.id in trials and same_masks(trials[case.id], other, settings):
                self.spared += 1
                return trials[case.id]
        trial = self._on_trial(place).run(settings, lambda: self.progress(*told))
        self.runs += 1
        self.kept.put(case, settings, trial)
        return trial

    def _on_trial(self, place: _Place) -> CaseOnTrial:
        case = place.case
        if case.id not in self.at_hand:
            others = [other.case for other in self.places if other.patient != place.patient]
            options = RunOptions(
                cache=self.library.cache_dir,
                library_name=self.library.name,
                max_memory_bytes=memory_for_supports() // 2,
                memory_cache=memory_cache(),
            )
            made = CaseOnTrial(case, others, self.models, options, self.engine)
            if sum(one.voxels for one in (*self.at_hand.values(), made)) > _HELD_VOXELS:
                self.at_hand.clear()
            self.at_hand[case.id] = made
        return self.at_hand[case.id]

    def _of(self, patient: str) -> list[_Place]:
        return [place for place in self.places if place.patient == patient]

    def _patient_dice(self, patient: str, settings: Settings) -> float:
        trials = self.trials[settings]
        return float(np.mean([trials[place.case.id].mean_dice for place in self._of(patient)]))

    def _mean_dice(self, settings: Settings) -> float:
        return float(np.mean([self._patient_dice(patient, settings) for patient in self.patients]))

    def _dice(self, settings: Settings) -> list[Mapping[int, float]]:
        return [self.trials[settings][place.case.id].dice for place in self.places]
