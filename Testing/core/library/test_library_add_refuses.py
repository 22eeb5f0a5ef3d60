"""What adding refuses, leaving the library as it was."""

from __future__ import annotations

import numpy as np
import pytest
from library_files import files_below

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library import Provenance
from RetrievalSAMLib.volumes.volume import Segmentation


def assert_refused_and_unchanged(library, match, *args, **kwargs):
    before = files_below(library.path)
    with pytest.raises(InputError, match=match) as caught:
        library.add(*args, **kwargs)
    assert files_below(library.path) == before
    assert not (library.path / ".staging").exists()
    return str(caught.value)


def test_add_refuses_different_grids_by_the_names_of_the_files(library, make_pair):
    image, _ = make_pair()
    _, other = make_pair(spacing_mm=(1.5, 1.5, 5.0))
    message = assert_refused_and_unchanged(
        library, "spacing", image, other, image_name="ct.nrrd", segmentation_name="ct.seg.nrrd"
    )
    assert "ct.nrrd" in message and "ct.seg.nrrd" in message


def test_add_refuses_a_segmentation_without_a_labelled_voxel(library, make_pair):
    image, _ = make_pair()
    empty = Segmentation.from_labelmap(np.zeros(image.geometry.size, np.uint8), image.geometry, {1: "Liver"})
    assert_refused_and_unchanged(library, "no voxel is labelled", image, empty)


@pytest.mark.parametrize("name", ["CASE-a", "case-A", "  case-a ", "ｃase-a"])
def test_add_refuses_a_name_that_is_taken(library, make_pair, name):
    library.add(*make_pair(), name="case-a")
    assert_refused_and_unchanged(library, "the library has the case `case-a`", *make_pair(1), name=name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "a/b",
        "a\\b",
        "..",
        ".hidden",
        "end.",
        "a\x00b",
        "a\nb",
        "x" * 101,
        "CON",
        "nul.txt",
        "a:b",
        "\ud800",
    ],
)
def test_add_refuses_names_that_no_file_could_have(library, make_pair, name):
    assert_refused_and_unchanged(library, "Choose another name", *make_pair(), name=name)


@pytest.mark.parametrize("name", ["x" * 100, "日本の症例", "Fälle (2) [b] + c", "🫀 heart", "a.b"])
def test_add_takes_names_in_any_script(library, make_pair, name):
    assert library.add(*make_pair(), name=name).name == name
    assert library.get(name).name == name


def test_add_refuses_what_cannot_be_stored(library, make_pair):
    image, segmentation = make_pair()
    assert_refused_and_unchanged(library, "short word", image, segmentation, modality="/home/x/file.dcm")
    assert_refused_and_unchanged(library, "no plane.*axial", image, segmentation, plane="transverse")
    assert_refused_and_unchanged(
        library, "no segment `Liver`.*`Anterior`", image, segmentation, annotated_slices={"Liver": [1]}
    )
    assert_refused_and_unchanged(library, "no slice -1", image, segmentation, annotated_slices=[-1])
    assert_refused_and_unchanged(library, "empty for every segment", image, segmentation, annotated_slices=[])
    assert_refused_and_unchanged(
        library, "cannot be stored", image, segmentation, provenance=Provenance(model_sha256="abc")
    )
    assert_refused_and_unchanged(
        library, "no slice 6", image, segmentation, provenance=Provenance(corrected_slices=(6,))
    )
    twice = make_pair(names={1: "Liver", 2: "liver"})
    assert_refused_and_unchanged(library, "two segments are named `liver`", *twice)
    assert_refused_and_unchanged(library, "control character", *make_pair(names={1: "a\nb"}))


def test_add_refuses_segments_that_contradict_another_case(library, make_pair):
    library.add(*make_pair(names={1: "Liver", 2: "Spleen"}), name="one")
    message = assert_refused_and_unchanged(library, "value 1 is `Liver`", *make_pair(names={1: "Kidney"}), name="two")
    assert "`one`" in message and "`two`" in message
    message = assert_refused_and_unchanged(
        library, "`Liver` has the value 1.*and 3", *make_pair(names={3: "Liver"}), name="two"
    )
    assert "`one`" in message and "`two`" in message
