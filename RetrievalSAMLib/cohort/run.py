"""Gives volumes to processes and takes outcomes as they come. Who works on what, and again, is Dask's business."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from itertools import islice

from distributed import Future, KilledWorker, as_completed

from ..errors import InputError
from ..worker.faults import fault_of
from .cluster import Workers
from .items import Item
from .order import Order
from .results import FAILED, Outcome
from .work import ItemFault, segment_item

_RETRIES = 1
"""Of a volume that failed for a reason that may pass."""


def outcomes(workers: Workers, order: Order, items: Sequence[Item]) -> Iterator[Outcome]:
    """The outcomes of all volumes, in the order in which they are finished.

    Only a few volumes are on their way at a time, however many there are.

    Raises:
        InputError: The scheduler is gone.
    """
    batch = uuid.uuid4().hex  # two batches on one scheduler may have the same ids
    waiting = iter(items)
    ids: dict[str, str] = {}
    running = as_completed(loop=workers.client.loop)

    def send(count: int) -> None:
        for item in islice(waiting, max(0, count)):
            key = f"{item.id}-{batch}"
            ids[key] = item.id
            running.add(workers.client.submit(segment_item, order, item, key=key, pure=False, retries=_RETRIES))

    send(workers.places())
    for future in running:
        yield _outcome(future, ids.pop(future.key))
        future.release()
        send(workers.places() - len(ids))


def _outcome(future: Future, item_id: str) -> Outcome:
    try:
        error = future.exception()
    except CancelledError as cancelled:
        raise InputError(
            "scheduler", "the connection to it is lost", "Run the same command again to go on."
        ) from cancelled
    if error is None:
        done: Outcome = future.result()
        return done
    if isinstance(error, KilledWorker):
        told = "every process that worked on it ended. It may need more memory than there is: use fewer --workers."
        return Outcome(item_id, FAILED, error=told)
    if isinstance(error, ItemFault):
        return Outcome(item_id, FAILED, error=error.told, details=error.details)
    # The process could not even begin: its packages are not those of this computer.
    fault = fault_of(error, None)
    return Outcome(item_id, FAILED, error=f"the process could not begin. {fault.message}", details=fault.details)
