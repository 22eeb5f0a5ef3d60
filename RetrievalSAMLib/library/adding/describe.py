"""What a user gives with a case, checked, as `case.json` describes it: segments, plane, annotated slices."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library.format import CaseSegment, Provenance
from RetrievalSAMLib.library.names import check_segment_name, same_name_key
from RetrievalSAMLib.volumes.geometry import Geometry
from RetrievalSAMLib.volumes.plane import Plane
from RetrievalSAMLib.volumes.slicing import SliceFrame
from RetrievalSAMLib.volumes.volume import Segmentation

AnnotatedSlices: TypeAlias = Mapping[str, Iterable[int] | None] | Iterable[int] | None


def checked_plane(plane: Plane | str | None) -> Plane | None:
    """A plane that the user named, or None where no plane was given.

    Raises:
        InputError: There is no such plane.
    """
    if plane is None:
        return None
    try:
        return Plane(plane)
    except ValueError:
        choices = ", ".join(known.value for known in Plane)
        raise InputError("plane", f"`{plane}` is no plane", f"Choose one of: {choices}.") from None


def described_segments(
    segmentation: Segmentation,
    segmentation_name: str,
    geometry: Geometry,
    plane: Plane,
    annotated_slices: AnnotatedSlices,
) -> tuple[Segmentation, tuple[CaseSegment, ...]]:
    """A segmentation as it is stored, segments by ascending value, and how `case.json` describes them.

    Args:
        segmentation: On the case's grid.
        segmentation_name: Its name for messages.
        geometry: The case's grid.
        plane: The plane in which the case is sliced.
        annotated_slices: As for `SupportLibrary.add`.

    Raises:
        InputError: No voxel is labelled, a name cannot be stored or occurs twice, or a slice does not exist.
    """
    order = sorted(range(len(segmentation.segments)), key=lambda index: segmentation.segments[index].value)
    if not any(segmentation.mask(index).any() for index in order):
        raise InputError(
            segmentation_name, "no voxel is labelled", "Give a segmentation with at least one segment drawn."
        )
    ordered = _by_value(segmentation, order)
    names = ordered.names
    for name in names:
        check_segment_name(name)
    twice = [name for name, count in Counter(map(same_name_key, names)).items() if count > 1]
    if twice:
        raise InputError(segmentation_name, f"two segments are named `{twice[0]}`", "Give each segment its own name.")
    axis = SliceFrame(geometry, plane).plane_axis
    slices = _slices_by_segment(annotated_slices, names, geometry.size[axis], axis)
    return ordered, tuple(
        CaseSegment(
            name=segment.name,
            value=segment.value,
            color=segment.color,
            terminology=segment.terminology,
            annotated_slices=slices[segment.name],
        )
        for segment in ordered.segments
    )


def _by_value(segmentation: Segmentation, order: Sequence[int]) -> Segmentation:
    """The segments in an order, with their values as labels: the file says all without `case.json`."""
    segments = tuple(segmentation.segments[index] for index in order)
    labels = tuple(segmentation.label_of[index] for index in order)
    if labels != tuple(segment.value for segment in segments):
        masks = (segmentation.mask(index) for index in order)
        return Segmentation.from_masks(segments, masks, segmentation.geometry)
    layers = tuple(segmentation.layer_of[index] for index in order)
    return replace(segmentation, segments=segments, layer_of=layers, label_of=labels)


def _slices_by_segment(
    annotated_slices: AnnotatedSlices, names: Sequence[str], count: int, axis: int
) -> dict[str, tuple[int, ...] | None]:
    if annotated_slices is None:
        return dict.fromkeys(names)
    if not isinstance(annotated_slices, Mapping):
        annotated_slices = dict.fromkeys(names, tuple(annotated_slices))
    unknown = sorted(set(annotated_slices) - set(names))
    if unknown:
        raise InputError(
            "annotated slices",
            f"there is no segment `{unknown[0]}`",
            f"The segments are: {', '.join(f'`{name}`' for name in names)}.",
        )
    slices: dict[str, tuple[int, ...] | None] = {}
    for name in names:
        given = annotated_slices.get(name)
        slices[name] = None if given is None else _checked_slices(given, count, axis, "annotated slices")
    if all(given == () for given in slices.values()):
        raise InputError("annotated slices", "the list is empty for every segment", "Name at least one slice.")
    return slices


def _checked_slices(slices: Iterable[int], count: int, axis: int, thing: str) -> tuple[int, ...]:
    checked = sorted({operator.index(index) for index in slices})
    wrong = [index for index in checked if not 0 <= index < count]
    if wrong:
        raise InputError(
            thing,
            f"there is no slice {wrong[0]}",
            f"Along axis {axis} of this image the slices are 0 to {count - 1}.",
        )
    return tuple(checked)


def check_corrected(provenance: Provenance, geometry: Geometry, plane: Plane) -> None:
    """Refuse a provenance that names slices which do not exist."""
    if provenance.corrected_slices is not None:
        axis = SliceFrame(geometry, plane).plane_axis
        _checked_slices(provenance.corrected_slices, geometry.size[axis], axis, "corrected slices")
