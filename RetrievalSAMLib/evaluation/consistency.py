"""Cases that name, place or size their segments unlike the others. Needs no network."""

from __future__ import annotations

import difflib
import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from ..library.names import same_name_key
from ..volumes.display.units import volume_text
from .drawn import DrawnCase, DrawnSegment
from .flags import Flag, listed

_SIMILAR = 0.8
"""Names that have this part in common (difflib's ratio) may mean one structure."""

_SIDES = {"l": "left", "lt": "left", "links": "left", "r": "right", "rt": "right", "rechts": "right"}
_TELLS_APART = re.compile(
    r"left|right|anterior|posterior|ant|post|upper|lower|middle|superior|inferior|medial|lateral|proximal|distal|"
    r"dorsal|ventral|inner|outer|[0-9]+|[ivx]+|[a-h]"
)
"""Words by which structures of one name differ."""

_ALIKE, _REVERSED, _AGREEING = 0.7, -0.3, 0.75
"""Cosines between the ways from one segment to another in two cases; part of the cases that must agree on it."""

_NEARLY_ALL = 0.8
"""Part of the other cases that must agree for one to be the odd one."""

_FAR_OFF = 2.5
"""A volume is far off where it is this many times the others' median, or as many times less,"""

_SPREADS = 4.0
"""and this many robust standard deviations (of the logarithm) away from it."""


def inconsistencies(cases: Sequence[DrawnCase]) -> dict[str, list[Flag]]:
    """By name of the case, what does not go together with the other cases.

    Args:
        cases: All cases of a library, as drawn.
    """
    flags: dict[str, list[Flag]] = {case.name: [] for case in cases}
    for case in cases:
        others = [other for other in cases if other is not case]
        flags[case.name] += [*_empty(case, others), *_missing(case, others), *_reversed(case, others)]
        flags[case.name] += _far_off(case, others)
    for name, flag in [*_similar_names(cases), *_names_of_one_value(cases)]:
        flags[name].append(flag)
    return flags


def _empty(case: DrawnCase, others: Sequence[DrawnCase]) -> list[Flag]:
    found = []
    for segment in case.segments.values():
        having = [other.segments[segment.value] for other in others if segment.value in other.segments]
        drawn = sum(bool(one.voxels) for one in having)
        if not segment.voxels and len(having) >= 2 and drawn >= _NEARLY_ALL * len(having):
            text = f"`{segment.name}` is empty here, and drawn in {drawn} of {len(having)} other cases that have it"
            found.append(Flag("empty", text, (segment.name,)))
    return found


def _missing(case: DrawnCase, others: Sequence[DrawnCase]) -> list[Flag]:
    if len(others) < 2:
        return []
    having = Counter(value for other in others for value in other.segments)
    usual = [v for v, count in having.items() if count >= _NEARLY_ALL * len(others) and v not in case.segments]
    names = [next(o.segments[v].name for o in others if v in o.segments) for v in sorted(usual)]
    text = "nearly all" if any(having[v] < len(others) for v in usual) else "all"
    if not names:
        return []
    return [Flag("missing", f"{text} other cases have {listed(names)}, this one has not", tuple(names))]


def _far_off(case: DrawnCase, others: Sequence[DrawnCase]) -> list[Flag]:
    found = []
    for segment in case.segments.values():
        volumes = [
            one.volume_mm3
            for other in others
            if (one := other.segments.get(segment.value)) is not None and one.complete and one.voxels
        ]
        if not (segment.complete and segment.voxels) or len(volumes) < 2:
            continue
        logs = np.log(volumes)
        middle = float(np.median(logs))
        spread = 1.4826 * float(np.median(np.abs(logs - middle)))
        away = float(np.log(segment.volume_mm3)) - middle
        if abs(away) > max(np.log(_FAR_OFF), _SPREADS * spread):
            text = (
                f"`{segment.name}` has {volume_text(segment.volume_mm3)} here, "
                f"in the other cases {volume_text(float(np.exp(middle)))} (median)"
            )
            found.append(Flag("volume", text, (segment.name,)))
    return found


def _reversed(case: DrawnCase, others: Sequence[DrawnCase]) -> list[Flag]:
    """Pairs of segments that lie the other way round: swapped labels, or a mirrored volume."""
    expected = {}
    for pair in itertools.combinations(sorted(case.segments), 2):
        way = _expected_way([way for other in others if (way := _way(other.segments, pair)) is not None])
        if way is not None:
            expected[pair] = way
    wrong = _wrong_pairs(case.segments, expected)
    flags = []
    segments = dict(case.segments)
    while wrong:
        # A swapped pair lies wrongly to other segments too: told is the swap that mends most.
        pair = min(wrong, key=lambda one: (len(_wrong_pairs(_with_swapped(segments, one), expected)), one))
        mended = _with_swapped(segments, pair)
        left = _wrong_pairs(mended, expected)
        if len(left) >= len(wrong):
            break
        names = (case.segments[pair[0]].name, case.segments[pair[1]].name)
        doubt = "; with two cases it cannot be told which is right" if len(others) == 1 else ""
        text = f"{listed(names)} lie the other way round than in the other cases: are they swapped?{doubt}"
        flags.append(Flag("swapped", text, names))
        segments, wrong = mended, left
    return flags


