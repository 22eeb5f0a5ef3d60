"""Makes the virtual environment `.venv` at the repository's root and keeps it as the pinned packages say.

Standard library only: this runs before anything is installed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pip_settings import PipSettings

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
SCRIPTS = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
PYTHON = SCRIPTS / ("python.exe" if os.name == "nt" else "python")
STAMP = ENVIRONMENT / "retrievalsam-setup.json"
CONSTRAINTS = ROOT / "constraints.txt"
SAM2_REQUIREMENT = ROOT / "requirements-sam2.txt"
MONAI_LABEL_REQUIREMENT = ROOT / "requirements-monai-label.txt"
MONAI_LABEL = ENVIRONMENT / "monai-label"
SAM3_REQUIREMENT = ROOT / "requirements-sam3.txt"
SAM3 = ENVIRONMENT / "sam3"
SHIM_INSTALLER = ROOT / "setup" / "install_torchvision_shim.py"


class SetupError(Exception):
    """The environment cannot be made; the message tells the user what to do."""


def prepare(extras: Iterable[str], gpu: bool = False) -> None:
    """Makes `.venv` hold the project with the given extras; returns at once where it already does.

    An interrupted call is taken up again by the next one: pip keeps what is already installed.

    Args:
        extras: names from `[project.optional-dependencies]` in pyproject.toml.
        gpu: install the ordinary PyTorch, which on Linux holds the CUDA libraries, also where a CPU build is
            offered. Without it a PyTorch that is already there is kept, whichever it is.

    Raises:
        SetupError: a package of the system or of the index is missing; the message names it.
    """
    refuse_environment_without_pip()
    usable = environment_is_usable()
    stamp = read_stamp() if usable else {}
    wanted = set(extras)
    kept = set(stamp.get("extras", ()))
    fingerprint = requirements_fingerprint()
    if stamp.get("fingerprint") == fingerprint and wanted <= kept and not (gpu and stamp.get("cpu_build")):
        return

    STAMP.unlink(missing_ok=True)
    if not usable:
        announce(1, "the virtual environment .venv")
        make_environment()
    announce(2, "pip and setuptools")
    pip_install("--constraint", str(CONSTRAINTS), "pip", "setuptools")
    announce(3, "PyTorch")
    install_torch(gpu)
    announce(4, "SAM 2")
    install_sam2()
    announce(5, "RetrievalSAM and the other packages")
    install_project(wanted | kept)
    if "test" in wanted | kept:
        ensure_offscreen_rendering()
        install_monai_label_clients()
        install_sam3()
    cpu_build = (installed_version("torch") or "").endswith("+cpu")
    write_stamp({"fingerprint": fingerprint, "extras": sorted(wanted | kept), "cpu_build": cpu_build})


def announce(step: int, what: str) -> None:
    """Tells the user which of the five steps begins."""
    print(f"[{step}/5] {what}", flush=True)


# The stamp: what the environment was last made from.


def requirements_fingerprint() -> str:
    """Returns the hash of all that decides what is installed, and of where it is (scripts hold that path)."""
    files = [ROOT / "pyproject.toml", CONSTRAINTS, SAM2_REQUIREMENT, MONAI_LABEL_REQUIREMENT, SAM3_REQUIREMENT]
    files += sorted(path for path in (ROOT / "setup").rglob("*.p*") if "__pycache__" not in path.parts)
    digest = hashlib.sha256(str(ROOT).encode())
    for path in files:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def read_stamp() -> dict:
    """Returns what the last completed call left, or nothing where there is no readable stamp."""
    try:
        return dict(json.loads(STAMP.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def write_stamp(content: Mapping[str, object]) -> None:
    """Leaves the stamp in one step, last of all."""
    staged = STAMP.with_suffix(".new")
    staged.write_text(json.dumps(content, indent=1), encoding="utf-8")
    os.replace(staged, STAMP)


# The environment itself.


def environment_is_usable() -> bool:
    """Tells whether `.venv` has a Python that runs and finds its own pip; a half-made one does not."""
    try:
        process = subprocess.run([PYTHON, "-c", "import pip"], capture_output=True)
    except OSError:
        return False
    return process.returncode == 0


def refuse_environment_without_pip() -> None:
    """A `.venv` that uv made has no pip and may hold what its owner still wants; it is left as it is.

    Raises:
        SetupError: there is such an environment; the message says how to go on.
    """
    settings = ENVIRONMENT / "pyvenv.cfg"
    if not settings.is_file() or environment_is_usable():
        return
    keys = {line.partition("=")[0].strip() for line in settings.read_text(encoding="utf-8").splitlines()}
    if "uv" in keys:
        raise SetupError(
            f"{ENVIRONMENT} was made by uv and holds no pip, and this set-up works with pip alone. Either run "
            f"'uv pip install --python {PYTHON} pip', or move the folder away; then run the same command again."
        )


def make_environment() -> None:
    """Makes `.venv` anew with the Python that runs this."""
    if not venv_can_be_made():
        install_debian_venv_package()
    if subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)]).returncode != 0:
        raise SetupError(
            f"{sys.executable} could not make a virtual environment in {ENVIRONMENT}; its message is above."
        )


def venv_can_be_made() -> bool:
    """Debian ships Python without the parts that make a virtual environment; tells whether they are there."""
    importlib.invalidate_caches()
    return all(importlib.util.find_spec(name) for name in ("venv", "ensurepip"))


def install_debian_venv_package() -> None:
    """As root, installs the Debian package that completes Python's venv module; else names it."""
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if install_debian_packages(package) and venv_can_be_made():
        return
    raise SetupError(
        f"{sys.executable} cannot make virtual environments: its module venv or ensurepip is missing. "
        f"On Debian and Ubuntu run 'sudo apt-get install {package}', elsewhere use a complete Python; "
        "then run the same command again."
    )


