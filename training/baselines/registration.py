"""Multi-atlas label fusion: every support case is registered to the target, and the carried labels vote.

Rigid, affine, then B-spline (free-form deformation, Rueckert et al., IEEE TMI 18, 1999) by intensities, coarse to fine.
Levels are given in voxels and distances in mm on the images' own grids, so that thick slices need no case of their own:
a level shrinks an axis only as far as it is finer than the others, and control points stand no closer along it than its
slices can tell. The settings were chosen on the tune cases of splits.json.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from RetrievalSAMLib.library.segments import merge_segments
from RetrievalSAMLib.retrieval.evidence import SupportCase
from RetrievalSAMLib.volumes import Geometry, Segmentation, Volume, normalise

_LEAST_VOXELS = 4
"""A level keeps so many voxels along an axis, where the image has them: metrics and splines need neighbours."""

_TISSUE = 0.05
"""Normalised intensities above this are no air; around them, two voxels wide, intensities are compared."""

_SHRINK = 0.7
"""Steps of the linear stages get shorter by this factor where the metric's gradient turns."""

_OVERLAP_KEPT = 0.7
"""A stage that loses more than the rest of the overlap ran away, for mutual information does not see what it lost."""

_Linear = sitk.Euler3DTransform | sitk.AffineTransform


@dataclass(frozen=True)
class RegistrationSettings:
    """How a pair is registered. The voxels bound its time, whatever the size of the images.

    Attributes:
        linear_voxels: The target has at most so many voxels in the rigid stage and in both affine ones.
        linear_samples: Voxels that their mutual information is estimated from.
        linear_iterations: Of each of them, at most.
        step: Length of their first step, as a part of the level's coarsest spacing.
        spline_voxels: The same for the levels of the B-spline.
        spline_samples: Voxels that its correlation is estimated from.
        spline_iterations: Of each level, at most.
        control_intervals: Between the control points along the longest side, by level.
        voxels_per_interval: Control points stand at least so many voxels apart, along every axis.
        seed: Of the samples; 0 would be the time of day.
    """

    linear_voxels: tuple[int, int, int] = (30_000, 30_000, 100_000)
    linear_samples: int = 20_000
    linear_iterations: int = 100
    step: float = 0.5
    spline_voxels: tuple[int, ...] = (20_000, 50_000)
    spline_samples: tuple[int, ...] = (8_000, 15_000)
    spline_iterations: int = 20
    control_intervals: tuple[int, ...] = (4, 8)
    voxels_per_interval: float = 3.0
    seed: int = 1


def register_cases(
    target: Volume, cases: Sequence[SupportCase], settings: RegistrationSettings | None = None
) -> Segmentation:
    """Segment a volume by the vote of the cases that were registered to it.

    Every case has one vote a voxel, which linear interpolation may divide between segments; the greatest sum wins.
    A case without a segment votes against it. Segments do not overlap in the result.
    """
    settings = settings or RegistrationSettings()
    segments = merge_segments((case.name, case.segments) for case in cases)
    fixed = as_image(normalise(target), target.geometry)
    votes = np.zeros((len(segments) + 1, *target.geometry.size), dtype=np.float32)
    with one_thread():
        for case in cases:
            volume, labels = case.load_image(), case.load_segmentation()
            transform = register(fixed, as_image(normalise(volume), volume.geometry), settings)
            own = {segment.value: index for index, segment in enumerate(labels.segments)}
            for number, segment in enumerate(segments, start=1):
                if segment.value in own:
                    mask = as_image(labels.mask(own[segment.value]).astype(np.float32), labels.geometry)
                    votes[number] += sitk.GetArrayFromImage(_carried(mask, fixed, transform)).T
    votes[0] = len(cases) - votes[1:].sum(axis=0)
    winner = votes.argmax(axis=0)
    return Segmentation.from_masks(segments, (winner == n for n in range(1, len(votes))), target.geometry)


