"""Removing, restoring, emptying the trash, and corrections as new versions."""

from __future__ import annotations

import numpy as np
import pytest
from library_files import files_below

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library import Provenance
from RetrievalSAMLib.volumes.volume import Segmentation


def test_remove_restore_and_empty_the_trash(library, make_pair):
    case = library.add(*make_pair(), name="a")
    library.add(*make_pair(1), name="b")
    assert library.remove("A") == case.id
    assert [c.name for c in library.cases()] == ["b"]
    assert [c.name for c in library.removed()] == ["a"]
    assert library.restore(case.id[:8]) == case
    assert [c.name for c in library.cases()] == ["a", "b"]
    library.remove("a")
    library.remove("b")
    assert library.empty_trash() == 2
    assert library.removed() == library.cases() == []
    assert list((library.path / "trash").iterdir()) == []
    with pytest.raises(InputError, match="the trash has no such case"):
        library.restore("a")


def test_restore_refuses_what_would_contradict_the_library(library, make_pair):
    first = library.add(*make_pair(), name="a")
    library.remove("a")
    library.add(*make_pair(1), name="A")
    with pytest.raises(InputError, match="the library has the case `A`"):
        library.restore("a")
    library.remove("A")
    library.add(*make_pair(2, names={1: "Other"}), name="other")
    with pytest.raises(InputError, match="value 1"):
        library.restore(first.id)
    assert len(library.removed()) == 2


def test_two_cases_of_one_name_in_the_trash_are_told_apart_by_their_ids(library, make_pair):
    ids = []
    for seed in range(2):
        ids.append(library.add(*make_pair(seed), name="a").id)
        library.remove("a")
    with pytest.raises(InputError, match="has 2 such cases") as caught:
        library.restore("a")
    assert all(case_id in str(caught.value) for case_id in ids)
    assert library.restore(ids[0]).id == ids[0]


def test_a_correction_is_a_new_version_and_the_old_one_stays(library, make_pair):
    image, segmentation = make_pair()
    first = library.add(image, segmentation, name="a", annotated_slices=[1, 2])
    labels = segmentation.labelmap()
    labels[8, 8, 3] = 3
    corrected = Segmentation.from_labelmap(labels, image.geometry, {1: "Anterior", 2: "Posterior", 3: "Lesion"})
    provenance = Provenance(origin="corrected", model="bundled", model_sha256="0" * 64, corrected_slices=(3,))
    second = library.add_version("a", corrected, provenance=provenance)
    assert second == library.get("a")
    assert [version.name for version in second.versions] == ["v1", "v2"]
    assert second.provenance == provenance
    assert [segment.name for segment in second.segments] == ["Anterior", "Posterior", "Lesion"]
    assert second.image_hash == first.image_hash and second.image_path == first.image_path
    assert second.content_hash != first.content_hash
    np.testing.assert_array_equal(second.load_segmentation().labelmap(), labels)
    old = second.load_segmentation(second.versions[0])
    np.testing.assert_array_equal(old.labelmap(), segmentation.labelmap())
    assert second.versions[0].segments == first.segments
    assert library.verify() == []
    assert (second.folder / "case.json.sha256").read_bytes().count(b"\n") == 1


def test_a_version_is_refused_where_it_contradicts_the_image_or_other_cases(library, make_pair):
    library.add(*make_pair(), name="a")
    library.add(*make_pair(1), name="b")
    before = files_below(library.path)
    model = Provenance(origin="model")
    with pytest.raises(InputError, match="image of `a`"):
        library.add_version("a", make_pair(size=(12, 10, 7))[1], provenance=model)
    with pytest.raises(InputError, match="`a` and `b`"):
        library.add_version("a", make_pair(names={1: "Other"})[1], provenance=model)
    with pytest.raises(InputError, match="no such case"):
        library.add_version("c", make_pair()[1], provenance=model)
    assert files_below(library.path) == before
