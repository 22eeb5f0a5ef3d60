"""What the worker is asked for a run, and what its client knows the files of it as."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...errors import InputError
from .run import Run


def parameters_of(run: Run, device: str) -> dict[str, Any]:
    """What the worker's `segment` and `refine` have in common."""
    shared = {
        "preset",
        "model",
        "segments",
        "plane",
        "roi",
        "seed",
        "points",
        "boxes",
        "learned",
        "trust_header",
        "clean",
    }
    given = run.request.model_dump(include=shared)
    files = {"folder": str(run.library), "image": str(run.volume.path), "output": str(run.result)}
    partial = None if run.so_far is None else str(run.so_far.folder)
    return {**given, **files, "device": device, "partial": partial}


def written_before(run: Run) -> Path:
    """The segmentation that is refined: as it was sent, or an earlier result with what was sent put into it.

    Raises:
        InputError: They do not go together, or the earlier result is gone.
    """
    from ...volumes import read_segmentation, write_segmentation
    from ..pasting import pasted

    if run.refines is None:
        assert run.segmentation is not None
        return run.segmentation.path
    if not run.refines.result.is_file():
        raise InputError("the earlier run", "its result was deleted meanwhile", "Send the whole segmentation.")
    if run.segmentation is None:
        return run.refines.result
    whole = pasted(read_segmentation(run.refines.result), read_segmentation(run.segmentation.path))
    path = run.folder / "before.seg.nrrd"
    write_segmentation(whole, path)
    return path


def words_of(run: Run) -> dict[str, str]:
    """By path on this computer, what a client knows it as."""
    words = {str(run.volume.path): "the volume", str(run.library): run.request.library, str(run.folder): "the run"}
    if run.segmentation is not None:
        words[str(run.segmentation.path)] = "the segmentation"
    return words | {str(run.folder / "before.seg.nrrd"): "the segmentation", str(run.folder.parents[1]): "the server"}
