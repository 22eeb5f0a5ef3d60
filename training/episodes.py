"""Episodes: a few subjects of one anatomy, a few neighbouring slices of each, rendered in one modality.

Every subject is the same anatomy moved by an affine and an elastic deformation of its own and painted with
the contrast of the task; or, where real annotated volumes are at hand, real images moved the same way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from training.anatomy import chance, integer, random_anatomy, rotation, smooth_noise, uniform


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


def _slice_points(view: _View, offsets: torch.Tensor, size: int) -> torch.Tensor:
    """Coordinates of the pixels of the slices at ``offsets`` (t,), (t, size, size, 3)."""
    line = torch.linspace(-1, 1, size) * view.zoom
    y, x = torch.meshgrid(line, line, indexing="ij")
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


def _plane_noise(count: int, size: int, knots: int) -> torch.Tensor:
    noise = torch.randn(1, count, knots, knots)
    return F.interpolate(noise, size=(size, size), mode="bicubic", align_corners=True)[0]


def _blur(images: torch.Tensor, sigma: float) -> torch.Tensor:
    reach = max(1, int(3 * sigma))
    kernel = torch.exp(-(torch.arange(-reach, reach + 1).float() ** 2) / (2 * sigma * sigma))
    kernel = kernel / kernel.sum()
    padded = F.pad(images[:, None], (reach,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(padded, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))[:, 0]


@dataclass(frozen=True)
class _Contrast:
    """The modality of a task: one mean and texture a label, and how images are degraded."""

    means: torch.Tensor
    jitter: float
    texture: torch.Tensor
    texture_knots: int
    blur: float
    noise: float
    bias: float
    gamma: float


def _random_contrast(labels: int, size: int) -> _Contrast:
    means = torch.rand(labels)
    if chance(0.4):  # neighbours of like intensity
        means = (means * integer(2, 5)).round() / 4 + 0.04 * torch.randn(labels)
    for label in range(labels - 1):  # the two of a pair, the halves of an organ, the chambers of a heart
        if chance(0.25):
            means[label + 1] = means[label] + 0.03 * torch.randn(())
    if chance(0.3):
        means[0] = 0.0
    blur = uniform(0.0, 1.4) if chance(0.85) else uniform(1.5, 4.0)  # the tail looks like PET
    return _Contrast(
        means,
        uniform(0.0, 0.1),
        0.14 * torch.rand(labels) ** 2,
        integer(10, max(12, size // 2)),
        blur * size / 128,
        uniform(0.0, 0.08),
        uniform(0.0, 0.25),
        math.exp(0.35 * torch.randn(()).item()),
    )


def _paint(soft: torch.Tensor, contrast: _Contrast) -> torch.Tensor:
    """Images (t, S, S) of one subject from its soft labels (t, J, S, S): partial volume, texture, means."""
    slices, labels, size, _ = soft.shape
    means = contrast.means + contrast.jitter * torch.randn(labels)
    texture = _plane_noise(labels, size, contrast.texture_knots) * contrast.texture[:, None, None]
    return (soft * (means[:, None, None] + texture)).sum(1)


def _degrade(images: torch.Tensor, contrast: _Contrast) -> torch.Tensor:
    size = images.shape[-1]
    if contrast.blur > 0.25:
        images = _blur(images, contrast.blur)
    images = images * torch.exp(contrast.bias * _plane_noise(1, size, 4)[0])
    images = images + contrast.noise * torch.randn_like(images)
    low, high = torch.quantile(images.flatten()[:: max(1, images.numel() // 20000)], torch.tensor([0.005, 0.995]))
    images = ((images - low) / (high - low + 1e-6)).clamp(0, 1)
    return images**contrast.gamma


def _objects(labels: torch.Tensor, count: int, wanted: int) -> torch.Tensor | None:
    """Masks (n, t, objects, S, S) of ``wanted`` structures that are of sensible size somewhere."""
    onehot = F.one_hot(labels, count).permute(0, 1, 4, 2, 3)  # (n, t, J, S, S)
    area = onehot.float().mean((-2, -1))  # (n, t, J)
    largest = area.amax(dim=1)
    good = ((largest.amax(0) > 0.003) & (largest.amax(0) < 0.6) & ((largest > 0.0015).sum(0) >= 2)).nonzero()[:, 0]
    if len(good) < wanted:
        return None
    chosen = good[torch.randperm(len(good))]
    masks = onehot[:, :, chosen[:wanted]].float()
    if len(good) > wanted and chance(0.15):  # a structure made of two
        masks[:, :, 0] = torch.maximum(masks[:, :, 0], onehot[:, :, chosen[wanted]].float())
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
    """

    def __init__(
        self,
        size: int,
        templates: list[Template] | None = None,
        steps: tuple[float, float] = (0.015, 0.16),
        render_sizes: tuple[int, ...] = (56, 96, 128, 128, 192),
    ) -> None:
        self.size = size
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
        sources: list[Template] | None = None
        real_image = False
        if self.groups and chance(0.4):
            group = self._group()
            order = [int(i) for i in torch.randperm(len(group))]
            if chance(0.35):  # one volume, deformed into several subjects
                order = order[:1]
            sources = [group[order[i % len(order)]] for i in range(subjects)]
            real_image = chance(0.6)
        volumes = [s.labels for s in sources] if sources else [random_anatomy()] * subjects
        volumes = _fewer_labels(volumes)
        count = max(int(v.max()) for v in volumes) + 1
        present = torch.bincount(volumes[0].flatten(), minlength=count)
        wanted = (present[1:] > 20).nonzero()[:, 0] + 1
        if len(wanted) < 1:
            return None
        if chance(0.6):
            view = _framed_view(volumes[0], int(wanted[integer(0, len(wanted))]))
        else:
            view = _random_view(volumes[0], wanted, self.steps)
        size = self.render_sizes[integer(0, len(self.render_sizes))]
        contrast = _random_contrast(count, size)
        strength = uniform(0.15, 1.0)
        images, label_maps, depths = [], [], []
        for i, volume in enumerate(volumes):
            shift = view.spread * torch.randn(()).item() * 0.7
            offsets = shift + view.step * (torch.arange(slices) - (slices - 1) / 2)
            points = _deform(_slice_points(view, offsets, size), strength, view)
            onehot = F.one_hot(volume, count).permute(3, 0, 1, 2).float()
            soft = F.grid_sample(onehot[None], points[None], align_corners=True, padding_mode="border")[0]
            soft = soft.permute(1, 0, 2, 3)  # (t, J, S, S)
            if sources and real_image:
                source = sources[i].image[None, None]
                image = F.grid_sample(source, points[None], align_corners=True, padding_mode="border")[0, 0]
            else:
                image = _paint(soft, contrast)
            images.append(_degrade(image, contrast))
            label_maps.append(soft.argmax(1))
            depths.append(offsets)
        masks = _objects(torch.stack(label_maps), count, objects)
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
