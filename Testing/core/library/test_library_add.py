"""Cases come back as they were given; listing, finding, hashes, annotated slices."""

from __future__ import annotations

import hashlib
import json
import os
import uuid

import numpy as np
import pytest
from library_files import files_below

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library import SupportLibrary
from RetrievalSAMLib.volumes import Plane
from RetrievalSAMLib.volumes.volume import Segment, Segmentation, Volume


def test_a_case_comes_back_as_it_was_given(library, make_pair):
    image, segmentation = make_pair()
    case = library.add(image, segmentation, name="first", modality="MR")
    assert (case.name, case.modality, case.plane) == ("first", "MR", Plane.AXIAL)
    (again,) = SupportLibrary.open(library.path).cases()
    assert again == case
    stored_image, stored = again.load()
    np.testing.assert_array_equal(stored_image.voxels, image.voxels)
    assert stored_image.voxels.dtype == image.voxels.dtype
    assert stored_image.geometry.difference(image.geometry, 1e-9) is None
    assert stored.segments == segmentation.segments
    for index in range(len(stored.segments)):
        np.testing.assert_array_equal(stored.mask(index), segmentation.mask(index))


def test_the_folder_is_the_documented_one(library, make_pair):
    case = library.add(*make_pair())
    assert str(uuid.UUID(case.id)) == case.id == case.folder.name
    assert sorted(files_below(library.path)) == [
        f"cases/{case.id}/case.json",
        f"cases/{case.id}/case.json.sha256",
        f"cases/{case.id}/v1/image.nrrd",
        f"cases/{case.id}/v1/segmentation.seg.nrrd",
        "library.json",
        "library.json.sha256",
    ]
    record = json.loads((case.folder / "case.json").read_bytes())
    assert set(record) == {"id", "name", "modality", "plane", "segments", "provenance", "versions"}
    assert record["segments"][0] == {
        "name": "Anterior",
        "value": 1,
        "color": None,
        "terminology": None,
        "annotated_slices": None,
    }
    (version,) = record["versions"]
    for kind in ("image", "segmentation"):
        data = (case.folder / version[kind]["path"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == version[kind]["sha256"]
        assert len(data) == version[kind]["bytes"]


def test_colours_codes_overlaps_and_values_survive(library, make_pair):
    image, _ = make_pair()
    code = "Anatomy~SCT^123037004^Anatomical Structure~SCT^10200004^Liver~^^~Codes~^^~^^"
    segments = (
        Segment("Läsion / μ", 7, (0.1, 1 / 3, 0.9), None),
        Segment("Liver", 3, None, code),
        Segment("Empty", 5, None, None),
    )
    masks = [np.zeros(image.geometry.size, bool) for _ in segments]
    masks[0][2:5, 2:5, 2:5], masks[1][1:8, 1:8, 1:5] = True, True
    case = library.add(image, Segmentation.from_masks(segments, masks, image.geometry))
    assert [segment.value for segment in case.segments] == [3, 5, 7]
    stored = library.get(case.name).load_segmentation()
    assert stored.overlapping
    assert stored.segments == (segments[1], segments[2], segments[0])
    for name, mask in zip(("Läsion / μ", "Liver", "Empty"), masks, strict=True):
        np.testing.assert_array_equal(stored.mask(name), mask)


def test_values_that_differ_from_the_labels_in_the_file_survive(library, make_pair):
    """Slicer may use label 1 in two layers."""
    image, _ = make_pair()
    layers = tuple(np.zeros(image.geometry.size, np.uint8) for _ in range(2))
    layers[0][1:4, 1:4, 1:4], layers[1][2:6, 2:6, 2:6] = 1, 1
    segments = (Segment("A", 1), Segment("B", 2))
    case = library.add(image, Segmentation(segments, layers, (0, 1), (1, 1), image.geometry))
    stored = case.load_segmentation()
    assert stored.segments == segments
    assert stored.label_of == (1, 2)
    np.testing.assert_array_equal(stored.mask("B"), layers[1] == 1)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_pixel_types_survive(library, make_pair, dtype):
    image, segmentation = make_pair()
    typed = Volume(image.voxels.astype(np.float64).clip(0, 250).astype(dtype), image.geometry)
    stored = library.add(typed, segmentation).load_image()
    assert stored.voxels.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(stored.voxels, typed.voxels)


def test_cases_are_numbered_and_listed_in_natural_order(library, make_pair):
    for seed in range(3):
        library.add(*make_pair(seed))
    library.add(*make_pair(3), name="case-10")
    library.add(*make_pair(4), name="case-9")
    library.add(*make_pair(5))
    names = ["case-001", "case-002", "case-003", "case-9", "case-10", "case-011"]
    assert [case.name for case in library.cases()] == names


def test_a_number_is_not_given_again_while_its_case_is_in_the_trash(library, make_pair):
    library.add(*make_pair(0))
    library.add(*make_pair(1))
    library.remove("case-002")
    assert library.add(*make_pair(2)).name == "case-003"
    assert library.restore("case-002").name == "case-002"


def test_the_list_does_not_depend_on_the_order_on_disk(library, make_pair, monkeypatch):
    for seed in range(6):
        library.add(*make_pair(seed))
    expected = [case.id for case in library.cases()]
    scandir = os.scandir

    class Backwards:
        def __init__(self, path):
            with scandir(path) as entries:
                self.entries = sorted(entries, key=lambda entry: entry.name, reverse=True)

        def __enter__(self):
            return iter(self.entries)

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(os, "scandir", Backwards)
    assert [case.id for case in library.cases()] == expected


def test_get_by_name_in_any_case_by_id_and_by_the_beginning_of_an_id(library, make_pair):
    case = library.add(*make_pair(), name="Müller-Fall 1")
    for key in (
        "Müller-Fall 1",
        "müller-FALL 1",
        "Mu\u0308ller-Fall 1",
        case.id,
        case.id[:8],
        case.id[:6].upper(),
    ):
        assert library.get(key).id == case.id
    with pytest.raises(InputError, match="no such case.*Müller-Fall 1"):
        library.get("case-002")
    with pytest.raises(InputError, match="no such case"):
        library.get(case.id[:2])


def test_content_hash_is_of_the_contents_only(library, tmp_path, make_pair):
    first = library.add(*make_pair(1), name="a", modality="MR")
    other = SupportLibrary.create(tmp_path / "other").add(*make_pair(1), name="b")
    assert first.content_hash == other.content_hash
    assert first.image_hash == other.image_hash == make_pair(1)[0].content_hash()
    different = library.add(*make_pair(2))
    assert different.content_hash != first.content_hash
    image, segmentation = make_pair(1)
    smaller = segmentation.labelmap()
    smaller[2, 2, 1] = 0
    relabelled = Segmentation.from_labelmap(smaller, image.geometry, {1: "Anterior", 2: "Posterior"})
    third = library.add(image, relabelled)
    assert third.image_hash == first.image_hash
    assert third.content_hash != first.content_hash


def test_annotated_slices_by_segment_for_all_and_in_any_order(library, make_pair):
    case = library.add(*make_pair(), annotated_slices={"Anterior": [4, 1, np.int64(2), 2]})
    assert [segment.annotated_slices for segment in case.segments] == [(1, 2, 4), None]
    assert case.segments[0].is_annotated(2) and not case.segments[0].is_annotated(3)
    assert case.segments[1].is_annotated(3)
    both = library.add(*make_pair(1), annotated_slices=[0, 5])
    assert [segment.annotated_slices for segment in both.segments] == [(0, 5), (0, 5)]


def test_annotated_slices_run_along_the_plane_that_was_chosen(library, make_pair):
    image, segmentation = make_pair()
    case = library.add(image, segmentation, plane="sagittal", annotated_slices=[11])
    assert case.plane is Plane.SAGITTAL
    with pytest.raises(InputError, match="no slice 12.*axis 0.*0 to 11"):
        library.add(image, segmentation, plane=Plane.SAGITTAL, annotated_slices=[12])
    with pytest.raises(InputError, match="no slice 11.*axis 2.*0 to 5"):
        library.add(image, segmentation, annotated_slices=[11])
