"""A DICOMweb server: which series a study has (QIDO), their files (WADO), and results stored (STOW).

UIDs tell who a patient is to whoever has the archive: no message and no line of a log names one.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pydicom
import requests
from dicomweb_client import DICOMwebClient
from dicomweb_client.session_utils import create_session

from ..errors import InputError

_LOCAL = {"127.0.0.1", "::1", "localhost"}
_TIMEOUT_SECONDS = (10.0, 120.0)  # to connect; between two packets
_LOG = "dicomweb_client"
# What is no image of a patient that could be segmented.
_NO_IMAGES = {"SEG", "SR", "PR", "KO", "REG", "DOC", "RTSTRUCT", "RTPLAN", "RTDOSE", "RTRECORD", "RWV", "FID"}
_MODALITY, _STUDY_UID, _SERIES_UID, _FAILED = "00080060", "0020000D", "0020000E", "FailedSOPSequence"
_IN_WORDS = {
    400: "it does not understand the request",
    401: "it does not know us",
    403: "it does not allow this",
    404: "it has no such study or series",
    409: "it refuses the instance",
    413: "the instance is too large for it",
}


class DicomArchive:
    """One server.

    Args:
        address: Of its DICOMweb service, such as `https://pacs.hospital.example/dicom-web`; plain http only to this
            computer.
        secret: `USER:PASSWORD`, or a token; None for a server that asks for neither.
        ca_file: Certificates (PEM) to trust, of a hospital's own authority; None for those that everybody trusts.

    Raises:
        InputError: The address is none, or would send patients' data in the clear.
    """

    def __init__(self, address: str, secret: str | None = None, ca_file: Path | None = None) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise InputError(address, "it is no address of a server", "Give it as https://name/dicom-web.")
        if parts.scheme == "http" and parts.hostname not in _LOCAL:
            remedy = "Use https://; or a tunnel from this computer (ssh -L) and http://127.0.0.1."
            raise InputError(address, "patients' data would travel unencrypted", remedy)
        if ca_file is not None and not ca_file.is_file():
            raise InputError(str(ca_file), "there is no such file", "Name the certificate of your authority (PEM).")
        self._address = address.rstrip("/")
        session = create_session()
        session.trust_env = False  # neither proxies nor passwords of the environment
        session.verify = str(ca_file) if ca_file is not None else True
        if secret is not None:
            session.headers["Authorization"] = _authorization(secret)
        self._client = DICOMwebClient(self._address, session=session, timeout=_TIMEOUT_SECONDS)

    def series_of(self, study: str) -> list[str]:
        """UIDs of the series of a study that hold images.

        Raises:
            InputError: The server does not answer, or refuses.
        """
        with self._in_words():
            found = self._client.search_for_series(study_instance_uid=study, fields=["Modality"])
        return [_value(one, _SERIES_UID) for one in found if _value(one, _MODALITY) not in _NO_IMAGES]

    def study_of(self, series: str) -> str:
        """UID of the study that a series belongs to.

        Raises:
            InputError: As for `series_of`; or the server has no such series.
        """
        with self._in_words():
            found = self._client.search_for_series(search_filters={"SeriesInstanceUID": series})
        studies = {_value(one, _STUDY_UID) for one in found if _value(one, _SERIES_UID) == series} - {""}
        if len(studies) != 1:
            raise InputError("series", "the server does not have it", "Check the series.")
        return studies.pop()

    def fetch(self, study: str, series: str, folder: Path) -> int:
        """Write the instances of a series into a folder.

        Args:
            study: Its UID.
            series: Its UID.
            folder: For the files; it exists.

        Returns:
            How many there are.

        Raises:
            InputError: As for `series_of`; or there are none.
        """
        count = 0
        with self._in_words():
            for count, instance in enumerate(self._client.iter_series(study, series), start=1):
                instance.save_as(folder / f"{count:06d}.dcm", enforce_file_format=True)
        if not count:
            raise InputError("series", "the server has no instance of it", "Check study and series.")
        return count

    def store(self, file: Path) -> None:
        """Store an instance.

        Raises:
            InputError: As for `series_of`; or the server does not keep it.
        """
        with self._in_words():
            answer = self._client.store_instances([pydicom.dcmread(file)])
        failed = answer.get(_FAILED)
        if failed:
            reason = failed[0].get("FailureReason")
            told = f" (reason {reason:04X} of DICOM PS3.18)" if isinstance(reason, int) else ""
            raise InputError(self._address, f"it did not store the result{told}", "Ask whoever runs that server.")

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """The client's errors, and what it would log, without addresses of studies."""
        log = logging.getLogger(_LOG)
        was, log.disabled = log.disabled, True
        try:
            yield
        except requests.HTTPError as error:
            status = 0 if error.response is None else error.response.status_code
            fact = f"{_IN_WORDS.get(status, 'it refuses')} (status {status})"
            raise InputError(self._address, fact, "Check address, credentials and UIDs.") from None
        except requests.exceptions.SSLError:
            fact = "its certificate is not one that this computer trusts, or is of another name"
            raise InputError(self._address, fact, "Name the certificate of your authority.") from None
        except requests.RequestException as error:
            fact = "it does not answer" if isinstance(error, requests.Timeout) else "the connection cannot be made"
            raise InputError(self._address, fact, "Check the address, the network, and whether it runs.") from None
        except (ValueError, KeyError, json.JSONDecodeError, pydicom.errors.InvalidDicomError) as error:
            fact = f"it answers as no DICOMweb server does ({type(error).__name__})"
            raise InputError(self._address, fact, "Check the address: it ends with the service's own path.") from None
        finally:
            log.disabled = was


def _authorization(secret: str) -> str:
    if not secret.isascii():
        raise InputError("credentials", "they hold letters beyond ASCII", "Give USER:PASSWORD, or a token.")
    if ":" in secret:
        return f"Basic {base64.b64encode(secret.encode('ascii')).decode('ascii')}"
    return f"Bearer {secret}"


def _value(instance: dict[str, Any], tag: str) -> str:
    values = instance.get(tag, {}).get("Value", [])
    return str(values[0]) if values else ""
