"""Corrections carried on: what they change, what they leave alone, and what they cost."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from counted_networks import counted
from made_up_cases import GEOMETRY, SEGMENTS, case

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.segmentation.pipeline import Models, RunOptions, refine_volume, segment_volume
from RetrievalSAMLib.segmentation.run_state.known_results import KnownResult, add_result
from RetrievalSAMLib.segmentation.run_state.state_file import SUFFIX, results_file
from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.volumes import Segment, Segmentation, SliceFrame, Volume, choose_plane

FRAME = SliceFrame(GEOMETRY, choose_plane(GEOMETRY))
FAST = preset("fast")


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def slices_of(segmentation: Segmentation, name: str) -> np.ndarray:
    return FRAME.to_slices(segmentation.mask(name))


def drawn(segmentation: Segmentation, masks: Mapping[str, np.ndarray]) -> Segmentation:
    """The same segments with other masks (slices, h, w) for some."""
    new = [masks.get(s.name, slices_of(segmentation, s.name)) for s in segmentation.segments]
    return Segmentation.from_masks(segmentation.segments, [FRAME.from_slices(m) for m in new], GEOMETRY)


@pytest.fixture(scope="module")
def target() -> MemoryCase:
    return case(0)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def result(models: Models, supports: list[MemoryCase], target: MemoryCase, state: Path) -> Segmentation:
    return segment_volume(target.image, supports, models, FAST, RunOptions(state=state)).segmentation


@pytest.fixture
def runs(result: Segmentation, state: Path, tmp_path: Path) -> Path:
    """What the run left, to be changed by a test."""
    return Path(shutil.copytree(state, tmp_path / "runs"))


@pytest.fixture(scope="module")
def corrected(result: Segmentation, target: MemoryCase) -> Segmentation:
    """The result with the truth in slice 5 of the large structure, enlarged, so that something changes."""
    masks = slices_of(result, "Large").copy()
    masks[5] = slices_of(target.segmentation, "Large")[5] | (np.indices(masks[5].shape)[0] == 27)
    return drawn(result, {"Large": masks & ~slices_of(result, "Small")})


def test_only_slices_beside_the_corrected_one_change(
    corrected: Segmentation, models: Models, supports: list[MemoryCase], target: MemoryCase, runs: Path
) -> None:
    refined = refine_volume(target.image, corrected, [5], supports, models, FAST, RunOptions(state=runs))
    refinement = refined.report.refinement
    assert refinement is not None and refinement.reused and refinement.corrected == (5,)
    assert set(refinement.recomputed) == {"Large"}  # the small structure is as it was in slice 5
    looked, changed = refinement.recomputed["Large"], refinement.changed.get("Large", ())
    assert set(looked) <= {3, 4, 6, 7} and set(changed) <= set(looked)
    before, after = slices_of(corrected, "Large"), slices_of(refined.segmentation, "Large")
    differ = [i for i in range(len(before)) if not np.array_equal(before[i], after[i])]
    assert tuple(differ) == changed and 5 not in differ
    assert np.array_equal(slices_of(refined.segmentation, "Small"), slices_of(corrected, "Small"))
    assert refined.segmentation.segments == corrected.segments
    assert [row.index for row in refined.report.slices] == list(range(12))
    told = {row.index: row.segments["Large"] for row in refined.report.slices}
    assert told[5].confidence == 1.0 and told[5].supports == ()
    assert told[looked[0]].supports[0].case == "" and told[looked[0]].supports[0].slice == 5


def test_a_correction_costs_a_fraction_of_a_run(
    models: Models,
    supports: list[MemoryCase],
    target: MemoryCase,
    runs: Path,
    corrected: Segmentation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = RunOptions(state=tmp_path / "other", cache=tmp_path)
    segment_volume(target.image, supports, models, FAST, options)
    with counted(monkeypatch) as run:  # the library's embeddings are there already
        segment_volume(target.image, supports, models, FAST, options)
    with counted(monkeypatch) as refining:
        refine_volume(target.image, corrected, [5], supports, models, FAST, replace(options, state=runs))
    assert refining["embed"] == 0 and refining["encode_images"] == 0
    assert 0 < sum(refining.values()) <= 0.2 * sum(run.values())


def as_if_found(segmentation: Segmentation, runs: Path) -> None:
    """Have what the run left say that this was its result."""
    masks = {s.name: slices_of(segmentation, s.name) for s in SEGMENTS}
    add_result(results_file(next(runs.glob(f"*{SUFFIX}"))), KnownResult.of(masks.items(), ()), anew=True)


def shifted(masks: np.ndarray, slices: range) -> np.ndarray:
    moved = masks.copy()
    moved[slices] = np.roll(masks[slices], 6, axis=2)
    return moved


@pytest.mark.parametrize("known", [True, False])
def test_correcting_one_slice_of_a_shifted_structure_brings_back_its_neighbours(
    known: bool, models: Models, supports: list[MemoryCase], target: MemoryCase, runs: Path
) -> None:
    truth = target.segmentation
    wrong = drawn(truth, {"Large": shifted(slices_of(truth, "Large"), range(2, 9)) & ~slices_of(truth, "Small")})
    masks = slices_of(wrong, "Large").copy()
    masks[5] = slices_of(truth, "Large")[5]
    as_if_found(wrong, runs)
    options = RunOptions(state=runs if known else None)
    refined = refine_volume(target.image, drawn(wrong, {"Large": masks}), [5], supports, models, FAST, options)
    assert refined.report.refinement is not None and refined.report.refinement.reused == known
    after, was, right = (slices_of(s, "Large") for s in (refined.segmentation, wrong, truth))
    assert np.array_equal(after[5], masks[5])
    for index in (4, 6):
        assert dice(after[index], right[index]) > max(0.85, dice(was[index], right[index]) + 0.1)


def test_an_empty_corrected_slice_ends_a_segment_that_was_drawn_too_far(
    models: Models, supports: list[MemoryCase], target: MemoryCase, runs: Path
) -> None:
    truth = target.segmentation
    masks = slices_of(truth, "Small").copy()
    last = int(np.flatnonzero(masks.any(axis=(1, 2)))[-1])
    masks[last + 1 : last + 3] = masks[last]
    too_far = drawn(truth, {"Small": masks & ~slices_of(truth, "Large")})
    as_if_found(too_far, runs)
    emptied = slices_of(too_far, "Small").copy()
    emptied[last + 1] = False
    refined = refine_volume(
        target.image, drawn(too_far, {"Small": emptied}), [last + 1], supports, models, FAST, RunOptions(state=runs)
    )
    after = slices_of(refined.segmentation, "Small")
    assert not after[last + 1 :].any() and after[last - 1].any()


def test_where_a_correction_lies_outside_what_the_run_looked_at_it_is_carried_on_from_itself(
    models: Models, supports: list[MemoryCase], target: MemoryCase, tmp_path: Path
) -> None:
    i, j, _ = np.indices(GEOMETRY.size)
    k = np.indices(GEOMETRY.size)[2]
    ball = ((i - 8) ** 2 + (j - 8) ** 2 < 25) & (k >= 2) & (k <= 9)
    image = Volume(np.where(ball, 240, target.image.voxels).astype(np.int16), GEOMETRY)
    options = RunOptions(state=tmp_path)
    found = segment_volume(image, supports, models, FAST, options).segmentation
    masks = slices_of(found, "Small").copy()
    masks[5] = FRAME.to_slices(ball)[5]
    others = slices_of(found, "Large") & ~FRAME.to_slices(ball)
    refined = refine_volume(
        image, drawn(found, {"Small": masks, "Large": others}), [5], supports, models, FAST, options
    )
    after = slices_of(refined.segmentation, "Small")
    assert dice(after[4], FRAME.to_slices(ball)[4]) > 0.6 and dice(after[6], FRAME.to_slices(ball)[6]) > 0.6


def test_a_second_correction_starts_from_the_first_ones_result(
    corrected: Segmentation, models: Models, supports: list[MemoryCase], target: MemoryCase, runs: Path
) -> None:
    options = RunOptions(state=runs)
    once = refine_volume(target.image, corrected, [5], supports, models, FAST, options).segmentation
    again = refine_volume(target.image, once, [5], supports, models, FAST, options)
    assert again.segmentation.content_hash() == once.content_hash()
    assert again.report.refinement is not None and again.report.refinement.recomputed == {}
    masks = slices_of(once, "Small").copy()
    masks[8] = np.roll(masks[8], 1, axis=0)
    second = drawn(once, {"Small": masks & ~slices_of(once, "Large")})
    refined = refine_volume(target.image, second, [5, 8], supports, models, FAST, options)
    assert refined.report.refinement is not None and set(refined.report.refinement.recomputed) == {"Small"}
    for index in (5, 8):
        for name in ("Large", "Small"):
            assert np.array_equal(slices_of(refined.segmentation, name)[index], slices_of(second, name)[index])
    # The first correction once more, from the run's own result: it is carried on as at first.
    repeated = refine_volume(target.image, corrected, [5], supports, models, FAST, options)
    assert repeated.segmentation.content_hash() == once.content_hash()


def test_segments_that_the_library_does_not_know_stay(
    corrected: Segmentation, models: Models, supports: list[MemoryCase], target: MemoryCase, runs: Path
) -> None:
    own = np.zeros(GEOMETRY.size, dtype=bool)
    own[15:25, 20:30, 3:8] = True  # across the large structure
    masks = [corrected.mask("Large"), own, corrected.mask("Small")]
    more = Segmentation.from_masks((SEGMENTS[0], Segment("Lesion", 7), SEGMENTS[1]), masks, GEOMETRY)
    options = RunOptions(state=runs, segments=("Large",))
    refined = refine_volume(target.image, more, [5], supports, models, FAST, options).segmentation
    assert refined.names == ("Large", "Lesion", "Small")
    assert np.array_equal(refined.mask("Lesion"), own) and np.array_equal(refined.mask("Small"), masks[2])
    plain = refine_volume(target.image, corrected, [5], supports, models, FAST, RunOptions(state=runs)).segmentation
    assert np.array_equal(refined.mask("Large"), plain.mask("Large"))


def test_a_plain_label_map_gets_the_librarys_names_and_its_missing_segments(
    corrected: Segmentation, models: Models, supports: list[MemoryCase], target: MemoryCase, runs: Path
) -> None:
    only_large = Segmentation.from_labelmap(corrected.mask("Large").astype(np.uint8), GEOMETRY)
    refined = refine_volume(target.image, only_large, [5], supports, models, FAST, RunOptions(state=runs))
    assert refined.segmentation.names == ("Large", "Small")
    assert not slices_of(refined.segmentation, "Small")[5].any()


@pytest.mark.parametrize(
    ("slices", "message"), [([], "none is named"), ([3, 12], "no axial slice 12"), ([-1], "no axial slice -1")]
)
def test_slices_that_do_not_exist_are_told(
    slices: list[int],
    message: str,
    corrected: Segmentation,
    models: Models,
    supports: list[MemoryCase],
    target: MemoryCase,
) -> None:
    with pytest.raises(InputError, match=message):
        refine_volume(target.image, corrected, slices, supports, models, FAST)


def test_what_cannot_be_refined_is_told(
    corrected: Segmentation, models: Models, supports: list[MemoryCase], target: MemoryCase
) -> None:
    with pytest.raises(InputError, match="knows no corrections"):
        refine_volume(target.image, corrected, [5], supports, models, preset("fate-sam"))
    strangers = replace(corrected, segments=(Segment("Liver", 1), Segment("Spleen", 2)))
    with pytest.raises(InputError, match="no Large or Small"):
        refine_volume(target.image, strangers, [5], supports, models, FAST)
    elsewhere = replace(corrected, geometry=replace(GEOMETRY, origin_mm=(0.0, 0.0, 0.0)))
    with pytest.raises(InputError, match="not on the grid"):
        refine_volume(target.image, elsewhere, [5], supports, models, FAST)
    with pytest.raises(InputError, match="no segment 'Liver'"):
        refine_volume(target.image, corrected, [5], supports, models, FAST, RunOptions(segments=("Liver",)))
