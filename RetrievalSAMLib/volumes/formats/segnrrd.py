"""Slicer's segmentation files, ``.seg.nrrd``: names, colours, terminology and layers, both ways.

https://slicer.readthedocs.io/en/latest/developer_guide/modules/segmentations.html#segmentation-file-format-seg-nrrd
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import nrrd
import numpy as np

from ... import NOTICE
from ...errors import InputError
from ..display.colors import shown_color
from ..geometry import Geometry
from ..labels import MAX_SEGMENTS, as_labels
from ..volume import Segment, Segmentation
from .nrrd_file import decode_geometry, exact_grid, nrrd_bytes
from .nrrd_header import NrrdHeader, read_nrrd_voxels

_SEGMENT_KEY = re.compile(r"Segment([0-9]{1,9})_(.+)")


def has_segments(key_values: Mapping[str, str]) -> bool:
    """Whether a NRRD header's key/value pairs are those of a Slicer segmentation."""
    return any(_SEGMENT_KEY.fullmatch(key) or key.startswith("Segmentation_") for key in key_values)


def read_segnrrd(path: Path, name: str, header: NrrdHeader) -> Segmentation:
    """A Slicer segmentation file.

    The label value of a segment in its file becomes `Segment.value`, unless an earlier segment in another
    layer has it already; then the segment gets the lowest free value above all others.

    Args:
        path: The file.
        name: Its name as the user typed it, for messages.
        header: Of the file, as `read_nrrd_header` gave it.

    Raises:
        InputError: If it is damaged, lists no segments, or a segment's layer does not exist.
    """
    fields = _fields_by_segment(header.key_values)
    layers, geometry = _read_layers(path, name, header)
    geometry = exact_grid(geometry, header.key_values)
    if not fields:
        raise InputError(name, "it has no segments", "Add a segment in the Segment Editor and save it again.")
    if len(fields) > MAX_SEGMENTS:
        raise InputError(
            name, f"it has {len(fields)} segments, more than {MAX_SEGMENTS}", "Split it into several files."
        )
    layer_of, label_of = [], []
    for position, entry in enumerate(fields):
        # Before layers were shared (Slicer 4.10), each segment had its own layer and the label 1.
        layer = _whole(entry, "Layer", position if len(layers) > 1 else 0, name)
        if not 0 <= layer < len(layers):
            raise InputError(
                name,
                f"segment {entry.get('Name', position)!r} is in layer {layer} of {len(layers)}",
                "The file is damaged: save it again from Slicer.",
            )
        layer_of.append(layer)
        label_of.append(_whole(entry, "LabelValue", 1, name))
    values = _unique_values(label_of)
    try:
        segments = tuple(_segment(entry, value, name) for entry, value in zip(fields, values, strict=True))
        return Segmentation(segments, layers, tuple(layer_of), tuple(label_of), geometry)
    except ValueError as error:
        raise InputError(name, str(error), "Correct it in Slicer and save it again.") from error


def _fields_by_segment(pairs: Mapping[str, str]) -> list[dict[str, str]]:
    by_number: dict[int, dict[str, str]] = {}
    for key, value in pairs.items():
        match = _SEGMENT_KEY.fullmatch(key)
        if match:
            by_number.setdefault(int(match[1]), {})[match[2]] = value
    return [by_number[number] for number in sorted(by_number)]


