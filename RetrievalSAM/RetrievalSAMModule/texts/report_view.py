"""What the worker's report says, in the terms of the panel. Plain Python, without Qt or a scene."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class SliceSegment:
    """One segment on one slice: index along the sliced axis, confidence in [0, 1], area in mm2.

    ``gain``: Dice that the result is expected to gain by a correction of the slice; None where that is not known.
    """

    index: int
    segment: str
    confidence: float
    area_mm2: float
    gain: float | None = None


@dataclass(frozen=True)
class Support:
    """A support slice that was drawn from.

    Attributes:
        case: Name of the case; empty for a corrected slice of the volume itself.
        slice: Index in the case's file, or in the volume.
        similarity: At most 1; of a corrected slice, how much it was trusted.
        segments: Names of those that it was drawn from for.
        attention: Share in [0, 1] of the attention of all segments found on the slice; None where that is not known.
    """

    case: str
    slice: int
    similarity: float
    segments: tuple[str, ...]
    attention: float | None = None


class ReportView:
    """A report of the worker (docs/formats.md)."""

    def __init__(self, report: dict[str, Any]) -> None:
        self._report = report
        self._slices = {one["index"]: one for one in report["slices"]}

    @property
    def plane_axis(self) -> int:
        """The axis of the volume's voxels (0, 1, 2 as i, j, k) that was sliced."""
        return int(self._report["plane_axis"])

    @property
    def verdict(self) -> str:
        """`in-library`, `uncertain` or `unlike-library`."""
        return str(self._report["verdict"])

    @property
    def could_be_aligned(self) -> bool:
        """Whether any case could be aligned with the volume."""
        return "alignment" not in self._report.get("verdict_because", ())

    @property
    def is_backwards(self) -> bool:
        """Whether the volume's slices seem to run the other way than its header tells."""
        return bool(self._orientation.get("backwards"))

    @property
    def backwards_cases(self) -> tuple[str, ...]:
        """Names of cases of which the same is true."""
        return tuple(self._orientation.get("backwards_cases", ()))

    @property
    def turned_degrees(self) -> float | None:
        """How far the images show the volume to be turned where its header tells otherwise."""
        turned: float | None = self._orientation.get("turned_degrees")
        return turned

    @property
    def _orientation(self) -> dict[str, Any]:
        return self._report.get("orientation") or {}

    @property
    def seconds(self) -> float:
        """Of the whole run."""
        return float(sum(self._report["seconds"].values()))

    @property
    def had_less_memory(self) -> bool:
        """Whether memory ran out, and the run was done again with less of it."""
        return bool(self._report["less_memory"])

    @property
    def learned_cases(self) -> int:
        """Cases from which the library has learned what has a part in this result; 0 where nothing has."""
        learned = self._report.get("learned") or {}
        believed = any(one["weight"] for one in learned.get("segments", {}).values())
        return int(learned["cases"]) if believed and not learned["left_out"] else 0

    @property
    def cleaned(self) -> dict[str, tuple[int, int]]:
        """Loose islands that were removed and holes that were filled, by segment; those with neither are left out."""
        done = {name: (one["islands"], one["holes"]) for name, one in self._report.get("cleaned", {}).items()}
        return {name: counts for name, counts in done.items() if any(counts)}

    @property
    def corrected(self) -> tuple[int, ...]:
        """Indices of the slices that were corrected before the run."""
        refinement = self._report.get("refinement")
        return tuple(refinement["corrected"]) if refinement is not None else ()

    def is_of(self, report: dict[str, Any]) -> bool:
        """Whether this is the view of that very report."""
        return self._report is report

    def segments(self) -> list[tuple[str, float, float]]:
        """Name, volume in mm3 and mean confidence of every segment."""
        return [(one["name"], one["volume_mm3"], one["confidence"]) for one in self._report["segments"]]

    def confidence(self, segment: str) -> list[tuple[int, float]]:
        """Slice index and confidence where a segment was found, by ascending index."""
        return [(one.index, one.confidence) for one in self._found() if one.segment == segment]

    def worst(self, count: int) -> list[SliceSegment]:
        """Where to look first, with the segment on the slice that the run is least sure of; one entry a slice."""
        gains = self._report.get("look_first_gains") or [None] * count
        told = zip(self._report["look_first"][:count], gains, strict=False)
        return [replace(self._least_sure(index), gain=gain) for index, gain in told]

    def indices(self) -> list[int]:
        """Indices of the slices, ascending."""
        return sorted(self._slices)

    def supports(self, index: int) -> list[Support]:
        """The support slices that a slice was drawn from; those of all its segments together.

        Corrected slices of the volume itself first, then those with the largest share of attention where it is known,
        then the most similar ones.
        """
        rows = self._slices.get(index, {"segments": {}})["segments"]
        found = {name: told["supports"] for name, told in rows.items() if told["area_mm2"] > 0}
        similarity: dict[tuple[str, int], float] = {}
        attention: dict[tuple[str, int], float] = {}
        names: dict[tuple[str, int], list[str]] = {}
        for name, supports in found.items():
            for one in supports:
                key = (one["case"], one["slice"])
                similarity[key] = max(similarity.get(key, one["similarity"]), one["similarity"])
                names.setdefault(key, []).append(name)
                if one.get("attention") is not None:
                    attention[key] = attention.get(key, 0.0) + one["attention"] / len(found)
        together = [Support(*key, similarity[key], tuple(names[key]), attention.get(key)) for key in similarity]
        return sorted(
            together, key=lambda one: (one.case != "", -(one.attention or 0.0), -one.similarity, one.case, one.slice)
        )

    def _least_sure(self, index: int) -> SliceSegment:
        """Of those found on a slice; where none was, of all that were looked for."""
        rows = self._slices[index]["segments"]
        found = {name: told for name, told in rows.items() if told["area_mm2"] > 0} or rows
        name = min(found, key=lambda one: found[one]["confidence"])
        return SliceSegment(index, name, found[name]["confidence"], found[name]["area_mm2"])

    def _found(self) -> Iterator[SliceSegment]:
        for index in self.indices():
            for name, told in self._slices[index]["segments"].items():
                if told["area_mm2"] > 0:
                    yield SliceSegment(index, name, told["confidence"], told["area_mm2"])
