"""The user's own cache folder, and how much of it what is kept of support slices may take."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from ...errors import InputError

FOLDER_VARIABLE = "RETRIEVALSAM_CACHE"
LIMIT_VARIABLE = "RETRIEVALSAM_MEMORY_CACHE_GB"
LIMIT_GB = 1.0

SUFFIX = ".kept"


@dataclass(frozen=True)
class CacheSpace:
    """A folder, and what its files may hold together.

    Attributes:
        folder: Need not be there.
        limit_bytes: Of all files.
    """

    folder: Path
    limit_bytes: int

    def files(self) -> list[tuple[float, int, str]]:
        """Last use (as `time.time` has it), bytes and name of all files, the one used longest ago first.

        Plain tuples: there may be tens of thousands. None where the folder is not there.

        Raises:
            OSError: It cannot be read.
        """
        found = []
        if self.folder.is_dir():
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    if entry.name.endswith(SUFFIX):
                        try:
                            status = entry.stat()
                        except FileNotFoundError:  # another program made room
                            continue
                        found.append((status.st_mtime, status.st_size, entry.name))
        return sorted(found)

    def held_bytes(self) -> int:
        """What all files hold together.

        Raises:
            OSError: The folder cannot be read.
        """
        return sum(size for _, size, _ in self.files())


def user_cache_folder() -> Path:
    """`$RETRIEVALSAM_CACHE`, else the user's own cache folder.

    Not in a library: that may lie on a drive of many people, and what is kept shows the volumes of a run.
    """
    given = os.environ.get(FOLDER_VARIABLE)
    return Path(given) if given else Path(platformdirs.user_cache_dir("RetrievalSAM", appauthor=False))


def memory_cache(gigabytes: float | None = None) -> CacheSpace | None:
    """Where what was made of support slices is kept, or None for nowhere.

    Args:
        gigabytes: The limit, 0 to keep nothing. Unless given, `$RETRIEVALSAM_MEMORY_CACHE_GB`, else `LIMIT_GB`.

    Raises:
        InputError: The limit is no amount of disk space.
    """
    thing = "--memory-cache-gb"
    if gigabytes is None:
        thing = LIMIT_VARIABLE
        try:
            gigabytes = float(os.environ.get(LIMIT_VARIABLE) or LIMIT_GB)
        except ValueError:
            gigabytes = math.nan
    if not 0 <= gigabytes < math.inf:
        raise InputError(thing, "it is no amount of disk space", "Give GB, for example 1, or 0 to keep nothing.")
    return CacheSpace(user_cache_folder() / "memories", int(gigabytes * (1 << 30))) if gigabytes else None


def states_folder() -> Path:
    """The folder of all states, in the user's own cache folder."""
    return user_cache_folder() / "runs"
