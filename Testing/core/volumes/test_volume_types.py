from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from grids import geometries, voxel_numbers
from hypothesis import given
from hypothesis import strategies as st

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.volumes import Geometry, Segment, Segmentation, Volume

GRID = Geometry((4, 5, 6), (1.0, 1.0, 2.0), (0.0, 0.0, 0.0), tuple(np.eye(3).ravel()))
ANATOMY = "list~SCT^123037004^Anatomical Structure"
REGION = "Anatomic codes - DICOM master list~^^~^^"
LIVER = f"{ANATOMY}~SCT^10200004^Liver~^^~{REGION}"
KIDNEY = f"{ANATOMY}~SCT^64033007^Kidney~SCT^{{side}}~{REGION}"
TISSUE = f"list~SCT^85756007^Tissue~SCT^85756007^Tissue~^^~{REGION}"


def box(i: slice, j: slice, k: slice) -> np.ndarray:
    mask = np.zeros(GRID.size, dtype=bool)
    mask[i, j, k] = True
    return mask


def test_importing_volumes_brings_in_neither_torch_nor_slicer():
    heavy = "[m for m in ('torch', 'slicer', 'qt', 'faiss') if m in sys.modules]"
    code = f"import sys, RetrievalSAMLib.volumes; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_volume_checks_what_it_is_given_and_cannot_be_written_to():
    volume = Volume(np.zeros(GRID.size), GRID)
    with pytest.raises(ValueError):
        volume.voxels[0, 0, 0] = 1
    with pytest.raises(ValueError):
        Volume(np.zeros((5, 4, 6)), GRID)
    with pytest.raises(ValueError):
        Volume(np.full(GRID.size, np.nan), GRID)
    with pytest.raises(ValueError):
        Volume(np.zeros(GRID.size, dtype=complex), GRID)


def test_the_content_hash_is_of_values_and_places_not_of_memory():
    voxels = voxel_numbers(GRID)
    first = Volume(voxels, GRID).content_hash()
    simple = Volume(np.arange(120).reshape(GRID.size), GRID)
    assert simple.content_hash() == "ecae3cc507f3f6ded96b04e3910ea186aa021e1ad577038c5cd9309091532496"
    for same in (
        np.asfortranarray(voxels),
        voxels.astype(np.int16),
        voxels.astype(">i4"),
        voxels.astype(np.uint64),
    ):
        assert Volume(same, GRID).content_hash() == first
    negative_zero = Geometry(GRID.size, GRID.spacing_mm, (-0.0, 0.0, 0.0), GRID.direction)
    assert Volume(voxels, negative_zero).content_hash() == first
    moved = Geometry(GRID.size, GRID.spacing_mm, (1e-9, 0.0, 0.0), GRID.direction)
    changed = voxels.copy()
    changed[3, 4, 5] += 1
    others = [
        Volume(voxels, moved),
        Volume(changed, GRID),
        Volume(voxels[::-1], GRID),
        Volume(voxels + 0.5, GRID),
    ]
    assert len({first, *(other.content_hash() for other in others)}) == 5


@given(geometries())
def test_the_content_hash_is_the_same_again(geometry: Geometry):
    voxels = voxel_numbers(geometry)
    assert Volume(voxels, geometry).content_hash() == Volume(voxels.copy(order="F"), geometry).content_hash()


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (Segment("Liver", 1), Segment(" liver ", 2), True),
        (Segment("Liver", 1), Segment("Spleen", 1), False),
        (
            Segment("Liver", 1, terminology=LIVER),
            Segment("Leber", 5, terminology=LIVER.replace("^Liver", "^Leber")),
            True,
        ),
        (
            Segment("a", 1, terminology=LIVER),
            Segment("a", 1, terminology=KIDNEY.format(side="7771000^Left")),
            False,
        ),
        (
            Segment("Kidney", 1, terminology=KIDNEY.format(side="7771000^Left")),
            Segment("Kidney", 1, terminology=KIDNEY.format(side="24028007^Right")),
            False,
        ),
        (Segment("Liver", 1, terminology=TISSUE), Segment("Spleen", 1, terminology=TISSUE), False),
        (Segment("Liver", 1, terminology=TISSUE), Segment("liver", 1), True),
        (Segment("Liver", 1, terminology="~^^~^^~^^~~^^~^^"), Segment("liver", 1), True),
        (Segment("Liver", 1, terminology="broken"), Segment("liver", 1), True),
    ],
)
def test_a_segment_is_known_by_its_codes_else_by_its_name(a: Segment, b: Segment, same: bool):
    assert (a.key == b.key) is same


def test_two_segments_of_one_identity_are_refused_by_name():
    segments = (Segment("Left kidney", 1, terminology=LIVER), Segment("Right kidney", 2, terminology=LIVER))
    segmentation = Segmentation.from_masks(segments, [box(0, 0, 0), box(1, 1, 1)], GRID)
    with pytest.raises(InputError, match=r"a\.seg\.nrrd.*Left kidney.*Right kidney.*terminology"):
        segmentation.check_distinct("a.seg.nrrd")


