"""The planes of slices. Imports nothing: a list of cases needs no arrays."""

from __future__ import annotations

from enum import Enum


class Plane(str, Enum):  # noqa: UP042  (StrEnum needs Python 3.11)
    """The anatomical plane of the slices."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"

    def __str__(self) -> str:
        return self.value
