"""Engines that remember what they made of images: with other settings a run looks at the same ones again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import torch
from sam2.modeling.sam2_base import SAM2Base

from ..models.build import LoadedSegmenter
from ..segmentation.engines.interface import Engine, ImageFeatures
from ..segmentation.sam2.engine import Sam2Engine
from ..segmentation.sam3.engine import Sam3Engine


class _KnownImages:
    """Features by the images that they were made of.

    Args:
        limit_bytes: Main memory that features may take; what comes when it is full is not remembered.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._left = limit_bytes
        self._known: dict[bytes, ImageFeatures] = {}

    def features(
        self, images: torch.Tensor, encode: Callable[[torch.Tensor], ImageFeatures], device: torch.device
    ) -> ImageFeatures:
        """Features on the device; equal images give equal ones."""
        held = images.cpu().contiguous()
        key = hashlib.sha256(f"{tuple(held.shape)} {held.dtype}".encode() + held.numpy().tobytes()).digest()
        known = self._known.get(key)
        if known is not None:
            return _on(known, device)
        made = encode(images)
        kept = _on(made, torch.device("cpu"))
        size = sum(tensor.numel() * tensor.element_size() for tensor in _tensors(kept))
        if size <= self._left:
            self._left -= size
            self._known[key] = kept
        return made


class RememberingEngine(Sam2Engine):
    """An engine that gives an image's features again without a pass of the image encoder.

    Args:
        model: As `Sam2Engine`.
        precision: As `Sam2Engine`.
        limit_bytes: Main memory that features may take; what comes when it is full is not remembered.
    """

    def __init__(self, model: SAM2Base, precision: torch.dtype, limit_bytes: int) -> None:
        super().__init__(model, precision)
        self._images = _KnownImages(limit_bytes)

    def encode_images(self, images: torch.Tensor) -> ImageFeatures:
        """As `Sam2Engine.encode_images`; equal images give equal features."""
        return self._images.features(images, super().encode_images, self.device)


class RememberingSam3Engine(Sam3Engine):
    """The same of SAM 3.

    Args:
        model: As `Sam3Engine`.
        precision: As `Sam3Engine`.
        limit_bytes: As `RememberingEngine`.
    """

    def __init__(self, model: Any, precision: torch.dtype, limit_bytes: int) -> None:
        super().__init__(model, precision)
        self._images = _KnownImages(limit_bytes)

    def encode_images(self, images: torch.Tensor) -> ImageFeatures:
        """As `Sam3Engine.encode_images`; equal images give equal features."""
        return self._images.features(images, super().encode_images, self.device)


def remembering(segmenter: LoadedSegmenter, limit_bytes: int) -> Engine:
    """The engine of a loaded segmenter that remembers.

    Args:
        segmenter: Of SAM 2 or SAM 3.
        limit_bytes: As `RememberingEngine`.
    """
    if segmenter.family == "sam3":
        return RememberingSam3Engine(segmenter.model, segmenter.precision, limit_bytes)
    return RememberingEngine(segmenter.model, segmenter.precision, limit_bytes)


def _tensors(features: ImageFeatures) -> tuple[torch.Tensor, ...]:
    return features.fine, features.middle, features.embedding, features.position


def _on(features: ImageFeatures, device: torch.device) -> ImageFeatures:
    return ImageFeatures(*(tensor.to(device) for tensor in _tensors(features)))
