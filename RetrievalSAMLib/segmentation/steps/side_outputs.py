"""What a run hands out and keeps while it goes on. The result does not depend on any of it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from ...volumes import Segmentation
from ..memory.kept_memories import KeptSupports
from ..output.partial_results import Growing
from ..run_state.state_file import StateWriter
from .inputs import RunInputs


@dataclass(frozen=True)
class SideOutputs:
    """Where that goes; None for what the caller did not ask for.

    Attributes:
        partial: Hands out what is found so far.
        state: Writes what a correction of the result needs.
        memories: What earlier runs made of the cases' slices, and where this one puts what it makes.
        logits_file: Temporary file for all logits.
    """

    partial: Growing | None
    state: StateWriter | None
    memories: KeptSupports | None
    logits_file: Path | None


@contextmanager
def side_outputs(
    inputs: RunInputs,
    content_keys: Sequence[str],
    on_target: Callable[[Segmentation], Segmentation] = lambda segmentation: segmentation,
    need_logits: bool = False,
) -> Iterator[SideOutputs]:
    """Open what a caller asked for; what is not finished inside is discarded.

    Args:
        inputs: Of the run.
        content_keys: By case, what its slices are made of.
        on_target: Brings a partial segmentation on the target's grid; it is there already unless given.
        need_logits: Whether the run itself needs all logits, also where the caller does not ask for them.
    """
    options = inputs.options
    partial = Growing(options.partial, on_target) if options.partial else None
    memories = kept_memories(inputs, content_keys)
    writing = StateWriter(options.state) if options.state else nullcontext()
    with tempfile.TemporaryDirectory(prefix="retrievalsam-") as folder, writing as state:
        logits_file = Path(folder) / "logits.npy" if options.logits or need_logits else None
        yield SideOutputs(partial, state, memories, logits_file)
    if memories:
        memories.flush()


def kept_memories(inputs: RunInputs, content_keys: Sequence[str]) -> KeptSupports | None:
    """What earlier runs made of the cases' slices."""
    space = inputs.options.memory_cache
    return KeptSupports(space, inputs.models.segmenter, content_keys) if space else None
