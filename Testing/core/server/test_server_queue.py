"""The queue over several devices, with workers that do as a test says: broken cards cannot be had here."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.server.messages import RunRequest
from RetrievalSAMLib.server.problems import Problem
from RetrievalSAMLib.server.work.devices import Device, devices_of
from RetrievalSAMLib.server.work.engine import Answer, Engine
from RetrievalSAMLib.server.work.run import Errand, Run
from RetrievalSAMLib.server.work.runs import Runs
from RetrievalSAMLib.server.work.uploads import Upload, Uploads
from RetrievalSAMLib.worker.protocol import Fault, Result, Stopped
from Testing.patience import PATIENCE

CRASH = Fault("1", "internal", "server", "the process that computes has ended", "Try again.", "")
DONE = Result("1", {"report": {"target": {"sha256": "a" * 64}}})
MEMORY = Fault("1", "memory", "memory", "there is not enough of it", "Use less.", "")


class StagedEngine:
    """A worker whose answers a test gives, one after the other."""

    def __init__(self, name: str) -> None:
        self.device = Device(name, "cpu")
        self.ready = False
        self.why: str | None = None
        self.asked: asyncio.Queue[str] = asyncio.Queue()
        self.answers: asyncio.Queue[Answer] = asyncio.Queue()
        self.ends = 0

    async def fault(self) -> str | None:
        self.ready = self.why is None
        return self.why

    async def answer(self, verb: str, _parameters: Mapping[str, Any], _told: Callable[[Any], None]) -> Answer:
        self.asked.put_nowait(verb)
        return await self.answers.get()

    async def cancel(self) -> None:
        self.answers.put_nowait(Stopped("1"))

    async def end(self) -> None:
        self.ends += 1
        self.ready = False


class Queue:
    """A queue over staged workers."""

    def __init__(self, folder: Path, *engines: StagedEngine) -> None:
        uploads = Uploads(folder / "uploads", 1 << 20, 1 << 20, 60.0)
        self.states = folder / "states"
        self.states.mkdir()
        given: dict[str, Any] = {"queue": 8, "keep_seconds": 60.0, "patience_seconds": 60.0, "rest_seconds": 0.0}
        self.runs = Runs(folder / "runs", cast("list[Engine]", engines), uploads, states=self.states, **given)
        self._folder = folder
        self._working: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Queue:
        self._working = [asyncio.create_task(self.runs.work(lane)) for lane in self.runs.lanes]
        return self

    async def __aexit__(self, *_error: object) -> None:
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)

    def add(self) -> Run:
        path = self._folder / "volume.nrrd"
        path.touch()
        upload = Upload(path, 1, False, time.monotonic())
        request = RunRequest(library="balls", volume="0" * 64)
        return self.runs.add("local", request, self._folder, upload, None, None)

    async def ended(self, run: Run) -> str:
        """How a run ends."""
        async for _event in self.runs.follow(run):
            pass
        return run.state


def run_of(test: Callable[[], Any]) -> None:
    asyncio.run(asyncio.wait_for(test(), PATIENCE))


def test_the_next_run_goes_to_the_device_that_is_free_first(tmp_path: Path) -> None:
    async def test() -> None:
        one, other = StagedEngine("cuda:0"), StagedEngine("cuda:1")
        async with Queue(tmp_path, one, other) as queue:
            runs = [queue.add() for _ in range(3)]
            await one.asked.get()
            await other.asked.get()
            assert [run.device for run in runs] == ["cuda:0", "cuda:1", None]
            other.answers.put_nowait(MEMORY)
            assert await queue.ended(runs[1]) == "failed" and other.ends == 0
            await other.asked.get()
            assert runs[2].device == "cuda:1" and runs[0].state == "running"
            for engine in (one, other):
                engine.answers.put_nowait(DONE)
            assert [await queue.ended(run) for run in (runs[0], runs[2])] == ["done", "done"]

    run_of(test)


def test_a_device_on_which_runs_fail_again_and_again_rests_while_there_is_another(tmp_path: Path) -> None:
    async def test() -> None:
        broken, good = StagedEngine("cuda:0"), StagedEngine("cuda:1")
        async with Queue(tmp_path, broken, good) as queue:
            first, held = queue.add(), queue.add()
            await good.asked.get()
            for place, run in enumerate([first, queue.add(), queue.add()]):
                await broken.asked.get()
                broken.why = "no kernel image" if place == 2 else None
                broken.answers.put_nowait(CRASH)
                assert await queue.ended(run) == "failed"
            while queue.runs.devices[0].fault != "no kernel image":  # once it has rested, it is looked at
                await asyncio.sleep(0)
            assert broken.ends == 3
            waiting = queue.add()
            good.answers.put_nowait(DONE)
            assert await queue.ended(held) == "done"
            await good.asked.get()
            assert waiting.device == "cuda:1"
            broken.why = None  # it is tried now and then, and is in again
            again = queue.add()
            await broken.asked.get()
            assert again.device == "cuda:0" and queue.runs.devices[0].fault is None

    run_of(test)


def test_where_no_device_is_left_those_who_wait_hear_why_and_new_runs_are_refused(tmp_path: Path) -> None:
    async def test() -> None:
        only = StagedEngine("cuda:0")
        async with Queue(tmp_path, only) as queue:
            run, waiting = queue.add(), queue.add()
            errand = Errand("library.suggest", {})
            queue.runs.send(errand)
            await only.asked.get()
            only.why = "PyTorch finds no such device"
            only.answers.put_nowait(CRASH)
            assert [await queue.ended(one) for one in (run, waiting)] == ["failed", "failed"]
            assert waiting.error is not None and "cuda:0 cannot be used: PyTorch finds" in waiting.error.fact
            assert isinstance(await errand.answer, Fault)
            with pytest.raises(Problem, match="cannot be used") as refused:
                queue.add()
            assert refused.value.status == 503
            only.why = None
            while not queue.runs.is_ready:
                await asyncio.sleep(0)
            later = queue.add()
            await only.asked.get()
            only.answers.put_nowait(DONE)
            assert await queue.ended(later) == "done"

    run_of(test)


def test_learning_gives_way_to_what_finds_no_free_device_and_to_nothing_else(tmp_path: Path) -> None:
    async def test() -> None:
        one, other = StagedEngine("cuda:0"), StagedEngine("cuda:1")
        async with Queue(tmp_path, one, other) as queue:
            learning = Errand("library.learn", {}, gives_way=True)
            queue.runs.send(learning)
            assert await one.asked.get() == "library.learn"
            first = queue.add()
            assert await other.asked.get() == "segment"
            assert one.answers.empty() and [told.state for told in queue.runs.devices] == ["learning", "run"]
            second = queue.add()
            assert await one.asked.get() == "segment"  # stopped, for the second run
            assert second.device == "cuda:0" and not learning.answer.done()
            other.answers.put_nowait(DONE)
            assert await queue.ended(first) == "done"
            assert await other.asked.get() == "library.learn"  # goes on where there is room
            one.answers.put_nowait(DONE)
            assert await queue.ended(second) == "done"
            other.answers.put_nowait(Result("1", {}))
            assert isinstance(await learning.answer, Result)

    run_of(test)


def test_what_volumes_that_are_gone_have_left_goes_also_while_others_compute(tmp_path: Path) -> None:
    async def test() -> None:
        one, other = StagedEngine("cuda:0"), StagedEngine("cuda:1")
        async with Queue(tmp_path, one, other) as queue:
            old, new = queue.states / f"{'b' * 24}-1.state", queue.states / "staged.part"
            old.touch()
            os.utime(old, (1.0, 1.0))
            queue.add()
            await one.asked.get()
            new.touch()  # of the run that goes on: whose it is cannot be told yet
            queue.runs.sweep()
            assert not old.exists() and new.exists()
            one.answers.put_nowait(Stopped("1"))
            while one.asked.empty() and new.exists():
                await asyncio.sleep(0)
            assert not new.exists()

    run_of(test)


@pytest.mark.parametrize(
    ("names", "shown", "found"),
    [
        (("auto",), None, ["auto"]),
        (("cpu", "cpu"), None, ["cpu 1", "cpu 2"]),
        (("cuda:0", "cuda:1", "cpu"), None, ["cuda:0", "cuda:1", "cpu"]),
        (("cuda:1",), "GPU-3,GPU-7", ["cuda:1"]),
    ],
)
def test_devices_are_named_for_people(
    names: tuple[str, ...], shown: str | None, found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if shown is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)
    devices = devices_of(names)
    assert [device.name for device in devices] == found
    assert ("OMP_NUM_THREADS" in devices[0].variables) == (len(names) > 1)
    if names[0] == "cuda:0":
        assert devices[1].variables["CUDA_VISIBLE_DEVICES"] == "1" and devices[2].kind == "cpu"
        assert devices[1].variables["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
        assert "CUDA_VISIBLE_DEVICES" not in devices[2].variables
    if shown is not None:
        assert devices[0].variables == {"CUDA_VISIBLE_DEVICES": "GPU-7"}


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("tpu",), "'tpu' is no device"),
        (("cuda:0", "cuda:0"), "'cuda:0' is named twice"),
        (("cuda:00", "cuda:0"), "'cuda:0' is named twice"),
        (("cuda", "cuda:1"), "may be the same card"),
        (("cpu", "auto"), "may be the same card"),
        (("cuda:2",), "shows 2 cards, and 'cuda:2' is none of them"),
    ],
)
def test_devices_that_cannot_be_are_refused_before_anything_starts(
    names: tuple[str, ...], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    with pytest.raises(InputError, match=words):
        devices_of(names)
