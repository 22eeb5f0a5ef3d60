"""What a DICOM header says of a person: nothing of it is kept, but who adds the image may want to know of it."""

from __future__ import annotations

from pathlib import Path

from pydicom.tag import Tag

from .folder import image_files
from .header import DAMAGE, Damaged, read_dataset
from .quiet import quiet

# Name, number, birth, other numbers of the patient; physician; institution; accession; text in the pixels.
_KEYWORDS = (
    "PatientName", "PatientID", "PatientBirthDate", "OtherPatientIDs", "ReferringPhysicianName", "InstitutionName",
    "AccessionNumber", "BurnedInAnnotation",
)  # fmt: skip


def texts_of(place: Path) -> list[tuple[str, str]]:
    """(keyword, text) of the fields that name somebody, in a file or in the first image of a folder.

    Raises:
        ValueError: The file is no DICOM, or damaged.
        OSError: It cannot be read.
    """
    file = next(image_files(place), None) if place.is_dir() else place
    if file is None:
        return []
    with quiet():
        try:
            dataset = read_dataset(file, [Tag(keyword) for keyword in _KEYWORDS])
            return [(keyword, str(dataset.get(keyword) or "")) for keyword in _KEYWORDS]
        except (Damaged, *DAMAGE) as error:
            raise ValueError("damaged") from error
