"""What retrieval needs to know of a case: its embeddings, and which slice shows how much of which segment."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ..alignment.transform import stack_extent_mm, stack_places_mm
from ..library.format import CaseSegment
from ..volumes import Plane, Segmentation, SliceStack, Volume, check_same_grid, choose_plane

if TYPE_CHECKING:
    from .embedding import SliceEmbedder


class SupportCase(Protocol):
    """An annotated volume that can be loaded: a case of a library, or one held in memory."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def content_hash(self) -> str: ...  # noqa: D102
    @property
    def plane(self) -> Plane: ...  # noqa: D102
    @property
    def segments(self) -> tuple[CaseSegment, ...]: ...  # noqa: D102
    def load_image(self) -> Volume: ...  # noqa: D102
    def load_segmentation(self) -> Segmentation: ...  # noqa: D102


@dataclass(frozen=True)
class MemoryCase:
    """A support case held in memory.

    Attributes:
        name: As reports call it.
        image: The volume.
        segmentation: On the same grid.
        sliced_along: The plane in which it is sliced; chosen by the grid unless given.
        annotated_slices: For values of segments that were drawn in some slices only: indices along the sliced
            axis of the grid.
    """

    name: str
    image: Volume
    segmentation: Segmentation
    sliced_along: Plane | None = None
    annotated_slices: Mapping[int, Sequence[int]] | None = None

    def __post_init__(self) -> None:
        check_same_grid(self.image.geometry, "image", self.segmentation.geometry, "segmentation")

    @property
    def plane(self) -> Plane:
        """The plane in which it is sliced."""
        return self.sliced_along or choose_plane(self.image.geometry)

    @cached_property
    def content_hash(self) -> str:
        """Hash over image and segmentation."""
        both = self.image.content_hash() + self.segmentation.content_hash()
        return hashlib.sha256(both.encode()).hexdigest()

    @property
    def segments(self) -> tuple[CaseSegment, ...]:
        """The segments, with the slices in which they were drawn."""
        drawn = self.annotated_slices or {}
        return tuple(
            CaseSegment(
                name=s.name,
                value=s.value,
                color=s.color,
                terminology=s.terminology,
                annotated_slices=tuple(drawn[s.value]) if s.value in drawn else None,
            )
            for s in self.segmentation.segments
        )

    def load_image(self) -> Volume:
        """The image."""
        return self.image

    def load_segmentation(self) -> Segmentation:
        """The segmentation."""
        return self.segmentation


@dataclass(frozen=True)
class CaseSlices:
    """A loaded case, cut along the plane of the run. Masks are made when asked for: a view costs no memory.

    Attributes:
        stack: Its n slices.
        labels: By segment value, the layer (n, h, w) that holds the segment, in the stack's orientation, and its
            label there.
        annotated: By segment value, (n,) bool: the slices whose mask says something, presence or absence.
    """

    stack: SliceStack
    labels: Mapping[int, tuple[np.ndarray, int]]
    annotated: Mapping[int, np.ndarray]

    @classmethod
    def load(cls, case: SupportCase, plane: Plane) -> CaseSlices:
        """Read a case and slice it along ``plane``.

        Slices that were annotated along another plane than this one do not cover whole slices of it: such a
        segment is then annotated nowhere.
        """
        stack = SliceStack.of(case.load_image(), plane)
        segmentation = case.load_segmentation()
        layers = [stack.frame.to_slices(layer) for layer in segmentation.layers]
        labels, annotated = {}, {}
        for index, segment in enumerate(case.segments):
            labels[segment.value] = (layers[segmentation.layer_of[index]], segmentation.label_of[index])
            known = np.ones(len(stack), dtype=bool)
            if segment.annotated_slices is not None:
                known[:] = False
                if case.plane == plane:
                    known[[stack.frame.slice_index(i) for i in segment.annotated_slices]] = True
            annotated[segment.value] = known
        return cls(stack, labels, annotated)

    def backwards(self) -> CaseSlices:
        """The same slices in the reverse order, as if the header told the wrong one."""
        return CaseSlices(
            replace(self.stack, voxels=self.stack.voxels[::-1]),
            {value: (layer[::-1], label) for value, (layer, label) in self.labels.items()},
            {value: known[::-1] for value, known in self.annotated.items()},
        )

    def mask(self, value: int, index: int) -> np.ndarray:
        """Mask (h, w) bool of a segment in one slice; empty where the case does not have the segment."""
        if value not in self.labels:
            return np.zeros(self.stack.frame.shape[1:], dtype=bool)
        layer, label = self.labels[value]
        mask: np.ndarray = layer[index] == label
        return mask

    def has(self, value: int) -> bool:
        """Whether any voxel of the case belongs to the segment."""
        layer, label = self.labels.get(value, (None, 0))
        return layer is not None and bool((layer == label).any())

    def places_mm(self, values: Sequence[int]) -> np.ndarray:
        """Places (slices, rows, columns) in mm of the voxels of some segments, float (m, 3)."""
        found = np.zeros(self.stack.frame.shape, dtype=bool)
        for value in values:
            if value in self.labels:
                layer, label = self.labels[value]
                found |= layer == label
        return stack_places_mm(self.stack, found)


