"""Corrected slices teach a copy of the library's expert, for their volume alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from learning_cases import GRID, SEGMENTS, TINY_PLAN, believed, subject

from RetrievalSAMLib.cli.main import main
from RetrievalSAMLib.learning.at_once.fusing import HALF_SLICES, decided, near, share_of_mask
from RetrievalSAMLib.learning.at_once.taught import TaughtByCorrections
from RetrievalSAMLib.learning.at_once.teaching import Lesson, Taught, Teaching, teach
from RetrievalSAMLib.learning.expert.opinion import Expert, LearnedOpinion
from RetrievalSAMLib.learning.expert.store import encode_expert
from RetrievalSAMLib.learning.learn import Learned
from RetrievalSAMLib.learning.network.build import HINTED, IMAGE, build_networks
from RetrievalSAMLib.learning.proof.weights import SegmentProof
from RetrievalSAMLib.learning.use import taught_by_corrections
from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.progress import Progress, silent
from RetrievalSAMLib.segmentation.corrections.second_look import AfterCorrections
from RetrievalSAMLib.segmentation.output.report import TaughtReport, read_report
from RetrievalSAMLib.segmentation.output.result import SegmentationResult
from RetrievalSAMLib.segmentation.pipeline import refine_volume, segment_volume
from RetrievalSAMLib.segmentation.prompts.points_and_boxes import NO_PROMPTS, PersonsPrompts, PointPrompt
from RetrievalSAMLib.segmentation.run_state.known_results import read_results
from RetrievalSAMLib.segmentation.run_state.state_file import SUFFIX, results_file
from RetrievalSAMLib.segmentation.settings.options import Models, RunOptions
from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.segmentation.supports.verdict import IN_LIBRARY, UNLIKE, Verdict
from RetrievalSAMLib.volumes import (
    Plane,
    Segmentation,
    SliceFrame,
    SliceStack,
    choose_plane,
    write_segmentation,
    write_volume,
)

FAST = preset("fast")
FRAME = SliceFrame(GRID, choose_plane(GRID))
CORRECTED = (4, 6)
QUICK = Teaching(steps=2)


def tiny_expert() -> Expert:
    torch.manual_seed(5)
    members = tuple(build_networks(TINY_PLAN, 1, (IMAGE, HINTED)).eval() for _ in range(2))
    return Expert(TINY_PLAN, (("Bright", 1),), members)


def lesson(wrong_elsewhere: bool = False) -> Lesson:
    """A bright cube, corrected in two slices; elsewhere the result may have it at a wrong place."""
    random = np.random.default_rng(3)
    truth = np.zeros((1, 12, 14, 14), dtype=bool)
    truth[0, :, 3:9, 4:11] = True
    image = (0.2 + 0.6 * truth[0] + random.normal(0, 0.05, truth[0].shape)).astype(np.float32)
    drawn = np.zeros(12, dtype=bool)
    drawn[[3, 8]] = True
    if wrong_elsewhere:
        truth[:, ~drawn] = np.roll(truth[:, ~drawn], 3, axis=3)
    return Lesson(image, (0,), truth, drawn)


def taught(of: Lesson, teaching: Teaching) -> Taught:
    return teach(tiny_expert(), of, teaching, lambda done, total: None)


def test_a_copy_learns_what_was_drawn_and_the_expert_stays_as_it_is() -> None:
    expert, told = tiny_expert(), []
    before = encode_expert(expert)
    copied = teach(expert, lesson(), Teaching(steps=20, rate=1e-2), lambda done, total: told.append((done, total)))
    assert copied.loss_after < 0.8 * copied.loss_before
    assert encode_expert(expert) == before and not any(m.training for m in copied.expert.members)
    assert [list(member) for member in copied.expert.members] == [[IMAGE], [IMAGE]]
    assert told[0] == (0, 40) and told[-1] == (40, 40) and copied.steps == 40


def test_the_same_corrections_teach_the_same() -> None:
    weights = [encode_expert(taught(lesson(), Teaching(steps=4)).expert) for _ in range(2)]
    assert weights[0] == weights[1]


def test_only_corrected_slices_are_the_truth() -> None:
    """What the result has elsewhere counts by its own weight, and not at all where that is 0."""
    right, wrong = lesson(), lesson(wrong_elsewhere=True)
    # Where to look depends on corrected slices alone, so that both see the same patches.
    alone = Teaching(steps=3, elsewhere=0.0)
    assert encode_expert(taught(right, alone).expert) == encode_expert(taught(wrong, alone).expert)
    both = Teaching(steps=3, elsewhere=0.5)
    assert encode_expert(taught(right, both).expert) != encode_expert(taught(wrong, both).expert)


def test_of_many_networks_each_takes_fewer_steps() -> None:
    torch.manual_seed(5)
    many = Expert(TINY_PLAN, (("Bright", 1),), tuple(build_networks(TINY_PLAN, 1, (IMAGE,)) for _ in range(3)))
    of = lesson()
    assert teach(many, of, Teaching(steps=10**6, most_steps=7), lambda done, total: None).steps == 6


def test_a_mask_is_half_sure_at_its_outline_and_alone_decides_what_it_is() -> None:
    mask = np.zeros((4, 9, 9), dtype=bool)
    mask[1:3, 2:7, 2:7] = True
    share = share_of_mask(mask, (3.0, 1.0, 1.0))
    assert np.array_equal(share > 0.5, mask)
    assert share[1, 4, 4] > 0.9 > share[1, 2, 4] > 0.5 > share[1, 1, 4] > 0.1 > share[0, 0, 0]
    assert not share_of_mask(np.zeros((2, 3, 3), dtype=bool), (1.0, 1.0, 1.0)).any()


def test_a_copy_is_believed_the_less_the_further_away_corrected_slices_are() -> None:
    believed_by_slice = near(0.8, range(3, 12), (4, 5))[:, 0, 0]
    assert np.allclose(believed_by_slice[:4], 0.8)
    assert np.isclose(near(0.8, range(5, 6 + 2 * int(HALF_SLICES)), (4, 5))[int(HALF_SLICES) + 1, 0, 0], 0.4)
    assert (np.diff(believed_by_slice[3:]) < 0).all()


def test_of_two_segments_that_compete_the_likelier_has_a_voxel() -> None:
    shares = {0: np.full((1, 1, 2), 0.6, dtype=np.float32), 1: np.array([[[0.7, 0.6]]], dtype=np.float32)}
    masks = decided(shares, ())
    assert masks[0].tolist() == [[[False, True]]] and masks[1].tolist() == [[[True, False]]]
    assert decided(shares, (1,))[1].all() and decided(shares, (1,))[0].all()


@pytest.fixture(scope="module")
def runs(learning: tuple[Path, Learned], models: Models, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run on the target has left."""
    state = tmp_path_factory.mktemp("runs")
    cases = SupportLibrary.open(learning[0]).cases()
    segment_volume(subject(9)[0], cases, models, FAST, RunOptions(state=state))
    return state


