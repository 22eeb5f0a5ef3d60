"""DICOM as hospitals have it: series in folders, multi-frame files, segmentations (SEG) and structure sets."""

from __future__ import annotations

import importlib
import sys


def _import_pydicom() -> None:
    """Import the part of pydicom that fetches its test data without `requests`, which it can do without.

    `requests` binds a socket when it is imported, and whoever reads a file here should see no connection being tried.
    """
    if "requests" in sys.modules or "pydicom.data.download" in sys.modules:
        return
    sys.modules["requests"] = None  # type: ignore[assignment]  # so that its import fails
    try:
        importlib.import_module("pydicom.data.download")
    finally:
        del sys.modules["requests"]


_import_pydicom()
