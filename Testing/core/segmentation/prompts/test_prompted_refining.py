"""Points and boxes in a run: what they guarantee, what they change, and what they leave alone."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up_cases import GEOMETRY, SEGMENTS, case, stored_otherwise

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.segmentation.engines.interface import Decoded
from RetrievalSAMLib.segmentation.pipeline import Models, RunOptions, refine_volume, segment_volume
from RetrievalSAMLib.segmentation.prompts.points_and_boxes import BoxPrompt, PersonsPrompts, PointPrompt
from RetrievalSAMLib.segmentation.run_state.known_results import KnownResult, add_result
from RetrievalSAMLib.segmentation.run_state.state_file import SUFFIX, results_file
from RetrievalSAMLib.segmentation.sam2.engine import Sam2Engine
from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.volumes import Segmentation, SliceFrame, Volume, choose_plane

FRAME = SliceFrame(GEOMETRY, choose_plane(GEOMETRY))
FAST = preset("fast")


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def slices_of(segmentation: Segmentation, name: str) -> np.ndarray:
    return FRAME.to_slices(segmentation.mask(name))


def drawn(segmentation: Segmentation, masks: Mapping[str, np.ndarray]) -> Segmentation:
    new = [masks.get(s.name, slices_of(segmentation, s.name)) for s in segmentation.segments]
    return Segmentation.from_masks(segmentation.segments, [FRAME.from_slices(m) for m in new], GEOMETRY)


def at(index: int, row: float, column: float) -> tuple[float, float, float]:
    """Position of a place in a slice; this grid's slices, rows and columns are its own k, j, i."""
    x, y, z = GEOMETRY.index_to_lps(np.array([column, row, index])).tolist()
    return x, y, z


def point(index: int, row: int, column: int, positive: bool = True, segment: str = "Large") -> PointPrompt:
    return PointPrompt(segment, at(index, row, column), positive)


def box(index: int, top: int, left: int, bottom: int, right: int, segment: str = "Large") -> BoxPrompt:
    return BoxPrompt(segment, (at(index, top, left), at(index, bottom, right)))


@pytest.fixture(scope="module")
def target() -> MemoryCase:
    return case(0)


