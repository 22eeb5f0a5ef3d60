"""Seconds by stage, on a clock that the test winds."""

from __future__ import annotations

import threading

import pytest

from RetrievalSAMLib import stages
from RetrievalSAMLib.stages import StageTimes, listening, timed


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(stages, "time", made)
    return made


def test_what_happens_in_an_inner_stage_does_not_count_to_the_outer_one(clock: Clock) -> None:
    @timed("inner")
    def inner() -> None:
        clock.now += 2

    @timed("outer")
    def outer() -> str:
        clock.now += 1
        inner()
        clock.now += 4
        inner()
        return "done"

    times = StageTimes()
    with listening(times):
        clock.now += 64
        assert outer() == "done"
        clock.now += 64
        outer()
    assert times.seconds == {"outer": 10, "inner": 8}


def test_a_stage_that_fails_ends(clock: Clock) -> None:
    @timed("broken")
    def broken() -> None:
        clock.now += 3
        raise ValueError

    times = StageTimes()
    with listening(times):
        with pytest.raises(ValueError):
            broken()
        clock.now += 5
        assert times.current is None
    assert times.seconds == {"broken": 3}


def test_the_device_is_waited_for_at_both_ends_of_a_stage(clock: Clock) -> None:
    events = []

    @timed("work")
    def work() -> None:
        events.append("work")

    with listening(StageTimes(lambda: events.append("wait"))):
        work()
    assert events == ["wait", "work", "wait"]


def test_nobody_is_told_where_nobody_listens(clock: Clock) -> None:
    @timed("work")
    def work() -> None:
        clock.now += 1

    times = StageTimes()
    work()
    with listening(times):
        other = threading.Thread(target=work)
        other.start()
        other.join()
    work()
    assert times.seconds == {}


def test_every_stage_of_a_run_is_in_the_table() -> None:
    assert len(set(stages.STAGES)) == len(stages.STAGES)
    named = {value for name, value in vars(stages).items() if name.isupper() and isinstance(value, str)}
    assert named == set(stages.STAGES)
