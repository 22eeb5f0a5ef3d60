"""Which settings are tuned, and the values that are tried.

They are those that were chosen on masks of the bundled model and that another model, or another encoder, may well want
otherwise. All others are choices of speed, or of what a structure is.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..segmentation.settings.presets import Settings


@dataclass(frozen=True)
class Choice:
    """A setting and what is tried for it, beside its preset's value.

    Attributes:
        name: Of a field of `Settings`.
        values: Few and far apart: what lies between two of them, no library of some cases could tell apart.
        least: That is ever believed of a file.
        most: Likewise.
    """

    name: str
    values: tuple[float, ...]
    least: float
    most: float

    def tried(self, settings: Settings) -> list[Settings]:
        """The settings with each of the values that they do not have."""
        has = getattr(settings, self.name)
        return [settings.changed({self.name: value}) for value in self.values if value != has]


CHOICES = (
    # How much where the aligned cases have a segment counts against what the network sees: the less the network knows
    # of such images, the more. Preset: 5.
    Choice("place_weight", (0.0, 1.25, 2.5, 10.0), 0.0, 20.0),
    # The network's own estimate from which on a slice may be a memory for the next: each network estimates on a scale
    # of its own. Preset: 0.75.
    Choice("gate", (0.0, 0.5, 0.9), 0.0, 1.0),
    # How much of the likeness of two slices is their place, not their embedding: that depends on the encoder. Preset:
    # 0.9.
    Choice("position_weight", (0.5, 1.0), 0.0, 1.0),
    # How much the network's object score says of whether a segment is in a slice, against the vote of retrieved slices.
    # Preset: 0.3.
    Choice("score_weight", (0.0, 0.6), 0.0, 1.0),
)
"""In the order in which they are tried: where time runs out, what matters least is left."""

BY_NAME = {choice.name: choice for choice in CHOICES}
TRIED = sum(len(choice.values) for choice in CHOICES)
"""Changes that are tried, all together."""
