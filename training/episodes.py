"""Episodes: a few subjects of one anatomy, a few neighbouring slices of each, rendered in one modality.

Every subject is the same anatomy, or another person's where the pool has one, moved by an affine and an elastic
deformation of its own and painted with the contrast of the task; or, where real annotated volumes are at hand, real
images moved the same way, in their own contrast or another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from training.anatomy import Anatomy, chance, integer, random_anatomy, rotation, smooth_noise, uniform
from training.hearts import HEART, short_axis_heart
from training.painting import degrade, paint, random_contrast, repaint
from training.pool import Pool

POOL_SHARE = 0.6
HEART_SHARE = 0.15
"""Of all tasks; the others are random anatomies, and templates with supervoxels."""


@dataclass(frozen=True)
class Template:
    """A real annotated volume.

    Attributes:
        labels: int64 (D, H, W).
        image: float (D, H, W) in [0, 1].
        group: Volumes of one group show the same labels in different subjects.
    """

    labels: torch.Tensor
    image: torch.Tensor
    group: str


@dataclass(frozen=True)
class Episode:
    """Images, masks and places of the slices of a few subjects.

    Attributes:
        images: float (subjects, slices, S, S) in [0, 1].
        masks: float (subjects, slices, objects, S, S) in {0, 1}.
        depth: float (subjects, slices), place along the sliced axis in [-1, 1].
    """

    images: torch.Tensor
    masks: torch.Tensor
    depth: torch.Tensor

    def to(self, device: torch.device) -> Episode:
        """The same on a device."""
        return Episode(self.images.to(device), self.masks.to(device), self.depth.to(device))


@dataclass(frozen=True)
class _View:
    """Where and how a task is sliced: shared by its subjects."""

    turn: torch.Tensor
    centre: torch.Tensor
    zoom: float
    step: float
    spread: float


def _random_view(labels: torch.Tensor, wanted: torch.Tensor, steps: tuple[float, float]) -> _View:
    """A plane through a random voxel of a wanted label, so that there is something to find."""
    turn = rotation(math.pi) if chance(0.5) else rotation(0.15)[:, torch.randperm(3)]
    where = (labels == wanted[integer(0, len(wanted))]).nonzero()
    voxel = where[integer(0, len(where))].float()
    size = torch.tensor(labels.shape).float()
    target = (voxel / (size - 1) * 2 - 1).flip(0)  # (x, y, z)
    depth = turn[:, 2] * (target @ turn[:, 2])
    inside = target - depth
    centre = depth + inside * (1.0 if chance(0.4) else uniform(0.0, 0.6))
    return _View(turn, centre, uniform(0.35, 1.1), uniform(*steps), uniform(0.0, 0.2))


def _framed_view(labels: torch.Tensor, label: int) -> _View:
    """A plane through one structure, which fills a good part of the picture: the view of a region of interest.

    Slices start anywhere from just before the structure to just behind it.
    """
    turn = rotation(math.pi) if chance(0.3) else rotation(0.15)[:, torch.randperm(3)]
    where = (labels == label).nonzero()
    size = torch.tensor(labels.shape).float()
    points = (where[torch.randint(len(where), (2000,))].float() / (size - 1) * 2 - 1).flip(1) @ turn
    low, high = torch.quantile(points, torch.tensor([0.02, 0.98]), dim=0)
    half = (high - low) / 2
    zoom = min(1.1, max(0.12, float(half[:2].max()) * uniform(1.15, 2.6)))
    centre = (low + high) / 2 + torch.rand(3).sub(0.5) * torch.tensor([0.5, 0.5, 0.0]) * zoom
    centre[2] += float(half[2]) * uniform(-1.1, 1.1)
    step = max(0.012, 2 * float(half[2]) / integer(4, 30))
    return _View(turn, turn @ centre, zoom, step, uniform(0.0, 0.5) * float(half[2]))


def _heart_view(anatomy: Anatomy) -> _View:
    """Across the long axis: few thick slices from beyond the base to beyond the apex."""
    heart = anatomy.labels >= HEART
    size = torch.tensor(anatomy.labels.shape).float()
    points = (heart.nonzero().float() / (size - 1) * 2 - 1).flip(1)
    low, high = points.amin(0), points.amax(0)
    half = (high - low) / 2
    centre = (low + high) / 2
    centre[2] += float(half[2]) * uniform(-0.9, 0.9)
    zoom = min(1.1, float(half[:2].max()) * uniform(1.05, 3.0))
    return _View(rotation(0.12), centre, zoom, 2 * float(half[2]) / integer(5, 14), uniform(0.0, 0.4) * float(half[2]))


def _slice_points(view: _View, offsets: torch.Tensor, size: int, spin: float, scale: float) -> torch.Tensor:
    """Coordinates of the pixels of the slices at ``offsets`` (t,), (t, size, size, 3).

    Args:
        view: Of the task.
        offsets: Along the sliced axis.
        size: Pixels a side.
        spin: By which this subject's picture is turned, in radians.
        scale: Of this subject's field of view.
    """
    line = torch.linspace(-1, 1, size) * view.zoom * scale
    y, x = torch.meshgrid(line, line, indexing="ij")
    x, y = math.cos(spin) * x - math.sin(spin) * y, math.sin(spin) * x + math.cos(spin) * y
    plane = torch.stack([x, y, torch.zeros_like(x)], -1)[None].repeat(len(offsets), 1, 1, 1)
    plane[..., 2] = offsets[:, None, None]
    return plane @ view.turn.T + view.centre


def _deform(points: torch.Tensor, strength: float, view: _View) -> torch.Tensor:
    """One subject's own shape: rotation, scale, shift, and a smooth elastic field."""
    matrix = rotation(0.35 * strength) * (1 + uniform(-0.25, 0.25) * strength)
    matrix = matrix @ torch.diag(1 + 0.12 * strength * torch.randn(3))
    shift = 0.15 * strength * torch.randn(3) * view.zoom
    field = smooth_noise(3, (12, 12, 12), (4, 4, 4)) + 0.35 * smooth_noise(3, (12, 12, 12), (9, 9, 9))
    flow = F.grid_sample(field[None], points[None], align_corners=True, padding_mode="border")[0]
    moved = (points - view.centre) @ matrix.T + view.centre
    return moved + shift + 0.09 * strength * flow.permute(1, 2, 3, 0)


