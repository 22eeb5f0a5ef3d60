"""What is refused, in words: settings, tokens, certificates, uploads."""

from __future__ import annotations

import gzip
import hashlib
import socket
import ssl
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from server_process import TOKENS, RunningServer, wait_until
from server_volumes import subject

from RetrievalSAMLib.cli.main import main
from RetrievalSAMLib.server.connection import Connection, ServerError
from RetrievalSAMLib.volumes import write_segmentation, write_volume


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--host", "0.0.0.0"], "without --token-file and --tls-cert"),
        (["--host", "::", "--token-file", "TOKENS"], "without --tls-cert"),
        (["--host", "hospital", "--tls-cert", "FILE", "--tls-key", "FILE"], "without --token-file"),
        (["--tls-cert", "FILE"], "one of them is missing"),
        (["--tls-cert", "FILE", "--tls-key", "FILE"], "certificate and key cannot be used"),
        (["--token-file", "FILE"], "a token is shorter than 20"),
        (["--token-file", "EMPTY"], "it holds no token"),
        (["--token-file", "GONE"], "there is no such file"),
        (["--device", "abacus"], "'abacus' is no device"),
    ],
)
def test_settings_that_would_not_be_safe_are_refused_before_anything_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    (tmp_path / "FILE").write_text("short")
    (tmp_path / "EMPTY").write_text("\n\n")
    (tmp_path / "TOKENS").write_text(TOKENS[0])
    given = [str(tmp_path / one) if one in ("FILE", "EMPTY", "GONE", "TOKENS") else one for one in options]
    assert main(["serve", str(tmp_path), "--port", "0", *given]) == 2
    assert words in capsys.readouterr().err


def test_a_port_in_use_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as used:
        port = used.getsockname()[1]
        assert main(["serve", str(tmp_path), "--port", str(port)]) == 2
    assert f"127.0.0.1:{port}: nothing can listen there" in capsys.readouterr().err


def test_a_missing_package_is_told_with_the_command_that_installs_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("RetrievalSAMLib.cli.packages.find_spec", lambda name: None)
    assert main(["serve", str(tmp_path)]) == 2
    packages = "fastapi jinja2 pydantic python-multipart starlette uvicorn"
    assert f"{sys.executable} -m pip install {packages}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("token", "words"),
    [(None, "none was given"), ("a-token-of-nobody-at-all", "does not know it"), ("ä" * 20, "letters beyond ASCII")],
)
def test_without_a_known_token_only_the_health_is_told(server: RunningServer, token: str | None, words: str) -> None:
    with pytest.raises(ServerError, match=words):
        server.connection(token).ask("GET", "/v1/libraries")
    health = server.client().health()
    assert set(health) == {"version", "model_ready", "queue_length"}


def test_a_server_is_not_trusted_without_its_authority(server: RunningServer) -> None:
    with pytest.raises(ServerError, match="its certificate is not one that this computer trusts"):
        Connection(server.address, TOKENS[0]).ask("GET", "/health")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://hospital:8765", "volumes would travel unencrypted"),
        ("hospital", "it is no address"),
        ("https://name:word@hospital", "it is no address"),
        ("http://127.0.0.1:1", "nothing answers there"),
        ("https://no-such-computer.invalid", "there is no computer of this name"),
    ],
)
def test_an_address_that_is_none_is_told(address: str, words: str) -> None:
    with pytest.raises(ServerError, match=words):
        Connection(address).ask("GET", "/health")


def test_a_web_page_cannot_use_the_server_of_this_computer_under_a_name_of_its_own(strict: RunningServer) -> None:
    headers = {"Host": "evil.example"}
    with pytest.raises(ServerError, match="on this computer only"):
        strict.connection().ask("GET", "/v1/libraries", headers=headers)


def nrrd(*lines: str, content: bytes = b"") -> bytes:
    header = ["NRRD0004", "type: short", "dimension: 3", "space: left-posterior-superior", "endian: little"]
    places = ["space directions: (1,0,0) (0,1,0) (0,0,1)", "space origin: (0,0,0)"]
    return "\n".join([*header, *places, *lines, "", ""]).encode() + content


def whole_volume(folder: Path) -> bytes:
    write_volume(subject(3)[0], folder / "whole.nrrd")
    return (folder / "whole.nrrd").read_bytes()


def packed_too_tightly(folder: Path) -> bytes:
    """A segmentation of few voxels whose packed bytes go on and on."""
    write_segmentation(subject(3)[1], folder / "bomb.seg.nrrd")
    header = (folder / "bomb.seg.nrrd").read_bytes().partition(b"\n\n")[0]
    return header + b"\n\n" + gzip.compress(bytes(80 << 20), 9)


