"""Changing some slices of some segments, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from ...volumes import Segmentation, SliceFrame


def painted(
    segmentation: Segmentation,
    frame: SliceFrame,
    masks: Mapping[int, Mapping[int, np.ndarray]],
    free: Collection[int],
) -> Segmentation:
    """A segmentation with new masks in some slices.

    Args:
        segmentation: As it was; all else stays bit for bit as it is here.
        frame: How its grid is sliced.
        masks: By index of the segment, by slice, bool (h, w). Two that do not overlap elsewhere must not do so here.
        free: Indices of segments that may share voxels with others. The others do not get a pixel that a segment has
            which is not changed in that slice, unless the two share voxels already.
    """
    layers = [layer.copy(order="K") for layer in segmentation.layers]
    layer_of, label_of = list(segmentation.layer_of), list(segmentation.label_of)
    for segment, slices in masks.items():
        for index in slices:
            pixels = frame.to_slices(layers[layer_of[segment]])[index]
            pixels[pixels == label_of[segment]] = 0
    for segment, slices in masks.items():
        rivals = [] if segment in free else rivals_of(segmentation, segment, free)
        wanted = {}
        for index, mask in slices.items():
            taken = np.zeros(mask.shape, dtype=bool)
            for rival in rivals:
                if index not in masks.get(rival, {}):
                    taken |= _pixels(segmentation, frame, rival, index)
            wanted[index] = mask & ~taken
        views = frame.to_slices(layers[layer_of[segment]])
        if any((views[index][mask] != 0).any() for index, mask in wanted.items()):
            # Its layer has no room, as the other segment there may overlap it.
            moved = np.zeros_like(layers[layer_of[segment]])
            own = layers[layer_of[segment]] == label_of[segment]
            layers[layer_of[segment]][own] = 0
            moved[own] = label_of[segment]
            layer_of[segment] = len(layers)
            layers.append(moved)
            views = frame.to_slices(moved)
        for index, mask in wanted.items():
            views[index][mask] = label_of[segment]
    return replace(segmentation, layers=tuple(layers), layer_of=tuple(layer_of), label_of=tuple(label_of))


def rivals_of(segmentation: Segmentation, segment: int, free: Collection[int]) -> list[int]:
    """Indices of the segments that one may not share voxels with: of those not free, all that it does not overlap."""
    others = [o for o in range(len(segmentation.segments)) if o != segment and o not in free]
    own = segmentation.layer_of[segment]
    return [
        other
        for other in others
        if segmentation.layer_of[other] == own or not (segmentation.mask(segment) & segmentation.mask(other)).any()
    ]


def _pixels(segmentation: Segmentation, frame: SliceFrame, segment: int, index: int) -> np.ndarray:
    layer = frame.to_slices(segmentation.layers[segmentation.layer_of[segment]])
    pixels: np.ndarray = layer[index] == segmentation.label_of[segment]
    return pixels
