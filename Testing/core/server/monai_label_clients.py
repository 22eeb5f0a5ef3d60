"""MONAI Label's own clients, as its package on PyPI has them: that of Python, and that of its 3D Slicer module."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

_FOLDER = Path(sys.prefix) / "monai-label"
PATTERNS = {
    "python": "lib*/**/monailabel/client/client.py",
    "slicer": "monailabel/plugins/slicer/MONAILabel/MONAILabelLib/client.py",
}


def client_of(which: str, address: str, folder: Path) -> Any:
    """A client of `PATTERNS` for a server, which puts what it gets into a folder."""
    module = _module(which)
    return module.MONAILabelClient(address, tmpdir=str(folder), client_id="tester")


def _module(which: str) -> ModuleType:
    name = f"monai_label_{which}_client"
    if name in sys.modules:
        return sys.modules[name]
    files = sorted(_FOLDER.glob(PATTERNS[which]))
    if not files:
        pytest.skip("MONAI Label's clients are not installed (requirements-monai-label.txt; the set-up does it)")
    if importlib.util.find_spec("cgi") is None:
        pytest.skip("MONAI Label 0.8.5's clients need Python's module cgi, which ended with Python 3.12")
    spec = importlib.util.spec_from_file_location(name, files[0])
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        spec.loader.exec_module(module)
    sys.modules[name] = module
    return module
