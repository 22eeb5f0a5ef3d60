"""Jobs of a cluster that work on a batch, as a YAML file describes them; `dask-jobqueue` writes and submits them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask
import yaml
from dask_jobqueue.core import Job, JobQueueCluster
from dask_jobqueue.lsf import LSFCluster, LSFJob
from dask_jobqueue.pbs import PBSCluster, PBSJob
from dask_jobqueue.sge import SGECluster, SGEJob
from dask_jobqueue.slurm import SLURMCluster, SLURMJob

from ..errors import InputError
from .dask_settings import FAILURES, LIVES

KINDS: dict[str, tuple[type[JobQueueCluster], type[Job]]] = {
    "slurm": (SLURMCluster, SLURMJob),
    "pbs": (PBSCluster, PBSJob),
    "lsf": (LSFCluster, LSFJob),
    "sge": (SGECluster, SGEJob),
}
_OURS = ("cluster", "jobs")
_NOT_OFFERED = {
    "job_cls",
    "n_workers",
    "loop",
    "asynchronous",
    "scheduler",
    "processes",
    "base_class_kwargs",
    "job_kwargs",
}
_NEEDED = ("cores", "memory")


@dataclass(frozen=True)
class Jobs:
    """What a file asks for.

    Attributes:
        kind: A key of `KINDS`.
        count: Jobs at a time.
        arguments: Of the kind's class.
    """

    kind: str
    count: int
    arguments: dict[str, Any]


def read_jobs(file: Path, count: int | None = None) -> Jobs:
    """Read the description of jobs.

    Args:
        file: YAML: `cluster`, `jobs`, and arguments of the class of dask-jobqueue.
        count: Instead of its `jobs`.

    Raises:
        InputError: It cannot be read, or a key is wrong; the message names it.
    """
    name = str(file)
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(name, f"it cannot be read ({error.strerror or error})", "Check the path.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(name, f"it is no YAML ({' '.join(str(error).split())})", "Mend it.") from error
    if not isinstance(content, dict) or content.get("cluster") not in KINDS:
        raise InputError(name, "it names no kind of cluster", f"Write `cluster:` and one of {', '.join(KINDS)}.")
    kind = content["cluster"]
    arguments = {key: value for key, value in content.items() if key not in _OURS}
    known = arguments_of(kind)
    for key in arguments:
        if key not in known:
            raise InputError(name, f"`{key}` is not known", f"Use {', '.join((*_OURS, *sorted(known)))}.")
    for key in _NEEDED:
        if key not in arguments:
            raise InputError(name, f"`{key}` is missing", "Say what a job may use, for example cores: 4, memory: 16GB.")
    jobs = content.get("jobs", 1) if count is None else count
    if not isinstance(jobs, int) or jobs < 1:
        raise InputError(name, f"`jobs: {jobs}` is no number of jobs", "Give 1 or more.")
    return Jobs(kind, jobs, arguments)


def arguments_of(kind: str) -> set[str]:
    """What a description may hold beside its kind and the number of jobs."""
    classes = (JobQueueCluster, Job, KINDS[kind][1])
    return {name for one in classes for name in inspect.signature(one).parameters} - _NOT_OFFERED


def cluster_of(jobs: Jobs) -> JobQueueCluster:
    """A cluster that has no jobs yet; each job is one process, with one volume at a time and all of the job's cores.

    Raises:
        InputError: The kind of cluster refuses the arguments.
    """
    given = dict(jobs.arguments)
    # Dask would count one volume for every core, let PyTorch use one thread, and end a process by a limit of its own.
    extra = [*(given.pop("worker_extra_args", None) or ()), "--nthreads", "1", "--memory-limit", "0"]
    variable = "DASK_DISTRIBUTED__NANNY__PRE_SPAWN_ENVIRON__OMP_NUM_THREADS"
    prologue = [*(given.pop("job_script_prologue", None) or ()), f"export {variable}={given['cores']}"]
    try:
        with dask.config.set({FAILURES: LIVES}):
            return KINDS[jobs.kind][0](processes=1, worker_extra_args=extra, job_script_prologue=prologue, **given)
    except (TypeError, ValueError) as error:
        raise InputError(f"cluster: {jobs.kind}", f"dask-jobqueue refuses it ({error})", "Mend the file.") from error
