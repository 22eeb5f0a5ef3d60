"""Notes for whoever adds a case that the library seems to have already."""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import RetrievalSAMError
from ..library.case import Case
from ..library.store import SupportLibrary
from ..progress import Progress, silent

if TYPE_CHECKING:
    from .embedding import SliceEmbedder

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Note:
    """What to tell of a case that was added.

    Attributes:
        case: Name of the case that shows the same; None where the comparison failed.
        text: For the user.
    """

    case: str | None
    text: str


def notes_on(library: SupportLibrary, added: Case, progress: Progress = silent) -> list[Note]:
    """Which other cases of a library show the same study as one that was added.

    The case is in the library, so whatever goes wrong here is a note too: no error that would deny it.

    Args:
        library: Where the case is.
        added: The case.
        progress: Told how many cases are compared; what it raises ends the comparison.
    """
    try:
        others = [case for case in library.cases() if case.id != added.id]
        if not others:
            return []
        from .duplicates import like_cases

        found = like_cases(added, others, library.cache_dir, _embedder, progress)
    except (RetrievalSAMError, ImportError, OSError, RuntimeError, MemoryError) as error:
        _LOG.warning("a case was not compared with the others (%s)", type(error).__name__)
        return [Note(None, f"`{added.name}` was added, but could not be compared with the other cases ({error})")]
    return [Note(one.case, one.text) for one in found]


@functools.lru_cache(maxsize=1)
def _embedder() -> SliceEmbedder:
    """The bundled encoder, always there; loaded once, as many cases may be added one after the other."""
    from ..models.build import build_encoder
    from ..models.catalogue import BUNDLED
    from ..models.device import share_processors
    from .embedding import SliceEmbedder

    share_processors()
    return SliceEmbedder(build_encoder(BUNDLED))
