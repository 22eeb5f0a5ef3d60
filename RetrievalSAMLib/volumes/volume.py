"""Voxels with their grid: images, and segmentations as 3D Slicer understands them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ..errors import InputError
from .geometry import Geometry
from .labels import MAX_VALUE, all_finite, as_labels, is_nameless, label_values

# Slicer gives "Tissue" to every new segment: it says nothing about which structure a segment is.
_GENERIC_TYPES = {"SCT^85756007", "SRT^T-D0050", "DCM^T-D0050"}


@dataclass(frozen=True)
class Volume:
    """An image volume.

    Attributes:
        voxels: (i, j, k) of any real dtype, finite; kept as a read-only view.
        geometry: Its grid; ``geometry.size`` is ``voxels.shape``.
        padding: (i, j, k) bool, where the file has NaN or infinity: there ``voxels`` has the least of the others, and
            no intensity. None where every voxel has one.
        notes: What the user should know of how it was read, a clause each.

    Raises:
        ValueError: If shape and size differ, the dtype is not real, or a voxel is NaN or infinite.
    """

    voxels: np.ndarray
    geometry: Geometry
    padding: np.ndarray | None = None
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "voxels", _checked(self.voxels, self.geometry, "biuf"))
        if self.voxels.dtype.kind == "f" and not all_finite(self.voxels):
            raise ValueError("the volume has voxels that are NaN or infinite")
        if self.padding is not None:
            object.__setattr__(self, "padding", _checked(self.padding, self.geometry, "b"))

    def content_hash(self) -> str:
        """SHA-256 in hex over intensities and grid: the same on every machine, for every byte order.

        Integers hash by value, whatever their width in the file.
        """
        return _content_hash((self.voxels,), self.geometry, b"volume")


@dataclass(frozen=True)
class Segment:
    """One labelled structure.

    Attributes:
        name: What the user calls it.
        value: Its number in a label map, from 1 to 65535; unique in a segmentation.
        color: Red, green, blue from 0 to 1, or None.
        terminology: Slicer's serialised terminology entry
            (``context~category~type~type modifier~anatomic context~region~region modifier``, a code each
            ``scheme^value^meaning``), or None.
    """

    name: str
    value: int
    color: tuple[float, float, float] | None = None
    terminology: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= int(self.value) <= MAX_VALUE:
            raise ValueError(f"segment {self.name!r} has the value {self.value}, not one of 1 to {MAX_VALUE}")
        object.__setattr__(self, "value", int(self.value))
        if self.color is not None:
            object.__setattr__(self, "color", tuple(min(1.0, max(0.0, float(c))) for c in self.color))

    @property
    def key(self) -> str:
        """What makes it the same structure in another segmentation.

        The terminology's codes (category, type, type modifier, anatomic region and its modifier; meanings and
        context names left out) where it has some that say more than Slicer's "Tissue"; else the name without
        case and surrounding blanks.
        """
        codes = _terminology_codes(self.terminology)
        return f"code:{codes}" if codes else f"name:{' '.join(self.name.split()).casefold()}"

    @property
    def value_in_file(self) -> int:
        """The value of a nameless segment in the label map it was read from: another than `value` if renumbered."""
        return int(self.name.removeprefix("segment_")) if is_nameless(self.name) else self.value

    @property
    def is_renumbered(self) -> bool:
        """Whether its value is not the one in its file."""
        return self.value_in_file != self.value


def _terminology_codes(terminology: str | None) -> str | None:
    if not terminology:
        return None
    fields = terminology.split("~")
    if len(fields) < 3:
        return None
    codes = ["^".join(part.strip() for part in field.split("^")[:2]) for field in fields]
    # Fields 0 and 4 name the terminology files, not the structure.
    category, kind, *rest = (codes[i] if i < len(codes) else "^" for i in (1, 2, 3, 5, 6))
    if kind in ("^", "") or (kind in _GENERIC_TYPES and all(code in ("^", "") for code in rest)):
        return None
    return "~".join([category, kind, *("" if code == "^" else code for code in rest)]).rstrip("~")


@dataclass(frozen=True)
class Segmentation:
    """Named segments on a grid, in as many layers as their overlap needs.

    Attributes:
        segments: The segments; their values differ.
        layers: Integer label maps (i, j, k); within one layer segments cannot overlap.
        layer_of: For each segment, the index of its layer.
        label_of: For each segment, its voxel value in that layer (1 or more), which may differ from
            ``Segment.value`` where a file with several layers uses a value twice.
        geometry: The grid.
        notes: What the user should know of how it was read, a clause each.

    Raises:
        ValueError: If the parts do not fit together.
    """

    segments: tuple[Segment, ...]
    layers: tuple[np.ndarray, ...]
    layer_of: tuple[int, ...]
    label_of: tuple[int, ...]
    geometry: Geometry
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        for name in ("segments", "layer_of", "label_of"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        object.__setattr__(self, "layers", tuple(_checked_layer(x, self.geometry) for x in self.layers))
        if not len(self.segments) == len(self.layer_of) == len(self.label_of):
            raise ValueError("segments, layer_of and label_of differ in length")
        if len({segment.value for segment in self.segments}) != len(self.segments):
            raise ValueError(f"two segments share a value: {[segment.value for segment in self.segments]}")
        places = set(zip(self.layer_of, self.label_of, strict=True))
        if len(places) != len(self.segments):
            raise ValueError("two segments share a label of one layer")
        if any(not 0 <= layer < len(self.layers) or label < 1 for layer, label in places):
            raise ValueError(f"a segment's layer or label does not exist: {sorted(places)}")

    def with_notes(self, *notes: str) -> Segmentation:
        """The same, with more that the user should know."""
        return replace(self, notes=(*self.notes, *notes))

    @property
    def names(self) -> tuple[str, ...]:
        """The segments' names, in order."""
        return tuple(segment.name for segment in self.segments)

    def index_of(self, segment: Segment | int | str) -> int:
        """Index of a segment given as itself, by index or by name.

        Raises:
            KeyError: If there is no such segment.
        """
        if isinstance(segment, int):
            if 0 <= segment < len(self.segments):
                return segment
        else:
            for index, candidate in enumerate(self.segments):
                if segment in (candidate, candidate.name):
                    return index
        raise KeyError(f"no segment {segment!r} among {', '.join(self.names) or 'none'}")

    def mask(self, segment: Segment | int | str) -> np.ndarray:
        """Voxels (i, j, k), bool, of a segment given as itself, by index (not by value) or by name."""
        index = self.index_of(segment)
        mask: np.ndarray = self.layers[self.layer_of[index]] == self.label_of[index]
        return mask

    @cached_property
    def overlapping(self) -> bool:
        """Whether any voxel belongs to two segments."""
        used = [index for index in range(len(self.layers)) if index in self.layer_of]
        covered = None
        for index in used:
            occupied = self._occupied(index)
            if covered is None:
                covered = occupied
            elif bool((covered & occupied).any()):
                return True
            else:
                covered |= occupied
        return False

    def _occupied(self, layer: int) -> np.ndarray:
        return self._values(layer) > 0

    def _values(self, layer: int) -> np.ndarray:
        """(i, j, k) uint16 in Fortran order: a layer with its labels replaced by the segments' values."""
        voxels = self.layers[layer]
        table = np.zeros(max(int(voxels.max()), *self.label_of, 0) + 1, dtype=np.uint16)
        for segment, of, label in zip(self.segments, self.layer_of, self.label_of, strict=True):
            if of == layer:
                table[label] = segment.value
        return table[voxels.T].T

    def labelmap(self) -> np.ndarray:
        """(i, j, k) uint16 with ``Segment.value`` at each segment's voxels and 0 elsewhere, in Fortran order.

        Raises:
            InputError: If segments overlap, which a plain label map cannot hold.
        """
        if self.overlapping:
            raise InputError(
                "segmentation",
                f"segments overlap ({' and '.join(self._overlapping_names())}) and a plain label map "
                "holds one segment a voxel",
                "Write it as .seg.nrrd, which keeps overlapping segments, or leave one of them out.",
            )
        used = sorted(set(self.layer_of))
        if not used:
            return np.zeros(self.geometry.size, dtype=np.uint16, order="F")
        result = self._values(used[0])
        for layer in used[1:]:
            # Without overlap at most one layer is above 0.
            np.maximum(result, self._values(layer), out=result)
        return result

    def _overlapping_names(self) -> tuple[str, str]:
        for second in range(1, len(self.segments)):
            for first in range(second):
                if self.layer_of[first] != self.layer_of[second] and (self.mask(first) & self.mask(second)).any():
                    return self.segments[first].name, self.segments[second].name
        raise AssertionError("no segments overlap")

    def content_hash(self) -> str:
        """SHA-256 in hex over layers, grid, and the segments' names, values and codes; not colours."""
        extra = "\n".join(
            f"{s.name}\t{s.value}\t{s.terminology}\t{layer}\t{label}"
            for s, layer, label in zip(self.segments, self.layer_of, self.label_of, strict=True)
        )
        return _content_hash(self.layers, self.geometry, b"segmentation" + extra.encode())

    def check_distinct(self, thing: str) -> None:
        """Refuse two segments that are the same structure.

        Args:
            thing: What the user knows the segmentation as, for the message.

        Raises:
            InputError: If two segments have one `Segment.key`.
        """
        seen: dict[str, Segment] = {}
        for segment in self.segments:
            other = seen.setdefault(segment.key, segment)
            if other is not segment:
                by = "terminology code" if segment.key.startswith("code:") else "name"
                raise InputError(
                    thing,
                    f"{other.name!r} ({other.value}) and {segment.name!r} ({segment.value}) have one {by}",
                    "Segments are told apart by their terminology code, else by name: give each its own.",
                )

    @classmethod
    def from_labelmap(
        cls, voxels: np.ndarray, geometry: Geometry, names: Mapping[int, str] | None = None
    ) -> Segmentation:
        """Every value above 0 of a label map as one segment.

        Args:
            voxels: (i, j, k) of an integer dtype, or of floats that hold integers.
            geometry: The grid.
            names: Names by value; a value without one is called ``segment_<value>``. A value named here that
                no voxel has becomes a segment without voxels.

        Raises:
            InputError: If a value is negative, no integer, too large, or there are too many.
        """
        labels = as_labels(voxels, "label map")
        values = label_values(labels)
        named = dict(names or {})
        everything = sorted({*values, *(value for value in named if value > 0)})
        segments = tuple(Segment(named.get(value, f"segment_{value}"), value) for value in everything)
        return cls(segments, (labels,), (0,) * len(segments), tuple(everything), geometry)

    @classmethod
    def from_masks(cls, segments: Sequence[Segment], masks: Iterable[np.ndarray], geometry: Geometry) -> Segmentation:
        """Segments from one mask each, which may overlap: each goes into the first layer that has room.

        Args:
            segments: The segments, with different values.
            masks: For each segment an array (i, j, k), nonzero inside; may be a generator.
            geometry: The grid.
        """
        dtype = np.uint8 if max((s.value for s in segments), default=1) <= 255 else np.uint16
        layers: list[np.ndarray] = [np.zeros(geometry.size, dtype=dtype, order="F")]
        layer_of = []
        for segment, given in zip(segments, masks, strict=True):
            mask = np.asarray(given).astype(bool, copy=False)
            if mask.shape != geometry.size:
                raise ValueError(f"mask of shape {mask.shape} on a grid of size {geometry.size}")
            index = next((n for n, layer in enumerate(layers) if not layer[mask].any()), len(layers))
            if index == len(layers):
                layers.append(np.zeros(geometry.size, dtype=dtype, order="F"))
            layers[index][mask] = segment.value
            layer_of.append(index)
        return cls(tuple(segments), tuple(layers), tuple(layer_of), tuple(s.value for s in segments), geometry)


