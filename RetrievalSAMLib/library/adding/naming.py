"""What the segments of a file are called in a library: by the file, by whoever adds it, or as in earlier cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library.segments import check_named, with_library_names, with_library_values
from RetrievalSAMLib.volumes.labels import is_nameless
from RetrievalSAMLib.volumes.reading import names_segments, read_segmentation
from RetrievalSAMLib.volumes.volume import Segment, Segmentation


def as_in_library(
    segmentation: Segmentation, file: Path, known: Sequence[Segment], names: Mapping[int, str]
) -> Segmentation:
    """The segments with the names and values that they get in a library.

    A label map keeps its values; those that `names` does not name get the library's names for them. The segments of a
    file that names them, and those whose values were renumbered, get the values that the library already has for them.

    Args:
        segmentation: As it was read.
        file: Where it comes from.
        known: The library's segments.
        names: By value in the file.

    Raises:
        InputError: The file has no such value, or one of its values has no name.
    """
    renumbered = any(segment.is_renumbered for segment in segmentation.segments)
    named = _named(segmentation, file, names)
    if names_segments(file):
        return with_library_values(named, known)
    found = (with_library_values if renumbered else with_library_names)(named, known)
    check_named(found, str(file))
    return found


def values_without_name(file: Path, known: Sequence[Segment]) -> tuple[int, ...]:
    """The values of a label map, as they are in the file, that neither it nor a library names.

    Args:
        file: A segmentation.
        known: The library's segments.

    Raises:
        InputError: It cannot be read.
    """
    if names_segments(file):
        return ()
    found = with_library_names(read_segmentation(file), known)
    return tuple(segment.value_in_file for segment in found.segments if is_nameless(segment.name))


def _named(segmentation: Segmentation, file: Path, names: Mapping[int, str]) -> Segmentation:
    values = {segment.value_in_file for segment in segmentation.segments}
    unknown = sorted(set(names) - values)
    if unknown:
        shown = ", ".join(map(str, sorted(values)))
        raise InputError(str(file), f"it has no value {unknown[0]} that could be named", f"It has {shown}.")
    segments = tuple(replace(s, name=names.get(s.value_in_file, s.name)) for s in segmentation.segments)
    return replace(segmentation, segments=segments)
