"""Libraries as MONAI Label's models: each as one that segments, and as one that takes points and boxes too."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from ..messages import Library
from ..problems import Problem
from ..work.libraries import LibraryFolder

INTERACTIVE = "-points"
"""What the name of a library's interactive model ends with."""
_PRESETS = ["default", "fast", "accurate"]


@dataclass(frozen=True)
class Model:
    """A library in one of its two ways.

    Attributes:
        library: Its name.
        path: Its folder.
        takes_points: Whether a person's points and boxes are asked for.
    """

    library: str
    path: Path
    takes_points: bool


def find_model(libraries: LibraryFolder, name: str) -> Model:
    """The model of a name as it stands in an address.

    MONAI Label's clients write blanks as `+` there, which means `+` in that part of an address; both are looked for.

    Raises:
        Problem: There is none.
    """
    for written in dict.fromkeys((name, unquote_plus(name))):
        for library, takes_points in ((written, False), (written.removesuffix(INTERACTIVE), True)):
            path = libraries.find(library)
            if path is not None:
                return Model(library, path, takes_points)
    raise Problem(404, "missing", "model", "the server has none of this name", "Choose one of GET /info/.")


def described_models(libraries: list[Library]) -> dict[str, dict[str, Any]]:
    """What GET /info/ says of the models."""
    models: dict[str, dict[str, Any]] = {}
    for library in libraries:
        labels = {segment.name: segment.value for segment in library.segments}
        shared = {"labels": labels, "dimension": 3, "config": {"preset": _PRESETS}}
        words = f"By the example of the {library.cases} cases of the library {library.name}"
        models[library.name] = {"type": "segmentation", "description": f"{words}.", **shared}
        models.setdefault(
            f"{library.name}{INTERACTIVE}",
            {"type": "deepedit", "description": f"{words}, with your points and boxes.", **shared},
        )
    return models
