"""A library that grows by its own corrected results, on made-up volumes."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from balls import case, grid
from svg_contents import images, texts

from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.volumes import Segmentation, write_segmentation, write_volume
from training import growing_library, growing_results
from training.growing_library import Loop, accepted
from training.judge import bundled_models
from training.records import Records, read_records

GRID = grid((24, 20, 4), (2.0, 2.0, 4.0))  # all slices show something
CASES, TARGETS = ("c", "a", "b"), ("t",)


def speckled(number: int, name: str) -> MemoryCase:
    """A case whose mask lacks voxels here and there, which nothing in its image tells: no result is as good."""
    made = case(name, GRID, middle_mm=(2.0 * number, 0.0, 0.0), seed=number)
    kept = np.random.default_rng(number).random(GRID.size) > 0.1
    masks = [made.segmentation.mask(n) & kept for n in range(2)]
    return replace(made, segmentation=Segmentation.from_masks(made.segmentation.segments, masks, GRID))


def folder_of(data: Path) -> Path:
    """Four cases of a set ``balls``: a library grows by c, a and b, and t is held out."""
    (data / "balls").mkdir(parents=True)
    for number, name in enumerate((*CASES, *TARGETS)):
        made = speckled(number, name)
        write_volume(made.image, data / "balls" / f"{name}_image.nii.gz")
        write_segmentation(made.segmentation, data / "balls" / f"{name}_label.nii.gz")
    content = {
        "names": {"balls": {"1": "shell", "2": "core"}},
        "growing": {"tune": {"balls": {"seed": 1, "cases": CASES, "targets": TARGETS}}, "judge": {}},
    }
    (data / "splits.json").write_text(json.dumps(content))
    return data


def grow(data: Path, results: Path, *more: str) -> None:
    fixed = ["--set", "balls", "--preset", "fast", "--goal", "0.999", "--limit", "3"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(growing_library, "SPLITS", data / "splits.json")
        patch.setattr(growing_library, "SIZES", (1,))
        growing_library.main(["--data", str(data), "--results", str(results), *fixed, *more])


def told(results: Path) -> list[tuple[str, str, int]]:
    return [(r["kind"], r["name"], len(r["library"])) for r in read_records([results], growing_results.PARTS)]


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the data, and a library that has grown with its results and its picture."""
    folder = tmp_path_factory.mktemp("grown")
    grow(folder_of(folder / "data"), folder / "results.jsonl", "--control", "--picture", str(folder / "growing.svg"))
    return folder


@pytest.fixture
def there(once: Path, tmp_path: Path) -> Path:
    """A copy of it, to be spoilt."""
    return shutil.copytree(once, tmp_path / "there")


def forbidden(*_: object) -> None:
    raise AssertionError("computed again")


def test_the_results_go_into_the_library_with_what_was_corrected_in_them(once: Path) -> None:
    first, second, third = (SupportLibrary.open(once / "results.library").get(name) for name in CASES)
    assert first.provenance.origin == "person"
    records = read_records([once / "results.jsonl"], growing_results.PARTS)
    for number, grown in ((1, second), (2, third)):
        (record,) = (r for r in records if r["kind"] == "case" and r["added"] == grown.content_hash)
        assert len(record["looked"]) == len(record["dice"]) == 3  # two slices, then one
        assert record["dice"][0] < record["dice"][-1] < 0.999
        assert set(record["corrected"]) <= set(record["looked"])
        assert grown.provenance.origin == "corrected"
        assert grown.provenance.corrected_slices == tuple(sorted(record["looked"]))
        assert grown.provenance.model_sha256 == bundled_models().segmenter.sha256
        truth, added = speckled(number, grown.name).segmentation, grown.load_segmentation()
        # The slices are the file's last axis.
        right = [all(np.array_equal(added.mask(n)[..., i], truth.mask(n)[..., i]) for n in range(2)) for i in range(4)]
        assert all(right[i] for i in record["looked"]) and not all(right)