def _likeliest(soft: torch.Tensor) -> torch.Tensor:
    """Labels int64 (t, S, S) of the largest share (t, J, S, S); ten times as fast as argmax."""
    best, labels = soft[:, 0].clone(), torch.zeros(soft[:, 0].shape, dtype=torch.long)
    for label in range(1, soft.shape[1]):
        labels[soft[:, label] > best] = label
        torch.maximum(best, soft[:, label], out=best)
    return labels


def _objects(labels: torch.Tensor, count: int, wanted: int, least: int) -> torch.Tensor | None:
    """Masks (n, t, objects, S, S) of ``wanted`` structures from label ``least`` on, of sensible size somewhere."""
    onehot = (labels[:, :, None] == torch.arange(count)[:, None, None]).float()  # (n, t, J, S, S)
    area = onehot.mean((-2, -1))  # (n, t, J)
    largest = area.amax(dim=1)
    good = (
        (largest.amax(0) > 0.003) & (largest.amax(0) < 0.6) & ((largest > 0.0015).sum(0) >= min(2, len(labels)))
    ).nonzero()[:, 0]
    good = good[good >= least]
    if len(good) < wanted:
        return None
    chosen = good[torch.randperm(len(good))]
    masks = onehot[:, :, chosen[:wanted]]
    if len(good) > wanted and chance(0.15):  # a structure made of two
        masks[:, :, 0] = torch.maximum(masks[:, :, 0], onehot[:, :, chosen[wanted]])
    return masks


def _fewer_labels(volumes: list[torch.Tensor], limit: int = 10) -> list[torch.Tensor]:
    """Keep a random choice of labels where there are many: a label is a channel of the renderer."""
    count = max(int(v.max()) for v in volumes) + 1
    if count <= limit + 1:
        return volumes
    table = torch.zeros(count, dtype=torch.long)
    table[torch.randperm(count - 1)[:limit] + 1] = torch.arange(1, limit + 1)
    return [table[v] for v in volumes]


