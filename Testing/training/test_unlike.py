"""Which volumes a library is shown, and how its verdicts are counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from balls import case, grid

from RetrievalSAMLib.volumes import Volume, write_segmentation, write_volume
from training import planted_cases, unlike
from training.judge import bundled_models

GRID = grid((24, 20, 6), (2.0, 2.0, 6.0))


def stripes(seed: int) -> Volume:
    """Nothing like a ball."""
    voxels = np.random.default_rng(seed).normal(0, 1, GRID.size)
    voxels[::2] += 100
    return Volume(voxels.astype(np.float32), GRID)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four cases of a set ``balls``, one of a set ``stripes``, and one of a set that may be trained on."""
    folder = tmp_path / "data"
    for group in ("balls", "stripes", "sts_ct"):
        (folder / group).mkdir(parents=True)
    for seed, name in enumerate("abcd"):
        made = case(name, GRID, middle_mm=(seed, 0.0, 0.0), seed=seed)
        write_volume(made.image, folder / "balls" / f"{name}_image.nii.gz")
        write_segmentation(made.segmentation, folder / "balls" / f"{name}_label.nii.gz")
    write_volume(stripes(1), folder / "stripes" / "s_image.nii.gz")
    write_volume(stripes(2), folder / "sts_ct" / "p_image.nii.gz")
    content = {
        "names": {"balls": {"1": "shell", "2": "core"}},
        "splits": {
            role: {
                "balls": [{"supports": ["b"], "targets": ["d", "c", "a"]}],
                "stripes": [{"supports": [], "targets": ["s"]}],
            }
            for role in ("tune", "judge")
        },
    }
    splits = tmp_path / "splits.json"
    splits.write_text(json.dumps(content))
    monkeypatch.setattr(planted_cases, "SPLITS", splits)
    monkeypatch.setattr(unlike, "SPLITS", splits)
    return folder


def ask(data: Path, *more: str) -> None:
    unlike.main(["--data", str(data), "--set", "balls", "--cases", "2", *more])


def test_the_libraries_verdict_is_that_of_a_run_on_the_volume(data: Path, tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    ask(data, "--results", str(results))
    records = [json.loads(line) for line in results.read_text().splitlines()]
    assert [(r["set"], r["target"]) for r in records] == [
        ("balls", "c"),
        ("balls", "d"),
        ("stripes", "s"),
        ("sts_ct", "p"),
    ]
    assert all(r["library"] == ["a", "b"] for r in records)
    assert [r["verdict"] for r in records] == ["in-library"] * 2 + ["unlike-library"] * 2

    from RetrievalSAMLib.segmentation.pipeline import segment_volume
    from RetrievalSAMLib.segmentation.settings.presets import preset

    cases = [case(name, GRID, middle_mm=(seed, 0.0, 0.0), seed=seed) for seed, name in enumerate("ab")]
    run = segment_volume(stripes(1), cases, bundled_models(), preset("fast"))
    assert run.report.verdict == records[2]["verdict"]


def test_no_verdict_is_asked_for_twice_and_a_judged_library_sees_no_training_set(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[str, ...]] = []

    def verdict(target: Volume, cases: list[Any], *_: object) -> str:
        asked.append(tuple(one.name for one in cases))
        return "uncertain"

    monkeypatch.setattr(unlike, "verdict_of", verdict)
    results = tmp_path / "results.jsonl"
    for count in ("1", "2", "2"):
        ask(data, "--role", "judge", "--results", str(results), "--libraries", count)
    assert asked == [("a", "b")] * 3 + [("c", "d")] * 3
    assert "| balls (judge) | its own kind | 4 | 2 | 0 | 4 | 0 | 0.0 % false alarms |" in capsys.readouterr().out


def test_libraries_begin_evenly_spread_over_the_names() -> None:
    assert unlike.libraries_of("abcdef", 3, 1) == [["a", "b", "c"]]
    assert unlike.libraries_of("abcdef", 3, 3) == [["a", "b", "c"], ["c", "d", "e"], ["e", "f", "a"]]


def test_verdicts_are_counted_set_by_set() -> None:
    fixed = {"role": "judge", "kind": "balls", "library": ["a"]}
    records = [
        {**fixed, "set": group, "target": name, "verdict": verdict}
        for group, name, verdict in (
            ("balls", "b", "in-library"),
            ("balls", "c", "unlike-library"),
            ("cubes", "d", "unlike-library"),
            ("cubes", "e", "uncertain"),
            ("rods", "f", "unlike-library"),
        )
    ]
    shown = unlike.table(records).splitlines()
    assert "| balls (judge) | its own kind | 2 | 1 | 1 | 0 | 1 | 50.0 % false alarms |" in shown
    assert "| balls (judge) | cubes | 2 | 1 | 1 | 1 | 0 | 50.0 % caught |" in shown
    assert "| balls (judge) | all others | 3 | 1 | 2 | 1 | 0 | 66.7 % caught |" in shown


@pytest.mark.parametrize("wrong", [["--cases", "4"], ["--set", "cubes"], ["--libraries", "0"]])
def test_what_cannot_be_asked_is_refused(data: Path, wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        ask(data, *wrong)
    assert stopped.value.code == 2
