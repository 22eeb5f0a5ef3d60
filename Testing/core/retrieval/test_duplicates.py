"""A study that a library has already is recognised, and others are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage
from study_volumes import GRID, drawn, person

from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.models.build import build_encoder
from RetrievalSAMLib.retrieval import same_study
from RetrievalSAMLib.retrieval.duplicates import Likeness, like_cases, same_pixels
from RetrievalSAMLib.retrieval.embedding import SliceEmbedder
from RetrievalSAMLib.volumes import Geometry, Volume


@pytest.fixture(scope="module")
def embedder() -> SliceEmbedder:
    return SliceEmbedder(build_encoder("bundled"))


@pytest.fixture
def library(tmp_path: Path) -> SupportLibrary:
    """Three people."""
    made = SupportLibrary.create(tmp_path / "library")
    for seed in range(3):
        made.add(person(seed), drawn(person(seed)))
    return made


def likenesses(library: SupportLibrary, volume: Volume, embedder: SliceEmbedder) -> list[Likeness]:
    others = library.cases()
    added = library.add(volume, drawn(volume))
    return like_cases(added, others, library.cache_dir, lambda: embedder)


def turned(volume: Volume) -> Volume:
    """Stored with its axes in another order, one of them reversed, and another origin."""
    voxels = volume.voxels.transpose(2, 0, 1)[:, ::-1]
    geometry = Geometry(voxels.shape, (4.0, 1.5, 1.5), (0.0, 90.0, 3.0), (0, -1, 0, 0, 0, 1, 1, 0, 0))
    return Volume(voxels, geometry)


def test_another_person_is_not_like_anyone(library: SupportLibrary, embedder: SliceEmbedder) -> None:
    assert likenesses(library, person(7), embedder) == []


def test_the_same_image_is_told_with_whether_the_mask_is_the_same(
    library: SupportLibrary, embedder: SliceEmbedder
) -> None:
    (found,) = likenesses(library, person(1), embedder)
    assert (found.case, found.kind, found.same_mask) == ("case-002", "image", True)
    assert "same image with the same segmentation" in found.text
    others = library.cases()[:3]
    mask = np.zeros(GRID.size, dtype=bool)
    mask[20:25, 20:25, 5] = True
    other_mask = drawn(person(2))
    other_mask = type(other_mask).from_masks(other_mask.segments, [mask], GRID)
    added = library.add(person(2), other_mask)
    (found,) = like_cases(added, others, library.cache_dir, None)
    assert (found.case, found.kind, found.same_mask) == ("case-003", "image", False)


def test_the_same_pixels_are_found_on_another_grid_and_in_another_orientation(
    library: SupportLibrary, embedder: SliceEmbedder
) -> None:
    moved = replace(person(0), geometry=replace(GRID, origin_mm=(80.0, 0.0, 0.0), spacing_mm=(1.0, 1.0, 4.0)))
    assert [(one.case, one.kind) for one in likenesses(library, moved, embedder)] == [("case-001", "pixels")]
    assert ("case-003", "pixels") in [(one.case, one.kind) for one in likenesses(library, turned(person(2)), embedder)]


def test_same_pixels_needs_every_voxel() -> None:
    one = person(0)
    voxels = one.voxels.copy()
    voxels[11, 13, 5] += 1
    assert same_pixels(one, turned(one)) and not same_pixels(one, Volume(voxels, GRID))
    assert not same_pixels(one, person(1))


@pytest.mark.parametrize("made", ["noisy", "cropped", "resampled"])
def test_a_second_version_of_a_study_is_found(library: SupportLibrary, embedder: SliceEmbedder, made: str) -> None:
    volume = person(1)
    voxels = volume.voxels.astype(np.float32)
    if made == "noisy":
        noise = np.random.default_rng(5).normal(0, 15, GRID.size)
        other = Volume((1.2 * voxels + 30 + noise).astype(np.float32), GRID)
    elif made == "cropped":
        part = voxels[2:-1, 1:-2, 1:-1]
        other = Volume(part, replace(GRID, size=part.shape))
    else:
        finer = ndimage.zoom(voxels, (1.25, 1.25, 1), order=1)
        spacing = tuple(n * s / m for n, s, m in zip(GRID.size, GRID.spacing_mm, finer.shape, strict=True))
        other = Volume(finer, Geometry(finer.shape, spacing, GRID.origin_mm, GRID.direction))  # type: ignore[arg-type]
    found = likenesses(library, other, embedder)
    assert [(one.case, one.kind) for one in found] == [("case-002", "alike")]
    assert found[0].correlation > 0.97 and "another version" in found[0].text


def test_a_damaged_case_is_passed_over(library: SupportLibrary, embedder: SliceEmbedder) -> None:
    path = library.get("case-001").image_path
    path.write_bytes(path.read_bytes()[:-1])
    assert [one.case for one in likenesses(library, turned(person(1)), embedder)] == ["case-002"]


def test_a_comparison_that_fails_is_a_note_and_no_error(
    library: SupportLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> SliceEmbedder:
        raise RuntimeError("no networks here")

    monkeypatch.setattr(same_study, "_embedder", broken)
    added = library.add(person(8), drawn(person(8)))
    (note,) = same_study.notes_on(library, added)
    assert note.case is None and "was added, but could not be compared" in note.text and "no networks" in note.text
