"""Volumes and segmentations that clients have sent: checked while they come, kept while they are needed."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import math
import shutil
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import InputError
from ..problems import Problem
from .header import without_texts

UNUSED_SECONDS = 300.0
"""How long an upload waits at least for its run."""
_QUIET_SECONDS = 60.0
_MOST_TO_ONE = 4
_UNPACKED = 4


@dataclass(eq=False)
class Upload:
    """A file that was accepted.

    Attributes:
        path: Of it, without the texts of its header.
        bytes: Of it.
        is_segmentation: Else it is an image.
        used: When it was needed last, as `time.monotonic` has it.
        users: Runs that wait for it or use it.
        has_served: Whether a run has used it.
        image: Of a volume, the hash of its voxels and grid, once a run has told it.
        dropped: Whether its owner has deleted it; the file goes when its last user has ended.
    """

    path: Path
    bytes: int
    is_segmentation: bool
    used: float
    users: int = 0
    has_served: bool = False
    image: str | None = None
    dropped: bool = False


@dataclass(frozen=True)
class ImageFile:
    """A file that arrives.

    Attributes:
        ending: Of its name, by which the readers know its format.
        pieces: What it holds.
    """

    ending: str
    pieces: AsyncIterator[bytes]


class Uploads:
    """By owner and SHA-256 of what was sent: nobody learns what others have sent.

    Args:
        folder: For the files.
        most_bytes: Of one.
        limit_bytes: Of all together.
        keep_seconds: After the last run that used one.
    """

    def __init__(self, folder: Path, most_bytes: int, limit_bytes: int, keep_seconds: float) -> None:
        folder.mkdir(mode=0o700)
        self._folder, self._most, self._limit, self._keep = folder, most_bytes, limit_bytes, keep_seconds
        self._known: dict[tuple[str, str], Upload] = {}
        self._arriving: dict[str, int] = {}
        self._reading = asyncio.Lock()  # one at a time is unpacked

    def find(self, owner: str, sha256: str) -> Upload | None:
        """What was accepted; it counts as needed now."""
        upload = self._known.get((owner, sha256))
        if upload is None or upload.dropped:
            return None
        upload.used = time.monotonic()
        return upload

    def holds(self, owner: str, sha256: str) -> bool:
        """Whether it is there; other than `find`, this does not count as use."""
        upload = self._known.get((owner, sha256))
        return upload is not None and not upload.dropped

    def drop(self, owner: str, sha256: str) -> None:
        """Delete an upload, as soon as nothing works on it any more."""
        upload = self._known.get((owner, sha256))
        if upload is not None:
            upload.dropped = True
            self.sweep()

    async def take(self, owner: str, sha256: str, pieces: AsyncIterator[bytes], announced: int | None) -> Upload:
        """Accept an upload.

        Args:
            owner: Who sends it.
            sha256: Of all that comes.
            pieces: What comes.
            announced: Its length, where that was said.

        Raises:
            Problem: It is too long, another file than was announced, or none that the readers accept; or there is no
                room for it. Nothing of it is kept.
        """
        self._check_arrivals(owner)
        if announced is not None and announced > self._most:
            raise self._too_large()
        name = f"{owner}-{uuid.uuid4().hex}"
        sent, kept = self._folder / f"{name}.part", self._folder / f"{name}.seg.nrrd"
        self._arriving[name] = 0
        try:
            await self._write(name, sent, sha256, pieces)
            async with self._reading:
                path, is_segmentation = await asyncio.to_thread(_read, sent, kept, self._most * _UNPACKED)
        except BaseException:
            for path in (kept, kept.with_name(f"{name}.nrrd")):
                path.unlink(missing_ok=True)
            raise
        finally:
            sent.unlink(missing_ok=True)
            del self._arriving[name]
        return self._keep_one(owner, sha256, Upload(path, path.stat().st_size, is_segmentation, time.monotonic()))

    async def take_image(self, owner: str, files: Sequence[ImageFile]) -> tuple[str, Upload]:
        """Accept an image of any format that the readers know.

        What is kept is a NRRD file of its voxels and grid; nothing else of what was sent outlives this call.

        Args:
            owner: Who sends it.
            files: One, or the slices of one DICOM series.

        Returns:
            The SHA-256 of what is kept, by which it is found, and the upload.

        Raises:
            Problem: As for `take`.
        """
        self._check_arrivals(owner)
        name = f"{owner}-{uuid.uuid4().hex}"
        sent, kept = self._folder / f"{name}.part", self._folder / f"{name}.nrrd"
        self._arriving[name] = 0
        try:
            sent.mkdir(mode=0o700)
            for number, file in enumerate(files):
                await self._write(name, sent / f"{number:06d}{file.ending}", None, file.pieces)
            source = sent if len(files) > 1 else next(sent.iterdir())
            return await self._converted(owner, source, kept)
        finally:
            shutil.rmtree(sent, ignore_errors=True)
            del self._arriving[name]

    async def take_folder(self, owner: str, folder: Path) -> tuple[str, Upload]:
        """Accept the DICOM series in a folder of this server's; else as `take_image`."""
        self._make_room()
        return await self._converted(owner, folder, self._folder / f"{owner}-{uuid.uuid4().hex}.nrrd")

    async def _converted(self, owner: str, source: Path, kept: Path) -> tuple[str, Upload]:
        try:
            async with self._reading:
                sha256 = await asyncio.to_thread(_convert, source, kept, self._most * _UNPACKED)
        except BaseException:
            kept.unlink(missing_ok=True)
            raise
        return sha256, self._keep_one(owner, sha256, Upload(kept, kept.stat().st_size, False, time.monotonic()))

    def images(self) -> set[str]:
        """Hashes of the volumes that are kept."""
        return {upload.image for upload in self._known.values() if upload.image is not None}

    def sweep(self) -> None:
        """Delete what is no longer needed."""
        now = time.monotonic()
        for key, upload in list(self._known.items()):
            keep = self._keep if upload.has_served else max(self._keep, UNUSED_SECONDS)
            if not upload.users and (upload.dropped or now - upload.used >= keep):
                self._delete(key)

    def _arrivals(self) -> list[tuple[str, str]]:
        return [(name.partition("-")[0], name) for name in self._arriving]

    def _check_arrivals(self, owner: str) -> None:
        if sum(sender == owner for sender, _ in self._arrivals()) >= _MOST_TO_ONE:
            remedy = "Wait until one has arrived."
            raise Problem(429, "busy", "upload", f"{_MOST_TO_ONE} are under way", remedy, {"Retry-After": "5"})

    def _keep_one(self, owner: str, sha256: str, upload: Upload) -> Upload:
        """The one upload of these bytes: that which was there, where they were sent twice."""
        known = self._known.get((owner, sha256))
        if known is None:
            self._known[owner, sha256] = upload
            return upload
        upload.path.unlink()
        known.dropped, known.used = False, upload.used
        return known

    async def _write(self, name: str, path: Path, sha256: str | None, pieces: AsyncIterator[bytes]) -> None:
        digest = hashlib.sha256()
        with path.open("xb") as stream:
            while True:
                try:
                    piece = await asyncio.wait_for(anext(pieces, None), _QUIET_SECONDS)
                except asyncio.TimeoutError:
                    raise Problem(
                        408, "request", "upload", "nothing more of it came", "Check the connection and send it again."
                    ) from None
                if piece is None:
                    break
                self._arriving[name] += len(piece)
                if self._arriving[name] > self._most:
                    raise self._too_large()
                self._make_room()
                digest.update(piece)
                stream.write(piece)
        if sha256 is not None and digest.hexdigest() != sha256:
            fact = "what arrived is not what was announced (its SHA-256 is another): it was cut short or changed"
            raise Problem(422, "input", "upload", fact, "Send it again.")

    def _make_room(self) -> None:
        """Delete what was used longest ago while all is more than the limit."""
        while self._total() > self._limit:
            idle = [(upload.used, key) for key, upload in self._known.items() if not upload.users]
            if not idle:
                raise Problem(
                    507, "disk", "server", "it holds as many volumes as it may", "Try again when other runs have ended."
                )
            self._delete(min(idle)[1])

    def _total(self) -> int:
        return sum(self._arriving.values()) + sum(upload.bytes for upload in self._known.values())

    def _delete(self, key: tuple[str, str]) -> None:
        with contextlib.suppress(PermissionError):  # Windows: somebody reads it; the next sweep deletes it
            self._known[key].path.unlink(missing_ok=True)
            del self._known[key]

    def _too_large(self) -> Problem:
        fact = f"it is larger than the {self._most / 1e6:,.0f} MB that this server takes"
        return Problem(413, "large", "upload", fact, "Crop the volume, or have the server's limit raised.")


