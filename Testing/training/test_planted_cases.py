"""Faults that are planted in a mask are the ones that are named, and the table counts what was found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from balls import case, grid

from RetrievalSAMLib.volumes import Segment, Segmentation, write_segmentation, write_volume
from training import planted_cases
from training.planted_cases import cases_of, library_of, spoilt

GRID = grid((24, 20, 6), (2.0, 2.0, 6.0))


def truth() -> Segmentation:
    """Two boxes in the first quarter of the slices."""
    one, other = np.zeros(GRID.size, dtype=bool), np.zeros(GRID.size, dtype=bool)
    one[1:5, 1:9, 1:4] = True
    other[5:9, 2:7, 2:5] = True
    return Segmentation.from_masks([Segment("a", 1), Segment("b", 2), Segment("c", 3)], [one, other, one & other], GRID)


def test_swapped_labels_keep_the_voxels_and_empty_ones_lose_one_segment() -> None:
    good = truth()
    swapped = spoilt(good, "swapped", 0)
    assert np.array_equal(swapped.mask(0), good.mask(1)) and np.array_equal(swapped.mask(1), good.mask(0))
    for turn, gone in ((0, 0), (1, 1), (2, 0)):  # the third segment is empty already
        empty = spoilt(good, "empty", turn)
        assert [empty.mask(n).any() for n in range(2)] == [gone != 0, gone != 1]


def test_a_shift_is_the_same_for_all_segments_and_stays_in_the_picture() -> None:
    good = truth()
    for turn in range(8):
        bad = spoilt(good, "shifted", turn)
        ways = []
        for n in range(2):
            before, after = np.argwhere(good.mask(n)), np.argwhere(bad.mask(n))
            assert len(before) == len(after)
            ways.append((after.mean(0) - before.mean(0)).round(6).tolist())
        assert ways[0] == ways[1] and ways[0][2] == 0 and max(map(abs, ways[0])) >= 4


def test_a_real_case_of_the_tests_can_be_spoilt() -> None:
    made = case("a", GRID, middle_mm=(0.0, 0.0, 0.0), seed=0)
    assert spoilt(made.segmentation, "shifted", 3).content_hash() != made.segmentation.content_hash()


def test_every_planting_has_a_library_and_a_spoilt_case_of_its_own() -> None:
    for role, count in (("tune", 12), ("judge", 28)):
        names = cases_of(role, "msd_hippocampus")
        assert names == sorted(names) and len(names) == count
        libraries = [library_of(names, number, 6) for number in range(10)]
        assert [library[0] for library in libraries] == names[:10]
        assert all(len(set(library)) == 6 for library in libraries)
        assert len({tuple(sorted(library)) for library in libraries}) == 10
    assert library_of(["a", "b", "c"], 4, 2) == ["b", "c"] and library_of(["a", "b", "c"], 5, 2) == ["c", "a"]
    assert not set(cases_of("tune", "msd_hippocampus")) & set(cases_of("judge", "msd_hippocampus"))


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three cases of a set ``balls``."""
    folder = tmp_path / "data" / "balls"
    folder.mkdir(parents=True)
    for seed, name in enumerate("abc"):
        made = case(name, GRID, middle_mm=(seed, 0.0, 0.0), seed=seed)
        write_volume(made.image, folder / f"{name}_image.nii.gz")
        write_segmentation(made.segmentation, folder / f"{name}_label.nii.gz")
    content = {
        "names": {"balls": {"1": "shell", "2": "core"}, "discs": {"1": "disc"}},
        "splits": {
            "tune": {
                "balls": [{"supports": ["b"], "targets": ["c", "a"]}],
                "discs": [{"supports": ["a"], "targets": ["b"]}],
            }
        },
    }
    splits = tmp_path / "splits.json"
    splits.write_text(json.dumps(content))
    monkeypatch.setattr(planted_cases, "SPLITS", splits)
    return folder.parent


def plant(data: Path, results: Path, *more: str) -> None:
    planted_cases.main(["--data", str(data), "--set", "balls", "--results", str(results), "--cases", *more])


def test_a_spoilt_case_is_found_by_the_review(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results.jsonl"
    plant(data, results, "3", "--kind", "empty", "--plantings", "1")
    (record,) = (json.loads(line) for line in results.read_text().splitlines())
    assert record["library"] == ["a", "b", "c"] and record["case"] == "a"
    assert (record["rank"], record["named"]) == (1, True)
    assert len(record["others_dice"]) == 2
    assert "| balls (tune) | empty | 1 of 1 | 1 | 1 |" in capsys.readouterr().out


def told(wanted: dict[str, Any], **outcome: Any) -> dict[str, Any]:
    fixed = {"rank": 1, "named": True, "flags": [], "dice": 0.25, "others_dice": [0.7], "others_flagged": 0}
    return {**wanted, "case": wanted["library"][0], **fixed, **outcome}


def test_kinds_come_by_turns_and_what_is_there_is_not_planted_again(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    planted: list[tuple[str, str]] = []

    def planting(_: Path, wanted: dict[str, Any]) -> dict[str, Any]:
        planted.append((wanted["kind"], wanted["library"][0]))
        return told(wanted, rank=2 if wanted["kind"] == "empty" else 1, named=wanted["kind"] != "swapped")

    monkeypatch.setattr(planted_cases, "planting", planting)
    results = tmp_path / "results.jsonl"
    plant(data, results, "2", "--plantings", "3")
    plant(data, results, "2", "--plantings", "5")
    assert planted == [("shifted", "a"), ("swapped", "b"), ("empty", "c"), ("shifted", "a"), ("swapped", "b")]
    capsys.readouterr()
    planted_cases.main(["--table", str(results)])
    shown = capsys.readouterr().out.splitlines()
    assert "| balls (tune) | shifted | 2 of 2 | 2 | 2 | 0.25 to 0.25 | 0.70 | 0 of 2 |" in shown
    assert "| balls (tune) | all | 2 of 5 | 4 | 3 | 0.25 to 0.25 | 0.70 | 0 of 5 |" in shown


def test_another_library_is_another_planting(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def planting(_: Path, wanted: dict[str, Any]) -> dict[str, Any]:
        sizes.append(len(wanted["library"]))
        return told(wanted)

    monkeypatch.setattr(planted_cases, "planting", planting)
    for cases in ("2", "3", "3"):
        plant(data, tmp_path / "results.jsonl", cases, "--plantings", "1")
    assert sizes == [2, 3]


@pytest.mark.parametrize("wrong", [["4"], ["2", "--set", "cubes"], ["2", "--set", "discs"]])
def test_what_cannot_be_planted_is_refused(data: Path, tmp_path: Path, wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        plant(data, tmp_path / "results.jsonl", *wrong)
    assert stopped.value.code == 2
    assert not (tmp_path / "results.jsonl").exists()
