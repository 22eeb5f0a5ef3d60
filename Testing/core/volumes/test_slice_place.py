"""Where a slice lies, as Slicer's slice views show it."""

from __future__ import annotations

import pytest

from RetrievalSAMLib.volumes import Geometry
from RetrievalSAMLib.volumes.display.slice_place import slice_place

LPS = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
RAI = (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, -1.0)
CORONAL_LAST = (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("direction", "axis", "told"),
    [
        (LPS, 2, "S 37.5 mm"),  # 30 + 3 x 2.5
        (LPS, 1, "A -26.0 mm"),  # LPS 20 + 3 x 2, turned to RAS
        (LPS, 0, "R -13.0 mm"),
        (RAI, 2, "S 22.5 mm"),
        (RAI, 0, "R -7.0 mm"),
        (CORONAL_LAST, 2, "A -27.5 mm"),
    ],
)
def test_a_slice_lies_where_slicer_shows_it(direction: tuple[float, ...], axis: int, told: str) -> None:
    geometry = Geometry((5, 6, 7), (1.0, 2.0, 2.5), (10.0, 20.0, 30.0), direction)
    assert slice_place(geometry, axis, 3) == told


def test_on_an_oblique_grid_it_is_the_place_of_the_middle() -> None:
    c, s = 0.6, 0.8
    geometry = Geometry((3, 3, 5), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0, s, -c, 0.0, c, s))
    assert slice_place(geometry, 2, 2) == f"S {c * 1 + s * 2:.1f} mm"
