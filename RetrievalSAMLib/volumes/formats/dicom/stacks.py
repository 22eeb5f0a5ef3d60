"""The stacks of slices that a folder holds: series, their time points and echoes, and the one that is meant."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ....errors import InputError
from .frame import DicomFile, Frame, Series
from .header import PARTS

_FEW_SLICES = 5
"""Fewer, and at most a third of what another series has, find the way to that one."""
_SAME_PLACE_MM = 1e-3
_NEW_LINE = "\n  "


@dataclass(frozen=True)
class Stack:
    """Slices that belong together.

    Attributes:
        series: That they are of.
        label: What `--series` knows it by: the series' number, with a second one where that is not unique.
        part: What it is of its series (`time point 2`), or empty.
        frames: The slices, in no order.
        files: That hold them.
    """

    series: Series
    label: str
    part: str
    frames: tuple[Frame, ...]
    files: tuple[DicomFile, ...]

    @property
    def size(self) -> str:
        """Such as `18 slices of 40 x 36`."""
        shapes = sorted({(frame.shape[1], frame.shape[0]) for frame in self.frames})
        sizes = " and ".join(f"{columns} x {rows}" for columns, rows in shapes[:3])
        return f"{len(self.frames)} slice{'s' if len(self.frames) > 1 else ''} of {sizes}"

    @property
    def outline(self) -> str:
        """What it is, without a text that a person typed: may stand in a log."""
        parts = [self.series.modality or "no modality", self.part, self.size]
        return f"series {self.label}: {', '.join(part for part in parts if part)}"

    @property
    def described(self) -> str:
        """What it is, for the person who chooses."""
        text = f" '{self.series.description}'" if self.series.description else ""
        return f"{self.outline.replace(':', text + ':', 1)}"

    @property
    def is_aside(self) -> bool:
        """Whether it is made to find one's way or to document: localisers, screenshots, colours, no place in space."""
        return (
            all(file.aside or file.unlike_a_slice for file in self.files)
            or any(frame.position_mm is None or frame.orientation is None for frame in self.frames)
            or self._points_everywhere()
        )

    def _points_everywhere(self) -> bool:
        """Whether no direction is shared by more than half of the slices."""
        directions = Counter(tuple(np.round(frame.orientation or (), 2)) for frame in self.frames)
        return len(self.frames) > 1 and max(directions.values()) * 2 <= len(self.frames)


def stacks_of(files: Iterable[DicomFile]) -> list[Stack]:
    """The stacks of all images, by series number."""
    by_series: dict[str, list[DicomFile]] = defaultdict(list)
    for file in files:
        by_series[file.series.uid].append(file)
    stacks: list[Stack] = []
    for members in by_series.values():
        of_file = {frame: file for file in members for frame in file.frames}
        for stack_id, frames in _by(of_file, lambda frame: frame.stack).items():
            parts = _parts(list(frames))
            for part, group in parts:
                words = [f"stack {stack_id}" if len({f.stack for f in of_file}) > 1 else "", part]
                own = tuple(dict.fromkeys(of_file[frame] for frame in group))
                stacks.append(
                    Stack(members[0].series, "", ", ".join(word for word in words if word), tuple(group), own)
                )
    return _labelled(sorted(stacks, key=_by_number))


def choose(stacks: Sequence[Stack], wanted: str | None, name: str) -> Stack:
    """The stack that is meant.

    Args:
        stacks: All, at least one.
        wanted: What the user chose: label, number, UID or description of a series; None for the only image stack.
        name: The folder as the user typed it.

    Raises:
        InputError: There are several, or none of that name; they are listed.
    """
    if wanted is not None:
        return _named(stacks, wanted.strip(), name)
    taken = the_only_one(stacks)
    if taken is not None:
        return taken
    choices = _worth_reading(stacks) or list(stacks)
    others = [stack for stack in stacks if stack not in choices]
    fact = f"it holds {len(choices)} series that could be meant:{_listed(choices)}"
    if others:
        fact += f"\n and besides:{_listed(others)}\n"
    raise InputError(name, fact, f"Choose one: --series {choices[0].label}, or by its description or UID.")


