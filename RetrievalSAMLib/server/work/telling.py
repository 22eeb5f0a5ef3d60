"""What is told of a run: by the worker to the server, and by the server to clients."""

from __future__ import annotations

from ...worker.protocol import Partial
from ...worker.protocol import Progress as WorkerProgress
from ..messages import ErrorBody, Event, PartialState, Progress, RunState
from .run import Errand, Run


def tell(run: Run, told: WorkerProgress | Partial) -> None:
    """Note what the worker says of a run, and wake who follows it."""
    if isinstance(told, Partial):
        if run.so_far is not None:
            run.so_far.note(told)
        return
    if run.so_far is not None:
        run.so_far.settle()
    note(run, told)
    run.touch()


def note(job: Run | Errand, told: WorkerProgress | Partial) -> None:
    """Note how far something is."""
    assert isinstance(told, WorkerProgress)  # nothing of an errand is asked for before its end
    job.progress = Progress(stage=told.stage, done=told.done, total=told.total, seconds_left=told.seconds_left)


def unheard(seconds: float) -> ErrorBody:
    """Why a run is cancelled that nobody follows."""
    fact = f"nobody has followed it for {seconds:g} s, so the server has ended it"
    remedy = "Start it again, and follow its events until it has a result (GET /v1/runs/{id}/events)."
    return ErrorBody(code="unheard", thing="run", fact=fact, remedy=remedy, message=f"run: {fact}. {remedy}")


def state_of(run: Run, place: int | None) -> RunState:
    """Where a run is.

    Args:
        run: The run.
        place: In the queue, None where it does not wait.
    """
    return RunState(
        id=run.id,
        state=run.state,
        place=place,
        device=run.device,
        progress=run.progress,
        partial=_partial_of(run),
        error=run.error,
    )


def event_of(run: Run, place: int | None) -> Event:
    """The same for whoever follows it; a run that is done brings its report."""
    if run.state == "done":
        return Event(event="result", id=run.id, report=run.report)
    if run.state == "failed":
        return Event(event="error", id=run.id, error=run.error)
    if run.state == "stopped":
        return Event(event="stopped", id=run.id, error=run.error)
    if run.state == "waiting":
        return Event(event="waiting", id=run.id, place=place)
    return Event(event="progress", id=run.id, progress=run.progress, partial=_partial_of(run))


def _partial_of(run: Run) -> PartialState | None:
    return None if run.so_far is None else run.so_far.state
