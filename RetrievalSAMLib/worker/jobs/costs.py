"""What a run will cost: a small model of seconds and bytes, set right by what earlier runs on this library took.

Seconds grow with slices, with slices times segments, and with voxels. The constants are those of the preset `default`
with the bundled model on one thread of a processor, fitted to three runs (28 slices with 2 segments 12 s; 65 slices of
512 x 512 with 13 segments 77 s; 120 slices with 7 segments 57 s). For other presets and models they are scaled by the
support slices and by the cells of the image features, for a graphics card by a guess: after one run its pace counts.
"""

from __future__ import annotations

import logging
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from ...errors import InputError
from ...json_files import decode_json
from ...library.files import sealed, unsealed
from ...volumes import write_staged

FILE = "costs.json"
_KEPT_RUNS = 200
_COUNTED_RUNS = 5

_START_SECONDS = 6.5
_SLICE_SECONDS = 0.105
_SEGMENT_SECONDS = 0.045
_MEGAVOXEL_SECONDS = 1.5
_LOADING_SECONDS = 4.0
_DEVICE_PACE = {"cpu": 1.0, "mps": 0.3, "cuda": 0.08}

_PROGRAM_BYTES = 650_000_000
_VOXEL_BYTES = 24
_WEIGHTS_BYTES = 4
_CELL_BYTES = 64 * 2

_LOG = logging.getLogger(__name__)


class Setting(msgspec.Struct, frozen=True):
    """What decides the pace of a run, whatever it segments."""

    model: str
    encoder: str
    device: str
    preset: str
    image_size: int
    threads: int


Count = Annotated[int, msgspec.Meta(ge=0, le=2**50)]


class Shape(msgspec.Struct, frozen=True):
    """What decides how much there is to do.

    Attributes:
        slices: To be segmented.
        segments: To be looked for.
        voxels: Of the whole volume.
    """

    slices: Count
    segments: Count
    voxels: Count


class Run(msgspec.Struct, frozen=True):
    """A run that was measured: seconds without loading the networks, and the most memory that the process had."""

    setting: Setting
    shape: Shape
    seconds: Annotated[float, msgspec.Meta(ge=0, le=1e9)]
    memory_bytes: Count


@dataclass(frozen=True)
class Cost:
    """What a run will take.

    Attributes:
        seconds: Without loading the networks.
        memory_bytes: Of main memory, the program included.
        measured: Whether a run with these settings was measured on this library.
    """

    seconds: float
    memory_bytes: int
    measured: bool


def estimate(setting: Setting, shape: Shape, supports: int, parameters: int, cache: Path) -> Cost:
    """What a run will take.

    Args:
        setting: Of the run.
        shape: Of the run.
        supports: Support slices that a slice attends to.
        parameters: Weights of all networks.
        cache: The library's folder of derived data.
    """
    seconds = _typical_seconds(setting, shape, supports)
    memory = _typical_bytes(setting, shape, supports, parameters)
    runs = [run for run in _read(cache) if run.setting == setting][-_COUNTED_RUNS:]
    if not runs:
        return Cost(seconds, memory, measured=False)
    pace = statistics.median(run.seconds / _typical_seconds(setting, run.shape, supports) for run in runs)
    # The process never had less than its largest run, so that the smallest ratio says most.
    share = min(run.memory_bytes / _typical_bytes(setting, run.shape, supports, parameters) for run in runs)
    return Cost(seconds * pace, int(memory * share), measured=True)


def loading_seconds(parameters: int) -> float:
    """Typical time to import PyTorch and to load networks of so many weights."""
    return _LOADING_SECONDS + parameters / 1e8


def remember(run: Run, cache: Path) -> None:
    """Keep what a run took. Where the folder cannot be written the next estimate is typical again."""
    runs = [*_read(cache), run][-_KEPT_RUNS:]
    try:
        cache.mkdir(parents=True, exist_ok=True)
        write_staged(cache / FILE, lambda staged: _write(staged, sealed(msgspec.json.encode(runs))))
    except (OSError, InputError) as error:
        _LOG.warning("the time of this run cannot be kept (%s)", type(error).__name__)


def _typical_seconds(setting: Setting, shape: Shape, supports: int) -> float:
    # Every slice attends from its own cells to those of its memories: 8 supports and up to 6 slices before it.
    cells = (setting.image_size / 256) ** 2
    attention = cells * (0.5 + 0.5 * cells) * (supports + 6) / 14
    steps = shape.slices * (_SLICE_SECONDS * cells + _SEGMENT_SECONDS * shape.segments * attention)
    network = (_START_SECONDS + steps) * _DEVICE_PACE.get(setting.device, 1.0)
    return network + shape.voxels / 1e6 * _MEGAVOXEL_SECONDS


def _typical_bytes(setting: Setting, shape: Shape, supports: int, parameters: int) -> int:
    memories = supports * shape.slices * shape.segments * (setting.image_size // 16) ** 2 * _CELL_BYTES
    # Support slices recur from one slice to the next, and beyond a limit memories go to the disk.
    held = min(memories // 4, 2 << 30)
    return _PROGRAM_BYTES + parameters * _WEIGHTS_BYTES + shape.voxels * _VOXEL_BYTES + held


def _read(cache: Path) -> list[Run]:
    """Derived data, so anything that cannot be read is as good as none."""
    try:
        return decode_json(unsealed((cache / FILE).read_bytes()), list[Run])
    except (OSError, ValueError):
        return []


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
