"""A whole benchmark on two slices: what ran how often, and what the report holds. Never how long it took."""

from __future__ import annotations

import functools
import json

import msgspec
import pytest

from RetrievalSAMLib.benchmark.material import Material, make_material
from RetrievalSAMLib.benchmark.networks import Networks, load_networks
from RetrievalSAMLib.benchmark.plan import Plan
from RetrievalSAMLib.benchmark.report import BenchmarkReport, medians, paired
from RetrievalSAMLib.benchmark.run import run_benchmark
from RetrievalSAMLib.models.build import build_encoder, random_segmenter
from RetrievalSAMLib.segmentation.settings.options import Models
from RetrievalSAMLib.stages import STAGES

SLICES, SEGMENTS, CASES = 2, 2, 2


@functools.cache
def material() -> Material:
    return make_material(SLICES, SEGMENTS, CASES)


@functools.cache
def networks() -> Networks:
    segmenter = random_segmenter("bundled", 64)
    return Networks(Models(segmenter, build_encoder()), segmenter)


@functools.cache
def everything() -> tuple[BenchmarkReport, list[tuple[str, int, int]]]:
    told: list[tuple[str, int, int]] = []
    plan = Plan("fate-sam", None, SEGMENTS, SLICES, CASES, repeats=2)
    report = run_benchmark(plan, material(), networks(), lambda *stage: told.append(stage))
    return report, told


def test_every_contestant_runs_once_a_round() -> None:
    report, told = everything()
    assert {name: len(runs) for name, runs in report.runs.items()} == dict.fromkeys(
        ("ours", "bare_modules", "published_loop", "same_preset", "same_preset_again", "video_predictor"), 2
    )
    assert told == [("measuring", done, 12) for done in range(1, 13)]


def test_the_published_preset_makes_the_passes_that_it_must() -> None:
    report, _ = everything()
    pool, supports = CASES * SLICES, 3
    assert report.bare_passes == {
        "image_encoder": pool + SLICES,
        "memory_attention": SLICES * SEGMENTS,
        "sam_mask_decoder": SLICES * SEGMENTS * (supports + 1),
        "memory_encoder": SLICES * SEGMENTS * (supports + 1),
    }
    assert report.bare_calls["memory_attention"] == SLICES


def test_the_logits_of_preset_and_published_loop_are_the_same() -> None:
    difference = everything()[0].published_logits_difference
    assert difference is not None and difference <= 1e-3


def test_the_report_is_complete_json_that_names_nothing_of_the_computer() -> None:
    report = json.loads(msgspec.json.encode(everything()[0]))
    assert set(report) == {name for name in BenchmarkReport.__struct_fields__}
    assert list(report["seconds"]) == [*STAGES, "other", "total"]
    assert report["seconds"]["total"] > report["seconds"]["memory attention"] > 0
    assert set(report["bare_seconds"]) == {
        "image encoder", "support memories", "memory attention", "mask decoder", "prediction memories", "total",
    }  # fmt: skip
    for name, ratio in report["ratios"].items():
        lowest, highest = report["spread"][name]
        assert 0 < lowest <= ratio <= highest, name
    assert set(report["processor_ratios"]) == set(report["ratios"]) - {"roofline_network_stages"}
    assert all(ratio > 0 for ratio in report["processor_ratios"].values())
    assert {name: len(runs) for name, runs in report["processor_runs"].items()} == dict.fromkeys(report["runs"], 2)
    assert report["setup"]["weights"] == "random" and any("random" in note for note in report["notes"])
    assert report["setup"]["settings"]["gate"] == 0 and report["setup"]["published_supports"] == 3
    assert report["seconds_per_slice"] == pytest.approx(report["seconds_per_slice_and_segment"] * SEGMENTS, rel=1e-2)
    assert report["peak_memory_bytes"] > 50e6 and report["machine"]["threads"] >= 1
    assert 3 <= report["conditioning_frames"] <= CASES * SLICES
    assert "/" not in json.dumps(report["machine"])


def test_what_was_not_compared_is_null() -> None:
    plan = Plan("default", 2, SEGMENTS, SLICES, CASES, repeats=1, compare=())
    report = run_benchmark(plan, material(), networks())
    assert set(report.runs) == {"ours", "bare_modules"}
    assert (
        {name for name, ratio in report.ratios.items() if ratio is None}
        == {name for name, ratio in report.processor_ratios.items() if ratio is None}
        == {
            "published_loop_same_preset",
            "published_loop_same_preset_again",
            "published_loop_default",
            "sam2_video_predictor",
        }
    )
    assert report.published_logits_difference is None and report.conditioning_frames is None
    assert report.setup.supports == 2 and report.setup.preset == "default"
    # Two supports for every segment and slice, out of the cases' four slices, each encoded once a view.
    assert SLICES <= report.bare_passes["image_encoder"] <= SEGMENTS * (SLICES + CASES * SLICES)
    assert report.bare_passes["memory_attention"] >= SLICES * SEGMENTS
    assert report.bare_seconds["memory attention"] > 0 and report.seconds["alignment and place"] > 0


def test_ours_takes_the_image_size_that_segment_takes_and_the_published_methods_the_trained_one() -> None:
    small = load_networks("bundled", 64, (100, 100, 2), "cpu")
    assert small.ours.segmenter is small.published and small.published.image_size == 64
    assert load_networks("bundled", None, (600, 600, 2), "cpu").published.image_size == 256
    tiny = load_networks("sam2.1-tiny", None, (100, 100, 2), "cpu")
    assert (tiny.ours.segmenter.image_size, tiny.published.image_size) == (512, 1024)


def test_a_ratio_pairs_the_runs_of_a_round() -> None:
    assert paired([2.0, 30.0, 8.0], [1.0, 10.0, 2.0]) == (3.0, (2.0, 4.0))
    assert paired([], [1.0]) is None
    assert medians([{"a": 1.0}, {"a": 3.0, "b": 9.0}, {"a": 2.0, "b": 5.0}]) == {"a": 2.0, "b": 5.0}
