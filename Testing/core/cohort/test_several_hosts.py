"""A batch over hosts of a network: network namespaces of this computer, each with an address of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from RetrievalSAMLib.volumes import write_volume
from Testing.campaigns.batch_process import ball, environment, make_library

VOLUMES = 4
LOGIN, FIRST, SECOND = 1, 2, 3
SCHEDULER = f"tcp://10.93.0.{LOGIN}:8786"
# A host that vanishes says no goodbye; Dask takes half a minute to believe it unless told otherwise.
SETTINGS = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "12s", "OMP_NUM_THREADS": "1"}


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class Network:
    """Hosts on one switch, in namespaces.

    Args:
        prefix: Of the namespaces' names.
        undo: Takes the network down.
    """

    def __init__(self, prefix: str, undo: ExitStack) -> None:
        self._prefix, self._undo = prefix, undo
        self._switch = self._namespace("switch")
        ip("-n", self._switch, "link", "add", "bridge", "type", "bridge")
        ip("-n", self._switch, "link", "set", "bridge", "up")
        for number in (LOGIN, FIRST, SECOND):
            host, port = self._namespace(str(number)), f"port{number}"
            ip("link", "add", "eth0", "netns", host, "type", "veth", "peer", "name", port, "netns", self._switch)
            ip("-n", self._switch, "link", "set", port, "master", "bridge", "up")
            ip("-n", host, "address", "add", f"10.93.0.{number}/24", "dev", "eth0")
            ip("-n", host, "link", "set", "eth0", "up")
            ip("-n", host, "link", "set", "lo", "up")

    def start(self, number: int, log: Path, *arguments: str) -> subprocess.Popen[bytes]:
        """Run Python on a host."""
        command = ["ip", "netns", "exec", f"{self._prefix}-{number}", sys.executable, *arguments]
        with log.open("wb") as stream:
            process = subprocess.Popen(command, stdout=stream, stderr=stream, env=environment() | SETTINGS)
        self._undo.callback(process.wait)
        self._undo.callback(process.kill)
        return process

    def unplug(self, number: int) -> None:
        """Take a host from the network: nothing that it sends arrives any more."""
        ip("-n", self._switch, "link", "set", f"port{number}", "down")

    def _namespace(self, name: str) -> str:
        full = f"{self._prefix}-{name}"
        ip("netns", "add", full)
        self._undo.callback(ip, "netns", "delete", full)
        return full


@contextmanager
def network() -> Iterator[Network]:
    if shutil.which("ip") is None:
        pytest.skip("no `ip` (Debian's iproute2) to make network namespaces with")
    with ExitStack() as undo:
        try:
            made = Network(f"retrievalsam-{os.getpid()}", undo)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces cannot be made here: {error.stderr.decode().strip()}")
        yield made


def wait_for(happens: Callable[[], bool], batch: subprocess.Popen[bytes], log: Path) -> None:
    while not happens():
        assert batch.poll() is None, log.read_text()
        time.sleep(0.05)


def masks(results: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in results.glob("*.seg.nrrd")}


def test_a_host_that_vanishes_costs_no_volume_and_every_mask_is_that_of_one_computer(tmp_path: Path) -> None:
    """Scheduler and command on one host, a worker on each of two others, all files in a folder that they share."""
    make_library(tmp_path / "library")
    (tmp_path / "scans").mkdir()
    for number in range(VOLUMES):
        write_volume(ball(30 + number)[0], tmp_path / "scans" / f"{number}.nrrd")

    def batch(output: Path, *more: str) -> list[str]:
        given = ["--preset", "fast", "--device", "cpu", "--seed", "5", "-o", str(output), *more]
        command = [str(tmp_path / "library"), str(tmp_path / "scans"), *given]
        return ["-m", "RetrievalSAMLib.cli.main", "batch", *command]

    results, log = tmp_path / "far" / "results", tmp_path / "batch.log"
    with network() as hosts:
        scheduler = ["-m", "distributed.cli.dask_scheduler", "--host", SCHEDULER, "--no-dashboard"]
        hosts.start(LOGIN, tmp_path / "scheduler.log", *scheduler)
        worker = ["-m", "distributed.cli.dask_worker", SCHEDULER, "--nthreads", "1", "--no-dashboard"]
        for number in (FIRST, SECOND):
            local = ["--local-directory", str(tmp_path / f"host{number}")]
            hosts.start(number, tmp_path / f"worker{number}.log", *worker, *local)
        running = hosts.start(LOGIN, log, *batch(tmp_path / "far", "--scheduler", SCHEDULER))
        wait_for(lambda: len(masks(results)) > 0, running, log)
        hosts.unplug(SECOND)
        assert running.wait() == 0, log.read_text()
    assert f"{VOLUMES} segmented" in log.read_text()
    near = subprocess.run(
        [sys.executable, *batch(tmp_path / "near", "--workers", "1")],
        env=environment() | SETTINGS,
        capture_output=True,
        check=False,
    )
    assert near.returncode == 0, near.stderr.decode()
    assert masks(results) == masks(tmp_path / "near" / "results")
    assert len(masks(results)) == VOLUMES
