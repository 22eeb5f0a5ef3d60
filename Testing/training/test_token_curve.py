"""What fewer tokens cost, worked out from kept figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from training import token_curve
from training.judge import PARTS


def record(target: str, part: float, dice: dict[str, float]) -> str:
    known = dict.fromkeys(PARTS, "") | {"role": "tune", "set": "hearts", "target": target, "dice": dice}
    return json.dumps(known | {"settings": {"whole_blocks": part}})


def written(folder: Path, *records: str) -> str:
    path = folder / "results.jsonl"
    path.write_text("\n".join(records) + "\n", encoding="utf-8")
    return str(path)


def test_the_difference_is_over_targets_that_both_were_run_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = written(
        tmp_path,
        record("a", 1.0, {"left": 0.8, "right": 0.6}),
        record("b", 1.0, {"left": 0.1, "right": 0.1}),
        record("a", 0.25, {"left": 0.81, "right": 0.62}),
        record("a", 0.0, {"left": 0.7, "right": 0.6}),
    )
    token_curve.main([results, "--picture", str(tmp_path / "tokens.svg")])
    assert capsys.readouterr().out.splitlines() == [
        "| set (targets) | 100% | 44% | 25% |",
        "|---|---|---|---|",
        "| hearts, tune (1) | +0.00 | +1.50 | -5.00 |",
    ]
    assert "hearts (tune)" in (tmp_path / "tokens.svg").read_text(encoding="utf-8")


def test_without_a_run_with_all_tokens_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"hearts \(tune\): no target"):
        token_curve.main([written(tmp_path, record("a", 0.25, {"left": 0.8}))])
