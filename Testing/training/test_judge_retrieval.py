"""Volumes of 128 x 128 pixels, so that a pixel of a mask is one of the window: every Dice can be worked out by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from RetrievalSAMLib.models.build import random_encoder, random_segmenter
from RetrievalSAMLib.retrieval.embedding import SliceEmbedder
from RetrievalSAMLib.retrieval.evidence import CaseSlices, MemoryCase
from RetrievalSAMLib.segmentation.sam2.engine import Sam2Engine
from RetrievalSAMLib.segmentation.settings.presets import preset
from RetrievalSAMLib.volumes import Geometry, Plane, Segment, Segmentation, Volume, write_segmentation, write_volume
from training import judge_retrieval
from training.judge_retrieval import (
    METHODS,
    Library,
    Scene,
    chosen_by_run,
    joint_order,
    mean_dice,
    order_of,
    similarity_of_views,
    summary,
    values_of,
    worth_of,
)

SETTINGS = replace(preset("default"), supports=2, share_per_case=0.5, position_weight=0.5)


@pytest.fixture(scope="module")
def embedder() -> SliceEmbedder:
    return SliceEmbedder(random_encoder())


@pytest.fixture(scope="module")
def engine() -> Sam2Engine:
    return Sam2Engine(random_segmenter(image_size=64).model)


def geometry(slices: int) -> Geometry:
    return Geometry((128, 128, slices), (1.0, 1.0, 4.0), (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))


def case_of(name: str, first: list[np.ndarray], second: list[np.ndarray] | None = None) -> MemoryCase:
    """A case whose two segments have these masks (128, 128), columns first, by slice."""
    masks = [np.stack(first, axis=-1), np.stack(second or [box(0)] * len(first), axis=-1)]
    grid = geometry(len(first))
    place = np.indices(grid.size)
    voxels = 40 + 2 * place[0] // 3 + 90 * masks[0] + 50 * masks[1] + 10 * ((place[1] // 8 + place[0] // 16) % 2)
    segmentation = Segmentation.from_masks((Segment("A", 1), Segment("B", 2)), masks, grid)
    return MemoryCase(name, Volume(voxels.astype(np.int16), grid), segmentation)


def box(width: int, left: int = 20, top: int = 20, height: int = 80) -> np.ndarray:
    """A box of a slice: of two boxes that differ in width alone, Dice is 2 min / sum of the widths."""
    mask = np.zeros((128, 128), dtype=bool)
    mask[left : left + width, top : top + height] = True
    return mask


def scene_of(target: MemoryCase, cases: list[MemoryCase], embedder: SliceEmbedder, alignment: bool = False) -> Scene:
    library = Library.load(cases, Plane.AXIAL, embedder, None)
    return Scene.of(CaseSlices.load(target, Plane.AXIAL), library, alignment)


def by_case(scene: Scene, cases: list[MemoryCase]) -> np.ndarray:
    """Worth with the candidates in the order of ``cases``, which need not be the library's."""
    hashes = [case.content_hash for case in cases]
    starts = np.cumsum([0] + [len(slices.stack) for slices in scene.library.slices])
    columns = [np.arange(*starts[n : n + 2]) for n in (sorted(hashes).index(h) for h in hashes)]
    return scene.worth[:, np.concatenate(columns)]


def test_worth_is_the_dice_with_every_slice_of_every_case(embedder: SliceEmbedder) -> None:
    target = case_of("target", [box(0), box(40)])
    cases = [case_of("one", [box(0), box(40), box(60)]), case_of("two", [box(20), box(40, left=80)])]
    scene = scene_of(target, cases, embedder)
    assert scene.queries.tolist() == [1]
    np.testing.assert_allclose(by_case(scene, cases), [[0, 1, 0.8, 2 / 3, 0]], atol=1e-6)


