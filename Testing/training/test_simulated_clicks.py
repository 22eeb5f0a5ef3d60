from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from balls import case, grid

from RetrievalSAMLib.segmentation.prompts.points_and_boxes import PersonsPrompts, place_prompts
from RetrievalSAMLib.volumes import SliceFrame, choose_plane, write_segmentation, write_volume
from training import simulated_clicks
from training.clicking import wrong_place

GRID = grid((24, 20, 6), (2.0, 2.0, 6.0))


def test_what_clicks_and_a_box_gain_is_told_step_by_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data" / "balls"
    folder.mkdir(parents=True)
    for seed, name in enumerate("ab"):
        made = case(name, GRID, middle_mm=(3.0 * seed, 0.0, 0.0), seed=seed)
        write_volume(made.image, folder / f"{name}_image.nii.gz")
        write_segmentation(made.segmentation, folder / f"{name}_label.nii.gz")
    splits = tmp_path / "splits.json"
    content = {
        "names": {"balls": {"1": "shell", "2": "core"}},
        "splits": {"tune": {"balls": [{"supports": ["a"], "targets": ["b"]}]}, "judge": {}},
    }
    splits.write_text(json.dumps(content))
    monkeypatch.setattr(simulated_clicks, "SPLITS", splits)
    results = tmp_path / "results.jsonl"
    arguments = ["--data", str(folder.parent), "--preset", "fast", "--slices", "1", "--clicks", "2"]
    simulated_clicks.main([*arguments, "--results", str(results)])
    records = [json.loads(line) for line in results.read_text().splitlines()]
    assert [r["done"] for r in records] == ["nothing", "1 click", "2 clicks", "box"]
    assert len({(r["segment"], r["slice"]) for r in records}) == 1
    assert records[1]["slice_dice"] > records[0]["slice_dice"]
    assert "| balls | 1 click | 1 |" in capsys.readouterr().out


def test_a_click_falls_into_the_largest_mistake_and_its_middle() -> None:
    truth = np.zeros((20, 20), dtype=bool)
    truth[4:14, 4:14] = True
    found = truth.copy()
    found[4:9, 4:9] = False
    found[16:18, 16:18] = True
    assert wrong_place(found, truth) == (6, 6, True)
    found[4:9, 4:9] = True
    assert wrong_place(found, truth) in {(r, c, False) for r in (16, 17) for c in (16, 17)}
    assert wrong_place(truth, truth) is None
    row, column, positive = wrong_place(np.zeros_like(truth), truth, middle=False) or (0, 0, False)
    assert truth[row, column] and positive


def test_points_and_boxes_of_the_made_up_user_lie_where_the_mask_does() -> None:
    frame = SliceFrame(GRID, choose_plane(GRID))
    segments = case("t", GRID, seed=1).segmentation.segments
    mask = np.zeros(frame.shape[1:], dtype=bool)
    mask[3:7, 5:12] = True
    name = segments[0].name
    prompts = PersonsPrompts(
        (simulated_clicks.point_at(frame, name, 4, (3, 11), True),),
        (simulated_clicks.box_around(frame, name, 4, mask),),
    )
    placed = place_prompts(prompts, frame, segments)[segments[0].value][4]
    assert placed.points[0].pixel == (3, 11) and placed.box is not None
    inside = placed.box.inside(frame.shape[1:], (frame.row_spacing_mm, frame.column_spacing_mm))
    assert np.array_equal(inside, mask)
