"""What a run leaves on the disk, so that a correction need not begin anew: derived data, which may be deleted any time.

A state is one zip file, written beside its place and renamed. What cannot be read, or is not what was written (zip
keeps a checksum of every member), is as good as none.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import lzma
import math
import struct
import time
import uuid
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import msgspec
import torch

from ...json_files import MAX_JSON_BYTES, decode_json
from ...stages import KEEPING, timed
from ..engines.interface import ImageFeatures, Memory

FORMAT_VERSION = 1
LIMIT_BYTES = 512 << 20
"""Of one state. Image features and memories beyond it are left out, and computed again when they are needed."""
FOLDER_LIMIT_BYTES = 2 << 30
"""Of all states in a folder; the oldest go."""

SUFFIX = ".state"
RESULTS_SUFFIX = ".results.json"
_ABOUT = "about.json"
_ABANDONED_SECONDS = 24 * 3600.0
_FEATURES = ("fine", "middle", "embedding")
_DTYPES = {"float16": torch.float16, "float32": torch.float32, "bfloat16": torch.bfloat16, "uint8": torch.uint8}
_DAMAGE = (
    OSError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, ValueError, KeyError, EOFError,
    NotImplementedError, RuntimeError,
)  # fmt: skip

_LOG = logging.getLogger(__name__)


class DamagedStateError(Exception):
    """A state is not what was written. Whoever reads one catches this, and computes anew."""


class Fingerprint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a run depends on: image and models by SHA-256, cases by `content_key`, everything that was chosen."""

    image: str
    cases: tuple[str, ...]
    model: str
    image_size: int
    precision: str
    encoder: str
    encoder_size: int
    settings: dict[str, object]
    plane: str
    segments: tuple[tuple[str, int], ...]
    roi: tuple[int, ...] | None

    def serves(self, wanted: Fingerprint) -> bool:
        """Whether a state of this run can stand in for one that is wanted: it may know more segments."""
        same = msgspec.structs.replace(wanted, segments=self.segments, roi=self.roi)
        return self == same and set(wanted.segments) <= set(self.segments)


class SupportState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As `retrieval.index.Support`."""

    case: int
    slice: int
    similarity: float


class RetrievalState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As `retrieval.index.SliceRetrieval`."""

    supports: tuple[SupportState, ...]
    presence: float
    area_mm2: float


class AlignmentState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As `alignment.Alignment`, without how good it is."""

    matrix: tuple[tuple[float, ...], ...]
    offset_mm: tuple[float, ...]


class CaseState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A case that the run drew on: its number, its alignment by view, its slices' depths and indices in its file."""

    number: int
    alignments: tuple[AlignmentState, ...]
    depths_mm: tuple[float, ...]
    file_index: tuple[int, ...]


class ViewState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As `spatial_prior.crops.View`."""

    centre_mm: tuple[float, float]
    side_mm: tuple[float, float]
    rows: tuple[int, ...]


class ArrayState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Type and shape of a member of the zip file."""

    dtype: str
    shape: tuple[int, ...]


