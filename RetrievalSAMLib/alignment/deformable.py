"""Deformable registration: from an affine map to where every part of the body is.

As ConvexAdam does it (Siebert, Hansen and Heinrich, "Fast 3D registration with accurate optimisation and little
learning for Learn2Reg 2021", and "ConvexAdam: Self-Configuring Dual-Optimisation-Based 3D Multitask Medical Image
Registration", IEEE TMI 2024), on MIND-SSC descriptors: first the best of all displacements on a coarse grid, where two
coupled convex problems make them smooth and both directions are made consistent; then gradient descent by Adam, which
is taken up once more at finer voxels.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import torch
import torch.nn.functional as F

from .deformation import Deformation
from .images import SmallImage
from .mind import mind_ssc
from .transform import Alignment

_LONGEST = (64, 96)
"""Voxels along the longest side of the part of the target that is registered: at first, and once more.

With 64 alone the aligned cases' masks lose 1.7 points on fetal brains, 1.0 on heads and 0.6 on trunks.
"""

_FINER = 1.2
"""It is not done once more where voxels would be finer by less than this."""

_MARGIN = 1.3
"""That part, as a multiple of the box around the structures."""

_FEW_SLICES = 16
"""With fewer slices than this, displacements across them cannot be told from the picture."""

_NEIGHBOUR, _CONTROL, _FINE = 2.0, 3.0, 2.0
"""Voxels (of the finest axis) to the neighbours that are compared, between the points of the coarse grid, and between
the points by which Adam moves the image."""

_SEARCH = 3
"""Points of the coarse grid by which a part may be displaced, each way."""

_COUPLING = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Weights of smoothness against likeness in the coarse search, one step after the other (ConvexAdam)."""

_CONSISTENT_STEPS = 15
_ADAM_STEPS, _ADAM_RATE = (15, 8), 1.0
_MOMENTS = (0.9, 0.999)
_SMOOTHNESS = 0.02
"""Weight of the mean squared gradient of the displacement; like the numbers above chosen on tune cases."""


@dataclass(frozen=True)
class _Grid:
    """A box of the target's stack.

    Attributes:
        shape: Voxels along slices, rows, columns.
        corner_mm: float64 (3,).
        spacing_mm: float64 (3,).
    """

    shape: tuple[int, int, int]
    corner_mm: np.ndarray
    spacing_mm: np.ndarray

    @classmethod
    def of(cls, image: sitk.Image) -> _Grid:
        spacing = np.array(image.GetSpacing())[::-1].copy()
        depth, rows, columns = image.GetSize()[::-1]
        return cls((depth, rows, columns), np.array(image.GetOrigin())[::-1] - spacing / 2, spacing)

    @property
    def finest_mm(self) -> float:
        return float(self.spacing_mm.min())

    @property
    def planes_mm(self) -> list[np.ndarray]:
        """Middles of its planes along slices, rows and columns, in stack coordinates of the target."""
        return [
            corner + (np.arange(count) + 0.5) * spacing
            for corner, count, spacing in zip(self.corner_mm, self.shape, self.spacing_mm, strict=True)
        ]

    def voxels(self, of_finest: float) -> list[int]:
        """By axis, how many voxels are as long as so many of the finest axis; at least 1, at most all there are."""
        wanted = np.round(of_finest * self.finest_mm / self.spacing_mm).astype(int)
        return [max(1, min(int(one), count)) for one, count in zip(wanted, self.shape, strict=True)]


def deform(
    target: SmallImage, case: SmallImage, alignment: Alignment, low_mm: np.ndarray, high_mm: np.ndarray
) -> Deformation:
    """Bend an alignment until the images look alike in and around a box of the target.

    Args:
        target: The fixed image.
        case: The moving image.
        alignment: To begin with.
        low_mm: Corner (slices, rows, columns) of the box, in the target.
        high_mm: The opposite corner.
    """
    centre, half = (low_mm + high_mm) / 2, (high_mm - low_mm) / 2 * _MARGIN
    first, finer = (target.part(centre - half, centre + half, longest) for longest in _LONGEST)
    found = _deformed(first, case, alignment, None, _ADAM_STEPS[0])
    if _Grid.of(finer).finest_mm * _FINER > found.spacing_mm.min():
        return found
    return _deformed(finer, case, alignment, found, _ADAM_STEPS[1])