@pytest.fixture
def corrected(runs: Path) -> Segmentation:
    """The result of that run, in which a person has drawn the large ball a few rows further down in two slices."""
    found = read_results(results_file(next(runs.glob(f"*{SUFFIX}"))))[0].unpacked()
    large, small = found["Large"].copy(), found["Small"]
    assert all(large[index].any() for index in CORRECTED)
    large[list(CORRECTED)] = np.roll(large[list(CORRECTED)], 3, axis=1) & ~small[list(CORRECTED)]
    return Segmentation.from_masks(SEGMENTS, [FRAME.from_slices(large), FRAME.from_slices(small)], GRID)


def look_of(library: SupportLibrary, models: Models, name: str = "fast") -> TaughtByCorrections | None:
    look = taught_by_corrections(library, library.cases(), preset(name), models)
    return None if look is None else replace(look, teaching=QUICK)


@dataclass(frozen=True)
class Refining:
    """The same refinement, again and again."""

    library: SupportLibrary
    models: Models
    corrected: Segmentation
    runs: Path

    def __call__(
        self, look: TaughtByCorrections | None, progress: Progress = silent, prompts: PersonsPrompts = NO_PROMPTS
    ) -> SegmentationResult:
        """With some second look; what it leaves beside the run's state is not there the next time."""
        options = RunOptions(state=self.runs, progress=progress)
        kept = results_file(next(self.runs.glob(f"*{SUFFIX}")))
        before = kept.read_bytes()
        result = refine_volume(
            subject(9)[0], self.corrected, CORRECTED, self.library.cases(), self.models, FAST, options, prompts, look
        )
        kept.write_bytes(before)
        return result