@pytest.fixture(scope="module")
def state(
    models: Models, supports: list[MemoryCase], target: MemoryCase, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    segment_volume(target.image, supports, models, FAST, RunOptions(state=folder))
    return folder


@pytest.fixture
def runs(state: Path, halved: Segmentation, tmp_path: Path) -> Path:
    """What a run left that had found `halved`."""
    copied = Path(shutil.copytree(state, tmp_path / "runs"))
    masks = {s.name: slices_of(halved, s.name) for s in SEGMENTS}
    add_result(results_file(next(copied.glob(f"*{SUFFIX}"))), KnownResult.of(masks.items(), ()), anew=True)
    return copied


@pytest.fixture(scope="module")
def halved(target: MemoryCase) -> Segmentation:
    """The truth, but the right half of the large structure is missing in slices 4 to 7."""
    masks = slices_of(target.segmentation, "Large").copy()
    masks[4:8, :, 20:] = False
    return drawn(target.segmentation, {"Large": masks})


def test_one_click_brings_back_what_is_missing_in_its_slice_and_beside_it(
    halved: Segmentation, models: Models, supports: list[MemoryCase], target: MemoryCase, runs: Path
) -> None:
    prompts = PersonsPrompts((point(5, 27, 25, segment="large"),))
    refined = refine_volume(target.image, halved, (), supports, models, FAST, RunOptions(state=runs), prompts)
    refinement = refined.report.refinement
    assert refinement is not None and refinement.reused
    assert refinement.corrected == () and refinement.prompted == {"Large": (5,)}
    after, was, right = (slices_of(s, "Large") for s in (refined.segmentation, halved, target.segmentation))
    assert after[5, 27, 25]
    for index in (4, 5, 6):
        assert dice(after[index], right[index]) > dice(was[index], right[index]) + 0.15
    assert set(refinement.changed) == {"Large"} and 5 in refinement.changed["Large"]
    assert 5 in refinement.recomputed["Large"] and set(refinement.recomputed["Large"]) <= {2, 3, 4, 5, 6, 7, 8}
    assert np.array_equal(slices_of(refined.segmentation, "Small"), slices_of(halved, "Small"))
    told = {row.index: row.segments for row in refined.report.slices}
    assert told[5]["Large"].area_mm2 == float(after[5].sum()) and 0 < told[5]["Large"].confidence < 1
    assert told[5]["Large"].supports and told[4]["Large"].supports[0].case == ""


@pytest.mark.parametrize("logit", [-20.0, 20.0, float("nan")])
def test_what_is_set_holds_in_its_slice_whatever_the_network_says(
    logit: float,
    halved: Segmentation,
    models: Models,
    supports: list[MemoryCase],
    target: MemoryCase,
    runs: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decode = Sam2Engine.decode

    def stubborn(self: Sam2Engine, *given: object) -> Decoded:
        answer = decode(self, *given)  # type: ignore[arg-type]
        return replace(answer, logits=torch.full_like(answer.logits, logit))

    monkeypatch.setattr(Sam2Engine, "decode", stubborn)
    prompts = PersonsPrompts(
        (
            point(5, 27, 12, positive=False),
            point(5, 27, 25),
            point(3, 2, 2),
            point(8, 40, 40, positive=False),
            point(9, 27, 18),
            point(9, 27, 19, positive=False),
        ),
        (box(6, 20, 10, 30, 24), box(9, 25, 15, 29, 22), box(7, 10, 30, 14, 44, "Small")),
    )
    refined = refine_volume(target.image, halved, (), supports, models, FAST, RunOptions(state=runs), prompts)
    large, small = slices_of(refined.segmentation, "Large"), slices_of(refined.segmentation, "Small")
    assert large[5, 27, 25] and large[3, 2, 2] and large[9, 27, 18]
    assert not large[5, 27, 12] and not large[8, 40, 40] and not large[9, 27, 19]
    for masks, index, (rows, columns) in (
        (large, 6, (slice(20, 31), slice(10, 25))),
        (large, 9, (slice(25, 30), slice(15, 23))),
        (small, 7, (slice(10, 15), slice(30, 45))),
    ):
        outside = masks[index].copy()
        outside[rows, columns] = False
        assert not outside.any()
    # What a decoder denies is there all the same: the mask so far, and around the clicks.
    assert large[6].any() and large[9].any() and small[7].any() and large[3].sum() > 4
    refinement = refined.report.refinement
    assert refinement is not None and refinement.prompted == {"Large": (3, 5, 6, 8, 9), "Small": (7,)}


def test_a_slice_in_which_all_points_hold_stays_as_it_is_and_bounds_what_is_carried_on(
    halved: Segmentation, models: Models, supports: list[MemoryCase], target: MemoryCase, runs: Path
) -> None:
    options, first = RunOptions(state=runs), point(5, 27, 25)
    once = refine_volume(target.image, halved, (), supports, models, FAST, options, PersonsPrompts((first,)))
    both = PersonsPrompts((first, point(9, 27, 30)))
    again = refine_volume(target.image, once.segmentation, (), supports, models, FAST, options, both)
    refinement = again.report.refinement
    assert refinement is not None and refinement.prompted == {"Large": (5, 9)}
    looked = refinement.recomputed["Large"]
    assert 9 in looked and not {4, 5} & set(looked)
    assert np.array_equal(slices_of(again.segmentation, "Large")[5], slices_of(once.segmentation, "Large")[5])
    assert next(row for row in again.report.slices if row.index == 5) == next(
        row for row in once.report.slices if row.index == 5
    )


def test_a_positive_click_takes_its_pixel_from_another_segment_and_nothing_further_away(
    halved: Segmentation, models: Models, supports: list[MemoryCase], target: MemoryCase, runs: Path
) -> None:
    small = slices_of(halved, "Small")
    rows, columns = np.nonzero(small[7])
    row, column = int(np.median(rows)), int(columns.max())
    prompts = PersonsPrompts((point(7, row, column),))
    refined = refine_volume(target.image, halved, (), supports, models, FAST, RunOptions(state=runs), prompts)
    after = slices_of(refined.segmentation, "Small")
    assert slices_of(refined.segmentation, "Large")[7, row, column] and not after[7, row, column]
    assert after[7].any() and np.array_equal(
        after[[i for i in range(12) if i != 7]], small[[i for i in range(12) if i != 7]]
    )
    refinement = refined.report.refinement
    assert refinement is not None and refinement.changed["Small"] == (7,)
    assert "Small" not in refinement.recomputed and "Small" not in refinement.prompted


def test_segments_that_may_overlap_keep_their_pixels(models: Models, tmp_path: Path) -> None:
    cases, target = [case(seed, overlap=True) for seed in (1, 2)], case(0, overlap=True)
    options = RunOptions(state=tmp_path)
    prompts = PersonsPrompts((point(6, 27, 22), point(6, 27, 22, segment="Small")))
    found = segment_volume(target.image, cases, models, FAST, options, prompts).segmentation
    assert slices_of(found, "Large")[6, 27, 22] and slices_of(found, "Small")[6, 27, 22]


def test_a_prompted_slice_is_corrected_for_its_segment_alone(
    halved: Segmentation, models: Models, supports: list[MemoryCase], target: MemoryCase, runs: Path
) -> None:
    masks = slices_of(halved, "Small").copy()
    masks[6] = np.roll(masks[6], 3, axis=0) & ~slices_of(halved, "Large")[6]
    by_hand = drawn(halved, {"Small": masks})
    prompts = PersonsPrompts((point(5, 27, 25),))
    options = RunOptions(state=runs)
    refined = refine_volume(target.image, by_hand, [6], supports, models, FAST, options, prompts)
    refinement = refined.report.refinement
    assert refinement is not None and refinement.corrected == (6,)
    # The small structure is carried on over the slice in which the large one was prompted ...
    assert 5 in refinement.recomputed["Small"]
    # ... and the large one up to the slice that was drawn by hand, which stays as it is.
    assert 4 in refinement.recomputed["Large"] and 6 not in refinement.recomputed["Large"]
    for name in ("Large", "Small"):
        assert np.array_equal(slices_of(refined.segmentation, name)[6], slices_of(by_hand, name)[6])


@pytest.mark.parametrize("known", [True, False], ids=["after a run", "anew"])
def test_a_point_outside_what_the_run_looked_at_is_seen_in_a_view_of_its_own(
    known: bool, models: Models, supports: list[MemoryCase], target: MemoryCase, tmp_path: Path
) -> None:
    i, j, k = np.indices(GEOMETRY.size)
    ball = FRAME.to_slices(((i - 8) ** 2 + (j - 8) ** 2 < 25) & (k >= 2) & (k <= 9))
    image = Volume(np.where(FRAME.from_slices(ball), 240, target.image.voxels).astype(np.int16), GEOMETRY)
    found = segment_volume(image, supports, models, FAST, RunOptions(state=tmp_path)).segmentation
    assert not (slices_of(found, "Small") & ball).any()
    prompts = PersonsPrompts((point(5, 8, 8, segment="Small"),), (box(5, 4, 4, 12, 12, "Small"),))
    options = RunOptions(state=tmp_path if known else None)
    after = slices_of(refine_volume(image, found, (), supports, models, FAST, options, prompts).segmentation, "Small")
    assert dice(after[5], ball[5]) > 0.75


def test_the_same_points_do_the_same_on_a_grid_that_is_stored_otherwise(
    halved: Segmentation, models: Models, supports: list[MemoryCase], target: MemoryCase
) -> None:
    prompts = PersonsPrompts((point(5, 27, 25),), (box(7, 16, 8, 38, 30),))
    plain = refine_volume(target.image, halved, (), supports, models, FAST, RunOptions(), prompts).segmentation
    order, flipped = (2, 0, 1), (True, False, True)
    image = stored_otherwise(target.image, order, flipped)
    masks = [
        stored_otherwise(Volume(halved.mask(s.name).astype(np.uint8), GEOMETRY), order, flipped).voxels.astype(bool)
        for s in SEGMENTS
    ]
    otherwise = Segmentation.from_masks(SEGMENTS, masks, image.geometry)
    refined = refine_volume(image, otherwise, (), supports, models, FAST, RunOptions(), prompts)
    frame = SliceFrame(image.geometry, choose_plane(image.geometry))
    for name in ("Large", "Small"):
        assert np.array_equal(frame.to_slices(refined.segmentation.mask(name)), slices_of(plain, name))
    assert refined.report.refinement is not None
    # Indices are the file's own, whose slices run the other way.
    assert refined.report.refinement.prompted == {"Large": (4, 6)}


def test_segmenting_with_points_is_segmenting_and_then_refining_by_them(
    models: Models, supports: list[MemoryCase], target: MemoryCase, tmp_path: Path
) -> None:
    prompts = PersonsPrompts((point(5, 27, 40), point(6, 27, 19, positive=False)))
    options = RunOptions(state=tmp_path)
    first = segment_volume(target.image, supports, models, FAST, options)
    then = refine_volume(target.image, first.segmentation, (), supports, models, FAST, options, prompts)
    at_once = segment_volume(target.image, supports, models, FAST, RunOptions(), prompts)
    assert at_once.segmentation.content_hash() == then.segmentation.content_hash()
    assert at_once.report.refinement == then.report.refinement and then.report.refinement is not None
    assert [row.index for row in at_once.report.slices] == list(range(12))
    assert all(set(row.segments) == {"Large", "Small"} for row in at_once.report.slices)
    assert {"segmenting", "points and boxes", "refining"} <= set(at_once.report.seconds)


def test_what_cannot_be_pointed_at_is_told_before_anything_is_computed(
    halved: Segmentation,
    models: Models,
    supports: list[MemoryCase],
    target: MemoryCase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a network was asked")

    monkeypatch.setattr(Sam2Engine, "encode_images", refuse)
    given = (supports, models, FAST)
    prompts = PersonsPrompts((point(5, 27, 25),))
    with pytest.raises(InputError, match=r"points and boxes \(Large\): slice 5 is named as corrected"):
        refine_volume(target.image, halved, [5], *given, prompts=prompts)
    with pytest.raises(InputError, match="none is named"):
        refine_volume(target.image, halved, (), *given)
    outside = PersonsPrompts((point(12, 27, 25),))
    with pytest.raises(InputError, match="outside the volume"):
        refine_volume(target.image, halved, (), *given, prompts=outside)
    with pytest.raises(InputError, match="outside the volume"):
        segment_volume(target.image, *given, prompts=outside)
    with pytest.raises(InputError, match="no such segment"):
        segment_volume(target.image, *given, RunOptions(segments=("Small",)), prompts)
    with pytest.raises(InputError, match="no points and no boxes"):
        segment_volume(target.image, supports, models, preset("fate-sam"), prompts=prompts)
