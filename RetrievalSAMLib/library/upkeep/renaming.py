"""Other names for the segments of cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

import msgspec

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library.case import Case
from RetrievalSAMLib.library.format import CaseSegment
from RetrievalSAMLib.library.names import check_segment_name, same_name_key
from RetrievalSAMLib.volumes.volume import Segmentation


def renamed_segments(case: Case, cases: Iterable[Case], names: Mapping[int, str]) -> dict[str, tuple[CaseSegment, ...]]:
    """What cases say of their segments once some have other names: by id, of those that change.

    Args:
        case: The one that the user named.
        cases: All; those that have one of the values change with it, as a value stands for one structure.
        names: New names by value.

    Raises:
        InputError: The case has no such value, a name cannot be stored, or a case would have it twice.
    """
    known = {segment.value: segment.name for segment in case.segments}
    unknown = sorted(set(names) - set(known))
    if unknown:
        listed = ", ".join(f"{value} (`{name}`)" for value, name in sorted(known.items()))
        raise InputError(f"case `{case.name}`", f"it has no segment with the value {unknown[0]}", f"It has {listed}.")
    for name in names.values():
        check_segment_name(name)
    changed = {}
    for one in cases:
        segments = tuple(
            msgspec.structs.replace(segment, name=names.get(segment.value, segment.name)) for segment in one.segments
        )
        twice = [
            key for key, count in Counter(same_name_key(segment.name) for segment in segments).items() if count > 1
        ]
        if twice:
            name = next(segment.name for segment in segments if same_name_key(segment.name) == twice[0])
            fact = f"two of its segments would be named `{name}`"
            raise InputError(f"case `{one.name}`", fact, "Give each segment its own name.")
        if segments != one.segments:
            changed[one.id] = segments
    return changed


def with_names(segmentation: Segmentation, described: Iterable[CaseSegment]) -> Segmentation:
    """A case's segmentation with the names that its segments, in the same order, are to have."""
    renamed = zip(segmentation.segments, described, strict=True)
    return replace(segmentation, segments=tuple(replace(segment, name=known.name) for segment, known in renamed))
