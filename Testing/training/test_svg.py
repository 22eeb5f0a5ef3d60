"""Pictures whose text is text, and which do not change where nothing has changed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from svg_contents import images, texts

from training import curves
from training.svg import centred_mean, legend, name, panels, save, trailing_mean


def draw(path: Path) -> None:
    figure, (left, right) = panels(2)
    left.plot([1, 2], [3, 4], label="a line")
    name(left, "first", "across", "up")
    right.scatter([1, 2], [3, 4], clip_on=True)
    legend(left)
    save(figure, path)


def test_text_stays_text_and_nothing_is_a_pixel_image(tmp_path: Path) -> None:
    picture = tmp_path / "new" / "picture.svg"
    draw(picture)
    assert {"first", "across", "up", "a line"} <= set(texts(picture))
    assert images(picture) == 0


def test_the_same_drawing_is_the_same_file(tmp_path: Path) -> None:
    for folder in ("one", "other"):
        draw(tmp_path / folder / "picture.svg")
    one, other = ((tmp_path / folder / "picture.svg").read_bytes() for folder in ("one", "other"))
    assert one == other and b"<dc:date>" not in one


def test_means_by_hand() -> None:
    values = np.array([1.0, 2.0, 6.0, 3.0])
    assert centred_mean(values, 3) == pytest.approx([1.5, 3.0, 11 / 3, 4.5])
    assert trailing_mean(values, 3) == pytest.approx([1.0, 1.5, 3.0, 11 / 3])
    assert centred_mean(values[:1], 5) == trailing_mean(values[:1], 5) == 1.0


def test_learning_curves_of_runs_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for run in ("a", "b", "encoder"):
        (tmp_path / run).mkdir()
        keys = ("likeness_retrieved", "likeness_random", "likeness_best") if run == "encoder" else ("dice",)
        keys += () if run == "encoder" else ("presence_present", "presence_absent")
        rows = [{"step": step, **dict.fromkeys(keys, step / 100)} for step in (10, 20)]
        (tmp_path / run / "log.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert [row["step"] for row in curves.read_log([tmp_path / "a", tmp_path / "b"])] == [10, 20, 30, 40]
    monkeypatch.setattr(curves, "PICTURE", tmp_path / "curves.svg")
    segmenter = [str(tmp_path / "a"), str(tmp_path / "b")]
    curves.main(["--segmenter", *segmenter, "--encoder", str(tmp_path / "encoder")])
    assert {"Dice where present", "best possible", "steps"} <= set(texts(tmp_path / "curves.svg"))


def test_the_curve_of_a_prompt_goes_through_small_and_large_episodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = [128] * 12 + [256] * 18
    rows = [{"step": 10 * (n + 1), f"dice click alone {size}": n / 100} for n, size in enumerate(sizes)]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, rows)))
    monkeypatch.setattr(curves, "PROMPTS_PICTURE", tmp_path / "prompts.svg")
    drawn = []
    monkeypatch.setattr(curves, "_draw", lambda axes, points, names: drawn.append((points, names)))
    curves.main(["--prompts", str(tmp_path)])
    points, names = drawn[0]
    assert names["dice click alone"] == "a click"
    assert [round(row["dice click alone"], 4) for row in points] == [0.045, 0.145, 0.245]
    assert "Dice after prompts alone, made-up episodes" in texts(tmp_path / "prompts.svg")
