"""Where a NIfTI file puts its voxels, which it may say twice: by a matrix (sform) and by a quaternion (qform).

https://nifti.nimh.nih.gov/nifti-1/documentation/nifti1fields/nifti1fields_pages/qsform.html
"""

from __future__ import annotations

from itertools import product

import numpy as np

from ..geometry import Geometry, NiftiForm

_TO_LPS = np.diag([-1.0, -1.0, 1.0])
# Codes of xyzt_units for lengths, and what they are in mm; 0 is unknown and taken for mm, as everybody does.
_MM_OF_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
_UNIT_BITS = 0x07
# Two places are one where no corner is further off than this part of a voxel: headers hold float32.
_AGREEMENT = 0.01


def unit_mm(form: NiftiForm) -> float:
    """Millimetres in the header's unit of length."""
    return _MM_OF_UNIT.get(form.xyzt_units & _UNIT_BITS, 1.0)


def qform_grid(geometry: Geometry) -> Geometry | None:
    """The grid that the qform gives a file whose sform, which is used, gives another one; None where they agree.

    Args:
        geometry: As it was read; only a grid from a NIfTI file has two places.
    """
    form = geometry.nifti
    if form is None or form.sform_code <= 0 or form.qform_code <= 0:
        return None
    grid = _by_quaternion(form, geometry.size)
    return None if grid is None or distance_mm(grid, geometry) <= _AGREEMENT * min(geometry.spacing_mm) else grid


def disagreement(geometry: Geometry) -> str | None:
    """What the user should know where qform and sform disagree, as a clause."""
    other = qform_grid(geometry)
    if other is None:
        return None
    apart = distance_mm(other, geometry)
    return f"its header places it twice, {apart:.3g} mm apart (qform and sform disagree); the sform is used"


def distance_mm(a: Geometry, b: Geometry) -> float:
    """How far apart the corners of two grids of one size lie at most."""
    corners = np.array(list(product(*((0, n - 1) for n in a.size))), dtype=np.float64)
    return float(np.linalg.norm(a.index_to_lps(corners) - b.index_to_lps(corners), axis=1).max())


def _by_quaternion(form: NiftiForm, size: tuple[int, int, int]) -> Geometry | None:
    b, c, d = form.quaternion
    scale = unit_mm(form)
    if not np.isfinite([b, c, d, *form.offset, *form.pixdim[1:4]]).all():
        return None
    a = float(np.sqrt(max(0.0, 1.0 - (b * b + c * c + d * d))))
    a, b, c, d = (part / float(np.linalg.norm([a, b, c, d])) for part in (a, b, c, d))
    rotation = np.array([
        [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
        [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
        [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
    ])  # fmt: skip
    rotation[:, 2] *= -1.0 if form.pixdim[0] < 0 else 1.0
    x, y, z = (float(part) * scale for part in _TO_LPS @ np.array(form.offset))
    i, j, k = (float(part) * scale for part in form.pixdim[1:4])
    return Geometry(size, (i, j, k), (x, y, z), tuple((_TO_LPS @ rotation).ravel().tolist()))
