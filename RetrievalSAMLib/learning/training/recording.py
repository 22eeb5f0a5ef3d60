"""Every case as a run by the other cases sees it: what experts learn from, and what their proof is made on.

These runs are `library review`'s, with the preset that will be used. What they give is kept in the library's cache: a
recording stays good while the case is as it was, every case that its run drew on is still there, and the library has
not grown by half since.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ... import __version__
from ...library.case import Case
from ...library.files import sealed, unsealed
from ...library.segments import segments_of
from ...progress import Progress
from ...retrieval.evidence import CaseSlices, content_key
from ...segmentation.pipeline import segment_volume
from ...segmentation.settings.options import Models, RunOptions
from ...segmentation.settings.presets import Settings
from ...segmentation.steps.second_opinion import Findings, Revision
from ...volumes import Plane, write_staged
from ..view.grids import Box, Grid
from ..view.scene import MARGIN_MM, Scene, image_part, region_of, scene_of, stack_grid

_FORMAT = 1
_GROWTH = 1.5
_STAGE = "segmenting every case by the others"


@dataclass(frozen=True)
class Recording:
    """A case as a run sees it that does not know it.

    Attributes:
        case: Key of its content (`content_key`).
        others: Keys of the cases by which it was segmented.
        scene: The part around what was drawn, found or is likely.
        asked: The part of the scene that an expert would be shown, which does not know what was drawn; None where the
            run found nothing and nothing was likely.
    """

    case: str
    others: tuple[str, ...]
    scene: Scene
    asked: Box | None


class _Recorder:
    """A run's second opinion that changes nothing and keeps what it was shown."""

    def __init__(self, drawn_mm: tuple[np.ndarray, np.ndarray]) -> None:
        self.drawn_mm = drawn_mm
        self.scene: Scene | None = None
        self.asked: Box | None = None

    def revise(self, findings: Findings) -> Revision | None:
        """Keep the scene."""
        values = [segment.value for segment in findings.segments]
        found = [logits > 0 for logits in findings.logits]
        corners = region_of(findings.stack, found, findings.place, values)
        low, high = self.drawn_mm
        if corners is not None:
            low, high = np.minimum(low, corners[0]), np.maximum(high, corners[1])
        self.scene = scene_of(findings.stack, (low, high), findings.logits, findings.place, values)
        if corners is not None:
            self.asked = self.scene.grid.box(*corners)
        return None


def drawn_corners(slices: CaseSlices) -> tuple[np.ndarray, np.ndarray]:
    """Corners in mm of all that is drawn in a case, with the margin of an expert; of all where nothing is."""
    grid = stack_grid(slices.stack)
    spacing = np.array(grid.spacing_mm)
    extent = spacing * np.array(grid.size)
    places = slices.places_mm(list(slices.labels))
    if not len(places):
        return np.zeros(3), extent
    low, high = places.min(0) - spacing / 2, places.max(0) + spacing / 2
    return np.clip(low - MARGIN_MM, 0, extent), np.clip(high + MARGIN_MM, 0, extent)


