"""`retrievalsam batch` with real processes: killed and stopped in the midst, and every result that of a single run."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from distributed import LocalCluster

from RetrievalSAMLib.cli.main import main
from RetrievalSAMLib.cohort.items import Item
from RetrievalSAMLib.cohort.order import Order, fingerprint, library_key
from RetrievalSAMLib.cohort.results import DONE, FAILED, ItemReport, Results
from RetrievalSAMLib.cohort.work import segment_item
from RetrievalSAMLib.json_files import read_json
from RetrievalSAMLib.library.lock import lock_held
from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.segmentation.output.report import read_report
from RetrievalSAMLib.segmentation.settings.cleaning import NO_CLEANING
from RetrievalSAMLib.volumes import ReadingChoices, Volume, read_segmentation, read_volume, write_volume
from RetrievalSAMLib.worker.jobs.segmenting import Networks
from Testing.batch_folders import line_of
from Testing.campaigns.batch_process import BatchProcess, ball, environment, make_library
from Testing.core.volumes.dicom_series import write_series
from Testing.patience import PATIENCE

GOOD = 5
DAMAGED = "patient-9"
PADDED = 2
QUOTE, EMPTY = '"', ""
REGION = '"2,22,2,26,1,9"'


@dataclass
class Batch:
    """A batch that lost a worker, was stopped, and was run again on a scheduler's address.

    Attributes:
        folder: Of everything.
        stopped: Exit code and text of the first command.
        left: Files of results and when they were written, after that.
        again: Exit code and text of the second command.
        orphans: Workers that outlived their command.
    """

    folder: Path
    stopped: tuple[int, str]
    left: dict[str, int]
    again: tuple[int, str]
    orphans: list[psutil.Process]

    @property
    def results(self) -> Path:
        return self.folder / "out" / "results"


def padded(volume: Volume) -> Volume:
    """The same without its first column, as many programs mark what lies outside."""
    padding = np.zeros(volume.voxels.shape, bool)
    padding[0] = True
    return Volume(volume.voxels.astype(np.float32), volume.geometry, padding)


def written(results: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mtime_ns for file in results.glob("*.seg.nrrd")}


def command(folder: Path, *more: str) -> list[str | Path]:
    given = ["-o", folder / "out", "--preset", "fast", "--device", "cpu", "--seed", "5", *more]
    return [folder / "library", folder / "table.csv", *given]


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    folder = tmp_path_factory.mktemp("batch")
    make_library(folder / "library")
    rows = ["path,id,region"]
    for number in range(GOOD):
        write_volume(
            padded(ball(10 + number)[0]) if number == PADDED else ball(10 + number)[0], folder / f"Smith{number}.nrrd"
        )
        rows.append(f"Smith{number}.nrrd,patient-{number},{REGION if number == 4 else EMPTY}")
    (folder / "Jones.nrrd").write_bytes((folder / "Smith0.nrrd").read_bytes()[:2000])
    rows.insert(3, f"Jones.nrrd,{DAMAGED},")
    (folder / "table.csv").write_text("\n".join(rows))
    results = folder / "out" / "results"

    first = BatchProcess(command(folder, "--workers", "2"), folder / "first.log")
    first.wait_for(results, 1)
    first.workers()[0].kill()
    first.wait_for(results, 2)
    workers = first.workers()
    first.press_ctrl_c()
    stopped, left = first.end(), written(results)
    _, orphans = psutil.wait_procs(workers, timeout=PATIENCE)
    for picture in (folder / "out" / "pages").glob("*.png"):
        picture.unlink()
    options = {"host": "127.0.0.1", "protocol": "tcp://", "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, **options) as cluster:
        given = command(folder, "--scheduler", cluster.scheduler_address)
        again = BatchProcess(given, folder / "again.log").end()
    return Batch(folder, stopped, left, again, orphans)


@pytest.mark.skipif(sys.platform == "win32", reason="sends Ctrl-C to a group of processes as a POSIX terminal does")
def test_a_stopped_batch_says_how_to_go_on_and_leaves_no_process_and_no_half_file(batch: Batch) -> None:
    code, told = batch.stopped
    assert code == 130, told
    assert told.splitlines()[-1] == "Stopped. Run the same command again to go on.", told
    assert "Traceback" not in told
    assert batch.orphans == []
    assert 2 <= len(batch.left) < GOOD


def test_what_was_finished_is_not_done_twice_and_the_rest_is_done(batch: Batch) -> None:
    code, told = batch.again
    now = written(batch.results)
    assert now.keys() == {f"patient-{number}.seg.nrrd" for number in range(GOOD)}
    # A mask without its report was written, but is not finished.
    finished = {name for name in batch.left if now[name] == batch.left[name]}
    assert len(finished) >= 2
    assert f"{GOOD} segmented ({len(finished)} of them before), 1 failed" in told
    assert code == 1
    pages = batch.folder / "out" / "pages"
    assert sorted(file.name for file in pages.glob("*.*g")) == sorted(
        f"patient-{number}.{kind}" for number in range(GOOD) for kind in ("1.jpg", "1.png", "png")
    )


def test_without_a_terminal_a_line_a_volume_tells_how_far_it_is(batch: Batch) -> None:
    _, told = batch.again
    lines = [line for line in told.splitlines() if line.partition(" ")[0].endswith(f"/{GOOD + 1}")]
    assert [line.partition("/")[0] for line in lines] == [str(number) for number in range(1, GOOD + 2)]
    assert sum("(done before)" in line for line in lines) >= 2
    assert [line for line in lines if f"{DAMAGED}: failed: the volume: " in line]
    assert sum(", confidence " in line for line in lines) == GOOD


def test_accepted_results_become_cases_once_and_nothing_else_does(
    batch: Batch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study, library, table = tmp_path / "study", tmp_path / "library", str(batch.folder / "table.csv")
    shutil.copytree(batch.folder / "out", study)
    shutil.copytree(batch.folder / "library", library)
    reports = [read_json(file, ItemReport) for file in Results(study).report_files()]
    result = {report.batch.id: report.batch.segmentation_sha256 for report in reports}
    said = [
        line_of("patient-0", result["patient-0"], "accepted"),
        line_of("patient-1", result["patient-1"], "accepted"),
        line_of("patient-1", result["patient-1"], "rejected", "Anna"),
        line_of("patient-2", result["patient-2"], "rejected"),
        line_of("patient-3", result["patient-0"], "accepted"),  # of another result
    ]
    (study / "decisions-all.jsonl").write_text("".join(json.dumps(line) + "\n" for line in said))
    add = ["library", "add", str(library), "--accepted", str(study), "--modality", "MR"]
    assert main(add) == 2
    assert "--volumes TABLE.csv" in capsys.readouterr().err
    assert main([*add, "--volumes", table]) == 0
    told = capsys.readouterr()
    assert "added case-004 from patient-0: Ball" in told.out and "1 of 1 accepted result(s) added" in told.out
    case = SupportLibrary.open(library).get("case-004")
    assert (case.provenance.origin, case.provenance.model, case.modality) == ("model", "bundled", "MR")
    np.testing.assert_array_equal(
        case.load_segmentation().mask(0), read_segmentation(Results(study).segmentation("patient-0")).mask(0)
    )
    assert main([*add, "--volumes", table]) == 0
    assert "skipped: patient-0: the library has this volume already, as case-004" in capsys.readouterr().err
    with (study / "decisions-more.jsonl").open("w") as stream:
        stream.write("{")
    assert main([*add, "--volumes", table]) == 2
    assert "a decision cannot be read (decisions-more.jsonl, line 1" in capsys.readouterr().err


def test_an_accepted_result_that_is_no_more_what_was_accepted_is_refused(
    batch: Batch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "study"
    shutil.copytree(batch.folder / "out", study)
    results = Results(study)
    report = read_json(results.report("patient-0"), ItemReport)
    line = line_of("patient-0", report.batch.segmentation_sha256, "accepted")
    (study / "decisions-all.jsonl").write_text(json.dumps(line) + "\n")
    library = SupportLibrary.create(tmp_path / "library")
    add = ["library", "add", str(tmp_path / "library"), "--accepted", str(study), "--volumes"]
    (tmp_path / "table.csv").write_text(f"path,id\n{batch.folder / 'Smith1.nrrd'},patient-0\n")
    assert main([*add, str(tmp_path / "table.csv")]) == 2
    assert "it is not the volume that was segmented" in capsys.readouterr().err
    shutil.copy(results.segmentation("patient-1"), results.segmentation("patient-0"))
    assert main([*add, str(batch.folder / "table.csv")]) == 2
    assert "it is not the segmentation that was accepted" in capsys.readouterr().err
    assert library.cases() == []
    assert main([*add[:-1], "--image", "x.nrrd"]) == 2
    assert main(["library", "add", str(tmp_path / "library")]) == 2
    assert "--image and --segmentation: one of them is missing" in capsys.readouterr().err


def test_a_result_is_finished_only_as_it_was_written_and_for_what_it_was_written(batch: Batch, tmp_path: Path) -> None:
    shutil.copytree(batch.results, tmp_path / "results")
    results = Results(tmp_path)
    wanted = read_json(results.report("patient-0"), ItemReport).batch.fingerprint
    assert results.finished("patient-0", wanted) is not None
    assert results.finished("patient-0", wanted[::-1]) is None
    mask, report = results.segmentation("patient-0"), results.report("patient-0")
    content = mask.read_bytes()
    mask.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert results.finished("patient-0", wanted) is None
    mask.write_bytes(content)
    report.write_bytes(report.read_bytes()[:-100])
    assert results.finished("patient-0", wanted) is None
    report.unlink()
    assert results.finished("patient-0", wanted) is None


def test_a_result_depends_on_all_that_is_asked_for_and_not_on_the_device() -> None:
    order = Order(Path("library"), "cases", Path("out"))
    bundled = Networks("bundled", "bundled", "cpu", None)
    first = fingerprint(order, bundled, "image", None)
    others = [
        fingerprint(replace(order, **{name: value}), bundled, "image", None)
        for name, value in {
            "library_key": "others", "preset": "fast", "plane": "axial", "segments": ("A",), "seed": 1, "version": "0",
            "cleaning": NO_CLEANING,
        }.items()
    ]  # fmt: skip
    others += [
        fingerprint(order, replace(bundled, model="sam2.1-tiny"), "image", None),
        fingerprint(order, replace(bundled, encoder="dinov2-s14"), "image", None),
        fingerprint(order, replace(bundled, image_size=512), "image", None),
        fingerprint(order, bundled, "another", None),
        fingerprint(order, bundled, "image", (0, 1, 0, 1, 0, 1)),
    ]
    assert len({first, *others}) == len(others) + 1
    elsewhere = replace(order, device="cuda", folder=Path("elsewhere"), library=Path("moved"))
    assert fingerprint(elsewhere, replace(bundled, device="cuda"), "image", None) == first


def test_a_volume_that_cannot_be_read_fails_alone_and_is_called_by_its_id(batch: Batch) -> None:
    _, told = batch.again
    with (batch.folder / "out" / "batch.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["id"] for row in rows if row["state"] == "failed"] == [DAMAGED]
    (failed,) = (row for row in rows if row["state"] == "failed")
    assert failed["error"].startswith("the volume: ") and f"failed: {DAMAGED}: {failed['error']}" in told
    page = (batch.folder / "out" / "index.html").read_text(encoding="utf-8")
    for text in (told, page, str(rows), *(file.name for file in (batch.folder / "out").rglob("*"))):
        assert "Jones" not in text and "Smith" not in text


def test_every_result_and_report_is_that_of_a_single_run(batch: Batch) -> None:
    code = (
        "import sys\nfrom RetrievalSAMLib.cli.main import main\nfor words in sys.argv[1:]:\n    main(words.split('|'))"
    )
    runs = [
        f"segment|{batch.folder / 'library'}|{batch.folder / f'Smith{number}.nrrd'}|-o|"
        f"{batch.folder / f'single{number}.seg.nrrd'}|--report|{batch.folder / f'single{number}.json'}"
        f"|--preset|fast|--device|cpu|--seed|5{f'|--roi|{REGION.strip(QUOTE)}' if number == 4 else EMPTY}"
        for number in range(GOOD)
    ]
    subprocess.run([sys.executable, "-c", code, *runs], env=environment(), check=True, stdout=subprocess.DEVNULL)
    for number in range(GOOD):
        alone, file = batch.folder / f"single{number}.seg.nrrd", batch.results / f"patient-{number}.seg.nrrd"
        assert alone.read_bytes() == file.read_bytes()
        assert read_segmentation(file).mask(0).any()
        single = read_report(batch.folder / f"single{number}.json")
        report = read_report(batch.results / f"patient-{number}.report.json")
        changing = {"seconds", "peak_memory_bytes"}
        for name in set(single.__struct_fields__) - changing:
            assert getattr(report, name) == getattr(single, name)


def test_the_table_agrees_with_the_reports(batch: Batch) -> None:
    with (batch.folder / "out" / "batch.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = {row["id"]: row for row in csv.DictReader(stream)}
    for number in range(GOOD):
        row, report = rows[f"patient-{number}"], read_report(batch.results / f"patient-{number}.report.json")
        assert row["Ball (mm3)"] == f"{report.segments[0].volume_mm3:.3f}"
        assert row["confidence"] == f"{report.segments[0].confidence:.3f}"
        assert row["verdict"] == report.verdict
    with (batch.folder / "out" / "numbers.csv").open(encoding="utf-8-sig", newline="") as stream:
        numbers = {(row["volume_id"], row["segment"]): row for row in csv.DictReader(stream)}
    assert set(numbers) == {(f"patient-{number}", "Ball") for number in range(GOOD)}
    for number in range(GOOD):
        row, report = numbers[f"patient-{number}", "Ball"], read_report(batch.results / f"patient-{number}.report.json")
        assert float(row["volume_ml"]) == pytest.approx(report.segments[0].volume_mm3 / 1000, rel=1e-4)
        assert float(row["largest_diameter_mm"]) > 0 and float(row["surface_cm2"]) > 0 and float(row["sd"]) > 0
        assert (row["corrected_slices"], float(row["confidence"])) == ("0", report.segments[0].confidence)
    noted = {name: row["reading"] for name, row in rows.items() if row["reading"]}
    # Balls look the same from all sides: of some, images seem to show a turn.
    seen = {name: text for name, text in noted.items() if "which headers do not tell" not in text}
    assert list(seen) == [f"patient-{PADDED}"] and "voxels are NaN or infinite" in noted[f"patient-{PADDED}"]
    assert f"warning: patient-{PADDED}: {noted[f'patient-{PADDED}']}" in batch.again[1]
    page = (batch.folder / "out" / "index.html").read_text(encoding="utf-8")
    assert page.count(noted[f"patient-{PADDED}"]) == 1


def test_a_volume_of_a_batch_is_the_series_that_its_row_or_the_command_names(batch: Batch, tmp_path: Path) -> None:
    for number in (2, 5):
        volume = ball(number)[0]
        write_series(
            tmp_path / "disc" / str(number), values=volume.voxels, spacing=volume.geometry.spacing_mm, number=number
        )
    library = SupportLibrary.open(batch.folder / "library")
    (tmp_path / "out").mkdir()
    Results(tmp_path / "out").make()
    order = Order(library.path, library_key(library.cases()), tmp_path / "out", preset="fast", device="cpu")
    undecided = segment_item(order, Item("a", tmp_path / "disc"))
    assert undecided.state == FAILED and "--series" in undecided.error
    by_command = segment_item(replace(order, reading=ReadingChoices(series="2")), Item("b", tmp_path / "disc"))
    by_row = segment_item(order, Item("c", tmp_path / "disc", series="5"))
    assert (by_command.state, by_row.state) == (DONE, DONE)
    hashes = [read_report(Results(tmp_path / "out").report(one)).target.sha256 for one in "bc"]
    assert hashes == [read_volume(tmp_path / "disc" / str(number)).content_hash() for number in (2, 5)]


def test_a_folder_that_another_batch_uses_and_wrong_choices_are_refused_before_any_work(
    batch: Batch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["batch", *map(str, command(batch.folder))]
    with lock_held(batch.folder / "out" / ".lock", 0):
        assert main(given) == 2
    assert "another batch writes there" in capsys.readouterr().err
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("RetrievalSAMLib.cli.packages.find_spec", lambda name: name if name != "dask_jobqueue" else None)
        assert main(given) == 2
    assert f"{sys.executable} -m pip install dask-jobqueue" in capsys.readouterr().err
    for wrong, told in (
        (["--preset", "slow"], "preset 'slow'"),
        (["--plane", "oblique"], "--plane"),
        (["--segments", "Cube"], "no segment 'Cube'"),
        (["--model", "none"], "none"),
        (["--scheduler", "nowhere"], "it is no scheduler"),
    ):
        assert main([*given, *wrong]) == 2
        assert told in capsys.readouterr().err
