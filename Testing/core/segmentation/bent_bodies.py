"""Bodies with two organs, each bent smoothly in a way of its own."""

from __future__ import annotations

import numpy as np

from RetrievalSAMLib.alignment import Alignment
from RetrievalSAMLib.retrieval.evidence import CaseSlices, MemoryCase
from RetrievalSAMLib.segmentation.spatial_prior.aligned_cases import AlignedCases, aligned_by_image
from RetrievalSAMLib.segmentation.spatial_prior.prior_maps import PlaceMaps
from RetrievalSAMLib.volumes import Geometry, Plane, Segment, Segmentation, Volume
from RetrievalSAMLib.volumes.overlap import dice

SHAPE, SPACING_MM = (24, 64, 64), (3.0, 2.0, 2.0)
ONE, OTHER = 1, 2
HERE = Alignment(np.eye(3), np.zeros(3), 0.9)


def person(seed: int, segments: tuple[int, ...] = (ONE, OTHER), masks_of: int | None = None) -> CaseSlices:
    """A body with two organs, bent smoothly in a way of its own, more than an affine map can follow.

    Args:
        seed: Of the bend; 0 for none.
        segments: That are labelled.
        masks_of: Seed of the person whose masks it has by mistake.
    """

    def shape(bend: int) -> tuple[np.ndarray, dict[int, np.ndarray]]:
        axes = [(np.arange(n) + 0.5) * mm for n, mm in zip(SHAPE, SPACING_MM, strict=True)]
        points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        if bend:
            random = np.random.default_rng(bend)
            waves = random.uniform(0, 2 * np.pi, (3, 3))
            extent = np.array(SHAPE) * SPACING_MM
            parts = [
                5 * np.sin(2 * np.pi * (points[..., axis - 1] / extent[axis - 1] + waves[axis, 0]))
                * np.cos(2 * np.pi * points[..., axis - 2] / extent[axis - 2] + waves[axis, 1])
                for axis in range(3)
            ]  # fmt: skip
            points = points + np.stack(parts, axis=-1)

        def ball(centre: tuple[float, float, float], radii: tuple[float, float, float]) -> np.ndarray:
            return np.linalg.norm((points - np.array(centre)) / np.array(radii), axis=-1) < 1

        image = 300.0 * ball((36, 64, 64), (34, 54, 58)) + 250 * ball((36, 90, 64), (30, 9, 9))
        image += 150 * ball((46, 48, 60), (14, 12, 16))
        drawn = {ONE: ball((34, 62, 38), (18, 15, 12)), OTHER: ball((36, 64, 92), (20, 13, 11))}
        for mask in drawn.values():
            image += 200 * mask
        return image, drawn

    image, masks = shape(seed)
    if masks_of is not None:
        masks = shape(masks_of)[1]
    image += np.random.default_rng(100 + seed).normal(0, 6, SHAPE)
    grid = Geometry((64, 64, 24), SPACING_MM[::-1], (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    drawn = Segmentation.from_masks(
        [Segment(f"Organ {value}", value) for value in segments],
        [masks[value].transpose(2, 1, 0) for value in segments],
        grid,
    )
    volume = Volume(image.round().clip(0).astype(np.int16).transpose(2, 1, 0), grid)
    return CaseSlices.load(MemoryCase("person", volume, drawn, Plane.AXIAL), Plane.AXIAL)


def laid(cases: list[CaseSlices], target: CaseSlices, deformable: bool = True) -> AlignedCases:
    return aligned_by_image(
        range(len(cases)), cases.__getitem__, target.stack, (ONE, OTHER), lambda *_: None, deformable=deformable
    )


def worth(place: PlaceMaps | None, target: CaseSlices, value: int) -> float:
    """Dice of the mean mask, cut at a half."""
    assert place is not None
    rows = [place.mean(value, index) for index in range(place.shape[0])]
    mean = np.stack([np.zeros(place.shape[1:]) if row is None else row for row in rows])
    layer, label = target.labels[value]
    return dice(mean > 0.5, layer == label)
