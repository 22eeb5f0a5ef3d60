"""Which cases a member of an expert has not seen: a patient's cases lie in one fold, and a case stays in its fold."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_MOST_FOLDS = 4
_LAST_PART = re.compile(r"[-_ .][^-_ .]+$")


@dataclass(frozen=True)
class FoldCase:
    """What tells whose a case is.

    Attributes:
        key: Of its image's content: the same for corrections of its segmentation.
        name: Its name in the library.
    """

    key: str
    name: str


def fold_count(groups: int) -> int:
    """Folds for so many patients."""
    return min(groups, _MOST_FOLDS)


def patients(cases: Sequence[FoldCase], alike: Sequence[tuple[str, str]] = ()) -> dict[str, str]:
    """By key of a case, the key that stands for its patient.

    Args:
        cases: All of them.
        alike: Pairs of keys whose images show the same study.
    """
    leader = {case.key: case.key for case in cases}

    def find(key: str) -> str:
        while leader[key] != key:
            key = leader[key]
        return key

    def join(one: str, other: str) -> None:
        first, second = sorted((find(one), find(other)))
        leader[second] = first

    by_stem: dict[str, str] = {}
    for case in cases:
        stem = patient_stem(case.name)
        if stem is not None:
            join(case.key, by_stem.setdefault(stem, case.key))
    for one, other in alike:
        if one in leader and other in leader:
            join(one, other)
    return {case.key: find(case.key) for case in cases}


def patient_stem(name: str) -> str | None:
    """What a patient's cases have in common in their names: `patient12` of `patient12_ED`; None where nothing tells.

    The last part of a name is cut off where what is left still has a number. `case-001` and `case-002` are two
    patients' for all that anybody knows.
    """
    stem = _LAST_PART.sub("", name)
    return stem.casefold() if stem != name and any(letter.isdigit() for letter in stem) else None


def folds_of(patient_of: Mapping[str, str], count: int, before: Mapping[str, int] | None = None) -> dict[str, int]:
    """By key of a case, its fold.

    Args:
        patient_of: By key of a case.
        count: Folds.
        before: Folds of cases that were there before: these stay, where one of their patient's has one.
    """
    before = {key: fold for key, fold in (before or {}).items() if fold < count}
    groups: dict[str, list[str]] = {}
    for key, patient in patient_of.items():
        groups.setdefault(patient, []).append(key)
    fold_of_group: dict[str, int] = {}
    sizes: Counter[int] = Counter({fold: 0 for fold in range(count)})
    for patient, keys in sorted(groups.items()):
        known = sorted(before[key] for key in keys if key in before)
        if known:
            fold_of_group[patient] = known[0]
            sizes[known[0]] += len(keys)
    # Large groups first, so that the folds come out alike.
    for patient, keys in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        if patient not in fold_of_group:
            fold = min(sizes, key=lambda one: (sizes[one], one))
            fold_of_group[patient] = fold
            sizes[fold] += len(keys)
    return {key: fold_of_group[patient] for key, patient in patient_of.items()}