def test_a_label_map_becomes_segments_with_its_values():
    labels = np.zeros(GRID.size, dtype=np.int64)
    labels[0], labels[1, :, :2] = 7, 300
    segmentation = Segmentation.from_labelmap(labels, GRID, {7: "Liver", 9: "Missing"})
    assert [(s.name, s.value) for s in segmentation.segments] == [
        ("Liver", 7),
        ("Missing", 9),
        ("segment_300", 300),
    ]
    assert np.array_equal(segmentation.mask("Liver"), labels == 7)
    assert np.array_equal(segmentation.mask(2), labels == 300)
    assert np.array_equal(segmentation.mask(segmentation.segments[2]), labels == 300)
    assert not segmentation.mask("Missing").any() and not segmentation.overlapping
    assert np.array_equal(segmentation.labelmap(), labels) and segmentation.labelmap().dtype == np.uint16
    for unknown in ("Spleen", 3, -1):
        with pytest.raises(KeyError):
            segmentation.mask(unknown)


def test_overlapping_segments_get_layers_and_cannot_be_a_label_map():
    first, second, third = box(slice(0, 2), slice(0, 3), slice(None)), box(1, slice(None), 3), box(3, 4, 5)
    segments = (Segment("A", 3), Segment("B", 1), Segment("C", 2))
    segmentation = Segmentation.from_masks(segments, (m for m in (first, second, third)), GRID)
    assert segmentation.layer_of == (0, 1, 0) and segmentation.overlapping
    for index, mask in enumerate((first, second, third)):
        assert np.array_equal(segmentation.mask(index), mask)
    with pytest.raises(InputError, match="A and B"):
        segmentation.labelmap()


@given(st.lists(st.integers(0, 2**120 - 1), min_size=1, max_size=5))
def test_masks_survive_however_they_overlap(patterns: list[int]):
    masks = [np.array([p >> b & 1 for b in range(120)], dtype=bool).reshape(GRID.size) for p in patterns]
    segments = tuple(Segment(f"s{n}", 5 * n + 2) for n in range(len(masks)))
    segmentation = Segmentation.from_masks(segments, masks, GRID)
    assert all(np.array_equal(segmentation.mask(n), mask) for n, mask in enumerate(masks))
    assert segmentation.overlapping == bool((np.sum(masks, axis=0) > 1).any())


def test_layers_of_bool_are_labels_and_negative_ones_are_refused():
    mask = box(0, slice(None), 2)
    segmentation = Segmentation((Segment("A", 9),), (mask,), (0,), (1,), GRID)
    assert np.array_equal(segmentation.mask(0), mask) and np.array_equal(segmentation.labelmap(), 9 * mask)
    with pytest.raises(ValueError):
        Segmentation((Segment("A", 9),), (-mask.astype(np.int8),), (0,), (1,), GRID)


def test_voxels_of_no_segment_are_background():
    labels = (voxel_numbers(GRID) % 4).astype(np.uint8)
    segmentation = Segmentation((Segment("A", 9),), (labels,), (0,), (2,), GRID)
    assert np.array_equal(segmentation.labelmap(), 9 * (labels == 2))
    assert not Segmentation((), (labels,), (), (), GRID).labelmap().any()


def test_layers_that_do_not_overlap_become_one_label_map():
    layers = (box(0, 0, slice(None)).astype(np.uint8), box(1, 0, slice(None)).astype(np.uint8))
    segmentation = Segmentation((Segment("A", 1), Segment("B", 2)), layers, (0, 1), (1, 1), GRID)
    assert not segmentation.overlapping
    assert np.array_equal(segmentation.labelmap(), layers[0] + 2 * layers[1])


@pytest.mark.parametrize(
    ("values", "layer_of", "label_of"),
    [
        ((1, 1), (0, 0), (1, 2)),
        ((1, 2), (0, 0), (1, 1)),
        ((1, 2), (0, 1), (1, 2)),
        ((1, 2), (0,), (1, 2)),
        ((1,), (0,), (0,)),
    ],
)
def test_parts_that_do_not_fit_are_refused(values: tuple, layer_of: tuple, label_of: tuple):
    segments = tuple(Segment(f"s{value}", value) for value in values)
    with pytest.raises(ValueError):
        Segmentation(segments, (np.zeros(GRID.size, np.uint8),), layer_of, label_of, GRID)
    with pytest.raises(ValueError):
        Segment("zero", 0)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.full(GRID.size, -1), "negative labels"),
        (np.full(GRID.size, 0.5), "not whole numbers"),
        (np.full(GRID.size, np.inf), "infinite"),
        (np.full(GRID.size, 70000), "labels up to 70000"),
    ],
)
def test_what_cannot_be_labels_is_refused(labels: np.ndarray, words: str):
    with pytest.raises(InputError, match=words):
        Segmentation.from_labelmap(labels, GRID)
