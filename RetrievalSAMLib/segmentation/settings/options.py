"""What a run is given, and what it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ...models.build import LoadedEncoder, LoadedSegmenter
from ...progress import Progress, silent
from ...volumes import Plane, Segmentation
from .cache_space import CacheSpace
from .cleaning import Cleaning
from .tuning import Tuning

MEMORIES_ON_DISK = "memories-on-disk"
ONE_SEGMENT_AT_A_TIME = "one-segment-at-a-time"

Partial = Callable[[Segmentation, int, int], None]
"""Given what is found so far, on the target's grid, and how many of how many steps of the pass it stands for."""


@dataclass(frozen=True)
class Models:
    """The two networks of a run."""

    segmenter: LoadedSegmenter
    encoder: LoadedEncoder


@dataclass(frozen=True)
class RunOptions:
    """What a caller may choose beside the preset.

    Attributes:
        plane: Anatomical plane to slice along; by default the one the target was most likely acquired in.
        segments: Names of the segments to look for; by default all.
        roi: First and last-plus-one voxel by axis (x0, x1, y0, y1, z0, z1) that the search is limited to.
        max_memory_bytes: What support memories may hold of main memory; the rest goes to a temporary folder.
        cache: Folder for embeddings of the cases, or None.
        library_name: For the report.
        logits: Where to write the logits as .npz, or None.
        seed: What the caller seeded the random generators with, for the report; no step of a run draws from them.
        progress: Told how far the run is.
        trust_header: Slices are taken in the order that headers tell, also where the images speak for the reverse one.
        partial: Given what is found so far, now and then (see `partial_results.Growing`), or None. It sees copies: the
            result does not depend on it.
        memory_cache: Where what SAM 2 makes of support slices is kept for other runs (see `kept_memories`), or None.
            The result does not depend on it.
        state: Folder in which a run leaves what a correction of its result needs (see `state_file`), or None for
            nowhere.
        least_image_size: Where memory runs out, the image that SAM 2 sees may become this small, in pixels a side; None
            for as large as it is, whatever happens.
        cleaning: What is done with the masks once they are found; the published methods do none of it.
        less_memory: What the run does to need less memory, because it ran out before (see `less_memory`).
        tuning: What the library has tuned for this model, which stands in the run's settings too; None for nothing.
    """

    plane: Plane | None = None
    segments: tuple[str, ...] | None = None
    roi: tuple[int, int, int, int, int, int] | None = None
    max_memory_bytes: int = 1 << 30
    cache: Path | None = None
    library_name: str = "library"
    logits: Path | None = None
    seed: int = 0
    progress: Progress = silent
    trust_header: bool = False
    partial: Partial | None = None
    memory_cache: CacheSpace | None = None
    state: Path | None = None
    least_image_size: int | None = None
    cleaning: Cleaning = Cleaning()
    less_memory: tuple[str, ...] = ()
    tuning: Tuning | None = None
