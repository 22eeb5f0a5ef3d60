"""The verdict on a whole volume: by what its slices show, and by how large they are."""

from __future__ import annotations

import numpy as np
import pytest

from RetrievalSAMLib.retrieval.evidence import CaseEvidence
from RetrievalSAMLib.segmentation.supports.verdict import Verdict, volume_verdict

EXTENT = np.array([60.0, 300.0, 320.0])


def slices(angle: float, count: int = 6) -> np.ndarray:
    """Embeddings that lie about an angle (radians) in a plane."""
    angles = angle + np.linspace(-0.05, 0.05, count)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def case(angle: float, extent_mm: np.ndarray = EXTENT) -> CaseEvidence:
    embeddings = slices(angle)
    count = len(embeddings)
    return CaseEvidence(
        embeddings, np.linspace(0, 1, count), np.arange(count), (1,), np.ones((count, 1)), (), extent_mm
    )


LIBRARY = [case(0.0), case(0.1), case(0.2, EXTENT * 1.1)]


def test_a_volume_like_the_cases_is_in_the_library() -> None:
    assert volume_verdict(slices(0.12), EXTENT, LIBRARY) == Verdict("in-library")


@pytest.mark.parametrize(("angle", "name"), [(0.7, "uncertain"), (1.4, "unlike-library")])
def test_slices_that_show_something_else(angle: float, name: str) -> None:
    assert volume_verdict(slices(angle), EXTENT, LIBRARY) == Verdict(name, ("appearance",))


@pytest.mark.parametrize(("factor", "name"), [(1.8, "uncertain"), (2.5, "unlike-library"), (0.4, "unlike-library")])
def test_slices_of_another_size_in_mm(factor: float, name: str) -> None:
    assert volume_verdict(slices(0.1), EXTENT * np.array([1, factor, 1]), LIBRARY) == Verdict(name, ("extent",))


def test_how_many_slices_there_are_says_nothing() -> None:
    assert volume_verdict(slices(0.1, 40), EXTENT * np.array([5.0, 1, 1]), LIBRARY).name == "in-library"


def test_a_library_whose_own_cases_differ_in_size_takes_others_that_do() -> None:
    varied = [case(0.0), case(0.1, EXTENT * 1.9), case(0.2, EXTENT * 3.8)]
    assert volume_verdict(slices(0.1), EXTENT * 7.0, varied).name == "in-library"


def test_both_may_speak_against_a_volume() -> None:
    assert volume_verdict(slices(1.4), EXTENT * 3, LIBRARY).because == ("appearance", "extent")


def test_a_single_case_has_nothing_to_be_compared_with() -> None:
    assert volume_verdict(slices(1.4), EXTENT * 3, LIBRARY[:1]) == Verdict("uncertain")


def test_a_volume_that_no_case_could_be_aligned_with_is_uncertain_at_best() -> None:
    assert Verdict("in-library").unaligned() == Verdict("uncertain", ("alignment",))
    assert Verdict("unlike-library", ("extent",)).unaligned() == Verdict("unlike-library", ("extent", "alignment"))
