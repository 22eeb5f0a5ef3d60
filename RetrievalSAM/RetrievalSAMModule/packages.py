"""The Python packages that the worker needs, which of them are missing, and how they are installed with consent.

Nothing is installed without a click. PyTorch comes from Slicer's PyTorch extension alone, which knows the computer's
graphics card; SAM 2 is installed without its dependencies, since those would bring another PyTorch.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import slicer
import slicer.util
from slicer.i18n import tr as _

PYTORCH = ("torch", "torchvision")
# As in pyproject.toml; a test holds the two together. Slicer brings numpy, SimpleITK and requests. Slicer 5.10 has
# pydicom 2.4.4: the last highdicom for it (0.22) has none of the volumes by which DICOM SEG is read and written here.
REQUIREMENTS = (
    "contourpy>=1.2",
    "faiss-cpu>=1.8",
    "filelock>=3.13",
    "highdicom>=0.25",
    "hydra-core>=1.3",
    "matplotlib>=3.8",
    "msgspec>=0.18",
    "nibabel>=5.2",
    "omegaconf>=2.3",
    "pillow>=10.0",
    "platformdirs>=4.0",
    "pooch>=1.8",
    "psutil>=5.9",
    "pydicom>=3.0.1",
    "pynrrd>=1.0",
    "rich>=13.7",
    "safetensors>=0.4",
    "scipy>=1.11",
    "typer>=0.12",
)
# These name PyTorch as a dependency; their other dependencies are among `REQUIREMENTS` or named here.
WITHOUT_DEPENDENCIES = ("monai>=1.4", "sam2==1.1.0", "timm>=1.0")
NEEDED_BY_THESE = ("huggingface_hub", "iopath", "pyyaml", "tqdm")
# What SAM 2's build would compile; it is optional, and most computers here have no compiler.
_NO_CUDA_EXTENSION = ("SAM2_BUILD_CUDA", "0")


class InstallError(Exception):
    """Packages could not be installed; the message says why and what to do.

    Attributes:
        was_shown: Whether Slicer has shown a message of its own, with pip's output.
    """

    def __init__(self, message: str, was_shown: bool = False) -> None:
        super().__init__(message)
        self.was_shown = was_shown


@dataclass(frozen=True)
class PackageState:
    """What is there and what is not.

    Attributes:
        pytorch: Version of PyTorch, or None.
        missing: Requirements that nothing fulfils, beside PyTorch.
    """

    pytorch: str | None
    missing: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether the worker can run."""
        return self.pytorch is not None and not self.missing


def package_state() -> PackageState:
    """Look at the packages of Slicer's Python, without importing one."""
    importlib.invalidate_caches()
    wanted = (*REQUIREMENTS, *WITHOUT_DEPENDENCIES, *NEEDED_BY_THESE)
    missing = tuple(requirement for requirement in wanted if not _is_there(requirement))
    pytorch = _version(PYTORCH[0]) if all(_version(name) for name in PYTORCH) else None
    return PackageState(pytorch, missing)


def replaced_by(missing: Sequence[str]) -> tuple[str, ...]:
    """Packages that are there in another version, as `pydicom 2.4.4`: Slicer's own modules use them as well."""
    named = ((name, _version(name)) for name, _least, _exact in map(_parts, missing))
    return tuple(f"{name} {version}" for name, version in named if version is not None)


def install_pytorch() -> None:
    """Let the PyTorch extension install PyTorch; it asks and shows its progress itself.

    Raises:
        InstallError: The extension is not there, or did not install it.
    """
    if not hasattr(slicer.modules, "pytorchutils"):
        raise InstallError(
            _(
                "The PyTorch extension is missing. Open Slicer's Extensions Manager, install 'PyTorch', "
                "and restart Slicer. Without internet, install it from a file there."
            )
        )
    utils = importlib.import_module("PyTorchUtils")
    if utils.PyTorchUtilsLogic().installTorch(askConfirmation=True) is None:
        raise InstallError(_("PyTorch was not installed. Press the button again to try once more."))


def install_packages(missing: Sequence[str], wheels: Path | None, pip_install: Callable | None = None) -> None:
    """Install what is missing by Slicer's pip.

    Args:
        missing: Of `PackageState`.
        wheels: A folder with wheels, for computers without internet; None for the internet.
        pip_install: `slicer.util.pip_install`, or a stand-in.

    Raises:
        InstallError: pip failed.
    """
    pip_install = pip_install or slicer.util.pip_install
    # From 5.12 on Slicer shows what pip does, and why it failed, in windows of its own.
    shows_itself = hasattr(slicer, "packaging") and not slicer.app.testingEnabled()
    options = {"requester": "RetrievalSAM"} if hasattr(slicer, "packaging") else {}
    source = ["--no-index", "--find-links", str(wheels)] if wheels is not None else []
    alone = [requirement for requirement in missing if requirement in WITHOUT_DEPENDENCIES]
    others = [requirement for requirement in missing if requirement not in WITHOUT_DEPENDENCIES]
    before = os.environ.get(_NO_CUDA_EXTENSION[0])
    os.environ[_NO_CUDA_EXTENSION[0]] = _NO_CUDA_EXTENSION[1]
    try:
        if others:
            pip_install([*source, *others], **options)
        for requirement in alone:
            pip_install([*source, "--no-deps", "--no-build-isolation", requirement], **options)
    except (subprocess.CalledProcessError, OSError, RuntimeError) as error:  # as pip, the disk or Slicer fail
        raise InstallError(
            _(
                "The packages could not be installed: {error}. Behind a firewall, let someone with internet run "
                "'pip download' for this Python version, and choose that folder with 'From folder'."
            ).format(error=str(error).rstrip(".")),
            was_shown=shows_itself,
        ) from error
    finally:
        if before is None:
            del os.environ[_NO_CUDA_EXTENSION[0]]
        else:
            os.environ[_NO_CUDA_EXTENSION[0]] = before


def _is_there(requirement: str) -> bool:
    name, least, exact = _parts(requirement)
    version = _version(name)
    if version is None:
        return False
    return version == exact if exact else _numbers(version) >= _numbers(least)


def _parts(requirement: str) -> tuple[str, str, str]:
    """Name, least version, exact version."""
    for sign in (">=", "=="):
        if sign in requirement:
            name, version = requirement.split(sign)
            return (name, version, "") if sign == ">=" else (name, "", version)
    return requirement, "", ""


def _numbers(version: str) -> tuple[int, ...]:
    parts = []
    for part in version.split("+")[0].split("."):
        digits = "".join(character for character in part if character.isdigit())
        if not digits:
            break
        parts.append(int(digits))
    return tuple(parts)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
