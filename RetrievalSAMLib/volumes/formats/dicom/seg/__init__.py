"""Segmentations as DICOM has them: SEG in and out, RTSTRUCT in."""
