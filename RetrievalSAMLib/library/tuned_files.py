"""What a library has tuned, on disk: one description for each model and preset, with its checksum.

```
tuned/<sha256 of the model's weights>-<preset>.json, .sha256
```
Each is replaced in one step. What it means is the business of `RetrievalSAMLib.tuning`; here it is bytes with
checksums.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from RetrievalSAMLib.errors import DamagedLibraryError
from RetrievalSAMLib.json_files import JsonError, decode_json
from RetrievalSAMLib.library.files import read_with_checksum, sync_folder, why, write_with_checksum
from RetrievalSAMLib.library.folders import Folders
from RetrievalSAMLib.library.format import damaged

TUNED_FOLDER = "tuned"
TUNED_NAME = re.compile(r"[0-9a-f]{64}-[a-z0-9][a-z0-9-]{0,31}\.json")


@dataclass(frozen=True)
class TunedFiles:
    """The files of all that was tuned.

    Attributes:
        folders: Of the library.
        lock_timeout_seconds: How long to wait while another program writes to it.
    """

    folders: Folders
    lock_timeout_seconds: float

    @property
    def folder(self) -> Path:
        """Where they lie; may be missing."""
        return self.folders.path / TUNED_FOLDER

    def path(self, segmenter: str, preset: str) -> Path:
        """Of one description.

        Args:
            segmenter: SHA-256 of the model's weights.
            preset: Name of the preset.
        """
        return self.folder / f"{segmenter}-{preset}.json"

    def paths(self) -> list[Path]:
        """Of all descriptions that are there, also of those that are damaged, by name."""
        held = self.folder.iterdir() if self.folder.is_dir() else ()
        return sorted(path for path in held if TUNED_NAME.fullmatch(path.name))

    def description(self, path: Path) -> bytes | None:
        """One of them; None where it is not there.

        Raises:
            DamagedLibraryError: It is not what was written.
        """
        try:
            return read_with_checksum(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise damaged(str(path), why(error)) from error

    def replace(self, name: str, description: bytes) -> None:
        """Put a description in the place of the one of this name, if any.

        Args:
            name: Of the file.
            description: Its content.

        Raises:
            InputError: Another program keeps writing to the library, or the disk cannot be written.
        """
        if not TUNED_NAME.fullmatch(name):
            raise ValueError(f"`{name}` names no model and preset")
        with self.folders.writing(self.lock_timeout_seconds):
            if not self.folder.is_dir():
                self.folder.mkdir()
                sync_folder(self.folder.parent)
            write_with_checksum(self.folder / name, description, self.folders.staging)

    def damage(self) -> Iterator[tuple[Path, str]]:
        """Files that are not what was written, with what is wrong."""
        for path in self.paths():
            try:
                content = self.description(path)
                if content is not None:
                    images_in(content, str(path))
            except DamagedLibraryError as error:
                yield Path(error.thing), error.fact


class _Case(msgspec.Struct, frozen=True):
    image: str


class _Described(msgspec.Struct, frozen=True):
    cases: tuple[_Case, ...]


def images_in(description: bytes, name: str) -> frozenset[str]:
    """Hashes of the images of all cases on which it rests.

    Args:
        description: Of what was tuned.
        name: Of its file, for messages.

    Raises:
        DamagedLibraryError: It names none.
    """
    try:
        images = frozenset(case.image for case in decode_json(description, _Described).cases)
    except JsonError as error:
        raise damaged(name, f"it describes nothing that was tuned ({error})") from error
    if not images:
        raise damaged(name, "it rests on no case")
    return images