def _deformed(
    image: sitk.Image, case: SmallImage, alignment: Alignment, before: Deformation | None, steps: int
) -> Deformation:
    """An alignment bent to fit a part of the target.

    Args:
        image: The part.
        case: The moving image.
        alignment: Of the whole.
        before: Found at coarser voxels; looked for on a coarse grid where there is none.
        steps: Of Adam.
    """
    grid = _Grid.of(image)
    fixed = torch.from_numpy(sitk.GetArrayFromImage(image))
    moved, known = _laid(case, alignment, grid)
    spacing = torch.as_tensor(grid.spacing_mm, dtype=torch.float32)[:, None, None, None]
    start = None if before is None else before.displacement.on_grid(grid.planes_mm) / spacing
    # A run works in inference mode, which takes no gradients.
    with torch.inference_mode(False), torch.enable_grad():
        start = None if start is None else start.clone()
        displacement = _displacement(fixed.clone(), moved.clone(), known.clone(), start, steps, grid)
    return Deformation(
        alignment,
        (displacement * spacing).numpy(),
        grid.corner_mm,
        grid.spacing_mm,
        fixed.numpy(),
        _warped(moved[None], displacement)[0].numpy(),
    )


def _laid(case: SmallImage, alignment: Alignment, grid: _Grid) -> tuple[torch.Tensor, torch.Tensor]:
    """A case on the grid as the affine map lays it there, and how much of each voxel it covers; float32 (d, h, w)."""
    scale = float(np.exp(np.log(np.maximum(alignment.scale, 1e-6)).mean()))
    image = case.coarser(grid.finest_mm * scale)
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(alignment.matrix[::-1, ::-1].ravel().tolist())
    transform.SetTranslation(alignment.offset_mm[::-1].tolist())
    origin = (grid.corner_mm + grid.spacing_mm / 2)[::-1].tolist()

    def resampled(one: sitk.Image) -> torch.Tensor:
        size, spacing = list(grid.shape[::-1]), grid.spacing_mm[::-1].tolist()
        direction = np.eye(3).ravel().tolist()
        there = sitk.Resample(one, size, transform, sitk.sitkLinear, origin, spacing, direction, 0.0, sitk.sitkFloat32)
        return torch.from_numpy(sitk.GetArrayFromImage(there))

    everywhere = sitk.Image(image.GetSize(), sitk.sitkFloat32) + 1.0
    everywhere.CopyInformation(image)
    return resampled(image), resampled(everywhere)


def _displacement(
    fixed: torch.Tensor, moved: torch.Tensor, known: torch.Tensor, start: torch.Tensor | None, steps: int, grid: _Grid
) -> torch.Tensor:
    """Displacements (3, d, h, w) in voxels of the grid under which the images look alike.

    Args:
        fixed: float32 (d, h, w).
        moved: Likewise, as the affine map lays it there.
        known: (d, h, w), how much of each voxel it covers.
        start: (3, d, h, w), to begin with; looked for on a coarse grid where there is none.
        steps: Of Adam.
        grid: Of all of them.
    """
    distance = grid.voxels(_NEIGHBOUR)
    here, there = mind_ssc(fixed, distance), mind_ssc(moved, distance)
    across = 0.0 if grid.shape[0] < _FEW_SLICES else 1.0
    free = torch.tensor([across, 1.0, 1.0])[:, None, None, None]
    if start is None:
        with torch.no_grad():
            start = _coarse(here, there, grid, bool(across))
    return _descended(here, there, known, start * free, free, steps, grid)


