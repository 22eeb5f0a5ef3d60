"""What SimpleITK reads: grids of NRRD and MetaImage files, and voxels that are kept in unusual ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ...errors import InputError
from ..geometry import Geometry

# ITK would print its warnings, with the names of files, past everything that keeps them out of logs.
sitk.ProcessObject.SetGlobalWarningDisplay(False)


def read_by_itk(path: Path, name: str, image_io: str, with_voxels: bool) -> tuple[np.ndarray | None, Geometry]:
    """Voxels (i, j, k) and grid of a 3D volume.

    Args:
        path: The file.
        name: Its name as the user typed it, for messages.
        image_io: SimpleITK's name of the format.
        with_voxels: Whether to read them; None without.

    Raises:
        InputError: It is damaged, or not one 3D volume of real numbers.
    """
    reader = sitk.ImageFileReader()
    reader.SetImageIO(image_io)
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        _check_information(reader, name)
        if with_voxels:
            return from_itk(reader.Execute(), name)
    except RuntimeError as error:
        raise InputError(
            name,
            f"it is cut short, damaged, or not a {path.suffix} file ({_reason(error)})",
            "Copy or export it again.",
        ) from error
    return None, _geometry(reader, name)


def from_itk(image: sitk.Image, name: str) -> tuple[np.ndarray, Geometry]:
    """Voxels (i, j, k), as a view that keeps the image, and its grid.

    Raises:
        InputError: Its axes are not perpendicular.
    """
    return np.asarray(_Pixels(image)).T, _geometry(image, name)


class _Pixels:
    """Lends the pixels of an image to numpy without a copy, and keeps the image as long as they are used."""

    def __init__(self, image: sitk.Image) -> None:
        self._image = image
        self._view = sitk.GetArrayViewFromImage(image)

    @property
    def __array_interface__(self) -> dict[str, Any]:
        return self._view.__array_interface__


def _geometry(source: sitk.Image | sitk.ImageFileReader, name: str) -> Geometry:
    a, b, c = source.GetSize()
    try:
        return Geometry((a, b, c), source.GetSpacing(), source.GetOrigin(), source.GetDirection())
    except ValueError as error:
        raise InputError(name, str(error), "Resample it to a rectangular grid, then try again.") from error


def _check_information(reader: sitk.ImageFileReader, name: str) -> None:
    size = reader.GetSize()
    if reader.GetDimension() != 3:
        shape = " x ".join(str(n) for n in size)
        remedy = (
            "Give a 3D volume; one slice is enough, as a 3D file."
            if reader.GetDimension() < 3
            else "Save one time point or channel as a 3D volume."
        )
        raise InputError(name, f"it has {reader.GetDimension()} dimensions ({shape})", remedy)
    components = reader.GetNumberOfComponents()
    if "complex" in sitk.GetPixelIDValueAsString(reader.GetPixelID()).lower():
        raise InputError(name, "its voxels are complex numbers", "Save the magnitude as a volume of real numbers.")
    if components != 1:
        raise InputError(
            name,
            f"it has {components} numbers a voxel (colours, vectors or time points)",
            "Save one of them alone.",
        )
    if min(size) < 1:
        raise InputError(name, "it is empty: an axis has no voxels", "Export it again.")
    spacing = reader.GetSpacing()
    if not np.isfinite(spacing).all() or min(spacing) <= 0:
        raise InputError(
            name,
            f"its spacing is {' x '.join(f'{s:g}' for s in spacing)} mm",
            "Spacings are lengths above zero: export it again from its source.",
        )


def _reason(error: RuntimeError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:160] if lines else "no reason given"
