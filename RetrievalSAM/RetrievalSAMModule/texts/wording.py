"""Numbers in words for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _


def cases(count: int) -> str:
    """`1 case`, `2 cases`."""
    return _("1 case") if count == 1 else _("{n} cases").format(n=count)


def files(count: int) -> str:
    """`1 file`, `2 files`."""
    return _("1 file") if count == 1 else _("{n} files").format(n=count)


def patient_names(warnings: list[dict[str, str]]) -> str:
    """What the worker's `names.check` found, or an empty text."""
    if not warnings:
        return ""
    return _("Looks like patient data: {names}. Choose a neutral name.").format(
        names=", ".join(f"{one['name']} ({one['reason']})" for one in warnings)
    )


def file_warnings(warnings: list[dict[str, str]]) -> list[str]:
    """What the worker saw in files, a line each."""
    return [f"{Path(one['file']).name}: {one['text']}" for one in warnings]


def points(count: int) -> str:
    """`1 point`, `2 points`."""
    return _("1 point") if count == 1 else _("{n} points").format(n=count)


def strokes(count: int) -> str:
    """`1 stroke`, `2 strokes`."""
    return _("1 stroke") if count == 1 else _("{n} strokes").format(n=count)


def boxes(count: int) -> str:
    """`1 box`, `2 boxes`."""
    return _("1 box") if count == 1 else _("{n} boxes").format(n=count)


def islands(count: int) -> str:
    """`1 loose island`, `2 loose islands`."""
    return _("1 loose island") if count == 1 else _("{n} loose islands").format(n=count)


def holes(count: int) -> str:
    """`1 hole`, `2 holes`."""
    return _("1 hole") if count == 1 else _("{n} holes").format(n=count)


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


_BUNDLED = "bundled"
_TRYING = "trying "
"""What the worker's stages begin with that try values of a setting, whose name follows."""


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
        "trying turns": _("Trying turns"),
        "learning from the aligned cases": _("Learning from the aligned cases"),
        "checking the order of slices": _("Checking the order of slices"),
        "cleaning": _("Cleaning"),
        "encoding supports": _("Looking at the examples"),
        "segmenting": _("Segmenting"),
        "trying again with less memory": _("Memory ran out; trying again with less of it"),
        "looking closer": _("Looking closer"),
        "refining": _("Carrying corrections on"),
        "reading the cases": _("Reading the cases"),
        "reviewing cases": _("Reviewing cases"),
        "segmenting every case by the others": _("Segmenting every case by the others"),
        "preparing the cases": _("Preparing the cases"),
        "measuring a step": _("Measuring a step"),
        "learning": _("Learning"),
        "proving what was learned": _("Trying it on cases that it has not seen"),
        "looking at volumes": _("Looking at volumes"),
        "segmenting every case by other patients'": _("Segmenting every case by those of other patients"),
    }
    tried = name.removeprefix(_TRYING)
    if tried != name:
        return _("Trying other values: {setting}").format(setting=setting(tried))
    return known.get(name, name.capitalize())


def setting(name: str) -> str:
    """A setting that a library can fit; one that is not known is shown as it is called."""
    known = {
        "place_weight": _("weight of the place in the cases"),
        "gate": _("what is good enough to be remembered"),
        "position_weight": _("weight of a slice's place in retrieval"),
        "score_weight": _("weight of the network's own presence score"),
    }
    return known.get(name, name)


def against_headers(is_backwards: bool, cases: Sequence[str], turned_degrees: float | None) -> list[str]:
    """Where images and headers disagree about how volumes lie, a sentence each."""
    told = []
    if is_backwards:
        told.append(_("The slices of this volume seem to run the other way: its header may be wrong."))
    if len(cases) == 1:
        text = _("The slices of the case {name} seem to run the other way: its header may be wrong.")
        told.append(text.format(name=cases[0]))
    elif cases:
        text = _("The slices of the cases {names} seem to run the other way: their headers may be wrong.")
        told.append(text.format(names=", ".join(cases)))
    if turned_degrees is not None:
        text = _(
            "The images show this volume turned by about {angle} degrees within its slices, which headers do not tell; "
            "the images were followed."
        )
        told.append(text.format(angle=round(abs(turned_degrees))))
    return told


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


