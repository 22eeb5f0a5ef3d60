"""The review that was finished last, kept in the library's cache, so that it can be read again without any run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import msgspec

from ..json_files import decode_json
from ..library.case import Case
from ..library.files import sealed, unsealed
from ..library.store import SupportLibrary
from ..volumes import write_staged
from .kept_results import identity
from .review import Review

_FILE = "last_review.json"


class LastReview(msgspec.Struct, frozen=True):
    """A finished review.

    Attributes:
        finished: When (UTC).
        cases: SHA-256 over what the review depends on in the cases.
        review: What it found.
    """

    finished: datetime
    cases: str
    review: Review

    def is_current(self, cases: Sequence[Case]) -> bool:
        """Whether these are the cases that were reviewed, unchanged."""
        return self.cases == _key(cases)


def keep_last_review(library: SupportLibrary, cases: Sequence[Case], review: Review) -> None:
    """Keep a finished review in the place of the one before.

    Args:
        library: That was reviewed.
        cases: All its cases, as they were when the review began.
        review: What it found.

    Raises:
        InputError: The cache cannot be written to.
    """
    content = msgspec.json.encode(LastReview(datetime.now(timezone.utc).replace(microsecond=0), _key(cases), review))

    def write(staged: Path) -> None:
        staged.parent.mkdir(parents=True, exist_ok=True)
        staged.write_bytes(sealed(content))

    write_staged(library.cache_dir / _FILE, write)


def last_review(library: SupportLibrary) -> LastReview | None:
    """The review finished last; None where there is none that can be read: it is derived data."""
    try:
        return decode_json(unsealed((library.cache_dir / _FILE).read_bytes()), LastReview)
    except (OSError, ValueError):
        return None


def _key(cases: Sequence[Case]) -> str:
    return hashlib.sha256(json.dumps(sorted(identity(case) for case in cases)).encode()).hexdigest()
