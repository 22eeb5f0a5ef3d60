"""Finding cases in a folder of cases: by name, by UUID, and all of them in a fixed order."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from RetrievalSAMLib.errors import DamagedLibraryError, InputError
from RetrievalSAMLib.library.case import Case
from RetrievalSAMLib.library.files import why
from RetrievalSAMLib.library.format import CASE_FILE, damaged
from RetrievalSAMLib.library.names import natural_order, same_name_key

_CASE_FOLDER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ID_PREFIX = re.compile(r"[0-9a-f-]{4,36}")


def case_folders(parent: Path) -> list[Path]:
    """The folders of cases in a folder, by UUID; none where it is missing."""
    try:
        with os.scandir(parent) as entries:
            names = [
                entry.name
                for entry in entries
                if _CASE_FOLDER.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
            ]
    except FileNotFoundError:
        return []
    return [parent / name for name in sorted(names)]


def read_case(folder: Path) -> Case | None:
    """A case, or None where another program has removed it meanwhile.

    Raises:
        DamagedLibraryError: Its `case.json` is damaged.
    """
    for _ in range(2):  # a case that goes to the trash and comes back is missing in between
        try:
            return Case.read(folder)
        except OSError as error:
            if not folder.exists():
                return None
            failure = error
    raise damaged(str(folder / CASE_FILE), why(failure)) from failure


def readable(parent: Path) -> list[Case]:
    """The cases that can be read, to find one by its name among damaged ones."""
    cases = []
    for folder in case_folders(parent):
        with contextlib.suppress(DamagedLibraryError, OSError):
            cases.append(Case.read(folder))
    return cases


def in_order(cases: Iterable[Case]) -> list[Case]:
    """Cases by name, `case-2` before `case-10`."""
    return sorted(cases, key=lambda case: (natural_order(case.name), case.content_hash, case.id))


def id_prefix(text: str) -> bool:
    """Whether a UUID may be named so: its first four characters or more."""
    return _ID_PREFIX.fullmatch(text) is not None


def _matches(ids_and_names: Sequence[tuple[str, str]], name_or_id: str) -> list[str]:
    """Ids of the cases with this name, else of those whose id begins so."""
    wanted = same_name_key(name_or_id.strip())
    named = [case_id for case_id, name in ids_and_names if same_name_key(name) == wanted]
    if named or not id_prefix(wanted):
        return named
    return [case_id for case_id, _ in ids_and_names if case_id.startswith(wanted)]


def _one(found: Sequence[str], names: Sequence[str], name_or_id: str, where: str) -> str:
    if not found:
        known = ", ".join(f"`{name}`" for name in names[:10]) + (", ..." if len(names) > 10 else "")
        raise InputError(
            f"case `{name_or_id}`",
            f"{where} has no such case",
            f"Name one of these: {known}." if names else "There are no cases.",
        )
    if len(found) > 1:
        raise InputError(
            f"case `{name_or_id}`",
            f"{where} has {len(found)} such cases",
            f"Give more of the identifier: {', '.join(found)}.",
        )
    return found[0]


def find(cases: Sequence[Case], name_or_id: str, where: str) -> Case:
    """The case with a name, or with a UUID that begins so.

    Args:
        cases: Where to look.
        name_or_id: What the user gave.
        where: What `cases` are, for messages: `the library`.

    Raises:
        InputError: There is none, or there are several.
    """
    found = _matches([(case.id, case.name) for case in cases], name_or_id)
    wanted = _one(found, [case.name for case in cases], name_or_id, where)
    return next(case for case in cases if case.id == wanted)


def find_folder(parent: Path, name_or_id: str, where: str) -> Path:
    """The folder of a case; like `find`, also for cases that can no longer be read: these by their id."""
    names = {case.id: case.name for case in in_order(readable(parent))}
    known = [
        *names.items(),
        *((folder.name, folder.name) for folder in case_folders(parent) if folder.name not in names),
    ]
    return parent / _one(_matches(known, name_or_id), [name for _, name in known], name_or_id, where)


def check_name_is_free(name: str, owner: str | None) -> None:
    """Refuse a name that a case has already, as it is written there."""
    if owner is not None:
        fact = f"the library has the case `{owner}` already"
        raise InputError(f"case name `{name}`", fact, "Choose another name.")
