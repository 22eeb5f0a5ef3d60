"""What a library has found out about settings on its own cases, as a run is given it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from .confidence_curves import Calibration
from .presets import Settings


class TunedSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A setting that proved to be better with another value than its preset's.

    Attributes:
        value: That is used.
        usual: The preset's.
        gain: Mean Dice over unseen cases that the change brought.
        error: Standard error of that.
    """

    value: float
    usual: float
    gain: float
    error: float


def changes_in_words(settings: Mapping[str, TunedSetting], confidence: bool) -> str:
    """What was tuned, for a person; empty where the preset's values and the usual curves stay.

    Args:
        settings: By name.
        confidence: Whether it was fitted too.
    """
    told = [f"{name} {tuned.value:g} instead of {tuned.usual:g}" for name, tuned in settings.items()]
    return ", ".join([*told, *(["confidence fitted"] if confidence else [])])


@dataclass(frozen=True)
class Tuning:
    """What was tuned for one model and preset.

    Attributes:
        sha256: Of the library's file that it stands in.
        cases: On which it was tuned.
        patients: Whose these are.
        settings: By name of a field of `Settings`; those that are left out stay as the preset has them.
        calibration: Of confidence; None where the bundled model's was not bettered.
    """

    sha256: str
    cases: int
    patients: int
    settings: Mapping[str, TunedSetting]
    calibration: Calibration | None

    def applied(self, settings: Settings) -> Settings:
        """A preset with what was tuned."""
        return settings.changed({name: tuned.value for name, tuned in self.settings.items()})
