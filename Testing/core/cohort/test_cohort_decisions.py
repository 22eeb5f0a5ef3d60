"""Decisions of reviewers: what counts, what is lost when many write at once, and what the commands make of them."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from RetrievalSAMLib.cli.commands.batch import _finish
from RetrievalSAMLib.cohort.review.choosing import shown_slices
from RetrievalSAMLib.cohort.review.decisions import SERVER_FILE, Decision, add_decisions, read_decisions
from RetrievalSAMLib.cohort.review.outliers import outliers
from RetrievalSAMLib.cohort.review.sheets import draw_sheets, tile_size
from RetrievalSAMLib.segmentation.output.report import (
    LibraryReport,
    ModelReport,
    SegmentationReport,
    SegmentOnSlice,
    SliceReport,
    TargetReport,
)
from RetrievalSAMLib.volumes import Geometry, Plane, SliceStack, Volume
from Testing.batch_folders import batch, line_of

RESULT, OTHER = "a" * 64, "b" * 64


def written(folder: Path, *lines: dict[str, object], name: str = "decisions-Bo.jsonl") -> Path:
    file = folder / name
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return file


def state(folder: Path, volume: str = "v") -> str:
    return read_decisions(folder).standing(volume, RESULT).state


def test_the_latest_of_each_reviewer_holds_and_two_who_disagree_leave_it_disputed(tmp_path: Path) -> None:
    assert state(tmp_path) == "undecided"
    first = line_of("v", RESULT, "rejected", key="1")
    later = line_of("v", RESULT, "accepted", key="2", time="2026-01-01T11:30:00+01:00")  # half an hour later
    written(tmp_path, later, first)
    assert state(tmp_path) == "accepted"
    written(tmp_path, line_of("v", RESULT, "rejected", "Anna", note="cut off"), name="decisions-Anna (1).jsonl")
    standing = read_decisions(tmp_path).standing("v", RESULT)
    assert (standing.state, standing.notes) == ("disputed", "Anna: cut off")
    taken_back = line_of("v", RESULT, "undecided", "Anna", key="4", time="2026-02-01T00:00:00Z")
    written(tmp_path, taken_back, name="decisions.jsonl")
    assert state(tmp_path) == "accepted"


def test_a_decision_holds_for_the_result_that_was_looked_at_only(tmp_path: Path) -> None:
    written(tmp_path, line_of("v", OTHER, "accepted"), line_of("w", RESULT, "accepted"))
    assert state(tmp_path) == "undecided"
    assert read_decisions(tmp_path).outdated({"v": RESULT, "w": RESULT}) == 1


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"version": 2}, "a newer RetrievalSAM"),
        ({"format": "other"}, "it is no"),
        ({"decision": "maybe"}, "neither accepted"),
        ({"result": "x"}, "no SHA-256"),
        ({"time": "yesterday"}, "no time"),
        ({"time": "2026-01-01T10:00:00"}, "no zone"),
        ({"note": "x" * 2001}, "longer than 2000"),
        ({"reviewer": 3}, "is no text"),
        ({"volume": "a\nb"}, "holds what is no letter"),
        ({"more": "x"}, "its fields are not"),
    ],
)
def test_a_line_that_is_no_decision_is_named_and_the_others_count(
    tmp_path: Path, changed: dict[str, object], why: str
) -> None:
    written(tmp_path, line_of("w", RESULT, "accepted") | changed, line_of("v", RESULT, "accepted"))
    found = read_decisions(tmp_path)
    assert [one.volume for one in found.lines] == ["v"]
    assert found.faults[0].startswith("decisions-Bo.jsonl, line 1: ") and why in found.faults[0]


_WRITES = """
import sys
from pathlib import Path
from RetrievalSAMLib.cohort.review.decisions import Decision, add_decisions
folder, reviewer = Path(sys.argv[1]), sys.argv[2]
line = {"format": "retrievalsam-decision", "version": 1, "result": "a" * 64, "decision": "accepted", "note": "",
        "reviewer": reviewer, "time": "2026-01-01T10:00:00Z"}
for number in range(40):
    add_decisions(folder, [Decision.of({**line, "volume": f"volume {number}", "key": f"{reviewer} {number}"})])
