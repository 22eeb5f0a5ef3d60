"""Dice, surface distances in mm and volume differences of whole volumes, empty slices included.

Definitions (Maier-Hein et al., "Metrics reloaded", Nature Methods 21, 2024, and the pitfalls in Reinke et
al., same volume). With the prediction P and the reference R as sets of voxels:

- *Dice* = 2 |P n R| / (|P| + |R|).
- The *surface* S(P) is the set of voxels of P that share a face with a voxel outside P; what lies outside the
  volume counts as outside P. An axis with a single voxel has no faces to share: a one-slice volume is judged
  by its outline.
- d(a, S) is the distance in mm between the centre of voxel a and that of the nearest voxel of S, voxel
  spacing included.
- *HD95* = max(P95 of d(p, S(R)) over p in S(P), P95 of d(r, S(P)) over r in S(R)): the larger of the two
  directed 95th percentiles, each interpolated linearly, as in Metrics Reloaded and MONAI. Other programs pool
  both sets of distances before they take the percentile, which gives another number.
- *ASSD* = (sum of d(p, S(R)) over S(P) + sum of d(r, S(P)) over S(R)) / (|S(P)| + |S(R)|).
- *Volume difference* = volume of P - volume of R; in percent, of the volume of R.

Empty masks: where both are empty the structure is rightly absent: Dice 1, volume difference 0 mm3 and 0 %,
and no distances (None). Where one is empty: Dice 0, no distances (None); where R is the empty one, no
percentage (None). A mean over segments must leave the None values out and say how many there were.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from RetrievalSAMLib.volumes.fitting import OWN, GridChoice, fit_to_grid
from RetrievalSAMLib.volumes.geometry import Geometry
from RetrievalSAMLib.volumes.overlap import dice
from RetrievalSAMLib.volumes.volume import Segment, Segmentation

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class SegmentScores:
    """How one segment of a prediction compares with the reference.

    Attributes:
        name: The segment's name (the reference's, where it has the segment).
        value: Its value (likewise).
        dice: 0..1.
        hd95_mm: 95th percentile of the Hausdorff distance; None where a mask is empty.
        assd_mm: Average symmetric surface distance; None where a mask is empty.
        volume_difference_mm3: Prediction minus reference.
        volume_difference_percent: The same in percent of the reference; None where only the reference is
            empty.
        prediction_volume_mm3: Volume of the prediction's mask.
        reference_volume_mm3: Volume of the reference's mask.
    """

    name: str
    value: int
    dice: float
    hd95_mm: float | None
    assd_mm: float | None
    volume_difference_mm3: float
    volume_difference_percent: float | None
    prediction_volume_mm3: float
    reference_volume_mm3: float


def evaluate(
    prediction: Segmentation,
    reference: Segmentation,
    *,
    prediction_name: str = "the prediction",
    reference_name: str = "the reference",
    grid: GridChoice = OWN,
) -> list[SegmentScores]:
    """Compare two segmentations of one volume, segment by segment.

    Args:
        prediction: What is judged.
        reference: What is taken as true; on the same grid, but for the order of the axes.
        prediction_name: The prediction's name for messages (a file as typed).
        reference_name: The reference's name for messages.
        grid: As for `fit_to_grid`, of the prediction.

    Returns:
        Scores of every segment that either of the two has, the reference's first, in its order. A segment
        that one of them lacks counts as empty there.

    Raises:
        InputError: The grids differ.
    """
    prediction = fit_to_grid(prediction, prediction_name, reference.geometry, reference_name, grid, cropped=False)
    absent = np.zeros(reference.geometry.size, dtype=bool)
    scores = []
    for predicted, true in match_segments(prediction, reference):
        known = reference.segments[true] if true is not None else prediction.segments[predicted or 0]
        scores.append(
            score_masks(
                absent if predicted is None else prediction.mask(predicted),
                absent if true is None else reference.mask(true),
                reference.geometry,
                name=known.name,
                value=known.value,
            )
        )
    return scores


def score_masks(
    prediction: Mask, reference: Mask, geometry: Geometry, *, name: str = "", value: int = 1
) -> SegmentScores:
    """Compare two masks of one structure.

    Args:
        prediction: (i, j, k) bool.
        reference: (i, j, k) bool.
        geometry: The grid of both.
        name: Name of the structure, for the result.
        value: Its value, for the result.
    """
    predicted_mm3 = float(np.count_nonzero(prediction) * geometry.voxel_volume_mm3)
    true_mm3 = float(np.count_nonzero(reference) * geometry.voxel_volume_mm3)
    difference_mm3 = predicted_mm3 - true_mm3
    distances = surface_distances(prediction, reference, geometry.spacing_mm)
    return SegmentScores(
        name=name,
        value=value,
        dice=dice(prediction, reference),
        hd95_mm=None if distances is None else distances.hausdorff_mm(95.0),
        assd_mm=None if distances is None else distances.average_mm(),
        volume_difference_mm3=difference_mm3,
        volume_difference_percent=_percent(difference_mm3, true_mm3),
        prediction_volume_mm3=predicted_mm3,
        reference_volume_mm3=true_mm3,
    )


@dataclass(frozen=True)
class SurfaceDistances:
    """Distances between the surfaces of two masks, in mm, one for every voxel of a surface.

    Attributes:
        to_reference_mm: From the prediction's surface to the nearest voxel of the reference's.
        to_prediction_mm: From the reference's surface to the nearest voxel of the prediction's.
    """

    to_reference_mm: NDArray[np.float64]
    to_prediction_mm: NDArray[np.float64]

    def hausdorff_mm(self, percentile: float = 100.0) -> float:
        """The larger of the two directed distances at a percentile; 100 is the Hausdorff distance."""
        return float(
            max(
                np.percentile(self.to_reference_mm, percentile),
                np.percentile(self.to_prediction_mm, percentile),
            )
        )

    def average_mm(self) -> float:
        """ASSD: the mean over the voxels of both surfaces."""
        count = self.to_reference_mm.size + self.to_prediction_mm.size
        return float((self.to_reference_mm.sum() + self.to_prediction_mm.sum()) / count)


def surface_distances(
    prediction: Mask, reference: Mask, spacing_mm: tuple[float, float, float]
) -> SurfaceDistances | None:
    """Distances between the surfaces of two masks of one shape; None where a mask is empty.

    Args:
        prediction: (i, j, k) bool.
        reference: (i, j, k) bool.
        spacing_mm: Distance between voxel centres along i, j and k.
    """
    if not prediction.any() or not reference.any():
        return None
    flat = tuple(size == 1 for size in prediction.shape)
    # Both surfaces lie within the box around the two masks, so the distances inside it are those of the whole
    # volume.
    (box,) = ndimage.find_objects((prediction | reference).astype(np.uint8))
    predicted_surface = _surface(prediction[box], flat)
    true_surface = _surface(reference[box], flat)
    return SurfaceDistances(
        to_reference_mm=_distances_to(true_surface, spacing_mm)[predicted_surface],
        to_prediction_mm=_distances_to(predicted_surface, spacing_mm)[true_surface],
    )


def match_segments(prediction: Segmentation, reference: Segmentation) -> list[tuple[int | None, int | None]]:
    """Pair the segments of two segmentations.

    Segments are one where code and name agree; else where the name does; else where the code does. A segment
    without a name of its own, as from a plain label map, is the one of its value.

    Returns:
        (index in the prediction, index in the reference), None where one has no such segment: all of the
        reference's in their order, then those that only the prediction has.
    """
    free = list(range(len(prediction.segments)))
    pairs: dict[int, int] = {}
    for same in (_same_key_and_name, _same_name, _same_key, _same_value):
        for true, segment in enumerate(reference.segments):
            if true in pairs:
                continue
            found = next((index for index in free if same(prediction.segments[index], segment)), None)
            if found is not None:
                pairs[true] = found
                free.remove(found)
    return [(pairs.get(true), true) for true in range(len(reference.segments))] + [(index, None) for index in free]


def _same_key_and_name(one: Segment, other: Segment) -> bool:
    return _same_key(one, other) and _same_name(one, other)


def _same_name(one: Segment, other: Segment) -> bool:
    return " ".join(one.name.split()).casefold() == " ".join(other.name.split()).casefold()


def _same_key(one: Segment, other: Segment) -> bool:
    return one.key == other.key


def _same_value(one: Segment, other: Segment) -> bool:
    unnamed = any(segment.name == f"segment_{segment.value}" for segment in (one, other))
    return unnamed and one.value == other.value


def _surface(mask: Mask, flat: tuple[bool, ...]) -> Mask:
    """The voxels of a mask that share a face with a voxel outside it (or outside the array)."""
    faces = ndimage.generate_binary_structure(3, 1)
    for axis in np.flatnonzero(flat):
        faces = np.take(faces, [1], axis=int(axis))
    inside: Mask = ndimage.binary_erosion(mask, faces, border_value=0)
    return mask & ~inside


def _distances_to(surface: Mask, spacing_mm: tuple[float, float, float]) -> NDArray[np.float64]:
    distances: NDArray[np.float64] = ndimage.distance_transform_edt(~surface, sampling=spacing_mm)
    return distances


def _percent(difference: float, whole: float) -> float | None:
    if whole == 0.0:
        return 0.0 if difference == 0.0 else None
    return 100.0 * difference / whole