def _read(sent: Path, kept: Path, most_bytes: int) -> tuple[Path, bool]:
    """Strip, read and name a file by what it is.

    Raises:
        Problem: The readers refuse it.
    """
    from ...volumes import read_segmentation, read_volume
    from ...volumes.formats.contents import Kind, kind_of
    from ...volumes.formats.segnrrd import has_segments

    try:
        header = without_texts(sent, kept, most_bytes)
        if has_segments(header.key_values):
            read_segmentation(kept)
            return kept, True
        image = kept.with_name(kept.name.removesuffix(".seg.nrrd") + ".nrrd")
        kept.replace(image)
        read_volume(image)
        return image, False
    except InputError as error:
        kind = kind_of(sent)
        if kind is not None and kind is not Kind.NRRD:
            fact = f"its format is {kind.value}, and .nrrd is taken here"
            remedy = "Send it to POST /infer/{library}?output=image (docs/serve.md has the line), or save it as .nrrd."
            raise Problem(415, "input", "upload", fact, remedy) from error
        thing = "upload" if str(kept.parent) in error.thing else error.thing
        raise Problem(422, "input", thing, error.fact, error.remedy) from error


def _convert(source: Path, kept: Path, most_bytes: int) -> str:
    """Write the voxels and the grid of an image, and say the SHA-256 of the file.

    Raises:
        Problem: The readers refuse it, or it is larger unpacked than the server takes.
    """
    from ...volumes import read_volume, write_volume
    from ...volumes.reading import read_information

    try:
        told = read_information(source)
        if told is not None and math.prod(told.size) > most_bytes:
            fact = f"it has {math.prod(told.size):,} voxels, more than this server takes"
            raise InputError("upload", fact, "Crop or resample it, or have the server's limit raised.")
        write_volume(read_volume(source), kept)
    except InputError as error:
        thing = "upload" if str(kept.parent) in error.thing else error.thing
        raise Problem(422, "input", thing, error.fact.replace(str(source), "the upload"), error.remedy) from error
    return hashlib.sha256(kept.read_bytes()).hexdigest()
