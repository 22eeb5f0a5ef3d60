"""Merging segments over cases: identity by code or name, contradictions, independence of the order."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library import CaseSegment, merge_segments
from RetrievalSAMLib.library.segments import with_library_names
from RetrievalSAMLib.volumes.geometry import Geometry
from RetrievalSAMLib.volumes.volume import Segment, Segmentation


def code(kind: str) -> str:
    return f"Anatomy~SCT^123037004^Anatomical Structure~SCT^{kind}^x~^^~Codes~^^~^^"


TISSUE = "Anatomy~SCT^85756007^Tissue~SCT^85756007^Tissue~^^~Codes~^^~^^"


def segment(name, value, terminology=None, color=None) -> CaseSegment:
    return CaseSegment(name=name, value=value, terminology=terminology, color=color)


def test_segments_of_all_cases_by_value():
    cases = [("b", [segment("Spleen", 2), segment("Liver", 1)]), ("a", [segment("Kidney", 3)])]
    assert merge_segments(cases) == (Segment("Liver", 1), Segment("Spleen", 2), Segment("Kidney", 3))
    assert merge_segments([]) == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([segment("Liver", 1)], [segment("Spleen", 1)]),
        ([segment("Liver", 1, code("1"))], [segment("Spleen", 1, code("2"))]),
        ([segment("A", 1, TISSUE)], [segment("B", 1, TISSUE)]),
        ([segment("Liver", 1)], [segment("liver", 2)]),
        ([segment("Liver", 1, code("1"))], [segment("Leber", 2, code("1"))]),
        ([segment("Liver", 1), segment("Spleen", 2)], [segment("Liver", 2), segment("Spleen", 1)]),
    ],
)
def test_contradictions_name_both_cases_in_either_order(one, other):
    for cases in ([("first", one), ("second", other)], [("second", other), ("first", one)]):
        with pytest.raises(InputError) as caught:
            merge_segments([("bystander", [segment("Lung", 9)]), *cases])
        assert "`first`" in str(caught.value) and "`second`" in str(caught.value)
        assert "bystander" not in str(caught.value)
        assert "Give each structure one name and one value" in str(caught.value)


def test_spelling_of_a_name_and_a_missing_code_are_no_contradiction():
    cases = [
        ("a", [segment("Left  kidney", 1)]),
        ("b", [segment("left kidney", 1, code("7"))]),
        ("c", [segment("left kidney", 1)]),
    ]
    assert merge_segments(cases) == (Segment("left kidney", 1, None, code("7")),)


def test_names_in_two_languages_are_one_segment_by_their_code():
    """`Leber` without a code is linked to `Liver` by way of `Leber` with one, in every order of the cases."""
    cases = [
        ("a", [segment("Liver", 1, code("1"))]),
        ("b", [segment("Leber", 1, code("1"))]),
        ("c", [segment("Leber", 1)]),
    ]
    results = {merge_segments(order) for order in itertools.permutations(cases)}
    assert results == {(Segment("Leber", 1, None, code("1")),)}


def test_a_code_that_two_segments_of_a_case_share_tells_nothing_apart():
    tumours = [segment("Tumour 1", 1, code("9")), segment("Tumour 2", 2, code("9"))]
    merged = merge_segments([("a", tumours), ("b", tumours)])
    assert [s.name for s in merged] == ["Tumour 1", "Tumour 2"]
    with pytest.raises(InputError):
        merge_segments([("a", tumours), ("b", [segment("Cyst", 1, code("9"))])])


def test_the_most_frequent_colour_is_taken_whatever_the_order():
    red, blue = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)
    cases = [
        (name, [segment("A", 1, None, color)]) for name, color in zip("abcd", (red, blue, blue, None), strict=True)
    ]
    for order in itertools.permutations(cases):
        assert merge_segments(order)[0].color == blue


def test_bare_values_of_a_label_map_get_the_names_that_the_library_has_for_them():
    labels = np.zeros((4, 3, 2), np.uint8)
    labels[0], labels[1], labels[2] = 1, 2, 7
    grid = Geometry((4, 3, 2), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0))
    bare = Segmentation.from_labelmap(labels, grid, names={2: "Cyst"})
    known = (Segment("Liver", 1, (0.9, 0.5, 0.3), code("1")), Segment("Spleen", 2))
    named = with_library_names(bare, known)
    assert named.segments == (known[0], Segment("Cyst", 2), Segment("segment_7", 7))
    np.testing.assert_array_equal(named.labelmap(), labels)
