"""Nothing that names a patient, a user or a computer is in any byte that is written; nothing is sent."""

from __future__ import annotations

import gzip
import json
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from identified_series import FOLDER, ROOT, SECRETS, USER, traces, traces_below, write_labels, write_series

from RetrievalSAMLib.library import SupportLibrary
from RetrievalSAMLib.library.adding.privacy import header_warnings_of
from RetrievalSAMLib.volumes import Geometry, Segment, Segmentation, Volume, write_volume
from RetrievalSAMLib.worker.protocol import encode_request
from Testing.campaigns.hostile.promise import subject


def upright(number: int) -> tuple[Volume, Segmentation]:
    """A small volume whose axes are those of the patient."""
    volume, drawn = subject(number)
    geometry = Geometry((12, 10, 6), (1.5, 1.5, 4.0), (-11.25, 7.5, 3.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    masks = [drawn.mask(row) for row in range(2)]
    return Volume(volume.voxels, geometry), Segmentation.from_masks(drawn.segments, masks, geometry)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Three identified studies: `study0` to `study2`, each a series and its label map."""
    folder = tmp_path / "source" / FOLDER
    for number in range(3):
        volume, drawn = upright(number)
        write_series(folder / f"study{number}", volume.voxels, volume.geometry)
        write_labels(folder / f"Zebrowsky_label{number}.nrrd", drawn)
    assert traces((folder / "Zebrowsky_label0.nrrd").read_bytes(), SECRETS)
    return folder


def secrets(source: Path, tmp_path: Path) -> tuple[str, ...]:
    computer = socket.gethostname()
    return (*SECRETS, USER, str(tmp_path), source.parent.name + "/", *([computer] if len(computer) > 5 else []))


def test_the_search_finds_what_is_hidden_in_archives_and_encodings(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("inner.nrrd", b"NRRD\n\n" + gzip.compress("Zebrowsky".encode("utf-16-le")))
    (tmp_path / "Quillanna.txt").write_bytes(b"zq7731904")
    found = traces_below(tmp_path, SECRETS)
    assert sorted(found) == ["Quillanna.txt: Quillanna", "Quillanna.txt: ZQ7731904", "a.zip: Zebrowsky"]


def test_no_byte_that_the_command_line_writes_names_anybody(
    source: Path,
    tmp_path: Path,
    home: Path,
    commands: Callable[[list[list[object]]], bytes],
    connections: Callable[[], str],
) -> None:
    library, out, new = tmp_path / "library", tmp_path / "out", source / "study2"
    out.mkdir()

    def adding(number: int) -> list[object]:
        label = source / f"Zebrowsky_label{number}.nrrd"
        names = ["--segment", "1=Anterior", "--segment", "2=Posterior"]
        return ["library", "add", library, "--image", source / f"study{number}", "--segmentation", label, *names]

    segment = ["segment", library, new, "-o", out / "r.seg.nrrd", "--report", out / "r.json", "--preset", "fast"]
    refine = ["refine", library, new, "--segmentation", out / "r.seg.nrrd", "--corrected", "2", "--preset", "fast"]
    said = commands([
        ["library", "create", library, "--name", "Balls"],
        adding(0),
        [*adding(1), "--modality", "MR"],
        [*segment, "--logits", out / "r.npz"],
        [*refine, "-o", out / "r2.nii.gz", "--report", out / "r2.json"],
        ["library", "review", library, "--json", out / "review.json"],
        ["evaluate", out / "r.seg.nrrd", source / "Zebrowsky_label2.nrrd", "--json", out / "scores.json"],
        ["library", "export", library, out / "shared.rslib", "--json", out / "exported.json"],
        ["library", "list", library, "--json", out / "list.json"],
        ["library", "verify", library],
    ])  # fmt: skip
    assert said.count(b"no header is kept") == 4 and b"PatientName" in said
    hidden = secrets(source, tmp_path)
    assert traces_below(library, hidden) + traces_below(out, hidden) + traces_below(home, hidden) == []
    # Where a result was written is told, as its user named it; nothing of where its source lies is.
    assert traces(said, tuple(secret for secret in hidden if secret != str(tmp_path))) == set()
    commands([["doctor"]])  # its answer, to the user alone, names the folders of the user's own
    assert any(home.rglob("*.state")), "the cache was looked for in the wrong place"
    assert connections() == ""


def test_no_byte_that_the_worker_leaves_names_anybody(
    source: Path, tmp_path: Path, home: Path, variables: dict[str, str], connections: Callable[[], str]
) -> None:
    library, out = tmp_path / "library", tmp_path / "out"
    out.mkdir()
    SupportLibrary.create(library, "Balls").add(*upright(3))  # it names the values of the label maps
    names = {"folder": str(library)}
    label = [str(source / f"Zebrowsky_label{number}.nrrd") for number in range(3)]
    study = [str(source / f"study{number}") for number in range(3)]
    run = {**names, "image": study[2], "preset": "fast"}
    corrected = {"segmentation": str(out / "r.seg.nrrd"), "corrected": [2]}
    requests = [
        ("library.add", {**names, "image": study[0], "segmentation": label[0], "modality": "MR"}),
        ("library.add_files", {**names, "pairs": [{"image": study[1], "segmentation": label[1]}]}),
        ("library.add", {**names, "image": study[0], "segmentation": "/nowhere/Zebrowsky.nrrd"}),
        ("library.pairs", {"source": str(source)}),
        ("library.describe", {**names, "thumbnails": str(out)}),
        ("segment", {**run, "output": str(out / "r.seg.nrrd"), "partial": str(out)}),
        ("refine", {**run, **corrected, "output": str(out / "2.seg.nrrd")}),
        ("library.export", {**names, "file": str(out / "shared.rslib")}),
        ("library.privacy", names),
        ("shutdown", {}),
    ]  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "RetrievalSAMLib.worker"],
        env=variables, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    results = {}
    with process:
        for number, (verb, parameters) in enumerate(requests):
            process.stdin.write(encode_request(str(number), verb, parameters))
            process.stdin.flush()
            for line in process.stdout:
                event = json.loads(line)
                if event["event"] in ("result", "error", "stopped") and event["id"] == str(number):
                    results[number] = event
                    break
        log = process.stderr.read()
    answered = [results[number]["event"] for number in range(len(requests))]
    assert answered == ["result", "result", "error", *["result"] * 7], results
    assert results[8]["result"] == {"warnings": []}
    report = json.dumps(results[5]["result"]["report"]).encode()
    hidden = secrets(source, tmp_path)
    assert traces_below(library, hidden) + traces_below(out, hidden) + traces_below(home, hidden) == []
    assert traces(log + report, hidden) == set()
    assert b"segment" in log and connections() == ""


def test_a_connection_that_is_tried_is_noticed(variables: dict[str, str], connections: Callable[[], str]) -> None:
    code = "import socket; socket.create_connection(('127.0.0.1', 9))"
    tried = subprocess.run([sys.executable, "-c", code], env=variables, cwd=ROOT, capture_output=True)
    assert tried.returncode == 1 and b"no connection is allowed" in tried.stderr
    assert connections().splitlines()[0] == "socket.getaddrinfo"


def test_an_error_that_nobody_thought_of_leaves_no_name_in_its_log(
    source: Path, tmp_path: Path, home: Path, variables: dict[str, str]
) -> None:
    code = (
        "import sys; from RetrievalSAMLib.cli import main\n"
        "import RetrievalSAMLib.library.store as store\n"
        f"def broken(path): raise RuntimeError({str(source)!r} + ' is odd')\n"
        "store.SupportLibrary.open = broken\n"
        f"sys.exit(main.main(['library', 'list', {str(source)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=variables, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and "unexpected" in done.stderr
    (log,) = home.rglob("error-*.log")
    assert "RuntimeError" in log.read_text() and "cli/commands/library.py" in log.read_text()
    assert traces_below(home, secrets(source, tmp_path)) == []


def test_headers_are_looked_at_and_what_they_hold_is_not_repeated(source: Path, tmp_path: Path) -> None:
    of_series = header_warnings_of(source / "study0")
    assert {"PatientName", "PatientID", "PatientBirthDate"} <= {one.name for one in of_series}
    of_labels = header_warnings_of(source / "Zebrowsky_label0.nrrd")
    assert {one.name for one in of_labels} == {"PatientName", "0010|0030"}
    assert traces(repr([*of_series, *of_labels]).encode(), SECRETS) == set()
    for ending in ("nrrd", "nii.gz", "mha"):
        write_volume(upright(0)[0], tmp_path / f"ours.{ending}")
        assert header_warnings_of(tmp_path / f"ours.{ending}") == []


def test_what_would_leave_a_library_is_looked_at_first(
    tmp_path: Path, commands: Callable[[list[list[object]]], bytes]
) -> None:
    library = SupportLibrary.create(tmp_path / "library", "Balls")
    volume, drawn = upright(0)
    renamed = Segmentation.from_masks(
        (Segment("Liver", 1), Segment("Doe^Jane", 2)), [drawn.mask(0), drawn.mask(1)], drawn.geometry
    )
    library.add(volume, renamed, name="MRN 4711")
    said = commands([["library", "export", library.path, tmp_path / "a.rslib"]]).decode()
    assert said.count("warning:") == 2 and "person's name" in said and "number of a patient" in said
