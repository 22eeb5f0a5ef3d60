"""What one device of a server does: its worker, and the run or errand that it has."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..messages import DeviceState
from .engine import Engine
from .run import Errand, Run

_TRUSTED = 3
"""Failures in a row that are nobody's input, after which a device rests, if there are others."""


@dataclass(eq=False)
class Lane:
    """One device.

    Attributes:
        engine: Its worker.
        job: What it does now.
        began: When that began, as `time.time` has it: it is compared with the times of files.
        is_free: Whether it waits for something to do.
        fault: Why it has been taken out, a clause; None where it has not.
        failures: How often in a row a run has ended on it by a crash or a fault of the program.
    """

    engine: Engine
    job: Run | Errand | None = None
    began: float = 0.0
    is_free: bool = False
    fault: str | None = None
    failures: int = 0

    @property
    def name(self) -> str:
        """Of the device."""
        return self.engine.device.name

    @property
    def gives_way(self) -> bool:
        """Whether it does something that is stopped for runs."""
        return isinstance(self.job, Errand) and self.job.gives_way

    @property
    def needs_rest(self) -> bool:
        """Whether it fails again and again."""
        return self.failures >= _TRUSTED

    @property
    def state(self) -> DeviceState:
        """For its clients."""
        if self.fault is not None:
            return DeviceState(name=self.name, state="out", fault=self.fault)
        if isinstance(self.job, Run):
            return DeviceState(name=self.name, state="run")
        if self.job is not None:
            return DeviceState(name=self.name, state="learning" if self.job.gives_way else "looking at volumes")
        return DeviceState(name=self.name, state="free" if self.is_free else "starting")

    def take(self, job: Run | Errand) -> None:
        """Begin something."""
        self.job, self.began, self.is_free = job, time.time(), False
