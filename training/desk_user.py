"""A made-up person at the desk: acts, seconds and Dice until a volume is good enough, beside older ways of working.

    python -m training.desk_user --data DATA [--set msd_hippocampus|trunks] [--way desk ...] [--until 0.85 ...]
        [--targets N] [--clicks 3] [--good 0.9] [--results FILE.jsonl]

Volumes of the tune role (trunks are made up, `training.lookalikes`). The person knows the truth, and goes one of these
ways until the mean Dice of the volume's structures is what they want, or nothing is left to look at:

- ``desk``: a run with the library. Then, one after the other: to the slice that the report names first; each structure
  on it that is not good (Dice below ``--good``) gets a box where nothing was found, and up to ``--clicks`` points, each
  into the middle of the largest mistake that the preview shows, as long as they help; what is still not good is drawn
  whole; propagate.
- ``desk first case``: no library. The same on the slices at 15, 50 and 85 % of what is to be found, fill the volume,
  and then as above, the volume being filled again each time.
- ``drawn`` and ``drawn first case``: the same without points, boxes and previews: on the slice that is named first
  every structure that is not good is drawn whole, and carried on. ``drawn`` is what the module had before its desk.
- ``between``: no tool but interpolation: ends, middle, quarters and so on are drawn, the rest lies between them.
- ``every slice``: drawn one after the other.

A slice that is good as it is is marked so. Told are what the person does, their seconds by two models, and the
processor time of the computer (of previews, and of runs and propagations, for which the person waits).

**Seconds of a person** are those of the keystroke-level model (Card, Moran and Newell, Communications of the ACM 23(7),
1980): 1.35 s to make up one's mind, 1.1 s to point, 0.2 s for a key or button, and 0.9 s a straight piece and 0.16 s a
cm to draw. Going to a slice: one's mind and a key; a structure that is taken up: pointing at it and at the tool; a
click, a press of *Propagate*: mind, pointing, button. An outline: mind and drawing, a piece a cm, on a screen where
the slice is 15 cm wide. A box takes 7 s (Jain and Grauman, ICCV 2013). ``careful``: the same, but an outline takes
the 54 s that people took there for a tight polygon.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy import ndimage

from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.segmentation.desk.preview import SlicePreview
from RetrievalSAMLib.segmentation.pipeline import (
    Models,
    RunOptions,
    SegmentationResult,
    refine_volume,
    segment_volume,
    start_volume,
)
from RetrievalSAMLib.segmentation.prompts.points_and_boxes import PersonsPrompts, PointPrompt, place_prompts
from RetrievalSAMLib.segmentation.sam2.engine import Sam2Engine
from RetrievalSAMLib.segmentation.settings.presets import Settings, preset
from RetrievalSAMLib.volumes import Segmentation, SliceFrame, SliceStack, choose_plane
from RetrievalSAMLib.volumes.overlap import dice
from training.clicking import wrong_place
from training.first_case import drawn_places, interpolated, these_alone
from training.judge import SPLITS, bundled_models, load_case
from training.lookalikes import splits
from training.records import Record, Records, identity
from training.simulated_clicks import box_around, point_at

WAYS = ("desk", "desk first case", "drawn", "drawn first case", "between", "every slice")
SETS = ("msd_hippocampus", "trunks")
PARTS = ("set", "target", "way", "until", "preset", "clicks_at_most", "good")
"""What makes a figure the same figure."""

_BEGUN_WITH = 3
"""Slices of a first case."""

_WORTH_A_CLICK = 0.01
"""Dice of the slice; after a click that gained less there is no other."""

MIND, POINT, KEY, PIECE, CM = 1.35, 1.1, 0.2, 0.9, 0.16
"""Seconds of the keystroke-level model; the last two a straight piece and a cm of what is drawn."""

BOX, OUTLINE = 7.0, 54.0
"""Seconds of Jain and Grauman."""

SCREEN_CM = 15.0
"""Width of a slice on the screen."""


@dataclass
class Acts:
    """What a person did, and what the computer needed for it.

    Attributes:
        slices: Looked at.
        taken_up: Structures of a slice for which a tool was taken up.
        clicks: Points.
        boxes: Boxes.
        outlines: Drawn, of a piece of a structure each; also round what is to be erased.
        outlines_cm: Their length on the screen.
        slices_drawn: Slices on which something was drawn.
        propagations: Also *Segment* and *Fill the volume*.
        preview_seconds: Processor time of previews.
        run_seconds: Processor time of runs and propagations.
    """

    slices: int = 0
    taken_up: int = 0
    clicks: int = 0
    boxes: int = 0
    outlines: int = 0
    outlines_cm: float = 0.0
    slices_drawn: int = 0
    propagations: int = 0
    preview_seconds: float = 0.0
    run_seconds: float = 0.0

    @property
    def seconds(self) -> float:
        """Of the person, by the keystroke-level model."""
        return self._without_outlines + self.outlines * MIND + self.outlines_cm * (PIECE + CM)

    @property
    def careful_seconds(self) -> float:
        """Of the person, where an outline takes as long as a tight polygon."""
        return self._without_outlines + self.outlines * OUTLINE

    @property
    def _without_outlines(self) -> float:
        click = MIND + POINT + KEY
        taken_up = 2 * (POINT + KEY)
        looking = MIND + KEY
        clicked = (self.clicks + self.propagations) * click
        return self.slices * looking + self.taken_up * taken_up + clicked + self.boxes * BOX

    def draw(self, mask: np.ndarray, frame: SliceFrame) -> None:
        """Count the outlines round the pieces of a mask, bool (h, w)."""
        pieces = ndimage.label(mask, np.ones((3, 3)))[1]
        height, width = mask.shape
        widest_mm = max(height * frame.row_spacing_mm, width * frame.column_spacing_mm)
        self.outlines += int(pieces)
        self.outlines_cm += outline_mm(mask, frame) * SCREEN_CM / widest_mm


def outline_mm(mask: np.ndarray, frame: SliceFrame) -> float:
    """Length of the outline of a mask, bool (h, w), by the edges of its pixels (Cauchy and Crofton's pi/4 of them)."""
    padded = np.pad(mask, 1).astype(np.int8)
    across = np.abs(np.diff(padded, axis=0)).sum() * frame.column_spacing_mm
    along = np.abs(np.diff(padded, axis=1)).sum() * frame.row_spacing_mm
    return float(across + along) * np.pi / 4


@dataclass(frozen=True)
class Habits:
    """Of the person.

    Attributes:
        points: Whether they use points and boxes, and see previews; otherwise a slice that is not good is drawn whole.
        clicks: Points at most for a structure on a slice, besides its box.
        good: Dice of a structure on a slice from which on it is left as it is.
    """

    points: bool
    clicks: int
    good: float


Carry = Callable[[Segmentation, Sequence[int]], SegmentationResult]
"""What carries a segmentation with corrected slices (of the stack) on."""


@dataclass
class Sitting:
    """One person with one volume.

    Attributes:
        case: With its truth.
        frame: How it is sliced.
        habits: Of the person.
        preview: Of the volume.
        now: By name of the structure, what is there, bool (n, h, w).
        corrected: Slices of the stack that count as right.
        acts: So far.
    """

    case: MemoryCase
    frame: SliceFrame
    habits: Habits
    preview: SlicePreview
    now: dict[str, np.ndarray]
    corrected: list[int] = field(default_factory=list)
    acts: Acts = field(default_factory=Acts)

    @functools.cached_property
    def truth(self) -> dict[str, np.ndarray]:
        """By name, bool (n, h, w)."""
        return masks_of(self.case.segmentation, self.frame)

    def dice(self) -> float:
        """Of the volume, mean over structures."""
        return float(np.mean([dice(self.now[name], mask) for name, mask in self.truth.items()]))

    def take(self, result: SegmentationResult) -> list[int]:
        """Have a result; slices of the stack to look at, without those that count as right."""
        found = masks_of(result.segmentation, self.frame)
        self.now = {name: found.get(name, np.zeros(self.frame.shape, dtype=bool)) for name in self.truth}
        named = (self.frame.slice_index(index) for index in result.report.look_first)
        return [index for index in named if index not in self.corrected]

    def correct(self, index: int) -> bool:
        """Make a slice good; returns whether anything had to be done. It counts as right then."""
        self.acts.slices += 1
        self.corrected.append(index)
        wrong = [name for name, mask in self.truth.items() if not self._is_good(name, index, mask)]
        if not wrong:
            return False
        left = [name for name in wrong if not (self.habits.points and self._pointed(name, index))]
        if left:
            self._draw(left, index)
        return True

    def _is_good(self, name: str, index: int, mask: np.ndarray) -> bool:
        return dice(self.now[name][index], mask[index]) >= self.habits.good

    def _draw(self, names: Sequence[str], index: int) -> None:
        """Draw structures whole; where there is none, what was found is erased by a line round it."""
        self.acts.slices_drawn += 1
        for name in names:
            mask = self.truth[name][index]
            outlined = mask if mask.any() else self.now[name][index]
            if outlined.any():
                self.acts.taken_up += 1
                self.acts.draw(outlined, self.frame)
            for other in self.now.values():
                other[index] &= ~mask
            self.now[name][index] = mask

    def _pointed(self, name: str, index: int) -> bool:
        """A box where nothing was found, and clicks; returns whether it is good then."""
        wanted, before = self.truth[name][index], self.now[name][index].copy()
        if not wanted.any():
            return False  # it is erased
        others = np.any([mask[index] for other, mask in self.now.items() if other != name] or [False], axis=0)
        self.acts.taken_up += 1
        boxes, points = [], list[PointPrompt]()
        if not before.any():
            self.acts.boxes += 1
            boxes = [box_around(self.frame, name, index, wanted)]
            self._show(name, index, before, others, PersonsPrompts(boxes=tuple(boxes)))
        while not self._is_good(name, index, self.truth[name]) and len(points) < self.habits.clicks:
            place = wrong_place(self.now[name][index], wanted)
            if place is None or (others[place[:2]] and place[2]):
                break  # what belongs to another structure is never painted over
            self.acts.clicks += 1
            points.append(point_at(self.frame, name, index, place[:2], place[2]))
            was = dice(self.now[name][index], wanted)
            self._show(name, index, before, others, PersonsPrompts(tuple(points), tuple(boxes)))
            if dice(self.now[name][index], wanted) < was + _WORTH_A_CLICK:
                break  # who sees that clicks do not help draws
        return self._is_good(name, index, self.truth[name])

    def _show(self, name: str, index: int, before: np.ndarray, others: np.ndarray, prompts: PersonsPrompts) -> None:
        """What the desk shows at once of all that was set on a slice."""
        segment = next(one for one in self.case.segmentation.segments if one.name == name)
        placed = place_prompts(prompts, self.frame, [segment])[segment.value][index]
        began = time.process_time()
        shown = self.preview.mask(index, before, placed)
        self.acts.preview_seconds += time.process_time() - began
        self.now[name][index] = shown & (before | ~others)

    def propagate(self, carry: Carry) -> list[int]:
        """Carry on what is corrected; returns the slices to look at next."""
        self.acts.propagations += 1
        segments = self.case.segmentation.segments
        masks = [self.frame.from_slices(self.now[one.name]) for one in segments]
        given = Segmentation.from_masks(segments, masks, self.case.image.geometry)
        began = time.process_time()
        result = carry(given, self.corrected)
        self.acts.run_seconds += time.process_time() - began
        return self.take(result)


def masks_of(segmentation: Segmentation, frame: SliceFrame) -> dict[str, np.ndarray]:
    """By name of the segment, bool (n, h, w), to be written to."""
    return {
        one.name: frame.to_slices(segmentation.mask(place)).copy() for place, one in enumerate(segmentation.segments)
    }


Moments = Iterator[tuple[float, Acts]]
"""Dice and acts so far: whenever the person sees a new volume."""


def at_the_desk(
    case: MemoryCase, cases: Sequence[MemoryCase], models: Models, settings: Settings, habits: Habits
) -> Moments:
    """With the library's cases, or without any: a first case."""
    geometry = case.image.geometry
    frame = SliceFrame(geometry, choose_plane(geometry))
    preview = SlicePreview(Sam2Engine.of(models.segmenter), SliceStack.of(case.image))
    nothing = {one.name: np.zeros(frame.shape, dtype=bool) for one in case.segmentation.segments}
    sitting = Sitting(case, frame, habits, preview, nothing)
    with tempfile.TemporaryDirectory(prefix="retrievalsam-") as folder:
        options = RunOptions(plane=frame.plane, state=Path(folder)) if cases else RunOptions(plane=frame.plane)

        def refined(given: Segmentation, corrected: Sequence[int]) -> SegmentationResult:
            named = [frame.file_index(index) for index in corrected]
            return refine_volume(case.image, given, named, cases, models, settings, options)

        def filled(given: Segmentation, corrected: Sequence[int]) -> SegmentationResult:
            named = [frame.file_index(index) for index in corrected]
            return start_volume(case.image, these_alone(given, frame, corrected), named, models, options)

        if cases:
            left = sitting.propagate(lambda *_: segment_volume(case.image, cases, models, settings, options))
        else:
            for index in drawn_places(np.any(list(sitting.truth.values()), axis=0), _BEGUN_WITH):
                sitting.correct(index)
            left = sitting.propagate(filled)
        yield sitting.dice(), sitting.acts
        while any(sitting.correct(index) for index in left):
            left = sitting.propagate(refined if cases else filled)
            yield sitting.dice(), sitting.acts


def by_hand(case: MemoryCase, between: bool) -> Moments:
    """Slices that hold something are drawn in order, or first those far from each other, with interpolation."""
    geometry = case.image.geometry
    frame = SliceFrame(geometry, choose_plane(geometry))
    truth, acts = masks_of(case.segmentation, frame), Acts()
    holding = np.flatnonzero(np.any(list(truth.values()), axis=(0, 2, 3))).tolist()
    drawn: list[int] = []
    for index in halved(holding) if between else holding:
        drawn = sorted([*drawn, index])
        acts.slices += 1
        acts.slices_drawn += 1
        for mask in truth.values():
            if mask[index].any():
                acts.taken_up += 1
                acts.draw(mask[index], frame)
        found = [interpolated(mask, drawn) if between else alone(mask, drawn) for mask in truth.values()]
        yield float(np.mean([dice(a, b) for a, b in zip(found, truth.values(), strict=True)])), acts


def alone(mask: np.ndarray, slices: Sequence[int]) -> np.ndarray:
    """Some slices of a mask (n, h, w), and nothing else."""
    found = np.zeros_like(mask)
    found[slices] = mask[slices]
    return found


def halved(places: Sequence[int]) -> list[int]:
    """The same, ends first, then the middle of every gap, the largest first."""
    taken = list(dict.fromkeys([places[0], places[-1]]))
    while left := [one for one in places if one not in taken]:
        taken.append(max(left, key=lambda one: (min(abs(one - other) for other in taken), -one)))
    return taken


def told(moments: Moments, goals: Sequence[float]) -> dict[float, Record]:
    """By Dice that is wanted, what it took; of those not reached, what was done until nothing was left."""
    found: dict[float, Record] = {}
    last: Record = {}
    first: float | None = None
    for value, acts in moments:
        first = value if first is None else first
        sums = {"seconds": acts.seconds, "careful_seconds": acts.careful_seconds}
        last = {"begun_at": first, "dice": value} | dataclasses.asdict(acts) | sums
        for goal in goals:
            if value >= goal and goal not in found:
                found[goal] = last | {"reached": True}
        if len(found) == len(goals):
            break
    return {goal: found.get(goal, last | {"reached": False}) for goal in goals}


def volumes(data: Path, name: str) -> Iterator[tuple[list[MemoryCase], MemoryCase]]:
    """The cases of a library and a target, of the tune role: four hippocampi, or three trunks."""
    if name == "trunks":
        yield from splits("trunks", 1)
        return
    content = json.loads(SPLITS.read_text(encoding="utf-8"))
    for split in content["splits"]["tune"][name]:
        cases = [load_case(data, name, one, content["names"][name]) for one in split["supports"]]
        for one in split["targets"]:
            yield cases, load_case(data, name, one, content["names"][name])


def moments_of(way: str, case: MemoryCase, cases: Sequence[MemoryCase], habits: Habits, settings: Settings) -> Moments:
    """Of one of `WAYS`."""
    if way in ("between", "every slice"):
        return by_hand(case, way == "between")
    habits = dataclasses.replace(habits, points=way.startswith("desk"))
    return at_the_desk(case, () if way.endswith("first case") else cases, bundled_models(), settings, habits)


_COLUMNS = ("clicks", "boxes", "outlines", "slices", "slices_drawn", "propagations")


def table(records: Sequence[Mapping[str, float | str | bool]]) -> str:
    """Markdown: a row a volume and way of one Dice that is wanted."""
    lines = [
        "| set | volume | way | Dice at first | Dice | clicks / boxes / outlines | slices seen / drawn | propagations "
        "| person, s | careful | computer, s: previews / runs |",
        "|---" * 11 + "|",
    ]
    for one in records:
        clicks, boxes, outlines, slices, drawn, propagations = (one[name] for name in _COLUMNS)
        reached = "" if one["reached"] else " (not reached)"
        lines.append(
            f"| {one['set']} | {one['target']} | {one['way']} | {one['begun_at']:.3f} | {one['dice']:.3f}{reached} "
            f"| {clicks} / {boxes} / {outlines} | {slices} / {drawn} | {propagations} | {one['seconds']:.0f} "
            f"| {one['careful_seconds']:.0f} | {one['preview_seconds']:.1f} / {one['run_seconds']:.0f} |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with one folder a set")
    parser.add_argument("--set", choices=SETS, default="msd_hippocampus")
    parser.add_argument("--way", choices=WAYS, action="append", dest="ways", help="may be given several times")
    parser.add_argument("--until", type=float, action="append", help="Dice that is wanted; default 0.85")
    parser.add_argument("--targets", type=int, help="only the first so many")
    parser.add_argument("--clicks", type=int, default=3, help="at most, for a structure on a slice")
    parser.add_argument("--good", type=float, default=0.9, help="Dice of a slice that is left as it is")
    parser.add_argument("--preset", default="default", choices=("default", "fast"))
    parser.add_argument("--results", type=Path, help="append every figure to this file, and skip what it has")
    options = parser.parse_args(arguments)
    goals = options.until or [0.85]
    habits = Habits(True, options.clicks, options.good)
    asked = {
        "set": options.set,
        "preset": options.preset,
        "clicks_at_most": habits.clicks,
        "good": habits.good,
    }
    records, shown = Records(options.results, PARTS), list[Record]()
    for number, (cases, case) in enumerate(volumes(options.data, options.set)):
        if options.targets is not None and number >= options.targets:
            break
        for way in options.ways or WAYS:
            own = asked | {"target": case.name, "way": way}
            if any(records.find(own | {"until": goal}) is None for goal in goals):
                moments = moments_of(way, case, cases, habits, preset(options.preset))
                for goal, record in told(moments, goals).items():
                    records.append(record | own | {"until": goal})
            found = [records.known[identity(own | {"until": goal}, PARTS)] for goal in goals]
            shown += found
            print("\n".join(table(found).splitlines()[2:]), flush=True)
    for goal in goals:
        print(f"\nuntil {goal}:\n" + table([one for one in shown if one["until"] == goal]))


if __name__ == "__main__":
    main()