def register(fixed: sitk.Image, moving: sitk.Image, settings: RegistrationSettings) -> sitk.Transform:
    """What maps points of the target to points of the case, both images normalised to [0, 1]."""
    return _splines(fixed, moving, _affine(fixed, moving, settings), settings)


@contextmanager
def one_thread() -> Iterator[None]:
    """SimpleITK on one thread inside: sums over threads would make results depend on the machine."""
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def as_image(voxels: np.ndarray, geometry: Geometry) -> sitk.Image:
    """Voxels (i, j, k) on their grid, as SimpleITK has them."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(voxels.T))
    image.SetSpacing(geometry.spacing_mm)
    image.SetOrigin(geometry.origin_mm)
    image.SetDirection(geometry.direction)
    return image


def _carried(moving: sitk.Image, fixed: sitk.Image, transform: sitk.Transform) -> sitk.Image:
    """An image of the case on the target's grid; 0 where the case shows nothing."""
    return sitk.Resample(moving, fixed, transform, sitk.sitkLinear, 0.0, sitk.sitkFloat32)


def _extent_mm(image: sitk.Image) -> np.ndarray:
    return np.array(image.GetSize()) * np.array(image.GetSpacing())


def _level_mm(image: sitk.Image, most_voxels: int) -> float:
    """The spacing in mm to which finer axes must be brought so that an image has at most so many voxels."""
    spacing, extent = np.array(image.GetSpacing()), _extent_mm(image)
    level = float(spacing.min())
    while np.prod(extent / np.maximum(spacing, level)) > most_voxels:
        level *= 1.05
    return level


def _at_level(image: sitk.Image, level_mm: float) -> sitk.Image:
    """The image with every finer axis brought to about ``level_mm``, smoothed first so that nothing aliases."""
    size, spacing = np.array(image.GetSize()), np.array(image.GetSpacing())
    least = np.minimum(size, _LEAST_VOXELS)
    coarse = np.maximum(np.rint(size * spacing / np.maximum(spacing, level_mm)), least).astype(int)
    coarse_mm = size * spacing / coarse
    for axis in np.flatnonzero(coarse < size):
        # Together with the voxel itself as wide as a voxel of the level: variances of boxes add up.
        sigma_mm = float(np.sqrt((coarse_mm[axis] ** 2 - spacing[axis] ** 2) / 12))
        image = sitk.RecursiveGaussian(image, sigma_mm, False, sitk.RecursiveGaussianImageFilter.ZeroOrder, int(axis))
    # The outer faces stay where they are, so the centre of the first voxel moves.
    first = image.TransformContinuousIndexToPhysicalPoint(((coarse_mm / spacing - 1) / 2).tolist())
    grid = ([int(n) for n in coarse], sitk.Transform(), sitk.sitkLinear, first, coarse_mm.tolist())
    return sitk.Resample(image, *grid, image.GetDirection(), 0.0, sitk.sitkFloat32)


def _centre_mm(image: sitk.Image) -> np.ndarray:
    """LPS position of the middle of the grid."""
    return np.array(image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()]))


def _mass_centre_mm(image: sitk.Image) -> np.ndarray:
    """LPS position of the centre of mass of the intensities."""
    mass = sitk.GetArrayFromImage(image).T.astype(np.float64)
    if mass.sum() <= 0:
        return _centre_mm(image)
    index = [float(np.average(np.indices((n,))[0], weights=mass.sum(axis=others))) for n, others in _axes(mass.shape)]
    return np.array(image.TransformContinuousIndexToPhysicalPoint(index))


def _axes(shape: tuple[int, ...]) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Every axis' length, with the numbers of the other axes."""
    for axis, length in enumerate(shape):
        yield length, tuple(other for other in range(len(shape)) if other != axis)


