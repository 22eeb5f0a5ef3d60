"""Names of libraries, cases and segments: what is allowed, and what counts as the same name."""

from __future__ import annotations

import re
import unicodedata

from RetrievalSAMLib.errors import InputError

MAX_NAME_LENGTH = 100
MAX_SEGMENT_NAME_LENGTH = 200
_FORBIDDEN = set('/\\:*?"<>|')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
_NUMBERED = re.compile(r"case-([0-9]{1,9})")
_MODALITY = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .+_-]{0,31}")


def checked_name(name: str, what: str) -> str:
    """A name as it is stored: Unicode in composed form (NFC), without blanks around it.

    A name may become a file's name when a case is exported, so it must be one on every system.

    Args:
        name: What the user gave.
        what: What it names, for messages: `case name`.

    Raises:
        InputError: It is empty, too long, or holds what a file's name cannot hold.
    """
    stored = unicodedata.normalize("NFC", name).strip()
    remedy = "Choose another name, such as `case-001`."
    if not stored:
        raise InputError(what, "it is empty", remedy)
    if len(stored) > MAX_NAME_LENGTH:
        raise InputError(what, f"it has {len(stored)} characters, at most {MAX_NAME_LENGTH} are allowed", remedy)
    thing = f"{what} `{_shown(stored)}`"
    bad = sorted({character for character in stored if character in _FORBIDDEN})
    if bad:
        raise InputError(thing, f"it holds {' '.join(bad)}, which no file name can hold everywhere", remedy)
    if _has_control_characters(stored):
        raise InputError(thing, "it holds a control character or one that does not exist", remedy)
    if stored.startswith(".") or stored.endswith(".") or _RESERVED.fullmatch(stored):
        raise InputError(thing, "it starts or ends with a full stop, or is a word that Windows keeps", remedy)
    return stored


def check_segment_name(name: str) -> None:
    """Refuse a segment name that cannot be stored; it may hold what a file's name may not (`L/R kidney`)."""
    remedy = "Rename the segment."
    if not name.strip():
        raise InputError("segment name", "it is empty", remedy)
    if len(name) > MAX_SEGMENT_NAME_LENGTH:
        fact = f"it has {len(name)} characters, at most {MAX_SEGMENT_NAME_LENGTH} are allowed"
        raise InputError(f"segment name `{_shown(name[:40])}...`", fact, remedy)
    if _has_control_characters(name):
        fact = "it holds a control character or one that does not exist"
        raise InputError(f"segment name `{_shown(name)}`", fact, remedy)


def checked_modality(modality: str | None) -> str | None:
    """A modality as it is stored: a short word such as `MR` or `CT`."""
    if modality is None or not modality.strip():
        return None
    if not _MODALITY.fullmatch(modality.strip()):
        raise InputError(
            "modality",
            "it is not a short word of up to 32 letters, digits, blanks and `.+_-`",
            "Give the kind of image, such as `MR`, `CT` or `PET`.",
        )
    return modality.strip()


def same_name_key(name: str) -> str:
    """Two names are the same where this is equal: case, blanks, composed letters do not count."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def natural_order(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that puts `case-2` before `case-10`."""
    parts = re.split(r"([0-9]+)", same_name_key(name))
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part)


def number_of(name: str) -> int | None:
    """N of a name `case-N`, else None."""
    found = _NUMBERED.fullmatch(same_name_key(name))
    return int(found[1]) if found else None


def numbered_name(number: int) -> str:
    """`case-001`, `case-002`, ..."""
    return f"case-{number:03d}"


def _has_control_characters(text: str) -> bool:
    return any(unicodedata.category(character) in ("Cc", "Cs", "Cn", "Co", "Zl", "Zp") for character in text)


def _shown(text: str) -> str:
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
