from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from balls import case, grid

from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.volumes import SliceFrame, choose_plane
from training import desk_user

GRID = grid((24, 20, 6), (2.0, 2.0, 6.0))


def test_every_way_of_working_is_played_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = case("a", GRID), case("b", GRID, middle_mm=(3.0, 0.0, 0.0), seed=1)
    monkeypatch.setattr(desk_user, "volumes", lambda _data, _name: iter([([one], other)]))
    results = tmp_path / "results.jsonl"
    arguments = ["--data", str(tmp_path), "--set", "trunks", "--preset", "fast", "--until", "0.97"]
    desk_user.main([*arguments, "--results", str(results)])
    found = {r["way"]: r for r in map(json.loads, results.read_text().splitlines())}
    assert set(found) == set(desk_user.WAYS)
    for way, record in found.items():
        assert record["dice"] >= record["begun_at"] and record["reached"] == (record["dice"] >= 0.97), way
        assert record["careful_seconds"] >= 0 and record["seconds"] > 0
        assert (record["run_seconds"] > 0) == (way not in ("between", "every slice"))
        assert (record["preview_seconds"] > 0) == (record["clicks"] + record["boxes"] > 0)
    assert found["desk first case"]["boxes"] > 0 and found["drawn first case"]["boxes"] == 0
    assert found["every slice"]["slices_drawn"] >= found["between"]["slices_drawn"]
    assert "| trunks | b | drawn |" in capsys.readouterr().out
    # What is there is not played again.
    monkeypatch.setattr(desk_user, "moments_of", None)
    desk_user.main([*arguments, "--results", str(results)])
    assert "| trunks | b | every slice |" in capsys.readouterr().out


def test_seconds_are_those_of_the_models() -> None:
    acts = desk_user.Acts(slices=1, taken_up=1, clicks=2, boxes=1, outlines=1, outlines_cm=10.0, propagations=1)
    rest = 1.55 + 2.6 + 3 * 2.65 + 7
    assert acts.seconds == pytest.approx(rest + 1.35 + 10.6)
    assert acts.careful_seconds == pytest.approx(rest + 54)


def test_an_outline_is_as_long_as_the_circle_that_it_goes_round() -> None:
    round_grid = grid((80, 80, 4), (0.5, 0.5, 3.0))
    frame = SliceFrame(round_grid, choose_plane(round_grid))
    rows, columns = np.indices((80, 80))
    disc = (rows - 40) ** 2 + (columns - 40) ** 2 < 30**2
    assert desk_user.outline_mm(disc, frame) == pytest.approx(2 * np.pi * 15, rel=0.03)
    acts = desk_user.Acts()
    acts.draw(disc, frame)
    assert acts.outlines == 1 and acts.outlines_cm == pytest.approx(2 * np.pi * 15 * 15 / 40, rel=0.03)


def test_slices_are_halved_from_their_ends() -> None:
    assert desk_user.halved([2, 3, 4, 5, 6]) == [2, 6, 4, 3, 5]
    assert desk_user.halved([7]) == [7]


def test_what_the_person_draws_is_never_worse_and_what_is_good_is_left() -> None:
    truth = case("t", GRID, seed=1)
    moments = list(
        desk_user.at_the_desk(truth, [], desk_user.bundled_models(), preset("fast"), desk_user.Habits(False, 0, 0.9))
    )
    assert moments[-1][0] >= moments[0][0]
    assert moments[-1][1].clicks == 0 and moments[-1][1].slices_drawn > 0