SMALL = b"\1\0" * 8
BAD_UPLOADS = {
    "nothing": (b"", "it is not a NRRD file"),
    "something else": (b"\x1f\x8b" + bytes(400), "it is not a NRRD file"),
    "no voxels": (nrrd("sizes: 2 2 2", "encoding: gzip"), "cut short"),
    "claims more than there is": (nrrd("sizes: 900 900 900", "encoding: raw", content=SMALL), "cut short"),
    "claims more than the server takes": (
        nrrd("sizes: 200 200 100", "encoding: gzip", content=gzip.compress(bytes(8_000_000))),
        "MB unpacked, more than",
    ),
    "a file of the server's": (nrrd("sizes: 2 2 2", "encoding: raw", "data file: ../../tokens.txt"), "another file"),
    "many files": (nrrd("sizes: 2 2 2", "encoding: raw", "data file: LIST", "/a", "/b"), "another file"),
    "text": (nrrd("sizes: 2 2 2", "encoding: ascii", content=b"1 2 3 4 5 6 7 8"), "neither gzip-compressed nor raw"),
    "one value": (nrrd("sizes: 2 2 2", "encoding: raw", content=SMALL), "all its voxels are 1"),
}


@pytest.mark.parametrize("what", BAD_UPLOADS)
def test_a_hostile_upload_is_refused_in_words_and_not_kept(server: RunningServer, what: str) -> None:
    content, words = BAD_UPLOADS[what]
    assert_refused(server, content, words, 422)


def test_an_upload_that_is_cut_short_too_large_or_another_is_refused(server: RunningServer, tmp_path: Path) -> None:
    whole = whole_volume(tmp_path)
    assert_refused(server, whole[:-200], "cut short|damaged", 422)
    assert_refused(server, packed_too_tightly(tmp_path), "more than its header claims", 422)
    assert_refused(server, whole, "its SHA-256 is another", 422, sha256=hashlib.sha256(b"another").hexdigest())
    assert_refused(server, bytes(3 << 20), "larger than the 1 MB", 413)
    pieces = (bytes(1 << 16) for _n in range(100))
    with pytest.raises(ServerError, match="larger than the 1 MB|broke off"):
        server.connection(TOKENS[0]).ask("PUT", f"/v1/volumes/{'0' * 64}", data=pieces)
    assert_nothing_arriving(server)


def test_a_request_that_is_no_upload_may_not_be_large_with_or_without_a_token(server: RunningServer) -> None:
    connection = server.connection()
    with pytest.raises(ServerError, match="it has over 4 MB|broke off") as refused:
        connection.ask("POST", "/v1/runs", data=bytes(5 << 20))
    assert refused.value.status in (413, 0)
    pieces = (bytes(1 << 16) for _n in range(100))
    with pytest.raises(ServerError) as refused:
        connection.ask("POST", "/v1/runs", data=pieces)
    assert refused.value.status in (400, 0)
    server.client().health()


def test_a_connection_that_breaks_off_leaves_nothing(server: RunningServer) -> None:
    parts = urlsplit(server.address)
    context = ssl.create_default_context(cafile=str(server.ca_file))
    with socket.create_connection((parts.hostname, parts.port)) as plain:
        secure = context.wrap_socket(plain, server_hostname=parts.hostname)
        head = f"PUT /v1/volumes/{'1' * 64} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {TOKENS[0]}\r\n"
        secure.sendall(f"{head}Content-Length: 100000\r\n\r\n".encode() + bytes(5000))
        wait_until(lambda: any(path.suffix == ".part" for path in server.files()))
        secure.close()
    assert_nothing_arriving(server)
    wait_until(lambda: "PUT /v1/volumes/{sha256} 408" in "".join(server.log))
    assert "Traceback" not in "".join(server.log)


@pytest.mark.parametrize("name", ["..%2F..%2Ftokens.txt", "%00", "A" * 64, "0" * 63])
def test_a_volume_is_named_by_nothing_but_its_hash(server: RunningServer, name: str) -> None:
    with pytest.raises(ServerError) as refused:
        server.connection(TOKENS[0]).ask("PUT", f"/v1/volumes/{name}", data=b"x")
    assert refused.value.status in (404, 405, 422)


def assert_refused(server: RunningServer, content: bytes, words: str, status: int, sha256: str | None = None) -> None:
    sha256 = sha256 or hashlib.sha256(content).hexdigest()
    connection = server.connection(TOKENS[0])
    with pytest.raises(ServerError, match=words) as refused:
        connection.ask("PUT", f"/v1/volumes/{sha256}", data=content)
    assert refused.value.status == status
    assert str(server.cache) not in str(refused.value)
    assert connection.ask("HEAD", f"/v1/volumes/{sha256}", accept=(404,)).status_code == 404


def assert_nothing_arriving(server: RunningServer) -> None:
    wait_until(lambda: not any(path.suffix == ".part" for path in server.files()))