class EpisodeSource:
    """Draws episodes from the global torch generator, so that a seed repeats them.

    Args:
        size: S, pixels a side of what is returned.
        templates: Real annotated volumes; empty for synthetic anatomies alone.
        steps: Range of the distance between neighbouring slices, where an anatomy is 2 long.
        render_sizes: Pixels a side at which slices are painted before they are brought to ``size``.
        pool: Real anatomy; without it all is made up, or from the templates.
    """

    def __init__(
        self,
        size: int,
        templates: list[Template] | None = None,
        steps: tuple[float, float] = (0.015, 0.16),
        render_sizes: tuple[int, ...] = (56, 96, 128, 128, 192),
        pool: Pool | None = None,
    ) -> None:
        self.size = size
        self.pool = pool
        self.steps = steps
        self.render_sizes = render_sizes
        self.groups: dict[str, list[Template]] = {}
        for template in templates or []:
            self.groups.setdefault(template.group, []).append(template)

    def draw(self, subjects: int, slices: int, objects: int) -> Episode:
        """One episode; tries again until ``objects`` structures of sensible size are in view."""
        while True:
            episode = self._try(subjects, slices, objects)
            if episode is not None:
                return episode

    def _try(self, subjects: int, slices: int, objects: int) -> Episode | None:
        anatomies = self._anatomies(subjects)
        first = anatomies[0]
        count = max(int(a.labels.max()) for a in anatomies) + 1
        tissues = None if first.tissues is None else first.tissues[:count]
        present = torch.bincount(first.labels.flatten(), minlength=count)
        wanted = (present[1:] > 20).nonzero()[:, 0] + 1
        if len(wanted) < 1:
            return None
        if first.short_axis:
            view = _heart_view(first)
        elif chance(0.6):
            chosen = int(wanted[integer(0, len(wanted))])
            if first.focus is not None and present[first.focus] > 20 and chance(0.7):
                chosen = first.focus
            view = _framed_view(first.labels, chosen)
        else:
            view = _random_view(first.labels, wanted, self.steps)
        size = self.render_sizes[integer(0, len(self.render_sizes))]
        contrast = random_contrast(count, size, tissues)
        how = torch.rand(()).item()  # real images: in their own contrast, in another, or painted
        strength = uniform(0.15, 1.0)
        apart = first.short_axis or chance(0.1)
        images, label_maps, depths = [], [], []
        for anatomy in anatomies:
            shift = view.spread * torch.randn(()).item() * 0.7
            offsets = shift + view.step * (torch.arange(slices) - (slices - 1) / 2)
            spin = uniform(-math.pi, math.pi) if apart and chance(0.5) else 0.0
            scale = math.exp(uniform(-0.4, 0.4)) if apart else 1.0
            points = _deform(_slice_points(view, offsets, size, spin, scale), strength, view)
            onehot = (anatomy.labels == torch.arange(count)[:, None, None, None]).float()
            soft = F.grid_sample(onehot[None], points[None], align_corners=True, padding_mode="border")[0]
            soft = soft.permute(1, 0, 2, 3)  # (t, J, S, S)
            if anatomy.image is not None and how < 0.75:
                source = anatomy.image[None, None]
                image = F.grid_sample(source, points[None], align_corners=True, padding_mode="border")[0, 0]
                if how > 0.5:
                    image = repaint(image, soft, contrast)
            else:
                image = paint(soft, contrast)
            images.append(degrade(image, contrast))
            label_maps.append(_likeliest(soft))
            depths.append(offsets)
        least = HEART if first.short_axis else int(first.tissues is not None)
        masks = _objects(torch.stack(label_maps), count, objects, least)
        if masks is None:
            return None
        picture = self._resize(torch.stack(images).flatten(0, 1)[:, None], "bilinear")
        outline = self._resize(masks.flatten(0, 1), "nearest-exact")
        shape = (subjects, slices)
        return Episode(
            picture[:, 0].unflatten(0, shape).clamp(0, 1),
            outline.unflatten(0, shape),
            torch.stack(depths),
        )

    def _anatomies(self, subjects: int) -> list[Anatomy]:
        """Of every subject; labels mean the same in all of them."""
        kind = torch.rand(()).item()
        if self.pool is not None and kind < POOL_SHARE:
            return self.pool.draw(subjects)
        if kind < POOL_SHARE + HEART_SHARE:
            return [short_axis_heart()] * subjects
        if self.groups and chance(0.3):
            group = self._group()
            order = [int(i) for i in torch.randperm(len(group))]
            if chance(0.35):  # one volume, deformed into several subjects
                order = order[:1]
            chosen = [group[order[i % len(order)]] for i in range(subjects)]
            volumes = _fewer_labels([t.labels for t in chosen])
            return [Anatomy(v, image=t.image) for v, t in zip(volumes, chosen, strict=True)]
        return [Anatomy(_fewer_labels([random_anatomy()])[0])] * subjects

    def _group(self) -> list[Template]:
        """A group, those of several subjects as often as all the others together."""
        several = [g for g in self.groups.values() if len(g) > 1]
        if several and chance(0.4):
            return several[integer(0, len(several))]
        return list(self.groups.values())[integer(0, len(self.groups))]

    def _resize(self, images: torch.Tensor, mode: str) -> torch.Tensor:
        corners = False if mode == "bilinear" else None
        return F.interpolate(images, size=(self.size, self.size), mode=mode, align_corners=corners)


def batch(source: EpisodeSource, tasks: int, subjects: int, slices: int, objects: int) -> Episode:
    """Several episodes of one shape, stacked along a new first axis."""
    drawn = [source.draw(subjects, slices, objects) for _ in range(tasks)]
    return Episode(*(torch.stack([getattr(e, f) for e in drawn]) for f in ("images", "masks", "depth")))
