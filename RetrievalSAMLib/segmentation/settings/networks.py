"""Which networks a run takes."""

from __future__ import annotations

from pathlib import Path

from ...errors import InputError
from ...models import catalogue, store
from ...models.build import build_encoder, build_segmenter
from ...models.catalogue import BUNDLED, SAM3
from ...models.device import share_processors
from .options import Models
from .presets import FATE_SAM

DINOV2 = "dinov2-s14"
LEAST_IMAGE_SIZE = 512
"""Pixels a side that SAM 2.1 may be given where memory runs out, unless the user has chosen."""
_LARGE_SLICE = 512


def encoder_for(model: str) -> str:
    """The encoder that goes with a segmenter: the bundled one, or DINOv2 with SAM 2.1 where it is installed."""
    return DINOV2 if model != BUNDLED and store.status([DINOV2])[0].installed else BUNDLED


def check_model(model: str, checkpoint: Path | None, preset: str | None = None) -> None:
    """Refuse a segmenter that cannot be loaded for this, before anything is.

    Args:
        model: Name of the segmenter.
        checkpoint: Weights of it from a file.
        preset: Of the run, if it has one.

    Raises:
        InputError: The preset is not for this segmenter.
        ModelError: The name is unknown, or needs a checkpoint.
    """
    if model != SAM3 or checkpoint is None:
        catalogue.get(model, "segmenter")
    if model == SAM3 and preset == FATE_SAM:
        raise bound_to_sam2(model)


def bound_to_sam2(model: str) -> InputError:
    """What to say where FATE-SAM is asked of another network."""
    fact = f"it is the published method, which is bound to SAM 2, and the model is {model}"
    return InputError(f"the preset {FATE_SAM}", fact, "Use another preset, or a model of SAM 2.")


def image_size_for(model: str, size: tuple[int, int, int]) -> int | None:
    """Pixels a side of a segmenter's input for a volume, None for the segmenter's own.

    SAM 2.1 was trained at 1024 pixels; slices of up to 512 pixels are shown to it at 512, which costs a fraction. Of
    SAM 3 nothing is known at another size than its own.

    Args:
        model: Name of the segmenter.
        size: Of the volume, in voxels.
    """
    if model in (BUNDLED, SAM3):
        return None
    return 512 if max(size) <= _LARGE_SLICE else 1024


def load_models(
    model: str,
    encoder: str,
    *,
    checkpoint: Path | None = None,
    image_size: int | None = None,
    device: str = "cpu",
) -> Models:
    """The segmenter and the encoder of a run.

    Args:
        model: Name of the segmenter.
        encoder: Name of the encoder.
        checkpoint: Weights of the segmenter from a file.
        image_size: Pixels a side; the segmenter's own unless given.
        device: Where to run.

    Raises:
        InputError: The image size or the device cannot be used.
        ModelError: A name is unknown, or weights are missing, damaged, or of other shapes.
    """
    share_processors()
    return Models(
        build_segmenter(model, checkpoint=checkpoint, image_size=image_size, device=device),
        build_encoder(encoder, device=device),
    )
