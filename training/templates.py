"""Real annotated volumes as templates for episodes: label shapes, and real images with real textures.

Only the sets that the data's README marks "train or tune" are read here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from skimage.segmentation import slic

from training.episodes import Template

TRAINING_SETS = ("fetal_brain_sba", "sts_ct", "sts_mr_t1", "sts_pet")
SIDE = 80
SUPERVOXELS = (25, 60, 200)


def _cube(image: sitk.Image, centre_mm: np.ndarray, side_mm: float, interpolator: int) -> np.ndarray:
    """Resample a cube of ``side_mm`` about a point into (SIDE, SIDE, SIDE)."""
    spacing = side_mm / SIDE
    origin = centre_mm - spacing * (SIDE - 1) / 2
    resampled = sitk.Resample(
        image,
        [SIDE] * 3,
        sitk.Transform(),
        interpolator,
        origin.tolist(),
        [spacing] * 3,
        np.eye(3).flatten().tolist(),
        0.0,
        sitk.sitkFloat32,
    )
    return sitk.GetArrayFromImage(resampled)


def _label_box(label: sitk.Image) -> tuple[np.ndarray, float]:
    """Centre and longest side in mm of the labelled part."""
    indices = np.argwhere(sitk.GetArrayViewFromImage(label) > 0)[:, ::-1]
    corners = [label.TransformIndexToPhysicalPoint([int(v) for v in c]) for c in (indices.min(0), indices.max(0))]
    low, high = np.minimum(*corners), np.maximum(*corners)
    return (low + high) / 2, float((high - low).max())


def _scaled(voxels: np.ndarray) -> torch.Tensor:
    low, high = np.percentile(voxels, [0.5, 99.5])
    return torch.from_numpy(np.clip((voxels - low) / max(high - low, 1e-6), 0, 1).astype(np.float32))


def _supervoxels(image: torch.Tensor, count: int) -> torch.Tensor:
    """Pseudo-structures of an unlabelled image: about ``count`` compact regions of like intensity (SLIC)."""
    regions = slic(image.numpy(), n_segments=count, compactness=0.05, sigma=1.0, channel_axis=None, start_label=1)
    return torch.from_numpy(regions.astype(np.int64))


def load_templates(data: Path) -> list[Template]:
    """Every training volume as a template, its images also with supervoxels as labels.

    Args:
        data: The folder that holds one folder a set.
    """
    templates = []
    for name in TRAINING_SETS:
        for number, path in enumerate(sorted((data / name).glob("*_image.nii.gz"))):
            image = sitk.ReadImage(str(path), sitk.sitkFloat32)
            label = sitk.ReadImage(str(path).replace("_image", "_label"))
            centre, extent = _label_box(label)
            side = extent * (1.1 if name == "fetal_brain_sba" else 2.2)
            voxels = _scaled(_cube(image, centre, side, sitk.sitkLinear))
            labels = torch.from_numpy(_cube(label, centre, side, sitk.sitkNearestNeighbor).astype(np.int64))
            templates.append(Template(labels, voxels, name if name == "fetal_brain_sba" else f"{path.name}"))
            count = SUPERVOXELS[number % len(SUPERVOXELS)]
            templates.append(Template(_supervoxels(voxels, count), voxels, f"{path.name} {count} supervoxels"))
    return templates