def the_only_one(stacks: Sequence[Stack]) -> Stack | None:
    """The stack that is read unless another is chosen; None where there are several, or none."""
    if len(stacks) == 1:
        return stacks[0]
    images = _worth_reading(stacks)
    return images[0] if len(images) == 1 else None


def _worth_reading(stacks: Sequence[Stack]) -> list[Stack]:
    """Without localisers, screenshots, and what is as short as a localiser beside another one."""
    images = [stack for stack in stacks if not stack.is_aside]
    most = max((len(stack.frames) for stack in images), default=0)
    return [stack for stack in images if not (len(stack.frames) < _FEW_SLICES and len(stack.frames) * 3 <= most)]


def _named(stacks: Sequence[Stack], wanted: str, name: str) -> Stack:
    tests: tuple[Callable[[Stack], bool], ...] = (
        lambda stack: stack.label == wanted,
        lambda stack: stack.series.uid == wanted,
        lambda stack: str(stack.series.number) == wanted,
        lambda stack: bool(wanted) and stack.series.description.casefold() == " ".join(wanted.split()).casefold(),
    )
    for test in tests:
        found = [stack for stack in stacks if test(stack)]
        if len(found) == 1:
            return found[0]
        if found:
            remedy = f"Choose one of them, for example --series {found[0].label}."
            raise InputError(name, f"{len(found)} series are '{wanted}':{_listed(found)}", remedy)
    remedy = f"Choose one of them, for example --series {stacks[0].label}."
    raise InputError(name, f"no series is '{wanted}'; there are:{_listed(stacks)}", remedy)


def _listed(stacks: Sequence[Stack]) -> str:
    return "".join(f"{_NEW_LINE}{stack.described}" for stack in stacks)


def _by_number(stack: Stack) -> tuple[bool, int, str, int]:
    number = stack.series.number
    return (number is None, number or 0, str(min(frame.path for frame in stack.frames)), stack.frames[0].index)


def _labelled(stacks: list[Stack]) -> list[Stack]:
    """With labels that are all different."""
    numbers = [stack.series.number for stack in stacks]
    free = max((number for number in numbers if number is not None), default=0) + 1
    times = Counter(numbers)
    count: Counter[int | None] = Counter()
    labelled = []
    for stack, number in zip(stacks, numbers, strict=True):
        count[number] += 1
        if number is None:
            label = str(free + count[None] - 1)
        else:
            label = str(number) if times[number] == 1 else f"{number}.{count[number]}"
        labelled.append(replace(stack, label=label))
    return labelled


def _parts(frames: list[Frame]) -> list[tuple[str, list[Frame]]]:
    """Frames at one place told apart by what differs between them, one group for each time point, echo and so on.

    Where nothing tells them apart the frames stay together, and their doubled positions are refused later.
    """
    groups = [("", frames)]
    for key, word in PARTS.items():
        most = max(_at_one_place(group) for _, group in groups)
        if most == 1:
            break
        split = [
            (", ".join(filter(None, (text, f"{word} {value}"))), part)
            for text, group in groups
            for value, part in _by(group, partial(_value_of, key=key)).items()
        ]
        if max(_at_one_place(group) for _, group in split) < most:
            groups = split
    counts = {len(group) for _, group in groups}
    if max(_at_one_place(group) for _, group in groups) > 1 or len(counts) > 1:
        return [("", frames)]
    return groups


def _value_of(frame: Frame, key: str) -> str:
    return dict(frame.parts).get(key, "")


def _at_one_place(frames: Sequence[Frame]) -> int:
    places = Counter(
        tuple(np.round(np.array(frame.position_mm) / _SAME_PLACE_MM)) if frame.position_mm is not None else frame
        for frame in frames
    )
    return max(places.values())


def _by(frames: Iterable[Frame], key: Callable[[Frame], str]) -> dict[str, list[Frame]]:
    groups: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[key(frame)].append(frame)
    return dict(groups)
