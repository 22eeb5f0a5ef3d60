"""What several of the library's tests do with files."""

from __future__ import annotations

import hashlib
from pathlib import Path


def files_below(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its contents; the lock and what is derived are no content."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock" and path.relative_to(folder).parts[0] != "cache"
    }


def rewrite(path: Path, data: bytes) -> None:
    """Replace a file together with its checksum, as another program would."""
    path.write_bytes(data)
    path.with_name(path.name + ".sha256").write_bytes(f"{hashlib.sha256(data).hexdigest()}  {path.name}\n".encode())
