"""A segmentation from DICOM: a SEG or RTSTRUCT file, or a folder that holds one."""

from __future__ import annotations

from pathlib import Path

from .....errors import InputError
from ....geometry import Geometry
from ....volume import Segmentation
from ..folder import files_below
from ..frame import Kind
from ..header import Damaged, read_file
from ..quiet import quiet


def read_dicom_segmentation(place: Path, name: str, grid: Geometry | None) -> Segmentation:
    """The segments of a DICOM SEG or RTSTRUCT.

    Args:
        place: The file, or a folder that holds one such file, with images beside it or not.
        name: Its name as the user typed it, for messages.
        grid: Of the image, which contours are filled on; None where there is none.

    Raises:
        InputError: There is no such file or several, or it cannot be read.
        OSError: It cannot be opened.
    """
    if place.is_dir():
        found = files_below(place, name)
        files = [file for file in found.files if file.kind in (Kind.SEGMENTATION, Kind.STRUCTURES)]
        if len(files) != 1:
            many = ", ".join(sorted(file.path.name for file in files)[:5])
            held = f"{len(files)} segmentations ({many})" if files else "no DICOM SEG or RTSTRUCT"
            remedy = "Give the segmentation file: .seg.nrrd, .nii.gz, .nrrd, .mha, or a DICOM SEG or RTSTRUCT."
            raise InputError(name, f"it is a folder with {held}", remedy)
        file = files[0]
    else:
        try:
            with quiet():
                file = read_file(place)
        except Damaged as error:
            raise InputError(name, str(error), "Copy or export it again.") from error
    if file.kind is Kind.SEGMENTATION:
        from .seg_reading import read_seg

        return read_seg(file.path, name)
    if file.kind is Kind.STRUCTURES:
        from .contours import read_structures

        return read_structures(file.path, name, grid)
    fact = f"it is DICOM, and neither a segmentation nor a structure set ({file.series.modality or 'no modality'})"
    raise InputError(name, fact, "Give a DICOM SEG or RTSTRUCT file, a .seg.nrrd, or a label map.")
