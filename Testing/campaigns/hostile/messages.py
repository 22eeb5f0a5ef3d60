"""What a worker is told, and the files that commands are given: lines, requests, points, reports."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import strategies as st

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library import SupportLibrary
from RetrievalSAMLib.library.sharing.archive import export_library
from RetrievalSAMLib.models import store
from RetrievalSAMLib.segmentation.output import report as reports
from RetrievalSAMLib.segmentation.prompts.points_and_boxes import place_prompts, read_prompts
from RetrievalSAMLib.segmentation.settings import cache_space
from RetrievalSAMLib.volumes import Plane, SliceFrame, write_segmentation, write_volume
from RetrievalSAMLib.worker import protocol
from RetrievalSAMLib.worker.faults import fault_of
from RetrievalSAMLib.worker.jobs import Workshop
from RetrievalSAMLib.worker.protocol import (
    Event,
    LineReader,
    ProtocolError,
    Result,
    encode_event,
    message_of,
    request_of,
)
from RetrievalSAMLib.worker.task import Task

from .mutations import damaged_bytes, damaged_json, one_changed
from .promise import Attempt, Promise, subject


def _requests(folder: str) -> list[dict[str, Any]]:
    """Valid requests of every verb but those that use a network: name and fields as docs/worker.md has them."""
    files = {"image": f"{folder}/image.nrrd", "segmentation": f"{folder}/drawn.seg.nrrd"}
    library = {"folder": f"{folder}/library"}
    point = {"segment": "Anterior", "position_mm": [1.0, 2.0, 3.0], "positive": True}
    box = {"segment": "Anterior", "corners_mm": [[1.0, 2.0, 3.0], [4.0, 5.0, 3.0]]}
    run = {**library, "image": files["image"], "output": f"{folder}/out.seg.nrrd", "roi": [0, 0, 0, 0, 0, 0], "seed": 3}
    grid = {"size": [12, 10, 6], "spacing_mm": [1.5, 1.5, 4.0], "direction": [1, 0, 0, 0, 1, 0, 0, 0, 1]}
    made_by = {"model": "bundled", "model_sha256": "0" * 64, "corrected": [1, 2]}
    verbs: dict[str, dict[str, Any]] = {
        "ping": {},
        "environment": {},
        "models.import": {"folder": f"{folder}/library"},
        "models.remove": {"name": "sam2.1-tiny"},
        "library.create": {"folder": f"{folder}/made", "name": "New"},
        "library.describe": {**library, "thumbnails": f"{folder}/pictures"},
        "library.add": {
            **library,
            **files,
            "name": "x",
            "modality": "MR",
            "segments": ["Anterior"],
            "made_by": made_by,
        },
        "library.remove": {**library, "case": "a"},
        "library.restore": {**library, "case": "a"},
        "library.verify": library,
        "library.export": {**library, "file": f"{folder}/out.rslib", "cases": ["a"]},
        "library.import": {**library, "file": f"{folder}/made.rslib"},
        "library.pairs": {"source": folder},
        "library.add_files": {**library, "pairs": [{**files, "name": "y"}], "modality": "MR"},
        "library.case": {**library, "case": "a"},
        "library.slices": {**library, "slices": [{"case": "a", "slice": 2}], "thumbnails": f"{folder}/pictures"},
        "library.review": {**library, "preset": "none"},
        "library.last_review": library,
        "library.suggest": {**library, "files": [], "reports": [f"{folder}/image.nrrd"]},
        "dicom.series": {"source": files["image"]},
        "names.check": {"names": ["a", "Doe^Jane"], "files": [files["image"]]},
        "library.privacy": {**library, "cases": ["a"]},
        "estimate": {**library, **grid, "segments": ["Anterior"], "roi": [0, 5, 0, 5, 0, 5]},
        "segment": {**run, "segments": ["Anterior"], "points": [point], "boxes": [box]},
        "refine": {**run, "segmentation": files["segmentation"], "corrected": [1], "points": [point]},
        "cancel": {"of": "1"},
        "shutdown": {},
    }
    return [{"id": "1", "do": verb, "with": parameters} for verb, parameters in verbs.items()]


def _lines(folder: Path) -> tuple[st.SearchStrategy[bytes], Attempt]:
    events = [json.loads(encode_event(event)) for event in (
        protocol.Ready(1, "0.1", 7), protocol.Progress("1", "s", 1, 2, 0.5), protocol.Partial("1", "f", 1, 2),
        Result("1"),
        fault_of(ValueError("x"), None), protocol.Stopped("1"),
    )]  # fmt: skip
    messages = st.sampled_from([*_requests("/f"), *events]).flatmap(damaged_json)
    sound = st.sampled_from([json.dumps(one).encode() for one in _requests("/f")])
    chunks = (messages | sound | damaged_bytes(b'{"id":"1","do":"ping"}\n' * 3)).map(lambda line: line + b"\n")

    def attempt(chunk: bytes) -> bool:
        valid = False
        for line in LineReader().lines(chunk):
            for read in (request_of, protocol.event_of):
                try:
                    if isinstance(line, ProtocolError):
                        raise line
                    read(message_of(line))
                    valid = True
                except ProtocolError as error:
                    assert str(error)
        return valid

    return chunks, attempt


def _work(folder: Path) -> tuple[st.SearchStrategy[bytes], Attempt]:
    """Requests that a worker does: whatever it is told, it never comes to a fault that nobody thought of."""
    volume, drawn = subject()
    write_volume(volume, folder / "image.nrrd")
    write_segmentation(drawn, folder / "drawn.seg.nrrd")
    kept = SupportLibrary.create(folder / "kept")
    kept.add(volume, drawn, name="a")
    export_library(kept, folder / "made.rslib")
    workshop = Workshop()
    os.environ[store.FOLDER_VARIABLE] = str(folder / "models")
    os.environ[cache_space.FOLDER_VARIABLE] = str(folder / "states")
    (folder / "deep" / "deeper").mkdir(parents=True)
    os.chdir(folder / "deep" / "deeper")
    # cancel and shutdown never come to the workshop.
    valid = [one for one in _requests(str(folder)) if one["do"] not in ("cancel", "shutdown")]

    def attempt(line: bytes) -> bool:
        shutil.rmtree(folder / "library", ignore_errors=True)
        shutil.rmtree(folder / "made", ignore_errors=True)
        shutil.copytree(folder / "kept", folder / "library")
        try:
            request = request_of(message_of(line.replace(b"\n", b"")))
        except ProtocolError:
            return False
        if request.verb in ("models.download", "cancel", "shutdown") or not _stays_in(
            folder, dataclasses.asdict(request)
        ):
            return False
        event = _answer(workshop, Task(request, lambda event: None))
        encode_event(event)
        if isinstance(event, Result):
            return True
        assert isinstance(event, protocol.Fault) and event.code not in ("internal", "packages"), event
        return False

    sound = st.sampled_from([json.dumps(one).encode() for one in valid])
    changed = [one for one in valid if one["with"]]
    return sound | st.sampled_from(changed).flatmap(one_changed) | st.sampled_from(valid).flatmap(damaged_json), attempt


def _stays_in(folder: Path, value: Any) -> bool:
    """Whether nothing in a request leads out of the campaign's folder: what a client asks for is done."""
    if isinstance(value, dict):
        return all(_stays_in(folder, one) for one in value.values())
    if isinstance(value, (list, tuple)):
        return all(_stays_in(folder, one) for one in value)
    try:
        return not isinstance(value, str) or Path(value).resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):
        return True


