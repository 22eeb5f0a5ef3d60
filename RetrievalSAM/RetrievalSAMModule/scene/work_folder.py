"""Temporary files on their way between Slicer and the worker. They hold pixels of patients, so none is left behind."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from .volume_files import SceneError


class WorkFolder:
    """A temporary folder of its own for each request."""

    def __init__(self) -> None:
        self._root: Path | None = None

    def new(self) -> Path:
        """A new empty folder.

        Raises:
            SceneError: The disk takes none.
        """
        try:
            if self._root is None:
                self._root = Path(tempfile.mkdtemp(prefix="RetrievalSAM-", dir=slicer.app.temporaryPath or None))
            return Path(tempfile.mkdtemp(dir=self._root))
        except OSError as error:
            raise SceneError(
                _("Slicer's temporary folder cannot be written ({error}). Free some space and try again.").format(
                    error=error.strerror
                )
            ) from error

    def delete(self, folder: Path) -> None:
        """Delete one of the folders; a file that Windows still holds open goes at the end."""
        shutil.rmtree(folder, ignore_errors=True)

    def cleanup(self) -> None:
        """Delete everything."""
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)
            self._root = None
