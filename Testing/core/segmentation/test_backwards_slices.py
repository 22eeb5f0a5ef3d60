"""Slices that run the other way than their header tells: the order that fits is taken, and it is said."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.structs import replace as replace_fields
from whole_bodies import body_case

from RetrievalSAMLib.cli.commands.batch import _finish, _in_a_line
from RetrievalSAMLib.cli.commands.segment import print_summary
from RetrievalSAMLib.cli.main import main
from RetrievalSAMLib.cohort.results import Outcome, Results
from RetrievalSAMLib.evaluation.review import review_library
from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.models.build import build_encoder, build_segmenter
from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.segmentation.output.report import OrientationReport
from RetrievalSAMLib.segmentation.output.result import SegmentationResult
from RetrievalSAMLib.segmentation.pipeline import Models, refine_volume, segment_volume
from RetrievalSAMLib.segmentation.settings.options import RunOptions
from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.segmentation.steps.describe import describe
from RetrievalSAMLib.segmentation.steps.inputs import RunInputs
from RetrievalSAMLib.segmentation.steps.order import in_order
from RetrievalSAMLib.server.messages import RunRequest
from RetrievalSAMLib.volumes import Geometry, Plane, Segmentation, Volume, write_volume
from RetrievalSAMLib.volumes.overlap import dice
from RetrievalSAMLib.worker.jobs.segmenting import options_of
from RetrievalSAMLib.worker.parameters import Segment
from RetrievalSAMLib.worker.protocol import Request
from RetrievalSAMLib.worker.task import Task
from training.moved_cases import mirrored_case

FAST = replace(preset("fast"), checks=False)
CASES = [body_case(seed) for seed in (1, 2, 3)]
TARGET = body_case(4)


@pytest.fixture(scope="module")
def models() -> Models:
    return Models(build_segmenter(), build_encoder())


def segmented(target: MemoryCase, cases: list[MemoryCase], models: Models, **chosen: object) -> SegmentationResult:
    return segment_volume(target.image, cases, models, FAST, RunOptions(**chosen))  # type: ignore[arg-type]


def worst_dice(result: SegmentationResult, truth: MemoryCase) -> float:
    """Of both organs; each is known by its name, so that one in the other's place counts 0."""
    names = [segment.name for segment in truth.segmentation.segments]
    return min(dice(result.segmentation.mask(name), truth.segmentation.mask(name)) for name in names)


@pytest.fixture(scope="module")
def upside_down(models: Models, tmp_path_factory: pytest.TempPathFactory) -> tuple[SegmentationResult, Path]:
    state = tmp_path_factory.mktemp("state")
    return segmented(mirrored_case(TARGET), CASES, models, state=state), state