def _starts(fixed: sitk.Image, moving: sitk.Image) -> list[sitk.AffineTransform]:
    """From where to try: grid on grid, mass on mass, and grid stretched to grid.

    The first is right for images that were cropped alike, the second where one shows more of the body on one side, the
    third where spacings were lost.
    """
    centre = _centre_mm(fixed)
    # Extents by axis of the patient (L, P, S), however the files are stored.
    moving_mm, fixed_mm = (
        np.abs(np.array(image.GetDirection()).reshape(3, 3)) @ _extent_mm(image) for image in (moving, fixed)
    )
    middle = _centre_mm(moving) - centre
    mass = _mass_centre_mm(moving) - _mass_centre_mm(fixed)
    return [
        _affine_about(centre, matrix, shift)
        for matrix, shift in ((np.eye(3), middle), (np.eye(3), mass), (np.diag(moving_mm / fixed_mm), middle))
    ]


def _affine_about(centre: np.ndarray, matrix: np.ndarray, shift: np.ndarray) -> sitk.AffineTransform:
    transform = sitk.AffineTransform(3)
    transform.SetCenter(centre.tolist())
    transform.SetMatrix(matrix.ravel().tolist())
    transform.SetTranslation(shift.tolist())
    return transform


def _joined(outer: sitk.AffineTransform, inner: _Linear) -> sitk.AffineTransform:
    """``outer`` after ``inner``, as one affine about the inner's centre."""
    centre = np.array(inner.GetCenter())
    matrix = np.array(outer.GetMatrix()).reshape(3, 3) @ np.array(inner.GetMatrix()).reshape(3, 3)
    image = np.array(outer.TransformPoint(inner.TransformPoint(centre.tolist())))
    return _affine_about(centre, matrix, image - centre)


def _affine(fixed: sitk.Image, moving: sitk.Image, settings: RegistrationSettings) -> sitk.AffineTransform:
    """The best of what the starts lead to by a rigid stage, then two affine ones from there."""
    reached: list[sitk.AffineTransform] = []
    stages: tuple[Callable[[], _Linear], ...] = (
        sitk.Euler3DTransform,
        lambda: sitk.AffineTransform(3),
        lambda: sitk.AffineTransform(3),
    )
    for voxels, make in zip(settings.linear_voxels, stages, strict=True):
        level_mm = _level_mm(fixed, voxels)
        coarse, coarse_moving = _at_level(fixed, level_mm), _at_level(moving, level_mm)
        candidates: list[tuple[float, sitk.AffineTransform]] = []
        for start in reached or _starts(coarse, coarse_moving):
            before, overlap = _agreement(coarse, coarse_moving, start)
            candidates.append((before, start))
            moved = _linear_stage(coarse, coarse_moving, start, make(), settings)
            if moved is not None:
                after, overlap_left = _agreement(coarse, coarse_moving, moved)
                if overlap_left >= _OVERLAP_KEPT * overlap:
                    candidates.append((after, moved))
        reached = [max(candidates, key=lambda candidate: candidate[0])[1]]
    return reached[0]


def _agreement(fixed: sitk.Image, moving: sitk.Image, transform: sitk.Transform) -> tuple[float, float]:
    """Correlation where both images show something, and which part of the target that is."""
    seen = _seen(fixed, moving, transform)
    if not seen.any():
        return -1.0, 0.0
    pair = (sitk.GetArrayFromImage(image)[seen] for image in (fixed, _carried(moving, fixed, transform)))
    values = np.stack([v - v.mean() for v in pair]).astype(np.float64)
    norm = float(np.sqrt((values**2).sum(axis=1).prod()))
    return (float((values[0] * values[1]).sum()) / norm if norm > 0 else -1.0), float(seen.mean())


def _seen(fixed: sitk.Image, moving: sitk.Image, transform: sitk.Transform) -> np.ndarray:
    """The voxels (k, j, i) of the target that the case shows."""
    inside: np.ndarray = sitk.GetArrayFromImage(_carried(moving * 0 + 1, fixed, transform)) > 0.99
    return inside


