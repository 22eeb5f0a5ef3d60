"""Which of the steps that clean a result are done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

from ...errors import InputError
from .presets import PUBLISHED, Settings


@dataclass(frozen=True)
class Cleaning:
    """Steps after segmenting. Each is on where it did not hurt on the tune sets (training/README.md).

    Attributes:
        islands: Take loose islands of thick structures away that are smaller than any that a case has.
        holes: Fill holes in slices that are smaller than any that a case has.
        smooth: Smooth outlines of thick structures within the slices, at the resolution of the image.
    """

    islands: bool = True
    holes: bool = True
    smooth: bool = True

    @classmethod
    def of(cls, steps: Sequence[str] | None, option: str = "clean") -> Cleaning:
        """These steps and no others; the usual ones where none are named at all (None).

        Args:
            steps: Names of the attributes.
            option: What the user knows them as.

        Raises:
            InputError: There is no such step.
        """
        if steps is None:
            return cls()
        known = [field.name for field in fields(cls)]
        unknown = [step for step in steps if step not in known]
        if unknown:
            raise InputError(option, f"there is no step '{unknown[0]}'", f"Choose among {', '.join(known)}; or none.")
        return cls(**{step: step in steps for step in known})

    def as_report(self) -> dict[str, bool]:
        """For the report."""
        return asdict(self)


NO_CLEANING = Cleaning(islands=False, holes=False, smooth=False)


def cleaning_of(settings: Settings, chosen: Cleaning) -> Cleaning:
    """What is done in a run: what the caller chose, and nothing where a published method is run as published."""
    return NO_CLEANING if settings.preset in PUBLISHED else chosen