def test_every_size_and_a_control_are_measured_and_none_of_it_twice(
    there: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = there / "results.jsonl"
    grown = [("case", "c", 0), ("target", "t", 1), ("case", "a", 1), ("case", "b", 2)]
    assert told(results) == [*grown, ("case", "b", 1), ("target", "t", 3)]
    assert {"cases in the library", "slices corrected", "mean of the last 4"} <= set(texts(there / "growing.svg"))
    before = results.read_text()
    monkeypatch.setattr(growing_library, "segment_volume", forbidden)
    grow(there / "data", results, "--control")
    assert results.read_text() == before
    shown = capsys.readouterr().out
    assert "| 3 | 1 |" in shown and "the same with the first case alone" in shown


def test_a_stopped_run_goes_on_with_what_its_library_holds(there: Path) -> None:
    results = there / "results.jsonl"
    lines = results.read_text().splitlines()
    library = SupportLibrary.open(there / "results.library")
    hashes = {one.name: one.content_hash for one in library.cases()}
    # Stopped after the last case had gone into the library, and before its figures were written.
    results.write_text("\n".join(lines[:3]) + "\n")
    grow(there / "data", results, "--targets", "0")
    assert results.read_text().splitlines() == lines[:4]
    assert {one.name: one.content_hash for one in library.cases()} == hashes


def test_a_library_that_did_not_grow_here_is_left_alone(tmp_path: Path) -> None:
    data = folder_of(tmp_path / "data")
    library = SupportLibrary.create(tmp_path / "mine")
    made = case("x", GRID)
    library.add(made.image, made.segmentation, name="mine")
    with pytest.raises(SystemExit) as stopped:
        grow(data, tmp_path / "results.jsonl", "--library", str(library.path))
    assert stopped.value.code == 2
    assert [one.name for one in library.cases()] == ["mine"]
    assert not (tmp_path / "results.jsonl").exists()


@pytest.mark.parametrize(("loop", "looked"), [(Loop(goal=0.0), 0), (Loop(goal=2.0, step=9, limit=99), 4)])
def test_correcting_ends_at_the_goal_or_with_the_last_slice(loop: Loop, looked: int) -> None:
    target, support = speckled(1, "t"), case("s", GRID)
    result = accepted(target, [support], bundled_models(), preset("fast"), loop)
    assert len(set(result.looked)) == len(result.looked) == looked
    assert (result.report.refinement is None) == (looked == 0)
    assert (result.dice[-1] == 1.0) == (looked == 4)
    assert set(result.corrected) <= set(result.looked) and bool(result.corrected) == bool(looked)


def test_slices_are_looked_at_worst_first_and_the_rest_is_ranked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    ranks = iter([{n: n / 10 for n in range(4)}, {0: 1.0, 2: 0.9, 3: 0.05}])
    monkeypatch.setitem(growing_library.RANKS, "worth", lambda report: next(ranks, {}))
    target, support = speckled(1, "t"), case("s", GRID)
    result = accepted(target, [support], bundled_models(), preset("fast"), Loop(goal=2.0, step=1, limit=3))
    # Of 1 the refinement said nothing: it stays where it was.
    assert result.looked == (0, 3, 1)
    assert len(result.dice) == 4


def record(kind: str, name: str, library: str, **values: Any) -> dict[str, Any]:
    fixed = {"role": "judge", "set": "balls", "loop": {"goal": 0.8, "step": 2}, "settings": {}, "weights": {}}
    return {**fixed, "kind": kind, "name": name, "library": list(library), **values}


def grown(name: str, library: str, added: str | None, corrected: int, dice: tuple[float, ...]) -> dict[str, Any]:
    slices = list(range(corrected))
    return record("case", name, library, added=added, looked=slices, corrected=slices, dice=list(dice))


RECORDS = [
    grown("one", "", "A", 0, ()),
    grown("two", "A", "lost", 9, (0.1, 0.9)),  # of a run whose library is gone
    grown("two", "A", "B", 6, (0.5, 0.9)),
    grown("three", "AB", "C", 2, (0.6, 0.7)),
    grown("three", "A", None, 4, (0.5, 0.9)),
    record("target", "t", "A", dice={"shell": 0.4, "core": 0.6}),
    record("target", "t", "ABC", dice={"shell": 0.6, "core": 0.8}),
    record("target", "u", "ABC", dice={"shell": 0.8, "core": 1.0}),
    record("target", "t", "AX", dice={"shell": 0.0, "core": 0.0}),
]


def test_tables_follow_one_library_from_case_to_case() -> None:
    shown = growing_results.table(RECORDS).splitlines()
    assert "| 1 | 1 | 0.500 [0.500, 0.500] | drawn whole |  |" in shown
    assert "| 3 | 2 | 0.800 [0.700, 0.900] | 4.0 | 5.0 |" in shown
    assert "| 2 (two) | 0.500 | 0.900 | 6 | 6 |" in shown
    assert "| 3 (three) | 0.600 | 0.700 (limit) | 2 | 2 |" in shown
    assert not [line for line in shown if line.startswith("| 2 |")]


def test_the_control_is_shown_only_where_every_case_has_one(tmp_path: Path) -> None:
    without = [r for r in RECORDS if r["added" if r["kind"] == "case" else "kind"] is not None]
    assert "alone" not in growing_results.table(without)
    for name, records in (("with", RECORDS), ("without", without)):
        growing_results.draw(records, tmp_path / f"{name}.svg")
        assert ("the same with the first case alone" in texts(tmp_path / f"{name}.svg")) == (name == "with")
        assert images(tmp_path / f"{name}.svg") == 0


def test_figures_of_other_weights_are_another_library(tmp_path: Path) -> None:
    others = [{**r, "weights": {"segmenter": "b"}} for r in RECORDS]
    file = Records(tmp_path / "both.jsonl", growing_results.PARTS)
    for one in (*RECORDS, *others):
        file.append(one)
    assert len(list(growing_results.growths(read_records([tmp_path / "both.jsonl"], growing_results.PARTS)))) == 2
