"""What to annotate next: volumes whose masks would teach a library most, and the slices worth drawing first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from .. import NOTICE, __version__
from ..errors import InputError
from ..library.case import Case
from ..progress import Progress, silent
from ..retrieval.coverage import most_typical, novelty, slices_to_draw, typical_distance
from ..retrieval.embedding import SliceEmbedder
from ..retrieval.gathering import evidence_of_cases
from ..segmentation.output.report import SegmentationReport
from ..volumes import Plane, ReadingChoices, SliceStack, choose_plane

_STAGE = "looking at volumes"
_FEWEST, _MOST, _SLICES_A_PICK = 3, 5, 8
_EMPTY_PART = 0.05
"""A slice with less than this part of the fullest slice's foreground shows next to nothing."""

_NEAR_DUPLICATE = 0.1
"""Part of the library's typical distance below which a volume shows nothing new."""

_FALLBACK_DISTANCE = 0.1
"""Distance that counts as typical where there are no two volumes to tell it from."""

_LEAST_WORTH = 0.2


class Nearest(msgspec.Struct, frozen=True):
    """The case whose slices a volume's are nearest to, with the mean similarity (at most 1)."""

    case: str
    similarity: float


class Suggestion(msgspec.Struct, frozen=True):
    """A volume, and what to draw in it.

    Attributes:
        file: As given.
        score: 0..1, what it would teach: the mean of ``novelty`` and ``uncertainty`` where a report was given for any
            volume, else ``novelty``.
        novelty: 0..1: d / (d + t), d the mean distance of its slices to the nearest of the library or of a volume
            ranked before it, t the same among the library's cases (0.5: as new as they are to each other). 1 where
            there is nothing to compare with.
        uncertainty: 0..1, from its report: 1 less the mean confidence over slices and segments, by expected
            area; None without one.
        nearest: The case that it is most like; None for an empty library.
        plane: Anatomical plane of the slices.
        plane_axis: Array axis of the file (0, 1, 2 as SimpleITK's x, y, z) that is sliced.
        slices: Indices along that axis, the one worth most first.
        note: For the user, where there is something to say.
    """

    file: str
    score: float
    novelty: float
    uncertainty: float | None
    nearest: Nearest | None
    plane: str
    plane_axis: int
    slices: tuple[int, ...]
    note: str | None


class Unreadable(msgspec.Struct, frozen=True):
    """A file that is left out, and why."""

    file: str
    message: str


class FileWarning(msgspec.Struct, frozen=True):
    """What the user should know of how a file was read."""

    file: str
    text: str


class Suggestions(msgspec.Struct, frozen=True, kw_only=True):
    """What to annotate next, what teaches most first."""

    notice: str = NOTICE
    version: str = __version__
    cases: int
    plane: str
    volumes: tuple[Suggestion, ...]
    unreadable: tuple[Unreadable, ...]
    warnings: tuple[FileWarning, ...] = ()


@dataclass(frozen=True)
class _Candidate:
    """An unlabelled volume without its pixels.

    Attributes:
        file: As given.
        embeddings: float32 (n, d).
        position: float32 (n,) in [0, 1].
        file_index: int (n,).
        plane_axis: Of the file.
        shown: float (n,), in [0, 1]: part of the fullest slice's foreground.
        doubt: float (n,), in [0, 1], from a report; None without one.
        uncertainty: Of the volume; None without a report.
    """

    file: str
    embeddings: np.ndarray
    position: np.ndarray
    file_index: np.ndarray
    plane_axis: int
    shown: np.ndarray
    doubt: np.ndarray | None
    uncertainty: float | None


def suggest(
    cases: Sequence[Case],
    files: Sequence[str],
    embedder: SliceEmbedder,
    *,
    cache: Path | None = None,
    plane: Plane | None = None,
    reports: Sequence[SegmentationReport] = (),
    reading: ReadingChoices | None = None,
    progress: Progress = silent,
) -> Suggestions:
    """Rank unlabelled volumes by what a mask of theirs would teach.

    Greedy k-centre: the volume whose slices lie farthest from all that is known comes first, and is known from then
    on. With an empty library, the volume that the others are most like comes first.

    Args:
        cases: Of the library; may be none.
        files: Volumes, at least one that can be read.
        embedder: Compares slices.
        cache: The library's folder of derived data.
        plane: In which slices are compared; by default most cases' (for an empty library: most volumes').
        reports: Of runs on some of these volumes, which are told by their pixels; with another plane, only the
            uncertainty of the whole volume counts.
        reading: How the volumes are to be read; each choice counts for those that it can be about.
        progress: Told how many volumes are done.

    Raises:
        InputError: No file is given, none can be read, or a report belongs to none of them.
        DamagedLibraryError: A file of a case is missing or not what was written.
    """
    if not files:
        raise InputError("volumes", "none is given", "Give at least one volume that is not annotated yet.")
    reading = reading or ReadingChoices()
    chosen = plane or _usual_plane(cases, files, reading)
    by_target = {report.target.sha256: report for report in reports}
    candidates, unreadable, warnings, seen = [], [], [], set()
    for number, file in enumerate(files):
        progress(_STAGE, number, len(files))
        try:
            volume = reading.read_among_others(file)
        except InputError as error:
            unreadable.append(Unreadable(file, str(error)))
            continue
        warnings += [FileWarning(file, note) for note in volume.notes]
        report = None
        if by_target:
            target = volume.content_hash()
            seen.add(target)
            report = by_target.get(target)
        candidates.append(_candidate(file, SliceStack.of(volume, chosen), embedder, report))
    if not candidates:
        raise InputError(files[0], "no volume can be read", unreadable[0].message)
    _check_reports(set(by_target) - seen)
    evidence = evidence_of_cases(
        cases, chosen, embedder, cache, lambda done: progress("reading the library", done, len(cases))
    )
    known = [(case.name, one.embeddings) for case, one in zip(cases, evidence, strict=True)]
    progress(_STAGE, len(files), len(files))
    return Suggestions(
        cases=len(cases),
        plane=str(chosen),
        volumes=tuple(_ranked(candidates, known, str(chosen))),
        unreadable=tuple(unreadable),
        warnings=tuple(warnings),
    )


