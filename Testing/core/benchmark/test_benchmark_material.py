"""The made-up volumes of a benchmark."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from RetrievalSAMLib.benchmark.material import cut_into, make_material, sized
from RetrievalSAMLib.demo.cohort import make_subject
from RetrievalSAMLib.demo.subject import Subject
from RetrievalSAMLib.volumes import Geometry


def block(geometry: Geometry) -> np.ndarray:
    """Two opposite outer corners of the space that the voxels fill, LPS."""
    corners = np.array([[-0.5] * 3, np.array(geometry.size) - 0.5])
    return (geometry.affine @ np.c_[corners, [1, 1]].T).T[:, :3]


@functools.cache
def oblique() -> Subject:
    """A subject on a tilted grid."""
    return make_subject(3)


def test_a_thin_volume_is_the_middle_of_a_subject() -> None:
    subject = oblique()
    case = sized(subject, 4, None)
    count = subject.image.geometry.size[2]
    first = (count - 4) // 2
    assert np.array_equal(case.image.voxels, subject.image.voxels[:, :, first : first + 4])
    shown = subject.segmentation.labelmap()[:, :, first : first + 4]
    assert np.array_equal(case.segmentation.labelmap(), shown)
    # Same places in space: voxel (0, 0, 0) is what was voxel (0, 0, first).
    before = subject.image.geometry.affine @ [0, 0, first, 1]
    assert np.allclose(case.image.geometry.affine @ [0, 0, 0, 1], before)


def test_a_volume_is_stretched_over_the_same_space() -> None:
    subject = oblique()
    case = sized(subject, 40, 64)
    size = case.image.geometry.size
    assert max(size[:2]) == 64 and size[2] == 40
    assert np.allclose(block(case.image.geometry), block(subject.image.geometry), atol=1e-6)
    assert [s.name for s in case.segmentation.segments] == [s.name for s in subject.segmentation.segments]
    for index in range(6):
        part = case.segmentation.mask(index).mean() / subject.segmentation.mask(index).mean()
        assert part == pytest.approx(1, abs=0.1)


def test_all_volumes_of_a_benchmark_differ() -> None:
    material = make_material(3, 1, 2)
    volumes = [material.target, *(case.image for case in material.cases)]
    assert len({volume.content_hash() for volume in volumes}) == 3
    assert {len(case.segments) for case in material.cases} == {1}
    assert {volume.geometry.size[2] for volume in volumes} == {3}


def test_organs_are_cut_into_pieces_that_fill_them_where_more_segments_are_wanted() -> None:
    drawn = oblique().segmentation
    cut = cut_into(drawn, 13)
    assert len(cut.segments) == 13 and [s.value for s in cut.segments] == list(range(1, 14))
    cut.check_distinct("pieces")
    assert cut.names[:4] == ("Liver 1", "Liver 2", "Liver 3", "Spleen 1")
    pieces = [cut.mask(index) for index in range(3)]
    assert np.array_equal(np.any(pieces, axis=0), drawn.mask("Liver")) and not cut.overlapping
    assert min(piece.sum() for piece in pieces) > 0.2 * drawn.mask("Liver").sum()
