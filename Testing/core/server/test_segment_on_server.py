"""`segment --server`, the recipe with curl as docs/serve.md has it, and what is answered where something is missing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import requests
from server_process import ROOT, TOKENS, RunningServer
from server_volumes import subject

from RetrievalSAMLib.cli.main import main
from RetrievalSAMLib.volumes import read_segmentation
from Testing.patience import PATIENCE


def assert_equal_labels(one: Path, other: Path) -> None:
    got, wanted = read_segmentation(one), read_segmentation(other)
    assert got.geometry.difference(wanted.geometry) is None
    np.testing.assert_array_equal(got.labelmap(), wanted.labelmap())
    assert wanted.labelmap().any()


def test_segment_by_a_server_writes_what_segment_writes(
    server: RunningServer,
    image: Path,
    local: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RETRIEVALSAM_SERVER_TOKEN", TOKENS[0])
    report = tmp_path / "report.json"
    given = ["balls", str(image), "--server", server.address, "--ca-file", str(server.ca_file), "--preset", "fast"]
    assert main(["segment", *given, "-o", str(tmp_path / "a.nii.gz"), "--report", str(report)]) == 0
    assert_equal_labels(tmp_path / "a.nii.gz", local)
    told = json.loads(report.read_text())
    assert told["preset"] == "fast" and [one["name"] for one in told["segments"]] == ["Large", "Small"]
    out = capsys.readouterr().out
    assert "Large" in out and f"wrote {tmp_path / 'a.nii.gz'} and {report}" in out
    monkeypatch.delenv("RETRIEVALSAM_SERVER_TOKEN")
    token = tmp_path / "token"
    token.write_text(TOKENS[0] + "\n")
    token.chmod(0o600)
    points = tmp_path / "points.json"
    position = [float(part) for part in subject(0)[0].geometry.index_to_lps(np.array([9.0, 12.0, 3.0]))]
    clicked = [{"segment": "Small", "position_mm": position, "positive": True}]
    points.write_text(json.dumps({"coordinate_system": "LPS", "points": clicked}))
    given += ["--token-file", str(token), "--points", str(points), "-o", str(tmp_path / "b.seg.nrrd")]
    assert main(["segment", *given]) == 0
    assert read_segmentation(tmp_path / "b.seg.nrrd").mask("Small")[9, 12, 3]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--token-file", "OPEN"], "other users of this computer can read it"),
        (["--token-file", "GONE"], "there is no such file"),
        (["--token-file", "EMPTY"], "it does not hold one line"),
        (["--device", "cpu"], "the server decides this"),
        (["--logits", "l.npz"], "the server decides this"),
        ([], "none was given"),
    ],
)
def test_what_a_server_cannot_be_given_is_refused_with_exit_code_2(
    server: RunningServer,
    image: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    words: str,
) -> None:
    for name, mode, text in (("OPEN", 0o644, TOKENS[0]), ("EMPTY", 0o600, "")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(mode)
    given = [str(tmp_path / one) if one in ("OPEN", "EMPTY", "GONE", "l.npz") else one for one in options]
    output = tmp_path / "out.nii.gz"
    command = ["segment", "balls", str(image), "--server", server.address, "--ca-file", str(server.ca_file)]
    assert main([*command, "-o", str(output), *given]) == 2
    assert words in capsys.readouterr().err and not output.exists()


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="needs curl and bash")
def test_the_recipe_with_curl_works_as_it_stands_in_the_documentation(
    open_desk: RunningServer, tmp_path: Path, local: Path, image: Path
) -> None:
    page = (ROOT / "docs" / "serve.md").read_text(encoding="utf-8")
    (recipe,) = re.findall(r"```sh\n([^`]*curl [^`]*/infer/[^`]*)```", page)
    shutil.copy(image, tmp_path / "new.nii.gz")
    variables = os.environ | {"RETRIEVALSAM_SERVER": open_desk.address}
    command = ["bash", "-euo", "pipefail", "-c", recipe]
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert_equal_labels(tmp_path / "result.nii.gz", local)


def test_refusals_say_where_to_go_instead(server: RunningServer, image: Path) -> None:
    def refused(method: str, path: str, **options: object) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {TOKENS[0]}"} | dict(options.pop("headers", {}))  # type: ignore[call-overload]
        answer = requests.request(
            method, f"{server.address}{path}", verify=str(server.ca_file), timeout=PATIENCE, headers=headers, **options
        )
        return answer.status_code, answer.json()["message"]

    status, words = refused("GET", "/v1/librarys")
    assert status == 404 and "Did you mean /v1/libraries?" in words
    status, words = refused("POST", "/v1/libraries")
    assert status == 405 and "this address takes GET" in words
    status, words = refused("PUT", f"/v1/volumes/{'0' * 64}", data=image.read_bytes())
    assert status == 422 and "SHA-256" in words
    digest = subprocess.run(["sha256sum", str(image)], capture_output=True, text=True, check=True).stdout.split()[0]
    status, words = refused("PUT", f"/v1/volumes/{digest}", data=image.read_bytes())
    assert status == 415 and "NIfTI-1, and .nrrd is taken here" in words and "/infer/" in words
    status, words = refused("POST", "/v1/runs", data="library=balls", headers={"Content-Type": "text/plain"})
    assert status == 415 and "application/json" in words
    status, words = refused("POST", "/v1/runs", json={"library": "liver", "volume": "0" * 64})
    assert status == 404 and "It has balls." in words