def _coarse(here: torch.Tensor, there: torch.Tensor, grid: _Grid, across: bool) -> torch.Tensor:
    """The smooth best of all displacements on a coarse grid; (3, d, h, w) in voxels of the fine one."""
    points = [max(1, count // step) for count, step in zip(grid.shape, grid.voxels(_CONTROL), strict=True)]
    size = torch.tensor([count / fewer for count, fewer in zip(grid.shape, points, strict=True)])
    point_mm = size.numpy() * grid.spacing_mm
    reach = [round(_SEARCH * _CONTROL * grid.finest_mm / mm) for mm in point_mm]
    reach = [min(one, count - 1) for one, count in zip(reach, points, strict=True)]
    if not across:
        reach[0] = 0
    relative = torch.as_tensor(point_mm / (_CONTROL * grid.finest_mm), dtype=torch.float32)
    first, second = (F.adaptive_avg_pool3d(features, (points[0], points[1], points[2])) for features in (here, there))
    onward = _searched(first, second, reach, relative)
    back = _searched(second, first, reach, relative)
    for _ in range(_CONSISTENT_STEPS):
        onward, back = (onward - _warped(back, onward)) / 2, (back - _warped(onward, back)) / 2
    return _resized(onward * size[:, None, None, None], grid.shape)


def _searched(here: torch.Tensor, there: torch.Tensor, reach: Sequence[int], relative: torch.Tensor) -> torch.Tensor:
    """Displacements (3, d, h, w) in points of the coarse grid: likest first, then ever smoother.

    Args:
        here: float32 (c, d, h, w), the fixed image's features.
        there: Those of the moving one.
        reach: Points that are searched each way, by axis.
        relative: (3,), length of a step along each axis against the others.
    """
    shape = here.shape[1:]
    padded = F.pad(there[None], [reach[2]] * 2 + [reach[1]] * 2 + [reach[0]] * 2, mode="replicate")[0]
    shifts = list(itertools.product(*(range(-one, one + 1) for one in reach)))
    cost = torch.empty((len(shifts), *shape))
    for number, shift in enumerate(shifts):
        window = padded
        for axis in range(3):
            window = window.narrow(1 + axis, reach[axis] + shift[axis], shape[axis])
        cost[number] = ((here - window) ** 2).mean(dim=0)
    cost = _smoothed(_smoothed(cost))
    choices = torch.tensor(shifts, dtype=torch.float32)
    found = _smoothed(choices[cost.argmin(dim=0)].movedim(-1, 0))
    scaled = choices * relative
    for weight in _COUPLING:
        # |choice - found|^2 without the part that is the same for every choice.
        wanted = found * relative[:, None, None, None]
        apart = (scaled**2).sum(dim=1)[:, None, None, None] - 2 * torch.tensordot(scaled, wanted, dims=1)
        found = _smoothed(choices[(cost + weight * apart).argmin(dim=0)].movedim(-1, 0))
    return found


def _descended(
    here: torch.Tensor,
    there: torch.Tensor,
    known: torch.Tensor,
    start: torch.Tensor,
    free: torch.Tensor,
    steps: int,
    grid: _Grid,
) -> torch.Tensor:
    """Displacements (3, d, h, w) in voxels after some steps of Adam on the points of a grid half as fine.

    Args:
        here: float32 (12, d, h, w), the fixed image's descriptors.
        there: Those of the moving one.
        known: (d, h, w), where there is a moving one.
        start: (3, d, h, w), to begin with.
        free: (3, 1, 1, 1), 0 for an axis along which nothing moves.
        steps: Of Adam.
        grid: Of all of them.
    """
    points = [-(-count // step) for count, step in zip(grid.shape, grid.voxels(_FINE), strict=True)]
    moves = _resized(start, points).requires_grad_(True)
    mean, square = torch.zeros_like(moves), torch.zeros_like(moves)
    # mm of displacement a mm of way: thick slices are as stiff as thin ones.
    stiffness = torch.as_tensor((grid.spacing_mm / grid.finest_mm) ** 2, dtype=torch.float32)
    point_mm = grid.spacing_mm * grid.shape / points / (grid.finest_mm * _FINE)
    weight = known / known.sum().clamp(min=1.0)
    for step in range(1, steps + 1):
        smooth = _smoothed(_smoothed(moves)) * free
        bend = moves.new_zeros(())
        for axis, length in enumerate(point_mm, start=1):
            if points[axis - 1] > 1:
                change = smooth.diff(dim=axis).square().mean(dim=(1, 2, 3))
                bend = bend + (change * stiffness).sum() / (3 * float(length) ** 2)
        unlike = ((here - _warped(there, _resized(smooth, grid.shape))) ** 2).mean(dim=0)
        (gradient,) = torch.autograd.grad((unlike * weight).sum() + _SMOOTHNESS * bend, moves)
        # Adam (Kingma and Ba, ICLR 2015) by hand: `torch.optim` loads PyTorch's compiler, which takes seconds.
        mean = _MOMENTS[0] * mean + (1 - _MOMENTS[0]) * gradient
        square = _MOMENTS[1] * square + (1 - _MOMENTS[1]) * gradient**2
        rate = _ADAM_RATE * (1 - _MOMENTS[1] ** step) ** 0.5 / (1 - _MOMENTS[0] ** step)
        with torch.no_grad():
            moves -= rate * mean / (square.sqrt() + 1e-8)
    with torch.no_grad():
        return _resized(_smoothed(_smoothed(moves)) * free, grid.shape)


def _warped(image: torch.Tensor, displacement: torch.Tensor) -> torch.Tensor:
    """An image (c, d, h, w) seen at displaced places (3, d, h, w), in voxels; beyond its ends it goes on as it ends."""
    shape = displacement.shape[1:]
    places = torch.stack(torch.meshgrid(*(torch.arange(count, dtype=torch.float32) for count in shape), indexing="ij"))
    places = places + displacement
    grid = torch.stack([(2 * places[axis] + 1) / shape[axis] - 1 for axis in (2, 1, 0)], dim=-1)
    return F.grid_sample(image[None], grid[None], mode="bilinear", padding_mode="border", align_corners=False)[0]


def _resized(field: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    return F.interpolate(field[None], list(shape), mode="trilinear", align_corners=False)[0]


def _smoothed(fields: torch.Tensor) -> torch.Tensor:
    """Each of (c, d, h, w) averaged over 3 x 3 x 3; beyond its ends it goes on as it ends."""
    return F.avg_pool3d(F.pad(fields[:, None], (1,) * 6, mode="replicate"), 3, stride=1)[:, 0]
