"""Where the core package RetrievalSAMLib is: beside the module when installed, beside its folder in a checkout."""

from __future__ import annotations

import sys
from pathlib import Path

_NAME = "RetrievalSAMLib"


def core_folder() -> Path:
    """The folder that holds RetrievalSAMLib.

    Raises:
        FileNotFoundError: The extension is incomplete.
    """
    module = Path(__file__).resolve().parent.parent
    for folder in (module, module.parent):
        if (folder / _NAME / "__init__.py").is_file():
            return folder
    raise FileNotFoundError(
        f"{_NAME} was found neither in {module} nor in {module.parent}: the extension is incomplete. "
        "Install RetrievalSAM again from the Extensions Manager."
    )


def make_importable() -> None:
    """Put the core's folder on Python's path, once."""
    folder = str(core_folder())
    if folder not in sys.path:
        sys.path.append(folder)
