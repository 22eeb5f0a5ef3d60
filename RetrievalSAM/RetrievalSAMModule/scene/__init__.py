"""The MRML scene: volumes, segmentations, markups and slice views."""
