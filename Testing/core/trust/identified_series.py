"""A DICOM series full of made-up identifiers, and a search for them in every byte of what was written."""

from __future__ import annotations

import contextlib
import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from RetrievalSAMLib.volumes import Geometry, Segmentation

ROOT = Path(__file__).resolve().parents[3]
USER = "quxolverine"
"""Of a made-up user."""

PEOPLE = ("Zebrowsky", "Quillanna", "Ottokarius")
NUMBERS = ("ZQ7731904", "19610503", "20190817", "ACC55512077", "98812773", "5550143229", "QX99812")
PLACES = ("Xylanderheim", "Nebelstadt", "zq.example", "privatesecret")
STUDY_UID = "1.2.826.0.1.3680043.8.498.77123"
SECRETS = (*PEOPLE, *NUMBERS, *PLACES, STUDY_UID)
FOLDER = "Zebrowsky^Quillanna_19610503"
_FIELDS = {
    "PatientName": "Zebrowsky^Quillanna",  # PN
    "PatientID": "ZQ7731904",  # LO
    "PatientBirthDate": "19610503",  # DA
    "PatientBirthTime": "170312.5",  # TM
    "PatientAge": "058Y",  # AS
    "PatientAddress": "Xylanderheim 7, Nebelstadt",
    "PatientTelephoneNumbers": "+49 5550143229",  # SH
    "PatientComments": "privatesecret, lives in Nebelstadt",  # LT
    "OtherPatientIDs": "98812773",
    "ReferringPhysicianName": "Ottokarius^A",
    "OperatorsName": "Ottokarius^B",
    "InstitutionName": "Xylanderheim",
    "InstitutionAddress": "Nebelstadt",  # ST
    "StationName": "QX99812",
    "DeviceSerialNumber": "QX99812",
    "AccessionNumber": "ACC55512077",
    "StudyID": "98812773",
    "StudyDate": "20190817",
    "SeriesDate": "20190817",
    "AcquisitionDateTime": "20190817101112.5",  # DT
    "StudyDescription": "MR of Zebrowsky",
    "SeriesDescription": "Quillanna",
    "ProtocolName": "Zebrowsky",
    "ImageComments": "Zebrowsky, mail q@zq.example",
    "RetrieveURL": "http://zq.example/QX99812",  # UR
    "TextValue": "privatesecret",  # UT
    "LongCodeValue": "privatesecret",  # UC
    "CodeValue": "privatesecret",
    "RequestingService": "Xylanderheim",
}


def write_series(folder: Path, voxels: np.ndarray, geometry: Geometry) -> None:
    """Axial slices of a volume whose grid is not turned; every text of a kind is an identifier."""
    folder.mkdir(parents=True)
    for k in range(geometry.size[2]):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = MRImageStorage
        meta.MediaStorageSOPInstanceUID = f"{STUDY_UID}.{k + 1}"
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        slice_ = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        for field, text in _FIELDS.items():
            setattr(slice_, field, text)
        private = slice_.private_block(0x0099, "Zebrowsky Inc", create=True)
        for number, (kind, text) in enumerate((("LO", "privatesecret"), ("UN", b"Quillanna"), ("UT", "ZQ7731904"))):
            private.add_new(number, kind, text)
        slice_.SOPClassUID, slice_.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
        slice_.StudyInstanceUID = slice_.FrameOfReferenceUID = STUDY_UID
        slice_.SeriesInstanceUID = f"{STUDY_UID}.9"
        slice_.Modality, slice_.SamplesPerPixel, slice_.PhotometricInterpretation = "MR", 1, "MONOCHROME2"
        slice_.Columns, slice_.Rows = geometry.size[:2]
        slice_.PixelSpacing = [geometry.spacing_mm[1], geometry.spacing_mm[0]]
        slice_.SliceThickness = geometry.spacing_mm[2]
        x, y, z = geometry.origin_mm
        slice_.ImagePositionPatient = [x, y, z + k * geometry.spacing_mm[2]]
        slice_.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        slice_.BitsAllocated = slice_.BitsStored = 16
        slice_.HighBit, slice_.PixelRepresentation = 15, 1
        slice_.PixelData = voxels[:, :, k].T.astype("<i2").tobytes()
        slice_.save_as(folder / f"Zebrowsky_{k:04d}.dcm", enforce_file_format=True)
    assert pydicom.dcmread(folder / "Zebrowsky_0000.dcm").PatientName == "Zebrowsky^Quillanna"


def write_labels(path: Path, drawn: Segmentation) -> None:
    """A label map whose header and name tell the same."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(drawn.labelmap().astype(np.uint8).T)
    image.SetSpacing(drawn.geometry.spacing_mm)
    image.SetOrigin(drawn.geometry.origin_mm)
    for key, text in (("PatientName", "Zebrowsky^Quillanna"), ("0010|0030", "19610503"), ("note", "privatesecret")):
        image.SetMetaData(key, text)
    sitk.WriteImage(image, str(path))


def traces(data: bytes, secrets: tuple[str, ...]) -> set[str]:
    """Which secrets are in some bytes, as they are, unpacked, in any usual encoding, in upper or lower case."""
    found = set()
    for part in _unpacked(data):
        lower = part.lower()
        for secret in secrets:
            for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
                if secret.lower().encode(encoding) in lower:
                    found.add(secret)
    return found


def _unpacked(data: bytes, depth: int = 0) -> Iterator[bytes]:
    yield data
    if depth > 3:
        return
    start = 0
    while (start := data.find(b"\x1f\x8b\x08", start)) >= 0:
        with contextlib.suppress(zlib.error):  # three bytes that only look like the beginning of a gzip stream
            yield from _unpacked(zlib.decompressobj(31).decompress(data[start:]), depth + 1)
        start += 3
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as opened:
            for entry in opened.infolist():
                yield entry.filename.encode() + entry.comment + entry.extra
                yield from _unpacked(opened.read(entry), depth + 1)


def traces_below(folder: Path, secrets: tuple[str, ...]) -> list[str]:
    """Every file below a folder, and every name there, that holds a secret."""
    found = []
    for path in sorted(folder.rglob("*")):
        held = traces(path.relative_to(folder).as_posix().encode(), secrets)
        if path.is_file():
            held |= traces(path.read_bytes(), secrets)
        found += [f"{path.relative_to(folder)}: {secret}" for secret in sorted(held)]
    return found
