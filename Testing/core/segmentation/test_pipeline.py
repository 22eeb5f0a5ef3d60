"""A run from end to end with the bundled model: what it computes how often, and where the result lies."""

from __future__ import annotations

import itertools
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up_cases import GEOMETRY, SEGMENTS, case, stored_otherwise

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.retrieval.index import SliceRetrieval, Support
from RetrievalSAMLib.segmentation.pipeline import Models, RunOptions, segment_volume
from RetrievalSAMLib.segmentation.propagation.propagation import start_slice
from RetrievalSAMLib.segmentation.sam2.engine import Sam2Engine
from RetrievalSAMLib.segmentation.settings.presets import PRESETS, preset
from RetrievalSAMLib.segmentation.steps.inputs import RunInputs
from RetrievalSAMLib.volumes import Plane, Segmentation
from RetrievalSAMLib.volumes.overlap import dice


@pytest.fixture(scope="module")
def plain(models: Models, supports: list[MemoryCase]) -> Segmentation:
    return segment_volume(case(0).image, supports, models, preset("fast")).segmentation


def test_the_structures_are_found(plain: Segmentation) -> None:
    truth = case(0).segmentation
    assert dice(plain.mask(0), truth.mask(0)) > 0.8
    assert plain.names == ("Large", "Small") and plain.geometry == GEOMETRY


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("flipped", [(False, False, False), (True, False, True)])
def test_the_same_volume_stored_otherwise_gives_the_same_result_in_space(
    order: tuple[int, int, int],
    flipped: tuple[bool, bool, bool],
    models: Models,
    supports: list[MemoryCase],
    plain: Segmentation,
) -> None:
    turned = stored_otherwise(case(0).image, order, flipped)
    found = segment_volume(turned, supports, models, preset("fast")).segmentation
    assert found.geometry == turned.geometry
    labels = found.labelmap()
    for axis, flip in enumerate(flipped):
        labels = np.flip(labels, axis) if flip else labels
    assert np.array_equal(labels.transpose(np.argsort(order)), plain.labelmap())


