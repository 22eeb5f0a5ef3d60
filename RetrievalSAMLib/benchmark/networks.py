"""The networks of a benchmark: installed weights, else random ones of the official shapes."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InputError
from ..models import store
from ..models.build import LoadedSegmenter, build_encoder, build_segmenter, random_segmenter
from ..models.catalogue import BUNDLED, SAM3, get, names
from ..models.device import share_processors
from ..segmentation.settings.networks import encoder_for, image_size_for
from ..segmentation.settings.options import Models


@dataclass(frozen=True)
class Networks:
    """What runs.

    Attributes:
        ours: Of our own run.
        published: The segmenter at the image size of the methods that ours is compared with.
    """

    ours: Models
    published: LoadedSegmenter


def load_networks(model: str, image_size: int | None, size: tuple[int, int, int], device: str) -> Networks:
    """The networks of a benchmark.

    Args:
        model: Name of the segmenter.
        image_size: Pixels a side, for every method alike. By default each has its own: ours what `segment` would take
            for such a volume, the published ones what the segmenter was trained at.
        size: Of the volume, in voxels.
        device: Where to run.

    Raises:
        InputError: The image size or the device cannot be used, or the segmenter is none of SAM 2.
        ModelError: The name is unknown, or installed weights are damaged.
    """
    if model == SAM3:
        fact = "what is timed, and what it is compared with, are the modules, loop and video predictor of SAM 2"
        raise InputError(f"--model {model}", fact, f"Use one of {', '.join(names('segmenter'))}.")
    get(model, "segmenter")
    share_processors()

    def segmenter(side: int | None) -> LoadedSegmenter:
        if model == BUNDLED or store.status([model])[0].installed:
            return build_segmenter(model, image_size=side, device=device)
        return random_segmenter(model, side, device=device)

    ours = segmenter(image_size_for(model, size) if image_size is None else image_size)
    trained = get(model, "segmenter").image_size
    published = ours if image_size is not None or trained == ours.image_size else segmenter(trained)
    return Networks(Models(ours, build_encoder(encoder_for(model), device=device)), published)
