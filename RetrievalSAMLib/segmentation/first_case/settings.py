"""How drawn slices are carried through a volume."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from ..settings.presets import Settings, preset

NAME = "first-case"
"""The preset's name in the report."""


@dataclass(frozen=True)
class FillSettings:
    """Choices of a first case; measured by `training.first_case` on tune volumes.

    Attributes:
        supports: Drawn slices that a slice attends to, the nearest ones.
        view_margin: Side of a view, as a multiple of the extent of what was drawn there: a structure may be larger
            in slices that nobody drew.
        place_weight: Weight of what the outlines of drawn slices, and of the slice before, say of a pixel.
        unsure_mm: How far from such an outline its say is sure, for every mm between the slices.
        appearance_weight: Weight of what the intensities inside and outside of the drawn outlines say of a pixel.
        score_weight: Part of SAM 2's object score in the probability of presence.
        gate: Predicted IoU from which on a predicted slice may become a memory.
        patience: Slices in a row without the structure, after which it is taken to have ended.
    """

    supports: int = 3
    view_margin: float = 2.0
    place_weight: float = 2.0
    unsure_mm: float = 0.5
    appearance_weight: float = 0.5
    score_weight: float = 0.3
    gate: float = 0.5
    patience: int = 2

    @property
    def of_propagation(self) -> Settings:
        """The same as settings of a run, whose other choices are those of the preset `default`."""
        return replace(
            preset("default"),
            preset=NAME,
            supports=self.supports,
            place_weight=self.place_weight,
            view_margin=self.view_margin,
            score_weight=self.score_weight,
            gate=self.gate,
            checks=False,
            turned_starts=False,
            finding_passes=0,
            aligned_cases=0,
        )

    def as_report(self) -> dict[str, object]:
        """All effective values, for the report."""
        return asdict(self)
