"""Files that are never half-written: staged, synced to the disk and renamed into place; and their checksums.

A JSON file that may be replaced (`case.json`) has its sha256 in a second file beside it. Two files cannot be
renamed at once, so the checksum file names the old and the new hash while the JSON is being replaced: whoever
reads in between, or after a crash there, finds a hash that fits.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library.format import damaged

CHECKSUM_SUFFIX = ".sha256"
MAX_JSON_BYTES = 64 * 1024 * 1024
_READ_TRIES = 20
_FEW_CHARACTERS = 4
_CHUNK_BYTES = 1 << 20
# Windows and some network drives refuse to rename what a reader, or a virus scanner, holds open for a moment.
_WAITS_SECONDS = (0.01, 0.05, 0.1, 0.2, 0.4)


def sha256_of(path: Path) -> str:
    """sha256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def sync_file(path: Path) -> None:
    """Have the system write a file's contents to the disk."""
    with path.open("rb+") as stream:  # Windows syncs only what is open for writing
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Have the system write a folder's entries to the disk, on platforms where a folder can be opened."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems refuse to sync a folder; they have nothing better to offer.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Sync every file and every folder below a folder, and the folder itself."""
    for parent, _, files in os.walk(folder, topdown=False):
        for file in files:
            sync_file(Path(parent, file))
        sync_folder(Path(parent))


def new_staging(staging: Path) -> Path:
    """A fresh folder inside the staging folder."""
    folder = staging / uuid.uuid4().hex
    folder.mkdir(parents=True)
    return folder


def write_file(path: Path, data: bytes, staging: Path) -> None:
    """Write a file so that readers, and a crash at any moment, find the old contents or the new.

    Args:
        path: The file.
        data: Its new contents.
        staging: A folder on the same disk, in which the file is written first.
    """
    staging.mkdir(parents=True, exist_ok=True)
    staged = staging / uuid.uuid4().hex
    with staged.open("xb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    _patiently(os.replace, staged, path)
    sync_folder(path.parent)


def move_folder(source: Path, target: Path) -> None:
    """Rename a folder on one disk and make both parents' entries durable. `target` must not exist."""
    _patiently(os.rename, source, target)
    sync_folder(target.parent)
    sync_folder(source.parent)


def _patiently(rename: Callable[[Path, Path], None], source: Path, target: Path) -> None:
    for seconds in _WAITS_SECONDS:
        try:
            return rename(source, target)
        except PermissionError:
            time.sleep(seconds)
    return rename(source, target)


def delete_folder(folder: Path, staging: Path) -> None:
    """Delete a folder so that nobody sees half of it: it moves into the staging folder first."""
    doomed = staging / uuid.uuid4().hex
    staging.mkdir(parents=True, exist_ok=True)
    move_folder(folder, doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def checksum_file(path: Path) -> Path:
    """The file that holds the sha256 of another: `case.json` -> `case.json.sha256`."""
    return path.with_name(path.name + CHECKSUM_SUFFIX)


def checksum_line(name: str, digest: str) -> bytes:
    """One line as `sha256sum --check` reads it."""
    return f"{digest}  {name}\n".encode()


def write_with_checksum(path: Path, data: bytes, staging: Path) -> None:
    """Write a file and, beside it, its sha256; safe for readers and against crashes (see the module)."""
    new = checksum_line(path.name, hashlib.sha256(data).hexdigest())
    if not path.exists():
        write_file(checksum_file(path), new, staging)
        write_file(path, data, staging)
        return
    old = checksum_line(path.name, sha256_of(path))
    write_file(checksum_file(path), old + new, staging)
    write_file(path, data, staging)
    write_file(checksum_file(path), new, staging)


def read_with_checksum(path: Path) -> bytes:
    """Read a file that has its sha256 beside it.

    Raises:
        FileNotFoundError: The file is not there.
        DamagedLibraryError: It, or its checksum, is not what was written.
    """
    before: tuple[bytes, bytes | None] | None = None
    for _ in range(_READ_TRIES):
        data = _read_limited(path)
        try:
            sums = checksum_file(path).read_bytes()
        except FileNotFoundError:
            sums = None
        if sums is not None and sums in _acceptable_checksums(path.name, data, sums):
            return data
        if (data, sums) == before:
            break  # nobody is replacing the pair, or moving its folder, at this moment: it is damage
        before = data, sums
    if sums is None:
        raise damaged(str(checksum_file(path)), "the checksum file is missing")
    raise damaged(str(path), f"it is not what its checksum in {checksum_file(path).name} says")


def _acceptable_checksums(name: str, data: bytes, sums: bytes) -> tuple[bytes, ...]:
    """What the checksum file may hold: the data's hash, and while it is replaced also another."""
    line = checksum_line(name, hashlib.sha256(data).hexdigest())
    if len(sums) != 2 * len(line):
        return (line,)
    return line + sums[len(line) :], sums[: len(line)] + line


def checksum_is_the_damaged_one(path: Path) -> bool:
    """Whether of a file and its checksum it is the latter that changed: a few characters of it are wrong.

    Had the file changed by one bit, most of the characters would be.
    """
    line = checksum_line(path.name, sha256_of(path))
    sums = checksum_file(path).read_bytes()
    wrong = sum(a != b for a, b in zip(line, sums, strict=False)) + abs(len(line) - len(sums))
    return 0 < wrong <= _FEW_CHARACTERS


def sealed(content: bytes) -> bytes:
    """Derived data with its CRC-32 in a line before it, so that a change of it is noticed."""
    return b"%08x\n" % zlib.crc32(content) + content


def unsealed(data: bytes) -> bytes:
    """What `sealed` was given.

    Raises:
        ValueError: It is not what was written.
    """
    seal, _, content = data.partition(b"\n")
    if seal != b"%08x" % zlib.crc32(content):
        raise ValueError("the data are not what was written")
    return content


def _read_limited(path: Path) -> bytes:
    with path.open("rb") as stream:
        data = stream.read(MAX_JSON_BYTES + 1)
    if len(data) > MAX_JSON_BYTES:
        raise damaged(str(path), f"it has more than {MAX_JSON_BYTES >> 20} MB")
    return data


def why(error: OSError) -> str:
    """Why a file could not be read, as a clause."""
    missing = isinstance(error, FileNotFoundError)
    return "it is missing" if missing else f"it cannot be read ({error.strerror})"


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the system says about files (disk full, read-only, ...) into an error for the user."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            remedy = "Free some space on that disk and try again. No case was lost or damaged."
        elif error.errno == errno.ENOLCK:
            remedy = "Two programs could change it there at once. Keep the library on another drive; reading works."
        else:
            remedy = "Check that you may write there and that no other program holds it open, then try again."
        raise InputError(str(path), f"the support library cannot be used there ({reason})", remedy) from error
