"""Parity with `SAM2VideoPredictor`: supports are the first frames of a film, and the target's slices follow.

Mirrored, supports are the last frames, and the film is tracked in reverse.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice, product

import pytest
import torch
from sam2.modeling.sam2_base import SAM2Base
from sam2_video import segment_film, video_predictor

from RetrievalSAMLib.models.build import LoadedSegmenter, build_segmenter, random_segmenter
from RetrievalSAMLib.retrieval.index import SliceRetrieval, Support
from RetrievalSAMLib.segmentation.engines.interface import (
    NO_OBJECT_LOGIT,
    ImageFeatures,
    MemoryBank,
    PointerEntry,
    SpatialEntry,
)
from RetrievalSAMLib.segmentation.memory.support_memories import MemoryStore
from RetrievalSAMLib.segmentation.propagation.propagation import AsFilm, Propagation
from RetrievalSAMLib.segmentation.sam2.engine import Sam2Engine
from RetrievalSAMLib.segmentation.settings.presets import Settings

RANDOM_TOLERANCE = 2e-5
BUNDLED_TOLERANCE = 1e-3
SUPPORTS = 3
RANDOM = ["random tiny", "random small"]
NAMES = [*RANDOM, "bundled"]
SETTINGS = Settings(
    "parity",
    supports=SUPPORTS,
    gate=0.0,
    remember_absence=True,
    voters=0,
    score_weight=1.0,
    presence_threshold=0.5,
)
Answers = dict[int, torch.Tensor]


@dataclass(frozen=True)
class Film:
    """Supports in the order of their rank, and the target.

    Attributes:
        supports: float (k, S, S) in [0, 1].
        masks: bool (k, B, S, S).
        target: float (n, S, S).
    """

    supports: torch.Tensor
    masks: torch.Tensor
    target: torch.Tensor

    def frames(self, reverse: bool) -> tuple[torch.Tensor, dict[int, torch.Tensor], int]:
        """All frames in time, masks by frame, and the frame of the target's first slice."""
        if reverse:
            last = len(self.target) + len(self.supports) - 1
            frames = torch.cat([self.target, self.supports.flip(0)])
            return frames, {last - rank: masks for rank, masks in enumerate(self.masks)}, 0
        return torch.cat([self.supports, self.target]), dict(enumerate(self.masks)), len(self.supports)


