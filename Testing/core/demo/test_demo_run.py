from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from made_up_run import made_up_run

from RetrievalSAMLib import NOTICE
from RetrievalSAMLib.demo import run as demo
from RetrievalSAMLib.demo.run import DemoResult, run_demo
from RetrievalSAMLib.demo.subject import Subject
from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library import SupportLibrary
from RetrievalSAMLib.models.build import random_encoder, random_segmenter
from RetrievalSAMLib.retrieval.evidence import SupportCase
from RetrievalSAMLib.segmentation.pipeline import Models, RunOptions, SegmentationResult
from RetrievalSAMLib.segmentation.settings.presets import Settings, preset
from RetrievalSAMLib.volumes import (
    Geometry,
    Segmentation,
    Volume,
    read_segmentation,
    read_volume,
    write_segmentation,
    write_volume,
)


@pytest.fixture
def fake_segmentation(monkeypatch: pytest.MonkeyPatch, cohort: list[Subject]) -> list[RunOptions]:
    """In place of the networks a result with small errors; gives the options that it got."""
    seen: list[RunOptions] = []

    def segment(
        target: Volume, cases: list[SupportCase], models: Models, settings: Settings, options: RunOptions
    ) -> SegmentationResult:
        seen.append(options)
        supports = [Subject(case.name, case.load_image(), case.load_segmentation()) for case in cases]
        truth = next(s for s in cohort if s.image.content_hash() == target.content_hash())
        run = made_up_run(truth, supports)
        return SegmentationResult(run.segmentation, run.report)

    monkeypatch.setattr(demo, "segment_volume", segment)
    monkeypatch.setattr(demo, "make_cohort", lambda count, progress: cohort[:count])
    return seen


def run(output: Path, supports: int = 2) -> DemoResult:
    return run_demo(output, "synthetic", None, None, preset("default"), supports=supports)  # type: ignore[arg-type]


def test_the_demonstration_leaves_a_library_a_segmentation_a_report_and_a_picture(
    fake_segmentation: list[RunOptions], cohort: list[Subject], tmp_path: Path
) -> None:
    result = run(tmp_path / "new" / "demo")
    assert result.target == "subject-03"
    names = [score.name for score in result.scores]
    assert names == ["Liver", "Spleen", "Right kidney", "Left kidney", "Aorta", "Spine"]
    assert all(0.4 < score.dice < 1 for score in result.scores)
    assert list(result.seconds) == ["data", "library", "segmentation", "evaluation", "files", "total"]
    assert result.seconds["total"] > 0

    library = SupportLibrary.open(result.library)
    assert [case.name for case in library.cases()] == ["subject-01", "subject-02"]
    assert {case.modality for case in library.cases()} == {"CT"}
    assert fake_segmentation[0].cache == library.cache_dir
    written = read_segmentation(result.segmentation)
    assert written.segments == cohort[2].segmentation.segments
    assert written.geometry.difference(cohort[2].image.geometry) is None
    report = json.loads(result.report_file.read_text(encoding="utf-8"))
    assert report["notice"] == NOTICE
    assert report["target"]["sha256"] == cohort[2].image.content_hash()
    assert result.contact_sheet.read_bytes().startswith(b"\x89PNG")
    left = {path.name for path in (tmp_path / "new" / "demo").iterdir()}
    assert {path.name for path in result.files} == left - {"library"}
    assert left == {
        "library",
        "image.nrrd",
        "reference.seg.nrrd",
        "segmentation.seg.nrrd",
        "report.json",
        "contact-sheet.png",
    }
    assert read_volume(result.image).content_hash() == cohort[2].image.content_hash()
    assert read_segmentation(result.reference).segments == cohort[2].segmentation.segments


def test_a_second_demonstration_uses_the_library_of_the_first(
    fake_segmentation: list[RunOptions], tmp_path: Path
) -> None:
    first = run(tmp_path, supports=1)
    ids = {case.id for case in SupportLibrary.open(first.library).cases()}
    again = run(tmp_path, supports=2)
    cases = SupportLibrary.open(again.library).cases()
    assert len(cases) == 2 and ids < {case.id for case in cases}


def test_the_library_of_somebody_else_is_left_alone(
    fake_segmentation: list[RunOptions], cohort: list[Subject], tmp_path: Path
) -> None:
    library = SupportLibrary.create(tmp_path / "library", "My livers")
    library.add(cohort[0].image, cohort[0].segmentation, name="mine")
    with pytest.raises(InputError, match="not this demonstration's"):
        run(tmp_path)
    assert [case.name for case in library.cases()] == ["mine"]


def test_a_case_that_was_changed_is_not_taken_for_the_demonstrations(
    fake_segmentation: list[RunOptions], cohort: list[Subject], tmp_path: Path
) -> None:
    library = SupportLibrary.create(tmp_path / "library", "RetrievalSAM demo (synthetic)")
    library.add(cohort[3].image, cohort[3].segmentation, name="subject-01")
    with pytest.raises(InputError, match="its case subject-01 is not"):
        run(tmp_path)


def test_what_is_wrong_is_said_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    models, settings = None, preset("default")
    with pytest.raises(InputError, match="it is a file, not a folder"):
        run_demo(tmp_path / "file", "synthetic", None, models, settings)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="it is a file, not a folder"):
        run_demo(tmp_path / "file" / "below", "synthetic", None, models, settings)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="there is no such data"):
        run_demo(tmp_path, "brain", None, models, settings)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="made, not read"):
        run_demo(tmp_path, "synthetic", tmp_path, models, settings)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="too few"):
        run_demo(tmp_path, "synthetic", None, models, settings, supports=0)  # type: ignore[arg-type]


def test_with_real_networks_on_hippocampus_files(tmp_path: Path) -> None:
    """Random weights: what is found means nothing, but everything is where it should be."""
    source = tmp_path / "data"
    source.mkdir()
    grid = Geometry((14, 16, 6), (1, 1, 2), (3, -4, 5), (-1, 0, 0, 0, -1, 0, 0, 0, 1))
    rng = np.random.default_rng(0)
    for number in range(3):
        labels = np.zeros(grid.size, dtype=np.uint8)
        labels[4:10, 3:7, 1:4] = 1
        labels[4:10, 7:12, 2:5] = 2
        voxels = (rng.normal(0, 10, grid.size) + 100 * labels).astype(np.float32)
        write_volume(Volume(voxels, grid), source / f"h{number}_image.nii.gz")
        write_segmentation(Segmentation.from_labelmap(labels, grid), source / f"h{number}_label.nii.gz")
    told: list[str] = []
    result = run_demo(
        tmp_path / "demo", "hippocampus", source, Models(random_segmenter(), random_encoder()),
        preset("fast"), lambda stage, done, total: told.append(stage), supports=2,
    )  # fmt: skip
    assert result.target == "case-003"
    assert [score.name for score in result.scores] == ["Anterior hippocampus", "Posterior hippocampus"]
    assert [case.name for case in SupportLibrary.open(result.library).cases()] == ["case-001", "case-002"]
    assert len(result.report.slices) == 6
    assert result.report.library.name == "RetrievalSAM demo (hippocampus)"
    assert {"reading cases", "building the library", "segmenting"} <= set(told)
    assert result.contact_sheet.is_file()
