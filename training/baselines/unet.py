"""A small 2D U-Net, trained from nothing on the same few support cases: what training buys with this little data.

Ronneberger et al., MICCAI 2015, with batch normalisation, cross-entropy + Dice, and the augmentation that few cases
need (affine, elastic, intensity). No flips: left and right organs are different segments.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from RetrievalSAMLib.library.segments import merge_segments
from RetrievalSAMLib.models.window import Window
from RetrievalSAMLib.retrieval.evidence import CaseSlices, SupportCase
from RetrievalSAMLib.volumes import Plane, Segment, Segmentation, SliceStack, Volume


@dataclass(frozen=True)
class UnetSettings:
    """How the network is made and trained.

    Attributes:
        pixels: The longest side of the supports' slices gets at most so many pixels.
        crop: Side in pixels of what a training step sees of a slice, at most.
        widths: Channels by level; each level halves the resolution.
        steps: Of training.
        batch: Crops a step.
        peak: Learning rate of AdamW, after a short warm-up and before a linear fall to zero.
        foreground: Part of the crops that are placed on a segment, every segment as often as the others.
        seed: Of weights, crops and augmentation.
    """

    pixels: int = 128
    crop: int = 96
    widths: tuple[int, ...] = (16, 32, 64, 128, 128)
    steps: int = 600
    batch: int = 8
    peak: float = 3e-3
    foreground: float = 0.5
    seed: int = 0

    @property
    def stride(self) -> int:
        """The sides of an input are multiples of this."""
        return int(2 ** (len(self.widths) - 1))


class UNet(nn.Module):
    """Images (b, 1, h, w) to logits (b, classes, h, w); h and w are multiples of the settings' stride."""

    def __init__(self, widths: Sequence[int], classes: int) -> None:
        super().__init__()
        self.down = nn.ModuleList(_convolutions(i, o) for i, o in zip((1, *widths), widths, strict=False))
        self.up = nn.ModuleList(_convolutions(i + o, i) for i, o in zip(widths, widths[1:], strict=False))
        self.head = nn.Conv2d(widths[0], classes, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Segment."""
        skipped: list[torch.Tensor] = []
        x = images
        for level, convolve in enumerate(self.down):
            x = convolve(F.max_pool2d(x, 2) if level else x)
            skipped.append(x)
        skipped.pop()
        for convolve in reversed(self.up):
            larger = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = convolve(torch.cat([skipped.pop(), larger], dim=1))
        logits: torch.Tensor = self.head(x)
        return logits


def _convolutions(before: int, after: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (before, after):
        # Batch, not instance normalisation: what it learns on crops holds for whole slices.
        layers += [nn.Conv2d(channels, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


@dataclass(frozen=True)
class _Scale:
    """One scale in mm for all slices, so that size means the same in every case.

    Attributes:
        plane: Along which everything is sliced.
        pixel_mm: Side of a pixel.
        stride: The sides of an input are multiples of it, in pixels.
    """

    plane: Plane
    pixel_mm: float
    stride: int

    @classmethod
    def of(cls, cases: Sequence[SupportCase], settings: UnetSettings) -> _Scale:
        """The pixels of the support cases, or coarser ones where slices would be larger than the settings allow."""
        plane = Counter(case.plane for case in cases).most_common(1)[0][0]
        stacks = [SliceStack.of(case.load_image(), plane) for case in cases]
        finest = float(np.median([min(stack.spacing_mm) for stack in stacks]))
        largest = max(max(stack.extent_mm) for stack in stacks)
        return cls(plane, max(finest, largest / settings.pixels), settings.stride)

    def window(self, stack: SliceStack) -> tuple[Window, int]:
        """A square around the middle of a stack's slices that holds them whole, and its side in pixels."""
        size = self.stride * math.ceil(max(stack.extent_mm) / (self.pixel_mm * self.stride) - 1e-6)
        return Window.around(stack, size * self.pixel_mm), size

    def images(self, stack: SliceStack) -> torch.Tensor:
        """All slices (n, 1, S, S) in [0, 1]; black beyond the slice."""
        window, size = self.window(stack)
        slices = torch.from_numpy(np.stack([stack.image(i) for i in range(len(stack))]))
        return window.to_input(slices, stack.spacing_mm, size)[:, None]

    def labels(self, slices: CaseSlices, values: Sequence[int]) -> torch.Tensor:
        """Classes (n, S, S) of all slices, int64: 0 is background, c is ``values[c - 1]``.

        Where segments overlap, the one that covers more of the pixel wins.
        """
        window, size = self.window(slices.stack)
        count = len(slices.stack)
        best, classes = torch.full((count, size, size), 0.5), torch.zeros(count, size, size, dtype=torch.long)
        for number, value in enumerate(values, start=1):
            mask = np.stack([slices.mask(value, i) for i in range(count)]).astype(np.float32)
            cover = window.to_input(torch.from_numpy(mask), slices.stack.spacing_mm, size)
            wins = cover >= best
            best, classes = torch.where(wins, cover, best), torch.where(wins, number, classes)
        return classes


class _Crops:
    """Augmented crops of the support slices, without end."""

    def __init__(self, images: Sequence[torch.Tensor], labels: Sequence[torch.Tensor], settings: UnetSettings) -> None:
        """Take slices (n, 1, S, S) and classes (n, S, S) of every case; S may differ between cases."""
        self.settings = settings
        self.images, self.labels = images, labels
        self.slices = [(case, i) for case, stack in enumerate(labels) for i in range(len(stack))]
        self.crop = min(settings.crop, max(stack.shape[-1] for stack in labels))
        self.holding: dict[int, list[tuple[int, int]]] = {}
        for case, i in self.slices:
            for number in labels[case][i].unique().tolist():
                if number:
                    self.holding.setdefault(number, []).append((case, i))

    def batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Images (b, 1, crop, crop) and classes (b, crop, crop)."""
        drawn = [self._one() for _ in range(self.settings.batch)]
        images = torch.cat([image for image, _ in drawn])
        return _other_intensities(images), torch.cat([classes for _, classes in drawn])

    def _one(self) -> tuple[torch.Tensor, torch.Tensor]:
        if self.holding and torch.rand(()) < self.settings.foreground:
            number = _choice(sorted(self.holding))
            case, i = _choice(self.holding[number])
            pixels = (self.labels[case][i] == number).nonzero()
            centre = pixels[int(torch.randint(len(pixels), ()))].float()
        else:
            case, i = _choice(self.slices)
            centre = torch.rand(2) * self.labels[case].shape[-1]
        size = self.labels[case].shape[-1]
        # As near to the place drawn as a crop can be that looks at nothing but the slice.
        room = max(0.0, (size - self.crop) / 2)
        middle = size / 2
        centre = (centre + self.crop * _uniform(-0.25, 0.25, 2)).clamp(middle - room, middle + room)
        grid = _grid(self.crop, centre, size)
        image = F.grid_sample(self.images[case][i : i + 1], grid, align_corners=False)
        classes = self.labels[case][i][None, None].float()
        moved = F.grid_sample(classes, grid, mode="nearest", align_corners=False)
        return image, moved[:, 0].long()


_T = TypeVar("_T")


def _choice(items: Sequence[_T]) -> _T:
    return items[int(torch.randint(len(items), ()))]


def _uniform(low: float, high: float, *shape: int) -> torch.Tensor:
    return low + (high - low) * torch.rand(shape)


def _grid(crop: int, centre: torch.Tensor, size: int) -> torch.Tensor:
    """Where a crop looks: turned, stretched, sheared, shifted and bent.

    Args:
        crop: Its side in pixels.
        centre: (row, column) of its middle in the slice, in pixels.
        size: Side of the slice in pixels.

    Returns:
        (1, crop, crop, 2), as `grid_sample` wants it.
    """
    angle = _uniform(-0.3, 0.3)
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()]).view(2, 2)
    shear = torch.eye(2) + _uniform(-0.1, 0.1, 2, 2).fill_diagonal_(0.0)
    matrix = turn @ shear @ torch.diag(_uniform(0.9, 1.1, 2) * 2 ** _uniform(-0.35, 0.35))
    line = torch.arange(crop) - (crop - 1) / 2
    place = torch.stack(torch.meshgrid(line, line, indexing="ij"), dim=-1) @ matrix.T
    knots = int(torch.randint(3, 7, ()))
    strength = crop * _uniform(0.0, 0.12) / knots
    bend = F.interpolate(torch.randn(1, 2, knots, knots) * strength, size=crop, mode="bicubic", align_corners=True)
    place = place + bend[0].permute(1, 2, 0) + centre + _uniform(-0.05, 0.05, 2) * crop
    return (place.flip(-1) * 2 / size - 1)[None]


def _other_intensities(images: torch.Tensor) -> torch.Tensor:
    """Contrast, brightness, gamma, blur and noise, each image its own."""
    shape = (len(images), 1, 1, 1)
    images = images.clamp(0, 1) ** (2 ** _uniform(-0.7, 0.7, *shape))
    images = images * _uniform(0.75, 1.25, *shape) + _uniform(-0.1, 0.1, *shape)
    blurred = F.avg_pool2d(images, 3, stride=1, padding=1, count_include_pad=False)
    images = torch.where(torch.rand(shape) < 0.2, blurred, images)
    return images + torch.randn_like(images) * _uniform(0.0, 0.08, *shape)


def _loss(logits: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """Cross-entropy and 1 - Dice, the latter over the batch and of the segments alone."""
    probability = logits.softmax(1)
    truth = F.one_hot(classes, logits.shape[1]).permute(0, 3, 1, 2).to(logits.dtype)
    both = (probability * truth).sum((0, 2, 3))
    each = (probability + truth).sum((0, 2, 3))
    # A segment that no crop of the batch holds says nothing about overlap; cross-entropy speaks for it.
    present = truth.sum((0, 2, 3)) > 0
    present[0] = False
    dice = (2 * both[present] + 1) / (each[present] + 1)
    overlap = 1 - dice.mean() if present.any() else logits.new_zeros(())
    return F.cross_entropy(logits, classes) + overlap


@dataclass(frozen=True)
class TrainedUnet:
    """A network that was trained on one set of support cases.

    Attributes:
        network: In evaluation mode.
        scale: Of its inputs.
        segments: What its classes from 1 on stand for.
    """

    network: UNet
    scale: _Scale
    segments: tuple[Segment, ...]

    @torch.inference_mode()
    def segment(self, target: Volume) -> Segmentation:
        """Segment a volume; segments do not overlap."""
        stack = SliceStack.of(target, self.scale.plane)
        window, _ = self.scale.window(stack)
        images = self.scale.images(stack)
        labels = np.zeros(stack.frame.shape, dtype=np.uint16)
        for i in range(len(stack)):
            logits = self.network(images[i : i + 1])[0]
            fine = window.to_slice(logits, stack.frame.shape[1:], stack.spacing_mm, outside=0.0)
            labels[i] = fine.argmax(0).numpy()
        masks = (stack.frame.from_slices(labels == number) for number in range(1, len(self.segments) + 1))
        return Segmentation.from_masks(self.segments, masks, target.geometry)


def train_unet(cases: Sequence[SupportCase], settings: UnetSettings | None = None) -> TrainedUnet:
    """Train a network on all slices of some cases. Draws from no generator but its own."""
    settings = settings or UnetSettings()
    segments = merge_segments((case.name, case.segments) for case in cases)
    scale = _Scale.of(cases, settings)
    loaded = [CaseSlices.load(case, scale.plane) for case in cases]
    values = [segment.value for segment in segments]
    images = [scale.images(slices.stack) for slices in loaded]
    labels = [scale.labels(slices, values) for slices in loaded]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = UNet(settings.widths, len(segments) + 1)
        _train(network, _Crops(images, labels, settings), settings)
    return TrainedUnet(network.eval(), scale, segments)


def _train(network: UNet, crops: _Crops, settings: UnetSettings) -> None:
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.peak, weight_decay=1e-2)
    warm_up = max(1, settings.steps // 20)
    for step in range(settings.steps):
        rate = settings.peak * min((step + 1) / warm_up, (settings.steps - step) / (settings.steps - warm_up))
        for group in optimizer.param_groups:
            group["lr"] = rate
        images, classes = crops.batch()
        loss = _loss(network(images), classes)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
