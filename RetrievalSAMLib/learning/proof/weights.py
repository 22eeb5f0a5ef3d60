"""How far an expert is believed, by segment: fitted on cases that it has not seen, and 0 where it does not help.

The probability of a segment is (1 - w) times the run's plus w times the expert's, which is that of networks that see
the image alone, of networks that see hints too, or the mean of both. A weight is chosen by the mean gain in Dice over
unseen cases at the lower end of its one-sided 90 % interval (Student's t), so that a gain of few cases has to be a gain
in nearly all of them; no weight at all gains nothing and costs nothing. An unseen case is tried with the one member
that has not seen it, a new volume is looked at by all of them: what their mean is known to be better by
(`_MEAN_OF_MEMBERS`) is added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import numpy as np
from scipy import stats

from ..network.build import HINTED, IMAGE

Said = Mapping[str, Mapping[int, np.ndarray]]
"""What an expert says: by kind of its networks, by value of a segment, uint8 (n, h, w) in 1/255."""

_WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
_PRIOR_WEIGHT = 0.5
"""With fewer cases than a proof needs; chosen on tune sets (training/README.md)."""

_MEAN_OF_MEMBERS = 0.0015
"""Dice that the mean of members has more than one of them, from a weight of 1/2 on: the least that was measured.

Eight tune hippocampi. Two members that see the image alone: 0.0015 and 0.0018 at a weight of 1/2, 0.0055 and 0.0067 at
3/4; four that see hints too: 0.0076 and 0.0067 at 1/2, 0.012 and 0.014 at 3/4.
"""

_ENOUGH_OF_THEM = 0.5
"""Weight from which on that was measured; at 1/4 it was nothing."""

PROVABLE_CASES = 3
_SURE = 0.9
"""One-sided confidence of a gain. With one standard error instead (81 % at four cases), gains of 0.02 to 0.05 on four
hearts did not carry over to others; on tune hippocampi both choose the same weights."""

_HARM = 0.002
"""Mean Dice that a segment may lose in the joint result: less than anybody would see."""


class Trust(NamedTuple):
    """Parts of a segment's probability that are the expert's; the rest is the run's.

    Attributes:
        image: Of networks that see the image alone.
        hinted: Of those that see hints too.
    """

    image: float = 0.0
    hinted: float = 0.0

    @property
    def total(self) -> float:
        """All of the expert's part."""
        return self.image + self.hinted

    @property
    def by_kind(self) -> dict[str, float]:
        """Parts by kind of networks."""
        return {IMAGE: self.image, HINTED: self.hinted}

    @property
    def alone(self) -> Trust:
        """The same mixture of networks without the run; of both alike where neither is believed."""
        return Trust(self.image / self.total, self.hinted / self.total) if self.total else Trust(0.5, 0.5)


_NONE = Trust()
_TRUSTS = (_NONE, *(Trust(w * (1 - share), w * share) for w in _WEIGHTS[1:] for share in (0.0, 0.5, 1.0)))


@dataclass(frozen=True)
class UnseenCase:
    """A case, and what run and expert say of it that have both not seen it.

    Attributes:
        run: By value, uint8 (n, h, w): the run's probability in 1/255 where the expert looks.
        expert: By kind of networks and value, the expert's.
        truth: By value, bool (n, h, w).
        known: By value, bool (n, 1, 1) or (n, h, w): where the case says anything.
        missed: By value, voxels of the truth beyond where the expert looks.
    """

    run: Mapping[int, np.ndarray]
    expert: Said
    truth: Mapping[int, np.ndarray]
    known: Mapping[int, np.ndarray]
    missed: Mapping[int, int]


class SegmentProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What cross-validation says of a segment.

    Attributes:
        name: Of the segment.
        value: Of the segment.
        weight: How far the expert is believed.
        hinted_weight: Of this, the part of networks that see hints too.
        cases: On which it was tried; 0 for none: then the weight is a guess.
        run: Mean Dice of the run alone, None without a case.
        expert: Of the expert alone.
        fused: Of both with this weight.
    """

    name: str
    value: int
    weight: float
    hinted_weight: float
    cases: int
    run: float | None
    expert: float | None
    fused: float | None

    @property
    def trust(self) -> Trust:
        """Both weights."""
        return Trust(self.weight - self.hinted_weight, self.hinted_weight)


def prove(
    cases: Sequence[UnseenCase], segments: Sequence[tuple[str, int]], overlapping: frozenset[int]
) -> tuple[SegmentProof, ...]:
    """Fit the weights.

    Args:
        cases: Tried ones.
        segments: Names and values.
        overlapping: Values of segments that do not compete for a voxel.
    """
    values = [value for _, value in segments]
    tables = {trust: _dice_table(cases, dict.fromkeys(values, trust), overlapping) for trust in _TRUSTS}
    chosen = {value: _best(value, tables) for value in values}
    # Segments compete, so that the weight of one may cost another: then it is the run's again.
    for _ in range(len(values) + 1):
        joint = _dice_table(cases, chosen, overlapping)
        harmed = [v for v in values if _mean_gain(joint, tables[_NONE], v) + _of_all_members(chosen[v]) < -_HARM]
        if not harmed:
            break
        believed = [v for v in harmed if chosen[v].total] or [v for v in values if chosen[v].total]
        chosen |= dict.fromkeys(believed, _NONE)
    return with_trust(cases, segments, chosen, overlapping)


def with_trust(
    cases: Sequence[UnseenCase],
    segments: Sequence[tuple[str, int]],
    trust: Mapping[int, Trust],
    overlapping: frozenset[int],
) -> tuple[SegmentProof, ...]:
    """How good run, expert and both are with given weights, by value of a segment."""
    chosen = {value: trust.get(value, _NONE) for _, value in segments}
    run = _dice_table(cases, dict.fromkeys(chosen, _NONE), overlapping)
    expert = _dice_table(cases, {value: one.alone for value, one in chosen.items()}, overlapping)
    both = _dice_table(cases, chosen, overlapping)
    return tuple(
        SegmentProof(
            name,
            value,
            chosen[value].total,
            chosen[value].hinted,
            len(run[value]),
            _mean(run[value]),
            _mean(expert[value]),
            _mean(both[value]),
        )
        for name, value in segments
    )


def unproven(segments: Sequence[tuple[str, int]]) -> tuple[SegmentProof, ...]:
    """Weights where there are too few cases to prove anything: of networks that see hints too."""
    weight = _PRIOR_WEIGHT
    return tuple(SegmentProof(name, value, weight, weight, 0, None, None, None) for name, value in segments)


def fused(run: np.ndarray, said: Said, value: int, trust: Trust) -> np.ndarray:
    """The probability of a segment from run's and expert's, in 1/255.

    Args:
        run: Of any real dtype and shape.
        said: The expert's, of the same shape.
        value: Of the segment.
        trust: Parts of the expert.

    Returns:
        float32.
    """
    mixed: np.ndarray = np.float32(1 - trust.total) * run.astype(np.float32)
    for kind, weight in trust.by_kind.items():
        if weight:
            mixed = mixed + np.float32(weight) * said[kind][value].astype(np.float32)
    return mixed


def mean_dice(proofs: Sequence[SegmentProof]) -> tuple[float, float] | None:
    """Over the segments, of the run alone and of both; None without a proof."""
    both = [(p.run, p.fused) for p in proofs if p.run is not None and p.fused is not None]
    if not both:
        return None
    return float(np.mean([run for run, _ in both])), float(np.mean([together for _, together in both]))


def _dice_table(
    cases: Sequence[UnseenCase], trust: Mapping[int, Trust], overlapping: frozenset[int]
) -> dict[int, list[float]]:
    """By value, the Dice in every case that knows the segment, in the order of the cases; NaN where it does not."""
    table: dict[int, list[float]] = {value: [] for value in trust}
    for case in cases:
        values = [value for value in trust if value in case.run]
        probability = {value: fused(case.run[value], case.expert, value, trust[value]) for value in values}
        rivals = [value for value in values if value not in overlapping]
        # Of equally probable ones the lower value wins, as in a run.
        winner = np.argmax([probability[value] for value in sorted(rivals)], axis=0) if rivals else None
        for value in values:
            if value not in case.truth:
                continue
            found = probability[value] > 127.5
            if winner is not None and value not in overlapping:
                found &= winner == sorted(rivals).index(value)
            found &= case.known[value]
            truth = case.truth[value]
            total = int(found.sum()) + int(truth.sum()) + case.missed[value]
            table[value].append(2 * int((found & truth).sum()) / total if total else 1.0)
    return table


def _best(value: int, tables: Mapping[Trust, Mapping[int, list[float]]]) -> Trust:
    gains = {trust: np.array(table[value]) - np.array(tables[_NONE][value]) for trust, table in tables.items()}
    count = len(gains[_NONE])
    if count < PROVABLE_CASES:
        return _NONE

    errors = float(stats.t.ppf(_SURE, count - 1)) / np.sqrt(count)

    def worth(trust: Trust) -> float:
        gain = gains[trust]
        return float(gain.mean() - errors * gain.std(ddof=1)) + _of_all_members(trust)

    # Of equally good ones the smallest.
    return max(tables, key=lambda trust: (round(worth(trust), 6), -trust.total))


def _of_all_members(trust: Trust) -> float:
    return _MEAN_OF_MEMBERS if trust.total >= _ENOUGH_OF_THEM else 0.0


def _mean_gain(joint: Mapping[int, list[float]], alone: Mapping[int, list[float]], value: int) -> float:
    return float(np.mean(joint[value])) - float(np.mean(alone[value])) if joint[value] else 0.0


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None
