"""The expert of a library on disk: a description, and the weights that it names by their hash.

```
learned/expert.json, .sha256          what it is, and on which cases' content it rests
learned/<sha256>.safetensors          its weights
```
The description is replaced in one step and after the weights, so that a reader, and a crash at any moment, finds the
old expert or the new one. What it means is the business of `RetrievalSAMLib.learning`; here it is bytes with checksums.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from RetrievalSAMLib.errors import DamagedLibraryError
from RetrievalSAMLib.json_files import JsonError, decode_json
from RetrievalSAMLib.library.files import read_with_checksum, sync_folder, why, write_file, write_with_checksum
from RetrievalSAMLib.library.folders import Folders
from RetrievalSAMLib.library.format import damaged

LEARNED_FOLDER = "learned"
EXPERT_FILE = "expert.json"
WEIGHTS_SUFFIX = ".safetensors"
MAX_WEIGHTS_BYTES = 1 << 30
WEIGHTS_NAME = re.compile(rf"[0-9a-f]{{64}}\{WEIGHTS_SUFFIX}")


@dataclass(frozen=True)
class LearnedFiles:
    """The files of an expert.

    Attributes:
        folders: Of the library.
        lock_timeout_seconds: How long to wait while another program writes to it.
    """

    folders: Folders
    lock_timeout_seconds: float

    @property
    def folder(self) -> Path:
        """Where they lie; may be missing."""
        return self.folders.path / LEARNED_FOLDER

    def description(self) -> bytes | None:
        """What the expert is; None where there is none.

        Raises:
            DamagedLibraryError: It is not what was written.
        """
        try:
            return read_with_checksum(self.folder / EXPERT_FILE)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise damaged(str(self.folder / EXPERT_FILE), why(error)) from error

    def weights(self, sha256: str) -> bytes:
        """Weights by their hash.

        Raises:
            DamagedLibraryError: They are missing or not what was written.
        """
        path = self.weights_path(sha256)
        try:
            if path.stat().st_size > MAX_WEIGHTS_BYTES:
                raise damaged(str(path), f"it has more than {MAX_WEIGHTS_BYTES >> 30} GB")
            content = path.read_bytes()
        except OSError as error:
            raise damaged(str(path), why(error)) from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise damaged(str(path), "it is not what its name says")
        return content

    def weights_path(self, sha256: str) -> Path:
        """Where they lie."""
        return self.folder / f"{sha256}{WEIGHTS_SUFFIX}"

    def named(self) -> Named | None:
        """What the description names; None where there is no expert.

        Raises:
            DamagedLibraryError: The description is not what was written.
        """
        content = self.description()
        return None if content is None else named_in(content, str(self.folder / EXPERT_FILE))

    def replace(self, description: bytes, weights: bytes) -> None:
        """Put an expert in the place of the one there is, if any.

        Args:
            description: Names the weights by their hash.
            weights: In safetensors' format.

        Raises:
            InputError: Another program keeps writing to the library, or the disk cannot be written.
        """
        with self.folders.writing(self.lock_timeout_seconds):
            self._replace(description, weights, self.folders.staging)

    def _replace(self, description: bytes, weights: bytes, staging: Path) -> None:
        if not self.folder.is_dir():
            self.folder.mkdir()
            sync_folder(self.folder.parent)
        path = self.weights_path(hashlib.sha256(weights).hexdigest())
        write_file(path, weights, staging)
        write_with_checksum(self.folder / EXPERT_FILE, description, staging)
        for other in self.folder.glob(f"*{WEIGHTS_SUFFIX}"):
            if other != path:
                with contextlib.suppress(OSError):  # a reader on Windows has it open: the next one deletes it
                    other.unlink()

    def damage(self) -> list[tuple[Path, str]]:
        """Files that are missing or not what was written, with what is wrong."""
        try:
            named = self.named()
            if named is not None:
                self.weights(named.weights)
        except DamagedLibraryError as error:
            return [(Path(error.thing), error.fact)]
        return []


class Named(msgspec.Struct, frozen=True):
    """What has to be known of a description here.

    Attributes:
        weights: Hash of the weights.
        members: Hashes of the images that each network has ever seen.
    """

    weights: str
    members: tuple[tuple[str, ...], ...]

    @property
    def images(self) -> frozenset[str]:
        """Hashes of all images that went into the weights."""
        return frozenset(image for images in self.members for image in images)


def named_in(description: bytes, name: str) -> Named:
    """What a description names.

    Args:
        description: Of an expert.
        name: Of its file, for messages.

    Raises:
        DamagedLibraryError: It names none.
    """
    try:
        named = decode_json(description, Named)
    except JsonError as error:
        raise damaged(name, f"it describes no expert ({error})") from error
    if not WEIGHTS_NAME.fullmatch(f"{named.weights}{WEIGHTS_SUFFIX}"):
        raise damaged(name, "it names no weights")
    return named
