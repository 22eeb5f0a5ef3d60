"""The file of a volume that the worker reads: written once as long as the volume stays as it is.

A run, the previews of its result and every propagation read the same voxels.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..turn_queue import TurnQueue, Work
from .volume_files import SceneError, check_volume, file_ijk_to_ras, writing_volume
from .work_folder import WorkFolder

Told = Callable[[Path], None]
Failed = Callable[[SceneError], None]


class ImageFile:
    """The file of one volume at a time; another volume, or other voxels, take its place."""

    def __init__(self, work: WorkFolder) -> None:
        self._work = work
        self._turns = TurnQueue()
        self._folders: list[Path] = []
        self._key: Any = None
        self._is_whole = False
        self._waiting: list[tuple[Told, Failed]] = []

    def ask(self, volume: slicer.vtkMRMLScalarVolumeNode, on_file: Told, on_fault: Failed) -> None:
        """Have the file of a volume.

        Args:
            volume: The volume.
            on_file: Told the file, before this returns where it is there already.
            on_fault: Told why it cannot be written.

        Raises:
            SceneError: The volume has nothing that can be written, or there is no room for a folder.
        """
        check_volume(volume)
        if self._key != _key(volume):
            folder = self._work.new()
            self._stop()
            self._folders.append(folder)  # the one before may still be read
            self._key = _key(volume)
            self._turns.go_through(self._writing(volume))
        if self._is_whole:
            on_file(self._file)
        else:
            self._waiting.append((on_file, on_fault))

    def forget(self) -> None:
        """The file is needed no more; nobody who waits is told."""
        self._stop()
        self._waiting.clear()
        for folder in self._folders:
            self._work.delete(folder)
        self._folders.clear()

    @property
    def _file(self) -> Path:
        return self._folders[-1] / "image.nrrd"

    def _stop(self) -> None:
        self._turns.clear()
        self._key, self._is_whole = None, False

    def _writing(self, volume: slicer.vtkMRMLScalarVolumeNode) -> Work:
        while True:
            self._key = _key(volume)
            try:
                yield from writing_volume(volume, self._file)
                if volume.GetImageData() is None or volume.GetScene() is None:
                    raise SceneError(_("The volume was deleted."))
            except SceneError as error:
                self._stop()
                waiting, self._waiting = self._waiting, []
                for _on_file, on_fault in waiting:
                    on_fault(error)
                return
            if self._key == _key(volume):  # else it was changed meanwhile
                break
        self._is_whole = True
        waiting, self._waiting = self._waiting, []
        for on_file, _on_fault in waiting:
            on_file(self._file)


def _key(volume: slicer.vtkMRMLScalarVolumeNode) -> Any:
    """Another one where the file would be another one."""
    image = volume.GetImageData()
    stamps = image.GetMTime(), image.GetPointData().GetMTime(), image.GetPointData().GetScalars().GetMTime()
    return volume.GetID(), stamps, file_ijk_to_ras(volume).tobytes()  # a time stamp is VTK's for one object alone
