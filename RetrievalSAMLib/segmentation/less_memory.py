"""A run for which memory does not suffice is tried again with less of it, and its report says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from ..errors import InputError, NotEnoughMemoryError
from ..models.build import at_image_size
from ..out_of_memory import free_memory, is_out_of_memory
from ..side_by_side import one_at_a_time
from .settings.options import MEMORIES_ON_DISK, ONE_SEGMENT_AT_A_TIME, Models, RunOptions
from .settings.presets import FATE_SAM, Settings

STAGE = "trying again with less memory"
_HELD_BYTES = 64 << 20
"""Support memories that stay in main memory in a run with less."""

Result = TypeVar("Result")


def with_less_memory(
    run: Callable[[Models, RunOptions], Result], models: Models, settings: Settings, options: RunOptions
) -> Result:
    """The result of a run, with as much memory as there is.

    First as asked for; then with what makes it slower and changes next to nothing (support memories on the disk, one
    segment and one slice at a time); then with a smaller image, where the caller allows it.

    Args:
        run: The run, with the networks and options that it is given.
        models: The networks.
        settings: Of the run.
        options: Of the run; ``least_image_size`` says how small the image may become.

    Raises:
        NotEnoughMemoryError: Memory ran out each time.
    """
    for again, (given, chosen) in enumerate(_attempts(models, settings, options)):
        try:
            if again:
                options.progress(STAGE, again, again + 1)
            with one_at_a_time(bool(chosen.less_memory)):
                return run(given(), chosen)
        except (MemoryError, RuntimeError, OSError, ImportError, InputError) as error:
            if not is_out_of_memory(error):
                raise
        # Behind the handler: the error holds on to all that the run held.
        free_memory()
    raise NotEnoughMemoryError("memory", "there is not enough of it for this run", _remedy(models, settings))


def _attempts(
    models: Models, settings: Settings, options: RunOptions
) -> Iterator[tuple[Callable[[], Models], RunOptions]]:
    yield lambda: models, options
    # The published method has neither: its memories are those of a slice, and are not kept.
    if settings.preset != FATE_SAM:
        less = (MEMORIES_ON_DISK, ONE_SEGMENT_AT_A_TIME)
        options = replace(options, max_memory_bytes=min(options.max_memory_bytes, _HELD_BYTES), less_memory=less)
        yield lambda: models, options
    least = options.least_image_size
    size = None if least is None else models.segmenter.usable_image_size(least)
    if size is not None and size < models.segmenter.image_size:
        smaller = replace(options, less_memory=(*options.less_memory, f"image-size-{size}"))
        yield lambda: replace(models, segmenter=at_image_size(models.segmenter, size)), smaller


def _remedy(models: Models, settings: Settings) -> str:
    """What is left to try, for this run."""
    segmenter = models.segmenter
    choices = ["a smaller region of interest", "fewer segments"]
    if settings.preset != "fast":
        choices.append("the preset 'fast' or fewer support slices")
    if segmenter.origin != "bundled":
        choices.append("a smaller model or image size")
    if next(segmenter.model.parameters()).device.type != "cpu":
        choices.append("the processor instead of the graphics card")
    return f"Try {', '.join(choices[:-1])} or {choices[-1]}; closing other programs helps too."
