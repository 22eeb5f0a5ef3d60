"""The limit of the memory cache on the command line, and what `doctor` says of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from RetrievalSAMLib.cli.main import main


def test_doctor_says_where_the_memory_cache_is_and_how_large(
    library: Path, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETRIEVALSAM_CACHE", str(tmp_path / "own"))
    monkeypatch.setenv("COLUMNS", "400")

    def doctor() -> str:
        capsys.readouterr()
        assert main(["doctor"]) == 0
        return next(line for line in capsys.readouterr().out.splitlines() if "memory cache" in line)

    command = ["segment", str(library), str(image), "-o", str(tmp_path / "r.nii.gz"), "--roi", "0,20,0,24,3,5"]
    assert main([*command, "--memory-cache-gb", "0"]) == 0
    folder = tmp_path / "own" / "memories"
    assert not folder.exists() and "0.0 of 1024 MB" in doctor()
    assert main([*command, "--memory-cache-gb", "0.5"]) == 0
    held = sum(path.stat().st_size for path in folder.glob("*.kept"))
    assert held > 1e5 and f"{held / (1 << 20):.1f} of 1024 MB in {folder}" in doctor()
    monkeypatch.setenv("RETRIEVALSAM_MEMORY_CACHE_GB", "0")
    assert "switched off" in doctor()
