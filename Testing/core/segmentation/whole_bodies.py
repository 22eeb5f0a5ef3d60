"""Bodies with organs of which two are labelled, and the same as another scanner would show them: turned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.volumes import Geometry, Plane, Segment, Segmentation, Volume
from training.moved_cases import turned_case

_SHAPE, _SPACING_MM = (64, 60, 20), (3.0, 3.0, 6.0)
_ORGANS = (((-30.0, 10.0, -10.0), 16.0, 0.5), ((32.0, 4.0, 6.0), 20.0, 0.3), ((6.0, 34.0, 10.0), 9.0, 0.6))
"""Centre (left, posterior, superior) and radius in mm, and how bright: the first two are labelled 1 and 2."""


def body_case(seed: int) -> MemoryCase:
    """One body; each has organs a little elsewhere and of another size."""
    random = np.random.default_rng(seed)
    axes = [(np.arange(n) - (n - 1) / 2) * mm for n, mm in zip(_SHAPE, _SPACING_MM, strict=True)]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    image = 0.3 * (np.linalg.norm(places / (78.0, 62.0, 200.0), axis=-1) < 1)
    masks = []
    for centre, radius, brightness in _ORGANS:
        away = np.linalg.norm(places - np.array(centre) - random.uniform(-4, 4, 3), axis=-1)
        mask = away < radius * random.uniform(0.9, 1.1)
        image = np.where(mask, brightness + 0.3, image)
        masks.append(mask)
    image = image + random.normal(0, 0.02, _SHAPE)
    geometry = Geometry(_SHAPE, _SPACING_MM, (-90.0, -80.0, 40.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    segments = [Segment("Right", 1), Segment("Left", 2)]
    segmentation = Segmentation.from_masks(segments, masks[:2], geometry)
    return MemoryCase(f"body-{seed}", Volume((1000 * image).astype(np.int16), geometry), segmentation, Plane.AXIAL)


def turned(case: MemoryCase, degrees: float, true_header: bool) -> MemoryCase:
    """The same body, turned about the patient's long axis, in a header that says so or not."""
    return replace(turned_case(case, degrees, true_header=true_header), sliced_along=Plane.AXIAL)
