"""Two at a time, in order, no further ahead than said, and one at a time where that is better."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from RetrievalSAMLib import side_by_side as module
from RetrievalSAMLib.side_by_side import side_by_side, workers
from RetrievalSAMLib.stages import StageTimes, listening
from Testing.patience import PATIENCE


@pytest.fixture(autouse=True)
def four_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(module, "available_processors", lambda: 4)


def test_results_come_in_the_order_of_the_items_from_two_threads_at_once() -> None:
    both = threading.Barrier(2, timeout=PATIENCE)

    def work(item: int) -> int:
        both.wait()  # passes only if another item is worked on at the same time
        return item * item

    assert list(side_by_side(work, range(6))) == [0, 1, 4, 9, 16, 25]


def test_items_are_asked_for_no_further_ahead_than_two() -> None:
    asked: list[int] = []

    def items() -> Iterator[int]:
        for item in range(10):
            asked.append(item)
            yield item

    results = side_by_side(lambda item: item, items())
    assert next(results) == 0
    assert asked == [0, 1, 2]
    assert next(results) == 1
    assert asked == [0, 1, 2, 3]
    results.close()
    assert asked == [0, 1, 2, 3]


def test_what_goes_wrong_is_raised_where_the_result_is_asked_for() -> None:
    def work(item: int) -> int:
        if item == 3:
            raise ValueError("item 3")
        return item

    results = side_by_side(work, range(6))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="item 3"):
        next(results)


def test_no_thread_is_left_behind() -> None:
    results = side_by_side(lambda item: item, range(100))
    next(results)
    results.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("retrievalsam")]


def test_one_at_a_time_on_a_gpu_where_threads_are_limited_and_where_stages_are_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert workers() == 2
    assert workers("cuda") == workers("mps") == 1
    with listening(StageTimes()):
        assert workers() == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert workers() == 1
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(module, "available_processors", lambda: 1)
    assert workers() == 1
    here = threading.get_ident()
    assert set(side_by_side(lambda item: threading.get_ident(), range(4))) == {here}
