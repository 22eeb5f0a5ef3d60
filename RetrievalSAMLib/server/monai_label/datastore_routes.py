"""`/datastore` of MONAI Label's protocol: images that were sent, and their labels, which become cases."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from starlette.datastructures import UploadFile

from ...errors import InputError
from ...volumes import write_segmentation
from ...volumes.reading import read_information
from ..access import Owner
from ..problems import Problem
from ..work.libraries import LibraryFolder
from .answers import BYTES, found_labels
from .desk import Desk, DeskOf
from .forms import ending_of, form_of
from .models import find_model
from .samples import FINAL, Sample
from .submission import Submission, add_case, library_for, names_of, read_label

router = APIRouter()
Result = TypeVar("Result")
_EXTENSION = ".nrrd"
_MOST_LABELS = 8


@router.get("/datastore/")
async def datastore(owner: Owner, desk: DeskOf, output: Literal["stats", "all", "train"] = "stats") -> Any:
    """The images of this token: how many there are, or all that is known of each."""
    samples = desk.samples.of(owner)
    if output == "train":
        return [{"image": sample.id, "label": sample.id} for sample in samples if sample.is_labelled]
    if output == "stats":
        return (await asyncio.to_thread(desk.info, owner))["datastore"]
    objects = await asyncio.to_thread(lambda: {sample.id: _described(sample) for sample in samples})
    return {"name": "RetrievalSAM", "description": "Images that were sent", "objects": objects}


@router.put("/datastore/")
@router.put("/datastore/image")
async def add_image(owner: Owner, desk: DeskOf, request: Request, image: str | None = None) -> dict[str, str]:
    """Send an image under an id of the client's choice."""
    async with form_of(request, desk.settings.max_upload_bytes) as form:
        sample = await desk.samples.add(owner, form.files.get("file", []), sample_id=image)
    return {"image": sample.id}


@router.delete("/datastore/")
@router.delete("/datastore/image")
async def remove_image(id: str, owner: Owner, desk: DeskOf) -> dict[str, str]:
    """Delete an image and its labels; a case that one of them has become stays in its library."""
    desk.samples.remove(desk.samples.find(owner, id))
    return {}


@router.get("/datastore/image", response_class=FileResponse)
@router.head("/datastore/image")
async def image_file(image: str, owner: Owner, desk: DeskOf) -> Response:
    """An image, as .nrrd."""
    upload = desk.samples.upload(await desk.samples.find_or_fetch(owner, image))
    return FileResponse(upload.path, media_type=BYTES, filename=f"image{_EXTENSION}")


@router.get("/datastore/label", response_class=FileResponse)
async def label_file(label: str, tag: str, owner: Owner, desk: DeskOf) -> Response:
    """A label of an image, which goes by the image's id, as .seg.nrrd."""
    path = _label(desk.samples.find(owner, label), tag)
    return FileResponse(path, media_type=BYTES, filename="label.seg.nrrd")


@router.head("/datastore/label")
async def has_label(image: str, tag: str, owner: Owner, desk: DeskOf) -> Response:
    """Whether there is one."""
    _label(desk.samples.find(owner, image), tag)
    return Response()


@router.delete("/datastore/label")
async def remove_label(id: str, tag: str, owner: Owner, desk: DeskOf) -> dict[str, str]:
    """Delete a label; a case that it has become stays in its library."""
    sample = desk.samples.find(owner, id)
    _label(sample, tag).unlink()
    del sample.labels[tag]
    return {}