def _answer(workshop: Workshop, task: Task) -> Event:
    """As the server does it."""
    try:
        return Result(task.id, workshop.do(task))
    except Exception as error:  # noqa: BLE001 - the server's own words for whatever is raised are what is tried
        return fault_of(error, task.id)


def _of_file(valid: Any, read: Callable[[Path], object], folder: Path) -> tuple[st.SearchStrategy[bytes], Attempt]:
    path = folder / "given.json"

    def attempt(data: bytes) -> bool:
        path.write_bytes(data)
        try:
            read(path)
        except InputError as error:
            assert error.fact and error.remedy
            return False
        return True

    return st.just(json.dumps(valid).encode()) | damaged_json(valid), attempt


def _read_points(path: Path) -> None:
    volume, drawn = subject()
    place_prompts(read_prompts(path), SliceFrame(volume.geometry, Plane("axial")), drawn.segments)


_POINTS = {
    "coordinate_system": "LPS",
    "points": [{"segment": "Anterior", "position_mm": [-8.85, 12.3, 11.0], "positive": True}],
    "boxes": [{"segment": "Posterior", "corners_mm": [[-9.0, 12.0, 11.0], [-5.0, 16.0, 11.0]]}],
}
_MODEL = reports.ModelReport("bundled", "0" * 64, 256, "bundled")
_REPORT = reports.SegmentationReport(
    target=reports.TargetReport((12, 10, 6), (1.5, 1.5, 4.0), (0.0, 0.0, 0.0), (1.0, 0, 0, 0, 1, 0, 0, 0, 1), "0" * 64),
    library=reports.LibraryReport("Balls", 2),
    model=_MODEL,
    encoder=_MODEL,
    preset="fast",
    settings={"seed": 0},
    plane="axial",
    plane_axis=2,
    segments=(reports.SegmentReport("Anterior", 1, 12.5, 0.5),),
    slices=(reports.SliceReport(3, {"Anterior": reports.SegmentOnSlice(
        0.5, 1.0, (reports.SupportReport("a", 2, 0.9, 0.1),))}),),
    verdict="uncertain",
    seconds={"segmenting": 1.0},
    peak_memory_bytes=1,
    refinement=reports.RefinementReport((1,), {"Anterior": (1, 2)}, {}, True),
)  # fmt: skip

PROMISES = (
    Promise(
        "lines", "any line is a message of the worker's protocol, or a protocol error in words", _lines, weight=2.0
    ),
    Promise(
        "work", "whatever request a worker is given, it answers with a result or an error in words", _work, weight=0.5
    ),
    Promise(
        "points",
        "a damaged or made-up file of points is read, or refused in words",
        lambda folder: _of_file(_POINTS, _read_points, folder),
    ),
    Promise(
        "reports",
        "a damaged or made-up report is read, or refused in words",
        lambda folder: _of_file(msgspec.to_builtins(_REPORT), reports.read_report, folder),
    ),
)