def _compared(fixed: sitk.Image, seen: np.ndarray) -> sitk.Image:
    """Mask of the target's voxels whose intensities are compared: tissue and its surroundings, where they are seen."""
    tissue = sitk.GetArrayFromImage(sitk.BinaryDilate(fixed > _TISSUE, [2, 2, 2])) > 0
    mask = sitk.GetImageFromArray((tissue & seen if (tissue & seen).any() else seen).astype(np.uint8))
    mask.CopyInformation(fixed)
    return mask


def _sampled(mask: sitk.Image, samples: int, settings: RegistrationSettings) -> sitk.ImageRegistrationMethod:
    """A registration of two images at one level that looks at about so many voxels within the mask."""
    method = sitk.ImageRegistrationMethod()
    method.SetMetricFixedMask(mask)
    part = samples / max(1, int(np.count_nonzero(sitk.GetArrayFromImage(mask))))
    if part < 1:
        method.SetMetricSamplingStrategy(method.RANDOM)
        method.SetMetricSamplingPercentage(part, settings.seed)
    method.SetInterpolator(sitk.sitkLinear)
    return method


def _linear_stage(
    fixed: sitk.Image,
    moving: sitk.Image,
    start: sitk.AffineTransform,
    transform: _Linear,
    settings: RegistrationSettings,
) -> sitk.AffineTransform | None:
    """Optimise a rigid or affine transform that comes before ``start``; both as one, or None where it failed."""
    transform.SetCenter(_centre_mm(fixed).tolist())
    everywhere = np.ones(fixed.GetSize()[::-1], dtype=bool)
    method = _sampled(_compared(fixed, everywhere), settings.linear_samples, settings)
    method.SetMetricAsMattesMutualInformation(32)
    method.SetMovingInitialTransform(start)
    method.SetInitialTransform(transform, inPlace=True)
    first_step = settings.step * max(fixed.GetSpacing())
    method.SetOptimizerAsRegularStepGradientDescent(
        first_step, 0.01, settings.linear_iterations, _SHRINK, gradientMagnitudeTolerance=1e-8
    )
    method.SetOptimizerScalesFromPhysicalShift()
    try:
        method.Execute(fixed, moving)
    except RuntimeError:  # no overlap left
        return None
    return _joined(start, transform)


def _splines(
    fixed: sitk.Image, moving: sitk.Image, affine: sitk.AffineTransform, settings: RegistrationSettings
) -> sitk.Transform:
    """The affine with a B-spline of every level before it; a level's image is what the levels so far carried over."""
    total = sitk.CompositeTransform([affine])
    levels = zip(settings.spline_voxels, settings.spline_samples, settings.control_intervals, strict=True)
    for voxels, samples, intervals in levels:
        level_mm = _level_mm(fixed, voxels)
        coarse, coarse_moving = _at_level(fixed, level_mm), _at_level(moving, level_mm)
        seen = _seen(coarse, coarse_moving, total)
        if not seen.any():
            break
        extent = _extent_mm(coarse)
        apart_mm = np.maximum(extent.max() / intervals, settings.voxels_per_interval * np.array(coarse.GetSpacing()))
        mesh = np.maximum(np.rint(extent / apart_mm), 1)
        spline = sitk.BSplineTransformInitializer(coarse, [int(n) for n in mesh], 3)
        # Correlation: support and target are of one modality, and it has a smoother gradient than mutual information.
        method = _sampled(_compared(coarse, seen), samples, settings)
        method.SetMetricAsCorrelation()
        method.SetInitialTransform(spline, inPlace=True)
        method.SetOptimizerAsLBFGSB(
            numberOfIterations=settings.spline_iterations,
            maximumNumberOfFunctionEvaluations=2 * settings.spline_iterations,
        )
        try:
            method.Execute(coarse, _carried(coarse_moving, coarse, total))
        except RuntimeError:  # no overlap left: the levels so far hold
            break
        total.AddTransform(spline)
    return total