def test_a_target_whose_slices_run_the_other_way_is_segmented_as_well_and_it_is_said(
    models: Models, upside_down: tuple[SegmentationResult, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    straight, (found, _) = segmented(TARGET, CASES, models), upside_down
    assert straight.report.orientation is None
    assert found.report.orientation == OrientationReport(backwards=True)
    assert found.segmentation.geometry == TARGET.image.geometry
    assert worst_dice(found, mirrored_case(TARGET)) > worst_dice(straight, TARGET) - 0.03
    print_summary(found.report)
    assert "the slices of this volume seem to run the other way: its header may be wrong" in capsys.readouterr().err


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> SupportLibrary:
    """Three cases, the slices of the last one in reverse."""
    made = SupportLibrary.create(tmp_path_factory.mktemp("backwards") / "library")
    for case in (*CASES[:2], mirrored_case(CASES[2])):
        made.add(case.image, case.segmentation, name=case.name, plane=Plane.AXIAL)
    return made


def test_a_batch_tells_it_first_and_calls_cases_by_their_number(
    upside_down: tuple[SegmentationResult, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = Results(tmp_path)
    results.make()
    report = results.keep("upside-down", "f", mirrored_case(TARGET).image, upside_down[0])
    straight = replace_fields(report, batch=replace_fields(report.batch, id="straight"), orientation=None)
    cases = OrientationReport(backwards_cases=("Mary Smith", "Bo"))
    named = replace_fields(report, batch=replace_fields(report.batch, id="cases"), orientation=cases)
    found = [Outcome.of(straight, kept=False, notes=("its spacing is not told",))]
    found += [Outcome.of(one, kept=False) for one in (report, named)]
    volume, counted = "the slices of this volume seem to run the other way", "the slices of 2 cases of the library seem"
    assert [len(one.orientation) for one in found] == [0, 1, 1]
    assert volume in _in_a_line(found[1]) and "way" not in _in_a_line(found[0])
    _finish(found, results)
    warned = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: ")]
    assert warned[0].startswith(f"warning: upside-down: {volume}")
    assert warned[1].startswith(f"warning: cases: {counted}") and "straight" in warned[2]
    with (tmp_path / "batch.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = {row["id"]: row["reading"] for row in csv.DictReader(stream)}
    assert rows["upside-down"].startswith(volume) and rows["cases"].startswith(counted)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert volume in page and counted in page and "Mary Smith" not in page


def test_a_header_that_is_trusted_is_followed(library: SupportLibrary, tmp_path: Path) -> None:
    image, result, report = (tmp_path / name for name in ("image.nrrd", "result.seg.nrrd", "report.json"))
    write_volume(mirrored_case(TARGET).image, image)
    command = ["segment", str(library.path), str(image), "-o", str(result), "--report", str(report)]
    assert main([*command, "--preset", "fast", "--trust-header"]) == 0
    assert json.loads(report.read_text())["orientation"] is None


def test_a_review_names_the_case_whose_slices_run_the_other_way(library: SupportLibrary, models: Models) -> None:
    review = review_library(library, models, FAST)
    flagged = {case.name for case in review.cases if any(flag.kind == "backwards" for flag in case.flags)}
    assert flagged == {"body-3"}
    assert review.cases[0].name == "body-3"


@pytest.mark.parametrize("trusted", [True, False])
def test_the_worker_and_the_server_pass_the_choice_on(library: SupportLibrary, trusted: bool) -> None:
    asked = Segment(str(library.path), "image.nrrd", "result.seg.nrrd", trust_header=trusted)
    options = options_of(asked, library, Task(Request("1", "segment", asked), print), None, None)
    assert options.trust_header == trusted
    assert RunRequest(library="bodies", volume="0" * 64, trust_header=trusted).trust_header == trusted


def test_supports_are_named_by_the_slices_of_their_own_files(upside_down: tuple[SegmentationResult, Path]) -> None:
    """Slice i of the mirrored target shows what slice 19 - i of a case does."""
    report = upside_down[0].report
    apart = [
        abs(19 - row.index - support.slice)
        for row in report.slices
        for segment in row.segments.values()
        if segment.area_mm2
        for support in segment.supports
    ]
    assert apart and np.mean(apart) < 3


def test_one_case_among_others_that_runs_the_other_way_is_named(models: Models) -> None:
    odd = [CASES[0], mirrored_case(CASES[1]), CASES[2]]
    found = segmented(TARGET, odd, models)
    assert found.report.orientation == OrientationReport(backwards_cases=("body-2",))
    assert worst_dice(found, TARGET) > 0.9


@pytest.mark.parametrize("is_kept", [True, False])
def test_corrections_are_carried_on_in_that_order(
    models: Models, upside_down: tuple[SegmentationResult, Path], is_kept: bool
) -> None:
    found, state = upside_down
    target = mirrored_case(TARGET)
    masks = [found.segmentation.mask(n).copy() for n in range(2)]
    truth = target.segmentation.mask("Right")
    middle = int(np.flatnonzero(truth.any(axis=(0, 1)))[-3])
    masks[0][:, :, middle] = truth[:, :, middle]
    before = Segmentation.from_masks(found.segmentation.segments, masks, target.image.geometry)
    options = RunOptions(state=state if is_kept else None)
    refined = refine_volume(target.image, before, [middle], CASES, models, FAST, options)
    assert refined.report.refinement is not None and refined.report.refinement.reused == is_kept
    assert refined.report.orientation == OrientationReport(backwards=True)
    assert worst_dice(refined, target) > 0.95
    assert np.array_equal(refined.segmentation.mask(0)[:, :, middle], masks[0][:, :, middle])


def test_a_stack_from_right_to_left_is_never_taken_for_the_other_side_of_the_body(models: Models) -> None:
    """Its reverse would put the left organ where the right one is."""
    target, along = mirrored_case(TARGET), mirrored_case(_sagittal(TARGET))
    for volume, cases, is_asked in ((target, CASES, True), (along, [_sagittal(case) for case in CASES], False)):
        inputs = RunInputs.of(volume.image, cases, models, FAST, RunOptions())
        with torch.inference_mode():
            assert in_order(inputs, describe(inputs))[0].order.of_target == is_asked


def _sagittal(case: MemoryCase) -> MemoryCase:
    """The same voxels, in a header by which slices follow each other from right to left."""
    grid = case.image.geometry
    lying = Geometry(grid.size, grid.spacing_mm, grid.origin_mm, (0, 0, 1, 1, 0, 0, 0, -1, 0))
    masks = [case.segmentation.mask(n) for n in range(2)]
    segmentation = Segmentation.from_masks(case.segmentation.segments, masks, lying)
    return MemoryCase(case.name, Volume(case.image.voxels, lying), segmentation, Plane.SAGITTAL)
