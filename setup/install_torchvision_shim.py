"""Puts `torchvision_cpu_shim/` into the running interpreter's site-packages, where torchvision needs it.

Run it with the virtual environment's Python after torch and torchvision are installed:

    .venv/bin/python setup/install_torchvision_shim.py

It is needed where the package index has only CUDA builds of torchvision and the installed PyTorch is a CPU
build (see the shim's own docstring). Where `import torchvision` works, or fails for another reason, nothing
is written.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

SHIM = Path(__file__).resolve().parent / "torchvision_cpu_shim"
SHIM_FILES = ("_torchvision_on_cpu_torch.py", "_torchvision_on_cpu_torch.pth")
SYMPTOM = "operator torchvision::nms does not exist"


def import_error_of_torchvision() -> str | None:
    """Imports torchvision in a fresh process.

    Returns:
        What the process wrote to stderr where the import failed, else None.
    """
    process = subprocess.run([sys.executable, "-c", "import torchvision"], capture_output=True, text=True)
    return None if process.returncode == 0 else process.stderr.strip()


def copy_shim(site_packages: Path) -> None:
    """Copies the module before the `.pth` file that imports it, each in one step: no start-up sees a half."""
    for name in SHIM_FILES:
        staged = site_packages / f"{name}.new"
        shutil.copyfile(SHIM / name, staged)
        os.replace(staged, site_packages / name)


def main() -> int:
    """Installs the shim where it is needed.

    Returns:
        The exit code: 0 where torchvision can be imported afterwards.
    """
    error = import_error_of_torchvision()
    if error is None:
        print("torchvision can be imported; nothing to do.")
        return 0
    if SYMPTOM not in error:
        print(f"torchvision cannot be imported, and its operators are not why:\n{error}", file=sys.stderr)
        return 1
    site_packages = Path(sysconfig.get_path("purelib"))
    copy_shim(site_packages)
    error = import_error_of_torchvision()
    if error is not None:
        print(f"torchvision still cannot be imported:\n{error}", file=sys.stderr)
        return 1
    print("torchvision is a CUDA build beside a CPU build of PyTorch; its operators are declared now.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
