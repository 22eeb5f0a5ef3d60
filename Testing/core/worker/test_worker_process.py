"""The real process: its start, its end, and lines that are none of the protocol's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from bad_requests import BAD_LINES
from worker_process import ROOT, WorkerProcess, running

from RetrievalSAMLib import __version__
from RetrievalSAMLib.worker.protocol import Fault, Progress, Ready, Result, Stopped
from Testing.patience import PATIENCE


def test_it_is_ready_before_pytorch_is_imported(tmp_path: Path) -> None:
    """With a PyTorch that cannot even be imported: `ready` does not depend on it, and what does says so."""
    (tmp_path / "torch.py").write_text("raise ImportError('this PyTorch is broken', name='torch')\n")
    worker = WorkerProcess({"PYTHONPATH": str(tmp_path)})
    try:
        ready = worker.next()
        assert ready == Ready(1, __version__, worker.process.pid)
        assert worker.result("ping") == {}
        found = worker.result("environment")
        assert found["device"] is None and "broken" in found["device_reason"] and found["devices"] == []
        assert found["version"] == __version__ and found["packages"]["numpy"] and found["models"]
        fault = worker.fault("segment", folder="f", image="i", output="o.seg.nrrd")
        assert (fault.code, fault.thing) == ("packages", "torch")
    finally:
        worker.close_input()
        assert worker.ended()[0] == 0


def test_what_libraries_print_does_not_disturb_the_protocol(tmp_path: Path) -> None:
    (tmp_path / "psutil.py").write_text(
        "import os, sys\nprint('{\"event\": \"party\"}', flush=True)\nos.write(1, b'Loading...')\n"
        "os.system('echo from a child')\nraise ImportError('none')\n"
    )
    with running({"PYTHONPATH": str(tmp_path)}) as worker:
        assert worker.result("environment")["memory_total"] is None
        assert worker.result("ping") == {}
        worker.close_input()
        _, log = worker.ended()
    assert '{"event": "party"}' in log and "Loading..." in log and "from a child" in log


def test_the_environment_is_told(worker: WorkerProcess) -> None:
    found = worker.result("environment")
    assert found["device"] in found["devices"] and "cpu" in found["devices"] and found["device_reason"].endswith(".")
    assert 0 < found["memory_free"] < found["memory_total"] and found["disk_free"] > 0 and found["threads"] >= 1
    bundled = [model for model in found["models"] if model["name"] == "bundled"]
    assert [model["kind"] for model in bundled] == ["segmenter", "encoder", "prompt decoder"]
    assert all(model["installed"] and model["bytes"] > 0 for model in bundled)


@pytest.mark.parametrize("kind", BAD_LINES)
def test_a_bad_line_is_refused_and_the_worker_goes_on(kind: str, worker: WorkerProcess) -> None:
    line, request_id = BAD_LINES[kind]
    worker.write(line + b"\n")
    worker.ask("after", "ping")
    first, second = worker.next(), worker.next()
    assert isinstance(first, Fault) and (first.code, first.id) == ("request", request_id) and first.fact
    assert second == Result("after", {})


def test_an_id_that_is_under_way_is_refused(worker: WorkerProcess) -> None:
    worker.write(b"".join(json.dumps({"id": "same", "do": "environment"}).encode() + b"\n" for _ in range(2)))
    events = [worker.next(), *worker.until(Result)]
    assert [event.code for event in events if isinstance(event, Fault)] == ["request"]


def test_lines_may_come_in_any_pieces(worker: WorkerProcess) -> None:
    for byte in b'{"id": "slow", "do": "ping"}\r\n\n':
        worker.write(bytes([byte]))
    assert worker.next() == Result("slow", {})


@pytest.mark.parametrize("way", ["end of input", "shutdown"])
def test_it_ends_when_the_client_says_so(way: str) -> None:
    with running() as worker:
        if way == "shutdown":
            assert worker.result("shutdown") == {}
        else:
            worker.close_input()
        assert worker.ended()[0] == 0


def test_it_ends_when_nobody_reads_its_answers() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "RetrievalSAMLib.worker"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdin is not None and process.stdout is not None
        assert b"ready" in process.stdout.readline()
        process.stdout.close()
        process.stdin.write(b'{"id": "1", "do": "ping"}\n')
        process.stdin.flush()
        process.wait(PATIENCE)
    finally:
        process.kill()
        process.wait()
        assert process.stdin is not None
        process.stdin.close()


DEAF = """
import os, sys, time
from RetrievalSAMLib.worker.server import Server
def work(task):
    task.progress("computing", 0, 1)
    time.sleep(3600)
Server(os.dup(0), os.fdopen(os.dup(1), "wb"), work).serve()
"""


def test_a_computation_that_does_not_look_up_does_not_outlive_the_client() -> None:
    with running(code=DEAF) as worker:
        worker.ask("1", "ping")
        worker.until(Progress)
        worker.close_input()
        assert worker.ended()[0] == 1


CLIENT = """
import subprocess, sys, time
worker = subprocess.Popen([sys.executable, "-m", "RetrievalSAMLib.worker"], stdin=subprocess.PIPE)
print(worker.pid, flush=True)
time.sleep(3600)
"""


def test_a_client_that_is_killed_takes_the_worker_with_it() -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert client.stdout is not None
        first = client.stdout.readline() + client.stdout.readline()  # its number and `ready`, in either order
        number = next(int(line) for line in first.splitlines() if line.strip().isdigit())
        worker = psutil.Process(number)
        client.kill()
        client.wait()
        psutil.wait_procs([worker], timeout=PATIENCE)
        # Where nobody collects orphans, its number stays in use by what has ended.
        assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
    finally:
        client.kill()
        client.wait()
        if client.stdout is not None:
            client.stdout.close()


def test_a_bug_is_told_with_its_traceback_and_the_worker_goes_on(tmp_path: Path) -> None:
    (tmp_path / "msgspec.py").write_text("raise ZeroDivisionError('a' + ' bug')\n")
    with running({"PYTHONPATH": str(tmp_path)}) as worker:
        fault = worker.fault("library.verify", folder=str(tmp_path / "Jane Doe"))
        assert fault.code == "internal" and "ZeroDivisionError" in fault.details and "Traceback" in fault.details
        # The text of an error may hold a name or a path, and the place of a file the user's name.
        assert "a bug" not in fault.details and str(tmp_path) not in fault.details
        assert worker.result("ping") == {}
        worker.close_input()
        assert "Jane" not in worker.ended()[1]


def test_what_waits_is_told_at_the_end() -> None:
    with running(code=DEAF) as worker:
        worker.ask("1", "ping")
        worker.ask("2", "ping")
        worker.until(Progress)
        worker.ask("3", "shutdown")
        events = worker.until(Stopped)
        assert events[-1] == Stopped("2")