@pytest.fixture
def refining(learned: SupportLibrary, models: Models, corrected: Segmentation, runs: Path) -> Refining:
    return Refining(learned, models, corrected, runs)


def report_of(result: SegmentationResult) -> TaughtReport:
    assert result.report.refinement is not None and result.report.refinement.taught is not None
    return result.report.refinement.taught


def masks_of(result: SegmentationResult) -> list[np.ndarray]:
    return [FRAME.to_slices(result.segmentation.mask(n)) for n in range(2)]


def files_of(library: SupportLibrary) -> dict[str, str]:
    """By name, SHA-256 of what is in a library but in its cache."""
    files = [p for p in library.path.rglob("*") if p.is_file() and library.cache_dir not in p.parents]
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_a_refinement_says_what_its_corrections_taught_and_keeps_what_was_drawn(
    learned: SupportLibrary, models: Models, refining: Refining
) -> None:
    believed(learned, 1.0)
    before = files_of(learned)
    look = look_of(learned, models)
    assert look is not None
    weights = encode_expert(look.opinion.expert)
    result, without = refining(look), refining(None)
    told = report_of(result)
    assert (told.left_out, told.sha256, told.segments) == ("", look.opinion.sha256, {"Large": 0.5})
    assert told.steps == 2 * len(look.opinion.expert.members) and told.seconds > 0
    assert told.loss_before is not None and told.loss_after is not None and told.loss_after < told.loss_before
    drawn, after, plain = FRAME.to_slices(refining.corrected.mask(0)), masks_of(result), masks_of(without)
    assert all(np.array_equal(after[0][i], drawn[i]) for i in CORRECTED)
    # The small ball was not corrected.
    assert np.array_equal(after[1], FRAME.to_slices(refining.corrected.mask(1)))
    assert set(told.changed) == {"Large"} and not set(told.changed["Large"]) & set(CORRECTED)
    assert not np.array_equal(after[0], plain[0])
    assert without.report.refinement is not None and without.report.refinement.taught is None
    # Nothing of it stays: neither in the expert nor in the library.
    assert encode_expert(look.opinion.expert) == weights
    assert files_of(learned) == before
    again = masks_of(refining(look))
    assert all(np.array_equal(a, b) for a, b in zip(after, again, strict=True))


def test_a_slice_with_a_point_stays_as_it_was_decoded(
    learned: SupportLibrary, models: Models, refining: Refining
) -> None:
    believed(learned, 1.0)
    look = look_of(learned, models)
    assert look is not None
    row, column = np.argwhere(FRAME.to_slices(refining.corrected.mask(0))[5])[0]
    voxels = np.zeros(GRID.size, dtype=bool)
    FRAME.to_slices(voxels)[5, row, column] = True
    x, y, z = GRID.index_to_lps(np.argwhere(voxels)[0].astype(float)).tolist()
    outside = PersonsPrompts((PointPrompt("Large", (x, y, z), False),), ())
    result, without = refining(look, prompts=outside), refining(None, prompts=outside)
    # Of what the look itself changed: masks are decoded and carried on before it.
    assert 5 not in report_of(result).changed["Large"] and report_of(result).changed["Large"]
    assert np.array_equal(masks_of(result)[0][5], masks_of(without)[0][5])
    assert not masks_of(result)[0][5, row, column]


