"""Text in the headers of volumes beyond voxels and grid: nothing of it is kept, but a person may want to know of it."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from .claims import check_encodable, unpack
from .dicom import read_headers
from .metaimage import metaimage_fields
from .nrrd_header import read_nrrd_header

# DICOM: name, number, birth, other numbers of the patient; physician; institution; accession; text in the pixels.
_TAGS = {
    "0010|0010": "PatientName",
    "0010|0020": "PatientID",
    "0010|0030": "PatientBirthDate",
    "0010|1000": "OtherPatientIDs",
    "0008|0090": "ReferringPhysicianName",
    "0008|0080": "InstitutionName",
    "0008|0050": "AccessionNumber",
    "0028|0301": "BurnedInAnnotation",
}
_NIFTI_TEXTS = {"db_name": slice(14, 32), "descrip": slice(148, 228), "aux_file": slice(228, 252)}
_NIFTI_HEADER_BYTES = 348
_METAIMAGE_FIELDS = frozenset(
    """
    ObjectType NDims BinaryData BinaryDataByteOrderMSB ElementByteOrderMSB CompressedData CompressedDataSize
    TransformMatrix Rotation Orientation Offset Position Origin CenterOfRotation AnatomicalOrientation ElementSpacing
    ElementSize DimSize ElementType ElementDataFile ElementNumberOfChannels HeaderSize ElementMin ElementMax
    """.split()  # noqa: SIM905 - a list of words is read more easily
)
# What Slicer and this program write to describe segments and grid.
_OF_SEGMENTS = ("Segment", "Segmentation_", "RetrievalSAM_Grid", "Notice")
_FORMAT_HINTS = ("Complete NRRD file format", "http://teem", "https://teem")


def header_texts(path: Path) -> list[tuple[str, str]]:
    """(field, text) of what a header says besides voxels, grid and segments; empty where it cannot be read.

    Args:
        path: A file of any format that is read, or a folder of DICOM slices, of which the first is looked at.
    """
    name = path.name.lower()
    try:
        check_encodable(str(path))
        if path.is_dir():
            found = _of_dicom(path)
        elif name.endswith((".nrrd", ".nhdr")):
            found = _of_nrrd(path)
        elif name.endswith((".mha", ".mhd")):
            fields, _ = metaimage_fields(path, str(path))
            found = [(field, text) for field, text in fields.items() if field not in _METAIMAGE_FIELDS]
        else:
            found = _of_nifti(path)
    except (InputError, OSError, ValueError):  # whoever reads the volume itself says what is wrong
        return []
    return [(field, text.strip()) for field, text in found if text.strip()]


def _of_nrrd(path: Path) -> list[tuple[str, str]]:
    header = read_nrrd_header(path, str(path))
    if header is None:
        return []
    pairs = [(key, text) for key, text in header.key_values.items() if not key.startswith(_OF_SEGMENTS)]
    comments = [("comment", text) for text in header.comments if not text.startswith(_FORMAT_HINTS)]
    return [*pairs, *comments, ("content", header.fields.get("content", ""))]


def _of_nifti(path: Path) -> list[tuple[str, str]]:
    with path.open("rb") as stream:
        encoding = "gzip" if stream.read(2) == b"\x1f\x8b" else "raw"
        stream.seek(0)
        header = unpack(stream, _NIFTI_HEADER_BYTES, encoding, whole=False)
    return [(field, header[place].partition(b"\0")[0].decode("latin-1")) for field, place in _NIFTI_TEXTS.items()]


def _of_dicom(folder: Path) -> list[tuple[str, str]]:
    for _, reader in read_headers(folder):
        return [(field, reader.GetMetaData(tag)) for tag, field in _TAGS.items() if reader.HasMetaDataKey(tag)]
    return []
