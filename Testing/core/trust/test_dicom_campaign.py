"""A short run of the campaign `Testing.campaigns.dicom_series`."""

from __future__ import annotations

from collections import Counter

from Testing.campaigns import dicom_series


def test_no_damaged_series_is_read_with_other_voxels_without_a_word() -> None:
    counts = dicom_series.run(series=40, seed=5)
    assert not counts.wrong
    found = sum(counts.by_change.values(), start=Counter())
    assert found.total() == 40 and found[dicom_series.EQUAL] and found[dicom_series.REFUSED]
