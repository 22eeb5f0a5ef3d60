"""Which cases may be supports and targets where: rules, so that nobody can choose the cases that suit."""

from __future__ import annotations

import hashlib
import json
import os
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTENT = json.loads((ROOT / "training" / "splits.json").read_text(encoding="utf-8"))
SPLITS: dict[str, dict[str, list[dict[str, Any]]]] = CONTENT["splits"]

GROWING: dict[str, dict[str, dict[str, Any]]] = CONTENT["growing"]

# Of the sets that have tune cases: so many, the first by name. All others are judge cases.
TUNE = {"msd_hippocampus": 12, "openkbp_hn_ct": 3}
JUDGED = {"msd_hippocampus": 28, "acdc_fatesam": 5, "sunnybrook_lv": 8, "btcv_ct": 6, "openkbp_hn_ct": 5}
TARGETS = {"msd_hippocampus": 24, "acdc_fatesam": 5, "sunnybrook_lv": 8, "btcv_ct": 3, "openkbp_hn_ct": 5}
LABELS = {"msd_hippocampus": 2, "acdc_fatesam": 3, "sunnybrook_lv": 1, "btcv_ct": 13, "openkbp_hn_ct": 7}

EVERY_SPLIT = [
    pytest.param(group, split, id=f"{role}-{group}-{number}")
    for role, groups in SPLITS.items()
    for group, splits in groups.items()
    for number, split in enumerate(splits)
]


def cases(role: str, group: str) -> set[str]:
    return {name for split in SPLITS[role].get(group, []) for name in (*split["supports"], *split["targets"])}


def targets(role: str, group: str) -> list[str]:
    return [name for split in SPLITS[role][group] for name in split["targets"]]


def patient(name: str) -> str:
    """Of sunnybrook: one patient has two volumes, at the end of diastole and of systole."""
    return name.removesuffix("_ED").removesuffix("_ES")


@pytest.mark.parametrize(("group", "split"), EVERY_SPLIT)
def test_no_target_is_among_its_supports(group: str, split: dict[str, Any]) -> None:
    names = [*split["supports"], *split["targets"]]
    assert len(names) == len(set(names))
    assert not {patient(name) for name in split["supports"]} & {patient(name) for name in split["targets"]}


@pytest.mark.parametrize("group", SPLITS["judge"])
def test_no_case_is_judged_that_settings_were_tuned_on(group: str) -> None:
    assert not cases("tune", group) & cases("judge", group)


@pytest.mark.parametrize("role", SPLITS)
def test_no_case_is_a_target_twice(role: str) -> None:
    for group in SPLITS[role]:
        names = targets(role, group)
        assert len(names) == len(set(names))


def test_every_judge_case_takes_part() -> None:
    assert {group: len(cases("judge", group)) for group in SPLITS["judge"]} == JUDGED
    assert {group: len(targets("judge", group)) for group in SPLITS["judge"]} == TARGETS


@pytest.mark.parametrize("group", TUNE)
def test_tune_cases_are_the_first_by_name(group: str) -> None:
    assert len(cases("tune", group)) == TUNE[group]
    assert max(cases("tune", group)) < min(cases("judge", group))


@pytest.mark.parametrize("group", ["msd_hippocampus", "btcv_ct"])
def test_the_first_by_name_are_supports_where_no_case_is_left_out_in_turn(group: str) -> None:
    (split,) = SPLITS["judge"][group]
    names = sorted(cases("judge", group))
    assert split["supports"] == names[: len(split["supports"])]
    assert split["targets"] == names[len(split["supports"]) :]


@pytest.mark.parametrize(
    ("role", "group"),
    [("judge", "acdc_fatesam"), ("judge", "openkbp_hn_ct"), ("judge", "sunnybrook_lv"), ("tune", "openkbp_hn_ct")],
)
def test_one_patient_is_left_out_in_turn(role: str, group: str) -> None:
    everything = cases(role, group)
    for split in SPLITS[role][group]:
        (left_out,) = {patient(name) for name in split["targets"]}
        assert set(split["targets"]) == {name for name in everything if patient(name) == left_out}
        assert set(split["supports"]) == everything - set(split["targets"])
    assert set(targets(role, group)) == everything


@pytest.mark.parametrize(("role", "count", "held_out"), [("tune", 8, 4), ("judge", 16, 8)])
def test_a_library_grows_by_cases_in_an_order_that_only_their_names_and_a_seed_decide(
    role: str, count: int, held_out: int
) -> None:
    ((group, growing),) = GROWING[role].items()
    assert (group, growing["seed"]) == ("msd_hippocampus", 1)
    names = sorted(cases(role, group))
    assert growing["targets"] == names[-held_out:]
    drawn = sorted(names[:-held_out], key=lambda name: hashlib.sha256(f"{growing['seed']} {name}".encode()).hexdigest())
    assert growing["cases"] == drawn[:count]
    assert len(growing["cases"]) == count


def test_every_label_has_a_name_of_its_own() -> None:
    assert set(CONTENT["names"]) == set().union(*SPLITS.values())
    for group, names in CONTENT["names"].items():
        assert list(names) == [str(value) for value in range(1, LABELS[group] + 1)]
        assert not [pair for pair in combinations(names.values(), 2) if pair[0].casefold() == pair[1].casefold()]


def test_no_case_of_the_data_is_left_out() -> None:
    data = Path(os.environ.get("RETRIEVALSAM_DATA") or ROOT.parent / "shared" / "data")
    if not data.is_dir():
        pytest.skip(f"needs the real volumes: no folder {data} (set RETRIEVALSAM_DATA to another one)")
    for group in JUDGED:
        there = {path.name.removesuffix("_label.nii.gz") for path in (data / group).glob("*_label.nii.gz")}
        assert cases("judge", group) | cases("tune", group) == there
