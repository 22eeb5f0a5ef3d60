"""How a person wants volumes to be read, where their files leave a choice or lack something."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from .formats.contents import Kind, kind_of
from .formats.picture_stacks import picture_files
from .reading import PathLike, Spacing, is_dicom, read_volume
from .volume import Volume


@dataclass(frozen=True)
class ReadingChoices:
    """What `read_volume` is told beside the path.

    Attributes:
        series: Of DICOM: number, UID or description of the series.
        straighten: Of DICOM: resample a tilted or unevenly spaced series.
        spacing_mm: Of pictures (TIFF, PNG), which do not say.
    """

    series: str | None = None
    straighten: bool = False
    spacing_mm: Spacing | None = None

    def read(self, path: PathLike) -> Volume:
        """One volume; raises InputError where a choice is not for its format."""
        return read_volume(path, spacing_mm=self.spacing_mm, series=self.series, straighten=self.straighten)

    def read_among_others(self, path: PathLike) -> Volume:
        """One of several volumes of any formats: each choice counts for those that it can be about.

        Raises:
            InputError: As `read_volume`.
        """
        dicom = is_dicom(path)
        own = replace(
            self,
            series=self.series if dicom else None,
            straighten=self.straighten and dicom,
            spacing_mm=self.spacing_mm if _is_pictures(Path(path)) else None,
        )
        return own.read(path)


def _is_pictures(place: Path) -> bool:
    return bool(picture_files(place)) if place.is_dir() else place.is_file() and kind_of(place) in (Kind.TIFF, Kind.PNG)
