"""What a batch is asked for, the same for all its volumes, and what a result depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .. import __version__
from ..evaluation.kept_results import identity
from ..library.case import Case
from ..models import catalogue
from ..segmentation.settings.cleaning import Cleaning, cleaning_of
from ..segmentation.settings.presets import preset as preset_of
from ..segmentation.settings.region import Box
from ..volumes import ReadingChoices
from ..worker.jobs.segmenting import Networks

_FORMAT = 1


@dataclass(frozen=True)
class Order:
    """What is wanted of every volume; it travels to the processes that work on them.

    Attributes:
        library: Whole path of the support library.
        library_key: `library_key` of its cases when the batch began: what is worked with is what was asked for.
        folder: Whole path of the folder for results.
        preset: As for `segment`, like all that follows.
        model: Name of the segmenter.
        encoder: Name of the encoder, or None for the one that goes with the segmenter.
        device: `auto`, `cpu`, `cuda` or `mps`.
        plane: `auto`, or the name of a plane.
        segments: Names, or None for all.
        seed: Of the random generators.
        learned: Whether to use what the library has learned and tuned.
        trust_header: See `RunOptions`.
        cleaning: What is done with the masks once they are found.
        reading: How volumes are to be read; each choice counts for those that it can be about.
        version: Of the program that asks.
    """

    library: Path = field(repr=False)
    library_key: str
    folder: Path = field(repr=False)
    preset: str = "default"
    model: str = catalogue.BUNDLED
    encoder: str | None = None
    device: str = "auto"
    plane: str = "auto"
    segments: tuple[str, ...] | None = None
    seed: int = 0
    learned: bool = True
    trust_header: bool = False
    cleaning: Cleaning = Cleaning()
    reading: ReadingChoices = ReadingChoices()
    version: str = __version__


def library_key(cases: Sequence[Case]) -> str:
    """Equal for equal cases: their contents, names and segments."""
    return _hashed(sorted(identity(case) for case in cases))


def fingerprint(
    order: Order,
    networks: Networks,
    image: str,
    region: Box | None,
    expert: str | None = None,
    tuning: str | None = None,
) -> str:
    """Equal where the same result is to be expected.

    The device and the number of threads are left out: they may change a last bit, which is no reason to begin anew.

    Args:
        order: The batch's.
        networks: Those that the volume is segmented with.
        image: Hash of the volume's voxels and grid.
        region: Where the volume is looked at.
        expert: SHA-256 of the weights of the library's expert, None where it is not used.
        tuning: SHA-256 of what the library has tuned, None likewise.
    """
    segmenter = catalogue.get(networks.model, "segmenter")
    encoder = catalogue.get(networks.encoder, "encoder")
    settings = preset_of(order.preset)
    cleaning = cleaning_of(settings, order.cleaning).as_report()
    asked = [settings.as_report(), cleaning, order.plane, order.segments, order.seed, region]
    if order.trust_header:
        asked.append("trust-header")
    if tuning is not None:
        asked.append(tuning)
    known_as = [segmenter.sha256, networks.image_size, encoder.sha256]
    return _hashed([_FORMAT, order.version, order.library_key, image, known_as, asked, expert])


def _hashed(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
