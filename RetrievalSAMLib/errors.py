"""The project's own exceptions. Each carries a message written for the person who reads it."""

from __future__ import annotations

from collections.abc import Iterator


class RetrievalSAMError(Exception):
    """Base of every error that RetrievalSAM raises on purpose."""


class InputError(RetrievalSAMError):
    """What the user gave cannot be used: the command line ends with exit code 2.

    Args:
        thing: What is wrong, by the name the user knows it under (a file as typed, an option, a case).
        fact: What is wrong with it, as a clause without a full stop.
        remedy: What to do about it, as one or more whole sentences.
    """

    def __init__(self, thing: str, fact: str, remedy: str) -> None:
        super().__init__(f"{thing}: {fact}. {remedy}")
        self.thing = thing
        self.fact = fact
        self.remedy = remedy


def refused_by_the_system(error: OSError) -> InputError | None:
    """What the system says about a file that the user named, for the user; None where it names no file."""
    if error.filename is None or error.strerror is None:
        return None
    remedy = "Check the path, and that you may read and write there."
    return InputError(str(error.filename), f"it cannot be used ({error.strerror})", remedy)


class DamagedLibraryError(InputError):
    """A file of a support library is missing, unreadable or not what its checksum says."""


class NewerLibraryError(InputError):
    """A support library is of a newer format version than this program knows."""


class ModelError(InputError):
    """Model weights are missing, damaged, of other shapes, or not those of the catalogue."""


class NotEnoughMemoryError(InputError):
    """Memory ran out, also with all the less that was tried."""


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """An error, what it was raised from or while handling, and so on."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__
