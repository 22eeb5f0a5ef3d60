"""What every run on an opened library is given, whoever asks for it: command line, worker, batch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...library.store import SupportLibrary
from .cache_space import memory_cache, states_folder
from .memory_use import memory_for_supports
from .networks import LEAST_IMAGE_SIZE
from .options import RunOptions


def usual_options(library: SupportLibrary, **chosen: Any) -> RunOptions:
    """The options of a run.

    Args:
        library: Its cases are the supports.
        chosen: Fields of `RunOptions` that are not the usual ones.
    """
    usual = RunOptions(
        max_memory_bytes=memory_for_supports(),
        cache=library.cache_dir,
        library_name=library.name,
        memory_cache=memory_cache(),
        state=states_folder(),
        least_image_size=LEAST_IMAGE_SIZE,
    )
    return replace(usual, **chosen)