def _checked(voxels: np.ndarray, geometry: Geometry, kinds: str) -> np.ndarray:
    array = np.asarray(voxels)
    if array.shape != geometry.size:
        raise ValueError(f"voxels of shape {array.shape} on a grid of size {geometry.size}")
    if array.dtype.kind not in kinds:
        raise ValueError(f"voxels of the type {array.dtype}")
    view = array.view()
    view.flags.writeable = False
    return view


def _checked_layer(voxels: np.ndarray, geometry: Geometry) -> np.ndarray:
    layer = _checked(voxels, geometry, "biu")
    if layer.dtype.kind == "b":
        return layer.view(np.uint8)
    if layer.dtype.kind == "i" and layer.min() < 0:
        raise ValueError("a layer has negative labels")
    return layer


def _content_hash(arrays: Sequence[np.ndarray], geometry: Geometry, extra: bytes) -> str:
    digest = hashlib.sha256(extra)
    digest.update(np.array(geometry.size, dtype="<i8").tobytes())
    # Adding zero makes -0.0 and 0.0, which are one place, one hash.
    placed = (*geometry.spacing_mm, *geometry.origin_mm, *geometry.direction)
    digest.update((np.array(placed, dtype="<f8") + 0.0).tobytes())
    for array in arrays:
        canonical = _canonical_dtype(array)
        digest.update(canonical.str.encode())
        # The file's own order, first axis fastest: a slab of the last axis is contiguous as read.
        for slab in np.array_split(array, min(array.shape[2], 16), axis=2):
            digest.update(np.ascontiguousarray(slab.T, dtype=canonical).data)
    return digest.hexdigest()


def _canonical_dtype(array: np.ndarray) -> np.dtype:
    if array.dtype.kind == "f":
        return array.dtype.newbyteorder("<")
    least, most = int(array.min()), int(array.max())
    return next(
        np.dtype(name)
        for name in ("<i2", "<i4", "<i8", "<u8")
        if np.iinfo(name).min <= least and most <= np.iinfo(name).max
    )
