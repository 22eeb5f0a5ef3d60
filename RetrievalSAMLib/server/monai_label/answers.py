"""Results as MONAI Label's clients read them: a label map and JSON, in one form or alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
from fastapi import Response
from urllib3.filepost import encode_multipart_formdata

from ...errors import InputError
from ...volumes import Segmentation, read_segmentation, write_segmentation
from ...volumes.formats.nrrd_file import nrrd_bytes
from ..problems import Problem

Output = Literal["image", "json", "all", "dicom_seg"]
_EXTENSIONS = (".nii.gz", ".nrrd", ".seg.nrrd", ".nii", ".mha")
_KINDS = ("uint8", "uint16")
_NAME = "segmentation"
BYTES = "application/octet-stream"


@dataclass(frozen=True)
class Wanted:
    """How a client wants a result.

    Attributes:
        extension: Of the format.
        is_plain: Whether a .nrrd shall hold its voxels as they are: the reader of OHIF's plug-in unpacks no others.
        kind: Of the voxels of such a file: that reader takes them for uint8 (OHIF 3) or uint16 (OHIF 2) unseen.
    """

    extension: str = ".nii.gz"
    is_plain: bool = False
    kind: str = "uint8"

    @classmethod
    def of(cls, params: dict[str, Any]) -> Wanted:
        """As `result_extension`, `result_compress` and `result_dtype` say.

        Raises:
            Problem: It is a format that is not written.
        """
        extension = params.get("result_extension") or cls.extension
        if extension not in _EXTENSIONS:
            remedy = f"Ask for one of {', '.join(_EXTENSIONS)}."
            raise Problem(422, "request", "result_extension", "this format is not written", remedy)
        kind = params.get("result_dtype") or cls.kind
        if kind not in _KINDS:
            remedy = f"Ask for one of {', '.join(_KINDS)}."
            raise Problem(422, "request", "result_dtype", "label maps are not written so", remedy)
        return cls(extension, params.get("result_compress") is False, kind)


def file_of(result: Path, wanted: Wanted) -> bytes:
    """A result in the format that a client wants.

    Raises:
        Problem: Its segments overlap, which a label map cannot hold.
    """
    if wanted.extension == ".seg.nrrd":
        return result.read_bytes()
    segmentation = read_segmentation(result, allow_empty=True)
    try:
        if wanted.extension == ".nrrd" and wanted.is_plain:
            labels = _as_kind(segmentation.labelmap(), wanted.kind)
            return nrrd_bytes((labels,), segmentation.geometry, {}, compressed=False)
        with TemporaryDirectory(dir=result.parent) as folder:
            path = Path(folder) / f"{_NAME}{wanted.extension}"
            write_segmentation(segmentation, path)
            return path.read_bytes()
    except InputError as error:
        thing = error.thing if result.parent.name not in error.thing else "result"
        remedy = 'A .seg.nrrd holds them: send "result_extension": ".seg.nrrd".'
        raise Problem(422, "input", thing, error.fact, remedy) from error


def _as_kind(labels: np.ndarray, kind: str) -> np.ndarray:
    """A label map in the type that a client reads.

    Raises:
        Problem: A value is too large for it.
    """
    most = np.iinfo(kind).max
    if labels.max(initial=0) > most:
        fact = f"it has the value {int(labels.max())}, and {kind} ends at {most}"
        remedy = 'Send "result_dtype": "uint16", or give the library\'s segments lower values.'
        raise Problem(422, "input", "result", fact, remedy)
    return labels.astype(kind)


def found_labels(result: Path) -> dict[str, int]:
    """By name, the values of the segments that the result has voxels of, the lowest first.

    3D Slicer's module gives the values that it finds in a label map these names, in this order.
    """
    segmentation: Segmentation = read_segmentation(result, allow_empty=True)
    found = {s.name: s.value for s in segmentation.segments if segmentation.mask(s.name).any()}
    return dict(sorted(found.items(), key=lambda named: named[1]))


def answered(result: Path, params: dict[str, Any], wanted: Wanted, output: Output | None) -> Response:
    """The answer to `infer`."""
    if output == "json":
        return Response(json.dumps(params), media_type="application/json")
    content, name = file_of(result, wanted), f"{_NAME}{wanted.extension}"
    if output == "image":
        return Response(content, media_type=BYTES, headers={"Content-Disposition": f'attachment; filename="{name}"'})
    fields: dict[str, str | bytes | tuple[str, str | bytes] | tuple[str, str | bytes, str]]
    fields = {"params": json.dumps(params), "image": (name, content, BYTES)}
    body, kind = encode_multipart_formdata(fields)
    return Response(body, media_type=kind)
