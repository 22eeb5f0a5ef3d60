"""What travels as JSON, version 1 of the API. Unknown fields are refused, as in the worker's protocol."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..worker.library_parameters import PlaneChoice

SHA256 = r"^[0-9a-f]{64}$"
RUN_ID = r"^[0-9a-f]{32}$"
_LARGEST_INDEX = 1 << 31
_LARGEST_WHOLE = 1 << 53  # that every reader of JSON keeps

Sha256 = Annotated[str, Field(pattern=SHA256)]
RunId = Annotated[str, Field(pattern=RUN_ID)]
# No control characters: neither a path nor a line of a log can be made of them.
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Index = Annotated[int, Field(ge=0, lt=_LARGEST_INDEX)]
Millimetres = Annotated[float, Field(ge=-1e6, le=1e6)]
Position = tuple[Millimetres, Millimetres, Millimetres]
State = Literal["waiting", "running", "done", "failed", "stopped"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class ErrorBody(_Strict):
    """Why something was refused or failed: the fields of the worker's `error` event."""

    code: str
    thing: str
    fact: str
    remedy: str
    message: str


class Health(_Strict):
    """Anybody may see it: nothing that belongs to anybody."""

    version: str
    model_ready: bool
    queue_length: int


class LibrarySegment(_Strict):
    """A structure that a library's cases show; colour as RGB in [0, 1]."""

    name: str
    value: int
    color: tuple[float, float, float] | None
    terminology: str | None


class Library(_Strict):
    """A support library on the server: what `library` of a run names, and what it can find."""

    name: str
    segments: list[LibrarySegment]
    cases: int


class Libraries(_Strict):
    """All that can be used."""

    libraries: list[Library]


class Uploaded(_Strict):
    """An upload that was read and accepted."""

    sha256: str
    bytes: int


class Point(_Strict):
    """LPS in mm."""

    segment: Name
    position_mm: Position
    positive: bool


class Box(_Strict):
    """Two opposite corners, LPS in mm, in one slice."""

    segment: Name
    corners_mm: tuple[Position, Position]


class RunRequest(_Strict):
    """`segment`; with `segmentation`, `corrected`, points or boxes on it: `refine`. Fields as in docs/worker.md.

    `segmentation` is an upload: the whole corrected result, or with `refines` (the id of a run) the part of its
    result that was corrected, on the part of its grid that holds the changed slices. `partial`: whether what there is
    so far can be fetched while the run goes on.
    """

    library: Name
    volume: Sha256
    preset: Annotated[str, Field(max_length=40)] = "default"
    model: Annotated[str, Field(max_length=40)] = "bundled"
    segments: Annotated[list[Name], Field(min_length=1, max_length=1000)] | None = None
    plane: PlaneChoice = "auto"
    roi: tuple[Index, Index, Index, Index, Index, Index] | None = None
    seed: Annotated[int, Field(ge=-_LARGEST_WHOLE, le=_LARGEST_WHOLE)] = 0
    points: Annotated[list[Point], Field(max_length=10_000)] = []
    boxes: Annotated[list[Box], Field(max_length=10_000)] = []
    learned: bool = True
    teach: bool = True
    trust_header: bool = False
    clean: Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=40)] | None = None
    segmentation: Sha256 | None = None
    refines: RunId | None = None
    corrected: Annotated[list[Index], Field(max_length=100_000)] = []
    partial: bool = False


class Progress(_Strict):
    """How far a run is, as the worker says it."""

    stage: str
    done: int
    total: int
    seconds_left: float | None


class PartialState(_Strict):
    """What a run has found so far: `number` is another one whenever there is more to fetch.

    `done` of `total` slices of the present pass are drawn in it, each counted once for every crop that it is seen in.
    """

    number: int
    done: int
    total: int


class DeviceState(_Strict):
    """What one of the server's devices does. `fault`: why it has been taken out."""

    name: str
    state: Literal["starting", "free", "run", "learning", "looking at volumes", "out"]
    fault: str | None = None


class RunState(_Strict):
    """Where a run is. `place`: runs that go first, 1 for the next to begin; null once it has begun.

    `device`: on which it is computed, or was. `partial`: what there is so far, while it runs and where that was asked
    for. `error`: why it failed, or why the server has stopped it.
    """

    id: str
    state: State
    place: int | None
    device: str | None
    progress: Progress | None
    partial: PartialState | None
    error: ErrorBody | None


class Event(_Strict):
    """One Server-Sent Event. A run ends with `result` (which has the report), `error` or `stopped`.

    `stopped` has an `error` where the client has not asked for it.
    """

    event: Literal["waiting", "progress", "result", "error", "stopped"]
    id: str
    place: int | None = None
    progress: Progress | None = None
    partial: PartialState | None = None
    report: dict[str, Any] | None = None
    error: ErrorBody | None = None