def test_every_image_is_encoded_once_a_view(
    models: Models, supports: list[MemoryCase], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = 0
    original = Sam2Engine.encode_images

    def counting(self: Sam2Engine, images):  # type: ignore[no-untyped-def]
        nonlocal encoded
        encoded += len(images)
        return original(self, images)

    monkeypatch.setattr(Sam2Engine, "encode_images", counting)
    one_view = replace(preset("fast"), view_margin=0.0, finding_passes=0)
    result = segment_volume(case(0).image, supports, models, one_view)
    used = {(s.case, s.slice) for row in result.report.slices for x in row.segments.values() for s in x.supports}
    decoded = sum(any(x.area_mm2 > 0 for x in row.segments.values()) for row in result.report.slices)
    assert len(used) + decoded <= encoded <= len(used) + GEOMETRY.size[2]


def test_a_small_memory_limit_changes_nothing_but_where_memories_lie(
    models: Models, supports: list[MemoryCase], plain: Segmentation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    result = segment_volume(case(0).image, supports, models, preset("fast"), RunOptions(max_memory_bytes=1))
    assert np.array_equal(result.segmentation.labelmap(), plain.labelmap())
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_stopped_leaves_no_temporary_files(
    models: Models, supports: list[MemoryCase], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def stop(stage: str, done: int, total: int) -> None:
        if stage == "segmenting" and done == 3:
            raise KeyboardInterrupt

    options = RunOptions(max_memory_bytes=1, logits=tmp_path.parent / "never.npz", progress=stop)
    with pytest.raises(KeyboardInterrupt):
        segment_volume(case(0).image, supports, models, preset("fast"), options)
    assert list(tmp_path.iterdir()) == [] and not (tmp_path.parent / "never.npz").exists()


def test_segments_that_overlap_in_the_supports_may_overlap_in_the_result(models: Models) -> None:
    found = segment_volume(
        case(0, overlap=True).image, [case(seed, overlap=True) for seed in (1, 2, 3)], models, preset("fast")
    ).segmentation
    assert found.overlapping


def test_slices_that_were_not_annotated_are_never_supports(models: Models) -> None:
    sparse = [replace(case(seed), annotated_slices={1: (4, 5, 6), 2: (6, 7)}) for seed in (1, 2)]
    report = segment_volume(case(0).image, sparse, models, preset("fast")).report
    used = {
        segment.name: {s.slice for row in report.slices for s in row.segments[segment.name].supports}
        for segment in SEGMENTS
    }
    assert used["Large"] <= {4, 5, 6} and used["Small"] <= {6, 7} and used["Large"] and used["Small"]


def test_cases_are_ordered_by_what_is_in_them_also_where_names_differ(models: Models) -> None:
    annotated = ({1: (4, 5), 2: (6,)}, {1: (5, 6), 2: (6,)}, None)
    twins = [replace(case(1), annotated_slices=slices) for slices in annotated]
    orders = []
    for named in itertools.permutations(zip("abc", twins, strict=True)):
        renamed = [replace(twin, name=name) for (_, twin), name in zip(named, "abc", strict=True)]
        inputs = RunInputs.of(case(0).image, renamed, models, preset("fast"), RunOptions())
        orders.append([one.annotated_slices for one in inputs.cases if isinstance(one, MemoryCase)])
    assert all(order == orders[0] for order in orders)


def test_another_plane_slices_target_and_cases_alike(models: Models, supports: list[MemoryCase]) -> None:
    result = segment_volume(
        case(0).image, supports, models, preset("fast"), RunOptions(plane=Plane.CORONAL, segments=("Large",))
    )
    assert result.report.plane_axis == 1 and len(result.report.slices) == GEOMETRY.size[1]
    assert dice(result.segmentation.mask(0), case(0).segmentation.mask(0)) > 0.5


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_runs_and_reports_its_settings(name: str, models: Models, supports: list[MemoryCase]) -> None:
    result = segment_volume(case(0).image, supports, models, preset(name))
    assert result.report.preset == name and result.report.settings["supports"] == PRESETS[name].supports
    assert result.segmentation.geometry == GEOMETRY
    assert [row.index for row in result.report.slices] == list(range(GEOMETRY.size[2]))


def test_a_library_without_cases_is_told(models: Models) -> None:
    with pytest.raises(InputError, match="no case"):
        segment_volume(case(0).image, [], models, preset("fast"))


def test_propagation_starts_where_the_evidence_is_best_not_in_the_middle() -> None:
    def row(presence: float, area: float) -> list[SliceRetrieval]:
        return [SliceRetrieval((Support(0, 0, 0.9),), presence, area)]

    assert start_slice([row(0.0, 0.0), row(1.0, 50.0), row(1.0, 90.0), row(0.6, 95.0), *[row(0.0, 0.0)] * 5]) == 2
    assert start_slice([row(0.0, 0.0)] * 9) == 4


def test_a_region_limits_where_is_searched_but_not_which_supports_a_slice_gets(
    models: Models, supports: list[MemoryCase]
) -> None:
    whole = segment_volume(case(0).image, supports, models, preset("fast"))
    part = segment_volume(case(0).image, supports, models, preset("fast"), RunOptions(roi=(0, 20, 0, 48, 4, 7)))
    assert [row.index for row in part.report.slices] == [4, 5, 6]
    for row in part.report.slices:
        for name, segment in row.segments.items():
            # Shares of attention differ: other slices were segmented on the way.
            same = whole.report.slices[row.index].segments[name].supports
            assert [(s.case, s.slice, s.similarity) for s in segment.supports] == [
                (s.case, s.slice, s.similarity) for s in same
            ]
    found = part.segmentation.labelmap()
    assert found[:20, :, 4:7].any()
    found[:20, :, 4:7] = 0
    assert not found.any() and part.segmentation.geometry == GEOMETRY
    inside = whole.segmentation.mask(0)[:20, :, 4:7]
    assert dice(part.segmentation.mask(0)[:20, :, 4:7], inside) > 0.9
