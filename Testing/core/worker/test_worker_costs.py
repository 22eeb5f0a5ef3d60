"""What a run is said to cost before it begins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from RetrievalSAMLib.library.files import unsealed
from RetrievalSAMLib.worker.jobs import costs
from RetrievalSAMLib.worker.jobs.costs import Run, Setting, Shape, estimate, remember

SETTING = Setting("bundled", "bundled", "cpu", "default", 256, 1)
SHAPE = Shape(28, 2, 100_000)
WEIGHTS = 8_000_000


@dataclass(frozen=True)
class Measured:
    """A run with the preset `default` and the bundled model on one thread of a processor."""

    shape: Shape
    seconds: float


@pytest.mark.parametrize(
    "run",
    [
        Measured(Shape(28, 2, 60_000), 12),
        Measured(Shape(65, 13, 17_000_000), 77),
        Measured(Shape(120, 7, 2_000_000), 57),
    ],
)
def test_without_a_run_the_typical_time_is_that_of_measured_ones(run: Measured, tmp_path: Path) -> None:
    cost = estimate(SETTING, run.shape, 8, WEIGHTS, tmp_path)
    assert not cost.measured and cost.seconds == pytest.approx(run.seconds, rel=0.25)


def test_more_to_do_costs_more(tmp_path: Path) -> None:
    def seconds(setting: Setting, shape: Shape, supports: int = 8) -> float:
        return estimate(setting, shape, supports, WEIGHTS, tmp_path).seconds

    base = seconds(SETTING, SHAPE)
    assert base < seconds(SETTING, Shape(56, 2, 100_000))
    assert base < seconds(SETTING, Shape(28, 4, 100_000))
    assert base < seconds(SETTING, SHAPE, supports=16)
    assert base < seconds(msgspec.structs.replace(SETTING, image_size=512), SHAPE)
    assert base > seconds(msgspec.structs.replace(SETTING, device="cuda"), SHAPE)


def test_a_measured_run_sets_the_pace_of_its_own_settings_only(tmp_path: Path) -> None:
    typical = estimate(SETTING, SHAPE, 8, WEIGHTS, tmp_path)
    remember(Run(SETTING, SHAPE, typical.seconds * 3, typical.memory_bytes * 2), tmp_path / "cache")
    again = estimate(SETTING, SHAPE, 8, WEIGHTS, tmp_path / "cache")
    assert again.measured and again.seconds == pytest.approx(typical.seconds * 3)
    assert again.memory_bytes == pytest.approx(typical.memory_bytes * 2, rel=0.01)
    twice = estimate(SETTING, Shape(56, 2, 100_000), 8, WEIGHTS, tmp_path / "cache")
    assert twice.measured and twice.seconds > again.seconds
    other = msgspec.structs.replace(SETTING, preset="fast")
    assert not estimate(other, SHAPE, 4, WEIGHTS, tmp_path / "cache").measured


def test_one_slow_run_among_others_does_not_count(tmp_path: Path) -> None:
    typical = estimate(SETTING, SHAPE, 8, WEIGHTS, tmp_path).seconds
    for factor in (1.0, 50.0, 1.1):
        remember(Run(SETTING, SHAPE, typical * factor, 10**9), tmp_path)
    assert estimate(SETTING, SHAPE, 8, WEIGHTS, tmp_path).seconds == pytest.approx(typical * 1.1)


@pytest.mark.parametrize("content", [b"", b"{}", b'[{"seconds": "many"}]', b"\xff"])
def test_a_damaged_record_is_as_good_as_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / costs.FILE).write_bytes(content)
    assert not estimate(SETTING, SHAPE, 8, WEIGHTS, tmp_path).measured
    remember(Run(SETTING, SHAPE, 20.0, 10**9), tmp_path)
    assert estimate(SETTING, SHAPE, 8, WEIGHTS, tmp_path).measured


def test_old_runs_are_forgotten_and_a_folder_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    for number in range(210):
        remember(Run(SETTING, SHAPE, float(number + 1), 10**9), tmp_path)
    assert len(msgspec.json.decode(unsealed((tmp_path / costs.FILE).read_bytes()))) == 200
    (tmp_path / "file").write_text("")
    remember(Run(SETTING, SHAPE, 1.0, 10**9), tmp_path / "file" / "cache")