def test_random_is_the_mean_and_oracle_the_best_k(embedder: SliceEmbedder, engine: Sam2Engine) -> None:
    # Against one, 20 wide: 1, 1/2, 0. Against 60 wide: 1/2, 1, 0.
    target = case_of("target", [box(20), box(60), box(0)])
    cases = [case_of("one", [box(20), box(60), box(0)])]
    values = values_of(scene_of(target, cases, embedder), SETTINGS, embedder, engine)
    assert values["random"] == pytest.approx((1.5 / 3 + 1.5 / 3) / 2)
    assert values["oracle"] == pytest.approx((1.5 / 2 + 1.5 / 2) / 2)
    # The two nearest along the stack: for the slice in the middle, itself and the earlier one of its equal neighbours.
    assert values["position"] == pytest.approx(0.75)


def test_a_query_counts_the_segments_that_it_holds(embedder: SliceEmbedder) -> None:
    low = dict(top=105, height=20)
    target = case_of("target", [box(40), box(40), box(0)], [box(10, **low), box(0), box(0)])
    cases = [case_of("one", [box(40), box(0)], [box(30, **low), box(10, **low)])]
    scene = scene_of(target, cases, embedder)
    # The first query holds both segments: (1 + 1/2) / 2 and (0 + 1) / 2; the second only one: 1 and 0.
    np.testing.assert_allclose(scene.worth, [[0.75, 0.5], [1, 0]], atol=1e-6)


def test_masks_outside_the_window_are_worth_nothing() -> None:
    nothing, some = np.zeros(4, dtype=np.float32), np.array([1, 1, 0, 0], dtype=np.float32)
    worth = mean_dice([{1: some, 2: nothing}], [{1: some, 2: nothing}, {2: some}, {}], (1, 2))
    np.testing.assert_allclose(worth, [[0.5, 0, 0]])


@pytest.mark.parametrize("alignment", [False, True])
def test_nothing_beats_the_oracle_and_the_same_comes_out_again(
    embedder: SliceEmbedder, engine: Sam2Engine, alignment: bool
) -> None:
    def ball(shift: int) -> list[np.ndarray]:
        return [box(10 + 4 * n, left=15 + shift, top=20 + 3 * n, height=60) for n in (0, 2, 4, 5, 3, 1)]

    def spot(shift: int) -> list[np.ndarray]:
        return [box(8 * (n in (2, 3, 4)), left=90 + shift, top=70, height=12) for n in range(6)]

    target = case_of("target", ball(0), spot(0))
    cases = [case_of("one", ball(6), spot(4)), case_of("two", ball(-5), spot(-6))]
    runs = [
        values_of(scene_of(target, order, embedder, alignment), SETTINGS, embedder, engine)
        for order in (cases, cases[::-1])
    ]
    assert tuple(runs[0]) == METHODS
    assert all(0 < value <= runs[0]["oracle"] + 1e-9 for value in runs[0].values())
    assert runs[0]["random"] < runs[0]["oracle"]
    assert runs[0] == runs[1]


def test_with_alignment_masks_are_compared_where_they_correspond(embedder: SliceEmbedder) -> None:
    def body(shift: int) -> list[np.ndarray]:
        return [box(40 + 6 * min(n, 6 - n), left=20 + shift, top=20, height=80) for n in range(7)]

    def dark(case: MemoryCase) -> MemoryCase:
        """Nothing but the segment: what surrounds it must not hold the alignment where it is."""
        return replace(case, image=Volume(100 * case.segmentation.mask("A").astype(np.int16), case.image.geometry))

    target, cases = dark(case_of("target", body(0))), [dark(case_of("one", body(24)))]
    worth = {on: np.diag(scene_of(target, cases, embedder, on).worth).mean() for on in (False, True)}
    # 24 pixels to the side, boxes of 40 to 58: a third to half of each lies beside the other.
    assert worth[False] < 0.6
    assert worth[True] > 0.9


def test_the_run_takes_no_more_than_its_part_from_one_case(embedder: SliceEmbedder) -> None:
    target = case_of("target", [box(40), box(50), box(60)])
    other = [box(20, left=70), box(12, left=80), box(30, left=60)]
    cases = [case_of("same", [box(40), box(50), box(60)]), case_of("other", other)]
    scene = scene_of(target, cases, embedder)
    embeddings = embedder.embed(scene.target.stack)
    owner = np.array([case for case, _ in scene.library.entries])
    for share, expected in ((0.5, [1, 1]), (1.0, [0, 2])):
        settings = replace(SETTINGS, share_per_case=share, position_weight=0.0)
        chosen = chosen_by_run(scene, embeddings, settings)
        assert [sorted(np.bincount(owner[row], minlength=2).tolist()) for row in chosen] == [expected] * 3
    # Without the limit, it is the order by embedding and place.
    assert chosen == joint_order(scene, embeddings, 0.0)[:, :2].tolist()