@dataclass(frozen=True)
class RecordedRuns:
    """Where recordings are kept, under one key for models and settings."""

    folder: Path
    plane: Plane

    @classmethod
    def of(cls, cache: Path, plane: Plane, models: Models, settings: Settings) -> RecordedRuns:
        """Those that go with these networks; those of others are deleted."""
        segmenter, encoder = models.segmenter, models.encoder
        depends = [
            _FORMAT,
            __version__,
            str(plane),
            [segmenter.sha256, segmenter.image_size, encoder.sha256, encoder.image_size],
            settings.as_report(),
        ]
        key = hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()[:32]
        with contextlib.suppress(OSError):
            for path in (cache / "learning" / "runs").iterdir():
                if path.name != key:
                    shutil.rmtree(path, ignore_errors=True)
        return cls(cache / "learning" / "runs" / key, plane)

    def complete(
        self, cases: Sequence[Case], models: Models, settings: Settings, options: RunOptions, progress: Progress
    ) -> None:
        """Make those that are missing.

        Args:
            cases: At least two.
            models: Of the runs.
            settings: Of the runs.
            options: Of the runs; plane and segments are the case's.
            progress: Told how many cases are done; what it raises ends the runs.

        Raises:
            DamagedLibraryError: A file of a case is missing or not what was written.
            InputError: The cache cannot be written.
        """
        for number, case in enumerate(cases):
            progress(_STAGE, number, len(cases))
            if self.of_case(case, cases) is None:
                others = [other for other in cases if other is not case]
                self._keep(self._record(case, others, models, settings, options, progress, (number, len(cases))))
        progress(_STAGE, len(cases), len(cases))

    def of_case(self, case: Case, cases: Sequence[Case]) -> Recording | None:
        """That of a case, if it is there and still good among these cases."""
        key = content_key(case, self.plane)
        try:
            recording = _decoded(unsealed(self._path(key).read_bytes()))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None  # derived data
        now = {content_key(other, self.plane) for other in cases}
        grown = len(cases) - 1 > _GROWTH * len(recording.others)
        return recording if recording.case == key and set(recording.others) <= now and not grown else None

    def _record(
        self,
        case: Case,
        others: Sequence[Case],
        models: Models,
        settings: Settings,
        options: RunOptions,
        progress: Progress,
        place: tuple[int, int],
    ) -> Recording:
        def step(_stage: str, _done: int, _total: int) -> None:
            progress(_STAGE, *place)  # the case is not done, but the caller may want an end

        slices = CaseSlices.load(case, self.plane)
        recorder = _Recorder(drawn_corners(slices))
        own = {segment.value for segment in case.segments}
        known = [segment.name for segment in segments_of(others) if segment.value in own]
        keys = tuple(sorted(content_key(other, self.plane) for other in others))
        key = content_key(case, self.plane)
        if known:
            options = replace(options, plane=self.plane, segments=tuple(known), progress=step)
            segment_volume(case.load_image(), others, models, settings, options, opinion=recorder)
        if recorder.scene is None:
            # No other case has any of its segments: there is nothing to be told of it but what it shows.
            grid = stack_grid(slices.stack)
            box = grid.box(*recorder.drawn_mm)
            scene = Scene(grid.part(box), box, image_part(slices.stack, box), {}, {})
            return Recording(key, keys, scene, None)
        return Recording(key, keys, recorder.scene, recorder.asked)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.npz"

    def _keep(self, recording: Recording) -> None:
        content = sealed(_encoded(recording))

        def write(staged: Path) -> None:
            staged.parent.mkdir(parents=True, exist_ok=True)
            staged.write_bytes(content)

        write_staged(self._path(recording.case), write)


def _encoded(recording: Recording) -> bytes:
    scene = recording.scene
    arrays: dict[str, np.ndarray] = {
        "case": np.array(recording.case),
        "others": np.array(recording.others),
        "low_mm": np.array(scene.grid.low_mm),
        "spacing_mm": np.array(scene.grid.spacing_mm),
        "box": np.array([(side.start, side.stop) for side in scene.box]),
        "asked": np.array([] if recording.asked is None else [(s.start, s.stop) for s in recording.asked]),
        "image": scene.image.astype(np.float16),
    }
    arrays |= {f"probability-{value}": one for value, one in scene.probability.items()}
    arrays |= {f"prior-{value}": one for value, one in scene.prior.items()}
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def _decoded(content: bytes) -> Recording:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        image = arrays["image"].astype(np.float32)
        by_kind: dict[str, dict[int, np.ndarray]] = {"probability": {}, "prior": {}}
        for name in arrays.files:
            kind, _, value = name.partition("-")
            if kind in by_kind:
                by_kind[kind][int(value)] = arrays[name]
        low, spacing = (tuple(float(x) for x in arrays[name]) for name in ("low_mm", "spacing_mm"))
        a, b, c = image.shape
        grid = Grid((low[0], low[1], low[2]), (spacing[0], spacing[1], spacing[2]), (a, b, c))
        box, asked = _box(arrays["box"]), arrays["asked"]
        scene = Scene(grid, box, image, by_kind["probability"], by_kind["prior"])
        others = tuple(str(one) for one in arrays["others"])
        return Recording(str(arrays["case"]), others, scene, _box(asked) if asked.size else None)


def _box(sides: np.ndarray) -> Box:
    a, b, c = (slice(int(start), int(stop)) for start, stop in sides.tolist())
    return a, b, c
