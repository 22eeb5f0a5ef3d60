"""Volumes as a person reads them."""

from __future__ import annotations

import pytest

from RetrievalSAMLib.volumes.display.units import volume_text


@pytest.mark.parametrize(
    ("volume_mm3", "told"),
    [
        (1_063_420.0, "1063 ml"),
        (12_345.0, "12.3 ml"),
        (421.0, "0.42 ml"),
        (12.0, "12 mm3"),
        (3.217, "3.2 mm3"),
        (0.00041, "0.00041 mm3"),
        (0.0, "0 ml"),
        (-2_500.0, "-2.50 ml"),
    ],
)
def test_a_volume_has_sensible_digits(volume_mm3: float, told: str) -> None:
    assert volume_text(volume_mm3) == told


def test_a_difference_shows_its_sign() -> None:
    assert (volume_text(2_500.0, "+"), volume_text(-12.0, "+")) == ("+2.50 ml", "-12 mm3")
