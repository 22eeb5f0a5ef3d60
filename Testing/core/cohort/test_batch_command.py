"""`retrievalsam batch` with real processes: killed and stopped in the midst, and every result that of a single run."""

from __future__ import annotations

import csv
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from RetrievalSAMLib.cli.main import main
from RetrievalSAMLib.segmentation.report import read_report
from RetrievalSAMLib.volumes import read_segmentation, write_volume
from Testing.campaigns.batch_process import BatchProcess, ball, environment, make_library

GOOD = 5
DAMAGED = "patient-9"
QUOTE, EMPTY = '"', ""
REGION = '"2,22,2,26,1,9"'


@dataclass
class Batch:
    """A batch that lost a worker, was stopped, and was run again.

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


def written(results: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mtime_ns for file in results.glob("*.seg.nrrd")}


def command(folder: Path, workers: int) -> list[str | Path]:
    given = ["-o", folder / "out", "--workers", str(workers), "--preset", "fast", "--device", "cpu", "--seed", "5"]
    return [folder / "library", folder / "table.csv", *given]


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    folder = tmp_path_factory.mktemp("batch")
    make_library(folder / "library")
    rows = ["path,id,region"]
    for number in range(GOOD):
        write_volume(ball(10 + number)[0], folder / f"Smith{number}.nrrd")
        rows.append(f"Smith{number}.nrrd,patient-{number},{REGION if number == 4 else EMPTY}")
    (folder / "Jones.nrrd").write_bytes((folder / "Smith0.nrrd").read_bytes()[:2000])
    rows.insert(3, f"Jones.nrrd,{DAMAGED},")
    (folder / "table.csv").write_text("\n".join(rows))
    results = folder / "out" / "results"

    first = BatchProcess(command(folder, 2), folder / "first.log")
    first.wait_for(results, 1)
    first.workers()[0].kill()
    first.wait_for(results, 2)
    workers = first.workers()
    first.press_ctrl_c()
    stopped, left = first.end(), written(results)
    _, orphans = psutil.wait_procs(workers, timeout=60)
    again = BatchProcess(command(folder, 1), folder / "again.log").end()
    return Batch(folder, stopped, left, again, orphans)


@pytest.mark.skipif(sys.platform == "win32", reason="sends Ctrl-C to a group of processes as a POSIX terminal does")
def test_a_stopped_batch_says_how_to_go_on_and_leaves_no_process_and_no_half_file(batch: Batch) -> None:
    code, told = batch.stopped
    assert code == 130, told
    assert told.splitlines()[-1] == "Stopped. Run the same command again to go on."
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


def test_a_folder_that_another_batch_uses_and_wrong_choices_are_refused_before_any_work(
    batch: Batch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["batch", *map(str, command(batch.folder, 1))]
    from RetrievalSAMLib.library.lock import lock_held

    with lock_held(batch.folder / "out" / ".lock", 0):
        assert main(given) == 2
    assert "another batch writes there" in capsys.readouterr().err
    for wrong, told in (
        (["--preset", "slow"], "preset 'slow'"),
        (["--plane", "oblique"], "--plane"),
        (["--segments", "Cube"], "no segment 'Cube'"),
        (["--model", "none"], "none"),
        (["--scheduler", "nowhere"], "it is no scheduler"),
    ):
        assert main([*given, *wrong]) == 2
        assert told in capsys.readouterr().err
