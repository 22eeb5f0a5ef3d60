"""What goes together between cases and what does not, from what was drawn alone."""

from __future__ import annotations

from dataclasses import replace

from RetrievalSAMLib.evaluation.consistency import inconsistencies
from RetrievalSAMLib.evaluation.drawn import DrawnCase, DrawnSegment
from RetrievalSAMLib.evaluation.flags import Flag

Place = tuple[float, float, float]
LEFT, RIGHT, ABOVE = (60.0, 5.0, 0.0), (-60.0, 0.0, 3.0), (0.0, -40.0, 80.0)


def segment(value: int, name: str, centre: Place | None, ml: float = 150.0, key: str = "") -> DrawnSegment:
    voxels = 0 if centre is None else 1000
    return DrawnSegment(name, value, key or f"name:{name.casefold()}", True, None, voxels, ml * 1000, centre)


def case(name: str, *segments: DrawnSegment) -> DrawnCase:
    return DrawnCase(name, {one.value: one for one in segments})


def kidneys(name: str, left: Place = LEFT, right: Place = RIGHT, ml: float = 150.0) -> DrawnCase:
    pair = segment(1, "Left kidney", left, ml), segment(2, "Right kidney", right)
    return case(name, *pair, segment(3, "Liver", ABOVE))


def kinds(flags: dict[str, list[Flag]]) -> dict[str, list[str]]:
    return {name: [flag.kind for flag in found] for name, found in flags.items()}


def test_cases_that_go_together_have_no_flag() -> None:
    assert kinds(inconsistencies([kidneys("a"), kidneys("b", ml=110), kidneys("c", ml=230)])) == {
        "a": [],
        "b": [],
        "c": [],
    }


def test_segments_that_lie_the_other_way_round_are_told_as_the_one_swap_that_mends_it() -> None:
    found = inconsistencies([kidneys("a"), kidneys("b", RIGHT, LEFT), kidneys("c")])
    assert kinds(found) == {"a": [], "b": ["swapped"], "c": []}
    assert found["b"][0].segments == ("Left kidney", "Right kidney")
    assert "`Left kidney` and `Right kidney` lie the other way round" in found["b"][0].text


def test_with_two_cases_both_are_told_and_that_it_cannot_be_known() -> None:
    found = inconsistencies([kidneys("a"), kidneys("b", RIGHT, LEFT)])
    assert kinds(found) == {"a": ["swapped"], "b": ["swapped"]}
    assert "cannot be told" in found["a"][0].text


def test_sparse_segments_drawn_in_other_slices_are_not_compared_by_place() -> None:
    sparse = [
        DrawnSegment("Left kidney", 1, "name:left kidney", False, (3,), 50, 1.0, RIGHT),
        DrawnSegment("Right kidney", 2, "name:right kidney", False, (9,), 50, 1.0, LEFT),
        segment(3, "Liver", ABOVE),
    ]
    assert kinds(inconsistencies([kidneys("a"), kidneys("b"), case("c", *sparse)]))["c"] == []


def test_a_segment_that_is_empty_or_missing_here_alone_is_told() -> None:
    cases = [
        kidneys("a"),
        kidneys("b"),
        case("c", segment(1, "Left kidney", LEFT), segment(3, "Liver", ABOVE)),
        case("d", segment(1, "Left kidney", None), segment(2, "Right kidney", RIGHT), segment(3, "Liver", ABOVE)),
    ]
    found = inconsistencies(cases)
    assert found["d"][0].kind == "empty" and found["d"][0].segments == ("Left kidney",)
    assert found["c"] == [Flag("missing", "all other cases have `Right kidney`, this one has not", ("Right kidney",))]
    assert found["a"] == found["b"] == []


def test_a_volume_far_off_is_told_and_natural_variation_is_not() -> None:
    found = inconsistencies([kidneys("a"), kidneys("b", ml=190), kidneys("c", ml=120), kidneys("d", ml=12)])
    assert kinds(found) == {"a": [], "b": [], "c": [], "d": ["volume"]}
    varied = [kidneys(name, ml=ml) for name, ml in zip("abcde", (2, 20, 200, 60, 600), strict=True)]
    assert not any(kinds(inconsistencies(varied)).values())


def test_similar_names_of_two_values_are_told_where_no_case_has_both() -> None:
    spleens = [case("a", segment(1, "Spleen", LEFT)), case("b", segment(1, "Spleen", LEFT))]
    found = inconsistencies([*spleens, case("c", segment(7, "spleen_seg", LEFT))])
    (flag,) = [flag for flag in found["c"] if flag.kind == "name"]
    assert flag.text == "`spleen_seg` may be what other cases call `Spleen`: no case has both"
    assert not [flag for flag in found["a"] if flag.kind == "name"]
    both = case("d", segment(1, "Spleen", LEFT), segment(7, "spleen_seg", LEFT))
    assert "name" not in kinds(inconsistencies([*spleens, both]))["d"]


def test_names_that_differ_by_side_number_or_part_are_two_structures() -> None:
    for one, other in (
        ("Left kidney", "Right kidney"),
        ("Kidney L", "Kidney R"),
        ("Segment 1", "Segment 2"),
        ("Hippocampus anterior", "Hippocampus posterior"),
        ("Upper lobe", "Lobe"),
    ):
        cases = [case("a", segment(1, one, LEFT)), case("b", segment(2, other, LEFT))]
        assert kinds(inconsistencies(cases)) == {"a": [], "b": []}, (one, other)
    same = [case("a", segment(1, "Kidney (L)", LEFT)), case("b", segment(2, "left kidney", LEFT))]
    assert kinds(inconsistencies(same)) == {"a": ["name"], "b": ["name"]}


def test_another_spelling_and_another_code_of_one_value_are_told_of_the_odd_one() -> None:
    liver = [case(name, segment(1, "Liver", LEFT, key="code:1")) for name in "ab"]
    found = inconsistencies([*liver, case("c", segment(1, "Leber", LEFT, key="code:1"))])
    assert kinds(found) == {"a": [], "b": [], "c": ["name"]} and "called `Liver`" in found["c"][0].text
    found = inconsistencies([*liver, case("c", segment(1, "Liver", LEFT, key="code:2"))])
    assert kinds(found) == {"a": [], "b": [], "c": ["code"]}


def test_a_colour_that_most_cases_do_not_have_is_told_of_the_odd_one_and_no_colour_is_none() -> None:
    red, nearly_red, blue = (0.9, 0.2, 0.1), (0.9004, 0.2, 0.1), (0.1, 0.2, 0.9)
    liver = [replace(segment(3, "Liver", ABOVE), color=color) for color in (red, nearly_red, blue, None)]
    cases = [case(name, one) for name, one in zip("abcd", liver, strict=True)]
    found = inconsistencies(cases)
    assert kinds(found) == {"a": [], "b": [], "c": ["color"], "d": []}
    assert "another colour" in found["c"][0].text and found["c"][0].segments == ("Liver",)
