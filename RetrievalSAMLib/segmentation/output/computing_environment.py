"""What a run was computed with: what may differ between two computers that are given the same."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import torch

from ...side_by_side import workers
from .report import ComputingReport

PACKAGES = ("torch", "torchvision", "sam2", "timm", "faiss-cpu", "numpy", "scipy", "SimpleITK")
"""By the name of the distribution: those whose arithmetic is in a result."""


def computing(device: torch.device) -> ComputingReport:
    """Of this process, and this thread as it is now."""
    packages = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:  # Slicer's PyTorch, for one, may come without its record
            continue
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return ComputingReport(str(device), name, torch.get_num_threads(), workers(device.type), packages)
