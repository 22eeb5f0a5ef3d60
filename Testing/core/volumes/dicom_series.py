"""DICOM series made for tests, as a scanner writes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, EnhancedMRImageStorage, ExplicitVRLittleEndian, generate_uid
from scipy.spatial.transform import Rotation

ROWS, COLUMNS, SLICES = 5, 4, 6
SPACING = (0.7, 0.9, 2.5)  # columns, rows, slices
PATIENT = "Doe^Jane"


def hounsfield() -> np.ndarray:
    """(i, j, k), every voxel another value, from -1000 HU upwards."""
    return (np.arange(COLUMNS * ROWS * SLICES).reshape(COLUMNS, ROWS, SLICES) * 3 - 1000).astype(np.int16)


def write_series(
    folder: Path,
    matrix: np.ndarray | None = None,
    origin: tuple[float, float, float] = (-12.5, 30.25, 100.0),
    shift: Callable[[int], np.ndarray] = lambda k: np.zeros(3),
    keep: Callable[[int], bool] = lambda k: True,
    prefix: str = "IM",
    modality: str = "CT",
    change: Callable[[int, FileDataset], None] = lambda k, slice_: None,
    number: int = 3,
    values: np.ndarray | None = None,
    spacing: tuple[float, float, float] = SPACING,
) -> np.ndarray:
    """A series as a scanner writes it, file names against the order of the slices; returns the affine.

    `values` are Hounsfield units (i, j, k) of at least -1024, by default `hounsfield()`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    matrix = np.eye(3) if matrix is None else matrix
    values = hounsfield() if values is None else values
    columns, rows, slices = values.shape
    series, study, frame = generate_uid(), generate_uid(), generate_uid()
    step = matrix[:, 2] * spacing[2]
    for k in filter(keep, range(slices)):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        slice_ = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        slice_.SOPClassUID, slice_.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        slice_.PatientName, slice_.PatientID = PATIENT, "12345"
        slice_.StudyInstanceUID, slice_.SeriesInstanceUID, slice_.FrameOfReferenceUID = study, series, frame
        slice_.Modality, slice_.SeriesNumber, slice_.InstanceNumber = modality, number, slices - k
        slice_.ImagePositionPatient = [f"{v:.9g}" for v in np.array(origin) + k * step + shift(k)]
        slice_.ImageOrientationPatient = [f"{v:.12g}" for v in (*matrix[:, 0], *matrix[:, 1])]
        slice_.PixelSpacing = [spacing[1], spacing[0]]
        slice_.SliceThickness = spacing[2]
        slice_.Rows, slice_.Columns, slice_.SamplesPerPixel = rows, columns, 1
        slice_.PhotometricInterpretation = "MONOCHROME2"
        slice_.BitsAllocated, slice_.BitsStored, slice_.HighBit, slice_.PixelRepresentation = 16, 16, 15, 0
        slice_.RescaleSlope, slice_.RescaleIntercept = 1, -1024
        slice_.PixelData = (values[:, :, k].T + 1024).astype("<u2").tobytes()
        change(k, slice_)
        slice_.save_as(folder / f"{prefix}{slices - k:04d}", enforce_file_format=True)
    affine = np.eye(4)
    affine[:3, :3] = matrix * spacing
    affine[:3, 3] = origin
    return affine


def item(**attributes: object) -> Dataset:
    """An item of a sequence."""
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def write_enhanced(
    path: Path, planes: np.ndarray, change: Callable[[int, Dataset], None] = lambda k, frame: None, slices: int = SLICES
) -> None:
    """Stored numbers (frame, row, column), uint16; frames in the order of their positions, `slices` to a stack."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = EnhancedMRImageStorage, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    file.SOPClassUID, file.SOPInstanceUID = EnhancedMRImageStorage, meta.MediaStorageSOPInstanceUID
    file.StudyInstanceUID, file.SeriesInstanceUID, file.FrameOfReferenceUID = (generate_uid() for _ in range(3))
    file.Modality, file.PatientName, file.PatientID, file.SeriesNumber = "MR", "Doe^Jane", "1", 4
    file.Rows, file.Columns, file.SamplesPerPixel, file.PhotometricInterpretation = ROWS, COLUMNS, 1, "MONOCHROME2"
    file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 16, 15, 0
    file.SharedFunctionalGroupsSequence = [
        item(
            PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
            PixelMeasuresSequence=[item(PixelSpacing=[SPACING[1], SPACING[0]], SliceThickness=SPACING[2])],
            PixelValueTransformationSequence=[item(RescaleSlope=1, RescaleIntercept=-1024, RescaleType="US")],
        )
    ]
    frames = []
    for k in range(len(planes)):
        position = [-12.5, 30.25, 100 + (k % slices) * SPACING[2]]
        frame = item(
            PlanePositionSequence=[item(ImagePositionPatient=position)],
            FrameContentSequence=[item(StackID="1", InStackPositionNumber=k % slices + 1)],
        )
        change(k, frame)
        frames.append(frame)
    file.PerFrameFunctionalGroupsSequence, file.NumberOfFrames = frames, len(frames)
    file.PixelData = np.ascontiguousarray(planes, "<u2").tobytes()
    file.save_as(path, enforce_file_format=True)


def stored() -> np.ndarray:
    """(slice, row, column), the numbers that files keep for `hounsfield`."""
    return np.moveaxis(hounsfield() + 1024, 2, 0).swapaxes(1, 2)


OBLIQUE = Rotation.from_euler("xyz", [10, -20, 30], degrees=True).as_matrix()
CORONAL = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], dtype=float)
SAGITTAL = np.array([[0, 0, -1], [1, 0, 0], [0, -1, 0]], dtype=float)
