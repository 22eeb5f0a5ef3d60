"""What a review says, as rows of a table: one a finding, one for each segment without any. Plain Python, without Qt."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..core_package import make_importable

make_importable()

from RetrievalSAMLib.csv_rows import write_rows  # noqa: E402 - its folder is known only now

SEVERITY = {
    "damaged": 3,
    "swapped": 2,
    "shifted": 2,
    "backwards": 2,
    "empty": 2,
    "low-dice": 1,
    "missing": 1,
    "hurts": 1,
}
"""As the worker orders its cases; other kinds are worth a look."""


@dataclass(frozen=True)
class Row:
    """One finding in a case, or a segment in which nothing is odd.

    Attributes:
        case_id: The case's ID.
        case: Its name.
        segments: Names of the segments that it is about; none for the whole case.
        dice: Against the result of the other cases, in [0, 1]: of the worst of these segments, of the whole case their
            mean; None where no other case has them.
        kind: Of the finding (docs/formats.md); None where nothing is odd.
        text: A sentence about it, or an empty text.
        slices: Indices along `axis` to look at, the best first.
        axis: Axis of the case's voxels (0, 1, 2 as i, j, k) that was sliced; None for a damaged case.
        findings: How many there are in the case.
    """

    case_id: str
    case: str
    segments: tuple[str, ...]
    dice: float | None
    kind: str | None
    text: str
    slices: tuple[int, ...]
    axis: int | None
    findings: int = 0

    @property
    def severity(self) -> int:
        """3 for what is surely wrong, down to 0 for what is worth a look and -1 for nothing."""
        return -1 if self.kind is None else SEVERITY.get(self.kind, 0)


def rows_of(review: dict[str, Any]) -> list[Row]:
    """The rows of a review (docs/formats.md), worst first."""
    rows = []
    for case in review["cases"]:
        found = [_finding(case, flag) for flag in case["flags"]]
        told = {name for row in found for name in row.segments}
        rows += found
        rows += [_row(case, (name,), None, "", ()) for name in case["dice"]["segments"] if name not in told]
    return in_order(rows, "worst")


def in_order(rows: Sequence[Row], by: str, descending: bool = False) -> list[Row]:
    """Rows sorted by `worst`, `case`, `segment`, `dice` or `finding`; a Dice that is not known comes last."""
    ordered = sorted(sorted(rows, key=_worst), key=_ORDERS[by], reverse=descending)
    if by == "dice":
        ordered.sort(key=lambda row: row.dice is None)
    return ordered


def as_csv(rows: Sequence[Row], heads: Sequence[str], words: Callable[[str], str]) -> str:
    """A table for other programs: case, segments, Dice, finding in words, sentence, slices; no path.

    Args:
        rows: In the order wanted.
        heads: Titles of these six columns.
        words: Says a kind of finding in plain words.
    """
    text = io.StringIO(newline="")
    write_rows(text, [heads, *(_cells(row, words) for row in rows)])
    return text.getvalue()


def _cells(row: Row, words: Callable[[str], str]) -> list[str]:
    return [
        row.case,
        ", ".join(row.segments),
        "" if row.dice is None else f"{row.dice:.4f}",
        "" if row.kind is None else words(row.kind),
        row.text,
        " ".join(map(str, row.slices)),
    ]


def _finding(case: dict[str, Any], flag: dict[str, Any]) -> Row:
    return _row(case, tuple(flag["segments"]), flag["kind"], flag["text"].replace("`", "'"), tuple(flag["slices"]))


def _row(case: dict[str, Any], segments: tuple[str, ...], kind: str | None, text: str, slices: tuple[int, ...]) -> Row:
    known = [case["dice"]["segments"].get(name) for name in segments]
    dice = min((one for one in known if one is not None), default=None) if segments else case["dice"]["mean"]
    if not slices:
        worst = [one["index"] for one in case["worst_slices"] if not segments or one["segment"] in segments]
        slices = tuple(dict.fromkeys(worst))
    return Row(case["id"], case["name"], segments, dice, kind, text, slices, case["plane_axis"], len(case["flags"]))


def _dice(row: Row) -> float:
    return 2.0 if row.dice is None else row.dice


def _worst(row: Row) -> tuple[int, int, float, str, tuple[str, ...]]:
    """Where one of few cases is wrong, others seem so too, but for one reason alone."""
    return -row.severity, -row.findings, _dice(row), row.case.casefold(), row.segments


_ORDERS: dict[str, Callable[[Row], Any]] = {
    "worst": _worst,
    "case": lambda row: row.case.casefold(),
    "segment": lambda row: [name.casefold() for name in row.segments],
    "dice": _dice,
    "finding": lambda row: row.kind or "~",
}
