"""The segments of several cases taken together, and the contradictions that cannot be taken together.

A segment is identified by its terminology code, else by its name (METHOD.md, One run, 6): two cases speak of
one segment where code or name agree. One value for two segments, or two values for one, is an error that
names both cases. After this check a value stands for one segment in all cases, so the rest of the program may
go by values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library.case import Case
from RetrievalSAMLib.library.format import CaseSegment
from RetrievalSAMLib.library.names import natural_order, same_name_key

if TYPE_CHECKING:
    from RetrievalSAMLib.volumes import Segment, Segmentation

Choice = TypeVar("Choice", str, tuple[float, float, float])

_REMEDY = "Give each structure one name and one value in all cases, then add the case again."


@dataclass(frozen=True)
class _Use:
    """One segment in one case."""

    case: str
    segment: CaseSegment
    identities: frozenset[str]


def segments_of(cases: Iterable[Case]) -> tuple[Segment, ...]:
    """The segments that cases have between them, by ascending value.

    Where cases spell a name differently, or colour a segment differently, the most frequent choice is taken.
    The result does not depend on the order of the cases.

    Raises:
        InputError: Two cases contradict each other.
    """
    return merge_segments((case.name, case.segments) for case in cases)


def merge_segments(cases: Iterable[tuple[str, Sequence[CaseSegment]]]) -> tuple[Segment, ...]:
    """The same for (case name, segments) pairs; see `segments_of`."""
    uses = _uses(sorted(cases, key=lambda case: natural_order(case[0])))
    by_value: dict[int, list[_Use]] = {}
    first_of: dict[str, _Use] = {}
    for use in uses:
        by_value.setdefault(use.segment.value, []).append(use)
        for identity in use.identities:
            first = first_of.setdefault(identity, use)
            if first.segment.value != use.segment.value:
                raise _two_values(first, use)
    for same_value in by_value.values():
        _check_one_segment(same_value)
    return tuple(_merged(by_value[value]) for value in sorted(by_value))


def with_library_values(segmentation: Segmentation, known: Sequence[Segment]) -> Segmentation:
    """A segmentation whose segments have the values that a library already gives them.

    Slicer numbers segments in the order in which they were drawn, so a `.seg.nrrd` says nothing by its values.
    A segment that the library does not know keeps its value where that is free, else gets the lowest free one.

    Args:
        segmentation: With any values.
        known: The library's segments.
    """
    value_of = {name: s.value for s in known for name in (s.key, f"name:{same_name_key(s.name)}")}
    found = [value_of.get(s.key, value_of.get(f"name:{same_name_key(s.name)}")) for s in segmentation.segments]
    taken = {s.value for s in known} | {value for value in found if value is not None}
    segments = []
    for segment, value in zip(segmentation.segments, found, strict=True):
        if value is None:
            value = segment.value
            if value in taken:
                value = next(number for number in count(1) if number not in taken)
            taken.add(value)
        segments.append(replace(segment, value=value))
    return replace(segmentation, segments=tuple(segments))


def with_library_names(segmentation: Segmentation, known: Sequence[Segment]) -> Segmentation:
    """A label map of bare values, with the names, colours and codes that a library already gives these values.

    Args:
        segmentation: From a file that names nothing. A segment that was given a name keeps it.
        known: The library's segments.
    """
    of_value = {segment.value: segment for segment in known}
    segments = tuple(
        of_value.get(segment.value, segment) if segment.name == f"segment_{segment.value}" else segment
        for segment in segmentation.segments
    )
    return replace(segmentation, segments=segments)


def check_named(segmentation: Segmentation, thing: str) -> None:
    """Refuse a label map of bare values that nobody has named: a library is to hold structures, not numbers.

    Args:
        segmentation: After `with_library_names`.
        thing: What the user knows it as.

    Raises:
        InputError: A segment has no name.
    """
    from RetrievalSAMLib.volumes.labels import is_nameless

    bare = [segment for segment in segmentation.segments if is_nameless(segment.name)]
    if bare:
        values = [name.removeprefix("segment_") for name in (segment.name for segment in bare)]
        shown = ", ".join(values[:8]) + (", ..." if len(values) > 8 else "")
        fact = f"it is a label map that does not name its values, and no case of the library does ({shown})"
        remedy = (
            f"Say what they are: `retrievalsam library add ... --segment {values[0]}=NAME`, once for each value; or "
            "load it in 3D Slicer, name its segments and add it from there. Later cases with these values take them."
        )
        raise InputError(thing, fact, remedy)


def as_segment(segment: CaseSegment) -> Segment:
    """A case's segment without what only the case knows."""
    from RetrievalSAMLib.volumes import Segment

    return Segment(name=segment.name, value=segment.value, color=segment.color, terminology=segment.terminology)


def _uses(cases: Sequence[tuple[str, Sequence[CaseSegment]]]) -> list[_Use]:
    # A code that two segments of one case share (two tumours) does not tell them apart: those go by their
    # names.
    shared = {
        key
        for _, segments in cases
        for key, count in Counter(as_segment(segment).key for segment in segments).items()
        if count > 1
    }
    return [_Use(case, segment, _identities(segment, shared)) for case, segments in cases for segment in segments]


def _identities(segment: CaseSegment, shared_keys: set[str]) -> frozenset[str]:
    key = as_segment(segment).key
    name = f"name:{same_name_key(segment.name)}"
    return frozenset({name, key} if key.startswith("code:") and key not in shared_keys else {name})


def _check_one_segment(uses: list[_Use]) -> None:
    """Refuse uses of one value that no chain of common names and codes links."""
    linked = set(uses[0].identities)
    rest = uses[1:]
    while rest:
        joining = [use for use in rest if use.identities & linked]
        if not joining:
            raise _two_names(uses[0], rest[0])
        linked.update(*(use.identities for use in joining))
        rest = [use for use in rest if not use.identities & linked]


def _merged(uses: list[_Use]) -> Segment:
    from RetrievalSAMLib.volumes import Segment

    colors = [use.segment.color for use in uses if use.segment.color is not None]
    codes = [use.segment.terminology for use in uses if use.segment.terminology is not None]
    return Segment(
        name=_most_frequent([use.segment.name for use in uses]),
        value=uses[0].segment.value,
        color=_most_frequent(colors) if colors else None,
        terminology=_most_frequent(codes) if codes else None,
    )


def _most_frequent(choices: list[Choice]) -> Choice:
    count = Counter(choices)
    return min(count, key=lambda choice: (-count[choice], choice))


def _two_names(one: _Use, other: _Use) -> InputError:
    first, second = one.segment, other.segment
    return InputError(
        f"cases `{one.case}` and `{other.case}`",
        f"the value {first.value} is `{first.name}` in the first and `{second.name}` in the second",
        _REMEDY,
    )


def _two_values(one: _Use, other: _Use) -> InputError:
    first, second = one.segment, other.segment
    renamed = "" if first.name == second.name else f" (there `{second.name}`)"
    return InputError(
        f"cases `{one.case}` and `{other.case}`",
        f"`{first.name}` has the value {first.value} in the first and {second.value} in the second{renamed}",
        _REMEDY,
    )
