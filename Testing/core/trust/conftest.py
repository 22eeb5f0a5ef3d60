"""Folders of a made-up user, and processes that run as that user and may open no connection."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from identified_series import ROOT, USER

# Python loads this before anything else; from then on every connection is an error, and is written down.
_GUARD = """
import os, sys

def guard(event, arguments):
    if event in {events}:
        with open({file!r}, "a") as noted:
            noted.write(event + "\\n")
        raise PermissionError("no connection is allowed here")

sys.addaudithook(guard)
"""
_EVENTS = {
    "socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg",
    "urllib.Request", "http.client.connect", "ftplib.connect", "smtplib.connect",
}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The made-up user's home, where caches and logs go."""
    folder = tmp_path / "homes" / USER
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def variables(home: Path, tmp_path: Path) -> dict[str, str]:
    """The environment of a process of that user, in which no connection can be opened."""
    guard = tmp_path / "guard"
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(_GUARD.format(events=_EVENTS, file=str(tmp_path / "connections")))
    names = dict.fromkeys(("USER", "LOGNAME", "USERNAME"), USER)
    homes = dict.fromkeys(("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"), str(home))
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("XDG_", "RETRIEVALSAM_"))}
    path = os.pathsep.join((str(guard), str(ROOT)))
    return kept | names | homes | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture
def connections(tmp_path: Path) -> Callable[[], str]:
    """What was tried to be opened, a line each."""
    noted = tmp_path / "connections"
    return lambda: noted.read_text() if noted.exists() else ""


_COMMANDS = """
import json, sys
from RetrievalSAMLib.cli.main import main

for arguments in json.loads(sys.argv[1]):
    assert main(arguments) == 0, arguments
"""


@pytest.fixture
def commands(variables: dict[str, str], tmp_path: Path) -> Callable[[list[list[object]]], bytes]:
    """Runs commands one after the other, in a process of that user; gives what they said on stdout and stderr."""

    def run(every: list[list[object]]) -> bytes:
        told = json.dumps([list(map(str, one)) for one in every])
        done = subprocess.run([sys.executable, "-c", _COMMANDS, told], env=variables, cwd=tmp_path, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout + done.stderr

    return run
