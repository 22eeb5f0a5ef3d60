"""How the results that drew on a case compare with those that did not."""

from __future__ import annotations

import numpy as np
import pytest

from RetrievalSAMLib.evaluation.influence import influences
from RetrievalSAMLib.evaluation.leave_one_out import LeftOut, SliceScore


def left_out(name: str, scores: list[SliceScore]) -> LeftOut:
    return LeftOut(name, {1: 0.5}, tuple(scores), (), None, "in-library", 1.0)


def library(of_bad: float, segments: tuple[int, ...] = (1,)) -> list[LeftOut]:
    """Cases a, b, c, and bad: the more of a slice's supports came from ``bad``, the lower its Dice by ``of_bad``."""
    results = []
    for case in "abc":
        other = {"a": "b", "b": "c", "c": "a"}[case]
        scores = [
            SliceScore(n, value, 0.9 - 0.3 * (value - 1) - of_bad * share, {"bad": share, other: 1 - share})
            for value in segments
            for n, share in enumerate(np.linspace(0, 0.75, 10).tolist())
        ]
        results.append(left_out(case, scores))
    results.append(left_out("bad", [SliceScore(n, 1, 0.05, {"a": 1.0}) for n in range(10)]))
    return results


def test_a_case_that_results_are_worse_with_hurts_and_the_others_do_not() -> None:
    found = influences(library(of_bad=0.8), doubtful={"bad"})
    bad = found["bad"]
    assert bad.hurts and bad.slices == 27 and bad.correlation == pytest.approx(-1.0, abs=1e-3)
    assert bad.with_it is not None and bad.without_it is not None and bad.with_it < bad.without_it - 0.1
    assert not any(found[name].hurts for name in "abc")


def test_a_difficult_segment_does_not_blame_the_cases_that_have_it() -> None:
    results = library(of_bad=0.0, segments=(1, 2))
    found = influences(results)["bad"]
    assert not found.hurts and found.correlation is None  # within a segment nothing varies


def test_a_case_that_is_wrong_itself_does_not_blame_those_that_it_drew_on() -> None:
    results = library(of_bad=0.0)
    assert influences(results)["a"].hurts and not influences(results, doubtful={"bad"})["a"].hurts


def test_few_slices_say_nothing() -> None:
    results = [left_out("a", [SliceScore(n, 1, n / 5, {"b": n / 5, "c": 1 - n / 5}) for n in range(6)])]
    results += [left_out("b", []), left_out("c", [])]
    found = influences(results)
    assert (found["b"].slices, found["b"].correlation) == (5, None) and not found["b"].hurts
    assert found["a"].slices == 0
