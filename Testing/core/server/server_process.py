"""A real server in a process of its own, and the client that speaks to it."""

from __future__ import annotations

import datetime
import ipaddress
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from RetrievalSAMLib.server.client import ServerClient
from RetrievalSAMLib.server.connection import Connection
from Testing.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[3]
TOKENS = ("a-token-of-the-first-seat", "a-token-of-another-seat")


@dataclass
class RunningServer:
    """One server; `cache` is the folder that it keeps everything in."""

    process: subprocess.Popen[str]
    address: str
    cache: Path
    ca_file: Path | None
    log: list[str]

    def connection(self, token: str | None = None) -> Connection:
        return Connection(self.address, token, self.ca_file)

    def client(self, token: str | None = None) -> ServerClient:
        return ServerClient(self.connection(token))

    def files(self) -> list[Path]:
        """All that it has on the disk."""
        return [path for path in self.cache.rglob("*") if path.is_file()]


@contextmanager
def serving(
    folder: Path, libraries: Path, *options: str, secure: bool = False, is_able: bool = True
) -> Iterator[RunningServer]:
    """A server that listens and whose worker has answered, if it is able to; ended afterwards as by Ctrl+C."""
    given = list(options)
    ca_file = None
    if secure:
        ca_file, key = make_certificate(folder)
        tokens = folder / "tokens.txt"
        tokens.write_text("\n".join(TOKENS) + "\n")
        tokens.chmod(0o600)
        given += ["--token-file", str(tokens), "--tls-cert", str(ca_file), "--tls-key", str(key)]
    cache = folder / "cache"
    environment = os.environ | {"RETRIEVALSAM_CACHE": str(cache), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "RetrievalSAMLib.cli.main", "serve", str(libraries), "--port", "0", *given],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    log: list[str] = []
    reading = threading.Thread(target=lambda: log.extend(iter(process.stderr.readline, "")))  # type: ignore[union-attr]

    def address() -> str | None:
        found = re.search(r"listening on (\S+)", "".join(log))
        return found[1] if found else None

    reading.start()
    try:
        wait_until(lambda: address() is not None or process.poll() is not None)
        assert address() is not None, log
        server = RunningServer(process, str(address()), cache, ca_file, log)
        if is_able:
            wait_until(lambda: server.client().health()["model_ready"])
        yield server
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)
        reading.join(timeout=PATIENCE)
        assert process.stderr is not None
        process.stderr.close()


def wait_until(holds: Callable[[], object]) -> None:
    """Look again and again."""
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.05)


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    files[1].write_bytes(key.private_bytes(pem, pkcs8, serialization.NoEncryption()))
    return files
