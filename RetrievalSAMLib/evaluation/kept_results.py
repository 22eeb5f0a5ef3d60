"""Finished cases of a review, kept in the library's cache so that a review goes on where it was."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from .. import __version__
from ..json_files import decode_json
from ..library.case import Case
from ..library.files import sealed, unsealed
from ..segmentation.settings.options import Models
from ..segmentation.settings.presets import Settings
from ..volumes import write_staged
from .leave_one_out import LeftOut

_FOLDER = "review"
_FORMAT = 2
_KEPT_REVIEWS = 4


@dataclass(frozen=True)
class KeptResults:
    """Results by case, under one key for all that they depend on.

    Attributes:
        folder: One JSON file a case.
    """

    folder: Path

    @classmethod
    def of(cls, cache: Path, cases: Sequence[Case], models: Models, settings: Settings) -> KeptResults:
        """The results that go with these cases, networks and settings; those of older reviews are deleted.

        Args:
            cache: The library's folder of derived data.
            cases: All that take part.
            models: The networks.
            settings: Of the runs.
        """
        segmenter, encoder = models.segmenter, models.encoder
        depends = [
            _FORMAT,
            __version__,
            sorted(identity(case) for case in cases),
            [segmenter.sha256, segmenter.image_size, encoder.sha256, encoder.image_size],
            settings.as_report(),
        ]
        key = hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()[:32]
        kept = cls(cache / _FOLDER / key)
        _forget_old(cache / _FOLDER, keep=kept.folder)
        return kept

    def get(self, case: Case) -> LeftOut | None:
        """The result of a case; None where there is none that can be read: it is derived data."""
        try:
            return decode_json(unsealed(self._path(case).read_bytes()), LeftOut)
        except (OSError, ValueError):
            return None

    def put(self, case: Case, result: LeftOut) -> None:
        """Keep a result; a reader, and a crash at any moment, finds the whole file or none.

        Raises:
            InputError: The cache cannot be written to.
        """
        path = self._path(case)
        content = msgspec.json.encode(result)

        def write(staged: Path) -> None:
            staged.parent.mkdir(parents=True, exist_ok=True)
            staged.write_bytes(sealed(content))

        write_staged(path, write)

    def _path(self, case: Case) -> Path:
        return self.folder / f"{case.id}.json"


def identity(case: Case) -> list[object]:
    """What a result depends on in a case. Its name too: results name the cases that they drew on."""
    segments = [[s.name, s.value, s.terminology, s.annotated_slices] for s in case.segments]
    return [case.id, case.name, case.content_hash, str(case.plane), segments]


def _forget_old(folder: Path, keep: Path) -> None:
    """Delete all but the newest reviews. What another program holds open, or has deleted, is left to the next time."""
    with contextlib.suppress(OSError):
        others = [path for path in folder.iterdir() if path.is_dir() and path != keep]
        others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for path in others[_KEPT_REVIEWS - 1 :]:
            shutil.rmtree(path, ignore_errors=True)
