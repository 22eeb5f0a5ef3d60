"""Puts the extension's files where CMake would install them, by the lists that CMake reads.

python Testing/packaged_layout.py FOLDER [arguments of pytest]

With arguments, the tests of the panel then run on the module as it lies in FOLDER:
python Testing/packaged_layout.py /tmp/package -q
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULE = ROOT / "RetrievalSAM"
# As Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR is in an extension's package.
MODULES_FOLDER = Path("lib", "Slicer", "qt-scripted-modules")


def listed(file: Path, name: str) -> list[str]:
    """The words of one `set()` in a CMake file."""
    found = re.search(rf"^set\({name}\n(.*?)^\s*\)", file.read_text(encoding="utf-8"), re.M | re.S)
    if found is None:
        raise ValueError(f"{file.name} sets no {name}; the list was renamed, so rename it here too")
    return found.group(1).split()


def install(folder: Path) -> Path:
    """Copies what the lists name.

    Args:
        folder: Root of the package; what it held before at these places is replaced.

    Returns:
        The module's file there.
    """
    target = folder / MODULES_FOLDER
    for base, file, names in (
        (MODULE, MODULE / "CMakeLists.txt", ("MODULE_PYTHON_SCRIPTS", "MODULE_PYTHON_RESOURCES")),
        (ROOT, MODULE / "CorePackage.cmake", ("CORE_PYTHON_SCRIPTS", "CORE_RESOURCES")),
    ):
        for name in (word for one in names for word in listed(file, one)):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(base / name, target / name)
    return target / "RetrievalSAM.py"


def run_panel_tests(module: Path, arguments: list[str]) -> int:
    """Runs tests of the panel on an installed module; pytest's exit code."""
    environment = {**os.environ, "RETRIEVALSAM_MODULE": str(module), "PYTHONPATH": str(module.parent)}
    tests = [one for one in arguments if one.endswith(".py")] or [str(MODULE / "Testing")]
    options = [one for one in arguments if not one.endswith(".py")]
    # In the place of pyproject.toml's, which names the source.
    command = [sys.executable, "-m", "pytest", "-o", f"pythonpath={module.parent}", *options, *tests]
    return subprocess.run(command, cwd=module.parent, env=environment).returncode


def main() -> int:
    """The command."""
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    module = install(Path(sys.argv[1]).resolve())
    print(module)
    return run_panel_tests(module, sys.argv[2:]) if len(sys.argv) > 2 else 0


if __name__ == "__main__":
    sys.exit(main())