def install_debian_packages(*packages: str) -> bool:
    """Installs packages of Debian where this runs as root and apt-get is there; returns whether it tried."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if not (is_root and shutil.which("apt-get")):
        return False
    print(f"Installing from Debian: {' '.join(packages)}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # Where apt-get lies is Debian's business, and only root comes here.
    subprocess.run(["apt-get", "update", "-qq"], env=environment)  # nosec B607
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    subprocess.run(install, env=environment)
    return True


def can_render_offscreen(libraries: Path = Path("/usr")) -> bool:
    """Tells whether there is an EGL library and a driver for it, with which views are drawn without a display.

    Args:
        libraries: folder whose `lib*` hold the libraries of the system.
    """
    egl = any(libraries.glob("lib*/libEGL.so.1")) or any(libraries.glob("lib*/*/libEGL.so.1"))
    drivers = ("dri/*_dri.so", "libgallium*.so*", "libEGL_nvidia.so.0")
    return egl and any(any(libraries.glob(f"{place}/{name}")) for place in ("lib*", "lib*/*") for name in drivers)


def ensure_offscreen_rendering() -> None:
    """The tests of the Slicer module draw its views; on Linux that takes two libraries of the system.

    They are installed as root on Debian, else named: all other tests run without them.
    """
    if sys.platform != "linux" or can_render_offscreen():
        return
    packages = ("libegl1", "libgl1-mesa-dri")
    if not (install_debian_packages(*packages) and can_render_offscreen()):
        print(
            "The tests that draw Slicer's views need EGL and Mesa's drivers, which this system lacks. On Debian and "
            f"Ubuntu run 'sudo apt-get install {' '.join(packages)}'; all other tests run without them.",
            flush=True,
        )


# Packages, each step by pip in `.venv`.


def pip_install(*arguments: str) -> None:
    """Runs `pip install` in `.venv`; pip's own lines are shown where a person watches.

    Raises:
        SetupError: pip failed; it has said why. Where a constraint of the user's own forbids what is asked for, the
            message names the file and its line.
    """
    code, lines = run_pip(pip_install_command(*arguments))
    if code == 0:
        return
    print("".join(lines), end="", file=sys.stderr)
    settings = pip_settings()
    if settings.constraints_forbid(*arguments):
        raise SetupError(forbidden_by_constraints(settings))
    raise SetupError(
        "pip could not install the packages of this step; its message is above. Check the network (or "
        "pip's settings), then run the same command again: it goes on from here. The pinned packages are "
        f"tested with Python 3.11 and 3.12; this is {sys.version.split()[0]}. pip alone is used, also where uv is "
        f"there: uv's settings are not read.\n{settings.in_words()}"
    )


def run_pip(command: Sequence[str]) -> tuple[int, list[str]]:
    """Runs pip, its progress on the terminal.

    Returns:
        Its exit code, and what it wrote to the error stream. That is shown here only where it went wrong: warnings
        about folders of pip's settings that do not exist come for every single package otherwise.
    """
    process = subprocess.run(command, cwd=ROOT, env=pip_variables(), stderr=subprocess.PIPE, text=True)
    return process.returncode, process.stderr.splitlines(keepends=True)


def pip_settings() -> PipSettings:
    """Returns what the pip of `.venv` is told by the user's files and variables."""
    return PipSettings(PYTHON, pip_variables(), ROOT)


def forbidden_by_constraints(settings: PipSettings) -> str:
    """Returns which of the user's constraints stand against the pinned versions, and what to do, for a message."""
    pinned = pinned_versions()
    against = [
        f"  {pin.file}, line {pin.line}: {pin.text} (this project is tested with {name}=={version})"
        for name, version in pinned.items()
        for pin in settings.pins(name)
    ]
    files = ", ".join(settings.constraint_files())
    told = against or [f"  {files} (none of its lines names a package of this project, or it could not be read)"]
    return "\n".join(
        [
            "a constraint in pip's settings forbids a version that this project is pinned to:",
            *told,
            "Ask whoever keeps that file to allow the version, or leave such files out for this one command: set the "
            f"variable PIP_CONSTRAINT to {os.devnull}, then run the command again.",
        ]
    )


