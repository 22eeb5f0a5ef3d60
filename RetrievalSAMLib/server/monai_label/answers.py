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
_NAME = "segmentation"
BYTES = "application/octet-stream"


@dataclass(frozen=True)
class Wanted:
    """How a client wants a result.

    Attributes:
        extension: Of the format.
        is_plain: Whether a .nrrd shall hold its voxels as they are: the reader of OHIF's plug-in unpacks no others.
    """

    extension: str = ".nii.gz"
    is_plain: bool = False

    @classmethod
    def of(cls, params: dict[str, Any]) -> Wanted:
        """As `result_extension` and `result_compress` say.

        Raises:
            Problem: It is a format that is not written.
        """
        extension = params.get("result_extension") or cls.extension
        if extension not in _EXTENSIONS:
            remedy = f"Ask for one of {', '.join(_EXTENSIONS)}."
            raise Problem(422, "request", "result_extension", "this format is not written", remedy)
        return cls(extension, params.get("result_compress") is False)


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
            labels = segmentation.labelmap()
            labels = labels.astype(np.uint8) if labels.max() <= 255 else labels
            return nrrd_bytes((labels,), segmentation.geometry, {}, compressed=False)
        with TemporaryDirectory(dir=result.parent) as folder:
            path = Path(folder) / f"{_NAME}{wanted.extension}"
            write_segmentation(segmentation, path)
            return path.read_bytes()
    except InputError as error:
        thing = error.thing if result.parent.name not in error.thing else "result"
        remedy = 'A .seg.nrrd holds them: send "result_extension": ".seg.nrrd".'
        raise Problem(422, "input", thing, error.fact, remedy) from error


def found_labels(result: Path) -> dict[str, int]:
    """By name, the values of the segments that the result has voxels of: 3D Slicer's module counts on these alone."""
    segmentation: Segmentation = read_segmentation(result, allow_empty=True)
    return {s.name: s.value for s in segmentation.segments if segmentation.mask(s.name).any()}


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