def _read_layers(path: Path, name: str, header: NrrdHeader) -> tuple[tuple[np.ndarray, ...], Geometry]:
    if header.data_files or not header.can_be_read_here:
        fact = "its voxels are in another file, written as text, or not right behind the header"
        raise InputError(name, fact, "Save it again from Slicer.")
    data = read_nrrd_voxels(path, name, header)
    try:
        with path.open("rb") as stream:
            placed = nrrd.read_header(stream)
    except (nrrd.NRRDError, ValueError, KeyError) as error:
        raise InputError(
            name,
            f"it is cut short or damaged ({' '.join(str(error).split())})",
            "Copy it again, or save it again from Slicer.",
        ) from error
    directions = placed.get("space directions")
    origin = placed.get("space origin")
    if directions is None or origin is None or origin.shape != (3,) or not np.isfinite(origin).all():
        raise InputError(name, "its header does not place it in space", "Save it again from Slicer.")
    directions = np.asarray(directions, dtype=np.float64)
    spatial = np.flatnonzero(np.isfinite(directions).all(axis=-1)).tolist()
    if data.ndim not in (3, 4) or len(spatial) != 3 or directions.shape != (data.ndim, 3):
        raise InputError(
            name, f"it has {data.ndim} dimensions, {len(spatial)} of them in space", "Save a 3D segmentation."
        )
    lists = [axis for axis in range(data.ndim) if axis not in spatial]
    stack = np.moveaxis(data, lists[0], 0) if lists else data[None]
    geometry = decode_geometry(
        stack.shape[1:], header.fields.get("space"), directions[spatial], np.asarray(origin), name
    )
    return tuple(as_labels(np.asfortranarray(layer), name) for layer in stack), geometry


def _whole(entry: Mapping[str, str], field: str, default: int, name: str) -> int:
    try:
        return int(entry.get(field, default))
    except ValueError as error:
        raise InputError(
            name,
            f"{field} of segment {entry.get('Name', '?')!r} is {entry[field]!r}, not a number",
            "Save it again from Slicer.",
        ) from error


def _unique_values(labels: list[int]) -> list[int]:
    values: list[int] = []
    following = max(labels, default=0) + 1
    for label in labels:
        if label in values:
            values.append(following)
            following += 1
        else:
            values.append(label)
    return values


def _segment(entry: Mapping[str, str], value: int, name: str) -> Segment:
    color = None
    if entry.get("Color", "").split():
        red, green, blue = (float(part) for part in entry["Color"].split())
        color = (red, green, blue)
    tags = dict(tag.strip().partition(":")[::2] for tag in entry.get("Tags", "").split("|") if ":" in tag)
    return Segment(
        entry.get("Name") or entry.get("ID") or f"segment_{value}", value, color, tags.get("TerminologyEntry")
    )


def segnrrd_bytes(segmentation: Segmentation, comment: str | None = None) -> bytes:
    """A ``.seg.nrrd`` file in memory, as Slicer writes it.

    Layers are kept as they are. In a segmentation with several layers that use a label twice, the file's
    label values are kept, not `Segment.value`.

    Args:
        segmentation: What to write; a segment without a colour gets one of a palette.
        comment: For the header.
    """
    extent = " ".join(f"0 {n - 1}" for n in segmentation.geometry.size)
    fields = {"Notice": NOTICE}
    if comment:
        fields["Comment"] = comment
    parts = zip(segmentation.segments, segmentation.layer_of, segmentation.label_of, strict=True)
    for number, (segment, layer, label) in enumerate(parts):
        color = shown_color(segment.color, segment.value)
        tags = f"TerminologyEntry:{segment.terminology.replace('|', ' ')}|" if segment.terminology else "|"
        prefix = f"Segment{number}_"
        fields |= {
            f"{prefix}Color": " ".join(f"{value:.17g}" for value in color),
            f"{prefix}ColorAutoGenerated": "0" if segment.color else "1",
            # The whole grid, as older Slicer versions crop every segment of a layer to the extent of the
            # first.
            f"{prefix}Extent": extent,
            f"{prefix}ID": f"Segment_{number + 1}",
            f"{prefix}LabelValue": str(label),
            f"{prefix}Layer": str(layer),
            f"{prefix}Name": segment.name,
            f"{prefix}NameAutoGenerated": "0",
            f"{prefix}Tags": tags,
        }
    fields |= {
        "Segmentation_ContainedRepresentationNames": "Binary labelmap|",
        "Segmentation_MasterRepresentation": "Binary labelmap",
        "Segmentation_ReferenceImageExtentOffset": "0 0 0",
    }
    layers = segmentation.layers or (np.zeros(segmentation.geometry.size, np.uint8),)
    most = max((int(layer.max()) for layer in layers), default=0)
    dtype = np.uint8 if most <= 255 else np.uint16
    return nrrd_bytes(tuple(layer.astype(dtype, copy=False) for layer in layers), segmentation.geometry, fields)
