"""What was tuned is used, told, carried along, mistrusted and left out."""

from __future__ import annotations

import json
import logging
import zipfile
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from tuned_library import curves_of, made_library, record_of

from RetrievalSAMLib.cohort.order import Order, fingerprint
from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library.sharing.archive import export_library, import_archive
from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.library.upkeep.repair import damage_of, repair
from RetrievalSAMLib.segmentation.pipeline import refine_volume, segment_volume
from RetrievalSAMLib.segmentation.settings.options import Models, RunOptions
from RetrievalSAMLib.segmentation.settings.presets import PRESETS, preset
from RetrievalSAMLib.segmentation.settings.tuning import Tuning
from RetrievalSAMLib.tuning.store import encoded, read_record, write_record
from RetrievalSAMLib.tuning.use import tuned_for, tuned_states
from RetrievalSAMLib.worker.jobs.segmenting import Networks
from Testing.core.segmentation.made_up_cases import case

FAST = preset("fast")


@pytest.fixture
def library(tmp_path: Path) -> SupportLibrary:
    return made_library(tmp_path / "library")


def used(library: SupportLibrary, models: Models, name: str = "fast") -> Tuning | None:
    return tuned_for(library, library.cases(), preset(name), models)[1]


def test_a_run_with_it_says_what_came_from_it(library: SupportLibrary, models: Models) -> None:
    target, cases = case(9).image, library.cases()
    alone = segment_volume(target, cases, models, FAST).report
    assert (alone.fitted_to, alone.tuning, alone.calibrated) == ("nothing", None, False)
    sha256 = write_record(library, record_of(library, models, curves=curves_of(models)))
    settings, tuning = tuned_for(library, cases, FAST, models)
    assert settings == replace(FAST, place_weight=10.0)
    first = segment_volume(target, cases, models, settings, RunOptions(tuning=tuning))
    report = first.report
    assert report.fitted_to == "library" and report.tuning is not None
    assert (report.tuning.sha256, report.tuning.cases, report.tuning.confidence) == (sha256, 3, True)
    change = report.tuning.settings["place_weight"]
    assert (change.value, change.usual) == (10.0, 5.0) and report.settings["place_weight"] == 10.0
    assert report.calibrated is (report.verdict != "unlike-library")
    corrected = refine_volume(
        target, first.segmentation, [4], cases, models, settings, RunOptions(tuning=tuning)
    ).report
    assert corrected.tuning == report.tuning


def test_curves_of_a_tuning_are_what_confidence_comes_from(library: SupportLibrary, models: Models) -> None:
    usual = curves_of(models)
    found = msgspec.structs.replace(usual.found, bias=usual.found.bias - 2)
    lower = msgspec.structs.replace(usual, found=found)
    told = []
    for curves in (usual, lower):
        tuning = Tuning("0" * 64, 3, 3, {}, curves)
        told.append(segment_volume(case(9).image, library.cases(), models, FAST, RunOptions(tuning=tuning)).report)
    assert all(one.confidence > other.confidence for one, other in zip(told[0].segments, told[1].segments, strict=True))


def test_who_wants_nothing_of_it_gets_nothing(library: SupportLibrary, models: Models) -> None:
    write_record(library, record_of(library, models))
    assert tuned_for(library, library.cases(), FAST, models, wanted=False) == (FAST, None)


@pytest.mark.parametrize("name", ["fate-sam", "zhao-2024", "default", "accurate"])
def test_it_is_for_its_preset_alone(library: SupportLibrary, models: Models, name: str) -> None:
    write_record(library, record_of(library, models))
    assert used(library, models) is not None
    assert used(library, models, name) is None


def test_it_is_for_its_model_image_size_and_encoder_alone(
    library: SupportLibrary, models: Models, caplog: pytest.LogCaptureFixture
) -> None:
    write_record(library, record_of(library, models))
    segmenter, encoder = models.segmenter, models.encoder
    others = {
        "": Models(replace(segmenter, sha256="e" * 64), encoder),
        "128 pixels a side, and this run has 256": Models(replace(segmenter, image_size=256), encoder),
        "another encoder": Models(segmenter, replace(encoder, sha256="e" * 64)),
    }
    for reason, other in others.items():
        caplog.clear()
        assert used(library, other) is None
        assert reason in caplog.text and bool(caplog.text) is bool(reason)


