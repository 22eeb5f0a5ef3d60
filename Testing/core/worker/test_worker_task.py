"""What the client is told of a request under way, and of one that failed."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from RetrievalSAMLib.errors import DamagedLibraryError, InputError, ModelError
from RetrievalSAMLib.volumes import write_staged
from RetrievalSAMLib.worker.codec import ProtocolError
from RetrievalSAMLib.worker.faults import fault_of
from RetrievalSAMLib.worker.protocol import Event, Progress, request_of
from RetrievalSAMLib.worker.task import StopRequested, Task


class Clock:
    """Seconds as the test sets them."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def made(clock: Clock) -> tuple[Task, list[Event]]:
    told: list[Event] = []
    return Task(request_of({"id": "1", "do": "ping"}), told.append, clock), told


def test_progress_comes_ten_times_a_second_and_at_the_end() -> None:
    clock = Clock()
    task, told = made(clock)
    for done in range(1001):
        clock.seconds = done / 1000
        task.progress("adding", done, 1000)
    assert 10 <= len(told) <= 12
    assert [(e.done, e.total) for e in (told[0], told[-1]) if isinstance(e, Progress)] == [(0, 1000), (1000, 1000)]


def test_time_left_is_what_was_expected_or_the_pace_of_the_stage() -> None:
    clock = Clock()
    task, told = made(clock)
    task.progress("first", 0, 10)
    task.expect(60.0)
    clock.seconds = 20.0
    task.progress("second", 4, 10)
    clock.seconds = 30.0
    task.progress("second", 5, 10)
    clock.seconds = 100.0
    task.progress("third", 0, 10)
    left = [event.seconds_left for event in told if isinstance(event, Progress)]
    assert left == [None, 40.0, 50.0, None]


def test_a_stopped_task_ends_at_its_next_progress_and_not_as_an_error() -> None:
    task, told = made(Clock())
    task.stop()
    with pytest.raises(StopRequested):
        task.progress("adding", 1, 2)
    assert told == [] and not issubclass(StopRequested, Exception)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("scan.nii", "it is empty", "Copy it again."), "input"),
        (DamagedLibraryError("case.json", "it is missing", "Put it back."), "damaged"),
        (ModelError("sam2.1-tiny", "it is missing", "Download it."), "model"),
        (ProtocolError("the line is not JSON"), "request"),
        (MemoryError(), "memory"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"), "memory"),
        (RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"), "memory"),
        (OSError(errno.ENOSPC, "No space left on device", "out.seg.nrrd"), "disk"),
        (ModuleNotFoundError("No module named 'timm.models'", name="timm.models"), "packages"),
        (ModuleNotFoundError("No module named 'RetrievalSAMLib.x'", name="RetrievalSAMLib.x"), "internal"),
        (RuntimeError("shapes differ"), "internal"),
        (ZeroDivisionError(), "internal"),
    ],
)
def test_every_error_has_its_code_and_its_words(error: Exception, code: str) -> None:
    fault = fault_of(error, "1")
    assert fault.code == code
    assert fault.message == f"{fault.thing}: {fault.fact}. {fault.remedy}"
    assert bool(fault.details) == (code in ("internal", "packages"))


def test_running_out_of_memory_on_a_graphics_card_proposes_smaller_settings() -> None:
    import torch

    fault = fault_of(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), "1")
    assert fault.code == "memory" and "region of interest" in fault.remedy and "processor" in fault.remedy


def test_a_full_disk_is_told_as_one_also_where_a_writer_explains_it(tmp_path: Path) -> None:
    def full(_path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(InputError) as caught:
        write_staged(tmp_path / "out.seg.nrrd", full)
    fault = fault_of(caught.value, "1")
    assert fault.code == "disk" and "out.seg.nrrd" in fault.thing and "space" in fault.remedy


def test_the_window_has_no_options_of_a_command_line() -> None:
    assert fault_of(InputError("--roi", "it lies outside", "Give another."), "1").thing == "region of interest"
