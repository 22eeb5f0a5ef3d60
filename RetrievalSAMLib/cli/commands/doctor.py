"""`retrievalsam doctor`: what this computer has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..terminal import print_table

if TYPE_CHECKING:
    from ...segmentation.settings.cache_space import CacheSpace


def doctor() -> None:
    """Device, memory, weights, disk and versions."""
    import platform
    import shutil
    from importlib.metadata import PackageNotFoundError, version

    import psutil

    from ... import __version__
    from ...models import store
    from ...models.device import choose_device
    from ...segmentation.settings.cache_space import memory_cache

    memory = psutil.virtual_memory()
    folder = store.models_folder()
    there = next(p for p in (folder, *folder.parents) if p.exists())
    rows = [
        ("retrievalsam", __version__),
        ("Python", platform.python_version()),
        ("system", f"{platform.system()} {platform.machine()}"),
        ("device", choose_device().name),
        ("memory", f"{memory.available / 1e9:.1f} GB free of {memory.total / 1e9:.1f} GB"),
        ("disk for weights", f"{shutil.disk_usage(there).free / 1e9:.1f} GB free"),
    ]
    rows.append(("memory cache", _cached(memory_cache())))
    for package in ("torch", "torchvision", "sam2", "timm", "faiss-cpu", "numpy", "SimpleITK"):
        try:
            rows.append((package, version(package)))
        except PackageNotFoundError:
            rows.append((package, "missing"))
    for item in store.status():
        state = "missing" if not item.installed else "damaged" if item.intact is False else "installed"
        rows.append((f"{item.entry.name} ({item.entry.kind})", state))
    print_table(("what", "here"), rows)


def _cached(space: CacheSpace | None) -> str:
    if space is None:
        return "switched off"
    try:
        held = space.held_bytes()
    except OSError:
        return f"cannot be read: {space.folder}"
    return f"{held / (1 << 20):.1f} of {space.limit_bytes / (1 << 20):.0f} MB in {space.folder}"
