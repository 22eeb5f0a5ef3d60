"""Random three-dimensional anatomies: label volumes with organs, shells, tubes, layers and pairs.

A label volume is int64 (D, H, W) over the cube [-1, 1]^3; 0 is what surrounds everything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

GRID = (56, 72, 72)


@dataclass(frozen=True)
class Anatomy:
    """What a subject consists of, in a cube [-1, 1]^3.

    Attributes:
        labels: int64 (D, H, W); 0 is what surrounds everything.
        tissues: int64 (labels,), `training.tissues.Tissue` of every label; None where there is no telling.
        image: float (D, H, W) in [0, 1], a real one, or None.
        focus: The label that the cube was cut around, or None.
        short_axis: A heart whose slices are to lie across its long axis, the first of the three.
    """

    labels: torch.Tensor
    tissues: torch.Tensor | None = None
    image: torch.Tensor | None = None
    focus: int | None = None
    short_axis: bool = False


def smooth_noise(channels: int, size: tuple[int, int, int], knots: tuple[int, int, int]) -> torch.Tensor:
    """Gaussian noise at ``knots`` points an axis, interpolated to ``size``: (channels, D, H, W)."""
    noise = torch.randn(1, channels, *knots)
    return F.interpolate(noise, size=size, mode="trilinear", align_corners=True)[0]


def uniform(low: float, high: float) -> float:
    """One draw from [low, high)."""
    return low + (high - low) * torch.rand(()).item()


def chance(probability: float) -> bool:
    """True with the given probability."""
    return torch.rand(()).item() < probability


def integer(low: int, high: int) -> int:
    """One draw from low..high - 1."""
    return int(torch.randint(low, high, ()))


def rotation(amplitude: float) -> torch.Tensor:
    """A rotation by up to ``amplitude`` radians about each axis, (3, 3)."""
    matrix = torch.eye(3)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        angle = uniform(-amplitude, amplitude)
        turn = torch.eye(3)
        turn[i, i] = turn[j, j] = math.cos(angle)
        turn[i, j], turn[j, i] = -math.sin(angle), math.sin(angle)
        matrix = matrix @ turn
    return matrix


def grid_points(size: tuple[int, int, int] = GRID) -> torch.Tensor:
    """Coordinates (x, y, z) in [-1, 1] of every voxel, (D, H, W, 3)."""
    z, y, x = torch.meshgrid(*(torch.linspace(-1, 1, n) for n in size), indexing="ij")
    return torch.stack([x, y, z], -1)


_POINTS = grid_points()


def _organ(labels: torch.Tensor, label: int, centre: torch.Tensor, extra: int | None) -> None:
    """A bent, bumpy ellipsoid; with ``extra`` its rim or its core becomes a label of its own."""
    radius = 0.07 + 0.5 * torch.rand(()).item() ** 1.6
    axes = torch.exp(0.4 * torch.randn(3)) * radius
    local = ((_POINTS - centre) @ rotation(math.pi)) / axes
    bend = 0.5 * torch.randn(()).item()
    x, y, z = local.unbind(-1)
    local = torch.stack([x + bend * y * y, y, z], -1)
    bump = uniform(0.0, 0.35) * smooth_noise(1, GRID, (4, 6, 6))[0]
    distance = local.norm(dim=-1) + bump
    labels[distance < 1] = label
    if extra is not None:
        cut = uniform(0.45, 0.85)
        inner = distance < cut
        labels[inner if chance(0.5) else (distance < 1) & ~inner] = extra


def _tube(labels: torch.Tensor, label: int) -> None:
    """A vessel: balls strung along a smooth curve, sometimes with a branch."""
    knots = torch.randn(3, 4) * 0.35 + torch.randn(3, 1) * 0.2
    direction = F.normalize(torch.randn(3), dim=0)
    along = torch.linspace(-1.1, 1.1, 4)
    path = F.interpolate((knots * 0.6 + direction[:, None] * along)[None], size=28, mode="linear", align_corners=True)[
        0
    ]
    path = F.avg_pool1d(F.pad(path[None], (2, 2), mode="replicate"), 5, stride=1)[0]
    radius = uniform(0.035, 0.14)
    distance = torch.cdist(_POINTS.reshape(-1, 3), path.T).min(dim=1).values.reshape(GRID)
    labels[distance < radius] = label


def _halves(labels: torch.Tensor, label: int, centre: torch.Tensor) -> None:
    """A long organ cut across: two labels that touch, as head and tail of one structure do."""
    _organ(labels, label, centre, None)
    where = labels == label
    points = _POINTS[where]
    if len(points) < 20:
        return
    middle = points.mean(0)
    _, _, axes = torch.linalg.svd(points[:: max(1, len(points) // 500)] - middle, full_matrices=False)
    along = (_POINTS - middle) @ (axes[0] + 0.2 * torch.randn(3))
    spread = along[where].std()
    labels[where & (along > uniform(-0.6, 0.6) * spread)] = label + 1


def _heart(labels: torch.Tensor, label: int, centre: torch.Tensor) -> None:
    """A chamber within a thick wall and a second chamber that leans on the wall: three labels."""
    size = uniform(0.12, 0.4)
    local = ((_POINTS - centre) @ rotation(math.pi)) / size
    x, y, z = local.unbind(-1)
    bump = 0.15 * smooth_noise(1, GRID, (4, 6, 6))[0]
    long = uniform(1.2, 2.2)
    first = torch.sqrt(x * x + y * y + (z / long) ** 2) + bump
    beside = torch.sqrt(
        ((x - uniform(0.7, 1.3)) / uniform(0.6, 1.1)) ** 2
        + (y / uniform(0.9, 1.5)) ** 2
        + ((z - uniform(-0.4, 0.4)) / (long * uniform(0.7, 1.1))) ** 2
    )
    base = z < uniform(0.5, 1.0) * long
    labels[(beside + bump < 1) & base] = label
    labels[(first < 1) & base] = label + 2
    labels[(first < uniform(0.5, 0.85)) & base] = label + 1


def _layers(count: int) -> torch.Tensor:
    """Level sets of one smooth function: sheets that touch each other."""
    field = smooth_noise(1, GRID, (2, integer(3, 6), integer(3, 6)))[0] + 0.8 * _POINTS[..., integer(0, 3)]
    edges = torch.quantile(field.flatten()[::17], torch.linspace(0, 1, count + 1)[1:-1])
    return torch.bucketize(field, edges)


def random_anatomy(max_labels: int = 10) -> torch.Tensor:
    """One anatomy as a label volume (D, H, W) with labels 0..max_labels - 1, some of which may be missing."""
    count = integer(4, max_labels)
    kind = torch.rand(()).item()
    if kind < 0.15:
        knots = integer(3, 8)
        return smooth_noise(count, GRID, (max(2, knots // 2), knots, knots)).argmax(0)
    if kind < 0.22:
        return _layers(count)
    labels = torch.zeros(GRID, dtype=torch.long)
    label = 1
    if chance(0.6):  # a body that holds the rest, air around it
        labels[(_POINTS * torch.tensor([uniform(0.9, 1.3), uniform(0.9, 1.5), 0.3])).norm(dim=-1) < 1] = label
        label += 1
    elif chance(0.4):
        labels = smooth_noise(2, GRID, (2, 3, 3)).argmax(0)
        label += 1
    while label < count:
        style = torch.rand(()).item()
        centre = torch.rand(3) * 1.5 - 0.75
        if style < 0.18:
            _tube(labels, label)
        elif style < 0.35 and label + 2 < count:
            _heart(labels, label, 0.6 * centre)
            label += 2
        elif style < 0.5 and label + 1 < count:
            _halves(labels, label, centre)
            label += 1
        elif style < 0.65 and label + 1 < count:  # a pair, left and right
            mirrored = centre * torch.tensor([-1.0, 1.0, 1.0])
            state = torch.random.get_rng_state()
            _organ(labels, label, centre, None)
            torch.random.set_rng_state(state)
            _organ(labels, label + 1, mirrored, None)
            label += 1
        else:
            extra = label + 1 if chance(0.4) and label + 1 < count else None
            _organ(labels, label, centre, extra)
            label += extra is not None
        label += 1
    return labels