def test_that_of_other_cases_is_left_out(
    library: SupportLibrary, models: Models, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = made_library(tmp_path / "other", (7, 8, 9))
    write_record(other, record_of(library, models))
    with caplog.at_level(logging.WARNING):
        assert used(other, models) is None
    assert "other cases" in caplog.text
    assert tuned_states(other)[0].state == "unusable"


NO_CURVE = {"bias": 0, "terms": {}}


def _setting(name: str, usual: float, value: float) -> dict[str, object]:
    return {"settings": [{"name": name, "usual": usual, "value": value, "tried": []}]}


UNSOUND: dict[str, dict[str, object]] = {
    "older": {"format_version": 0},
    "newer": {"format_version": 99},
    "huge": _setting("place_weight", 5.0, 1e9),
    "no such setting": _setting("preset", 2.5, 2.5),
    "never tried": _setting("place_weight", 5.0, 3.0),
    "of another preset": _setting("place_weight", 1.3, 1.3),
    "no cases": {"cases": []},
    "another model": {"segmenter": "0" * 64},
    "no terms": {"calibration": {"segmenter": "", "found": NO_CURVE, "absent": NO_CURVE, "fitted_on": {}}},
    "no number": {"dice_before": "high"},
    "more than there is": {"more": 1},
}


@pytest.mark.parametrize("change", UNSOUND.values(), ids=UNSOUND)
def test_what_no_tuning_gives_is_left_out_with_a_warning(
    library: SupportLibrary, models: Models, change: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    record = record_of(library, models)
    content = json.loads(encoded(record)) | change
    name = library.tuned.path(record.segmenter, "fast").name
    library.tuned.replace(name, json.dumps(content).encode())
    with caplog.at_level(logging.WARNING):
        assert used(library, models) is None
    assert "left out" in caplog.text


def test_damage_is_found_left_out_and_repaired_and_spares_the_others(
    library: SupportLibrary, models: Models, caplog: pytest.LogCaptureFixture
) -> None:
    record = record_of(library, models)
    write_record(library, record)
    write_record(library, msgspec.structs.replace(record, segmenter="a" * 64))
    path = library.tuned.path(record.segmenter, "fast")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert used(library, models) is None
    assert "left out" in caplog.text
    assert [damage.file for damage in damage_of(library.path)] == [f"tuned/{path.name}"]
    repair(library.path)
    assert not damage_of(library.path)
    assert read_record(library, record.segmenter, "fast") is None
    assert read_record(library, "a" * 64, "fast") is not None


def test_a_shared_library_carries_it_where_it_carries_all_that_it_rests_on(
    library: SupportLibrary, models: Models, tmp_path: Path
) -> None:
    write_record(library, record_of(library, models))
    export_library(library, tmp_path / "all.rslib")
    fresh = SupportLibrary.create(tmp_path / "fresh")
    import_archive(fresh, tmp_path / "all.rslib")
    assert used(fresh, models) == used(library, models) is not None
    assert not damage_of(fresh.path)
    beside = made_library(tmp_path / "beside", (7,))
    import_archive(beside, tmp_path / "all.rslib")
    assert not beside.tuned.paths()
    export_library(library, tmp_path / "part.rslib", ["patient1", "patient2"])
    with zipfile.ZipFile(tmp_path / "part.rslib") as archive:
        assert not [name for name in archive.namelist() if name.startswith("tuned/")]


@pytest.mark.parametrize("what", ["changed", "without its sum", "a program"])
def test_an_archive_that_was_tampered_with_adds_nothing(
    library: SupportLibrary, models: Models, tmp_path: Path, what: str
) -> None:
    write_record(library, record_of(library, models))
    export_library(library, tmp_path / "good.rslib")
    with zipfile.ZipFile(tmp_path / "good.rslib") as good, zipfile.ZipFile(tmp_path / "bad.rslib", "w") as bad:
        for name in good.namelist():
            content, is_tuned = good.read(name), name.startswith("tuned/")
            if is_tuned and what == "without its sum" and name.endswith(".sha256"):
                continue
            if is_tuned and what == "changed" and name.endswith(".json"):
                content = content.replace(b"5.0", b"9.9")
            bad.writestr(name, content)
        if what == "a program":
            bad.writestr("tuned/run.py", b"raise SystemExit")
    fresh = SupportLibrary.create(tmp_path / "fresh")
    with pytest.raises(InputError):
        import_archive(fresh, tmp_path / "bad.rslib")
    assert not fresh.cases() and not fresh.tuned.paths()


def test_a_batch_begins_anew_where_a_tuning_is_another_one(tmp_path: Path) -> None:
    order = Order(tmp_path, "key", tmp_path)
    networks = Networks("bundled", "bundled", "cpu", None)
    keys = [fingerprint(order, networks, "image", None, None, tuning) for tuning in (None, "a", "b")]
    assert len(set(keys)) == 3


def test_everything_that_is_tuned_is_a_setting_of_every_preset() -> None:
    from RetrievalSAMLib.tuning.choices import CHOICES

    for choice in CHOICES:
        for name in ("default", "fast", "accurate"):
            usual = getattr(PRESETS[name], choice.name)
            assert usual not in choice.values
            assert all(choice.least <= value <= choice.most for value in (*choice.values, usual))
