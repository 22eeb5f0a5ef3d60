"""Named sets of choices. Every effective value goes into the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ...errors import InputError


@dataclass(frozen=True)
class Settings:
    """How a volume is segmented.

    Attributes:
        preset: The name under which this set of choices is known.
        supports: k, support slices a query slice attends to.
        share_per_case: Largest part of k from one case, where others have slices to offer.
        supports_hold_segment: Take supports among slices that hold the segment, as long as there are any; slices
            without it have their say in the vote on presence.
        position_weight: Part of the similarity that is nearness along the stack, the rest is the embedding's.
        propagated_memories: Slices just segmented that a slice attends to, at most; 0 for none.
        gate: Predicted IoU from which on a predicted slice may become a memory.
        remember_absence: Whether a slice without the segment becomes a memory too, as in SAM 2.
        voters: Nearest annotated slices that vote on whether a segment is present; 0 takes the k supports.
        score_weight: Part of SAM 2's object score in the probability of presence; the rest is the vote's.
        presence_threshold: Probability from which on a segment is present.
        aligned_cases: The cases that retrieval names most often are aligned to the target, at most this many; only
            their slices are supports then. 0 for no alignment: then all cases, centre on centre.
        deformable: Whether the aligned cases are bent to the target (deformable registration), for the segments of
            which that makes them agree (`spatial_prior.deformed_cases`); the others are each registered on their own.
        corrective_learning: What the bent cases' masks get wrong is learned from the cases, and their mean masks are
            corrected by it (`spatial_prior.corrective_learning`).
        place_weight: Weight of the aligned cases' masks in the logits: the log odds of their mean (weighted by how
            well they are aligned, held between 0.05 and 0.95) are added this many times where the cases agree
            fully, and less by as much as they do not foretell each other (`PlaceMaps.reliability`). Where the network
            sees next to nothing, they tell how much there is (`propagation.place_prior`).
        place_memory: Let a slice attend to that mean mask as well, as a memory of itself.
        view_margin: Side of a view, as a multiple of the extent of what the aligned cases have there: pixels go where
            the structures are. 0 shows the whole slice.
        turned_starts: Stacks of few slices are tried in several turns within the slices, and a glance at some slices
            chooses (`steps.turn`).
        finding_passes: Where the cases could not be aligned by their images, align them by what was found, and
            segment again, this many times.
        checks: Look twice, with half of the supports each time, at three slices of every segment: how alike the two
            are tells how sure the result is.
        whole_blocks: Part of the 2 x 2 blocks of tokens that stay whole in every memory; the tokens of the others,
            which are alike, are attended to as one. 1 attends to all.
        pointer_distance: Slices that the object pointer of the support of rank 0 is said to lie back; one more a
            rank. The published methods leave the temporal encoding of retrieved supports open: this is our choice.
    """

    preset: str
    supports: int
    share_per_case: float = 0.5
    supports_hold_segment: bool = True
    position_weight: float = 0.9
    propagated_memories: int = 6
    gate: float = 0.75
    remember_absence: bool = False
    voters: int = 9
    score_weight: float = 0.3
    presence_threshold: float = 0.5
    aligned_cases: int = 8
    deformable: bool = True
    corrective_learning: bool = True
    place_weight: float = 5.0
    place_memory: bool = False
    view_margin: float = 1.6
    turned_starts: bool = True
    finding_passes: int = 2
    checks: bool = True
    whole_blocks: float = 1.0
    pointer_distance: int = 1

    def as_report(self) -> dict[str, object]:
        """All effective values, for the report."""
        return asdict(self)

    def changed(self, values: Mapping[str, Any]) -> Settings:
        """These with other values, by name of the field."""
        return replace(self, **values)


FATE_SAM = "fate-sam"
ZHAO_2024 = "zhao-2024"
PUBLISHED = (FATE_SAM, ZHAO_2024)
"""As their papers have them."""

PRESETS = {
    "default": Settings("default", supports=8, whole_blocks=0.25),
    "fast": Settings("fast", supports=4, whole_blocks=0.25),
    "accurate": Settings("accurate", supports=16),
    FATE_SAM: Settings(
        FATE_SAM,
        supports=3,
        share_per_case=1.0,
        supports_hold_segment=False,
        position_weight=0.0,
        gate=0.0,
        voters=0,
        score_weight=1.0,
        aligned_cases=0,
        turned_starts=False,
        finding_passes=0,
        checks=False,
        corrective_learning=False,
        place_weight=0.0,
        view_margin=0.0,
    ),
    ZHAO_2024: Settings(
        ZHAO_2024,
        supports=16,
        share_per_case=1.0,
        supports_hold_segment=False,
        position_weight=0.0,
        propagated_memories=0,
        gate=0.0,
        voters=0,
        score_weight=1.0,
        aligned_cases=0,
        turned_starts=False,
        finding_passes=0,
        checks=False,
        corrective_learning=False,
        place_weight=0.0,
        view_margin=0.0,
    ),
}


def preset(name: str, supports: int | None = None) -> Settings:
    """The settings of a preset, with k replaced where it is given.

    Raises:
        InputError: If there is no such preset or k is below 1.
    """
    if name not in PRESETS:
        raise InputError(f"preset '{name}'", "there is none of this name", f"Use one of {', '.join(PRESETS)}.")
    settings = PRESETS[name]
    if supports is None:
        return settings
    if supports < 1:
        raise InputError("--supports", f"{supports} support slices are too few", "Give 1 or more.")
    return replace(settings, supports=supports)
