"""DINOv2 embeddings of slices."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

from ..models.window import Window
from ..stages import SLICE_EMBEDDINGS, timed
from ..volumes import SliceStack

if TYPE_CHECKING:
    from timm.models.vision_transformer import VisionTransformer

    from ..models.build import LoadedEncoder

_BATCH = 16
_GRID = 4


def class_embedding(model: VisionTransformer, images: torch.Tensor) -> torch.Tensor:
    """The class token, as DINOv2 was made to be used, of unit length.

    Args:
        model: Without a head.
        images: float (b, 3, S, S), normalised.

    Returns:
        float (b, d).
    """
    return F.normalize(model.forward_features(images)[:, 0], dim=-1)


def grid_embedding(model: VisionTransformer, images: torch.Tensor) -> torch.Tensor:
    """What every cell of a 4 x 4 grid shows: the head's values of its patches, averaged; together of unit length.

    Args:
        model: With a head.
        images: float (b, 3, S, S), normalised.

    Returns:
        float (b, 16 * classes).
    """
    patches = model.head(model.forward_features(images)[:, model.num_prefix_tokens :])  # (b, patches, classes)
    rows, columns = model.patch_embed.grid_size
    cells = F.adaptive_avg_pool2d(patches.transpose(1, 2).unflatten(2, (rows, columns)), _GRID)
    return F.normalize(cells.flatten(1), dim=-1)


class SliceEmbedder:
    """Turns slices into unit vectors by a vision transformer of DINOv2's layout.

    A model with a head (the bundled one) embeds by grid, one without (DINOv2) by its class token. Every slice is
    shown whole, padded to a square, so that an embedding depends on its own volume alone and can be kept for the
    life of the case.

    Args:
        encoder: The model and the size of its input.
    """

    def __init__(self, encoder: LoadedEncoder) -> None:
        self.encoder = encoder

    @property
    def key(self) -> str:
        """What embeddings depend on besides the volume: weights and input size."""
        return f"{self.encoder.sha256[:16]}-{self.encoder.image_size}"

    @torch.inference_mode()
    @timed(SLICE_EMBEDDINGS)
    def embed(self, stack: SliceStack, progress: Callable[[int], None] | None = None) -> np.ndarray:
        """Embeddings of all slices.

        Args:
            stack: n slices.
            progress: Told how many slices are done.

        Returns:
            float32 (n, d), each row of unit length.
        """
        model = self.encoder.model
        device = next(model.parameters()).device
        mean, std = (torch.tensor(v, device=device)[:, None, None] for v in (self.encoder.mean, self.encoder.std))
        embedding = grid_embedding if model.num_classes else class_embedding
        window = Window.around(stack)
        rows = []
        for start in range(0, len(stack), _BATCH):
            numbers = range(start, min(start + _BATCH, len(stack)))
            slices = torch.from_numpy(np.stack([stack.image(n) for n in numbers])).to(device)
            images = window.to_input(slices, stack.spacing_mm, self.encoder.image_size)
            rows.append(embedding(model, ((images[:, None] - mean) / std).expand(-1, 3, -1, -1)).cpu().numpy())
            if progress:
                progress(numbers[-1] + 1)
        return np.concatenate(rows).astype(np.float32)
