"""Results as DICOM: a SEG beside the series that was segmented."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .....errors import InputError
from ....reading import PathLike, is_dicom
from ....writing import check_output, write_staged
from ..reading import find_stack

if TYPE_CHECKING:
    from ....volume import Segmentation
    from .seg_writing import Algorithm

DICOM_FORMATS = (".dcm",)


def check_dicom_output(path: PathLike, image: PathLike) -> None:
    """Refuse what cannot become a DICOM SEG: worth doing before long work.

    Args:
        path: The file to write.
        image: What it would refer to.

    Raises:
        InputError: The image is no DICOM, or the file cannot be written.
    """
    check_output(path, DICOM_FORMATS)
    if not Path(image).exists():
        raise InputError(str(image), "there is no such file or folder", "Check the spelling and the folder.")
    if not is_dicom(image):
        raise InputError(
            str(path),
            "a DICOM SEG refers to a DICOM series, and the image is none",
            "Write .seg.nrrd or .nii.gz; or give the image as the folder of its DICOM series.",
        )


def write_dicom_segmentation(
    segmentation: Segmentation, path: PathLike, image: PathLike, algorithm: Algorithm, *, series: str | None = None
) -> None:
    """Write a DICOM SEG that refers to the series of an image; see `seg_writing.write_seg`.

    Args:
        segmentation: On the grid that `read_volume` gives of the image.
        path: The .dcm file. An existing one is replaced in one step.
        image: The folder or the file of the series.
        algorithm: What drew the segments.
        series: Which one, where there are several.

    Raises:
        InputError: The series is not there or lacks what a DICOM SEG needs, or the file cannot be written.
    """
    from .seg_writing import write_seg

    check_dicom_output(path, image)
    source = find_stack(Path(image), str(image), series).stack
    write_staged(path, lambda staged: write_seg(segmentation, staged, source, str(image), algorithm))
