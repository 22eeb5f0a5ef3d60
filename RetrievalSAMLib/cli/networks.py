"""The networks of a command, with a note for the user where they are not the usual ones."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..segmentation.pipeline import Models
    from ..volumes import Volume


def load_models(
    model: str,
    encoder: str | None,
    *,
    checkpoint: Path | None = None,
    image_size: int | None = None,
    device: str = "cpu",
    target: Volume | None = None,
) -> Models:
    """The segmenter and the encoder of a command; see `segmentation.networks`.

    Args:
        model: Name of the segmenter.
        encoder: Name of the encoder; by default the one that goes with the segmenter.
        checkpoint: Weights of the segmenter from a file.
        image_size: Pixels a side.
        device: Where to run.
        target: The volume, whose slices decide the image size.
    """
    from ..models.catalogue import BUNDLED
    from ..segmentation.settings import networks

    if encoder is None:
        encoder = networks.encoder_for(model)
        if encoder == BUNDLED != model:
            print(
                f"note: DINOv2's weights are not installed (retrievalsam models download {networks.DINOV2}); "
                "slices are compared by the bundled encoder",
                file=sys.stderr,
            )
    if image_size is None and target is not None:
        image_size = networks.image_size_for(model, target.geometry.size)
    return networks.load_models(model, encoder, checkpoint=checkpoint, image_size=image_size, device=device)
