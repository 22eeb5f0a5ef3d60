"""The preset `fate-sam` against the plain reference, on a volume whose segments appear and vanish."""

from __future__ import annotations

import copy
import functools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sam2.modeling.sam2_base import SAM2Base

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.models.build import random_segmenter
from RetrievalSAMLib.retrieval.index import Support
from RetrievalSAMLib.segmentation.engines.interface import ImageFeatures
from RetrievalSAMLib.segmentation.propagation.segmented_slice import SegmentedSlice
from RetrievalSAMLib.segmentation.published import fate_sam as module
from RetrievalSAMLib.segmentation.published.fate_sam import LabelledSlices, fate_sam, masks_of, merged
from RetrievalSAMLib.segmentation.sam2.engine import Sam2Engine
from Testing.reference.fate_sam_reference import Quirks, Told, tell

TOLERANCE = 1e-5
SHAPE = (40, 56)
SEGMENTS = (4, 9, 2)
"""Keys: not in the order of their size, which must not matter."""

PLACES = ((14, 18, 9), (24, 36, 11), (20, 28, 7))
FROM_TO = (((0, 5),), ((3, 9),), ((1, 3), (6, 8)))
"""By segment: centre and radius in pixels, and the slices in which it is."""


def volume(slices: int, seed: int, shift: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Image and label map (n, h, w): discs on noise, each in some of the slices only."""
    random = np.random.default_rng(seed)
    rows, columns = np.indices(SHAPE)
    images = random.normal(100, 12, (slices, *SHAPE))
    labels = np.zeros((slices, *SHAPE), dtype=int)
    for b, ((row, column, radius), spans) in enumerate(zip(PLACES, FROM_TO, strict=True)):
        for z in range(slices):
            if any(first <= z + shift < last for first, last in spans):
                size = radius - 0.4 * abs(z - slices / 2) + random.uniform(-1, 1)
                disc = (rows - row - seed) ** 2 + (columns - column + z) ** 2 < size**2
                images[z][disc] += 90 + 60 * b
                labels[z][disc] = b + 1
    # Slices differ in contrast, so that it matters whether each is scaled on its own.
    images *= np.linspace(0.4, 2.0, slices)[:, None, None]
    return images.astype(np.float32), labels


@functools.cache
def target() -> np.ndarray:
    return volume(9, seed=1)[0]


def slices_of(name: str) -> np.ndarray:
    """What a model is shown: SAM 2.1 tiny takes its time."""
    return target() if name == "bundled" else target()[2:7]


@functools.cache
def cases() -> list[tuple[np.ndarray, np.ndarray]]:
    """Two cases. One slice that looks just like the target's shows no segment: it must not be a support."""
    first, second = volume(8, seed=2), volume(8, seed=3, shift=1)
    first[0][7], first[1][7] = target()[2], 0
    return [first, second]


@functools.cache
@torch.no_grad()
def model(name: str) -> SAM2Base:
    """Random weights; the object score is shifted so that one slice is absent and others are not."""
    loaded = random_segmenter(name, 128, seed=7).model
    scores = torch.stack(list(tell(loaded, slices_of(name), cases()).scores.values())).mean(dim=1).sort().values
    loaded.sam_mask_decoder.pred_obj_score_head.layers[-1].bias -= scores[:2].mean()
    return loaded


def short_memory(of: SAM2Base) -> SAM2Base:
    """The same model with a window of 2 propagated memories and 3 pointers, which a few slices fill."""
    of = copy.deepcopy(of)
    of.num_maskmem, of.max_obj_ptrs_in_encoder = 3, 4
    of.maskmem_tpos_enc = torch.nn.Parameter(of.maskmem_tpos_enc[[0, 1, -1]])
    return of


def loaders() -> list[Callable[[], LabelledSlices]]:
    def loader(images: np.ndarray, labels: np.ndarray) -> Callable[[], LabelledSlices]:
        shown = {key: labels == b + 1 for b, key in enumerate(SEGMENTS) if (labels == b + 1).any()}
        return lambda: LabelledSlices(images, shown)

    return [loader(*case) for case in cases()]


def silent(stage: str, done: int, total: int) -> None:
    pass


Answers = list[tuple[SegmentedSlice, tuple[Support, ...]]]


@functools.cache
def usual_tale() -> Told:
    return tell(model("bundled"), target(), cases())


def ours(of: SAM2Base, name: str = "bundled") -> Answers:
    return list(fate_sam(Sam2Engine(of), slices_of(name), loaders(), SEGMENTS, silent))


@functools.cache
def usual_answers() -> Answers:
    return ours(model("bundled"))


@dataclass(frozen=True)
class Difference:
    """How far the product and the reference are apart; infinity where they do not even do the same thing."""

    order: float
    supports: float
    distances: float
    logits: float
    labels: float


def difference(answers: Answers, told: Told) -> Difference:
    infinity = float("inf")
    distances, logits, labels = [0.0], [0.0], [0.0]
    pool = [(c, i) for c, (images, _) in enumerate(cases()) for i in range(len(images))]
    for found, supports in answers:
        index = found.index
        for support in supports:
            expected = told.distances[index, pool.index((support.case, support.slice))]
            distances.append(abs(-support.similarity - expected))
        # Absent masks are -1024 everywhere: comparing them with present ones would prove little.
        both = found.present & (told.scores[index] > 0)
        logits += (found.logits - told.logits[index])[both].abs().flatten(1).amax(1).tolist()
        label = merged(masks_of(found.logits, SHAPE)).numpy()
        labels.append(float((label != told.labels[index]).mean()))
    same_supports = all([(s.case, s.slice) for s in used] == told.supports[f.index] for f, used in answers)
    same_presence = all(torch.equal(f.present, told.scores[f.index] > 0) for f, _ in answers)
    return Difference(
        order=0.0 if [f.index for f, _ in answers] == told.order else infinity,
        supports=0.0 if same_supports else infinity,
        distances=max(distances),
        logits=max(logits) if same_presence else infinity,
        labels=max(labels),
    )


def assert_same(found: Difference) -> None:
    assert found.order == found.supports == 0
    assert found.distances <= TOLERANCE
    assert found.logits <= TOLERANCE
    # A pixel whose logit is 0 but for rounding may fall on either side.
    assert found.labels <= 1e-3


@pytest.mark.parametrize("name", ["bundled", "sam2.1-tiny"])
def test_everything_is_as_the_reference_tells_it(name: str) -> None:
    told = usual_tale() if name == "bundled" else tell(model(name), slices_of(name), cases())
    absent = torch.stack(list(told.scores.values())) <= 0
    assert absent.any() and not absent.all()
    answers = usual_answers() if name == "bundled" else ours(model(name), name)
    assert_same(difference(answers, told))


def test_memories_that_can_still_be_reached_are_not_dropped() -> None:
    of = short_memory(model("bundled"))
    assert_same(difference(ours(of), tell(of, target(), cases())))


SEEN_IN = {
    "scaled_slice_by_slice": "distances",
    "squashed": "distances",
    "channels_summed": "distances",
    "levels_weighed_alike": "distances",
    "labelled_slices_only": "supports",
    "starts_in_the_middle": "order",
    "later_overwrite": "labels",
}
"""Where switching a quirk off must be seen; the others in the logits."""


@pytest.mark.parametrize("quirk", [f.name for f in fields(Quirks)])
def test_comparison_fails_without(quirk: str) -> None:
    told = tell(model("bundled"), target(), cases(), replace(Quirks(), **{quirk: False}))
    assert getattr(difference(usual_answers(), told), SEEN_IN.get(quirk, "logits")) > TOLERANCE


def test_volume_has_what_the_quirks_need() -> None:
    told = usual_tale()
    labels = [of for _, of in cases()]
    shown = [[{int(v) for v in np.unique(labels[c][i])} for c, i in row] for row in told.supports]
    assert any(values != {0, 1, 2, 3} for values in shown[len(target()) // 2])
    assert any(values != {0, 1, 2, 3} for row in shown for values in row)
    assert SHAPE[0] != SHAPE[1]
    assert len(target()) > model("bundled").num_maskmem


def test_images_are_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = Sam2Engine.encode_images

    def counted(self: Sam2Engine, images: torch.Tensor) -> ImageFeatures:
        calls.append(len(images))
        return real(self, images)

    monkeypatch.setattr(Sam2Engine, "encode_images", counted)
    ours(model("bundled"))
    labelled = sum(int(of.any()) for _, labels in cases() for of in labels)
    assert sum(calls) == labelled + len(target())


def test_segments_in_several_tracks_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SEGMENTS_AT_ONCE", 2)
    for (one, _), (other, _) in zip(ours(model("bundled")), usual_answers(), strict=True):
        assert torch.equal(one.present, other.present)
        assert torch.allclose(one.logits, other.logits, rtol=0, atol=TOLERANCE)
        assert torch.allclose(one.presence, other.presence, atol=TOLERANCE)


def test_one_slice_is_segmented_and_later_segments_lie_on_top() -> None:
    run = fate_sam(Sam2Engine(model("bundled")), target()[:1], loaders(), SEGMENTS, silent)
    assert [found.index for found, _ in run] == [0]
    both = torch.ones(2, 1, 1, dtype=torch.bool)
    assert merged(both).tolist() == [[2]]
    assert merged(both & torch.tensor([True, False])[:, None, None]).tolist() == [[1]]


def test_temporary_folder_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    engine, few = Sam2Engine(model("bundled")), target()[:2]

    run = fate_sam(engine, few, loaders(), SEGMENTS, silent)
    next(run)
    assert list(tmp_path.iterdir())
    run.close()
    assert not list(tmp_path.iterdir())

    def stop(stage: str, done: int, total: int) -> None:
        if stage == "comparing slices":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(fate_sam(engine, few, loaders(), SEGMENTS, stop))
    assert not list(tmp_path.iterdir())

    assert len(list(fate_sam(engine, few, loaders(), SEGMENTS, silent))) == 2
    assert not list(tmp_path.iterdir())


def test_cases_without_the_segments_are_refused() -> None:
    with pytest.raises(InputError, match="none of their slices shows a segment"):
        list(fate_sam(Sam2Engine(model("bundled")), target(), loaders(), [77], silent))
