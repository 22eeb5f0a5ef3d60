"""Volumes as DICOM series full of a patient's data, as a scanner writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from RetrievalSAMLib.volumes import Volume

PATIENT_NAME, PATIENT_ID = "Doe^Jane", "MRN-12345678"


def write_dicom(volume: Volume, folder: Path) -> list[Path]:
    """One series of MR slices, numbered against the order in which they lie."""
    folder.mkdir(parents=True, exist_ok=True)
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    grid = volume.geometry
    paths = []
    for k in range(grid.size[2]):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = MRImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        one = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        one.SOPClassUID, one.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
        one.PatientName, one.PatientID, one.PatientBirthDate, one.PatientSex = PATIENT_NAME, PATIENT_ID, "19700131", "F"
        one.StudyInstanceUID, one.SeriesInstanceUID, one.FrameOfReferenceUID = study, series, frame
        one.StudyDate, one.StudyTime, one.StudyID, one.AccessionNumber = "20200102", "101112", "1", "ACC-9"
        one.ReferringPhysicianName = "Roe^Richard"
        one.Modality, one.SeriesNumber, one.InstanceNumber = "MR", 4, grid.size[2] - k
        one.ImagePositionPatient = [f"{v:.9g}" for v in grid.index_to_lps(np.array([0.0, 0.0, k]))]
        one.ImageOrientationPatient = [f"{v:.9g}" for v in grid.direction_matrix[:, :2].T.ravel()]
        one.PixelSpacing = [grid.spacing_mm[1], grid.spacing_mm[0]]
        one.SliceThickness = grid.spacing_mm[2]
        one.Rows, one.Columns, one.SamplesPerPixel = grid.size[1], grid.size[0], 1
        one.PhotometricInterpretation = "MONOCHROME2"
        one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 16, 15, 1
        one.PixelData = volume.voxels[:, :, k].T.astype("<i2").tobytes()
        paths.append(folder / f"IM{grid.size[2] - k:04d}.dcm")
        one.save_as(paths[-1], enforce_file_format=True)
    return paths
