"""What the product's source does not do: run what it reads, start a shell, open a connection of its own accord."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PRODUCT = ("RetrievalSAMLib", "RetrievalSAM/RetrievalSAMModule", "RetrievalSAM/RetrievalSAM.py")
UNPICKLERS = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
NETWORK = {
    "socket", "socketserver", "ssl", "http", "urllib", "urllib3", "requests", "httpx", "aiohttp", "ftplib", "smtplib",
    "telnetlib", "xmlrpc", "webbrowser", "pooch", "huggingface_hub", "websocket", "websockets", "paramiko", "asyncio",
    "distributed", "dask_jobqueue", "dicomweb_client",
}  # fmt: skip
MAY_USE_A_NETWORK = {
    # Fetch, when the user asks for it, files whose checksums are in the source.
    "RetrievalSAMLib/models/download.py",
    "RetrievalSAMLib/demo/hippocampus.py",
    # Share a batch out: to processes of this computer by TLS on its loopback, else where the user says.
    "RetrievalSAMLib/cohort/cluster.py",
    "RetrievalSAMLib/cohort/jobs.py",
    "RetrievalSAMLib/cohort/run.py",
    # `retrievalsam serve` and its client, which knows no address but the one that the user gives it.
    "RetrievalSAMLib/server/connection.py",
    "RetrievalSAMLib/server/work/engine.py",
    "RetrievalSAMLib/server/http/listening.py",
    "RetrievalSAMLib/server/http/routes.py",
    "RetrievalSAMLib/server/settings.py",  # takes addresses apart
    "RetrievalSAMLib/server/work/run.py",
    "RetrievalSAMLib/server/work/runs.py",
    "RetrievalSAMLib/server/work/service.py",
    "RetrievalSAMLib/server/work/so_far.py",
    "RetrievalSAMLib/server/work/uploads.py",
    # The same server for MONAI Label's clients: none of these opens a connection; they wait, and take forms to pieces.
    "RetrievalSAMLib/server/monai_label/about_routes.py",
    "RetrievalSAMLib/server/monai_label/answers.py",
    "RetrievalSAMLib/server/monai_label/datastore_routes.py",
    "RetrievalSAMLib/server/monai_label/desk.py",
    "RetrievalSAMLib/server/monai_label/infer_routes.py",
    "RetrievalSAMLib/server/monai_label/inference.py",
    "RetrievalSAMLib/server/monai_label/learning_routes.py",
    "RetrievalSAMLib/server/monai_label/models.py",
    "RetrievalSAMLib/server/monai_label/samples.py",
    "RetrievalSAMLib/server/monai_label/tasks.py",
    # The archive that the user names with --dicomweb.
    "RetrievalSAMLib/dicomweb/archive.py",
}
# The exception of a damaged file, and nothing else of that module.
MAY_NAME_AN_UNPICKLER = {"RetrievalSAMLib/models/checkpoint.py": {"pickle.UnpicklingError"}}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for part in PRODUCT:
        path = ROOT / part
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            yield file.relative_to(ROOT).as_posix(), ast.parse(file.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add((node.module or "").split(".")[0])
    return names


def called(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def keyword(call: ast.Call, name: str) -> object:
    found = next((one.value for one in call.keywords if one.arg == name), None)
    return found.value if isinstance(found, ast.Constant) else found


def faults_in(tree: ast.Module) -> Iterator[str]:
    """Calls that run, or may run, what they are given."""
    for name, call in called(tree):
        last = name.rpartition(".")[2]
        if name in ("eval", "exec", "compile", "__import__", "os.system", "os.popen"):
            yield name
        # `None` stands for what the program has loaded already.
        if name == "ctypes.CDLL" and ast.unparse(call.args[0]) != "None":
            yield name
        if name.startswith(("os.exec", "os.spawn", "pty.", "commands.")):
            yield name
        if keyword(call, "shell") not in (None, False):
            yield f"{name} with a shell"
        if name == "torch.load" and keyword(call, "weights_only") is not True:
            yield "torch.load without weights_only=True"
        if name in ("np.load", "numpy.load") and keyword(call, "allow_pickle") not in (None, False):
            yield "np.load with pickles"
        if name.startswith("yaml.") and last not in ("safe_load", "safe_dump", "dump"):
            yield name
        if last in ("extractall", "unpack_archive"):
            yield f"{name}: an archive unpacked unseen"


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("eval('1')", "eval"),
        ("subprocess.run('ls', shell=True)", "subprocess.run with a shell"),
        ("subprocess.run('ls', shell=quick)", "subprocess.run with a shell"),
        ("os.system('ls')", "os.system"),
        ("ctypes.CDLL(path)", "ctypes.CDLL"),
        ("torch.load(file)", "torch.load without weights_only=True"),
        ("torch.load(file, weights_only=False)", "torch.load without weights_only=True"),
        ("np.load(file, allow_pickle=True)", "np.load with pickles"),
        ("yaml.load(text)", "yaml.load"),
        ("archive.extractall(folder)", "archive.extractall: an archive unpacked unseen"),
    ],
)
def test_each_fault_is_seen(source: str, fault: str) -> None:
    assert list(faults_in(ast.parse(source))) == [fault]


def test_nothing_that_is_read_is_run() -> None:
    assert not [f"{file}: {fault}" for file, tree in sources() for fault in faults_in(tree)]


def test_nothing_is_unpickled() -> None:
    wrong = []
    for file, tree in sources():
        used = imported(tree) & UNPICKLERS
        named = {
            ast.unparse(node)
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and ast.unparse(node).split(".")[0] in UNPICKLERS
        }
        if used and named != MAY_NAME_AN_UNPICKLER.get(file):
            wrong.append(f"{file}: {named or used}")
    assert not wrong


def test_only_what_downloads_knows_the_network() -> None:
    assert {file for file, tree in sources() if imported(tree) & NETWORK} == MAY_USE_A_NETWORK
