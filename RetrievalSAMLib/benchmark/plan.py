"""What is measured."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InputError

PUBLISHED, VIDEO = "published", "video"
COMPARISONS = (PUBLISHED, VIDEO)

MOST_SEGMENTS = 64
_MOST_SLICES, _MOST_CASES, _MOST_REPEATS = 2000, 50, 100
_PIXELS = (32, 2048)


@dataclass(frozen=True)
class Plan:
    """A benchmark.

    Attributes:
        preset: Of our own run.
        supports: k of every method; None for the preset's own, and for the published one's.
        segments: Segments that are looked for.
        slices: Of the volume, and of every case.
        cases: Annotated cases.
        pixels: Along the longer side of a slice; None for those that the made-up volumes have.
        repeats: Rounds in which every contestant runs once.
        compare: Of `COMPARISONS`.

    Raises:
        InputError: A number is out of its range, or there is no such comparison.
    """

    preset: str = "default"
    supports: int | None = None
    segments: int = 3
    slices: int = 8
    cases: int = 3
    pixels: int | None = None
    repeats: int = 3
    compare: tuple[str, ...] = COMPARISONS

    def __post_init__(self) -> None:
        _check("--segments", self.segments, 1, MOST_SEGMENTS)
        _check("--slices", self.slices, 2, _MOST_SLICES)
        _check("--cases", self.cases, 1, _MOST_CASES)
        _check("--repeats", self.repeats, 1, _MOST_REPEATS)
        if self.pixels is not None:
            _check("--pixels", self.pixels, *_PIXELS)
        if self.supports is not None and self.supports < 1:
            raise InputError("--supports", f"{self.supports} support slices are too few", "Give 1 or more.")
        unknown = [name for name in self.compare if name not in COMPARISONS]
        if unknown:
            fact = f"'{unknown[0]}' is nothing to compare with"
            raise InputError("--compare", fact, f"Name some of {', '.join(COMPARISONS)} with commas, or none.")


def _check(option: str, value: int, lowest: int, highest: int) -> None:
    if not lowest <= value <= highest:
        raise InputError(option, f"{value} is out of range", f"Give {lowest} to {highest}.")
