from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from balls import case, grid

from RetrievalSAMLib.volumes import Segmentation, write_segmentation, write_volume
from training import cleaning, judge

GRID = grid((24, 20, 6), (2.0, 2.0, 6.0))


def test_a_planted_island_is_counted_taken_away_and_worth_its_dice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, masks = tmp_path / "data" / "balls", tmp_path / "masks"
    folder.mkdir(parents=True)
    masks.mkdir()
    for seed, name in enumerate("ab"):
        made = case(name, GRID, seed=seed)
        write_volume(made.image, folder / f"{name}_image.nii.gz")
        write_segmentation(made.segmentation, folder / f"{name}_label.nii.gz")
    shell, core = (made.segmentation.mask(place).copy() for place in (0, 1))
    island = np.zeros_like(core)
    island[0:2, 0:2, 0] = True
    named = [replace(one, name=name) for one, name in zip(made.segmentation.segments, ("shell", "core"), strict=True)]
    found = Segmentation.from_masks(named, [shell, core | island], GRID)
    write_segmentation(found, masks / "balls__b.seg.nrrd")
    splits = tmp_path / "splits.json"
    content = {
        "names": {"balls": {"1": "shell", "2": "core"}},
        "splits": {"tune": {"balls": [{"supports": ["a"], "targets": ["b"]}]}},
    }
    splits.write_text(json.dumps(content))
    monkeypatch.setattr(judge, "SPLITS", splits)
    cleaning.main(["--data", str(folder.parent), "--masks", str(masks)])
    rows = {
        line.split("|")[1].strip(): [part.strip() for part in line.split("|")[2:-1]]
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("| ")
    }
    whole = core.sum()
    as_found = (1 + 2 * whole / (2 * whole + island.sum())) / 2
    assert float(rows["as found"][0]) == pytest.approx(as_found, abs=1e-4) and rows["as found"][2] == "1.00"
    assert rows["islands"][0] == "1.0000" and rows["islands"][2:] == [
        "0.50",
        "1 / 0",
    ]  # the shell of a case is in two pieces
    assert rows["holes"] == rows["as found"]
