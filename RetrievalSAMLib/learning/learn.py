"""A library learns: runs without each case, networks trained on folds, a proof, and the expert put into its place."""

from __future__ import annotations

import logging
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import torch

from .. import NOTICE, __version__
from ..errors import InputError
from ..library.case import Case
from ..library.lock import only_one_at_work
from ..library.segments import segments_of
from ..library.store import SupportLibrary
from ..models.precision import choose_training_precision
from ..progress import Progress, silent
from ..retrieval.evidence import CaseSlices, content_key
from ..segmentation.settings.memory_use import memory_for_supports
from ..segmentation.settings.options import Models, RunOptions
from ..segmentation.settings.presets import Settings
from ..side_by_side import workers
from .expert.opinion import Expert
from .expert.store import (
    FORMAT_VERSION,
    ExpertRecord,
    LearnedCase,
    StoredExpert,
    encode_expert,
    read_expert,
    weights_hash,
    write_expert,
)
from .network.build import HINTED, IMAGE, build_networks, set_weights, weights_of
from .network.plan import NetworkPlan, plan_network
from .proof.folds import FoldCase, fold_count, folds_of, patients
from .proof.same_patient import FineDetail, fine_detail, same_patient_pairs
from .proof.weights import PROVABLE_CASES, SegmentProof, UnseenCase, mean_dice, prove, unproven, with_trust
from .training.loop import Schedule
from .training.material import example_of, overlapping_values, unseen_case
from .training.members import Member, checkpoint_name, keep_steps, kept_steps, seconds_a_step, train_members
from .training.patches import Example, Patches
from .training.recording import RecordedRuns, drawn_corners
from .use import check_preset, common_plane

_STEPS = (30, 45, 65, 100, 150, 225, 340, 510, 765, 1150)
"""How many steps a network may train, so that one number stands for many lengths of time."""

_MOST_WITH_HINTS = 150
"""Steps after which networks that see hints begin to learn the hints' own mistakes by heart (training/README.md)."""

_BATCH = 2
_AGAIN_PEAK = 4e-3
"""Learning rate of a training that goes on from earlier weights."""

_RESERVE = 0.85
"""Part of the time that is planned for: the rest is for the proof, and for a computer that does other things too."""