def film(size: int, slices: int, segments: int) -> Film:
    """Ellipses of different brightness that drift through noise, shrink, vanish and come back."""
    generator = torch.Generator().manual_seed(7)
    place = (torch.arange(size) + 0.5) / size
    frames, masks = [], []
    for t in range(SUPPORTS + slices):
        noise = torch.nn.functional.interpolate(
            torch.rand(1, 1, size // 8, size // 8, generator=generator), size=(size, size), mode="bilinear"
        )[0, 0]
        image = 0.3 * noise
        of_segments = []
        for b in range(segments):
            angle = torch.tensor(2.1 * b + 0.15 * t)
            radius = 0.16 - 0.03 * b + 0.05 * torch.sin(0.5 * angle + 0.4 * t)
            rows = (place - 0.5 - 0.22 * angle.sin())[:, None] / radius
            columns = (place - 0.5 - 0.22 * angle.cos())[None] / (1.4 * radius)
            mask = rows**2 + columns**2 < 1
            if (t + 2 * b) % 5 == 1:  # of the supports: segment 0 lacks in the second, segment 2 in the third
                mask = torch.zeros_like(mask)
            image = torch.where(mask, 0.5 + 0.2 * b + 0.1 * noise, image)
            of_segments.append(mask)
        frames.append(image)
        masks.append(torch.stack(of_segments))
    stacked = torch.stack(frames)
    return Film(stacked[:SUPPORTS], torch.stack(masks[:SUPPORTS]), stacked[SUPPORTS:])


def with_object_scores_around_zero(loaded: LoadedSegmenter, film: Film) -> LoadedSegmenter:
    """Random weights give all slices nearly one object score; shifted, some are present, some absent."""
    model = copy.deepcopy(loaded.model)
    engine = Sam2Engine(model)
    features = engine.encode_images(film.supports[:1])
    memory = engine.encode_support(features, film.masks[0, :1].float())
    bank = MemoryBank([SpatialEntry(memory.spatial, 0)], [PointerEntry(memory.pointer, 1)])
    scores = []
    for image in film.target[:6]:
        seen = engine.encode_images(image[None])
        scores.append(engine.decode(seen, engine.attend(seen, bank)).object_score)
    head = model.sam_mask_decoder.pred_obj_score_head
    head.layers[-1].bias -= torch.cat(scores).median()
    return replace(loaded, model=model)


@dataclass(frozen=True)
class Case:
    """A model, a film, and how far the logits may be apart."""

    loaded: LoadedSegmenter
    film: Film
    tolerance: float


@functools.cache
@torch.no_grad()
def case(name: str) -> Case:
    """The models compared. 18 slices are more than object pointers reach, 8 are more than memories do."""
    if name == "bundled":
        return Case(build_segmenter("bundled"), film(256, slices=18, segments=3), BUNDLED_TOLERANCE)
    if name == "random small":
        loaded, of = random_segmenter("bundled", 128, seed=5), film(128, slices=18, segments=3)
    else:
        loaded, of = random_segmenter("sam2.1-tiny", 256, seed=3), film(256, slices=8, segments=2)
    return Case(with_object_scores_around_zero(loaded, of), of, RANDOM_TOLERANCE)


@functools.cache
def expected(name: str, reverse: bool) -> Answers:
    """Low-resolution logits by slice of the target, of the video predictor."""
    of = case(name)
    frames, masks, first = of.film.frames(reverse)
    logits = segment_film(video_predictor(of.loaded), frames, masks, reverse)
    return {t - first: found for t, found in logits.items()}


@functools.cache
@torch.inference_mode()
def features(name: str) -> list[ImageFeatures]:
    """Of the supports and then of the target's slices: the damages below do not touch them."""
    of = case(name)
    engine = Sam2Engine(of.loaded.model)
    return [engine.encode_images(image[None]) for image in (*of.film.supports, *of.film.target)]


@torch.inference_mode()
def our_answers(name: str, reverse: bool, engine: Sam2Engine, slices: int | None = None) -> Answers:
    """What the product says, of the first few slices if ``slices`` is given."""
    of = case(name).film
    count, segments = len(of.target), of.masks.shape[1]
    chosen = tuple(Support(0, rank, 1.0) for rank in range(SUPPORTS))
    retrieval = [[SliceRetrieval(chosen, 1.0, 1.0)] * segments] * count
    with MemoryStore(limit_bytes=1 << 30) as store:
        for rank in range(SUPPORTS):
            seen = features(name)[rank].expand(segments)
            store.put((0, rank), engine.encode_support(seen, of.masks[rank].float()).rounded())
        propagation = Propagation(
            engine,
            store,
            retrieval,
            lambda i: features(name)[SUPPORTS + i],
            SETTINGS,
            timing=AsFilm(count),
            pointer_span=min(SUPPORTS + count, 16),
        )
        run = propagation.run(start=count - 1 if reverse else 0)
        return {found.index: found.logits for found in islice(run, slices)}


def difference(ours: Answers, theirs: Answers) -> float:
    """Largest difference of any logit of any slice."""
    assert ours.keys() == theirs.keys()
    return max(float((ours[i] - theirs[i]).abs().max()) for i in ours)


def difference_where_present(ours: Answers, theirs: Answers) -> float:
    """The same, leaving out masks that one of both says are absent: a jump to -1024 would prove little."""
    found = [0.0]
    for i in ours:
        both = ~is_absent(ours[i]) & ~is_absent(theirs[i])
        found += (ours[i] - theirs[i])[both].abs().flatten(1).amax(1).tolist()
    return max(found)


def is_absent(logits: torch.Tensor) -> torch.Tensor:
    return (logits == NO_OBJECT_LOGIT).flatten(1).all(1)


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("name", NAMES)
def test_logits_are_those_of_the_video_predictor(name: str, reverse: bool) -> None:
    ours = our_answers(name, reverse, Sam2Engine(case(name).loaded.model))
    assert len(ours) == len(case(name).film.target)
    assert difference(ours, expected(name, reverse)) <= case(name).tolerance


@pytest.mark.parametrize("name", NAMES)
def test_films_are_long_enough_and_have_supports_without_a_segment(name: str) -> None:
    of = case(name)
    assert len(of.film.target) > of.loaded.model.num_maskmem
    assert len(of.film.target) > 16 or name == "random tiny"
    assert of.film.masks.shape[1] > 1
    assert not of.film.masks.flatten(2).any(2).all()


@pytest.mark.parametrize("name", RANDOM)
def test_films_of_random_models_have_present_and_absent_slices(name: str) -> None:
    absent = torch.stack([is_absent(logits) for logits in expected(name, False).values()])
    assert absent.any() and not absent.all()


def no_time_of_memories(model: SAM2Base) -> None:
    model.maskmem_tpos_enc.zero_()


def no_time_of_pointers(model: SAM2Base) -> None:
    model.obj_ptr_tpos_proj.weight.zero_()
    model.obj_ptr_tpos_proj.bias.zero_()


class NoPointers(Sam2Engine):
    def attend(self, features: ImageFeatures, bank: MemoryBank) -> torch.Tensor:
        return super().attend(features, replace(bank, pointers=()))


class OneSupportLess(Sam2Engine):
    def attend(self, features: ImageFeatures, bank: MemoryBank) -> torch.Tensor:
        return super().attend(features, replace(bank, spatial=bank.spatial[1:]))


class OnePropagatedMemoryLess(Sam2Engine):
    def attend(self, features: ImageFeatures, bank: MemoryBank) -> torch.Tensor:
        return super().attend(features, replace(bank, spatial=[m for m in bank.spatial if m.time != 1]))


def difference_with(engine: Sam2Engine, name: str) -> float:
    ours = our_answers(name, False, engine, slices=5)
    return difference_where_present(ours, {i: expected(name, False)[i] for i in ours})


# What a trained model makes of pointers is its own affair, so these damages are tried on random weights only.
@pytest.mark.parametrize(
    ("name", "damage"),
    [*product(NAMES, [no_time_of_memories]), *product(RANDOM, [no_time_of_pointers])],
)
def test_comparison_notices_zeroed_temporal_encodings(name: str, damage: Callable[[SAM2Base], None]) -> None:
    model = copy.deepcopy(case(name).loaded.model)
    damage(model)
    assert difference_with(Sam2Engine(model), name) > case(name).tolerance


@pytest.mark.parametrize(
    ("name", "damaged"),
    [*product(NAMES, [OneSupportLess, OnePropagatedMemoryLess]), *product(RANDOM, [NoPointers])],
)
def test_comparison_notices_what_the_bank_lacks(name: str, damaged: type[Sam2Engine]) -> None:
    assert difference_with(damaged(case(name).loaded.model), name) > case(name).tolerance