"""


def test_two_who_write_at_once_lose_nothing_and_what_is_sent_twice_counts_once(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", _WRITES, tmp_path, name]) for name in ("Anna", "Bo")]
    assert [writer.wait() for writer in writers] == [0, 0]
    found = read_decisions(tmp_path)
    assert len(found.lines) == 80 and not found.faults
    assert add_decisions(tmp_path, list(found.lines)) == 0
    assert len((tmp_path / SERVER_FILE).read_text().splitlines()) == 80


def test_a_line_that_a_power_cut_left_unfinished_does_not_take_the_next_one_with_it(tmp_path: Path) -> None:
    (tmp_path / SERVER_FILE).write_text(json.dumps(line_of("w", RESULT, "accepted"))[:-9])
    add_decisions(tmp_path, [Decision.of(line_of("v", RESULT, "rejected"))])
    found = read_decisions(tmp_path)
    assert [one.volume for one in found.lines] == ["v"] and "line 1: it is no JSON" in found.faults[0]


def test_the_command_tells_what_is_decided_and_the_table_has_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes, results = batch(tmp_path, 8)
    lines = [line_of(one.id, one.result, said) for one, said in zip(outcomes, ("accepted", "rejected"), strict=False)]
    lines[1]["note"] = "=HYPERLINK(1)"
    written(tmp_path, *lines, line_of("case 2", OTHER, "accepted"))
    with (tmp_path / "decisions-Bo.jsonl").open("a") as stream:
        stream.write("{\n")
    _finish(outcomes, results)
    told = capsys.readouterr()
    assert (
        "decided: 1 accepted, 1 rejected, 0 disputed; 1 decision(s) are of results that are no more there" in told.out
    )
    assert "warning: a decision cannot be read: decisions-Bo.jsonl, line 4" in told.err
    with (tmp_path / "batch.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = {row["id"]: row for row in csv.DictReader(stream)}
    assert [rows[f"case {number}"]["decision"] for number in range(3)] == ["accepted", "rejected", ""]
    assert rows["case 1"]["notes"] == "Bo: =HYPERLINK(1)"
    assert [id_ for id_, row in rows.items() if row["stands_out"]] == ["case 5"]


def test_a_batch_that_is_done_has_its_table_also_where_decisions_cannot_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes, results = batch(tmp_path, 6)
    (tmp_path / "decisions-folder.jsonl").mkdir()
    _finish(outcomes, results)
    assert "decisions-folder.jsonl: it cannot be read" in capsys.readouterr().err
    assert (tmp_path / "batch.csv").is_file() and (tmp_path / "index.html").is_file()


def test_what_stands_out_is_far_from_the_others_or_missing_and_few_volumes_say_nothing() -> None:
    alike = [100.0, 104.0, 97.0, 101.0, 99.0, 103.0]
    assert outliers([*alike, 300.0, 0.0]) == [False] * 6 + [True, True]
    assert outliers([100.0] * 6 + [101.0]) == [False] * 7
    assert outliers([1.0, 1000.0, 1.0, 1.0]) == [False] * 4
    assert outliers([0.0, 0.0, 0.0, 0.0, 5.0]) == [False] * 5


def _report(areas: dict[int, tuple[float, float]]) -> SegmentationReport:
    """Area and confidence by slice."""
    grid = TargetReport((8, 8, 60), (1, 1, 1), (0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0, 1), RESULT)
    slices = tuple(
        SliceReport(index, {"A": SegmentOnSlice(areas[index][1], areas[index][0], ())})
        if index in areas
        else SliceReport(index, {"A": SegmentOnSlice(0.1, 0.0, ())})
        for index in range(60)
    )
    model = ModelReport("m", RESULT, 64, "here")
    return SegmentationReport(
        target=grid, library=LibraryReport("l", 1), model=model, encoder=None, preset="fast", settings={},
        plane="axial", plane_axis=2, segments=(), slices=slices, verdict="in-library", seconds={}, peak_memory_bytes=0,
    )  # fmt: skip


def test_the_slices_shown_are_the_least_sure_and_the_largest_and_never_empty() -> None:
    areas = {index: (100.0 - abs(index - 30), 0.9) for index in range(12, 50)}
    areas |= {14: (50.0, 0.2), 15: (50.0, 0.21), 40: (90.0, 0.3), 47: (80.0, 0.4)}
    shown = shown_slices(_report(areas))
    assert {14, 40, 47} <= set(shown) and 30 in shown and 15 not in shown  # its neighbour shows the same
    assert len(shown) == 6 and list(shown) == sorted(shown)
    assert shown_slices(_report({5: (1.0, 0.5), 6: (2.0, 0.5)})) == (5, 6)
    assert shown_slices(_report({})) == ()


@pytest.mark.parametrize("turned", [False, True])
def test_sheets_show_every_slice_in_true_proportions_with_outlines_where_the_mask_ends(
    tmp_path: Path, turned: bool
) -> None:
    direction = (-1, 0, 0, 0, 1, 0, 0, 0, -1) if turned else (1, 0, 0, 0, 1, 0, 0, 0, 1)
    geometry = Geometry((20, 10, 40), (1.0, 4.0, 2.0), (0, 0, 0), direction)
    voxels = np.broadcast_to(np.arange(40.0), (20, 10, 40)).copy()
    stack = SliceStack.of(Volume(voxels, geometry), Plane.AXIAL)
    mask = np.zeros(stack.frame.shape, dtype=bool)
    mask[37, 5:, :] = True
    draw_sheets(stack, [mask], [(1.0, 0.0, 0.0)], tmp_path, "v")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["v.1.jpg", "v.1.png", "v.2.jpg", "v.2.png"]
    width, height = tile_size(stack.extent_mm)
    assert (width, height) == (160, 320)
    greys = np.asarray(Image.open(tmp_path / "v.1.jpg"), dtype=float)
    assert greys.shape == (6 * height, 6 * width)
    means = [
        greys[r * height : (r + 1) * height, c * width : (c + 1) * width].mean() for r in range(6) for c in range(6)
    ]
    np.testing.assert_allclose(means, [stack.image(index).mean() * 255 for index in range(36)], atol=2)
    assert not np.asarray(Image.open(tmp_path / "v.1.png")).any()
    lines = np.asarray(Image.open(tmp_path / "v.2.png"))[:height, width : 2 * width]  # slice 37 is the second of it
    red = (lines[..., 0] > 150) & (lines[..., 3] > 200)
    assert red[height // 2 - 2 : height // 2 + 2, width // 2].any()
    assert not red[: height // 2 - 4].any() and not red[height // 2 + 4 : height - 6, 10:-10].any()
    assert not np.asarray(Image.open(tmp_path / "v.2.png"))[:, :width].any()