_WORSE = 0.002
"""Mean Dice that a new expert may lack to the old one, which it replaces for knowing more cases."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class LearnOptions:
    """What a caller may choose.

    Attributes:
        minutes: That it may take, about.
        steps: Of every network that sees the image alone; by the minutes unless given. The same seed, steps and number
            of threads give the same weights.
        seed: Of weights and patches.
        device: Where networks are trained.
    """

    minutes: float = 10.0
    steps: int | None = None
    seed: int = 0
    device: str = "cpu"


class Learned(msgspec.Struct, frozen=True, kw_only=True):
    """What learning gave; docs/formats.md explains the fields.

    Attributes:
        library: Its name.
        cases: Of the library.
        learned: Cases that the expert in use has learned from.
        members: Folds, each with its networks.
        steps: Of training of those that see the image alone, all together.
        replaced: Whether the expert in use is the new one; an old one stays where the new one is worse.
        sha256: Of the weights in use.
        run_dice: Mean over segments and unseen cases of the run alone; None without a proof.
        fused_dice: Of run and expert together.
        segments: What the proof says of each.
        seconds: That it took.
    """

    notice: str = NOTICE
    version: str = __version__
    library: str
    cases: int
    learned: int
    members: int
    steps: int
    replaced: bool
    sha256: str
    run_dice: float | None
    fused_dice: float | None
    segments: tuple[SegmentProof, ...]
    seconds: float


def learn(
    library: SupportLibrary,
    models: Models,
    settings: Settings,
    options: LearnOptions,
    progress: Progress = silent,
) -> Learned:
    """Train an expert on a library's cases, prove it, and put it into the place of the one before.

    Interrupted at any moment, the library's expert is as it was, and what was done is not done again the next time.

    Args:
        library: At least two cases that can be read.
        models: The networks of the runs.
        settings: Of the runs that the expert is to better.
        options: Everything else.
        progress: Told how far it is; what it raises ends the learning.

    Raises:
        InputError: There are too few cases, another program is learning from this library, the preset never uses an
            expert, or the disk cannot be written.
        DamagedLibraryError: A file of a case is damaged.
    """
    check_preset(settings.preset)
    if options.minutes <= 0 or (options.steps is not None and options.steps < 1):
        raise InputError("the time to learn", "it is not above 0", "Give more minutes, or more steps.")
    with only_one_at_work(library.cache_dir / "learning", library.path, "learning from"):
        return _Learning(library, models, settings, options, progress).run()


class _Learning:
    """The steps of one learning, with what they share."""

    def __init__(
        self, library: SupportLibrary, models: Models, settings: Settings, options: LearnOptions, progress: Progress
    ) -> None:
        self.began = time.monotonic()
        self.library, self.models, self.settings, self.options = library, models, settings, options
        self.progress = progress
        self.cases = usable_cases(library)
        self.plane = common_plane(self.cases)
        self.segments = tuple((s.name, s.value) for s in segments_of(self.cases))
        self.values = [value for _, value in self.segments]
        self.runs = RecordedRuns.of(library.cache_dir, self.plane, models, settings)
        self.old = _old_expert(library, options.device)
        self.details: dict[str, FineDetail] = {}
        self.keys = [content_key(case, self.plane) for case in self.cases]

    def run(self) -> Learned:
        """All of it."""
        plan = self._plan()
        self.runs.complete(
            self.cases,
            self.models,
            self.settings,
            RunOptions(
                cache=self.library.cache_dir,
                library_name=self.library.name,
                max_memory_bytes=memory_for_supports(),
            ),
            self.progress,
        )
        folds, count = self._folds()
        # Where nothing can be proven, only what is known to help elsewhere is trained.
        kinds = (IMAGE, HINTED) if count >= PROVABLE_CASES else (HINTED,)
        goes_on = self._goes_on(plan, kinds, count)
        checkpoints = self.library.cache_dir / "learning" / "members"
        networks, seen, steps = self._trained(plan, folds, count, kinds, goes_on, checkpoints)
        expert = Expert(plan, self.segments, networks)
        proofs = self._proofs(expert, folds, count)
        kept = self._kept_old(proofs)
        if kept is not None:
            return self._told(kept.record, replaced=False)
        content = encode_expert(expert)
        record = ExpertRecord(
            format_version=FORMAT_VERSION,
            program=__version__,
            weights=weights_hash(content),
            plane=str(self.plane),
            preset=self.settings.preset,
            segmenter=self.models.segmenter.sha256,
            plan=plan,
            kinds=kinds,
            segments=self.segments,
            cases=tuple(
                LearnedCase(key, case.image_hash, folds[case.image_hash])
                for key, case in zip(self.keys, self.cases, strict=True)
            ),
            members=tuple(tuple(sorted(images)) for images in seen),
            steps=steps + (self.old.record.steps if goes_on and self.old else 0),
            seed=self.options.seed,
            proofs=proofs,
        )
        write_expert(self.library, record, content)
        shutil.rmtree(checkpoints, ignore_errors=True)
        return self._told(record, replaced=True)

    def _plan(self) -> NetworkPlan:
        """That of the expert there is, as long as it suits the cases: then its weights can be trained on."""
        extents, spacings = [], []
        for number, case in enumerate(self.cases):
            self.progress("reading the cases", number, len(self.cases))
            slices = CaseSlices.load(case, self.plane)
            self.details[case.image_hash] = fine_detail(slices.stack)
            low, high = drawn_corners(slices)
            a, b, c = (float(side) for side in high - low)
            extents.append((a, b, c))
            spacings.append((slices.stack.frame.slice_spacing_mm, *slices.stack.spacing_mm))
        plan = plan_network(extents, spacings, in_bfloat16=True)
        _, rows, columns = plan.patch
        if choose_training_precision(torch.device(self.options.device), (rows, columns)) == torch.float32:
            plan = plan_network(extents, spacings)
        old = self.old
        if old is not None and len(old.record.plan.strides) == len(plan.strides):
            ratio = np.array(old.record.plan.spacing_mm) / np.array(plan.spacing_mm)
            if (np.abs(np.log2(ratio)) < np.log2(1.25)).all():
                return old.record.plan
        return plan

    def _folds(self) -> tuple[dict[str, int], int]:
        """By image of a case, its fold; and the number of folds: 1 where nothing can be proven."""
        cases = [FoldCase(case.image_hash, case.name) for case in self.cases]
        patient_of = patients(cases, same_patient_pairs(self.details))
        groups = len(set(patient_of.values()))
        if groups < PROVABLE_CASES:
            return dict.fromkeys(patient_of, 0), 1
        count = fold_count(groups)
        before = {}
        if self.old is not None and len(self.old.record.members) >= PROVABLE_CASES:
            count = len(self.old.record.members)
            before = {case.image: case.fold for case in self.old.record.cases}
        return folds_of(patient_of, count, before), count

    def _goes_on(self, plan: NetworkPlan, kinds: tuple[str, ...], count: int) -> bool:
        """Whether the weights there are can be trained on."""
        old = self.old
        return (
            old is not None
            and old.record.plan == plan
            and old.record.kinds == kinds
            and old.record.segments == self.segments
            and len(old.record.members) == count
        )

    def _trained(
        self,
        plan: NetworkPlan,
        folds: dict[str, int],
        count: int,
        kinds: tuple[str, ...],
        goes_on: bool,
        folder: Path,
    ) -> tuple[tuple[torch.nn.ModuleDict, ...], list[set[str]], int]:
        """By fold, its networks; the images that these have ever seen; and for how many steps they were trained."""
        examples = self._examples(plan)
        networks, patches, seen, fresh = [], [], [], []
        for fold in range(count):
            shown = sorted(image for image in examples if count == 1 or folds[image] != fold)
            held_out = {image for image in examples if count > 1 and folds[image] == fold}
            of_fold, before = self._networks(plan, kinds, fold, goes_on, held_out)
            networks.append(of_fold.to(self.options.device))
            fresh.append(before is None)
            seen.append(set(shown) | (before or set()))
            seed = self.options.seed * 1000 + fold
            patches.append(Patches([examples[i] for i in shown], plan.patch, plan.spacing_mm, _BATCH, seed))
        of = checkpoint_name(
            self.keys,
            sorted(folds.items()),
            plan,
            kinds,
            self.segments,
            self.options.seed,
            self.options.steps,
            self.old.record.weights if goes_on and self.old else None,
            self.runs.folder.name,
        )
        steps = self._steps(networks[0], patches[0], count, any(fresh), folder / f"{of}.json")
        members = []
        for fold in range(count):
            peak = Schedule.peak if fresh[fold] else _AGAIN_PEAK
            for kind in kinds:
                schedule = Schedule(_steps_of(kind, steps), peak)
                checkpoint = folder / f"{of}-{fold}-{kind}.safetensors"
                members.append(Member(networks[fold][kind], patches[fold], schedule, checkpoint))
        train_members(members, self.options.device, self.progress)
        return tuple(of_fold.eval() for of_fold in networks), seen, steps

    def _examples(self, plan: NetworkPlan) -> dict[str, Example]:
        """By image, the case as networks learn from it."""
        examples = {}
        for number, case in enumerate(self.cases):
            self.progress("preparing the cases", number, len(self.cases))
            recording = self.runs.of_case(case, self.cases)
            if recording is None:
                raise InputError(
                    f"library `{self.library.name}`",
                    "its cases, or its cache, were changed while it learned",
                    "Let it learn again.",
                )
            examples[case.image_hash] = example_of(case, recording, plan, self.values, self.plane)
        return examples

    def _networks(
        self, plan: NetworkPlan, kinds: tuple[str, ...], fold: int, goes_on: bool, held_out: set[str]
    ) -> tuple[torch.nn.ModuleDict, set[str] | None]:
        """Those of a fold, to be trained, and what they have seen before; None for random weights."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.options.seed * 1000 + fold)
            networks = build_networks(plan, len(self.segments), kinds)
        if goes_on and self.old is not None:
            before = set(self.old.record.members[fold])
            # What it has seen it cannot be tried on: patients may have turned out to be one.
            if not before & held_out:
                set_weights(networks, weights_of(self.old.expert.members[fold]))
                return networks, before
        return networks, None

    def _steps(self, networks: torch.nn.ModuleDict, patches: Patches, folds: int, fresh: bool, kept: Path) -> int:
        """How many steps fit into the time; those of an interrupted training are gone on with."""
        if self.options.steps is not None:
            return self.options.steps
        known = kept_steps(kept)
        if known in _STEPS:
            return int(known)
        self.progress("measuring a step", 0, 1)
        seconds = {kind: seconds_a_step(network, patches) for kind, network in networks.items()}
        at_once = min(folds * len(seconds), workers(self.options.device))
        left = self.options.minutes * 60 * _RESERVE - (time.monotonic() - self.began)
        # Weights that know most of it already need fewer.
        longest = _STEPS[-1] if fresh else _STEPS[-3]

        def takes(steps: int) -> float:
            return folds / at_once * sum(one * _steps_of(kind, steps) for kind, one in seconds.items())

        steps = max((n for n in _STEPS if n <= longest and takes(n) <= left), default=_STEPS[0])
        keep_steps(kept, steps)
        return steps

    def _proofs(self, expert: Expert, folds: dict[str, int], count: int) -> tuple[SegmentProof, ...]:
        if count < PROVABLE_CASES:
            return unproven(self.segments)
        unseen, overlapping = [], set[int]()
        for number, case in enumerate(self.cases):
            self.progress("proving what was learned", number, len(self.cases))
            overlapping |= overlapping_values(case, self.plane)
            one = Expert(expert.plan, expert.segments, (expert.members[folds[case.image_hash]],))
            tried = self._tried(case, one)
            if tried is not None:
                unseen.append(tried)
        self.progress("proving what was learned", len(self.cases), len(self.cases))
        return prove(unseen, self.segments, frozenset(overlapping))

    def _tried(self, case: Case, expert: Expert) -> UnseenCase | None:
        recording = self.runs.of_case(case, self.cases)
        return None if recording is None else unseen_case(case, recording, expert, self.plane)

    def _kept_old(self, proofs: tuple[SegmentProof, ...]) -> StoredExpert | None:
        """The expert there is, where the new one is worse on cases that neither has seen; else None."""
        old, new = self.old, mean_dice(proofs)
        if old is None or new is None or not mean_dice(old.record.proofs) or old.record.segments != self.segments:
            return None
        tried, overlapping = [], set[int]()
        for case in self.cases:
            blind = tuple(
                member
                for member, images in zip(old.expert.members, old.record.members, strict=True)
                if case.image_hash not in images
            )
            if not blind:
                return None  # there is a case on which the old one cannot be tried
            overlapping |= overlapping_values(case, self.plane)
            one = self._tried(case, Expert(old.expert.plan, old.expert.segments, blind))
            if one is not None:
                tried.append(one)
        trust = {proof.value: proof.trust for proof in old.record.proofs}
        before = mean_dice(with_trust(tried, self.segments, trust, frozenset(overlapping)))
        if before is None or new[1] >= before[1] - _WORSE:
            return None
        _LOG.info("the expert there is stays: %.4f on unseen cases, the new one %.4f", before[1], new[1])
        return old

    def _told(self, record: ExpertRecord, replaced: bool) -> Learned:
        dice = mean_dice(record.proofs)
        return Learned(
            library=self.library.name,
            cases=len(self.cases),
            learned=len(record.cases),
            members=len(record.members),
            steps=record.steps,
            replaced=replaced,
            sha256=record.weights,
            run_dice=None if dice is None else round(dice[0], 4),
            fused_dice=None if dice is None else round(dice[1], 4),
            segments=record.proofs,
            seconds=round(time.monotonic() - self.began, 1),
        )


def _steps_of(kind: str, steps: int) -> int:
    """How many steps a network of a kind is trained, where those that see the image alone are trained ``steps``."""
    return min(steps, _MOST_WITH_HINTS) if kind == HINTED else steps


def usable_cases(library: SupportLibrary) -> list[Case]:
    """The cases whose files are whole.

    Raises:
        InputError: There are fewer than two.
    """
    cases = [case for case in library.cases() if not any(case.damage())]
    # An image that is there twice is one to learn from: its later case.
    by_image = {case.image_hash: case for case in cases}
    if len(by_image) < 2:
        raise InputError(
            f"library `{library.name}`",
            "it has fewer than two cases of different images, and an expert is tried on cases that it has not seen",
            "Add annotated volumes first (retrievalsam library add).",
        )
    return list(by_image.values())


def _old_expert(library: SupportLibrary, device: str) -> StoredExpert | None:
    """The expert there is; one that is damaged is as good as none, and is replaced."""
    try:
        return read_expert(library, device)
    except InputError as error:
        _LOG.warning("the expert there is cannot be used (%s)", error.fact)
        return None
