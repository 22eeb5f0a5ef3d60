"""Questions to the user that need a window: which folder, which file."""

from __future__ import annotations

import qt


def folder(parent: qt.QWidget, title: str, start: str = "") -> str:
    """A folder that exists, or an empty text where the user changed their mind."""
    return qt.QFileDialog.getExistingDirectory(parent, title, start)


def file_to_open(parent: qt.QWidget, title: str, kinds: str) -> str:
    """A file that exists, or an empty text. `kinds` is Qt's: `Images (*.nrrd *.nii.gz)`."""
    return qt.QFileDialog.getOpenFileName(parent, title, "", kinds)


def files_to_open(parent: qt.QWidget, title: str, kinds: str) -> list[str]:
    """Files that exist, or none."""
    return list(qt.QFileDialog.getOpenFileNames(parent, title, "", kinds))


def file_to_save(parent: qt.QWidget, title: str, suggested: str, kinds: str) -> str:
    """A file to write, or an empty text; Qt has asked before one is replaced."""
    return qt.QFileDialog.getSaveFileName(parent, title, suggested, kinds)