def taught(told: dict[str, Any] | None) -> str:
    """What corrected slices have taught (`taught` of a report, docs/formats.md), as a sentence; empty where nothing."""
    if told is None:
        return ""
    if told["left_out"]:
        return _("The corrected slices have taught nothing: {reason}.").format(reason=told["left_out"])
    return _(
        "The corrected slices have taught a copy of what the library learned ({time}); other slices may have changed "
        "by it."
    ).format(time=duration(told["seconds"]))


def learned(told: dict[str, Any]) -> str:
    """What a library has learned (`library.learned` of docs/worker.md), as a sentence."""
    if told["state"] == "none":
        return _("Nothing learned yet.") if told["can_learn"] else _("Learning needs at least two cases.")
    if told["state"] == "unusable":
        return _("What was learned cannot be used: it is damaged, or belongs to other cases. Learn again.")
    of = _("Learned from {n} of {cases}").format(n=told["learned"], cases=cases(told["cases"]))
    run, fused = told["run_dice"], told["fused_dice"]
    if run is None:
        text = _("{learned}; too few to tell how much it helps.")
    elif fused > run:
        text = _("{learned}; expected Dice {before:.2f} without, {after:.2f} with it.")
    else:
        text = _("{learned}; it does not help, so results stay as they are (expected Dice {before:.2f}).")
    said = text.format(learned=of, before=run, after=fused)
    if told["state"] == "behind":
        said += " " + _("Cases have changed since: learn again.")
    return said


def tuned(states: Sequence[dict[str, Any]]) -> str:
    """What a library has fitted (`library.tuned` of docs/worker.md), a sentence a model and preset."""
    told = []
    for state in states:
        if state["state"] == "unusable":
            told.append(_("Settings that were fitted earlier cannot be used: fit them again."))
            continue
        changes = [
            _("{setting} {value:g} instead of {usual:g}").format(setting=setting(name), **change)
            for name, change in state["settings"].items()
        ]
        changes += [_("confidence")] if state["confidence"] else []
        text = _("Fitted to {model} ({preset}) on {cases}: {changes}.").format(
            model=state["model"],
            preset=state["preset"],
            cases=cases(state["cases"]),
            changes=", ".join(changes) or _("the usual values stay"),
        )
        again = " " + _("Cases have changed since: fit the settings again.") if state["state"] == "behind" else ""
        told.append(text + again)
    return " ".join(told)


def fitting(result: dict[str, Any]) -> str:
    """What fitting gave (`library.tune` of docs/worker.md), as sentences."""
    before, after = result["dice_before"], result["dice_after"]
    if any(one["kept"] for tried in result["settings"] for one in tried["tried"]):
        text = _(
            "On patients left out: Dice {before:.2f} with the usual values, {after:.2f} with those that fit better."
        )
    else:
        text = _("No other value is better beyond noise: the settings stay as they are (Dice {before:.2f}).")
        if result["model"]["name"] == _BUNDLED:
            text += " " + _("That was to be expected: they were fitted to the bundled model.")
    told = [text.format(before=before, after=after)]
    if result["confidence"]["kept"]:
        told.append(_("Confidence is fitted to this model from now on."))
    if result["untried"]:
        told.append(_("Time ran out before every value was tried: fit again to go on."))
    return " ".join(told)


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
        "backwards": _("The slices run the other way"),
        "alone": _("No other case has it"),
    }
    return known.get(kind, kind)


def day_and_time(iso: str) -> str:
    """A time as the worker tells it (ISO 8601, UTC) as `2026-01-02 03:04` of this computer's clock."""
    return datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d %H:%M")
