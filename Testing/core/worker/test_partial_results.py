"""Results so far: how often, what they hold, and that the result does not depend on them."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from worker_volumes import GRID, subject

from RetrievalSAMLib.models.build import build_encoder, build_segmenter
from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.segmentation.output import partial_results
from RetrievalSAMLib.segmentation.pipeline import Models, RunOptions, SegmentationResult, segment_volume
from RetrievalSAMLib.segmentation.settings.cleaning import NO_CLEANING
from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.volumes import Plane, Segmentation, SliceFrame


@pytest.fixture(scope="module")
def models() -> Models:
    return Models(build_segmenter(), build_encoder())


def cases(overlap: bool = False) -> list[MemoryCase]:
    made = []
    for seed in (1, 2):
        image, drawn = subject(seed)
        if overlap:
            masks = (drawn.mask(0), drawn.mask(1) | (drawn.mask(0) & (np.indices(GRID.size)[0] > 22)))
            drawn = Segmentation.from_masks(drawn.segments, masks, GRID)
        made.append(MemoryCase(f"case-{seed}", image, drawn))
    return made


def without_costs(result: SegmentationResult) -> dict[str, object]:
    report: dict[str, object] = msgspec.to_builtins(result.report)
    return report | {"seconds": None, "peak_memory_bytes": None}


@pytest.mark.parametrize(("name", "overlap"), [("fast", False), ("fast", True), ("fate-sam", False)])
def test_the_result_is_the_same_with_results_so_far_and_they_grow_towards_it(
    name: str, overlap: bool, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partial_results, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(partial_results, "LARGEST_SHARE", 1.0)
    seen: list[tuple[Segmentation, int, int]] = []
    # Masks are cleaned at the end, when all of them is there.
    options = RunOptions(roi=(0, 48, 4, 48, 1, 11) if name == "fate-sam" else None, cleaning=NO_CLEANING)
    plain = segment_volume(subject(0)[0], cases(overlap), models, preset(name), options)
    telling = replace(options, partial=lambda *so_far: seen.append(so_far))
    result = segment_volume(subject(0)[0], cases(overlap), models, preset(name), telling)
    assert result.segmentation.content_hash() == plain.segmentation.content_hash()
    assert without_costs(result) == without_costs(plain)
    assert [done for _, done, _ in seen] == list(range(1, seen[-1][2])) and len(seen) > 8
    assert all(one.names == plain.segmentation.names and one.geometry == GRID for one, _, _ in seen)
    voxels = [sum(int(one.mask(n).sum()) for n in range(2)) for one, _, _ in seen]
    assert voxels == sorted(voxels) and voxels[-1] > 0
    differing = np.zeros(GRID.size, dtype=bool)
    for n in range(2):
        differing |= seen[-1][0].mask(n) != plain.segmentation.mask(n)
    assert len(set(np.nonzero(differing)[2])) <= 1  # the slice that was missing


def test_a_closer_look_does_not_take_away_what_was_seen_before(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partial_results, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(partial_results, "LARGEST_SHARE", 1.0)
    for module in ("aligned_cases", "posed_cases"):  # no image aligns well enough
        monkeypatch.setattr(f"RetrievalSAMLib.segmentation.spatial_prior.{module}.TRUSTED", 2.0)
    stages: list[str] = []
    seen: dict[str, list[int]] = {}

    def tell(so_far: Segmentation, done: int, total: int) -> None:
        seen.setdefault(stages[-1], []).append(int(so_far.mask(0).sum()))

    options = RunOptions(partial=tell, progress=lambda stage, done, total: stages.append(stage))
    segment_volume(subject(0)[0], cases(), models, preset("fast"), options)
    assert min(seen["looking closer"]) > 0.5 * seen["segmenting"][-1] > 0


def test_results_so_far_take_at_most_their_share_of_the_time() -> None:
    now = 0.0
    told: list[float] = []

    def tell(so_far: Segmentation, done: int, total: int) -> None:
        nonlocal now
        told.append(now)
        now += 0.5  # what it costs to take one

    _, drawn = subject(0)
    growing = partial_results.Growing(tell, lambda segmentation: segmentation, lambda: now)
    growing.begin(_Canvas(drawn), views=1)  # type: ignore[arg-type]
    for done in range(1, 1001):
        now += 0.1
        growing.drawn(done % 12, done, 1000)
    assert told[0] >= partial_results.LEAST_SECONDS
    assert min(b - a for a, b in zip(told, told[1:], strict=False)) >= 0.5 / partial_results.LARGEST_SHARE - 1e-6
    assert len(told) >= 9


class _Canvas:
    """As much of a canvas as is read from it."""

    def __init__(self, drawn: Segmentation) -> None:
        self.frame = SliceFrame(GRID, Plane.AXIAL)
        self.segments = drawn.segments
        self.labels = np.zeros(self.frame.shape, np.uint8)
        self.free: dict[int, np.ndarray] = {}
