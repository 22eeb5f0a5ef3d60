from __future__ import annotations

import numpy as np
import pytest
from learning_cases import unseen

from RetrievalSAMLib.learning.network.build import HINTED, IMAGE
from RetrievalSAMLib.learning.proof import weights
from RetrievalSAMLib.learning.proof.folds import FoldCase, folds_of, patient_stem, patients
from RetrievalSAMLib.learning.proof.weights import Trust, mean_dice, prove, unproven

NONE: frozenset[int] = frozenset()


def test_a_better_expert_is_believed_and_a_worse_one_is_not() -> None:
    better = prove([unseen(0.6, 0.95, seed) for seed in range(4)], (("A", 1),), NONE)[0]
    worse = prove([unseen(0.95, 0.6, seed) for seed in range(4)], (("A", 1),), NONE)[0]
    assert better.weight > 0
    assert better.fused > better.run + 0.1
    assert worse.weight == 0
    assert worse.fused == worse.run


def test_an_expert_that_helps_in_one_case_of_four_is_not_believed() -> None:
    cases = [unseen(0.8, 0.99, 0), *(unseen(0.8, 0.75, seed) for seed in (1, 2, 3))]
    assert prove(cases, (("A", 1),), NONE)[0].weight == 0


def test_a_gain_that_one_of_four_cases_does_not_share_is_no_proof() -> None:
    tables = {Trust(): {1: [0.5, 0.5, 0.5, 0.5]}, Trust(0.5): {1: [0.56, 0.55, 0.54, 0.47]}}
    gain = np.array(tables[Trust(0.5)][1]) - 0.5
    assert gain.mean() - gain.std(ddof=1) / 2 > 0  # more than one standard error
    assert weights._best(1, tables) == Trust()
    tables[Trust(0.5)][1][3] = 0.53
    assert weights._best(1, tables) == Trust(0.5)


@pytest.mark.parametrize("good", [IMAGE, HINTED])
def test_the_kind_of_networks_that_helps_is_the_one_that_is_believed(good: str) -> None:
    cases = []
    for seed in range(4):
        better, worse = unseen(0.7, 0.97, seed), unseen(0.7, 0.3, seed)
        said = {kind: (better if kind == good else worse).expert[kind] for kind in (IMAGE, HINTED)}
        cases.append(type(better)(better.run, said, better.truth, better.known, better.missed))
    proof = prove(cases, (("A", 1),), NONE)[0]
    assert proof.weight > 0
    assert proof.hinted_weight == (proof.weight if good == HINTED else 0)
    assert proof.fused > proof.run + 0.1


def test_segments_have_weights_of_their_own() -> None:
    cases = []
    for seed in range(4):
        good, bad = unseen(0.6, 0.95, seed, (1, 2)), unseen(0.95, 0.5, seed, (1, 2))
        cases.append(
            type(good)(
                {1: good.run[1], 2: bad.run[2]},
                dict.fromkeys((IMAGE, HINTED), {1: good.expert[IMAGE][1], 2: bad.expert[IMAGE][2]}),
                good.truth,
                good.known,
                good.missed,
            )
        )
    first, second = prove(cases, (("A", 1), ("B", 2)), NONE)
    assert first.weight > 0
    assert second.weight == 0
    assert second.fused >= second.run - 0.002


def test_a_segment_that_takes_voxels_of_another_gives_them_back() -> None:
    # The expert sees all of B as A, and A a little better than the run: together A would eat B.
    cases = []
    for seed in range(4):
        one = unseen(0.9, 1.0, seed, (1, 2))
        eater = np.where(one.truth[1] | one.truth[2], 255, 0).astype(np.uint8)
        nothing = np.zeros_like(eater)
        expert = dict.fromkeys((IMAGE, HINTED), {1: eater, 2: nothing})
        cases.append(type(one)(one.run, expert, one.truth, one.known, one.missed))
    for proof in prove(cases, (("A", 1), ("B", 2)), NONE):
        assert proof.fused >= proof.run - 0.002


def test_what_is_beyond_the_experts_view_counts_as_missed() -> None:
    case = unseen(1.0, 1.0, 0)
    voxels = int(case.truth[1].sum())
    half = [type(case)(case.run, case.expert, case.truth, case.known, {1: voxels})] * 3
    assert prove(half, (("A", 1),), NONE)[0].run == pytest.approx(2 / 3, abs=1e-3)


def test_a_segment_that_no_case_could_try_is_left_to_the_run() -> None:
    proofs = prove([unseen(0.6, 0.9, seed) for seed in range(4)], (("A", 1), ("Unknown", 7)), NONE)
    assert (proofs[1].weight, proofs[1].cases, proofs[1].run) == (0.0, 0, None)


def test_with_too_few_cases_nothing_is_claimed() -> None:
    proof = unproven((("A", 1),))[0]
    assert 0 < proof.weight < 1
    assert (proof.cases, proof.run, proof.fused) == (0, None, None)
    assert mean_dice([proof]) is None


@pytest.mark.parametrize(
    ("name", "stem"),
    [("patient12_ED", "patient12"), ("SC-HF-I-1_ES", "sc-hf-i-1"), ("case-001", None), ("hippocampus_014", None)],
)
def test_a_patients_cases_are_told_by_their_names(name: str, stem: str | None) -> None:
    assert patient_stem(name) == stem


def test_a_patients_cases_lie_in_one_fold() -> None:
    names = ["p1_ED", "p1_ES", "p2_ED", "p2_ES", "p3_ED", "other"]
    cases = [FoldCase(f"image-{name}", name) for name in names]
    found = patients(cases, [("image-p3_ED", "image-other")])
    folds = folds_of(found, 3)
    assert folds["image-p1_ED"] == folds["image-p1_ES"]
    assert folds["image-p2_ED"] == folds["image-p2_ES"]
    assert folds["image-p3_ED"] == folds["image-other"]
    assert sorted(set(folds.values())) == [0, 1, 2]


def test_a_case_stays_in_its_fold_when_others_come() -> None:
    before = folds_of({key: key for key in "abcd"}, 4)
    after = folds_of({key: key for key in "abcdefgh"}, 4, before)
    assert {key: after[key] for key in "abcd"} == before
    assert sorted(after.values()) == [0, 0, 1, 1, 2, 2, 3, 3]