def test_the_same_slice_looks_most_alike(embedder: SliceEmbedder, engine: Sam2Engine) -> None:
    slices = [box(40), box(90, height=30), box(0), box(20, left=90)]
    scene = scene_of(case_of("target", slices), [case_of("one", slices)], embedder)
    features, pixels = similarity_of_views(scene, engine)
    assert order_of(features)[:, 0].tolist() == order_of(pixels)[:, 0].tolist() == [0, 1, 3]
    np.testing.assert_allclose(features[range(3), [0, 1, 3]], 0, atol=1e-4)
    np.testing.assert_allclose(pixels[range(3), [0, 1, 3]], 1, atol=1e-5)
    assert worth_of(scene, order_of(pixels)[:, :1]) == pytest.approx(1)


def test_a_case_without_the_segment_is_refused(embedder: SliceEmbedder) -> None:
    partly = replace(case_of("one", [box(40), box(40)]), annotated_slices={1: (0,)})
    with pytest.raises(ValueError, match="annotated"):
        scene_of(case_of("target", [box(40)]), [partly], embedder)


def test_summary_by_hand() -> None:
    def values(random: float, product: float, oracle: float) -> dict[str, float]:
        return {**dict.fromkeys(METHODS, random), "product": product, "oracle": oracle}

    figures = summary([values(0.2, 0.5, 0.8), values(0.4, 0.7, 1.0)])
    assert (figures["random"].part, figures["oracle"].part) == (0, 1)
    assert figures["product"].mean == pytest.approx(0.6)
    assert figures["product"].part == pytest.approx(0.5)
    # Either target twice, or both: the means 0.5, 0.6, 0.7, and always half of the way.
    assert figures["product"].interval == pytest.approx((0.5, 0.7))
    assert figures["product"].part_interval == pytest.approx((0.5, 0.5))
    assert np.isnan(summary([dict.fromkeys(METHODS, 0.3)])["product"].part)


def test_the_command_measures_the_splits_of_a_role(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for shift, name in enumerate(("a", "b", "c")):
        case = case_of(name, [box(30 + 5 * n, left=20 + 3 * shift) for n in range(3)], [box(9, left=100)] * 3)
        (tmp_path / "made").mkdir(exist_ok=True)
        write_volume(case.image, tmp_path / "made" / f"{name}_image.nii.gz")
        write_segmentation(case.segmentation, tmp_path / "made" / f"{name}_label.nii.gz")
    splits = {"tune": {"other": [], "made": [{"supports": ["a", "b"], "targets": ["c"]}]}, "judge": {"made": []}}
    (tmp_path / "splits.json").write_text(json.dumps({"names": {}, "splits": splits}))
    monkeypatch.setattr(judge_retrieval, "SPLITS", tmp_path / "splits.json")
    monkeypatch.setattr(judge_retrieval, "build_encoder", random_encoder)
    monkeypatch.setattr(judge_retrieval, "build_segmenter", lambda checkpoint: random_segmenter(image_size=64))
    out = tmp_path / "found.json"
    arguments = ["--data", str(tmp_path), "--role", "tune", "--set", "made", "--alignment", "off", "--json", str(out)]
    judge_retrieval.main(arguments)
    report = json.loads(out.read_text())
    (target,) = report["sets"]["made"]["targets"]
    assert (target["target"], target["supports"], target["queries"], target["candidates"]) == ("c", ["a", "b"], 3, 6)
    # k is 8, there are 6: every method takes them all.
    assert target["values"] == pytest.approx(dict.fromkeys(METHODS, target["values"]["random"]))
    assert report["sets"]["made"]["summary"]["oracle"]["mean"] == pytest.approx(target["values"]["oracle"])
    assert "made: 1 targets" in capsys.readouterr().out
