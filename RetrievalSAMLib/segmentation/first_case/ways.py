"""In which order the slices of a volume are reached from those that were drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .drawn import DrawnMasks


@dataclass(frozen=True)
class Way:
    """From a drawn slice outwards.

    Attributes:
        start: The drawn slice.
        towards: +1 where slices rise on the way, else -1.
        ends: By row of the structures drawn in ``start``, where its way ends: the next slice that was drawn for it, or
            the first one beyond the volume.
    """

    start: int
    towards: int
    ends: Mapping[int, int]

    def __iter__(self) -> Iterator[int]:
        """The slices in order."""
        far = max(self.ends.values(), key=lambda end: abs(end - self.start))
        return iter(range(self.start + self.towards, far, self.towards))

    def __len__(self) -> int:
        """Slices on the way."""
        return max(abs(end - self.start) for end in self.ends.values()) - 1


def ways_through(drawn: DrawnMasks, slices: int) -> list[Way]:
    """Both ways from every drawn slice, each as far as the next one.

    Args:
        drawn: What was drawn; from an empty mask no way begins.
        slices: Of the volume.
    """
    ways = []
    for start in sorted({index for of_row in drawn.values() for index in of_row}):
        rows = [row for row, of_row in drawn.items() if start in of_row and of_row[start].any()]
        for towards in (-1, 1):
            beyond = slices if towards > 0 else -1
            ends = {row: _next(drawn, row, start, towards, beyond) for row in rows}
            way = Way(start, towards, ends) if ends else None
            if way is not None and len(way):
                ways.append(way)
    return ways


def _next(drawn: DrawnMasks, row: int, start: int, towards: int, beyond: int) -> int:
    ahead = [index for index in drawn[row] if (index - start) * towards > 0]
    return min(ahead, key=lambda index: abs(index - start), default=beyond)
