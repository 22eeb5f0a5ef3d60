"""Numbers in words for people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from slicer.i18n import tr as _


def cases(count: int) -> str:
    """`1 case`, `2 cases`."""
    return _("1 case") if count == 1 else _("{n} cases").format(n=count)


def files(count: int) -> str:
    """`1 file`, `2 files`."""
    return _("1 file") if count == 1 else _("{n} files").format(n=count)


def points(count: int) -> str:
    """`1 point`, `2 points`."""
    return _("1 point") if count == 1 else _("{n} points").format(n=count)


def boxes(count: int) -> str:
    """`1 box`, `2 boxes`."""
    return _("1 box") if count == 1 else _("{n} boxes").format(n=count)


def duration(seconds: float) -> str:
    """`about 40 s`, `about 3 min`, `about 2 h`."""
    if seconds < 55:
        return _("{n} s").format(n=max(1, round(seconds / 5) * 5 if seconds > 10 else round(seconds)))
    if seconds < 55 * 60:
        return _("{n} min").format(n=max(1, round(seconds / 60)))
    return _("{n} h").format(n=round(seconds / 3600, 1))


def size(count: float) -> str:
    """Bytes as `350 MB` or `1.2 GB`."""
    if count < 1e9:
        return _("{n} MB").format(n=max(1, round(count / 1e6)))
    return _("{n} GB").format(n=round(count / 1e9, 1))


def progress(stage_name: str, done: int, total: int, seconds_left: float | None) -> str:
    """How far a run is."""
    text = _("{stage}: {done} of {total}").format(stage=stage(stage_name), done=done, total=total)
    if seconds_left is None:
        return text
    return _("{text}, {duration} left").format(text=text, duration=duration(seconds_left))


def stage(name: str) -> str:
    """A stage of the worker in the user's language; one that is not known is shown as it came."""
    known = {
        "starting": _("Starting"),
        "loading the model": _("Loading the model"),
        "reading the volume": _("Reading the volume"),
        "writing the result": _("Writing the result"),
        "reading the library": _("Reading the library"),
        "comparing slices": _("Comparing slices"),
        "aligning cases": _("Aligning cases"),
        "encoding supports": _("Looking at the examples"),
        "segmenting": _("Segmenting"),
        "trying again with less memory": _("Memory ran out; trying again with less of it"),
        "looking closer": _("Looking closer"),
        "refining": _("Carrying corrections on"),
        "reading the cases": _("Reading the cases"),
        "reviewing cases": _("Reviewing cases"),
        "looking at volumes": _("Looking at volumes"),
    }
    return known.get(name, name.capitalize())


def plane(name: str) -> str:
    """An anatomical plane in the user's language, as an adjective."""
    return {"axial": _("axial"), "coronal": _("coronal"), "sagittal": _("sagittal")}[name]


def outcome(report: dict[str, Any]) -> str:
    """What a report says of a volume as a whole: whether the library knows its like, and how sure the least sure is."""
    verdicts = {
        "in-library": _("Like the library"),
        "uncertain": _("Perhaps unlike the library"),
        "unlike-library": _("Unlike the library: look at every slice"),
    }
    said = verdicts.get(report["verdict"], report["verdict"])
    if not report["segments"]:
        return said
    least = min(report["segments"], key=lambda segment: segment["confidence"])
    return _("{verdict}; least sure: {segment} ({confidence:.2f})").format(
        verdict=said, segment=least["name"], confidence=least["confidence"]
    )


def finding(kind: str) -> str:
    """What a review found (docs/formats.md) in plain words; a kind that is not known is shown as it came."""
    known = {
        "damaged": _("A file is damaged; the case was left out"),
        "swapped": _("Segments seem to be swapped"),
        "shifted": _("The mask seems to be shifted"),
        "empty": _("Empty here, drawn in other cases"),
        "missing": _("Missing here, other cases have it"),
        "low-dice": _("The other cases disagree with it"),
        "hurts": _("Other cases fare worse with it"),
        "volume": _("Much larger or smaller than in other cases"),
        "gap": _("A gap between drawn slices"),
        "jump": _("A slice unlike its neighbors"),
        "name": _("Named otherwise than in other cases"),
        "code": _("Another terminology code than in most cases"),
        "color": _("Another color than in most cases"),
        "unlike": _("The image is unlike all other cases"),
        "alone": _("No other case has it"),
    }
    return known.get(kind, kind)


def day_and_time(iso: str) -> str:
    """A time as the worker tells it (ISO 8601, UTC) as `2026-01-02 03:04` of this computer's clock."""
    return datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d %H:%M")
