"""A small example for whoever has nothing at hand: made-up annotated volumes as files, and one to segment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..progress import Progress, silent
from ..volumes import Geometry, Segmentation, Volume, write_segmentation, write_volume
from .cohort import make_cohort

_ANNOTATED = 2
_STEP = 2
"""Every second slice is left: a run then takes half the time."""


@dataclass(frozen=True)
class Example:
    """Files of the example.

    Attributes:
        annotated: Image, segmentation and name of each annotated volume.
        volume: To be segmented.
    """

    annotated: tuple[tuple[Path, Path, str], ...]
    volume: Path


def write_example(folder: Path, progress: Progress = silent) -> Example:
    """Write the volumes into a folder, which is made if it is not there; files of these names are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    *annotated, target = make_cohort(_ANNOTATED + 1, progress=progress)
    written = []
    for number, subject in enumerate(annotated, start=1):
        image, segmentation = _coarse(subject.image, subject.segmentation)
        files = folder / f"example-{number}.nrrd", folder / f"example-{number}.seg.nrrd"
        write_volume(image, files[0])
        write_segmentation(segmentation, files[1])
        written.append((*files, f"Example {number}"))
    volume = folder / "example-to-segment.nrrd"
    write_volume(_coarse(target.image, target.segmentation)[0], volume)
    return Example(tuple(written), volume)


def _coarse(image: Volume, segmentation: Segmentation) -> tuple[Volume, Segmentation]:
    """The same with slices of twice the distance."""
    grid = image.geometry
    voxels = image.voxels[:, :, ::_STEP]
    i, j, k = grid.spacing_mm
    geometry = Geometry(voxels.shape, (i, j, _STEP * k), grid.origin_mm, grid.direction)
    masks = [segmentation.mask(place)[:, :, ::_STEP] for place in range(len(segmentation.segments))]
    return Volume(voxels, geometry), Segmentation.from_masks(segmentation.segments, masks, geometry)
