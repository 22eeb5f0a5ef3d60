"""What the user should know of how files were read, as results have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def warnings_of(notes: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """``warnings`` of a result: ``file`` and ``text``.

    Args:
        notes: By file, as the request names it.
    """
    return [{"file": file, "text": text} for file, texts in notes.items() for text in texts]
