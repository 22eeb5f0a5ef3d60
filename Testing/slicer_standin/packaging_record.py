"""slicer.packaging and slicer.util.pip_*: what would be installed is recorded, nothing is."""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PipCall:
    """One call of a function that would change Slicer's Python.

    Attributes:
        do: "pip_install", "pip_uninstall" or "pip_ensure".
        requirements: what was named.
        options: keyword arguments.
    """

    do: str
    requirements: Any
    options: dict[str, Any]


pip_calls: list[PipCall] = []
"""All calls since the last clear()."""


class RefusedInstall(RuntimeError):
    """Raised by the recorded calls while `fail_with` holds a message, as pip's failure would be."""


fail_with: list[str] = []


def _recorder(do: str) -> Any:
    def record(requirements: Any, **options: Any) -> None:
        pip_calls.append(PipCall(do, requirements, options))
        if fail_with:
            raise RefusedInstall(fail_with[0])

    record.__name__ = do
    return record


def build() -> types.ModuleType:
    """Returns the module `slicer.packaging`, new in Slicer 5.12."""
    module: Any = types.ModuleType("slicer.packaging", "Recorded, never run.")
    for do in ("pip_install", "pip_uninstall"):
        setattr(module, do, _recorder(do))

    ensured = _recorder("pip_ensure")

    def pip_ensure(
        requirements: Any,
        constraints: Any = None,
        skip_packages: Any = None,
        prompt_install: bool = True,
        prompt_restart: bool = True,
        requester: str | None = None,
        skip_in_testing: bool = True,
        show_progress: bool = True,
    ) -> Any:
        ensured(requirements, constraints=constraints, requester=requester, skip_packages=skip_packages)
        return []

    module.pip_ensure = pip_ensure
    return module
