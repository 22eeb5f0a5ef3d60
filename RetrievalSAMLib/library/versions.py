"""Writing a version of a case into a staged folder, and describing it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypeVar

import numpy as np

from RetrievalSAMLib.library.files import sha256_of
from RetrievalSAMLib.library.format import (
    IMAGE_FILE,
    SEGMENTATION_FILE,
    CaseSegment,
    ImageFile,
    Provenance,
    SegmentationFile,
    Version,
    now,
)
from RetrievalSAMLib.volumes import Segmentation, Volume, write_segmentation, write_volume

File = TypeVar("File", ImageFile, SegmentationFile)


def write_image(image: Volume, staged: Path, version: str) -> ImageFile:
    """Write the image of a version into the staged folder of its case."""
    write_volume(image, staged / version / IMAGE_FILE)
    return _file(ImageFile, staged, f"{version}/{IMAGE_FILE}")


def write_version(
    segmentation: Segmentation,
    staged: Path,
    *,
    name: str,
    provenance: Provenance,
    segments: tuple[CaseSegment, ...],
    image: ImageFile,
    image_hash: str,
) -> Version:
    """Write a version's segmentation into the staged folder of its case and describe the version.

    Args:
        segmentation: As it is stored, segments by ascending value.
        staged: The staged folder; that of the version is in it.
        name: `v1`, `v2`, ...
        provenance: Where the segmentation comes from.
        segments: What `case.json` says of them.
        image: The version's image.
        image_hash: Of its pixels and grid.
    """
    write_segmentation(segmentation, staged / name / SEGMENTATION_FILE)
    return Version(
        name=name,
        created=now(),
        provenance=provenance,
        segments=segments,
        image=image,
        segmentation=_file(SegmentationFile, staged, f"{name}/{SEGMENTATION_FILE}"),
        image_hash=image_hash,
        content_hash=content_hash(image_hash, segmentation),
    )


def _file(kind: type[File], case_folder: Path, path: str) -> File:
    file = case_folder / path
    return kind(path=path, bytes=file.stat().st_size, sha256=sha256_of(file))


def content_hash(image_hash: str, segmentation: Segmentation) -> str:
    """Hash of an image and a segmentation's contents; layers, colours and the order of segments do not enter.

    Args:
        image_hash: `Volume.content_hash()` of the image.
        segmentation: On the image's grid.
    """
    digest = hashlib.sha256(image_hash.encode())
    for index in sorted(range(len(segmentation.segments)), key=lambda index: segmentation.segments[index].value):
        segment = segmentation.segments[index]
        for text in (str(segment.value), segment.name, segment.terminology or ""):
            encoded = text.encode()
            digest.update(len(encoded).to_bytes(8, "little") + encoded)
        digest.update(np.packbits(segmentation.mask(index).ravel(order="F")).tobytes())
    return digest.hexdigest()
