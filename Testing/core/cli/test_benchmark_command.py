"""`retrievalsam benchmark` as a person uses it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from RetrievalSAMLib.cli.main import main

SMALL = ["--image-size", "64", "--slices", "2", "--segments", "1", "--cases", "1", "--repeats", "1"]


def test_a_table_and_json_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "benchmark.json"
    assert main(["benchmark", *SMALL, "--json", str(file)]) == 0
    said = capsys.readouterr()
    report = json.loads(file.read_text(encoding="utf-8"))
    assert said.err == ""
    assert "memory attention" in said.out and "bundled (bundled weights), 64 pixels" in said.out
    for name in ("published_loop_same_preset", "published_loop_default", "sam2_video_predictor", "roofline"):
        assert report["ratios"][name] > 0 and name in said.out
    assert report["setup"]["slices"] == 2 and report["setup"]["weights"] == "bundled"
    assert str(tmp_path) not in file.read_text(encoding="utf-8")


def test_nothing_is_compared_where_nothing_shall_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["benchmark", *SMALL, "--compare", "none"]) == 0
    said = capsys.readouterr().out
    assert "roofline" in said and "published_loop" not in said and "conditioning" not in said


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--segments", "0"], "--segments: 0 is out of range. Give 1 to 64."),
        (["--segments", "65"], "--segments"),
        (["--slices", "1"], "--slices: 1 is out of range"),
        (["--cases", "0"], "--cases"),
        (["--repeats", "0"], "--repeats"),
        (["--pixels", "8"], "--pixels"),
        (["--supports", "0"], "--supports"),
        (["--compare", "published,unet"], "--compare: 'unet' is nothing to compare with"),
        (["--preset", "slow"], "preset 'slow'"),
        (["--model", "sam3"], "sam3"),
        (["--image-size", "100"], "image size 100"),
        (["--device", "tpu"], "device 'tpu'"),
        (["--json", "no-such-folder/b.json"], "its folder does not exist"),
    ],
)
def test_bad_input_is_told(options: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["benchmark", *SMALL, *options]) == 2
    assert told in capsys.readouterr().err
