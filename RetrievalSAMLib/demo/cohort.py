"""A small cohort that the package makes itself: CT-like trunks of several "subjects" with six named organs.

Nobody was scanned. The anatomy consists of closed-form solids (`shapes`, `trunk`) that vary from subject to
subject in size, place, shape and contrast, sampled with partial volume, blurred, made noisy, and windowed
to soft tissue. It shares no code with the generator that the bundled model was trained on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..progress import Progress, silent
from ..volumes import Geometry, Segment, Segmentation, Volume
from .shapes import Points
from .subject import Subject, anatomy
from .trunk import AORTA, LEFT_KIDNEY, LIVER, RIGHT_KIDNEY, SPINE, SPLEEN, Canvas, Traits, paint_trunk

DEFAULT_SEED = 2025

_RIGHT, _LEFT = ("24028007", "Right"), ("7771000", "Left")


def _segment(value: int, name: str, color: str, terminology: str) -> Segment:
    red, green, blue = (byte / 255 for byte in bytes.fromhex(color))
    return Segment(name, value, (red, green, blue), terminology)


# SNOMED CT codes as in DICOM PS3.16; colours that are told apart on a grey image.
SEGMENTS = (
    _segment(LIVER, "Liver", "e08a5e", anatomy("10200004", "Liver")),
    _segment(SPLEEN, "Spleen", "b985d6", anatomy("78961009", "Spleen")),
    _segment(RIGHT_KIDNEY, "Right kidney", "f2cf4a", anatomy("64033007", "Kidney", _RIGHT)),
    _segment(LEFT_KIDNEY, "Left kidney", "6fcf6a", anatomy("64033007", "Kidney", _LEFT)),
    _segment(AORTA, "Aorta", "f2535b", anatomy("15825003", "Aorta")),
    _segment(SPINE, "Spine", "5bc4e8", anatomy("421060004", "Spine")),
)

_SOFT_TISSUE_HU = (-200.0, 300.0)
_SAMPLES_A_SLICE = 3
# Axes as most scanners write them, as NIfTI has them, tilted, from the top down; again from subject 6.
_ORIENTATIONS = ((1, 1, 1), (-1, -1, 1), "tilted", (1, 1, -1), (1, 1, 1))
_TILT_DEGREES = (7.0, -3.0, 4.0)


def make_cohort(count: int, *, seed: int = DEFAULT_SEED, progress: Progress = silent) -> list[Subject]:
    """The first subjects of a cohort.

    Args:
        count: How many.
        seed: Of the cohort. One seed gives the same subjects on every run, however many are made.
        progress: Told of every subject made.
    """
    subjects = []
    for number in range(1, count + 1):
        subjects.append(make_subject(number, seed=seed))
        progress("making subjects", number, count)
    return subjects


def make_subject(number: int, *, seed: int = DEFAULT_SEED) -> Subject:
    """One subject of a cohort.

    The image is int16, in HU, windowed to soft tissue (-200 to 300); about 30 axial slices of
    2.5 x 2.5 x 6.8 mm. Every subject has all of `SEGMENTS`. Subjects 3, 8, 13 ... lie on an oblique grid.

    Args:
        number: From 1.
        seed: Of the cohort.
    """
    rng = np.random.default_rng([seed, number])
    traits = Traits.drawn(rng)
    image, labels, geometry = scan(traits, number, rng)
    values = tuple(segment.value for segment in SEGMENTS)
    segmentation = Segmentation(SEGMENTS, (labels,), (0,) * len(values), values, geometry)
    return Subject(f"subject-{number:02d}", Volume(image, geometry), segmentation)


def scan(
    traits: Traits, number: int, rng: np.random.Generator
) -> tuple[NDArray[np.int16], NDArray[np.uint8], Geometry]:
    """Image, label map and grid of one person.

    Args:
        traits: The person's.
        number: Of the subject, from 1: decides how the grid lies.
        rng: Draws the grid, the person's bend and the noise.
    """
    geometry, centre_mm = _scan_geometry(traits, number, rng)
    canvas = Canvas(_body_points(geometry, centre_mm, rng), softness_mm=geometry.spacing_mm[0])
    paint_trunk(canvas, traits)
    image = _scanned(_slice_means(canvas.hu), geometry, rng)
    labels = _labels({value: _slice_means(part) for value, part in canvas.parts.items()})
    return image, labels, geometry


def _scan_geometry(traits: Traits, number: int, rng: np.random.Generator) -> tuple[Geometry, NDArray[np.float64]]:
    """The grid of the scan, and where the middle of the body lies in LPS."""
    pixel = float(np.round(rng.uniform(2.35, 2.7), 3))
    thickness = float(np.round(rng.uniform(6.4, 7.2), 2))
    margin_mm = 14
    columns = int(np.ceil(2 * (150 * traits.width + margin_mm) / pixel))
    rows = int(np.ceil(2 * (104 * traits.depth + margin_mm) / pixel))
    slices = round(200 / thickness)
    size, spacing = (columns, rows, slices), (pixel, pixel, thickness)
    choice = _ORIENTATIONS[(number - 1) % len(_ORIENTATIONS)]
    direction = _rotation(_TILT_DEGREES) if isinstance(choice, str) else np.diag(np.array(choice, dtype=float))
    centre_mm = np.round(rng.uniform((-6, -190, -420), (6, -150, -380)), 2)
    # The scan is not exactly centred on the person.
    middle_mm = centre_mm + rng.uniform((-5, -4, -4), (5, 4, 4))
    half = (np.array(size) - 1) / 2 * np.array(spacing)
    x, y, z = (float(value) for value in np.round(middle_mm - direction @ half, 3))
    return Geometry(size, spacing, (x, y, z), tuple(direction.ravel())), centre_mm


def _rotation(degrees: tuple[float, float, float]) -> NDArray[np.float64]:
    a, b, c = np.radians(degrees)
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    turned: NDArray[np.float64] = about_z @ about_y @ about_x
    return turned


def _body_points(geometry: Geometry, centre_mm: NDArray[np.float64], rng: np.random.Generator) -> Points:
    """Where samples lie in the body: several a slice, through a smooth deformation of the person."""
    i, j = (np.arange(n, dtype=np.float64) for n in geometry.size[:2])
    steps = (np.arange(_SAMPLES_A_SLICE) - (_SAMPLES_A_SLICE - 1) / 2) / _SAMPLES_A_SLICE
    k = (np.arange(geometry.size[2])[:, None] + steps).ravel()
    step, start = geometry.affine[:3, :3], geometry.affine[:3, 3] - centre_mm
    x, y, z = (
        (step[side, 0] * i[:, None, None] + step[side, 1] * j[:, None] + step[side, 2] * k + start[side]).astype(
            np.float32
        )
        for side in range(3)
    )
    moved = []
    for _ in range(3):
        bend = np.zeros((), dtype=np.float32)
        for wave_mm, size_mm in ((210, 3.0), (120, 1.6), (75, 0.8)):
            way = rng.standard_normal(3)
            a, b, c = (way / np.linalg.norm(way) * (2 * np.pi / wave_mm)).astype(np.float32)
            bend = bend + np.float32(size_mm) * np.sin(a * x + b * y + c * z + np.float32(rng.uniform(0, 2 * np.pi)))
        moved.append(bend)
    return Points(x + moved[0], y + moved[1], z + moved[2])


def _slice_means(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    rows, columns, count = samples.shape
    means: NDArray[np.float32] = samples.reshape(rows, columns, count // _SAMPLES_A_SLICE, _SAMPLES_A_SLICE).mean(
        axis=3
    )
    return means


def _scanned(hu: NDArray[np.float32], geometry: Geometry, rng: np.random.Generator) -> NDArray[np.int16]:
    """What a scanner makes of it: texture of tissue, blur, noise with a grain, whole numbers, the window."""
    texture = ndimage.gaussian_filter(rng.standard_normal(geometry.size, dtype=np.float32), (1.8, 1.8, 0.7))
    hu = hu + texture * (6 / texture.std()) * (hu > -60)
    hu = ndimage.gaussian_filter(hu, (0.5, 0.5, 0))
    grain = ndimage.gaussian_filter(rng.standard_normal(geometry.size, dtype=np.float32), (0.6, 0.6, 0))
    hu += grain * (rng.uniform(8, 15) / grain.std())
    return np.clip(np.rint(hu), *_SOFT_TISSUE_HU).astype(np.int16, order="F")


def _labels(parts: dict[int, NDArray[np.float32]]) -> NDArray[np.uint8]:
    """A voxel belongs to the segment that fills half of it; specks apart from an organ are left out."""
    values = sorted(parts)
    stack = np.stack([parts[value] for value in values])
    most = stack.argmax(axis=0)
    labels = np.zeros(most.shape, dtype=np.uint8, order="F")
    for index, value in enumerate(values):
        pieces, count = ndimage.label((most == index) & (stack[index] >= 0.5))
        if count:
            sizes = np.bincount(pieces.ravel())
            sizes[0] = 0
            labels[pieces == sizes.argmax()] = value
    return labels
