"""Coarse alignment of a case to a target: an affine registration of small images from several starts."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import SimpleITK as sitk

from .images import SmallImage
from .threads import quiet_on_one_thread
from .transform import Alignment, turn_within_slices

_COARSE, _FINE, _REGION = 24, 48, 40
"""Voxels along the longest side: to find the best start, to refine it, and to refine it where the segments lie."""

_STARTS = 3
_ITERATIONS, _RELAXATION = 40, 0.6
_ITERATIONS_TO_TURN, _RELAXATIONS_TO_TURN = 60, (0.6, 0.9)
"""A turn is a long way, on which steps that shrink fast end half way; steps that do not may leave the valley."""

_SAMPLED, _SAMPLED_REGION, _SEED = 0.3, 0.5, 1
"""A gradient is made of this part of the voxels: a third of the time, and correlations within 0.005 of those of all."""
_REGION_MARGIN = 1.3

_STRETCH, _SHEAR = 1.6, 0.4
"""A step may change the scale by this factor at most, and tilt or shear by this much; more is a failure."""

_FEW_SLICES = 16
"""With fewer slices than this, scale and tilt across them cannot be told from the picture."""


def align(target: SmallImage, case: SmallImage, turn_degrees: float = 0.0) -> Alignment:
    """Find the affine map under which the images correlate best.

    Starts are centre on centre and mass centre on mass centre, at the scale in mm and at the ratio of the extents
    (files lose their spacing), independently within the slices and across them. The best few of them are optimised at
    low resolution, the best of these again at twice the resolution. Correlation counts what lies outside the case as
    0, so that a small overlap cannot win.

    Args:
        target: The fixed image.
        case: The moving image.
        turn_degrees: How far every start is turned within the slices.
    """
    with quiet_on_one_thread():
        longest = float(target.extent_mm.max())
        step = longest / _COARSE
        fixed, moving = target.coarser(step), case.coarser(step)
        centres = [(target.extent_mm[::-1] / 2, case.extent_mm[::-1] / 2), (_mass_centre(fixed), _mass_centre(moving))]
        starts = sorted(_starts(target, case, centres, turn_degrees), key=lambda t: -_correlation(fixed, moving, t))
        found = [_optimised(fixed, moving, start, step) for start in starts[:_STARTS]]
        return _finished(target, case, max(found, key=lambda t: _correlation(fixed, moving, t)))


def align_from(start: Alignment, target: SmallImage, case: SmallImage) -> Alignment:
    """Find the affine map near a start under which the images correlate best.

    First turned, moved and scaled as a whole, then affine, then again at twice the resolution: an affine map that
    begins some degrees off settles for shear where a turn is wanted.

    Args:
        start: The start.
        target: The fixed image.
        case: The moving image.
    """
    with quiet_on_one_thread():
        longest = float(target.extent_mm.max())
        step = longest / _COARSE
        fixed, moving = target.coarser(step), case.coarser(step)
        first = _transform(start, target.extent_mm / 2)
        turned = [_turned(fixed, moving, first, step, relaxation) for relaxation in _RELAXATIONS_TO_TURN]
        found = [_optimised(fixed, moving, one, step) for one in turned]
        best = max(found, key=lambda t: _correlation(fixed, moving, t))
        return _finished(target, case, best)


def _finished(target: SmallImage, case: SmallImage, found: sitk.AffineTransform) -> Alignment:
    """What was found at low resolution, optimised at twice that."""
    step = float(target.extent_mm.max()) / _FINE
    fixed, moving = target.coarser(step), case.coarser(step)
    best = _optimised(fixed, moving, found, step)
    return _alignment(best, _correlation(fixed, moving, best))


def refine(
    alignment: Alignment, target: SmallImage, case: SmallImage, low_mm: np.ndarray, high_mm: np.ndarray
) -> Alignment:
    """Improve an alignment for one part of the target: what moves elsewhere must not pull it away.

    Args:
        alignment: To begin with.
        target: The fixed image.
        case: The moving image.
        low_mm: Corner (slices, rows, columns) of the part, in the target.
        high_mm: The opposite corner.

    Returns:
        With the correlation in and around that part.
    """
    with quiet_on_one_thread():
        centre, half = (low_mm + high_mm) / 2, (high_mm - low_mm) / 2 * _REGION_MARGIN
        fixed = target.part(centre - half, centre + half, _REGION)
        step = float(np.max(np.array(fixed.GetSize()) * fixed.GetSpacing())) / _REGION
        moving = case.coarser(step)
        best = _optimised(fixed, moving, _transform(alignment, centre), step, _SAMPLED_REGION)
        return _alignment(best, _correlation(fixed, moving, best))


def centred(target: SmallImage, case: SmallImage, turn_degrees: float = 0.0) -> Alignment:
    """Centre on centre, at the scale in mm or at the ratio of the extents, whichever makes the images more alike.

    For images that cannot be registered. The similarity is that of this alignment.
    """
    with quiet_on_one_thread():
        step = float(target.extent_mm.max()) / _COARSE
        fixed, moving = target.coarser(step), case.coarser(step)
        centre = (target.extent_mm[::-1] / 2, case.extent_mm[::-1] / 2)
        best = max(_starts(target, case, [centre], turn_degrees), key=lambda t: _correlation(fixed, moving, t))
        return _alignment(best, _correlation(fixed, moving, best))


def gained_by_turn(alignment: Alignment, target: SmallImage, case: SmallImage, degrees: float) -> float:
    """By how much the images correlate better than with a turn within the slices taken out of the alignment again.

    Next to nothing where both are round, whatever turn registration came to.

    Args:
        alignment: As they lie.
        target: The fixed image.
        case: The moving image.
        degrees: How far the alignment turns within the slices (rows towards columns, in the case).
    """
    with quiet_on_one_thread():
        step = float(target.extent_mm.max()) / _COARSE
        fixed, moving = target.coarser(step), case.coarser(step)
        cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        matrix = np.array([[1, 0, 0], [0, cosine, sine], [0, -sine, cosine]]) @ alignment.matrix
        middle = _mass_centre(fixed)[::-1]
        back = replace(alignment, matrix=matrix, offset_mm=alignment.to_case(middle) - matrix @ middle)
        now, then = (_correlation(fixed, moving, _transform(one, middle)) for one in (alignment, back))
        return now - then


def _starts(
    target: SmallImage, case: SmallImage, centres: list[tuple[np.ndarray, np.ndarray]], turn_degrees: float
) -> list[sitk.AffineTransform]:
    """Every pair of points (target, case; columns, rows, slices) on each other, at every likely scale."""
    ratio = (case.extent_mm / target.extent_mm)[::-1]
    within = float(np.sqrt(ratio[0] * ratio[1]))
    scales = sorted(set(itertools.product((1.0, within), (1.0, float(ratio[2])))))
    turn = turn_within_slices(turn_degrees)[::-1, ::-1]
    starts = []
    for (in_plane, across), (here, there) in itertools.product(scales, centres):
        start = sitk.AffineTransform(3)
        start.SetCenter(here.tolist())
        start.SetMatrix((np.diag([in_plane, in_plane, across]) @ turn).ravel().tolist())
        start.SetTranslation((there - here).tolist())
        starts.append(start)
    return starts


def _mass_centre(image: sitk.Image) -> np.ndarray:
    voxels = sitk.GetArrayFromImage(image)
    mass = float(voxels.sum())
    if mass <= 0:
        return np.array(image.GetOrigin()) + np.array(image.GetSpacing()) * (np.array(image.GetSize()) - 1) / 2
    index = [
        float((np.arange(n) * voxels.sum(axis=tuple(a for a in range(3) if a != axis))).sum()) / mass
        for axis, n in enumerate(voxels.shape)
    ]
    return np.array(image.TransformContinuousIndexToPhysicalPoint(index[::-1]))


def _optimised(
    fixed: sitk.Image, moving: sitk.Image, start: sitk.AffineTransform, step_mm: float, sampled: float = _SAMPLED
) -> sitk.AffineTransform:
    """The start after gradient descent on the correlation; the start itself where that made it no better."""
    moved = sitk.AffineTransform(start)
    method = _method(step_mm, sampled)
    if _has_few_slices(fixed, moving):
        within = np.ones((3, 3))
        within[2], within[:, 2] = 0.0, 0.0
        method.SetOptimizerWeights([*within.ravel().tolist(), 1.0, 1.0, 1.0])
    method.SetInitialTransform(moved, inPlace=True)
    try:
        method.Execute(fixed, moving)
    except RuntimeError:  # ITK's word for images that have moved apart: this start leads nowhere
        return start
    change = _matrix(moved) @ np.linalg.inv(_matrix(start))
    scale = np.diag(change)
    sane = (scale > 1 / _STRETCH).all() and (scale < _STRETCH).all() and np.abs(change - np.diag(scale)).max() < _SHEAR
    return moved if sane and _correlation(fixed, moving, moved) > _correlation(fixed, moving, start) else start


def _turned(
    fixed: sitk.Image, moving: sitk.Image, start: sitk.AffineTransform, step_mm: float, relaxation: float
) -> sitk.AffineTransform:
    """The start with the target turned, moved and scaled alike in all directions until the images are most alike."""
    change = sitk.Similarity3DTransform()
    change.SetCenter(start.GetCenter())
    method = _method(step_mm, None, _ITERATIONS_TO_TURN, relaxation)
    if _has_few_slices(fixed, moving):
        method.SetOptimizerWeights([0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0])  # turned within the slices, and moved
    method.SetMovingInitialTransform(start)
    method.SetInitialTransform(change, inPlace=True)
    try:
        method.Execute(fixed, moving)
    except RuntimeError:
        return start
    centre = np.array(start.GetCenter())
    there = np.array(start.TransformPoint(change.TransformPoint(start.GetCenter())))
    both = sitk.AffineTransform(start)
    both.SetMatrix((_matrix(start) @ np.array(change.GetMatrix()).reshape(3, 3)).ravel().tolist())
    both.SetTranslation((there - centre).tolist())
    return both if _correlation(fixed, moving, both) > _correlation(fixed, moving, start) else start


def _method(
    step_mm: float, sampled: float | None, iterations: int = _ITERATIONS, relaxation: float = _RELAXATION
) -> sitk.ImageRegistrationMethod:
    """Gradient descent on the correlation of all voxels, or of a part of them; without transform."""
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsCorrelation()
    if sampled is not None:
        # On a regular grid, shaken a little; the seed makes it the same for every run.
        method.SetMetricSamplingStrategy(method.REGULAR)
        method.SetMetricSamplingPercentage(sampled, _SEED)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=step_mm,
        minStep=1e-2 * step_mm,
        numberOfIterations=iterations,
        relaxationFactor=relaxation,
        gradientMagnitudeTolerance=1e-7,
    )
    method.SetOptimizerScalesFromPhysicalShift()
    return method


def _has_few_slices(*images: sitk.Image) -> bool:
    return min(image.GetSize()[2] for image in images) < _FEW_SLICES


def _correlation(fixed: sitk.Image, moving: sitk.Image, transform: sitk.Transform) -> float:
    """Pearson's correlation over all of the fixed image, 0 outside the moving one; -1 where one of them is uniform."""
    here = sitk.GetArrayFromImage(fixed).ravel().astype(float)
    there = sitk.GetArrayFromImage(sitk.Resample(moving, fixed, transform, sitk.sitkLinear, 0.0)).ravel().astype(float)
    here, there = here - here.mean(), there - there.mean()
    scale = float(np.sqrt((here**2).sum() * (there**2).sum()))
    return float(here @ there) / scale if scale > 1e-9 else -1.0


def _matrix(transform: sitk.AffineTransform) -> np.ndarray:
    return np.array(transform.GetMatrix()).reshape(3, 3)


def _alignment(transform: sitk.AffineTransform, similarity: float) -> Alignment:
    matrix, centre = _matrix(transform), np.array(transform.GetCenter())
    offset = centre + np.array(transform.GetTranslation()) - matrix @ centre
    # SimpleITK's x, y, z are columns, rows, slices.
    return Alignment(matrix[::-1, ::-1].copy(), offset[::-1].copy(), similarity)


def _transform(alignment: Alignment, centre_mm: np.ndarray) -> sitk.AffineTransform:
    """The same map, turning about a point of the target: about a far one, angles and shifts are hard to tell apart."""
    transform = sitk.AffineTransform(3)
    transform.SetCenter(centre_mm[::-1].tolist())
    transform.SetMatrix(alignment.matrix[::-1, ::-1].ravel().tolist())
    transform.SetTranslation((alignment.to_case(centre_mm) - centre_mm)[::-1].tolist())
    return transform
