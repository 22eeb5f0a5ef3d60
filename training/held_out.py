"""Tune tasks made of the pool's held-out sets, for networks that were trained on the others.

A held-out case becomes a few subjects: it is turned, scaled and bent by a smooth field, each time otherwise, and where
it has no image one is painted by tissue. What is asked for is the largest structures of the case. The aligned cases'
masks hide what a network knows, so these tasks are mostly measured with ``place_weight`` 0: see
`training.judge_network`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.volumes import Geometry, Segment, Segmentation, Volume
from training.pool import HELD_OUT, names_of
from training.tissues import tissue_of

SUPPORTS, TARGETS = 3, 2
STRUCTURES = 5
"""Of a case, the largest ones."""

_TURN_DEGREES, _SCALE, _BEND, _KNOTS = 7.0, 0.07, 0.035, 4
"""Standard deviations of turns, of scales along each axis, and of the bend as a part of the volume's longest side."""

_NOISE = 0.03
_BRIGHTNESS = (0.0, 0.1, 0.3, 0.55, 0.8, 0.6, 0.5, 0.65, 0.35, 0.15)
"""Of what is painted, by `Tissue`: about a T1 image with fat suppressed."""


@dataclass(frozen=True)
class Task:
    """Some subjects of one case.

    Attributes:
        name: ``set/case``.
        cases: To segment by.
        targets: To segment, with the truth.
    """

    name: str
    cases: tuple[MemoryCase, ...]
    targets: tuple[MemoryCase, ...]


def held_out_tasks(
    data: Path, sets: Sequence[str] = HELD_OUT, supports: int = SUPPORTS, targets: int = TARGETS
) -> Iterator[Task]:
    """Every case of held-out sets, in the order of their names.

    Args:
        data: The folder that holds ``pool``.
        sets: Their names.
        supports: Subjects to segment by.
        targets: Subjects to segment.
    """
    for name in sorted(sets):
        folder = data / "pool" / name
        for path in sorted(folder.glob("*_label.nii.gz")):
            label = sitk.DICOMOrient(sitk.ReadImage(str(path)), "LPS")
            image_path = path.with_name(path.name.replace("_label", "_image"))
            image = None
            if image_path.exists():
                image = sitk.DICOMOrient(sitk.ReadImage(str(image_path), sitk.sitkFloat32), "LPS")
            case = path.name.removesuffix("_label.nii.gz")
            made = [_subject(number, label, image, names_of(folder)) for number in range(supports + targets)]
            yield Task(f"{name}/{case}", tuple(made[:supports]), tuple(made[supports:]))


def _subject(number: int, label: sitk.Image, image: sitk.Image | None, names: dict[int, str]) -> MemoryCase:
    random = np.random.default_rng(number)
    labels = sitk.GetArrayFromImage(label)
    spacing_mm = np.array(label.GetSpacing()[::-1])
    place = _place(labels.shape, spacing_mm, random)
    moved = ndimage.map_coordinates(labels, place, order=0, mode="constant")
    if image is None:
        brightness = np.array(
            [_BRIGHTNESS[tissue_of(names[v])] if v in names else 0.0 for v in range(labels.max() + 1)]
        )
        # Structures of one tissue differ a little, in all subjects alike.
        brightness += np.random.default_rng(1234).normal(0, 0.06, len(brightness)) * (np.arange(len(brightness)) > 0)
        shown = ndimage.gaussian_filter(brightness[moved], 0.6)
    else:
        voxels = sitk.GetArrayFromImage(image)
        low, high = np.percentile(voxels, [0.5, 99.5])
        scaled = np.clip((voxels - low) / max(high - low, 1e-6), 0, 1)
        shown = ndimage.map_coordinates(scaled, place, order=1, mode="nearest") ** np.exp(random.normal(0, 0.15))
    shown = shown + random.normal(0, _NOISE, shown.shape)
    counts = np.bincount(labels.ravel())
    counts[0] = 0
    largest = [int(v) for v in np.argsort(-counts, kind="stable")[:STRUCTURES] if counts[v]]
    x, y, z = (int(n) for n in label.GetSize())
    a, b, c = label.GetSpacing()
    grid = Geometry((x, y, z), (a, b, c), tuple(label.GetOrigin()), tuple(label.GetDirection()))
    # (z, y, x) -> (x, y, z)
    segments = [Segment(names.get(value, str(value)), value) for value in largest]
    masks = [np.asfortranarray((moved == value).transpose(2, 1, 0)) for value in largest]
    voxels_out = np.asfortranarray((1000 * shown).round().clip(-200, 1200).astype(np.int16).transpose(2, 1, 0))
    return MemoryCase(f"subject-{number}", Volume(voxels_out, grid), Segmentation.from_masks(segments, masks, grid))


def _place(shape: tuple[int, ...], spacing_mm: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Where every voxel of a subject lies in the case, in voxels, float (3, D, H, W)."""
    index = np.indices(shape, dtype=np.float32)
    middle = (np.array(shape) - 1) / 2
    points = (index - middle[:, None, None, None]) * spacing_mm[:, None, None, None]
    matrix = np.diag(np.exp(random.normal(0, _SCALE, 3)))
    for first, second in ((0, 1), (0, 2), (1, 2)):
        angle = np.radians(random.normal(0, _TURN_DEGREES))
        turn = np.eye(3)
        turn[first, first] = turn[second, second] = np.cos(angle)
        turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
        matrix = matrix @ turn
    reach = _BEND * float((np.array(shape) * spacing_mm).max())
    knots = random.normal(0, reach, (3, _KNOTS, _KNOTS, _KNOTS))
    zoom = np.array(shape) / _KNOTS
    bend = np.stack([ndimage.zoom(one, zoom, order=3, mode="nearest", grid_mode=True) for one in knots])
    moved = np.einsum("ij,jdhw->idhw", matrix, points) + bend
    place: np.ndarray = moved / spacing_mm[:, None, None, None] + middle[:, None, None, None]
    return place