@router.put("/datastore/label")
async def save_label(owner: Owner, desk: DeskOf, request: Request, image: str, tag: str = FINAL) -> dict[str, Any]:
    """Submit a label. With the tag `final`, which is the default, it becomes a case of a library."""
    tag = tag or FINAL
    if tag == FINAL:
        desk.check_changes()
    sample = await desk.samples.find_or_fetch(owner, image)
    upload = desk.samples.upload(sample)
    if tag not in sample.labels and len(sample.labels) >= _MOST_LABELS:
        remedy = "Use a tag that it has, or delete a label: DELETE /datastore/label."
        raise Problem(422, "request", "tag", f"the image has labels of {_MOST_LABELS} tags already", remedy)
    async with form_of(request, desk.settings.max_upload_bytes) as form:
        sent = form.one("label")
        if sent is None:
            raise Problem(422, "request", "label", "no file was sent", "Send it in the field `label`.")
        names = names_of(form.params.get("label_info"))
        path = await asyncio.to_thread(_stored, sample, sent)
        library, model = form.params.get("library"), form.params.get("model")
    told = {"image": sample.id, "label": sample.id, "tag": tag}
    submission = Submission(path, upload.path, names)
    upload.users += 1
    try:
        if tag == FINAL:
            told |= await _become_case(desk, sample, submission, library, model)
        await asyncio.to_thread(_keep, sample, submission, tag)
    finally:
        upload.users -= 1
        path.unlink(missing_ok=True)
    return told


def _label(sample: Sample, tag: str) -> Path:
    path = sample.labels.get(tag)
    if path is None:
        raise Problem(
            404, "missing", "label", "the image has none of this tag", "GET /datastore/?output=all lists them."
        )
    return path


def _described(sample: Sample) -> dict[str, Any]:
    labels = {
        tag: {"ext": ".seg.nrrd", "info": {"params": {"label_names": found_labels(path)}}}
        for tag, path in sample.labels.items()
    }
    return {"image": {"ext": _EXTENSION, "info": {"ts": sample.created}}, "labels": labels}


def _stored(sample: Sample, sent: UploadFile) -> Path:
    """The file of a label on the disk, for the readers."""
    path = sample.label_file("arriving").with_name(f"{uuid.uuid4().hex}{ending_of(sent)}")
    with path.open("xb") as stream:
        shutil.copyfileobj(sent.file, stream, 1 << 20)
    return path


async def _become_case(
    desk: Desk, sample: Sample, submission: Submission, wanted: object, model: object
) -> dict[str, str]:
    """Add the label to a library: the one that is wanted, else the one that it belongs to by all that is known.

    Raises:
        Problem: It is not clear to which, or it cannot be a case there.
    """
    libraries = desk.service.libraries
    if isinstance(wanted, str):
        name = wanted
    else:
        name = await asyncio.to_thread(_library_of, libraries, sample, submission, model)
    path = await asyncio.to_thread(libraries.find, name)
    if path is None:
        raise Problem(404, "missing", "library", "the server has none of this name", "Choose a model of GET /info/.")
    run = desk.service.runs.find(sample.owner, sample.runs.get(name, ""))
    case = await asyncio.to_thread(
        _refused, submission, lambda: add_case(path, submission, run, sample.cases.get(name))
    )
    sample.cases[name] = case.id
    return {"library": name, "case": case.name}


def _library_of(libraries: LibraryFolder, sample: Sample, submission: Submission, model: object) -> str:
    segments = {one.name: {s.name: s.value for s in one.segments} for one in libraries.described()}
    chosen = find_model(libraries, model).library if isinstance(model, str) and model else None
    return library_for(submission.names, sample.library, chosen, segments)


def _keep(sample: Sample, submission: Submission, tag: str) -> None:
    """Keep a label for whoever downloads it again."""
    geometry = read_information(submission.image)
    assert geometry is not None  # it was written by this server
    label = _refused(submission, lambda: read_label(submission, geometry))
    path = sample.label_file(tag)
    write_segmentation(label, path)
    sample.labels[tag] = path


def _refused(submission: Submission, read: Callable[[], Result]) -> Result:
    """What reading gives; an error of the reader's tells of the label, not of files of the server."""
    try:
        return read()
    except InputError as error:
        told = {str(submission.label): "the label", str(submission.image): "the image"}
        thing, fact = error.thing, error.fact
        for path, word in told.items():
            thing, fact = thing.replace(path, word), fact.replace(path, word)
        raise Problem(422, "input", thing, fact, error.remedy) from error
