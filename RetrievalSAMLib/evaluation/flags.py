"""What a library's review says of a case beside figures: one kind, one sentence for the user."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal[
    "damaged",
    "swapped",
    "shifted",
    "backwards",
    "empty",
    "missing",
    "low-dice",
    "hurts",
    "volume",
    "gap",
    "jump",
    "name",
    "code",
    "color",
    "unlike",
    "alone",
]

# Kinds that are hardly ever right come first, whatever the Dice says; the others only explain it.
SEVERITY: dict[Kind, int] = {
    "damaged": 3,
    "swapped": 2,
    "shifted": 2,
    "backwards": 2,
    "empty": 2,
    "low-dice": 1,
    "missing": 1,
    "hurts": 1,
}


class Flag(msgspec.Struct, frozen=True, omit_defaults=False):
    """Something to look at in a case.

    Attributes:
        kind: What it is; docs/formats.md explains each.
        text: A sentence for the user.
        segments: Names of the segments that it is about.
        slices: Indices along the sliced axis of the case's file, where it is about single slices.
    """

    kind: Kind
    text: str
    segments: tuple[str, ...] = ()
    slices: tuple[int, ...] = ()

    @property
    def severity(self) -> int:
        """3: the case cannot be used; 2: almost surely drawn wrong; 1: probably; 0: worth a look."""
        return SEVERITY.get(self.kind, 0)


def listed(names: tuple[str, ...] | list[str]) -> str:
    """Names for a sentence: `a`, `b` and `c`."""
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
