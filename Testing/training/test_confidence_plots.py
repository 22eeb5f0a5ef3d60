"""Figures and pictures of how well the tool knows where it is wrong."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr
from svg_contents import images, texts

from training.confidence_plots import auroc, binned, gains, main, spearman


def test_rank_correlation_is_scipys_ties_included() -> None:
    generator = np.random.default_rng(0)
    one, other = generator.integers(0, 5, 40).astype(float), generator.random(40)
    assert spearman(one, other) == pytest.approx(spearmanr(one, other).statistic)
    assert spearman(np.arange(5.0), np.arange(5.0) ** 3) == pytest.approx(1)
    assert math.isnan(spearman(np.ones(5), np.arange(5.0)))


def test_a_bad_slice_is_found_by_low_confidence() -> None:
    bad = np.array([True, True, False, False, False])
    assert auroc(np.array([0.1, 0.2, 0.3, 0.4, 0.5]), bad) == 1
    assert auroc(np.array([0.9, 0.8, 0.3, 0.4, 0.5]), bad) == 0
    # Of six pairs of a bad and a good one: four right, one tie, one wrong.
    assert auroc(np.array([0.1, 0.4, 0.3, 0.4, 0.5]), bad) == pytest.approx(4.5 / 6)
    assert math.isnan(auroc(np.array([0.1, 0.2]), np.array([True, True])))


def test_bins_with_too_few_pairs_have_no_mean() -> None:
    confidence = np.array([0.05] * 5 + [0.55] * 4 + [1.0] * 5)
    dice = np.array([0.2, 0.4, 0.3, 0.3, 0.3] + [0.0] * 4 + [0.9] * 5)
    places, means = binned(confidence, dice)
    assert places == pytest.approx([0.05, 1.0]) and means == pytest.approx([0.3, 0.9])


def correction(group: str, target: str, choice: str, slices: list[int], gain: float) -> dict[str, Any]:
    return {"set": group, "target": target, "choice": choice, "slices": slices, "before": 0.5, "refined": 0.5 + gain}


CORRECTIONS = [
    correction("balls", "a", "worst", [1], 0.25),
    correction("balls", "a", "most wrong", [2], 0.5),
    correction("balls", "a", "random", [3], 0.0),
    correction("balls", "a", "random", [3], 0.0),
    correction("balls", "a", "random", [4], 0.375),
    correction("balls", "b", "worst", [1], 0.5),
    correction("balls", "b", "random", [1], 0.25),
    correction("rods", "c", "worst", [1], 0.0),
]


def test_every_target_counts_once_and_every_draw_of_it_alike() -> None:
    found = gains(CORRECTIONS)
    assert found["balls", "random"] == pytest.approx([0.125, 0.25])
    assert found["balls", "worst"] == pytest.approx([0.25, 0.5])
    assert ("rods", "random") not in found


def lines(path: Path, records: list[dict[str, Any]]) -> str:
    path.write_text("\n".join(map(json.dumps, records)) + "\n")
    return str(path)


def test_a_panel_a_set_with_its_figures_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = [
        {"set": group, "target": "a", "segment": "shell", "slice": n, "confidence": n / 600, "dice": dice(n / 600)}
        for group, dice in (("balls", lambda c: c), ("rods", lambda c: 0.75), ("discs", lambda c: 1 - c))
        for n in range(600)
    ]
    file = lines(tmp_path / "pairs.jsonl", [*pairs, *pairs[:600]])  # a run that was begun again
    main(["--confidence", file, "--folder", str(tmp_path / "plots")])
    picture = tmp_path / "plots" / "confidence.svg"
    shown = texts(picture)
    assert {"balls", "rods", "discs", "600 pairs"} <= set(shown)
    assert "Spearman 1.00, AUROC 1.00" in shown and "Spearman -1.00, AUROC 0.00" in shown
    assert "Spearman -, AUROC -" in shown
    assert images(picture) == 0
    assert picture.stat().st_size < 150_000
    assert "balls: Spearman 1.00, AUROC 1.00, 600 pairs, 300 of them below 0.5" in capsys.readouterr().out


def test_bars_say_how_much_better_than_random_the_tool_chose(tmp_path: Path) -> None:
    main(["--corrections", lines(tmp_path / "gains.jsonl", CORRECTIONS), "--folder", str(tmp_path)])
    shown = texts(tmp_path / "corrections.svg")
    assert {"balls", "2 targets", "2.0 times random", "rods", "1 target", "named first by the report"} <= set(shown)
    assert sum("times" in label for label in shown) == 1


@pytest.mark.parametrize("given", [[], ["--confidence", "empty.jsonl"]])
def test_nothing_to_draw_is_said(given: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(SystemExit) as stopped:
        main([*given, "--folder", str(tmp_path / "plots")])
    assert stopped.value.code == 2
    assert not (tmp_path / "plots").exists()
