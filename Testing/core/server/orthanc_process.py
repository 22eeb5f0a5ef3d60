"""Orthanc, a real DICOMweb server, in a process of its own."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from Testing.patience import PATIENCE

USER, PASSWORD = "reader", "a-password-of-tests"
_PORT_IN_USE = "privileged or already in use"  # so Orthanc says
_PLUGINS = ("/usr/share/orthanc/plugins/libOrthancDicomWeb.so", "/usr/lib/orthanc/libOrthancDicomWeb.so")


@dataclass(frozen=True)
class RunningOrthanc:
    """One that answers."""

    root: str

    @property
    def dicomweb(self) -> str:
        return f"{self.root}/dicom-web"

    def ask(self, method: str, path: str, **options: object) -> requests.Response:
        answer = requests.request(method, f"{self.root}{path}", auth=(USER, PASSWORD), timeout=PATIENCE, **options)  # type: ignore[arg-type]
        answer.raise_for_status()
        return answer

    def upload(self, files: list[Path]) -> None:
        for file in files:
            self.ask("POST", "/instances", data=file.read_bytes())

    def instances(self, modality: str) -> list[bytes]:
        """The files of all instances of a modality."""
        query = {"Level": "Instance", "Query": {"Modality": modality}}
        found = self.ask("POST", "/tools/find", json=query).json()
        return [self.ask("GET", f"/instances/{one}/file").content for one in found]


@contextmanager
def orthanc(folder: Path) -> Iterator[RunningOrthanc]:
    """Starts it, with an empty archive; skips the test where it is not installed."""
    program = shutil.which("Orthanc") or shutil.which("/usr/sbin/Orthanc")
    plugin = next((one for one in _PLUGINS if Path(one).exists()), None)
    if program is None or plugin is None:
        pytest.skip("needs Orthanc and its DICOMweb plug-in (Debian: orthanc, orthanc-dicomweb)")
    while (running := _started(folder, program, plugin)) is None:
        pass
    process, address = running
    try:
        yield RunningOrthanc(address)
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)


def _started(folder: Path, program: str, plugin: str) -> tuple[subprocess.Popen[bytes], str] | None:
    """One that answers, and its address; None where another program took its port meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        "Name": "test",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "index"),
        "HttpPort": port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: PASSWORD},
        "DicomServerEnabled": False,
        "Plugins": [plugin],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    log = folder / "orthanc.log"
    with log.open("wb") as stream:
        process = subprocess.Popen([program, str(folder / "orthanc.json")], stdout=stream, stderr=stream)
    running = RunningOrthanc(f"http://127.0.0.1:{port}")
    until = time.monotonic() + PATIENCE
    while process.poll() is None:
        try:
            running.ask("GET", "/system")
        except requests.RequestException:
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.1)
        else:
            return process, running.root
    assert _PORT_IN_USE in log.read_text(), log.read_text()
    return None