def _way(segments: Mapping[int, DrawnSegment], pair: tuple[int, int]) -> np.ndarray | None:
    """From the middle of one segment to that of another in mm; None where it cannot be told."""
    first, second = segments.get(pair[0]), segments.get(pair[1])
    if first is None or second is None or first.centre_mm is None or second.centre_mm is None:
        return None
    if first.annotated != second.annotated:  # other slices: what is drawn lies elsewhere for that reason alone
        return None
    return np.array(second.centre_mm) - np.array(first.centre_mm)


def _expected_way(ways: Sequence[np.ndarray]) -> np.ndarray | None:
    """The median way, where the cases agree on one."""
    if not ways:
        return None
    middle: np.ndarray = np.median(ways, axis=0)
    agreeing = np.mean([_cosine(way, middle) > _ALIKE for way in ways])
    return middle if agreeing >= _AGREEING else None


def _wrong_pairs(
    segments: Mapping[int, DrawnSegment], expected: Mapping[tuple[int, int], np.ndarray]
) -> list[tuple[int, int]]:
    wrong = []
    for pair, way in expected.items():
        own = _way(segments, pair)
        # A short way says little: segments inside each other have their middles in nearly one place.
        if own is None or np.linalg.norm(own) < 0.3 * np.linalg.norm(way):
            continue
        if _cosine(own, way) < _REVERSED:
            wrong.append(pair)
    return wrong


def _with_swapped(segments: Mapping[int, DrawnSegment], pair: tuple[int, int]) -> dict[int, DrawnSegment]:
    return {**segments, pair[0]: segments[pair[1]], pair[1]: segments[pair[0]]}


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    length = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / length if length > 1e-9 else 0.0


def _similar_names(cases: Sequence[DrawnCase]) -> list[tuple[str, Flag]]:
    """Similar names of different values that no case has both of."""
    uses: dict[str, Counter[int]] = {}
    by_value: dict[int, list[str]] = {}
    for case in cases:
        for segment in case.segments.values():
            uses.setdefault(segment.name, Counter())[segment.value] += 1
            by_value.setdefault(segment.value, []).append(case.name)
    found = []
    for one, other in itertools.combinations(sorted(uses), 2):
        values = (next(iter(uses[one])), next(iter(uses[other])))
        if values[0] == values[1] or not _may_be_one(one, other):
            continue
        if any(values[0] in case.segments and values[1] in case.segments for case in cases):
            continue
        counts = [len(by_value[value]) for value in values]
        rarer = {values[n] for n in (0, 1) if counts[n] == min(counts)}
        for value in sorted(rarer):
            name, alternative = (one, other) if value == values[0] else (other, one)
            text = f"`{name}` may be what other cases call `{alternative}`: no case has both"
            found += [(user, Flag("name", text, (name,))) for user in by_value[value]]
    return found


def _names_of_one_value(cases: Sequence[DrawnCase]) -> list[tuple[str, Flag]]:
    """One segment that cases spell, code or colour differently."""
    by_value: dict[int, list[tuple[str, DrawnSegment]]] = {}
    for case in cases:
        for segment in case.segments.values():
            by_value.setdefault(segment.value, []).append((case.name, segment))
    found = []
    for uses in by_value.values():
        names = Counter(same_name_key(segment.name) for _, segment in uses)
        codes = Counter(segment.key for _, segment in uses if segment.key.startswith("code:"))
        colors = Counter(color for _, segment in uses if (color := _color(segment)) is not None)
        usual = next(s.name for _, s in uses if same_name_key(s.name) == names.most_common(1)[0][0])
        for user, segment in uses:
            if names[same_name_key(segment.name)] < max(names.values()):
                text = f"`{segment.name}` is called `{usual}` in most other cases"
                found.append((user, Flag("name", text, (segment.name,))))
            if segment.key in codes and codes[segment.key] < max(codes.values()):
                text = f"`{segment.name}` has another terminology code than in most other cases"
                found.append((user, Flag("code", text, (segment.name,))))
            color = _color(segment)
            if color is not None and colors[color] < max(colors.values()):
                text = f"`{segment.name}` has another colour than in most other cases"
                found.append((user, Flag("color", text, (segment.name,))))
    return found


def _color(segment: DrawnSegment) -> tuple[int, ...] | None:
    """Bytes of the colour: files keep it with more or fewer digits."""
    return None if segment.color is None else tuple(round(255 * part) for part in segment.color)


def _may_be_one(one: str, other: str) -> bool:
    words = [_words(name) for name in (one, other)]
    apart = [sorted(word for word in own if _TELLS_APART.fullmatch(word)) for own in words]
    if apart[0] != apart[1]:
        return False
    shorter, longer = sorted((set(own) for own in words), key=len)
    if shorter and shorter <= longer:
        return True
    return difflib.SequenceMatcher(None, " ".join(words[0]), " ".join(words[1])).ratio() >= _SIMILAR


def _words(name: str) -> list[str]:
    """Sorted, in lower case, with one word for each side."""
    return sorted(_SIDES.get(word, word) for word in re.sub(r"[\W_]+", " ", same_name_key(name)).split())
