"""What is kept of support slices is found again bit for bit by the runs that it serves, and by no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from counted_networks import counted
from made_up_cases import case

from RetrievalSAMLib.alignment import Alignment
from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.models.window import MovedWindow, Window
from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.segmentation.engines.interface import ImageFeatures, Memory
from RetrievalSAMLib.segmentation.memory.kept_memories import KeptSupports
from RetrievalSAMLib.segmentation.pipeline import Models, RunOptions, SegmentationResult, refine_volume, segment_volume
from RetrievalSAMLib.segmentation.settings.cache_space import FOLDER_VARIABLE, LIMIT_VARIABLE, CacheSpace, memory_cache
from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.segmentation.spatial_prior.crops import seen_in_case

ROI = (0, 48, 0, 48, 4, 7)
"""Three slices: enough to have supports."""


@pytest.fixture
def space(tmp_path: Path) -> CacheSpace:
    return CacheSpace(tmp_path / "memories", 1 << 30)


def told(result: SegmentationResult) -> dict[str, object]:
    """The report but for what the run cost, and the voxels."""
    report: dict[str, object] = msgspec.to_builtins(result.report)
    del report["seconds"], report["peak_memory_bytes"]
    return {**report, "voxels": result.segmentation.content_hash()}


@pytest.mark.parametrize("name", ["fast", "zhao-2024", "fate-sam"])
def test_a_second_run_encodes_no_support_and_says_the_same(
    name: str,
    models: Models,
    supports: list[MemoryCase],
    space: CacheSpace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run(to: Path, kept: CacheSpace | None) -> tuple[dict[str, object], int]:
        with counted(monkeypatch) as count:
            options = RunOptions(roi=ROI, memory_cache=kept, logits=to)
            result = segment_volume(case(0).image, supports, models, preset(name), options)
        return {**told(result), "logits": np.load(to)["logits"].tobytes()}, count["encode_images"]

    without, _ = run(tmp_path / "without.npz", None)
    first, encoded = run(tmp_path / "first.npz", space)
    again, encoded_again = run(tmp_path / "again.npz", space)
    assert without == first == again
    # A file a slice, and for fate-sam one for where in a slice features lie.
    assert encoded - encoded_again == len(space.files()) - (name == "fate-sam") > 0


def test_a_refinement_without_a_state_finds_what_the_run_encoded(
    models: Models, supports: list[MemoryCase], space: CacheSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    options, fast = RunOptions(roi=ROI, memory_cache=space), preset("fast")
    corrected = case(0).segmentation
    segment_volume(case(0).image, supports, models, fast, options)
    with counted(monkeypatch) as plain:
        expected = refine_volume(
            case(0).image, corrected, [5], supports, models, fast, replace(options, memory_cache=None)
        )
    with counted(monkeypatch) as count:
        refined = refine_volume(case(0).image, corrected, [5], supports, models, fast, options)
    assert told(refined) == told(expected)
    assert count["encode_images"] < plain["encode_images"]


@pytest.mark.parametrize("target_mm", [(60.0, 47.3, 51.9), (33.3, 64.0, 64.0), (40.1, 20.7, 3.3)])
def test_whole_slice_windows_of_all_targets_show_the_same_of_a_case(target_mm: tuple[float, float, float]) -> None:
    def seen(extent: np.ndarray) -> bytes:
        window = Window((extent[1] / 2, extent[2] / 2), (64.1, 64.1))
        alignment = Alignment.centred(extent, np.array([42.0, 55.5, 64.1]))
        return seen_in_case(window, alignment, 7.0).shown.tobytes()

    assert seen(np.array(target_mm)) == seen(np.array([50.0, 50.0, 50.0]))


WINDOW = MovedWindow(Window((20.0, 30.0), (40.0, 40.0)), np.eye(2), np.array([1.0, -2.0]))
TURNED = np.array([[np.cos(0.1), np.sin(0.1)], [-np.sin(0.1), np.cos(0.1)]])


@pytest.mark.parametrize(
    "other",
    [
        {"case": 1},
        {"number": 4},
        {"values": (1,)},
        {"values": (2, 1)},
        {"sha256": "0" * 64},
        {"image_size": 512},
        {"precision": torch.bfloat16},
        {"window": replace(WINDOW, offset_mm=np.array([1.0, -2.00001]))},
        {"window": replace(WINDOW, matrix=np.diag([1.0, -1.0]))},
        {"window": replace(WINDOW, matrix=TURNED)},
        {"window": replace(WINDOW, matrix=TURNED.T)},
        {"window": replace(WINDOW, window=Window((20.0, 30.0), (40.0, 41.0)))},
    ],
    ids=str,
)
def test_memories_serve_only_what_they_were_made_of(
    other: dict[str, object], models: Models, space: CacheSpace
) -> None:
    random = torch.Generator().manual_seed(1)
    memory = Memory(torch.randn(2, 64, 8, 8, generator=random), torch.randn(2, 256, generator=random)).rounded()

    def kept(**network: object) -> KeptSupports:
        return KeptSupports(space, replace(models.segmenter, **network), ["a", "b"])  # type: ignore[arg-type]

    first = kept()
    first.put_memory(0, 3, WINDOW, (1, 2), memory)
    first.flush()
    same = kept().memory(0, 3, WINDOW, (1, 2))
    assert same is not None and same.spatial.dtype == torch.bfloat16
    assert torch.equal(same.spatial, memory.spatial) and torch.equal(same.pointer, memory.pointer)
    asked: dict[str, object] = {"case": 0, "number": 3, "window": WINDOW, "values": (1, 2)}
    network = {key: value for key, value in other.items() if key not in asked}
    asked |= {key: value for key, value in other.items() if key in asked}
    assert kept(**network).memory(**asked) is None  # type: ignore[arg-type]


def test_image_features_come_back_bit_for_bit_with_their_position(models: Models, space: CacheSpace) -> None:
    output = models.segmenter.model.forward_image(torch.rand(1, 3, 128, 128))
    fine, middle, embedding = output["backbone_fpn"]
    features = ImageFeatures(fine, middle, embedding, output["vision_pos_enc"][-1])
    kept = KeptSupports(space, models.segmenter, ["a"])
    kept.put_features(0, 5, features)
    kept.flush()
    found = KeptSupports(space, models.segmenter, ["a"]).features(0, 5)
    assert found is not None
    for part in ("fine", "middle", "embedding", "position"):
        assert torch.equal(getattr(found, part), getattr(features, part))


@pytest.mark.parametrize(
    ("option", "variable", "expected"), [(None, None, 1.0), (None, "0.5", 0.5), (2.0, "0.5", 2.0), (0.25, "0", 0.25)]
)
def test_the_limit_is_the_options_or_the_variables(
    option: float | None, variable: str | None, expected: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.setenv(LIMIT_VARIABLE, variable or "")
    assert memory_cache(option) == CacheSpace(tmp_path / "memories", int(expected * (1 << 30)))


@pytest.mark.parametrize("switched_off", [lambda: memory_cache(0), memory_cache])
def test_no_room_is_no_cache(switched_off: Callable[[], CacheSpace | None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIMIT_VARIABLE, "0")
    assert switched_off() is None


@pytest.mark.parametrize(("option", "variable"), [(-1.0, "1"), (float("nan"), "1"), (None, "much"), (None, "-1")])
def test_a_limit_that_is_no_amount_is_refused(
    option: float | None, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LIMIT_VARIABLE, variable)
    with pytest.raises(InputError, match="memory-cache-gb" if option is not None else LIMIT_VARIABLE):
        memory_cache(option)
