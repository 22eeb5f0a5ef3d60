"""What this computer has, and the weights on it.

`environment` is what tells a user that packages are missing, so it needs none of them.
"""

from __future__ import annotations

import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ... import __version__
from ..task import Task
from .kept import KeptNetworks

PACKAGES = (
    "torch",
    "torchvision",
    "sam2",
    "timm",
    "faiss-cpu",
    "numpy",
    "scipy",
    "SimpleITK",
    "hydra-core",
    "omegaconf",
    "monai",
    "msgspec",
    "nibabel",
    "filelock",
    "platformdirs",
    "pooch",
    "psutil",
    "pynrrd",
    "requests",
    "pillow",
    "safetensors",
)
"""By the name of the distribution: those without which something does not work."""


def ping(_task: Task, _kept: KeptNetworks) -> dict[str, Any]:
    """Nothing but an answer."""
    return {}


def environment(task: Task, _kept: KeptNetworks) -> dict[str, Any]:
    """Device, memory, disk, packages, weights. What cannot be found out is None, or an empty list."""
    packages = {name: _version(name) for name in PACKAGES}
    task.progress("looking at this computer", 0, 1)
    models, folder = _weights()
    found = {
        "python": platform.python_version(),
        "version": __version__,
        **_device(),
        **_memory(),
        "disk_free": None if folder is None else _disk_free(folder),
        "models_folder": None if folder is None else str(folder),
        "packages": packages,
        "models": models,
    }
    task.progress("looking at this computer", 1, 1)
    return found


def download(task: Task, kept: KeptNetworks) -> dict[str, Any]:
    """Fetch weights; what is there of a download that was stopped is gone on with."""
    from ...models.download import download as fetch

    name = task.parameters.name
    kept.forget()  # Windows does not replace a file that is in use
    fetch(name, progress=lambda done, total: task.progress(f"downloading {name}", done, total))
    return {"models": _weights()[0]}


def import_weights(task: Task, kept: KeptNetworks) -> dict[str, Any]:
    """Copy official files from a folder."""
    from ...models import store

    kept.forget()
    store.import_from(
        Path(task.parameters.folder), progress=lambda done, total: task.progress("copying weights", done, total)
    )
    return {"models": _weights()[0]}


def remove(task: Task, kept: KeptNetworks) -> dict[str, Any]:
    """Delete weights."""
    from ...models import store

    kept.forget()
    store.remove(task.parameters.name)
    return {"models": _weights()[0]}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _device() -> dict[str, Any]:
    try:
        from ...models.device import available_devices, choose_device, share_processors

        chosen = choose_device()
        return {
            "device": chosen.name,
            "device_reason": chosen.reason,
            "devices": list(available_devices()),
            "threads": share_processors(),
        }
    except (ImportError, OSError) as error:  # an OSError is what a broken DLL of PyTorch raises
        reason = f"PyTorch cannot be used here ({error})."
        return {"device": None, "device_reason": reason, "devices": [], "threads": os.cpu_count() or 1}


def _memory() -> dict[str, int | None]:
    try:
        import psutil
    except ImportError:
        return {"memory_free": None, "memory_total": None}
    memory = psutil.virtual_memory()
    return {"memory_free": memory.available, "memory_total": memory.total}


def _weights() -> tuple[list[dict[str, Any]], Path | None]:
    try:
        from ...models import store
    except ImportError:
        return [], None
    models = [
        {
            "name": item.entry.name,
            "kind": item.entry.kind,
            "bytes": item.entry.bytes,
            "licence": item.entry.licence,
            "installed": item.installed,
            "intact": item.intact,
        }
        for item in store.status()
    ]
    return models, store.models_folder()


def _disk_free(folder: Path) -> int:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(there).free


JOBS = {
    "ping": ping,
    "environment": environment,
    "models.download": download,
    "models.import": import_weights,
    "models.remove": remove,
}
