"""The review of real small libraries with the bundled model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from reviewed_cases import subject

from RetrievalSAMLib.cli.main import main
from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.evaluation import review as review_module
from RetrievalSAMLib.evaluation.kept_results import KeptResults
from RetrievalSAMLib.evaluation.review import Review, ReviewedCase, review_library
from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.segmentation.settings.networks import load_models
from RetrievalSAMLib.segmentation.settings.options import Models
from RetrievalSAMLib.segmentation.settings.presets import preset
from Testing.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[3]
SPARSE = (3, 5, 6, 7)


@pytest.fixture(scope="module")
def models() -> Models:
    return load_models("bundled", "bundled")


def library_at(folder: Path, planted: list[str], sparse: int | None = None) -> SupportLibrary:
    made = SupportLibrary.create(folder)
    for number, kind in enumerate(planted):
        slices = SPARSE if number == sparse else None
        made.add(*subject(number + 1, kind), annotated_slices=slices)
    return made


@dataclass
class Counted:
    """Runs of `leave_out`, by name of the case."""

    names: list[str]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    runs = Counted([])
    real: Callable[..., Any] = review_module.leave_out

    def counting(case: Any, *more: Any) -> Any:
        runs.names.append(case.name)
        return real(case, *more)

    monkeypatch.setattr(review_module, "leave_out", counting)
    return runs


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> SupportLibrary:
    """A library with a sparse and a shifted case, whose review was killed when it had finished one or two."""
    library = library_at(tmp_path_factory.mktemp("killed") / "library", ["", "", "", "shifted"], sparse=1)
    variables = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "RetrievalSAMLib.cli.main", "library", "review", str(library.path)]
    process = subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + PATIENCE
        while not finished(library):
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()
    return library


def finished(library: SupportLibrary) -> set[str]:
    """Ids of the cases that are kept in the cache."""
    return {path.stem for path in library.cache_dir.glob("review/*/*.json") if not path.name.startswith(".")}


def by_name(review: Review) -> dict[str, ReviewedCase]:
    return {case.name: case for case in review.cases}


def kinds(case: ReviewedCase) -> list[str]:
    return [flag.kind for flag in case.flags]


def test_a_killed_review_goes_on_without_repeating_what_was_finished(
    killed: SupportLibrary, models: Models, counted: Counted
) -> None:
    done = finished(killed)
    assert 1 <= len(done) < 4
    told: list[tuple[int, int]] = []

    def progress(stage: str, count: int, total: int) -> None:
        if stage == "reviewing cases":
            told.append((count, total))

    review = review_library(killed, models, preset("fast"), progress)
    assert counted.names == [case.name for case in killed.cases() if case.id not in done]
    assert review.computed == 4 - len(done)
    assert told == sorted(told) and told[-1] == (4, 4)
    again = review_library(killed, models, preset("fast"))
    assert again.computed == 0 and again.cases == review.cases


def test_a_shifted_mask_comes_first_and_is_told(killed: SupportLibrary, models: Models) -> None:
    review = review_library(killed, models, preset("fast"))
    worst = review.cases[0]
    assert worst.name == "case-004" and {"shifted", "low-dice"} <= set(kinds(worst))
    (text,) = [flag.text for flag in worst.flags if flag.kind == "shifted"]
    assert "rows" in text and "mm" in text
    assert worst.dice.mean is not None and worst.dice.mean < 0.6
    for case in review.cases[1:]:
        assert case.dice.mean is not None and case.dice.mean > 0.75, case
        assert not {"shifted", "swapped", "low-dice", "empty"} & set(kinds(case)), case
    assert worst.worst_slices[0].dice <= worst.worst_slices[-1].dice < 0.6


def test_a_sparse_case_is_judged_by_its_annotated_slices_alone(killed: SupportLibrary, models: Models) -> None:
    case = by_name(review_library(killed, models, preset("fast")))["case-002"]
    assert case.sparse and case.dice.mean is not None and case.dice.mean > 0.8
    assert {one.index for one in case.worst_slices} <= set(SPARSE)
    assert not set(kinds(case)) & {"volume", "gap", "jump", "empty"}
    others = [one for one in review_library(killed, models, preset("fast")).cases if one.name != "case-002"]
    assert not any(one.sparse for one in others)


def test_what_is_kept_depends_on_every_case_the_settings_and_its_own_wholeness(
    killed: SupportLibrary, models: Models, counted: Counted
) -> None:
    review_library(killed, models, preset("fast"))
    counted.names.clear()
    (folder,) = killed.cache_dir.glob("review/*")
    first = killed.cases()[0]
    (folder / f"{first.id}.json").write_bytes(b'{"name": "case-001", "dice"')
    review_library(killed, models, preset("fast"))
    assert counted.names == ["case-001"]
    cases = killed.cases()
    assert KeptResults.of(killed.cache_dir, cases, models, preset("fast")).get(first) is not None
    assert KeptResults.of(killed.cache_dir, cases, models, preset("fast", supports=5)).get(first) is None
    assert KeptResults.of(killed.cache_dir, cases[:3], models, preset("fast")).get(first) is None


def test_a_review_can_be_stopped_within_a_case(killed: SupportLibrary, models: Models) -> None:
    told = 0

    def stop(stage: str, _done: int, _total: int) -> None:
        nonlocal told
        told += stage == "reviewing cases"
        if told > 3:  # before the case there is one
            raise KeyboardInterrupt

    before = finished(killed)
    with pytest.raises(KeyboardInterrupt):
        review_library(killed, models, preset("default"), stop)
    assert finished(killed) == before


def test_swapped_labels_come_first_and_a_damaged_case_is_told_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = library_at(tmp_path / "library", ["", "swapped", "", ""])
    damaged = library.get("case-004")
    damaged.image_path.write_bytes(damaged.image_path.read_bytes()[:-1])
    told = tmp_path / "review.json"
    assert main(["library", "review", str(library.path), "--json", str(told), "--device", "cpu"]) == 0
    content = json.loads(told.read_text())
    assert [case["name"] for case in content["cases"][:2]] == ["case-004", "case-002"]
    assert [flag["kind"] for flag in content["cases"][0]["flags"]] == ["damaged"]
    assert content["cases"][0]["dice"] == {"mean": None, "segments": {"Large": None, "Small": None}}
    swapped = content["cases"][1]
    assert swapped["flags"][0]["kind"] == "swapped" and swapped["flags"][0]["segments"] == ["Large", "Small"]
    assert swapped["dice"]["mean"] < 0.3 and set(swapped["dice"]["segments"]) == {"Large", "Small"}
    assert content["preset"] == "fast" and content["computed"] == 3 and str(tmp_path) not in told.read_text()
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert said.err == "" and lines[0].split()[:4] == ["case", "Dice", "Large", "Small"]
    assert lines[1].startswith("case-004") and lines[2].startswith("case-002") and "swapped" in lines[2]


@pytest.mark.parametrize(("count", "message"), [(0, "no case"), (1, "one case only")])
def test_a_library_with_nothing_to_compare_is_told_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], count: int, message: str
) -> None:
    library = library_at(tmp_path / "library", [""] * count)
    assert main(["library", "review", str(library.path)]) == 2
    said = capsys.readouterr().err
    assert message in said and "compares every case with the others" in said


def test_the_published_preset_is_refused(tmp_path: Path, models: Models) -> None:
    library = library_at(tmp_path / "library", ["", ""])
    with pytest.raises(InputError, match="fate-sam"):
        review_library(library, models, preset("fate-sam"))
