"""Licences that have to be read and accepted before the first use of weights, and what was accepted on this computer.

What was accepted is kept in the folder of weights, `accepted-licences.json`: an object by name of the weights, with
`licence`, `version` and `accepted_on` (a date). Nothing says who accepted it: the folder belongs to one user.
"""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass

import msgspec

from RetrievalSAMLib.errors import ModelError
from RetrievalSAMLib.json_files import JsonError, read_json
from RetrievalSAMLib.models import store
from RetrievalSAMLib.models.catalogue import SAM3

FILE = "accepted-licences.json"


@dataclass(frozen=True)
class Licence:
    """A licence that is no common one.

    Attributes:
        weights: Name of the weights that it is for.
        name: As its authors call it.
        version: The date that stands in its text, ISO 8601. What was accepted of another version does not count.
        link: Where its text stands.
        facts: What it says, shortened, in clauses without a full stop.
    """

    weights: str
    name: str
    version: str
    link: str
    facts: tuple[str, ...]

    def in_words(self) -> str:
        """What a person is shown before the first use, in lines."""
        return "\n".join(
            [
                f"{self.weights} stands under the {self.name}, in the version of {self.version}: {self.link}",
                *(f"  - {fact}" for fact in self.facts),
                "This is a summary; what counts is the text behind the link.",
            ]
        )


LICENCES = {
    SAM3: Licence(
        weights=SAM3,
        name="SAM License of Meta",
        version="2025-11-19",
        link="https://github.com/facebookresearch/sam3/blob/main/LICENSE",
        facts=(
            "use, copies, changes and passing on are granted without a fee; the grant is not exclusive, and you cannot "
            "hand it to others",
            "whoever passes on the weights, or what was made from them, does so under this licence and with a copy of "
            "it",
            "whoever publishes research with them says in the publication that they were used",
            "not for military purposes or warfare, nuclear industries, espionage, guns or illegal weapons, nor for "
            "what ITAR covers; sanctions and export controls have to be kept, and so have laws on privacy",
            "no reverse engineering",
            "without any warranty or liability; it ends for who breaks it, and for who sues over intellectual property "
            "in it; Californian law holds; Meta may change it, and who goes on using the weights agrees",
        ),
    )
}
"""By name of the weights."""


class Acceptance(msgspec.Struct, frozen=True):
    """What was accepted, and on which day (ISO 8601)."""

    licence: str
    version: str
    accepted_on: str


def acceptance_of(weights: str) -> Acceptance | None:
    """What was accepted here for these weights; None where the licence, or this version of it, was not.

    Raises:
        ModelError: What was kept cannot be read.
    """
    kept = _read().get(weights)
    licence = LICENCES[weights]
    return kept if kept is not None and (kept.licence, kept.version) == (licence.name, licence.version) else None


def accept(weights: str) -> Acceptance:
    """Keeps that somebody has read the licence of these weights and accepts it.

    Raises:
        ModelError: The folder of weights cannot be written to, or what was kept there cannot be read.
    """
    licence = LICENCES[weights]
    accepted = Acceptance(licence.name, licence.version, datetime.date.today().isoformat())
    content = msgspec.json.format(msgspec.json.encode(_read() | {weights: accepted}), indent=1) + b"\n"
    path = store.make_folder() / FILE
    staged = path.with_name(f"{FILE}.{os.getpid()}.staged")
    try:
        try:
            staged.write_bytes(content)
            os.replace(staged, path)
        finally:
            staged.unlink(missing_ok=True)
    except OSError as error:
        fact = f"it cannot be written ({error.strerror or type(error).__name__})"
        remedy = f"Check the rights of the folder, or set {store.FOLDER_VARIABLE} to one that you may write to."
        raise ModelError(str(path), fact, remedy) from error
    return accepted


def require_accepted(weights: str) -> None:
    """Refuses weights whose licence was not accepted here; others pass.

    Raises:
        ModelError: It was not.
    """
    licence = LICENCES.get(weights)
    if licence is not None and acceptance_of(weights) is None:
        raise ModelError(
            weights,
            f"its licence was not accepted on this computer ({licence.name}, version of {licence.version})",
            f"Read {licence.link}, then give --accept-licence {weights} once.",
        )


def _read() -> dict[str, Acceptance]:
    path = store.models_folder() / FILE
    try:
        return read_json(path, dict[str, Acceptance])
    except FileNotFoundError:
        return {}
    except (OSError, JsonError) as error:
        fact = f"what was accepted cannot be read ({error.strerror if isinstance(error, OSError) else error})"
        raise ModelError(str(path), fact, "Delete this file, then accept the licence again.") from error
