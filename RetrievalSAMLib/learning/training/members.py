"""Training the members of an expert side by side: resumable, and gone within a step when asked to stop."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from ...json_files import decode_json
from ...library.files import sealed, unsealed
from ...progress import Progress
from ...side_by_side import workers
from ...volumes import write_staged
from ..network.build import set_weights, weights_of
from .loop import Schedule, optimizer_of, train
from .patches import Patches

_STAGE = "learning"
_EVERY = 10
"""Steps between two that are kept."""

_LOOK_SECONDS = 0.2


@dataclass
class Member:
    """A network in training.

    Attributes:
        network: Trained in place.
        patches: Of the cases that it may see.
        schedule: Of its training.
        checkpoint: Where what it has learned so far is kept.
        done: Steps.
    """

    network: nn.Module
    patches: Patches
    schedule: Schedule
    checkpoint: Path
    done: int = 0
    losses: list[float] = field(default_factory=list)


class _Stopped(Exception):
    """Ends the training in a thread."""


def train_members(members: Sequence[Member], device_type: str, progress: Progress) -> None:
    """Train all of them; what an earlier training with the same checkpoints has done is not done again.

    Args:
        members: In random, or in earlier, weights.
        device_type: Where they are.
        progress: Told how many steps of all are done; what it raises ends the training, and what has been learned
            until then is kept.
    """
    total = sum(member.schedule.steps for member in members)
    stop = threading.Event()
    progress(_STAGE, sum(member.done for member in members), total)
    with ThreadPoolExecutor(workers(device_type), thread_name_prefix="retrievalsam-learning") as pool:
        waiting: set[Future[None]] = {pool.submit(_train_one, member, stop) for member in members}
        try:
            while waiting:
                finished, waiting = wait(waiting, _LOOK_SECONDS, FIRST_COMPLETED)
                for future in finished:
                    future.result()
                progress(_STAGE, sum(member.done for member in members), total)
        finally:
            stop.set()


def _train_one(member: Member, stop: threading.Event) -> None:
    optimizer = optimizer_of(member.network)
    member.done = _resume(member, optimizer)

    def after_step(done: int, loss: float) -> None:
        member.done = done
        member.losses.append(loss)
        ending = stop.is_set()
        if ending or done % _EVERY == 0 or done == member.schedule.steps:
            _keep(member, optimizer)
        if ending:
            raise _Stopped

    if stop.is_set():
        return
    try:
        train(member.network, optimizer, member.patches, member.schedule, member.done, after_step)
    except _Stopped:
        return


def seconds_a_step(network: nn.Module, patches: Patches) -> float:
    """How long a step takes here; the network is left as it was."""
    before = {name: weight.clone() for name, weight in weights_of(network).items()}
    took: list[float] = []
    began = time.perf_counter()

    def after_step(_done: int, _loss: float) -> None:
        nonlocal began
        took.append(time.perf_counter() - began)
        began = time.perf_counter()

    train(network, optimizer_of(network), patches, Schedule(3), 0, after_step)
    set_weights(network, before)
    return min(took[1:])


def checkpoint_name(*depends: object) -> str:
    """A name for what a training depends on."""
    return hashlib.sha256(repr(depends).encode()).hexdigest()[:32]


def kept_steps(path: Path) -> int | None:
    """How many steps an interrupted training was planned for; None where there is none."""
    try:
        return decode_json(unsealed(path.read_bytes()), int)
    except (OSError, ValueError):
        return None  # derived data


def keep_steps(path: Path, steps: int) -> None:
    """Let a training that is interrupted go on with the steps that it was planned for."""
    _write(path, sealed(str(steps).encode()))


def _keep(member: Member, optimizer: torch.optim.Optimizer) -> None:
    tensors = {f"network/{name}": weight for name, weight in weights_of(member.network).items()}
    for number, state in optimizer.state_dict()["state"].items():
        for name, tensor in state.items():
            tensors[f"optimizer/{number}/{name}"] = torch.as_tensor(tensor)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    tensors["done"] = torch.tensor(member.done)
    _write(member.checkpoint, sealed(safetensors.torch.save(tensors)))


def _write(path: Path, content: bytes) -> None:
    def write(staged: Path) -> None:
        staged.parent.mkdir(parents=True, exist_ok=True)
        staged.write_bytes(content)

    write_staged(path, write)


def _resume(member: Member, optimizer: torch.optim.Optimizer) -> int:
    """Steps that are done already, with weights and optimizer as they were then; 0 where nothing can be read."""
    try:
        tensors = safetensors.torch.load(unsealed(member.checkpoint.read_bytes()))
        done = int(tensors.pop("done"))
        if not 0 < done <= member.schedule.steps:
            return 0
        network = {k.removeprefix("network/"): v for k, v in tensors.items() if k.startswith("network/")}
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, tensor in tensors.items():
            if key.startswith("optimizer/"):
                _, number, name = key.split("/", 2)
                state.setdefault(int(number), {})[name] = tensor
        set_weights(member.network, network)
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError):
        return 0  # derived data
    return done
