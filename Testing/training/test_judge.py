from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from balls import case, grid

from RetrievalSAMLib.volumes import Segmentation, Volume, write_segmentation, write_volume
from training import judge

GRID = grid((24, 20, 6), (2.0, 2.0, 6.0))
NAMES = ("a", "b", "c")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three cases of a set ``balls`` with a split: a supports b and c."""
    folder = tmp_path / "data" / "balls"
    folder.mkdir(parents=True)
    for seed, name in enumerate(NAMES):
        made = case(name, GRID, middle_mm=(seed, 0.0, 0.0), seed=seed)
        write_volume(made.image, folder / f"{name}_image.nii.gz")
        write_segmentation(made.segmentation, folder / f"{name}_label.nii.gz")
    splits = tmp_path / "splits.json"
    content = {
        "names": {"balls": {"1": "shell", "2": "core"}},
        "splits": {"tune": {"balls": [{"supports": ["a"], "targets": ["b", "c"]}]}, "judge": {}},
    }
    splits.write_text(json.dumps(content))
    monkeypatch.setattr(judge, "SPLITS", splits)
    return folder.parent


def run(data: Path, results: Path, *more: str) -> None:
    judge.main(["--data", str(data), "--role", "tune", "--results", str(results), *more])


def lines(path: Path) -> list[judge.Record]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def forbidden(*_: object) -> Segmentation:
    raise AssertionError("computed again")


def test_a_figure_is_kept_and_not_computed_again(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "new" / "results.jsonl"
    run(data, results, "--method", "case-copy", "--targets", "1")
    (first,) = lines(results)
    assert (first["role"], first["set"], first["target"], first["method"]) == ("tune", "balls", "b", "case-copy")
    assert first["supports"] == ["a"]
    assert set(first["dice"]) == {"shell", "core"}
    assert first["seconds"] >= 0 and first["settings"] == {} == first["weights"]
    run(data, results, "--method", "case-copy")
    assert [record["target"] for record in lines(results)] == ["b", "c"]
    monkeypatch.setattr(judge, "copy_case", forbidden)
    capsys.readouterr()
    run(data, results, "--method", "case-copy")
    assert len(lines(results)) == 2
    assert "| case-copy | 2 |" in capsys.readouterr().out


def test_other_settings_are_another_figure(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trained: list[int] = []

    def train(cases: list[object], settings: judge.UnetSettings) -> SimpleNamespace:
        trained.append(settings.steps)
        return SimpleNamespace(segment=lambda target: cases[0].segmentation)  # type: ignore[attr-defined]

    monkeypatch.setattr(judge, "train_unet", train)
    results = tmp_path / "results.jsonl"
    for steps in (5, 5, 7):
        run(data, results, "--method", "unet", "--change", f"steps={steps}")
    # Once for both targets, and not at all where all figures are there.
    assert trained == [5, 7]
    assert [record["settings"]["steps"] for record in lines(results)] == [5, 5, 7, 7]
    capsys.readouterr()
    judge.main(["--table", str(results)])
    shown = capsys.readouterr().out
    assert "| unet (steps 5) | 2 |" in shown and "| unet (steps 7) | 2 |" in shown


def test_a_line_that_was_cut_off_costs_itself_alone(data: Path, tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    run(data, results, "--method", "case-copy")
    whole = results.read_text()
    results.write_text(whole[:-20])
    run(data, results, "--method", "case-copy")
    assert [r["target"] for r in judge.read_results([results])] == ["b", "c"]
    assert results.read_text().endswith("\n")


def test_the_presets_run_beside_the_baselines(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = SimpleNamespace(segmenter=SimpleNamespace(sha256="5" * 64), encoder=SimpleNamespace(sha256="e" * 64))
    monkeypatch.setattr(judge, "bundled_models", lambda: models)
    asked = []

    def segment(target: Volume, cases: list[object], networks: object, settings: judge.Settings) -> SimpleNamespace:
        asked.append((settings.preset, settings.supports, networks is models))
        return SimpleNamespace(segmentation=cases[0].segmentation)  # type: ignore[attr-defined]

    monkeypatch.setattr(judge, "segment_volume", segment)
    results = tmp_path / "results.jsonl"
    run(data, results, "--method", "fast", "--method", "case-copy", "--change", "supports=3", "--targets", "1")
    assert asked == [("fast", 3, True)]
    ours, copied = lines(results)
    assert ours["settings"]["supports"] == 3
    assert ours["weights"] == {"segmenter": "5" * 64, "encoder": "e" * 64}
    assert copied["method"] == "case-copy"


@pytest.mark.parametrize(
    "wrong",
    [["--set", "cubes"], ["--method", "magic"], ["--method", "case-copy", "--change", "suports=3"]],
)
def test_what_does_not_exist_is_refused(data: Path, tmp_path: Path, wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(data, tmp_path / "results.jsonl", *wrong)
    assert stopped.value.code == 2
    assert not (tmp_path / "results.jsonl").exists()


def record(target: str, method: str = "unet", weights: str = "a" * 64, **dice: float) -> judge.Record:
    return {
        "role": "judge",
        "set": "balls",
        "target": target,
        "supports": ["x", "y"],
        "method": method,
        "settings": {"steps": 5},
        "weights": {"encoder": weights},
        "dice": dice,
        "seconds": 2.0,
        "preparation_seconds": 0.0,
    }


def test_the_table_has_means_and_intervals() -> None:
    records = [record("a", shell=0.5, core=0.7), record("b", shell=0.7, core=0.9), record("a", "case-copy", shell=0.1)]
    shown = judge.table(records).splitlines()
    assert shown[0] == "### balls (judge, 2 supports)"
    assert shown[2] == "| method | targets | mean | shell | core | s a volume |"
    assert shown[4] == "| unet | 2 | 0.700 [0.600, 0.800] | 0.600 [0.500, 0.700] | 0.800 [0.700, 0.900] | 2.0 |"
    # One target has no interval, and no figure for a segment that neither side has.
    assert shown[5] == "| case-copy | 1 | 0.100 | 0.100 |  | 2.0 |"


def test_runs_with_other_weights_have_rows_of_their_own() -> None:
    shown = judge.table([record("a", shell=0.5), record("a", weights="b" * 64, shell=0.7)])
    assert "| unet (encoder aaaaaaaa) | 1 | 0.500 |" in shown
    assert "| unet (encoder bbbbbbbb) | 1 | 0.700 |" in shown


def test_an_interval_holds_the_mean_and_shrinks_with_more_targets() -> None:
    few, many = np.linspace(0.4, 0.8, 4), np.linspace(0.4, 0.8, 64)
    low, high = judge.interval(list(few))
    assert low < 0.6 < high
    narrower = judge.interval(list(many))
    assert narrower[1] - narrower[0] < high - low
    assert judge.interval(list(few)) == (low, high)
