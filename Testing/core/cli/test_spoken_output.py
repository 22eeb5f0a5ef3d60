"""What commands say, where, and what their help looks like."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cli_volumes import GEOMETRY

from RetrievalSAMLib.cli.main import main


@pytest.mark.parametrize("arguments", [["--quiet", "library", "list"], ["library", "list", "--quiet"]])
def test_a_quiet_command_says_nothing(
    arguments: list[str], library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = tmp_path / "answer.json"
    assert main([*arguments, str(library), "--json", str(answer)]) == 0
    assert capsys.readouterr() == ("", "") and len(json.loads(answer.read_text())["cases"]) == 3
    assert main([*arguments, str(tmp_path / "nowhere")]) == 2
    assert "nowhere" in capsys.readouterr().err


@pytest.mark.parametrize("more", [["--json", "-"], ["--json=-"], ["--json", "-", "--quiet"]])
def test_json_goes_to_standard_output_alone(more: list[str], library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["library", "list", str(library), *more]) == 0
    said = capsys.readouterr()
    assert len(json.loads(said.out)["cases"]) == 3
    assert ("case-001" in said.err) == ("--quiet" not in more)


@pytest.mark.parametrize("command", ["segment", "batch", "library add", "library suggest", "serve", "start"])
def test_help_speaks_of_values_not_of_types(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    said = capsys.readouterr().out
    assert "Usage: retrievalsam" in said and "list[" not in said and "922337" not in said


def test_a_seed_beyond_64_bits_is_refused(library: Path, image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["segment", str(library), str(image), "-o", "out.seg.nrrd", "--seed", str(2**63)]) == 2
    assert "64 bits" in capsys.readouterr().err


def test_the_shell_completes_commands() -> None:
    asked = {"_RETRIEVALSAM_COMPLETE": "complete_bash", "COMP_WORDS": "retrievalsam seg", "COMP_CWORD": "1"}
    code = "from RetrievalSAMLib.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | asked, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["segment"]


def test_points_are_refused_before_networks_are_loaded(
    library: Path, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_given: object, **_named: object) -> None:
        raise AssertionError("networks were loaded")

    monkeypatch.setattr("RetrievalSAMLib.cli.commands.segment.load_models", refuse)
    place = [float(mm) for mm in GEOMETRY.index_to_lps(np.array([11, 12, 4]))]
    both = [{"segment": name, "position_mm": place, "positive": True} for name in ("Left half", "Right half")]
    far = [both[0] | {"position_mm": [900, 0, 0]}]
    points = tmp_path / "points.json"
    command = ["segment", str(library), str(image), "-o", str(tmp_path / "out.seg.nrrd"), "--points", str(points)]
    for content, message in ((far, "outside the volume"), (both, "one pixel is said to belong to both")):
        points.write_text(json.dumps({"coordinate_system": "LPS", "points": content}))
        assert main(command) == 2
        assert message in capsys.readouterr().err