@dataclass(frozen=True)
class CaseEvidence:
    """What the slices of a case say, without its pixels.

    Attributes:
        embeddings: float32 (n, d), unit rows.
        position: float32 (n,), place along the stack in [0, 1].
        file_index: int (n,), index of each slice along the sliced axis of the case's file.
        values: The segments' values.
        areas_mm2: float32 (n, len(values)): area of each segment, NaN where it is not annotated.
        overlapping: Values of segments that share voxels with another one.
        extent_mm: float64 (3,): extent of the stack along slices, rows and columns.
    """

    embeddings: np.ndarray
    position: np.ndarray
    file_index: np.ndarray
    values: tuple[int, ...]
    areas_mm2: np.ndarray
    overlapping: tuple[int, ...]
    extent_mm: np.ndarray

    def backwards(self) -> CaseEvidence:
        """Of the same slices in the reverse order, see `CaseSlices.backwards`."""
        return replace(
            self, embeddings=self.embeddings[::-1], file_index=self.file_index[::-1], areas_mm2=self.areas_mm2[::-1]
        )

    @classmethod
    def of(cls, slices: CaseSlices, embedder: SliceEmbedder) -> CaseEvidence:
        """Gather the evidence of a loaded case."""
        stack, values = slices.stack, tuple(slices.labels)
        pixel = stack.spacing_mm[0] * stack.spacing_mm[1]
        areas = np.full((len(stack), len(values)), np.nan, dtype=np.float32)
        overlapping: set[int] = set()
        for index in range(len(stack)):
            masks = {value: slices.mask(value, index) for value in values}
            for column, value in enumerate(values):
                if slices.annotated[value][index]:
                    areas[index, column] = masks[value].sum() * pixel
            shared = np.sum([*masks.values()], axis=0) > 1
            if shared.any():
                overlapping.update(value for value, mask in masks.items() if (mask & shared).any())
        return cls(
            embeddings=embedder.embed(stack),
            position=np.array([stack.frame.slice_position(i) for i in range(len(stack))], dtype=np.float32),
            file_index=np.array([stack.frame.file_index(i) for i in range(len(stack))]),
            values=values,
            areas_mm2=areas,
            overlapping=tuple(sorted(overlapping)),
            extent_mm=stack_extent_mm(stack),
        )


def content_key(case: SupportCase, plane: Plane) -> str:
    """What a case gives to a run besides the encoder, as a hash: voxels, plane, and which slices were annotated."""
    annotated = [(s.value, s.annotated_slices) for s in case.segments]
    return hashlib.sha256(f"{case.content_hash} {case.plane} {plane} {annotated}".encode()).hexdigest()[:40]
