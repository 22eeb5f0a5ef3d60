"""How alike cases are to each other: kept, and followed as cases come and go, it is what a full comparison gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_up_evidence import made_up_case

from RetrievalSAMLib.retrieval import likeness
from RetrievalSAMLib.retrieval.likeness import KeptLikeness, likeness_to_others, nearest_similarity


def cases_of(numbers: list[int]) -> list[np.ndarray]:
    return [made_up_case(n, 8 + n).embeddings for n in numbers]


def compared(cases: list[np.ndarray]) -> list[float]:
    """Every slice with every slice of every other case."""
    others = [np.concatenate([other for j, other in enumerate(cases) if j != i]) for i in range(len(cases))]
    return [float((own @ rest.T).max(axis=1).mean()) for own, rest in zip(cases, others, strict=True)]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("_FEW", 10), ("_ROWS", 7), ("BLOCK", 30)):
        monkeypatch.setattr(likeness, name, size)


def test_it_is_the_mean_similarity_to_the_nearest_slice_of_another_case() -> None:
    cases = cases_of([0, 1, 2, 3])
    assert likeness_to_others(cases) == pytest.approx(compared(cases), abs=1e-6)


@pytest.mark.parametrize(
    "now", [[0, 1, 2, 3, 4, 5], [5, 0, 3], [0, 1, 2, 3, 7], [9, 8, 7], [1, 2], [4, 9, 0, 1, 2, 3, 3], [3, 3, 3]]
)
def test_it_follows_cases_that_come_and_go(tmp_path: Path, now: list[int]) -> None:
    file = tmp_path / "likeness.npz"
    for numbers in ([0, 1, 2, 3, 4, 5], now, [2, 4, 6]):
        cases = cases_of(numbers)
        found = likeness_to_others(cases, KeptLikeness(file, [str(n) for n in numbers]))
        assert found == pytest.approx(compared(cases), abs=1e-6)


def test_what_is_kept_is_not_compared_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = KeptLikeness(tmp_path / "likeness.npz", ["a", "b", "c"])
    first = likeness_to_others(cases_of([0, 1, 2]), kept)
    monkeypatch.setattr(likeness, "_blocks", lambda cases: pytest.fail("slices were compared"))
    assert likeness_to_others(cases_of([0, 1, 2]), kept) == first


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"no archive"])
def test_a_damaged_file_is_made_anew(tmp_path: Path, content: bytes) -> None:
    file, cases = tmp_path / "likeness.npz", cases_of([0, 1, 2])
    file.write_bytes(content)
    assert likeness_to_others(cases, KeptLikeness(file, ["a", "b", "c"])) == pytest.approx(compared(cases), abs=1e-6)
    assert likeness._read(file) is not None


def test_the_nearest_slice_of_any_case_counts() -> None:
    cases = cases_of([0, 1, 2])
    queries = made_up_case(50).embeddings
    expected = (queries @ np.concatenate(cases).T).max(axis=1)
    assert nearest_similarity(queries, cases) == pytest.approx(expected, abs=1e-6)
