"""Which networks a command runs, and where."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from ..segmentation.pipeline import Models
    from ..volumes import Volume

DEVICES = ("auto", "cpu", "cuda", "mps")
_LARGE_SLICE = 512


def choose_device(name: str) -> str:
    """The device to run on; ``auto`` takes CUDA, then Apple's GPU, then the CPU.

    Raises:
        InputError: It is not known or not there.
    """
    import torch

    if name not in DEVICES:
        raise InputError("--device", f"'{name}' is not known", f"Use one of {', '.join(DEVICES)}.")
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if there[device])
    if not there[name]:
        raise InputError(
            "--device", f"this computer offers no {name} to PyTorch", "Use --device cpu or auto."
        )
    return name


def share_processors() -> None:
    """Let PyTorch use half of the processors that this process may run on, at least one.

    Threads that have to wait for a processor wait busily, so that as many threads as processors are many times
    slower than one as soon as anything else runs. OMP_NUM_THREADS, where it is set, is obeyed.
    """
    import torch

    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, _processors() // 2))


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load_models(
    model: str,
    encoder: str | None,
    *,
    checkpoint: Path | None = None,
    image_size: int | None = None,
    device: str = "cpu",
    target: Volume | None = None,
) -> Models:
    """The segmenter and the encoder of a run.

    SAM 2.1 was trained at 1024 pixels; slices of up to 512 pixels are shown to it at 512, which costs a fraction.

    Args:
        model: Name of the segmenter.
        encoder: Name of the encoder; by default the bundled one with the bundled segmenter, DINOv2 with SAM 2.1
            where its weights are installed.
        checkpoint: Weights of the segmenter from a file.
        image_size: Pixels a side.
        device: Where to run.
        target: The volume, whose slices decide the image size.
    """
    from ..models import store
    from ..models.build import build_encoder, build_segmenter
    from ..models.catalogue import BUNDLED
    from ..segmentation.pipeline import Models

    share_processors()
    if encoder is None:
        encoder = BUNDLED
        if model != BUNDLED:
            if store.status(["dinov2-s14"])[0].installed:
                encoder = "dinov2-s14"
            else:
                print(
                    "note: DINOv2's weights are not installed (retrievalsam models download dinov2-s14); "
                    "slices are compared by the bundled encoder",
                    file=sys.stderr,
                )
    if image_size is None and model != BUNDLED and target is not None:
        image_size = 512 if max(target.geometry.size) <= _LARGE_SLICE else 1024
    return Models(
        build_segmenter(model, checkpoint=checkpoint, image_size=image_size, device=device),
        build_encoder(encoder, device=device),
    )
