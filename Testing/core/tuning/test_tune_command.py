"""`retrievalsam library tune`, and the runs of commands, batches and the worker that use what it found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tuned_library import made_library, record_of

from RetrievalSAMLib.cli.main import main
from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.models.build import build_encoder, build_segmenter
from RetrievalSAMLib.segmentation.settings.options import Models
from RetrievalSAMLib.tuning.store import write_record
from RetrievalSAMLib.volumes import write_volume
from Testing.core.segmentation.made_up_cases import case


@pytest.fixture
def library(tmp_path: Path) -> SupportLibrary:
    return made_library(tmp_path / "library")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.nrrd"
    write_volume(case(9).image, path)
    return path


@pytest.fixture
def tuned(library: SupportLibrary) -> SupportLibrary:
    write_record(library, record_of(library, Models(build_segmenter(), build_encoder())))
    return library


def test_the_command_plans_tunes_and_tells(
    library: SupportLibrary, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["library", "tune", str(library.path), "--state"]) == 0
    assert "nothing tuned yet" in capsys.readouterr().out
    answer = tmp_path / "tuned.json"
    words = ["library", "tune", str(library.path), "--preset", "fast", "--device", "cpu", "--minutes", "0.0001"]
    assert main([*words, "--json", str(answer)]) == 0
    said = capsys.readouterr()
    assert said.err.startswith("plan: segment each of 3 cases")
    assert "no time was left for place_weight" in said.out and "these stay" in said.out
    told = json.loads(answer.read_text())
    assert (told["patients"], told["runs"], told["dice_before"]) == (3, 3, told["dice_after"])
    assert main(["library", "tune", str(library.path), "--state"]) == 0
    assert capsys.readouterr().out.startswith("bundled, fast (current): tuned on 3 cases")


@pytest.mark.parametrize(("words", "fact"), [(["--preset", "fate-sam"], "published"), (["--minutes", "0"], "no time")])
def test_what_cannot_be_is_refused(
    library: SupportLibrary, capsys: pytest.CaptureFixture[str], words: list[str], fact: str
) -> None:
    assert main(["library", "tune", str(library.path), *words]) == 2
    assert fact in capsys.readouterr().err


def test_segment_and_refine_use_it_unless_told_not_to(
    tuned: SupportLibrary, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, result = tmp_path / "report.json", tmp_path / "result.seg.nrrd"
    common = [str(tuned.path), str(image), "--preset", "fast", "--device", "cpu", "--report", str(report)]
    assert main(["segment", *common, "-o", str(result)]) == 0
    assert "tuned for bundled on 3 cases of this library: place_weight 10 instead of 5" in capsys.readouterr().out
    assert json.loads(report.read_text())["settings"]["place_weight"] == 10.0
    again = ["refine", *common, "--segmentation", str(result), "--corrected", "4", "-o", str(tmp_path / "b.seg.nrrd")]
    assert main(again) == 0
    told = json.loads(report.read_text())
    assert told["tuning"]["settings"]["place_weight"]["value"] == 10.0
    assert told["refinement"]["reused"]
    assert main([*again, "--no-learned"]) == 0
    told = json.loads(report.read_text())
    assert told["tuning"] is None and told["settings"]["place_weight"] == 5.0 and not told["refinement"]["reused"]


def test_a_batch_uses_it(tuned: SupportLibrary, image: Path, tmp_path: Path) -> None:
    from RetrievalSAMLib.cohort.items import Item
    from RetrievalSAMLib.cohort.order import Order, library_key
    from RetrievalSAMLib.cohort.results import Results
    from RetrievalSAMLib.cohort.work import Seat

    key = library_key(tuned.cases())
    for learned, weight in ((True, 10.0), (False, 5.0)):
        order = Order(tuned.path, key, tmp_path / f"results-{learned}", preset="fast", device="cpu", learned=learned)
        results = Results(order.folder)
        order.folder.mkdir()
        results.make()
        outcome = Seat(order).segment(Item("one", image))
        assert outcome.error == ""
        report = json.loads(results.report("one").read_text())
        assert report["settings"]["place_weight"] == weight