def pip_install_command(*arguments: str) -> list[str]:
    """Returns the command line of `pip install` in `.venv`."""
    quiet = [] if sys.stdout.isatty() else ["--quiet"]
    return [
        str(PYTHON),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        *quiet,
        *arguments,
    ]


def pip_variables() -> dict[str, str]:
    """Returns the variables for pip: never into the user's site, and SAM 2 without its CUDA extension.

    The extension only fills holes in masks, which this project does not use.
    """
    return {**os.environ, "PIP_USER": "0", "SAM2_BUILD_CUDA": "0"}


def pinned_version(name: str) -> str:
    """Returns the version that constraints.txt gives a package."""
    pinned = pinned_versions()
    if name not in pinned:
        raise SetupError(f"{CONSTRAINTS}: it does not pin {name}. Restore the file from the repository.")
    return pinned[name]


def pinned_versions() -> dict[str, str]:
    """Returns the versions in constraints.txt by package."""
    lines = (line.partition("==") for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines())
    return {name: version.strip() for name, separator, version in lines if separator}


def installed_version(name: str) -> str | None:
    """Returns a package's version in `.venv`, with the local part that names the build, or None."""
    code = f"import importlib.metadata; print(importlib.metadata.version({name!r}))"
    process = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True)
    return process.stdout.strip() if process.returncode == 0 else None


def install_torch(gpu: bool) -> None:
    """Installs PyTorch and the torchvision that timm and sam2 ask for, as one matching pair.

    The CPU build (a tenth of the CUDA build's size) is taken where pip is offered one.
    """
    torch, torchvision = pinned_version("torch"), pinned_version("torchvision")
    constraints = ("--constraint", str(CONSTRAINTS))
    installed = installed_version("torch") or ""
    if gpu:
        pip_install(*constraints, f"torch=={torch},!={torch}+cpu")
    elif installed.partition("+")[0] != torch and not install_torch_for_cpu(torch):
        size = ", several GB with the CUDA libraries" if sys.platform == "linux" else ""
        print(
            f"pip is offered no CPU build of PyTorch {torch} that its settings allow: asking for the "
            f"ordinary one{size}.",
            flush=True,
        )
        pip_install(*constraints, f"torch=={torch}")
    # Its own requirement is this torch, which is there; --no-deps makes sure that no second one comes.
    pip_install("--no-deps", f"torchvision=={torchvision}" + (f",!={torchvision}+cpu" if gpu else ""))


def install_torch_for_cpu(version: str) -> bool:
    """Tries to install PyTorch's CPU build.

    Returns:
        False where pip is offered none that its constraints allow, so that nothing was installed.

    Raises:
        SetupError: there is one, and it could not be installed.
    """
    requirement = ("--constraint", str(CONSTRAINTS), f"torch=={version}+cpu")
    code, lines = run_pip(pip_install_command(*requirement))
    if code == 0:
        return True
    # Asked again for this alone: its exit code tells what pip's words, which change, would have to be read for.
    if not pip_settings().allows("--no-deps", *requirement):
        return False
    raise SetupError(f"PyTorch could not be installed:\n{''.join(lines)}\nRun the same command again to go on.")


def install_sam2() -> None:
    """Installs sam2 from the one source archive whose hash is pinned, with the PyTorch that is there."""
    pip_install("--no-deps", "--no-build-isolation", "--require-hashes", "--requirement", str(SAM2_REQUIREMENT))


def install_monai_label_clients() -> None:
    """Installs MONAI Label, without what it needs to run, in a folder of its own: tests use the clients in it.

    Where it cannot be had these tests are skipped, and a line says so.
    """
    requirement = ("--require-hashes", "--requirement", str(MONAI_LABEL_REQUIREMENT))
    code, _ = run_pip(pip_install_command("--no-deps", "--prefix", str(MONAI_LABEL), *requirement))
    if code != 0:
        print("MONAI Label's clients cannot be installed here; the tests that use them are skipped.", flush=True)


def install_sam3() -> None:
    """Installs transformers, which has SAM 3's tracker, in a folder of its own: tests compare the engine with it.

    Where it cannot be had these tests are skipped, and a line says so.
    """
    requirement = ("--no-deps", "--upgrade", "--target", str(SAM3), "--requirement", str(SAM3_REQUIREMENT))
    code, _ = run_pip(pip_install_command(*requirement))
    if code != 0:
        print("transformers cannot be installed here; the tests of SAM 3's engine are skipped.", flush=True)


def install_project(extras: Iterable[str]) -> None:
    """Installs the project, editable, with all else that it needs, and makes torchvision importable."""
    names = ",".join(sorted(extras))
    project = f".[{names}]" if names else "."
    pip_install("--constraint", str(CONSTRAINTS), "--no-build-isolation", "--editable", project)
    if subprocess.run([PYTHON, SHIM_INSTALLER]).returncode != 0:
        raise SetupError("torchvision cannot be imported, and timm needs it; the message is above.")
