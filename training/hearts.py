"""Hearts as short-axis stacks show them: a thick ring that ends at apex and base, and a crescent that leans on it."""

from __future__ import annotations

import torch

from training.anatomy import GRID, Anatomy, chance, grid_points, smooth_noise, uniform
from training.tissues import Tissue

_POINTS = grid_points()
_TISSUES = (
    Tissue.OUTSIDE,
    Tissue.FAT,
    Tissue.MUSCLE,  # chest wall
    Tissue.AIR,  # lungs
    Tissue.SOFT,  # liver
    Tissue.MUSCLE,  # left ventricle's wall
    Tissue.BLOOD,  # left ventricle
    Tissue.BLOOD,  # right ventricle
    Tissue.BLOOD,  # atria
)
HEART = 5
"""The first label that belongs to the heart; those before it are what lies around."""

_FAT, _CHEST, _LUNG, _LIVER, _WALL, _LEFT, _RIGHT, _ATRIA = range(1, 9)


def short_axis_heart() -> Anatomy:
    """One heart; the long axis is the first of the array, the base at its end."""
    x, y, z = _POINTS.unbind(-1)
    labels = torch.zeros(GRID, dtype=torch.long)
    bump = 0.06 * smooth_noise(1, GRID, (4, 6, 6))[0]
    body = (x / uniform(0.85, 1.2)) ** 2 + (y / uniform(0.75, 1.1)) ** 2
    labels[body < 1] = _CHEST
    labels[body < uniform(0.6, 0.85)] = _LUNG
    labels[(body < 0.8) & (y + 0.3 * x + bump > uniform(0.25, 0.6))] = _LIVER
    radius = uniform(0.2, 0.4)
    left, top = uniform(-0.15, 0.15), uniform(-0.15, 0.15)
    # The base is cut off: above it the atria begin.
    base, apex = uniform(0.25, 0.8), uniform(-0.95, -0.5)
    along = ((z - base) / (apex - base)).clamp(min=0)  # 0 at the base, 1 at the apex
    taper = (1 - along.clamp(max=1) ** uniform(1.6, 3.0)).sqrt()
    lean_x, lean_y = uniform(-0.25, 0.25), uniform(-0.25, 0.25)
    across, up = x - left - lean_x * along, y - top - lean_y * along
    distance = torch.sqrt(across**2 + (up * uniform(0.85, 1.15)) ** 2) / radius + bump
    around = torch.atan2(up, across)
    wall = uniform(0.18, 0.55) * (1 + 0.25 * torch.sin(around + uniform(0.0, 6.0)))
    heart = z < base
    labels[(distance < 1.55 * taper + 0.15) & (along < 1.05)] = _FAT
    wide, long = uniform(0.75, 1.15), uniform(0.9, 1.5)
    side = -1.0 if chance(0.85) else 1.0
    crescent = torch.sqrt(((across - side * 0.95 * radius) / wide) ** 2 + (up / long) ** 2) / radius
    labels[(crescent + bump < taper * uniform(0.85, 1.05)) & heart & (along < uniform(0.7, 0.95))] = _RIGHT
    labels[(distance < taper) & heart & (along < 1)] = _WALL
    inner = taper - wall
    labels[(distance < inner) & heart & (along < uniform(0.85, 0.97))] = _LEFT
    labels[(distance < 1.1) & (z >= base) & (z < base + uniform(0.2, 0.6))] = _ATRIA
    return Anatomy(labels, torch.tensor(_TISSUES), short_axis=True)
