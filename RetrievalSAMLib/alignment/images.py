"""Small images of stacks, at which alignment works."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import torch
import torch.nn.functional as F
from scipy import ndimage

from ..volumes import SliceStack
from .transform import stack_extent_mm

_LONGEST = 128
"""Voxels along the longest side of a small image."""

_KEPT = 4
"""Coarser images of one, and parts of it, that are kept."""

_LEAST_TO_SMOOTH = 4


@dataclass(frozen=True)
class SmallImage:
    """A volume at no more than 128 voxels a side, in stack coordinates.

    Attributes:
        image: SimpleITK float32 image; its physical space is the stack's, with x along columns, y along rows, z along
            slices, in mm from the outer corner of the first voxel.
        extent_mm: float64 (3,) along slices, rows, columns.
    """

    image: sitk.Image
    extent_mm: np.ndarray

    @classmethod
    def of(cls, stack: SliceStack) -> SmallImage:
        """Average a stack's normalised intensities; one slice at a time is in memory."""
        extent = stack_extent_mm(stack)
        shape = [
            min(n, max(1, round(_LONGEST * mm / extent.max()))) for n, mm in zip(stack.frame.shape, extent, strict=True)
        ]
        slices = [
            F.adaptive_avg_pool2d(torch.from_numpy(stack.image(i))[None, None], (shape[1], shape[2]))[0, 0]
            for i in range(len(stack))
        ]
        voxels = F.adaptive_avg_pool1d(torch.stack(slices).flatten(1).T[None], shape[0])[0].T.reshape(shape)
        return cls(_in_space(voxels.numpy(), extent / shape, np.zeros(3)), extent)

    def reversed(self, axes: tuple[int, ...]) -> SmallImage:
        """The same with some axes (0 slices, 1 rows, 2 columns) in the reverse order."""
        voxels = np.flip(sitk.GetArrayFromImage(_own(self.image)), axes)
        return SmallImage(_in_space(voxels, np.array(self.image.GetSpacing())[::-1], np.zeros(3)), self.extent_mm)

    def coarser(self, step_mm: float) -> sitk.Image:
        """The same at ``step_mm`` a voxel where it is finer than that, smoothed first so that nothing aliases.

        The last few are kept: a target is aligned with many cases, and each case several times.
        """
        return _own(self._coarser(step_mm))

    @functools.cached_property
    def _coarser(self) -> Callable[[float], sitk.Image]:
        return functools.lru_cache(maxsize=_KEPT)(functools.partial(_coarser, self.image))

    def part(self, low_mm: np.ndarray, high_mm: np.ndarray, longest: int) -> sitk.Image:
        """A box, given by corners (slices, rows, columns), at no more than ``longest`` voxels a side."""
        spacing, size = np.array(self.image.GetSpacing()), np.array(self.image.GetSize())
        first = np.clip(np.floor(low_mm[::-1] / spacing).astype(int), 0, size - 1)
        last = np.clip(np.ceil(high_mm[::-1] / spacing).astype(int), first + 1, size)
        return _own(self._part(tuple(first.tolist()), tuple(last.tolist()), longest))

    @functools.cached_property
    def _part(self) -> Callable[[tuple[int, ...], tuple[int, ...], int], sitk.Image]:
        return functools.lru_cache(maxsize=_KEPT)(functools.partial(_part, self.image))


def _own(image: sitk.Image) -> sitk.Image:
    """The same voxels in an object of the caller's own.

    Several threads align with one target, and SimpleITK replaces what is behind an image while its array is asked for:
    another thread that has just begun to read it ends the process.
    """
    return sitk.Image(image)


def _part(image: sitk.Image, first: tuple[int, ...], last: tuple[int, ...], longest: int) -> sitk.Image:
    size = np.array(last) - np.array(first)
    box = sitk.RegionOfInterest(image, size.tolist(), list(first))
    return _coarser(box, float((size * np.array(image.GetSpacing())).max()) / longest)


def _in_space(voxels: np.ndarray, spacing_mm: np.ndarray, corner_mm: np.ndarray) -> sitk.Image:
    image = sitk.GetImageFromArray(np.ascontiguousarray(voxels, dtype=np.float32))
    image.SetSpacing(spacing_mm[::-1].tolist())
    image.SetOrigin((corner_mm + spacing_mm / 2)[::-1].tolist())
    return image


def _coarser(image: sitk.Image, step_mm: float) -> sitk.Image:
    voxels = torch.from_numpy(sitk.GetArrayFromImage(_own(image)))
    spacing = np.array(image.GetSpacing())[::-1]
    corner = np.array(image.GetOrigin())[::-1] - spacing / 2
    extent = spacing * voxels.shape
    shape = [max(1, min(n, round(mm / step_mm))) for n, mm in zip(voxels.shape, extent, strict=True)]
    for count, fewer in zip(voxels.shape, shape, strict=True):
        if fewer < count:
            voxels = torch.tensordot(voxels, torch.from_numpy(_merging(count, fewer)), dims=([0], [1]))
        else:
            voxels = voxels.movedim(0, -1)
    return _in_space(voxels.numpy(), extent / shape, corner)


@functools.lru_cache(maxsize=64)
def _merging(count: int, fewer: int) -> np.ndarray:
    """Weights float32 (fewer, count) that smooth a row of voxels and take linear samples of it.

    A Gaussian of half the wanted voxel in all: what the voxels' own width has of it is left out. Rows of fewer than
    four voxels are not smoothed, and do not alias.
    """
    ratio = count / fewer
    places = np.clip((np.arange(fewer) + 0.5) * ratio - 0.5, 0, count - 1)
    below = np.minimum(places.astype(int), count - 2)
    rows = np.arange(fewer)
    merging = np.zeros((fewer, count))
    merging[rows, below] = below + 1 - places
    merging[rows, below + 1] = places - below
    if count >= _LEAST_TO_SMOOTH:
        # Beyond its ends a row goes on as it ends.
        merging @= ndimage.gaussian_filter1d(np.eye(count), math.sqrt(ratio**2 - 1) / 2, axis=0, mode="nearest")
    return merging.astype(np.float32)
