"""SAM 3 on the command line: its licence first, then the commands that take it, and those that cannot."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from made_up_cases import case
from sam3_tracker import SIZE, random_segmenter

from RetrievalSAMLib.cli import networks
from RetrievalSAMLib.cli.main import main
from RetrievalSAMLib.errors import ModelError
from RetrievalSAMLib.evaluation.leave_one_out import leave_out
from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.models import licences
from RetrievalSAMLib.models.build import build_encoder
from RetrievalSAMLib.models.catalogue import SAM3
from RetrievalSAMLib.models.precision import choose_precision
from RetrievalSAMLib.segmentation.engines.interface import ImageFeatures
from RetrievalSAMLib.segmentation.pipeline import Models, RunOptions, refine_volume, segment_volume
from RetrievalSAMLib.segmentation.prompts.points_and_boxes import NO_PROMPTS, read_prompts
from RetrievalSAMLib.segmentation.sam3.engine import Sam3Engine
from RetrievalSAMLib.segmentation.settings.cleaning import Cleaning
from RetrievalSAMLib.segmentation.settings.default_options import usual_options
from RetrievalSAMLib.segmentation.settings.memory_use import memory_for_supports
from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.tuning.remembering import remembering
from RetrievalSAMLib.tuning.trial import CaseOnTrial
from RetrievalSAMLib.volumes import Segmentation, read_segmentation, write_segmentation, write_volume
from Testing.core.tuning.tuned_library import made_library

FAST = preset("fast")
CPU = ["--preset", "fast", "--device", "cpu"]
LINK = "https://github.com/facebookresearch/sam3/blob/main/LICENSE"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_library(tmp_path_factory.mktemp("library") / "library").path


@pytest.fixture(scope="module")
def image(library: Path) -> Path:
    path = library.parent / "image.nrrd"
    write_volume(case(0).image, path)
    return path


@pytest.fixture
def sam3(published: Path) -> list[str]:
    return ["--model", "sam3", "--checkpoint", str(published)]


def as_by_the_command(library: SupportLibrary) -> RunOptions:
    return usual_options(library, max_memory_bytes=memory_for_supports(), cleaning=Cleaning.of(None))


@pytest.fixture(scope="module")
def direct() -> Models:
    """The same weights, from no file, in the precision that is chosen for this processor."""
    precision = choose_precision(torch.device("cpu"), small=False)
    return Models(replace(random_segmenter(), precision=precision), build_encoder())


def test_the_licence_is_shown_before_the_first_use_and_has_to_be_accepted_once(
    library: Path, image: Path, sam3: list[str], models_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.seg.nrrd"
    command = ["segment", str(library), str(image), "-o", str(output), *CPU, "--roi", "0,20,0,20,4,6", *sam3]
    for more in ([], ["--quiet"]):
        assert main([*command, *more]) == 2
        said = capsys.readouterr().err
        assert f"sam3 stands under the SAM License of Meta, in the version of 2025-11-19: {LINK}" in said
        assert "error: sam3: its licence was not accepted on this computer" in said
        assert "give --accept-licence sam3 once" in said
    assert not output.exists() and not models_folder.joinpath(licences.FILE).exists()
    assert main([*command, "--accept-licence", "sam3"]) == 0
    said = capsys.readouterr().err
    assert LINK in said and "accepted on 20" in said and output.is_file()
    kept = json.loads((models_folder / licences.FILE).read_text())["sam3"]
    assert kept["version"] == "2025-11-19" and kept["accepted_on"] in said
    assert main(command) == 0
    assert LINK not in capsys.readouterr().err
    models_folder.joinpath(licences.FILE).unlink()


@pytest.mark.parametrize("answer", [True, False])
def test_whoever_sits_at_a_terminal_is_asked(
    answer: bool, published: Path, models_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def confirm(question: str, err: bool) -> bool:
        asked.append((question, err))
        return answer

    monkeypatch.setattr(typer, "confirm", confirm)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    if answer:
        networks.settle_model(SAM3, published, None)
        networks.settle_model(SAM3, published, None)
        models_folder.joinpath(licences.FILE).unlink()
    else:
        with pytest.raises(ModelError, match="its licence was not accepted"):
            networks.settle_model(SAM3, published, None)
    assert asked == [("Have you read it, and do you accept it?", True)]


@pytest.mark.usefixtures("accepted")
def test_a_run_from_the_files_gives_what_the_engine_gives(
    library: Path, image: Path, sam3: list[str], direct: Models, tmp_path: Path
) -> None:
    output, report = tmp_path / "out.seg.nrrd", tmp_path / "out.json"
    command = ["segment", str(library), str(image), "-o", str(output), "--report", str(report), *CPU, *sam3]
    assert main(command) == 0
    opened = SupportLibrary.open(library)
    expected = segment_volume(case(0).image, opened.cases(), direct, FAST, as_by_the_command(opened))
    found = read_segmentation(output)
    assert found.mask(0).any()
    assert np.array_equal(found.labelmap(), expected.segmentation.labelmap())
    told = json.loads(report.read_text())["model"]
    assert (told["name"], told["origin"], told["image_size"]) == ("sam3", "checkpoint", SIZE)
    assert told["software"].startswith("transformers 5") and "configuration" in told["software"]
    assert len(told["sha256"]) == 64


@pytest.mark.usefixtures("accepted")
@pytest.mark.parametrize("pointed", [False, True], ids=["a correction", "a point"])
def test_corrections_and_points_are_carried_on_as_the_engine_does(
    pointed: bool, library: Path, image: Path, sam3: list[str], direct: Models, tmp_path: Path
) -> None:
    truth = case(0).segmentation
    drawn, points, output = tmp_path / "drawn.seg.nrrd", tmp_path / "points.json", tmp_path / "out.seg.nrrd"
    write_segmentation(truth, drawn)
    x, y, z = truth.geometry.index_to_lps(np.array([27, 25, 5])).tolist()
    point = {"segment": "Large", "position_mm": [x, y, z], "positive": False}
    points.write_text(json.dumps({"coordinate_system": "LPS", "points": [point]}))
    asked = ["--points", str(points)] if pointed else ["--corrected", "5"]
    command = ["refine", str(library), str(image), "--segmentation", str(drawn), "-o", str(output), *asked]
    assert main([*command, *CPU, *sam3]) == 0
    opened = SupportLibrary.open(library)
    prompts = read_prompts(points) if pointed else NO_PROMPTS
    slices = [] if pointed else [5]
    options = as_by_the_command(opened)
    expected = refine_volume(case(0).image, truth, slices, opened.cases(), direct, FAST, options, prompts).segmentation
    found = read_segmentation(output)
    assert not np.array_equal(found.labelmap(), truth.labelmap())
    assert np.array_equal(found.labelmap(), expected.labelmap())


@pytest.mark.usefixtures("accepted")
def test_a_first_case_is_started_with_it(image: Path, sam3: list[str], tmp_path: Path) -> None:
    truth = case(0).segmentation
    masks = [truth.mask(0).copy(), truth.mask(1).copy()]
    for mask in masks:
        mask[:, :, :5] = False
        mask[:, :, 6:] = False
    slices, output, report = tmp_path / "slices.seg.nrrd", tmp_path / "out.seg.nrrd", tmp_path / "out.json"
    write_segmentation(Segmentation.from_masks(truth.segments, masks, truth.geometry), slices)
    command = ["start", str(image), "--slices", str(slices), "-o", str(output), "--device", "cpu", *sam3]
    assert main([*command, "--report", str(report)]) == 0
    found = read_segmentation(output)
    assert np.array_equal(found.mask("Large")[:, :, 5], masks[0][:, :, 5])
    assert json.loads(report.read_text())["model"]["name"] == "sam3"


@pytest.mark.usefixtures("accepted")
def test_presets_are_fitted_to_it(sam3: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    library = made_library(tmp_path / "library").path
    command = ["library", "tune", str(library), *CPU, "--minutes", "0.0001", *sam3]
    assert main([*command, "--json", str(tmp_path / "tuned.json")]) == 0
    assert "no time was left for place_weight" in capsys.readouterr().out
    told = json.loads((tmp_path / "tuned.json").read_text())
    assert (told["model"]["name"], told["patients"], told["runs"]) == ("sam3", 3, 3)
    assert main(["library", "tune", str(library), "--state"]) == 0
    assert capsys.readouterr().out.startswith("sam3, fast (current): tuned on 3 cases")


def test_a_trial_of_other_settings_is_a_whole_run_without_a_pass_of_the_image_encoder(
    library: Path, direct: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = 0
    encode = Sam3Engine.encode_images

    def counted(self: Sam3Engine, images: torch.Tensor) -> ImageFeatures:
        nonlocal passes
        passes += 1
        return encode(self, images)

    monkeypatch.setattr(Sam3Engine, "encode_images", counted)
    options = RunOptions(cache=tmp_path)
    first, *others = SupportLibrary.open(library).cases()
    trial = CaseOnTrial(first, others, direct, options, remembering(direct.segmenter, 1 << 28))
    trial.run(FAST, lambda: None)
    before, changed = passes, replace(FAST, place_weight=1.25, gate=0.0)
    again = trial.run(changed, lambda: None)
    assert passes == before > 0
    whole = leave_out(first, others, direct, changed, options)
    assert {value: round(dice, 4) for value, dice in again.dice.items()} == whole.dice


ELSEWHERE = {
    "segment": ["segment", "LIBRARY", "IMAGE", "-o", "OUT"],
    "refine": ["refine", "LIBRARY", "IMAGE", "--segmentation", "IMAGE", "--corrected", "1", "-o", "OUT"],
    "start": ["start", "IMAGE", "--slices", "IMAGE", "-o", "OUT"],
    "library tune": ["library", "tune", "LIBRARY"],
    "library review": ["library", "review", "LIBRARY"],
    "demo": ["demo"],
}


@pytest.mark.parametrize("what", ELSEWHERE)
def test_without_its_files_every_command_says_where_they_are_and_what_takes_them(
    what: str,
    library: Path,
    image: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    places = {"LIBRARY": str(library), "IMAGE": str(image), "OUT": str(tmp_path / "out.seg.nrrd")}
    assert main([*(places.get(word, word) for word in ELSEWHERE[what]), "--model", "sam3"]) == 2
    said = capsys.readouterr().err
    assert "sam3: its weights cannot be had by name" in said and "as --checkpoint" in said
    assert "`segment`, `refine`, `start` or `library tune`" in said and "License" not in said
    assert not (tmp_path / "out.seg.nrrd").exists()


def test_what_is_bound_to_sam_2_says_so_at_once(
    library: Path, image: Path, sam3: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["segment", str(library), str(image), "-o", str(tmp_path / "out.seg.nrrd"), "--preset", "fate-sam", *sam3]
    assert main(command) == 2
    assert "bound to SAM 2, and the model is sam3. Use another preset, or a model of SAM 2." in capsys.readouterr().err
    assert main(["benchmark", "--model", "sam3"]) == 2
    told = capsys.readouterr().err
    assert "--model sam3: what is timed" in told and "SAM 2" in told and "Use one of bundled, sam2.1-tiny" in told


def test_only_a_licence_that_the_model_has_can_be_accepted(
    library: Path, image: Path, sam3: list[str], models_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["segment", str(library), str(image), "-o", str(tmp_path / "out.seg.nrrd")]
    for more in (["--accept-licence", "sam3"], [*sam3, "--accept-licence", "sam2.1-tiny"]):
        assert main([*command, *more]) == 2
        assert "--accept-licence: " in capsys.readouterr().err
    assert main([*command, "--server", "http://127.0.0.1:9", "--accept-licence", "sam3"]) == 2
    assert "--accept-licence: with --server, the server decides this" in capsys.readouterr().err
    assert not models_folder.joinpath(licences.FILE).exists()


def test_the_list_of_models_says_what_it_brings_needs_and_allows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == 0
    _, _, told = capsys.readouterr().out.partition("sam3 (segmenter, from a folder of yours)")
    assert "brings" in told and "needs" in told and LINK in told
    assert "--accept-licence sam3" in told and "nothing was measured with its published weights" in told
