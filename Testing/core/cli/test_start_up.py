"""What a command needs is imported when it needs it: help and lists are there without arrays and networks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from Testing.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[3]
ARRAYS = {"numpy", "SimpleITK", "scipy", "matplotlib", "torch", "faiss", "timm", "sam2", "PIL", "nrrd"}


def modules_after(code: str, *arguments: str) -> set[str]:
    ending = "\nimport sys, json\nprint()\nprint(json.dumps(sorted(sys.modules)))"
    process = subprocess.run(
        [sys.executable, "-c", code + ending, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(json.loads(process.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "module",
    [
        "RetrievalSAMLib.cli.main",
        "RetrievalSAMLib.worker.__main__",
        "RetrievalSAMLib.worker.protocol",
        "RetrievalSAMLib.library",
        "RetrievalSAMLib.library.store",
        "RetrievalSAMLib.volumes",
    ],
)
def test_importing_it_imports_no_arrays(module: str) -> None:
    assert not ARRAYS & modules_after(f"import {module}")


@pytest.mark.parametrize(
    "command",
    [
        ["--help"],
        ["--version"],
        ["segment", "--help"],
        ["serve", "--help"],
        ["library", "list", "LIB"],
        ["library", "verify", "LIB"],
        ["models", "list"],
    ],
)
def test_a_simple_command_imports_no_arrays(tmp_path: Path, command: list[str]) -> None:
    library = str(tmp_path / "library")
    run = "import sys\nfrom RetrievalSAMLib.cli.main import main\n"
    assert not ARRAYS & modules_after(f"{run}assert main(['library', 'create', sys.argv[1]]) == 0", library)
    given = [library if word == "LIB" else word for word in command]
    assert not ARRAYS & modules_after(f"{run}assert main(sys.argv[1:]) == 0", *given)


def test_the_worker_is_ready_where_neither_arrays_nor_networks_can_be_imported() -> None:
    code = (
        "import sys\n"
        f"for name in {sorted(ARRAYS)!r}:\n"
        "    sys.modules[name] = None\n"
        "from RetrievalSAMLib.worker.__main__ import main\n"
        "sys.exit(main())"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.run(
        [sys.executable, "-c", code], env=environment, input=b"", capture_output=True, timeout=PATIENCE, check=True
    )
    assert json.loads(process.stdout.splitlines()[0])["event"] == "ready"


def test_building_the_networks_loads_no_compiler_and_leaves_it_to_be_loaded() -> None:
    code = (
        "import torch\n"
        "from RetrievalSAMLib.segmentation.settings.networks import load_models\n"
        "disable = torch.compiler.disable\n"
        "load_models('bundled', 'bundled')\n"
        "assert torch.compiler.disable is disable\n"
    )
    assert not {"torch._dynamo", "torch._dynamo.utils", "sympy"} & modules_after(code)
    code += (
        "from torchvision.ops import roi_align\n"
        "asked = __import__('sys').modules['torchvision.ops.roi_align'].is_compile_supported\n"
        "supported = asked('cpu')\n"
        "import torch._dynamo.utils as utilities\n"
        "assert utilities.is_compile_supported('cpu') == supported\n"
        "assert isinstance(utilities.counters, dict)\n"
    )
    assert "torch._dynamo.utils" in modules_after(code)


def test_every_name_of_the_package_of_volumes_is_there() -> None:
    from RetrievalSAMLib import volumes

    assert all(getattr(volumes, name) is not None for name in volumes.__all__)
    assert set(volumes.__all__) == set(volumes._MODULE_OF)
    with pytest.raises(AttributeError, match="no_such_name"):
        volumes.no_such_name  # noqa: B018
