"""One run on each of several devices: they overlap and give what one device gives; one that fails leaves the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from server_process import RunningServer, serving, wait_until
from server_volumes import GRID, subject

from RetrievalSAMLib.server.connection import ServerError
from RetrievalSAMLib.volumes import Geometry, read_segmentation

FAST = {"preset": "fast"}
NAMES = {"cpu 1", "cpu 2"}
# Minutes of work, of which each test ends all but the beginning.
LONG = Geometry((96, 96, 240), (1.0, 1.0, 2.0), GRID.origin_mm, GRID.direction)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, several: Path) -> Iterator[RunningServer]:
    """A server with two workers on the processors."""
    options = ("--device", "cpu", "--device", "cpu", "--accept-labels")
    with serving(tmp_path_factory.mktemp("pair"), several, *options) as running:
        yield running


class Asking:
    """What a client with nothing but the API does."""

    def __init__(self, server: RunningServer) -> None:
        self._connection, client = server.connection(), server.client()
        self._volume = client._send_volume(subject(9, LONG)[0], lambda *_told: None)

    def start(self) -> str:
        """Begin a long run; its id."""
        request = {**FAST, "library": "balls", "volume": self._volume}
        run: str = self._connection.ask("POST", "/v1/runs", json=request).json()["id"]
        return run

    def state(self, run: str) -> dict[str, Any]:
        state: dict[str, Any] = self._connection.ask("GET", f"/v1/runs/{run}").json()
        return state

    def runs(self, run: str) -> bool:
        return bool(self.state(run)["state"] == "running")

    def wait_for(self, run: str) -> None:
        """Wait until it is computed."""
        wait_until(lambda: self.runs(run))

    def cancel(self, *runs: str) -> None:
        """End runs, and wait until they have."""
        for run in runs:
            if self.state(run)["state"] in ("waiting", "running"):
                self._connection.ask("DELETE", f"/v1/runs/{run}")
        wait_until(lambda: not any(self.runs(run) for run in runs))

    def devices(self) -> dict[str, str]:
        """By name, what each does."""
        told = self._connection.ask("GET", "/v1/overview").json()["devices"]
        return {one["name"]: one["state"] for one in told}


@pytest.fixture
def asking(pair: RunningServer) -> Iterator[Asking]:
    client = Asking(pair)
    wait_until(lambda: set(client.devices().values()) == {"free"})
    yield client


def assert_same(one: Path, other: Path) -> None:
    a, b = read_segmentation(one), read_segmentation(other)
    assert a.names == b.names and a.geometry == b.geometry and a.mask(0).any()
    for name in a.names:
        np.testing.assert_array_equal(a.mask(name), b.mask(name))


def test_two_runs_overlap_the_third_waits_and_a_cancelled_one_frees_its_device(
    pair: RunningServer, asking: Asking
) -> None:
    first, second, third = asking.start(), asking.start(), asking.start()
    wait_until(lambda: asking.runs(first) and asking.runs(second))
    assert asking.runs(first)  # looked at before and after the other one: both were running in between
    freed = asking.state(first)["device"]
    assert {freed, asking.state(second)["device"]} == NAMES
    assert asking.devices() == dict.fromkeys(NAMES, "run")
    assert (asking.state(third)["state"], asking.state(third)["place"]) == ("waiting", 1)
    assert asking.state(third)["device"] is None
    asking.cancel(first)
    wait_until(lambda: asking.runs(third))
    assert asking.state(third)["device"] == freed and asking.runs(second)
    asking.cancel(second, third)
    log = "".join(pair.log)
    for name in NAMES:
        assert f"{name}: a run begins" in log and f"{name}: a run was stopped after" in log


def test_each_device_gives_what_this_computer_gives_while_the_other_one_computes(
    pair: RunningServer, asking: Asking, image: Path, local: Path, tmp_path: Path
) -> None:
    used, client = [], pair.client()
    for number in range(2):
        long = asking.start()
        asking.wait_for(long)
        output = tmp_path / f"{number}.seg.nrrd"
        client.segment("balls", image, output, FAST)
        assert asking.runs(long)
        assert_same(output, local)
        assert client._last is not None
        used.append(asking.state(client._last.run)["device"])
        asking.cancel(long)  # the device that now waits longest, which has the next long run, is the other one
    assert set(used) == NAMES


def test_a_worker_that_dies_fails_its_run_alone_and_is_started_anew(
    pair: RunningServer, asking: Asking, image: Path, local: Path, tmp_path: Path
) -> None:
    runs = asking.start(), asking.start()
    wait_until(lambda: all(asking.runs(run) for run in runs))
    before = psutil.Process(pair.process.pid).children()
    before[0].kill()
    wait_until(lambda: any(asking.state(run)["state"] == "failed" for run in runs))
    (failed,) = [run for run in runs if asking.state(run)["state"] == "failed"]
    (other,) = [run for run in runs if run != failed]
    assert "has ended" in asking.state(failed)["error"]["fact"] and asking.runs(other)
    wait_until(lambda: "free" in asking.devices().values())
    assert len(psutil.Process(pair.process.pid).children()) == 2
    client = pair.client()
    client.segment("balls", image, tmp_path / "a.seg.nrrd", FAST)
    assert_same(tmp_path / "a.seg.nrrd", local)
    assert client._last is not None and asking.runs(other)
    assert asking.state(client._last.run)["device"] == asking.state(failed)["device"]
    asking.cancel(other)


def test_a_library_that_learns_keeps_one_device_and_gives_way_when_both_are_wanted(
    pair: RunningServer, asking: Asking, image: Path, local: Path, tmp_path: Path
) -> None:
    connection = pair.connection()
    connection.ask("POST", "/train/balls", json={"minutes": 60})
    wait_until(lambda: sorted(asking.devices().values()) == ["free", "learning"])
    pair.client().segment("balls", image, tmp_path / "a.seg.nrrd", FAST)
    assert_same(tmp_path / "a.seg.nrrd", local)
    assert "learning" in asking.devices().values()
    assert "library.learn was stopped" not in "".join(pair.log)
    runs = asking.start(), asking.start()
    wait_until(lambda: all(asking.runs(run) for run in runs))
    assert asking.devices() == dict.fromkeys(NAMES, "run")
    assert connection.ask("GET", "/train/").json()["status"] == "RUNNING"
    asking.cancel(runs[0])
    wait_until(lambda: "learning" in asking.devices().values())
    connection.ask("DELETE", "/train/")
    asking.cancel(runs[1])


def test_a_device_that_is_not_there_is_taken_out_with_a_message_and_the_others_go_on(
    libraries: Path, image: Path, local: Path, tmp_path: Path
) -> None:
    with serving(tmp_path, libraries, "--device", "cuda:99", "--device", "cpu") as server:
        connection = server.connection()

        def devices() -> dict[str, dict[str, Any]]:
            return {one["name"]: one for one in connection.ask("GET", "/v1/overview").json()["devices"]}

        wait_until(lambda: devices()["cuda:99"]["state"] == "out")
        assert devices()["cuda:99"]["fault"] == "PyTorch finds no such device"
        for number in range(2):
            server.client().segment("balls", image, tmp_path / f"{number}.seg.nrrd", FAST)
            assert_same(tmp_path / f"{number}.seg.nrrd", local)
        wait_until(lambda: devices()["cpu"]["state"] == "free")
        assert "cuda:99: taken out" in connection.ask("GET", "/logs/").text


def test_a_server_without_a_device_refuses_runs_with_the_reason(libraries: Path, tmp_path: Path) -> None:
    with serving(tmp_path, libraries, "--device", "cuda:99", is_able=False) as server:
        connection, client = server.connection(), server.client()
        volume = client._send_volume(subject(1)[0], lambda *_told: None)
        wait_until(lambda: connection.ask("GET", "/v1/overview").json()["devices"][0]["state"] == "out")
        with pytest.raises(ServerError, match="cuda:99 cannot be used: PyTorch finds no such device") as refused:
            connection.ask("POST", "/v1/runs", json={"library": "balls", "volume": volume})
        assert refused.value.status == 503 and not client.health()["model_ready"]
        assert client.health()["queue_length"] == 0
