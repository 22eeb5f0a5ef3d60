"""Runs of a tuning that were made, kept in the library's cache so that one that is stopped goes on where it was."""

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
from ..evaluation.kept_results import identity
from ..json_files import decode_json
from ..library.case import Case
from ..library.files import sealed, unsealed
from ..segmentation.settings.options import Models
from ..segmentation.settings.presets import Settings
from ..volumes import write_staged
from .trial import Trial

FOLDER = "tuning"
_FORMAT = 1
_KEPT = 4


@dataclass(frozen=True)
class KeptTrials:
    """Trials by case and settings, under one key for all else that they depend on.

    Attributes:
        folder: One JSON file a trial.
    """

    folder: Path

    @classmethod
    def of(cls, cache: Path, cases: Sequence[Case], models: Models) -> KeptTrials:
        """The trials that go with these cases and networks; those of older tunings are deleted.

        Args:
            cache: The library's folder of derived data.
            cases: All that take part.
            models: The networks.
        """
        segmenter, encoder = models.segmenter, models.encoder
        depends = [
            _FORMAT,
            __version__,
            sorted(identity(case) for case in cases),
            [segmenter.sha256, segmenter.image_size, encoder.sha256, encoder.image_size],
        ]
        kept = cls(cache / FOLDER / _hashed(depends))
        with contextlib.suppress(OSError):  # what another program holds open is left to the next time
            older = [path for path in kept.folder.parent.iterdir() if path.is_dir() and path != kept.folder]
            older.sort(key=lambda path: path.stat().st_mtime, reverse=True)
            for path in older[_KEPT - 1 :]:
                shutil.rmtree(path, ignore_errors=True)
        return kept

    def get(self, case: Case, settings: Settings) -> Trial | None:
        """A trial; None where there is none that can be read: it is derived data."""
        try:
            return decode_json(unsealed(self.path(case, settings).read_bytes()), Trial)
        except (OSError, ValueError):
            return None

    def put(self, case: Case, settings: Settings, trial: Trial) -> None:
        """Keep a trial; a reader, and a crash at any moment, finds the whole file or none.

        Raises:
            InputError: The cache cannot be written to.
        """
        content = sealed(msgspec.json.encode(trial))

        def write(staged: Path) -> None:
            staged.parent.mkdir(parents=True, exist_ok=True)
            staged.write_bytes(content)

        write_staged(self.path(case, settings), write)

    def path(self, case: Case, settings: Settings) -> Path:
        """Where a trial lies."""
        return self.folder / f"{case.id}-{_hashed(settings.as_report())[:16]}.json"


def _hashed(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]
