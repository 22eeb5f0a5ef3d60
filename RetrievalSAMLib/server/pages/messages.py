"""What the pages ask for, as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ..messages import DeviceState, Name, RunState, Sha256

_MOST_DECISIONS = 1000


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Line(_Strict):
    """A decision (docs/batch.md)."""

    format: Literal["retrievalsam-decision"]
    version: Literal[1]
    key: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
    volume: Name
    result: Sha256
    decision: Literal["accepted", "rejected", "undecided"]
    note: Annotated[str, Field(max_length=2000)]
    reviewer: Annotated[str, Field(max_length=100)]
    time: AwareDatetime

    def as_json(self) -> dict[str, Any]:
        """As files hold it."""
        return {**self.model_dump(), "time": _text(self.time)}


def _text(time: datetime) -> str:
    return time.isoformat()


class Decided(_Strict):
    """Decisions to be added."""

    decisions: Annotated[list[Line], Field(max_length=_MOST_DECISIONS)]


class Taken(_Strict):
    """How many of them were new."""

    added: int


class AllDecisions(_Strict):
    """All decisions of a batch, in the order of their times."""

    decisions: list[dict[str, Any]]


class BatchState(_Strict):
    """A batch, and of how many of its volumes is decided what."""

    name: str
    accepted: int
    rejected: int
    disputed: int
    undecided: int


class OwnRun(_Strict):
    """A run of this token's."""

    library: str
    run: RunState


class Overview(_Strict):
    """What one seat may know of the server.

    Attributes:
        seat: Eight digits that stand for the token, as in the log; empty without tokens.
        devices: Where it computes, and what each device does.
        accept_labels: Whether clients may change libraries (`--accept-labels`).
        runs: This seat's own.
    """

    seat: str
    version: str
    devices: list[DeviceState]
    model_ready: bool
    queue_length: int
    queue_limit: int
    keep_minutes: float
    max_upload_mb: int
    accept_labels: bool
    runs: list[OwnRun]
    batches: list[BatchState]