def test_nothing_is_taught_where_the_expert_is_not_for_this_volume(
    learned: SupportLibrary, models: Models, refining: Refining
) -> None:
    assert look_of(learned, models, "zhao-2024") is None and look_of(learned, models, "fate-sam") is None
    plain = masks_of(refining(None))
    believed(learned, 0.0)
    ignored = refining(look_of(learned, models))
    assert "believed in none" in report_of(ignored).left_out
    believed(learned, 1.0)
    look = look_of(learned, models)
    assert look is not None
    sagittal = replace(look, opinion=replace(look.opinion, plane=Plane("sagittal")))
    other = refining(sagittal)
    assert "axial" in report_of(other).left_out
    for result in (ignored, other):
        assert report_of(result).steps == 0 and report_of(result).loss_before is None
        assert all(np.array_equal(a, b) for a, b in zip(masks_of(result), plain, strict=True))


@pytest.mark.parametrize(
    ("otherwise", "reason"),
    [
        ({"verdict": Verdict(UNLIKE, ())}, "unlike the cases"),
        ({"backwards": True}, "in reverse"),
        ({"masks": {0: np.zeros(FRAME.shape, dtype=bool)}}, "nothing was found"),
        ({"drawn": [9]}, "lie far from what was found"),
        ({"corrected": {1}}, "believed in none of the corrected segments"),
    ],
)
def test_why_nothing_is_taught_is_said(otherwise: dict[str, Any], reason: str) -> None:
    volume, truth = subject(9)
    masks = FRAME.to_slices(truth.mask(0)).copy()
    masks[4:] = False
    proof = SegmentProof("Bright", SEGMENTS[0].value, 0.5, 0.0, 3, 0.7, 0.8, 0.8)
    look = TaughtByCorrections(LearnedOpinion(tiny_expert(), (proof,), "0" * 64, 3, FRAME.plane), QUICK)
    usual = AfterCorrections(
        SliceStack.of(volume, FRAME.plane),
        SEGMENTS,
        {0: masks},
        [3],
        {0},
        frozenset(),
        Verdict(IN_LIBRARY, ()),
        False,
        silent,
    )
    assert look.look(usual).report.left_out == ""
    seen = look.look(replace(usual, **otherwise))
    assert reason in seen.report.left_out and not seen.masks and seen.report.steps == 0


def test_whoever_wants_no_more_is_heard_between_two_steps(
    learned: SupportLibrary, models: Models, refining: Refining
) -> None:
    believed(learned, 1.0)
    look = look_of(learned, models)
    assert look is not None
    weights, told = encode_expert(look.opinion.expert), []

    def enough(stage: str, done: int, total: int) -> None:
        if stage == "learning":
            told.append(done)
            if done == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        refining(look, enough)
    assert told == [0, 1, 2] and encode_expert(look.opinion.expert) == weights


def test_the_command_teaches_unless_it_is_told_not_to(
    learned: SupportLibrary, corrected: Segmentation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    believed(learned, 1.0)
    image, drawn, report = tmp_path / "image.nrrd", tmp_path / "drawn.seg.nrrd", tmp_path / "report.json"
    write_volume(subject(9)[0], image)
    write_segmentation(corrected, drawn)
    asked = ["refine", str(learned.path), str(image), "--segmentation", str(drawn), "--corrected", "4,6"]
    asked += ["-o", str(tmp_path / "out.seg.nrrd"), "--preset", "fast", "--report", str(report)]
    for off in ("--no-teach", "--no-learned"):
        assert main([*asked, off]) == 0
        refinement = read_report(report).refinement
        assert refinement is not None and refinement.taught is None
        assert "was taught" not in capsys.readouterr().out
    assert main(asked) == 0
    refinement = read_report(report).refinement
    assert refinement is not None and refinement.taught is not None
    assert (refinement.taught.left_out, refinement.taught.steps) == ("", 3 * Teaching().steps)
    assert "a copy of what the library has learned was taught" in capsys.readouterr().out
