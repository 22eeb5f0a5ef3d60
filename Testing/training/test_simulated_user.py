from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from balls import case, grid

from RetrievalSAMLib.segmentation.pipeline import segment_volume
from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.volumes import SliceFrame, choose_plane, write_segmentation, write_volume
from training import judge, simulated_user
from training.passes import counted

GRID = grid((24, 20, 6), (2.0, 2.0, 6.0))


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two cases of a set ``balls``: a supports b."""
    folder = tmp_path / "data" / "balls"
    folder.mkdir(parents=True)
    for seed, name in enumerate("ab"):
        made = case(name, GRID, middle_mm=(seed, 0.0, 0.0), seed=seed)
        write_volume(made.image, folder / f"{name}_image.nii.gz")
        write_segmentation(made.segmentation, folder / f"{name}_label.nii.gz")
    splits = tmp_path / "splits.json"
    content = {
        "names": {"balls": {"1": "shell", "2": "core"}},
        "splits": {"tune": {"balls": [{"supports": ["a"], "targets": ["b"]}]}, "judge": {}},
    }
    splits.write_text(json.dumps(content))
    monkeypatch.setattr(simulated_user, "SPLITS", splits)
    return folder.parent


def test_what_corrections_gain_is_told_for_the_worst_and_for_random_slices(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "results.jsonl"
    arguments = ["--data", str(data), "--preset", "fast", "--draws", "2", "--results", str(results)]
    pairs = tmp_path / "pairs.jsonl"
    simulated_user.main([*arguments, "--pairs", str(pairs)])
    records = [json.loads(line) for line in results.read_text().splitlines()]
    assert [r["choice"] for r in records] == ["worst", "most wrong", "random", "random"]
    for record in records:
        assert len(record["slices"]) == 1 and record["of"] == 6  # a tenth of six, at least one
        assert record["corrected"] >= record["before"]
        # An empty slice that was found empty starts nothing.
        assert 0 <= record["passes"] < 0.5 and 0 <= record["operations"] < 0.5
    assert max(r["passes"] for r in records) > 0
    assert "| balls | worst | 1 |" in capsys.readouterr().out
    told = [json.loads(line) for line in pairs.read_text().splitlines()]
    assert {(p["target"], p["segment"]) for p in told} == {("b", "shell"), ("b", "core")}
    assert all(0 <= p["confidence"] <= 1 and 0 <= p["dice"] <= 1 for p in told)
    # What is there is not done again, and told all the same.
    monkeypatch.setattr(simulated_user, "corrections", None)
    simulated_user.main(arguments)
    assert "| balls | worst | 1 |" in capsys.readouterr().out


def test_a_correction_is_the_truth_in_its_slices_and_the_result_elsewhere() -> None:
    truth, found = case("t", GRID, seed=1).segmentation, case("f", GRID, middle_mm=(4.0, 0.0, 0.0)).segmentation
    frame = SliceFrame(GRID, choose_plane(GRID))
    drawn = simulated_user.corrected_by(found, truth, frame, [2])
    for name in truth.names:
        assert np.array_equal(drawn.mask(name)[:, :, 2], truth.mask(name)[:, :, 2])
        assert np.array_equal(drawn.mask(name)[:, :, 3], found.mask(name)[:, :, 3])
    wrong = simulated_user.wrong_pixels(drawn, truth, frame)
    assert wrong[2] == 0 and wrong[3] < 0


def test_passes_are_counted_by_network_and_no_hook_stays() -> None:
    models = judge.bundled_models()
    target, support = case("t", GRID, seed=1), case("s", GRID)
    with counted(models) as passes:
        segment_volume(target.image, [support], models, preset("fast"))
    assert passes.count["embed"] == 12  # target and support
    assert passes.count["encode"] > 0
    # Every segment on a slice that is decoded was attended to; supports are decoded for their pointers as well.
    assert 0 < passes.count["attend"] < passes.count["decode"]
    assert passes.operations > 1e9
    total = passes.total
    segment_volume(target.image, [support], models, preset("fast"))
    assert passes.total == total


def test_with_a_library_that_has_learned_corrections_are_carried_on_with_and_without_what_they_teach(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = case("c", GRID, middle_mm=(2.0, 0.0, 0.0), seed=2)
    write_volume(made.image, data / "balls" / "c_image.nii.gz")
    write_segmentation(made.segmentation, data / "balls" / "c_label.nii.gz")
    content = json.loads(simulated_user.SPLITS.read_text())
    content["splits"]["tune"]["balls"][0]["supports"] = ["a", "c"]
    simulated_user.SPLITS.write_text(json.dumps(content))
    results = tmp_path / "results.jsonl"
    arguments = ["--data", str(data), "--preset", "fast", "--choice", "most wrong", "--results", str(results)]
    simulated_user.main([*arguments, "--learn", "--steps", "1", "--libraries", str(tmp_path)])
    (record,) = [json.loads(line) for line in results.read_text().splitlines()]
    assert record["preset"] == "fast + learn 1"
    # Two cases prove nothing, so only a network that sees hints was trained, and none of these is taught.
    assert "see the image alone" in record["teaching"]["left_out"] and record["taught"] == record["refined"]
    assert capsys.readouterr().out.rstrip().endswith("| 0 |")
