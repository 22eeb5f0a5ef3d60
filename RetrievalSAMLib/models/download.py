"""Fetching weights over HTTP: goes on where a broken download stopped, and trusts nothing but the checksum.

pooch fetches to a temporary name, compares the checksum and renames; `ResumingDownloader` is what it fetches
with. An incomplete download stays beside the weights as `FILE.part` until it is continued or removed.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pooch
import requests

from RetrievalSAMLib.errors import ModelError
from RetrievalSAMLib.models import catalogue, store
from RetrievalSAMLib.models.catalogue import CatalogueEntry
from RetrievalSAMLib.models.store import Progress

_CHUNK_BYTES = 1 << 16  # what is lost at most when the line breaks
_TIMEOUT_SECONDS = (15.0, 60.0)  # to connect, between two packets
_MAX_ATTEMPTS = 20


def download(name: str, *, progress: Progress | None = None, retry_seconds: float = 2.0) -> Path:
    """Downloads weights of the catalogue into the folder of weights.

    What is installed and intact is not fetched again; what is installed and damaged is replaced. A download
    that broke off, in this call or an earlier one, goes on where it stopped.

    Args:
        name: A catalogue name.
        progress: Told of the bytes, those of an earlier call included. What it raises ends the download,
            which can be continued later.
        retry_seconds: How long to wait before a broken connection is opened again.

    Returns:
        Where the file is.

    Raises:
        ModelError: The name is unknown, there is no network, the server does not have the file or has another
            one, the disk is full, or another process is at work on the same weights.
    """
    entry = catalogue.get_published(name)
    store.make_folder()
    with store.locked(entry):
        target = store.path_of(entry)
        if store.status([name], check=True)[0].intact:
            return target
        downloader = ResumingDownloader(entry, progress=progress, retry_seconds=retry_seconds)
        try:
            if not _retrieve(entry, downloader) and downloader.resumed:
                # The kept part may have been of another version, which only the checksum can tell.
                _retrieve(entry, downloader)
        except OSError as error:
            fact = f"the file cannot be written to {target.parent} ({error.strerror or type(error).__name__})"
            raise ModelError(name, fact, "Check the disk and the rights of the folder.") from error
        if not target.is_file():
            raise _other_content(entry, f"what {entry.url} sent has another checksum")
        return target


def _retrieve(entry: CatalogueEntry, downloader: ResumingDownloader) -> bool:
    """Lets pooch fetch, check and rename; gives False where the checksum is another."""
    target = store.path_of(entry)
    target.unlink(missing_ok=True)  # damaged, else nobody would download; Windows does not rename over a file
    with quiet_pooch():
        try:
            pooch.retrieve(
                url=entry.url,
                known_hash=f"sha256:{entry.sha256}",
                fname=entry.file_name,
                path=target.parent,
                downloader=downloader,
            )
        except ValueError:  # pooch's word for another checksum; it has deleted the file
            if not downloader.delivered:
                raise
            return False
    return True


@contextmanager
def quiet_pooch() -> Iterator[None]:
    """Keeps pooch from writing to stderr where the progress bar is."""
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")
    try:
        yield
    finally:
        logger.setLevel(level)


class ResumingDownloader:
    """A downloader for pooch that keeps what it has got and asks the server for the rest (HTTP Range).

    Args:
        entry: What to fetch.
        progress: Told of the bytes.
        retry_seconds: How long to wait before a broken connection is opened again.

    Attributes:
        resumed: Whether the file was put together from more than one answer of the server.
        delivered: Whether pooch got a file, of whatever content.
    """

    def __init__(self, entry: CatalogueEntry, *, progress: Progress | None = None, retry_seconds: float = 2.0) -> None:
        """Prepares a download; nothing is fetched yet."""
        self.resumed = False
        self.delivered = False
        self._answered = False
        self._entry = entry
        self._progress = progress
        self._retry_seconds = retry_seconds
        self._part = store.part_of(entry)
        self._note = store.part_note_of(entry)

    def __call__(self, url: str, output_file: str, pooch: Any, check_only: bool = False) -> None:
        """Fetches a file; pooch's signature.

        Args:
            url: Where it is.
            output_file: Where the complete file goes.
            pooch: Not used.
            check_only: Not used.

        Raises:
            ModelError: The file cannot be fetched, or is not of the catalogue's size.
        """
        self.delivered = False
        self.resumed = self._kept_bytes() > 0
        store.check_disk_space(self._entry, self._entry.bytes - self._kept_bytes())
        self._report(self._kept_bytes())
        attempts_left = _MAX_ATTEMPTS
        while self._kept_bytes() < self._entry.bytes:
            before = self._kept_bytes()
            self.resumed = self.resumed or before > 0
            attempts_left -= 1
            try:
                self._fetch(url)
            except requests.exceptions.RequestException as error:
                # Trying again helps against a line that drops, not against one that is not there.
                if self._kept_bytes() <= before or attempts_left <= 0:
                    raise self._broken(error) from error
                time.sleep(self._retry_seconds)
        os.replace(self._part, output_file)
        self._note.unlink(missing_ok=True)
        self.delivered = True

    def _kept_bytes(self) -> int:
        return self._part.stat().st_size if self._part.is_file() else 0

    def _report(self, done: int) -> None:
        if self._progress:
            self._progress(done, self._entry.bytes)

    def _fetch(self, url: str) -> None:
        """Asks once, and appends what comes to the part; returns at the end of the answer."""
        kept = self._kept_bytes()
        validator = self._noted_validator(url)
        # Without "identity" a server may compress, and byte ranges then count compressed bytes.
        headers = {"Accept-Encoding": "identity"}
        if kept:
            headers["Range"] = f"bytes={kept}-"
            if validator:
                headers["If-Range"] = validator
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_SECONDS) as response:
            self._answered = True
            if kept and not self._continues(response, kept, validator):
                self._forget()
                self.resumed = False
                kept = 0
                if response.status_code != requests.codes.ok:
                    return  # the caller asks again, now for the whole file
            self._check_answer(response, kept)
            self._note_validator(url, response)
            self._append(response, kept)

    def _continues(self, response: requests.Response, kept: int, validator: str | None) -> bool:
        """Whether an answer to a range request is the rest of the very file that the part belongs to."""
        if response.status_code == requests.codes.ok:
            return False  # the server does not do ranges, or the file changed
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            return False
        if response.status_code != requests.codes.partial_content:
            return True  # an error that `_check_answer` tells the user about
        same_version = validator is None or _validator_of(response) in (None, validator)
        expected = f"bytes {kept}-{self._entry.bytes - 1}/{self._entry.bytes}"
        return same_version and response.headers.get("Content-Range", "").strip().lower() == expected

    def _check_answer(self, response: requests.Response, kept: int) -> None:
        entry = self._entry
        code = response.status_code
        if code in (requests.codes.not_found, requests.codes.gone):
            fact = f"{entry.url} does not exist (the server answered {code})"
            raise ModelError(entry.name, fact, f"Update RetrievalSAM. {_from_a_folder(entry)}")
        if code not in (requests.codes.ok, requests.codes.partial_content):
            fact = f"the server of {entry.url} answered {code} {response.reason or ''}".rstrip()
            raise ModelError(entry.name, fact, f"Try again later. {store.how_to_import(entry)}")
        # A firewall's notice is found before hundreds of megabytes have come, or are waited for in vain.
        content_type = response.headers.get("Content-Type", "").split(";")[0].strip().lower()
        if content_type == "text/html":
            raise _other_content(entry, f"{entry.url} sends a web page")
        length = response.headers.get("Content-Length", "")
        if length.isdigit() and kept + int(length) != entry.bytes:
            sent = f"{entry.url} has {kept + int(length)} bytes instead of {entry.bytes}"
            raise _other_content(entry, sent)

    def _append(self, response: requests.Response, kept: int) -> None:
        with open(self._part, "ab" if kept else "wb") as file:
            try:
                for chunk in response.iter_content(_CHUNK_BYTES):
                    if kept + len(chunk) > self._entry.bytes:
                        file.truncate(0)
                        sent = f"{self._entry.url} sends more than {self._entry.bytes} bytes"
                        raise _other_content(self._entry, sent)
                    file.write(chunk)
                    kept += len(chunk)
                    self._report(kept)
            finally:
                file.flush()
                os.fsync(file.fileno())
        if kept < self._entry.bytes:
            raise requests.exceptions.ConnectionError("the answer ended early")

    def _noted_validator(self, url: str) -> str | None:
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(note, dict) or note.get("url") != url:
            return None
        validator = note.get("validator")
        return validator if isinstance(validator, str) else None

    def _note_validator(self, url: str, response: requests.Response) -> None:
        note = {"url": url, "validator": _validator_of(response)}
        self._note.write_text(json.dumps(note), encoding="utf-8")

    def _forget(self) -> None:
        self._part.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def _broken(self, error: requests.exceptions.RequestException) -> ModelError:
        entry = self._entry
        kept = self._kept_bytes()
        if isinstance(error, requests.exceptions.SSLError):
            remedy = (
                "If your network inspects encrypted traffic, set REQUESTS_CA_BUNDLE to its certificates. "
                f"{store.how_to_import(entry)}"
            )
            return ModelError(entry.name, f"the certificate of {entry.url} is not trusted here", remedy)
        if self._answered:
            fact = f"the connection broke after {store.megabytes(kept)} of {store.megabytes(entry.bytes)}"
            remedy = f"Run the command again: it goes on from there. {store.how_to_import(entry)}"
            return ModelError(entry.name, fact, remedy)
        remedy = f"Check the network and the proxy. {store.how_to_import(entry)}"
        return ModelError(entry.name, f"{entry.url} cannot be reached", remedy)


def _validator_of(response: requests.Response) -> str | None:
    """What tells one version of the file from another, in the form that If-Range takes (RFC 9110, 13.1.5)."""
    tag = response.headers.get("ETag")
    if tag and not tag.startswith("W/"):
        return tag
    return response.headers.get("Last-Modified")


def _from_a_folder(entry: CatalogueEntry) -> str:
    return (
        f"If you have {entry.file_name} ({entry.bytes} bytes, sha256 {entry.sha256}), put it into a folder "
        "and run 'retrievalsam models import FOLDER'."
    )


def _other_content(entry: CatalogueEntry, fact: str) -> ModelError:
    remedy = f"A proxy or firewall may have answered instead. {_from_a_folder(entry)}"
    return ModelError(entry.name, f"not the published weights: {fact}", remedy)
