"""The gate keeps slices that came out badly from becoming memories of the slices behind them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from RetrievalSAMLib.models.build import build_encoder, build_segmenter
from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.segmentation.pipeline import Models, segment_volume
from RetrievalSAMLib.segmentation.propagation.propagation import Propagation
from RetrievalSAMLib.segmentation.propagation.segmented_slice import SegmentedSlice
from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.segmentation.steps import segment
from RetrievalSAMLib.volumes import Geometry, Segment, Segmentation, Volume
from RetrievalSAMLib.volumes.overlap import dice

GEOMETRY = Geometry((48, 48, 20), (1.0, 1.0, 2.0), (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
ANNOTATED = 4
NOISY = (7, 8, 9)


def vessel(seed: int, noisy: tuple[int, ...] = (), fading: float = 0.0) -> tuple[Volume, np.ndarray]:
    """A winding vessel that grows darker from slice to slice beside one that does not; some slices are noise."""
    random = np.random.default_rng(seed)
    i, j, k = np.indices(GEOMETRY.size)
    wanted = (i - 16 - 0.6 * k) ** 2 + (j - 24 - 4 * np.sin(k / 5 + seed * 0.3)) ** 2 < (6 + 0.1 * k) ** 2
    other = (i - 36 + 0.3 * k) ** 2 + (j - 38) ** 2 < 36
    voxels = 60 + (100 - fading * (k - ANNOTATED)) * wanted + 80 * other + random.normal(0, 10, GEOMETRY.size)
    for index in noisy:
        voxels[:, :, index] = random.normal(110, 60, GEOMETRY.size[:2])
    return Volume(voxels.astype(np.int16), GEOMETRY), wanted


@pytest.fixture(scope="module")
def library() -> list[MemoryCase]:
    """One case with one annotated slice, so that the slices behind depend on what is propagated."""
    image, wanted = vessel(1)
    drawn = Segmentation.from_masks((Segment("Vessel", 1),), (wanted,), GEOMETRY)
    return [MemoryCase("sparse", image, drawn, annotated_slices={1: (ANNOTATED,)})]


def test_a_bad_memory_is_rejected_and_the_slices_behind_come_out_well(
    library: list[MemoryCase], monkeypatch: pytest.MonkeyPatch
) -> None:
    became_memory: dict[int, bool] = {}

    class Watched(Propagation):
        def run(self, start: int | None = None):  # type: ignore[no-untyped-def]
            for segmented in super().run(start):
                assert isinstance(segmented, SegmentedSlice)
                became_memory[segmented.index] = bool(segmented.memorised[0])
                yield segmented

    monkeypatch.setattr(segment, "Propagation", Watched)
    models = Models(build_segmenter(), build_encoder())
    target, truth = vessel(2, NOISY, fading=4.0)
    # One support and its one vote: presence is not what is tried here.
    gated = replace(preset("default"), supports=1, voters=1, score_weight=0.0)
    behind = slice(NOISY[-1] + 1, None)
    found, accepted = {}, {}
    for name, settings in (("gated", gated), ("open", replace(gated, gate=0.0))):
        mask = segment_volume(target, library, models, settings).segmentation.mask(0)
        found[name] = dice(mask[:, :, behind], truth[:, :, behind])
        accepted[name] = {index for index, kept in became_memory.items() if kept}
    assert accepted["open"] >= set(NOISY)
    assert not accepted["gated"] & set(NOISY)
    assert accepted["gated"] >= set(range(3, 7))
    assert found["gated"] > max(0.85, found["open"] - 0.02)
