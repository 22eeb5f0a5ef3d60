"""What a run leaves for corrections: never trusted blindly, never in the way."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from counted_networks import counted
from made_up_cases import GEOMETRY, case

from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.segmentation.pipeline import Models, RunOptions, SegmentationResult, refine_volume, segment_volume
from RetrievalSAMLib.segmentation.run_state import state_file as state_module
from RetrievalSAMLib.segmentation.run_state.state_file import SUFFIX, StoredState, make_room, results_file
from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.volumes import Segmentation, SliceFrame, choose_plane

FAST = preset("fast")
FRAME = SliceFrame(GEOMETRY, choose_plane(GEOMETRY))


@pytest.fixture(scope="module")
def kept(models: Models, supports: list[MemoryCase], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    segment_volume(case(0).image, supports, models, FAST, RunOptions(state=folder))
    return folder


@pytest.fixture(scope="module")
def corrected(kept: Path) -> Segmentation:
    """The truth, with one slice of it larger than the run can have found it."""
    truth = case(0).segmentation
    masks = {name: truth.mask(name).copy() for name in truth.names}
    FRAME.to_slices(masks["Large"])[5, 20:40, 8:30] = True
    return Segmentation.from_masks(truth.segments, [masks["Large"], masks["Small"] & ~masks["Large"]], GEOMETRY)


@pytest.fixture
def runs(kept: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(kept, tmp_path / "runs"))


@pytest.fixture(scope="module")
def anew(corrected: Segmentation, models: Models, supports: list[MemoryCase]) -> SegmentationResult:
    """Without anything that a run left."""
    return refine_volume(case(0).image, corrected, [5], supports, models, FAST)


def refined(
    runs: Path, corrected: Segmentation, supports: list[MemoryCase], models: Models, **more: object
) -> SegmentationResult:
    options = replace(RunOptions(state=runs), **more)  # type: ignore[arg-type]
    return refine_volume(case(0).image, corrected, [5], supports, models, FAST, options)


def reused(result: SegmentationResult) -> bool:
    assert result.report.refinement is not None
    return result.report.refinement.reused


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flipped(data: bytes) -> bytes:
    # Every thousandth byte: in every member, and in the directory at the end.
    wrong = np.frombuffer(data, dtype=np.uint8).copy()
    wrong[::1000] ^= 255
    return wrong.tobytes()


def tensors_flipped(data: bytes) -> bytes:
    # The first half holds memories and features; the directory is whole.
    wrong = np.frombuffer(data, dtype=np.uint8).copy()
    wrong[100 : len(wrong) // 2 : 500] ^= 255
    return wrong.tobytes()


@pytest.mark.parametrize("damage", [cut, flipped, tensors_flipped, lambda data: b"", lambda data: b"PK"])
def test_a_damaged_state_is_computed_anew(
    damage, runs: Path, anew: SegmentationResult, corrected: Segmentation, supports: list[MemoryCase], models: Models
) -> None:  # type: ignore[no-untyped-def]
    path = next(runs.glob(f"*{SUFFIX}"))
    path.write_bytes(damage(path.read_bytes()))
    result = refined(runs, corrected, supports, models)
    assert not reused(result)
    assert result.segmentation.content_hash() == anew.segmentation.content_hash()


@pytest.mark.parametrize("content", [b"", b"{}", b'[{"shape":[1,2,3],"masks":{"Large":"AAAA"},"slices":[]}]'])
def test_damaged_results_cost_what_is_known_of_them(
    content: bytes, runs: Path, corrected: Segmentation, supports: list[MemoryCase], models: Models
) -> None:
    results_file(next(runs.glob(f"*{SUFFIX}"))).write_bytes(content)
    result = refined(runs, corrected, supports, models)
    assert reused(result)
    # What was corrected is not known, so all that was named is carried on.
    assert result.report.refinement is not None and set(result.report.refinement.recomputed) == {"Large", "Small"}


def test_a_state_serves_no_other_image_library_or_settings(
    runs: Path, corrected: Segmentation, supports: list[MemoryCase], models: Models
) -> None:
    assert reused(refined(runs, corrected, supports, models))
    assert not reused(refined(runs, corrected, supports[:2], models))
    options = RunOptions(state=runs)
    assert not reused(refine_volume(case(4).image, corrected, [5], supports, models, FAST, options))
    other = replace(FAST, position_weight=0.5)
    assert not reused(refine_volume(case(0).image, corrected, [5], supports, models, other, options))


def test_a_state_of_another_version_of_the_program_is_left_alone(
    runs: Path, corrected: Segmentation, supports: list[MemoryCase], models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("RetrievalSAMLib.segmentation.refinement.__version__", "9.9.9")
    assert not reused(refined(runs, corrected, supports, models))


def test_what_was_over_the_limit_is_computed_again_with_the_same_result(
    runs: Path,
    corrected: Segmentation,
    supports: list[MemoryCase],
    models: Models,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = refined(runs, corrected, supports, models)
    with monkeypatch.context() as patch:
        patch.setattr(state_module, "LIMIT_BYTES", 1)
        segment_volume(case(0).image, supports, models, FAST, RunOptions(state=tmp_path / "small"))
    small, large = (next(folder.glob(f"*{SUFFIX}")) for folder in (tmp_path / "small", runs))
    assert small.stat().st_size < large.stat().st_size / 5
    with counted(monkeypatch) as count:
        again = refined(tmp_path / "small", corrected, supports, models)
    assert reused(again) and count["encode_images"] > 0 and count["embed"] == 0
    # Features are kept in half precision.
    differ = (again.segmentation.labelmap() != whole.segmentation.labelmap()).sum()
    assert differ <= 0.01 * (whole.segmentation.labelmap() > 0).sum()


def test_a_folder_that_cannot_be_written_costs_the_state_not_the_run(
    supports: list[MemoryCase], models: Models, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    options = RunOptions(state=tmp_path / "file" / "runs")
    found = segment_volume(case(0).image, supports, models, FAST, options).segmentation
    assert found.mask("Large").any()


def test_a_run_that_is_stopped_leaves_nothing(supports: list[MemoryCase], models: Models, tmp_path: Path) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        if stage == "segmenting" and done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        segment_volume(case(0).image, supports, models, FAST, RunOptions(state=tmp_path, progress=stop))
    assert list(tmp_path.iterdir()) == []


def test_a_run_with_a_state_gives_the_same_result_as_one_without(
    kept: Path, supports: list[MemoryCase], models: Models
) -> None:
    plain = segment_volume(case(0).image, supports, models, FAST)
    with StoredState(next(kept.glob(f"*{SUFFIX}"))) as stored:
        assert stored.about.run.image == plain.report.target.sha256
    from RetrievalSAMLib.segmentation.run_state.known_results import read_results

    (known,) = read_results(results_file(next(kept.glob(f"*{SUFFIX}"))))
    masks = known.unpacked()
    for name in plain.segmentation.names:
        assert np.array_equal(masks[name], FRAME.to_slices(plain.segmentation.mask(name)))
    assert known.slices == plain.report.slices


def test_the_oldest_states_go_when_there_are_too_many(tmp_path: Path) -> None:
    for age in range(4):
        path = tmp_path / f"run{age}{SUFFIX}"
        path.write_bytes(b"x" * 100)
        results_file(path).write_bytes(b"y" * 10)
        os.utime(path, (1000 - age, 1000 - age))
    old, new = tmp_path / "a.part", tmp_path / "b.part"
    for path in (old, new):
        path.write_bytes(b"z")
    os.utime(old, (1000, 1000))
    make_room(tmp_path, keep=tmp_path / f"run3{SUFFIX}", limit_bytes=250)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["b.part", *(f"run{age}{end}" for age in (0, 1, 3) for end in (".results.json", SUFFIX))]