class About(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything but tensors; segments in the order of ``run.segments``."""

    format_version: int
    program: str
    run: Fingerprint
    searched: tuple[int, int]
    overlapping: tuple[int, ...]
    verdict: str
    because: tuple[str, ...]
    views: tuple[ViewState, ...]
    retrieval: tuple[tuple[RetrievalState, ...], ...]
    cases: tuple[CaseState, ...]
    arrays: dict[str, ArrayState]
    backwards: tuple[int, ...] = ()
    is_backwards: bool = False
    turned_degrees: float | None = None


def features_name(view: int, index: int) -> str:
    """Of the image features of a slice seen in a view."""
    return f"features/{view}/{index}"


def memory_name(view: int, case: int, number: int) -> str:
    """Of the memories of a support slice for the segments of a view."""
    return f"memory/{view}/{case}/{number}"


def place_name(view: int, index: int, row: int) -> str:
    """Of the mean mask of a segment in a slice as a view shows it."""
    return f"place/{view}/{index}/{row}"


class StateWriter:
    """Writes the state of a run while it runs. A folder that cannot be written costs the state, not the run.

    Args:
        folder: Of all states; made if it is not there.
        limit_bytes: `LIMIT_BYTES` unless given.
    """

    def __init__(self, folder: Path, limit_bytes: int | None = None) -> None:
        self.folder = folder
        self.limit_bytes = LIMIT_BYTES if limit_bytes is None else limit_bytes
        self._zip: zipfile.ZipFile | None = None
        self._staged = folder / f"{uuid.uuid4().hex}.part"
        self._arrays: dict[str, ArrayState] = {}
        self._bytes = 0

    def __enter__(self) -> StateWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._discard()

    def begin(self) -> None:
        """Begin, or begin anew: what a pass before this one left is of no use."""
        self._discard()
        self._arrays, self._bytes = {}, 0
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._zip = zipfile.ZipFile(self._staged, "w", zipfile.ZIP_STORED)
        except OSError as error:
            self._give_up(error)

    def put_features(self, name: str, features: ImageFeatures) -> None:
        """Keep the image features of one slice in half precision; their position, the same for all, once."""
        for part in _FEATURES:
            self._put(f"{name}/{part}", getattr(features, part).half(), limited=True)
        if "position" not in self._arrays:
            self._put("position", features.position[:1])

    def put_memory(self, name: str, memory: Memory) -> None:
        """Keep memories bit for bit."""
        self._put(f"{name}/spatial", memory.spatial, limited=True)
        self._put(f"{name}/pointer", memory.pointer, limited=True)

    def put_place(self, name: str, place: torch.Tensor) -> None:
        """Keep a mean mask to 1 / 255; an empty one as one pixel."""
        if not place.any():
            place = place[:1, :1]
        self._put(name, (place.clamp(0, 1) * 255).round().to(torch.uint8), zipfile.ZIP_DEFLATED)

    @timed(KEEPING)
    def finish(self, about: About) -> Path | None:
        """Put the state in its place; None where it could not be written."""
        if self._zip is None:
            return None
        about = msgspec.structs.replace(about, arrays=self._arrays)
        path = self.folder / f"{state_stem(about.run)}{SUFFIX}"
        try:
            self._zip.writestr(_ABOUT, msgspec.json.encode(about))
            self._zip.close()
            self._zip = None
            self._staged.replace(path)
            make_room(self.folder, keep=path)
        except OSError as error:
            self._give_up(error)
            return None
        return path

    @timed(KEEPING)
    def _put(
        self, name: str, tensor: torch.Tensor, compression: int = zipfile.ZIP_STORED, limited: bool = False
    ) -> None:
        if self._zip is None or name in self._arrays or (limited and self._bytes + tensor.nbytes > self.limit_bytes):
            return
        tensor = tensor.detach().cpu().contiguous()
        kind = str(tensor.dtype).removeprefix("torch.")
        raw = tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor
        try:
            self._zip.writestr(name, raw.numpy().tobytes(), compression, 1)
        except OSError as error:
            self._give_up(error)
            return
        self._arrays[name] = ArrayState(kind, tuple(tensor.shape))
        self._bytes += tensor.nbytes

    def _give_up(self, error: OSError) -> None:
        _LOG.warning("what a correction needs cannot be kept (%s)", type(error).__name__)
        self._discard()

    def _discard(self) -> None:
        if self._zip is not None:
            # The end of a zip file is written on closing: on a full disk that fails once more.
            with contextlib.suppress(OSError, ValueError):
                self._zip.close()
            self._zip = None
        with contextlib.suppress(OSError):
            self._staged.unlink(missing_ok=True)


class StoredState:
    """A state that was read; close it after use.

    Args:
        path: The file.

    Raises:
        DamagedStateError: It is not what `StateWriter` wrote.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._zip: zipfile.ZipFile | None = None
        try:
            self._zip = zipfile.ZipFile(path)
            with self._zip.open(_ABOUT) as stream:
                self.about = decode_json(stream.read(MAX_JSON_BYTES + 1), About)
            _check(self.about)
        except _DAMAGE as error:
            self.close()
            raise DamagedStateError(f"it cannot be read ({type(error).__name__})") from error

    def __enter__(self) -> StoredState:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, which Windows would otherwise not let go."""
        if self._zip is not None:
            self._zip.close()
            self._zip = None

    def features(self, view: int, index: int) -> ImageFeatures | None:
        """Image features of a slice in a view, None where they were not kept."""
        name = features_name(view, index)
        parts = [self._get(f"{name}/{part}") for part in _FEATURES]
        position = self._get("position")
        if position is None or any(part is None for part in parts):
            return None
        fine, middle, embedding = (part.float() for part in parts if part is not None)
        return ImageFeatures(fine, middle, embedding, position)

    def memory(self, view: int, case: int, number: int) -> Memory | None:
        """Memories of a support slice, None where they were not kept."""
        name = memory_name(view, case, number)
        spatial, pointer = self._get(f"{name}/spatial"), self._get(f"{name}/pointer")
        return None if spatial is None or pointer is None else Memory(spatial, pointer)

    def place(self, view: int, index: int, row: int) -> torch.Tensor | None:
        """Mean mask of a segment, None where nothing was known."""
        known = self._get(place_name(view, index, row))
        return None if known is None else known.float() / 255

    def _get(self, name: str) -> torch.Tensor | None:
        expected = self.about.arrays.get(name)
        if expected is None:
            return None
        if self._zip is None:
            raise ValueError("the state is closed")
        try:
            dtype = _DTYPES[expected.dtype]
            if self._zip.getinfo(name).file_size != math.prod(expected.shape) * dtype.itemsize:
                raise ValueError("it has another size")
            # A copy, because what zip gives cannot be written to and torch warns of that.
            return torch.frombuffer(bytearray(self._zip.read(name)), dtype=dtype).reshape(expected.shape)
        except _DAMAGE as error:
            raise DamagedStateError(f"{name} cannot be read ({type(error).__name__})") from error


def _check(about: About) -> None:
    if about.format_version != FORMAT_VERSION:
        raise ValueError("another version")
    first, last = about.searched
    segments = len(about.run.segments)
    if len(about.retrieval) != last - first or any(len(row) != segments for row in about.retrieval):
        raise ValueError("retrieval is incomplete")
    if sorted(row for view in about.views for row in view.rows) != list(range(segments)):
        raise ValueError("the views do not show every segment once")
    if any(len(case.alignments) != len(about.views) for case in about.cases):
        raise ValueError("a case is not aligned in every view")
    known = {case.number for case in about.cases}
    if not all(s.case in known for row in about.retrieval for one in row for s in one.supports):
        raise ValueError("a support is of a case that is not described")


def state_stem(run: Fingerprint) -> str:
    """Name of a state's files without their ends: the image first, so that its states are found."""
    return f"{run.image[:24]}-{hashlib.sha256(msgspec.json.encode(run, order='sorted')).hexdigest()[:16]}"


def results_file(path: Path) -> Path:
    """Beside a state, what is known of the results that came from it (see `known_results`)."""
    return path.with_name(path.name.removesuffix(SUFFIX) + RESULTS_SUFFIX)


def find_state(folder: Path, wanted: Fingerprint, program: str) -> StoredState | None:
    """The newest state that can stand in for a run, open; None where there is none."""
    for path in sorted(_states(folder, wanted.image[:24]), key=_age):
        try:
            state = StoredState(path)
        except DamagedStateError as error:
            _LOG.warning("what an earlier run left is damaged: %s", error)
            continue
        if state.about.program == program and state.about.run.serves(wanted):
            return state
        state.close()
    return None


def make_room(folder: Path, keep: Path, limit_bytes: int = FOLDER_LIMIT_BYTES) -> None:
    """Delete the oldest states beyond a limit, and what processes that were killed left."""
    total = 0
    for path in sorted(_states(folder, ""), key=_age):
        beside = results_file(path)
        with contextlib.suppress(OSError):  # another process deletes here too, or reads and must not lose it
            total += path.stat().st_size + (beside.stat().st_size if beside.exists() else 0)
            if total > limit_bytes and path != keep:
                path.unlink()
                beside.unlink(missing_ok=True)
    for path in folder.glob("*.part"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                path.unlink()


def _states(folder: Path, beginning: str) -> Sequence[Path]:
    return [path for path in folder.glob(f"{beginning}*{SUFFIX}") if path.is_file()] if folder.is_dir() else []


def _age(path: Path) -> float:
    try:
        return -path.stat().st_mtime
    except OSError:
        return 0.0
