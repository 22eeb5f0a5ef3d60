"""Who works: processes of this computer, the workers of a scheduler, or jobs of a cluster. All of it is Dask's."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dask
from distributed import Client, LocalCluster, Worker, WorkerPlugin

from ..errors import InputError
from ..side_by_side import available_processors
from .dask_settings import FAILURES, LIVES, THREADS

LOCAL = "local"
_PROTOCOLS = ("tcp://", "tls://")
_SECONDS_TO_ANSWER = 30
_PROCESSORS_A_WORKER = 4


@dataclass(frozen=True)
class Workers:
    """Processes that wait for work.

    Attributes:
        client: Gives them work.
        expected: How many there will be.
    """

    client: Client
    expected: int

    def places(self) -> int:
        """Volumes that are worth sending at a time: one to work on and one to go on with for every process."""
        return 2 * max(self.expected, len(self.client.nthreads()))


@contextmanager
def workers_of(scheduler: str, count: int | None, device: str) -> Iterator[Workers]:
    """Processes to work with, as long as the context lasts.

    Args:
        scheduler: `local`, the address of a scheduler, or a file that describes jobs (`jobs.py`).
        count: Processes of this computer, or jobs; a scheduler has its own.
        device: `auto`, `cpu`, `cuda` or `mps`.

    Raises:
        InputError: There is no such scheduler, or it does not answer.
    """
    if count is not None and count < 1:
        raise InputError("--workers", f"{count} are too few", "Give 1 or more.")
    if scheduler == LOCAL:
        yield from _local(count, device)
    elif scheduler.startswith(_PROTOCOLS):
        if count is not None:
            raise InputError("--workers", "a scheduler that runs has its own workers", "Leave it out.")
        yield from _remote(scheduler)
    elif scheduler.lower().endswith((".yaml", ".yml")):
        with _signals_kept():
            from .jobs import cluster_of, read_jobs
        jobs = read_jobs(Path(scheduler), count)
        with cluster_of(jobs) as cluster, Client(cluster, set_as_default=False) as client:
            # A job that ends, by its time limit for example, is followed by another one.
            cluster.adapt(minimum_jobs=jobs.count, maximum_jobs=jobs.count)
            yield Workers(client, jobs.count)
    else:
        raise InputError(
            f"--scheduler {scheduler}",
            "it is no scheduler",
            "Use local, an address such as tls://host:8786, or a .yaml file that describes jobs.",
        )


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Importing dask-jobqueue makes Ctrl-C end the program as if all were well."""
    before = {which: signal.getsignal(which) for which in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)


def _local(count: int | None, device: str) -> Iterator[Workers]:
    cards = graphics_cards() if device in ("auto", "cuda") else ()
    count = count or len(cards) or max(1, available_processors() // _PROCESSORS_A_WORKER)
    settings = {THREADS: threads_of_each(count), FAILURES: LIVES}
    with dask.config.set(settings):
        with _without_ctrl_c():
            started = LocalCluster(
                n_workers=count,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                security=True,  # others on this computer could have it run their code
                memory_limit=0,  # a run that lacks memory makes do with less by itself; it need not be killed
                silence_logs=logging.CRITICAL,
            )
        with started as cluster, Client(cluster, set_as_default=False) as client:
            client.register_plugin(OneOfSeveral(cards))
            yield Workers(client, count)


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Let threads and processes that begin inside, and what they start later, never see a Ctrl-C.

    A terminal tells it to every process of a command; only the command itself is to act on it, and ends the others.
    Windows has no such mask: there a process ignores it as soon as it has its plugin.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker  # of POSIX systems

    resource_tracker.ensure_running()  # the first process would start it, and lift the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _remote(address: str) -> Iterator[Workers]:
    try:
        client = Client(address, timeout=_SECONDS_TO_ANSWER, set_as_default=False)
    except OSError as error:
        raise InputError(address, "no scheduler answers there", "Check the address, and that it runs.") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_SECONDS_TO_ANSWER)
        except TimeoutError as error:
            raise InputError(address, "this scheduler has no workers", "Start some with `dask worker`.") from error
        yield Workers(client, len(client.nthreads()))


def threads_of_each(count: int) -> dict[str, str]:
    """The environment in which a number of processes share the processors of this computer.

    One process is given none: it then computes as `segment` does. Several have a thread each for every processor that
    is theirs, and do nothing side by side. OMP_NUM_THREADS, where it is set, is obeyed.
    """
    given = os.environ.get("OMP_NUM_THREADS")
    if given is None and count == 1:
        return {}
    return {"OMP_NUM_THREADS": given or str(max(1, available_processors() // count))}


def graphics_cards() -> tuple[str, ...]:
    """The CUDA devices that this process sees, by the names that CUDA_VISIBLE_DEVICES has for them."""
    import torch

    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = seen.split(",") if seen else [str(number) for number in range(torch.cuda.device_count())]
    return tuple(names[: torch.cuda.device_count()])


class OneOfSeveral(WorkerPlugin):
    """Makes a process of this computer one of a batch, before it loads PyTorch.

    It has a graphics card of its own, and leaves Ctrl-C, which a terminal tells everyone, to the command that ends it.

    Args:
        cards: Names of the graphics cards.
    """

    def __init__(self, cards: tuple[str, ...]) -> None:
        self._cards = cards

    def setup(self, worker: Worker) -> None:
        """In a process that begins."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if self._cards:
            os.environ["CUDA_VISIBLE_DEVICES"] = self._cards[int(worker.name) % len(self._cards)]
