"""Targets that are moved against their cases, and what is told of Dice by angle and of reversed stacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from balls import case, grid
from svg_contents import texts

from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.volumes.slicing import SliceFrame
from training import orientation, slice_order
from training.heads import NAMES, head
from training.moved_cases import cropped_case, mirrored_case, scaled_case, with_wrong_header
from training.orientation import Pose, poses, table, told_apart
from training.records import Records, read_records

BALL = case("ball", grid((48, 44, 14), (1.5, 1.5, 5.0)))


def middle_mm(one: MemoryCase, name: str = "Core") -> np.ndarray:
    """Of a segment, in the patient."""
    return one.image.geometry.index_to_lps(np.argwhere(one.segmentation.mask(name)).mean(axis=0))


def test_a_turned_target_with_a_true_header_stays_where_it_is_in_the_patient() -> None:
    true, lost = (Pose(60, "slices", header).of(BALL) for header in ("true", "lost"))
    assert np.allclose(middle_mm(true), middle_mm(BALL), atol=0.5)
    assert np.linalg.norm(middle_mm(lost) - middle_mm(BALL)) > 2
    assert np.array_equal(true.image.voxels, lost.image.voxels)


def test_a_wrong_header_tells_of_a_turn_that_the_image_has_not() -> None:
    wrong = with_wrong_header(BALL)
    assert np.array_equal(wrong.image.voxels, BALL.image.voxels)
    turn = SliceFrame(wrong.image.geometry, BALL.plane).geometry.direction_matrix
    assert np.allclose(turn @ turn.T, np.eye(3)) and not np.allclose(turn, np.eye(3))


def test_cropped_and_scaled_cases_keep_their_structures() -> None:
    cropped, scaled = cropped_case(BALL), scaled_case(BALL, 0.7)
    for one in (cropped, scaled):
        assert one.segmentation.mask("Core").sum() == BALL.segmentation.mask("Core").sum()
    assert np.prod(cropped.image.geometry.size) < np.prod(BALL.image.geometry.size)
    assert np.allclose(middle_mm(cropped), middle_mm(BALL))
    assert scaled.image.geometry.voxel_volume_mm3 == pytest.approx(0.343 * BALL.image.geometry.voxel_volume_mm3)


def test_heads_have_two_eyes_in_front_and_are_not_all_the_same() -> None:
    made = head(1, 0)
    right, left, cerebellum = (middle_mm(made, name) for name in ("R eye", "L eye", "cerebellum"))
    assert right[0] < left[0] and max(right[1], left[1]) < cerebellum[1]
    assert set(made.segmentation.names) == set(NAMES.values())
    assert made.content_hash != head(1, 1).content_hash


def test_what_tells_most_is_measured_first_and_what_is_unturned_once() -> None:
    order = poses((0, 45), (30,), ("true", "lost"))
    assert order[0] == Pose(0, "slices", "true") and order.count(order[0]) == 1
    assert [(p.degrees, p.axis, p.header) for p in order[1:4]] == [
        (45, "slices", "true"),
        (30, "rows", "true"),
        (30, "columns", "true"),
    ]
    assert len(order) == 7


def record(degrees: float, header: str, dice: float, confidence: float, target: str = "a") -> dict[str, Any]:
    same = {"kind": "hearts", "seed": 1, "settings": {}, "weights": {}, "also": "", "axis": "slices"}
    told = {"dice": {"LV": dice}, "confidence": {"LV": confidence}}
    return {**same, "target": target, "degrees": degrees, "header": header, **told}


RECORDS = [
    record(0, "true", 0.8, 0.9),
    record(90, "lost", 0.1, 0.2),
    record(45, "lost", 0.78, 0.85),
    record(45, "true", 0.8, 0.1),
]


def test_the_table_tells_what_a_turn_costs_and_how_well_confidence_tells_it() -> None:
    told = table(RECORDS)
    assert "| 90° | lost | 0.100 | -70.0 | 1 |" in told
    assert told_apart(RECORDS) == pytest.approx(2 / 3)
    assert "AUROC 0.667" in told
    assert told_apart(RECORDS[:1]) is None


def test_the_picture_has_a_panel_for_each_header(tmp_path: Path) -> None:
    orientation.draw(RECORDS, tmp_path / "plot.svg")
    told = texts(tmp_path / "plot.svg")
    assert {"header true", "header lost", "hearts (n = 1)"} <= set(told)


def test_a_measurement_goes_on_where_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = Records(tmp_path / "results.jsonl", orientation.PARTS)
    others = [case(str(n), grid((48, 44, 14), (1.5, 1.5, 5.0)), seed=n) for n in (1, 2)]
    for _ in range(2):
        orientation.measure("balls", 0, [(others, BALL)], Pose(0, "slices", "true"), "", "fast", results)
    [found] = read_records([tmp_path / "results.jsonl"], orientation.PARTS)
    assert capsys.readouterr().out.count("balls 0 ball") == 1
    assert found["dice"].keys() == {"Shell", "Core"} and found["stages"]


def test_reversed_stacks_that_were_found_and_false_alarms_are_counted_apart() -> None:
    found = ((0, True, True, 0), (1, True, False, 0), (0, False, False, 0), (1, False, False, 1))
    looked = [
        {"kind": "hearts", "seed": 1, "target": str(n), "mirrored": mirrored, "said": said, "cases": cases}
        for n, mirrored, said, cases in found
    ]
    told = slice_order.table(looked)
    assert "| hearts | 2 | 1 of 2 | 1 of 2 |" in told and "| all | 2 | 1 of 2 | 1 of 2 |" in told


def test_a_stack_in_reverse_is_looked_at_in_both_orders(tmp_path: Path) -> None:
    cases = [head(1, number) for number in (3, 4)]
    assert slice_order.look(mirrored_case(head(1, 0)), cases, tmp_path) == {"said": True, "cases": 0}