def _check_reports(unknown: set[str]) -> None:
    if unknown:
        raise InputError(
            f"{len(unknown)} of the reports",
            "they belong to none of these volumes",
            "Give the reports of the volumes that are to be ranked, or none.",
        )


def _usual_plane(cases: Sequence[Case], files: Sequence[str], reading: ReadingChoices) -> Plane:
    planes = [case.plane for case in cases]
    if not planes:
        for file in files:
            try:
                planes.append(choose_plane(reading.read_among_others(file).geometry))
            except InputError:
                continue  # told later, with the others
    counts = Counter(planes)
    return min(counts, key=lambda plane: (-counts[plane], plane.value), default=Plane.AXIAL)


def _candidate(file: str, stack: SliceStack, embedder: SliceEmbedder, report: SegmentationReport | None) -> _Candidate:
    frame, numbers = stack.frame, range(len(stack))
    foreground = np.array([np.count_nonzero(stack.image(i) > 0.1) for i in numbers], dtype=float)
    index = np.array([frame.file_index(i) for i in numbers])
    doubt = None
    if report is not None and report.plane_axis == frame.plane_axis:
        by_index = _doubt_by_slice(report)
        doubt = np.array([by_index.get(int(i), 0.0) for i in index])
    return _Candidate(
        file=file,
        embeddings=embedder.embed(stack),
        position=np.array([frame.slice_position(i) for i in numbers], dtype=np.float32),
        file_index=index,
        plane_axis=frame.plane_axis,
        shown=foreground / max(foreground.max(), 1.0),
        doubt=doubt,
        uncertainty=None if report is None else _uncertainty(report),
    )


def _doubt_by_slice(report: SegmentationReport) -> dict[int, float]:
    """1 less the confidence of the segment that is least sure."""
    return {
        row.index: max((1 - told.confidence for told in row.segments.values()), default=0.0) for row in report.slices
    }


def _uncertainty(report: SegmentationReport) -> float:
    """Over the slices in which something was found; 1 where nothing was, or the volume is unlike the library."""
    told = [one for row in report.slices for one in row.segments.values() if one.area_mm2 > 0]
    if not told or report.verdict == "unlike-library":
        return 1.0
    return round(1 - float(np.mean([one.confidence for one in told])), 4)


def _ranked(candidates: Sequence[_Candidate], known: Sequence[tuple[str, np.ndarray]], plane: str) -> list[Suggestion]:
    width = candidates[0].embeddings.shape[1]
    pool = np.concatenate([np.zeros((0, width), np.float32), *(own for _, own in known)])
    among = [own for _, own in known] if len(known) > 1 else [one.embeddings for one in candidates]
    scale = max(typical_distance(among) or _FALLBACK_DISTANCE, 1e-6)
    given = [one.uncertainty for one in candidates if one.uncertainty is not None]
    usual = float(np.mean(given)) if given else None
    rest = list(candidates)
    ranked = []
    while rest:
        distances = [novelty(one.embeddings, pool) for one in rest]
        new = [distance / (distance + scale) if len(pool) else 1.0 for distance in distances]
        scores = [_score(part, one, usual) for part, one in zip(new, rest, strict=True)]
        if len(pool):
            best = max(range(len(rest)), key=lambda n: (round(scores[n], 6), -n))
        else:
            best = most_typical([one.embeddings for one in rest])
        one = rest.pop(best)
        nearest = _nearest(one, known)
        note = "shows nothing new" if len(pool) and distances[best] < _NEAR_DUPLICATE * scale else None
        ranked.append(
            Suggestion(
                file=one.file,
                score=round(scores[best], 4),
                novelty=round(new[best], 4),
                uncertainty=one.uncertainty,
                nearest=nearest,
                plane=plane,
                plane_axis=one.plane_axis,
                slices=_slices(one),
                note=note,
            )
        )
        pool = np.concatenate([pool, one.embeddings])
    return ranked


def _score(new: float, one: _Candidate, usual_uncertainty: float | None) -> float:
    """A volume without a report counts as uncertain as those with one are on average."""
    if usual_uncertainty is None:
        return new
    return (new + (usual_uncertainty if one.uncertainty is None else one.uncertainty)) / 2


def _nearest(one: _Candidate, known: Sequence[tuple[str, np.ndarray]]) -> Nearest | None:
    found = [Nearest(name, round(1 - novelty(one.embeddings, own), 4)) for name, own in known]
    return max(found, key=lambda case: case.similarity, default=None)


def _slices(one: _Candidate) -> tuple[int, ...]:
    worth = np.where(one.shown < _EMPTY_PART, 0.0, one.shown)
    if one.doubt is not None:
        worth = worth * (_LEAST_WORTH + one.doubt)
    count = int(np.clip(len(one.position) // _SLICES_A_PICK, _FEWEST, _MOST))
    numbers = slices_to_draw(one.embeddings, one.position, worth, count)
    return tuple(int(one.file_index[number]) for number in numbers)
