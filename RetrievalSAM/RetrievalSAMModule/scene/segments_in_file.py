"""The segments of a `.seg.nrrd` file that the worker wrote, read bit by bit and put into the scene one by one.

Slicer's own reader takes the whole volume in one go, which for a large one is longer than a window may stand still.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import slicer
import slicer.util
from slicer.i18n import tr as _

from .masks.cropped_mask import CroppedMask
from .masks.segment_masks import labelmap_of, move, put_labelmap
from .volume_files import SceneError, file_ijk_to_ras, ijk_to_ras, ras_from_lps

PIECE_BYTES = 1 << 23
"""So much of a file's voxels is read in one turn of the event loop."""

_TYPES = {"unsigned char": np.dtype("u1"), "uint8": np.dtype("u1"), "unsigned short": np.dtype("<u2")}
_DAMAGED = (OSError, EOFError, ValueError, KeyError, IndexError, zlib.error)


@dataclass(frozen=True)
class _Segment:
    """What the header says of a segment: name, RGB in [0, 1], Slicer's terminology, and where its voxels are."""

    name: str
    color: tuple[float, float, float]
    terminology: str
    layer: int
    label: int


class SegmentsInFile:
    """The segments of one file.

    Attributes:
        names: In the file's order.
    """

    def __init__(self, segments: list[_Segment], layers: np.ndarray, grid: np.ndarray) -> None:
        """Take what was read: layers (k, j, i, layer) on a grid float64 (4, 4), voxel indices to RAS in mm."""
        self._segments = {one.name: one for one in segments}
        self._layers = layers
        self._grid = grid
        self.names = tuple(self._segments)

    def put(
        self,
        name: str,
        segmentation: slicer.vtkMRMLSegmentationNode,
        volume: slicer.vtkMRMLScalarVolumeNode,
        segment_ids: Mapping[str, str],
    ) -> str:
        """Put a segment into a segmentation node; one of the same name is replaced, and the others stay.

        Args:
            name: Of the segment in the file.
            segmentation: Where it goes; any parent transform.
            volume: On whose file's grid, or a part of it, the file is.
            segment_ids: Segments that have another name by now, by their names in the file.

        Returns:
            Its ID there.
        """
        content, segment = segmentation.GetSegmentation(), self._segments[name]
        segment_id = segment_ids.get(name) or content.GetSegmentIdBySegmentName(name)
        if not segment_id or content.GetSegment(segment_id) is None:
            segment_id = content.GetSegmentIdBySegmentName(name)
        if not segment_id:
            segment_id = _add(content, segment)
        mask = CroppedMask.of(self._layers[..., segment.layer] == segment.label)
        offset = (np.linalg.inv(file_ijk_to_ras(volume)) @ self._grid)[:3, 3][::-1]
        first = tuple(round(float(part)) + one for part, one in zip(offset, mask.first, strict=True))
        labelmap = labelmap_of(mask.voxels, first, ijk_to_ras(volume))
        move(labelmap, volume, segmentation)
        put_labelmap(segmentation, segment_id, labelmap)
        return str(segment_id)


def reading_segments(file: Path) -> Generator[None, None, SegmentsInFile]:
    """Read a file, `PIECE_BYTES` of its voxels at a time.

    Raises:
        SceneError: It cannot be read.
    """
    try:
        with file.open("rb") as stream:
            fields, pairs = _header(stream)
            kind = _TYPES[fields["type"]]
            sizes = [int(part) for part in fields["sizes"].split()]
            count = sizes[0] if len(sizes) == 4 else 1
            shape = (*sizes[:-4:-1], count)
            found = np.zeros(int(np.prod(shape)) * kind.itemsize, np.uint8)
            packed = fields["encoding"] in ("gzip", "gz")
            source: Any = gzip.GzipFile(fileobj=stream) if packed else stream
            done = 0
            while done < len(found):
                piece = read_piece(source, min(PIECE_BYTES, len(found) - done))
                found[done : done + len(piece)] = np.frombuffer(piece, np.uint8)
                done += len(piece)
                yield
        grid = _grid(fields, len(sizes) == 4)
        return SegmentsInFile(_segments(pairs), found.view(kind).reshape(shape), grid)
    except _DAMAGED as error:
        raise SceneError(
            _("The result '{file}' could not be read. Press Segment again.").format(file=file.name)
        ) from error


def read_piece(source: IO[bytes], size: int) -> bytes:
    """The next bytes of a file, at most so many.

    Raises:
        EOFError: There are none.
    """
    piece = source.read(size)
    if not piece:
        raise EOFError("the file is cut short")
    return piece


def _add(content: slicer.vtkSegmentation, segment: _Segment) -> str:
    """A new segment without voxels; its ID."""
    made = slicer.vtkSegment()
    made.SetName(segment.name)
    made.SetNameAutoGenerated(False)
    made.SetColor(*segment.color)
    made.SetColorAutoGenerated(False)
    if segment.terminology:
        made.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), segment.terminology)
    content.AddSegment(made)
    return str(content.GetSegmentIdBySegment(made))


def _header(stream: IO[bytes]) -> tuple[dict[str, str], dict[str, str]]:
    """The fields of a NRRD file's header, and its key/value pairs; the voxels come next."""
    if not stream.readline().startswith(b"NRRD"):
        raise ValueError("no NRRD file")
    fields: dict[str, str] = {}
    pairs: dict[str, str] = {}
    while line := stream.readline().decode("utf-8").rstrip("\r\n"):
        key, separator, text = line.partition(":=")
        if separator:
            pairs[key] = text.replace("\\\\", "\0").replace("\\n", "\n").replace("\0", "\\")
        elif not line.startswith("#"):
            key, _separator, text = line.partition(":")
            fields[key.strip().lower()] = text.strip()
    return fields, pairs


def _segments(pairs: Mapping[str, str]) -> list[_Segment]:
    found = []
    while f"Segment{len(found)}_Name" in pairs:
        prefix = f"Segment{len(found)}_"
        tags = dict(tag.strip().partition(":")[::2] for tag in pairs.get(f"{prefix}Tags", "").split("|"))
        red, green, blue = (float(part) for part in pairs[f"{prefix}Color"].split())
        found.append(
            _Segment(
                pairs[f"{prefix}Name"],
                (red, green, blue),
                tags.get(slicer.vtkSegment.GetTerminologyEntryTagName(), ""),
                int(pairs[f"{prefix}Layer"]),
                int(pairs[f"{prefix}LabelValue"]),
            )
        )
    return found


def _grid(fields: Mapping[str, str], several: bool) -> np.ndarray:
    """Voxel indices to RAS in mm, float64 (4, 4), of a header in LPS."""
    if fields["space"] != "left-posterior-superior":
        raise ValueError(f"the space {fields['space']}")
    vectors = [*fields["space directions"].split()[int(several) :], fields["space origin"]]
    grid = np.eye(4)
    for column, vector in enumerate(vectors):
        grid[:3, column] = [float(part) for part in vector.strip("()").split(",")]
    return np.asarray(ras_from_lps(grid))
