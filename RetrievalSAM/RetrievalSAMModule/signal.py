"""A signal in plain Python: Qt signals declared in Python are not safe under PythonQt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Signal:
    """Calls whatever was connected, in that order."""

    def __init__(self) -> None:
        self._receivers: list[Callable[..., Any]] = []

    def connect(self, receiver: Callable[..., Any]) -> None:
        """Call `receiver` from now on."""
        self._receivers.append(receiver)

    def disconnect(self, receiver: Callable[..., Any]) -> None:
        """Call it no more; a receiver that is not connected is an error."""
        self._receivers.remove(receiver)

    def emit(self, *arguments: Any) -> None:
        """Call every receiver."""
        for receiver in list(self._receivers):
            receiver(*arguments)
