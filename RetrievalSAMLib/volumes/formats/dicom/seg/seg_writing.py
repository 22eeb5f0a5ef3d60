"""A segmentation as a DICOM SEG that refers to the series that was segmented, for archives and viewers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TypeAlias

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.tag import BaseTag

from ..... import NOTICE, __version__
from .....errors import InputError
from ....display.colors import shown_color
from ....volume import Segment, Segmentation
from ..header import DAMAGE, Damaged, read_dataset
from ..quiet import quiet
from ..stacks import Stack
from .codes import REGION_MODIFIER, TYPE_MODIFIER, UNSPECIFIC, codes_of

_Channels: TypeAlias = dict[BaseTag | int | str | hd.ChannelDescriptor, Sequence[int | str | float | Enum]]
_PROGRAM = "RetrievalSAM"
_SERIES_OFFSET = 1000
"""Our series are numbered so far behind the one that was segmented."""
_MOST_SERIES_NUMBER = 2**31 - 1
_LONGEST_LABEL = 64
# Attributes that every image must have, if only empty; some archives leave them out.
_MAY_BE_EMPTY = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "AccessionNumber",
    "StudyID", "ReferringPhysicianName",
)  # fmt: skip


@dataclass(frozen=True)
class Algorithm:
    """What drew the segments.

    Attributes:
        model: Name of the weights; empty where it is not known.
        automatic: Whether nobody had a hand in it.
    """

    model: str
    automatic: bool


def write_seg(segmentation: Segmentation, path: Path, source: Stack, name: str, algorithm: Algorithm) -> None:
    """Write a binary DICOM SEG.

    Of the patient and the study it says what the series says, and of the segmentation: its segments with names,
    colours and codes, the program and its version as the algorithm, and that it is for research use only. A segment
    without a code is "Tissue", as in Slicer.

    Args:
        segmentation: On the grid of the series, or on the straight grid that it was resampled to.
        path: The file; it is overwritten.
        source: The series.
        name: What the user knows the series as, for messages.
        algorithm: What drew the segments.

    Raises:
        InputError: The series lacks what a DICOM SEG needs.
        OSError: The file cannot be written.
    """
    with quiet():
        sources = _sources(source, name)
        try:
            dataset = _dataset(segmentation, sources, source, algorithm)
        except (*DAMAGE, RuntimeError) as error:
            raise InputError(
                name,
                f"a DICOM SEG cannot refer to it ({' '.join(str(error).split())[:200]})",
                "Write the result as .seg.nrrd, load both in 3D Slicer, and export them to DICOM there.",
            ) from error
        dataset.save_as(path, enforce_file_format=True)


def _dataset(
    segmentation: Segmentation, sources: list[Dataset], source: Stack, algorithm: Algorithm
) -> hd.seg.Segmentation:
    geometry = segmentation.geometry
    # highdicom's arrays are (slice, row, column), ours (column, row, slice).
    affine = geometry.affine[:, [2, 1, 0, 3]]
    frame_of_reference = str(sources[0].FrameOfReferenceUID)
    pixels, channels = _pixels(segmentation)
    volume = hd.Volume(
        pixels,
        affine,
        coordinate_system=hd.CoordinateSystemNames.PATIENT,
        frame_of_reference_uid=frame_of_reference,
        channels=channels,
    )
    number = min((source.series.number or 0) + _SERIES_OFFSET, _MOST_SERIES_NUMBER)
    dataset = hd.seg.Segmentation(
        source_images=sources,
        pixel_array=volume,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=_descriptions(segmentation.segments, algorithm),
        series_instance_uid=hd.UID(),
        series_number=number,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer=_PROGRAM,
        manufacturer_model_name=_PROGRAM,
        software_versions=__version__,
        device_serial_number="none",
        content_description=NOTICE,
        content_label="RETRIEVALSAM",
        content_creator_name="",
        series_description=f"{_PROGRAM}: {NOTICE}"[:_LONGEST_LABEL],
    )
    return dataset


def _pixels(segmentation: Segmentation) -> tuple[np.ndarray, _Channels | None]:
    """(slice, row, column) numbers of the segments, or where they overlap (slice, row, column, segment) masks."""
    count = len(segmentation.segments)
    dtype = np.uint8 if count < 256 else np.uint16
    if not segmentation.overlapping:
        numbers = np.zeros(segmentation.geometry.size[::-1], dtype)
        for index in range(count):
            numbers[segmentation.mask(index).T] = index + 1
        return numbers, None
    masks = np.zeros((*segmentation.geometry.size[::-1], count), np.uint8)
    for index in range(count):
        masks[..., index] = segmentation.mask(index).T
    channels: _Channels = {"SegmentNumber": list(range(1, count + 1))}
    return masks, channels


def _descriptions(segments: Sequence[Segment], algorithm: Algorithm) -> list[hd.seg.SegmentDescription]:
    return [_description(number, segment, algorithm) for number, segment in enumerate(segments, start=1)]


def _description(number: int, segment: Segment, algorithm: Algorithm) -> hd.seg.SegmentDescription:
    category, kind, modifier, region, region_modifier = codes_of(segment.terminology)
    kind = kind or UNSPECIFIC
    kinds = hd.seg.SegmentAlgorithmTypeValues
    model = f" ({algorithm.model})" if algorithm.model else ""
    identification = hd.AlgorithmIdentificationSequence(
        name=f"{_PROGRAM}{model}"[:_LONGEST_LABEL],
        family=codes.cid7162.ArtificialIntelligence,
        version=__version__,
    )
    red, green, blue = (round(255 * value) for value in shown_color(segment.color, segment.value))
    item = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=_label(segment.name),
        segmented_property_category=category or UNSPECIFIC,
        segmented_property_type=kind,
        algorithm_type=kinds.AUTOMATIC if algorithm.automatic else kinds.SEMIAUTOMATIC,
        algorithm_identification=identification,
        anatomic_regions=None if region is None else [region],
        display_color=hd.color.CIELabColor.from_rgb(red, green, blue),
    )
    if modifier is not None:
        setattr(item.SegmentedPropertyTypeCodeSequence[0], TYPE_MODIFIER, [_coded(modifier)])
    if region is not None and region_modifier is not None:
        setattr(item.AnatomicRegionSequence[0], REGION_MODIFIER, [_coded(region_modifier)])
    return item


def _label(name: str) -> str:
    """A name as DICOM's short texts take it: a backslash would part it, and control characters are not allowed."""
    return re.sub(r"[\x00-\x1f\\]", " ", name)[:_LONGEST_LABEL].strip() or "segment"


def _coded(code: Code) -> hd.sr.CodedConcept:
    return hd.sr.CodedConcept(code.value, code.scheme_designator, code.meaning)


def _sources(stack: Stack, name: str) -> list[Dataset]:
    """The series' headers, in order of the slices, with what DICOM lets be empty."""
    paths = dict.fromkeys(frame.path for frame in stack.frames)
    datasets: list[Dataset] = []
    for path in paths:
        try:
            dataset = read_dataset(path, without_pixels=True)
        except Damaged as error:
            raise InputError(name, f"its file {path.name}: {error}", "Copy or export the series again.") from error
        for keyword in _MAY_BE_EMPTY:
            if keyword not in dataset:
                setattr(dataset, keyword, "")
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID"):
            if not dataset.get(keyword):
                raise InputError(
                    name,
                    f"its slices have no {keyword}, by which a DICOM SEG would refer to them",
                    "Write the result as .seg.nrrd, or export the series again from the archive.",
                )
        datasets.append(dataset)
    return datasets
