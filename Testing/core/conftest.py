from __future__ import annotations

import locale
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before torch is imported: two threads that share a busy machine are slower than one.
os.environ.setdefault("OMP_NUM_THREADS", "1")

REPOSITORY = Path(__file__).resolve().parents[2]
# Files that take longest come first, so that no process of pytest-xdist is left alone with one of them at the end.
LONGEST = [
    Path(__file__).parent / name
    for name in (
        "worker/test_worker_campaigns.py",
        "documentation/test_documented_commands.py",
        "cohort/test_batch_command.py",
        "evaluation/test_review.py",
        "server/test_monai_label.py",
        "server/test_server_partial.py",
        "server/test_server_devices.py",
        "worker/test_out_of_memory.py",
        "learning/test_learning.py",
        "library/test_library_campaigns.py",
        "server/test_dicomweb.py",
        "cohort/test_several_hosts.py",
        "worker/test_worker_learning.py",
        "segmentation/test_turned_targets.py",
        "models/test_torchvision_shim.py",
    )
]
assert not [file for file in LONGEST if not file.is_file()], "of LONGEST"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {file: number for number, file in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


@pytest.fixture(scope="module", autouse=True)
def no_test_writes_to_the_users_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nor into that of another file of tests: which files share a process is chance."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETRIEVALSAM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real annotated volumes: RETRIEVALSAM_DATA, else ../shared/data beside the repository."""
    folder = Path(os.environ.get("RETRIEVALSAM_DATA") or REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"needs the real volumes: no folder {folder} (set RETRIEVALSAM_DATA to another one)")
    return folder


_LOCALE = locale.setlocale(locale.LC_ALL)


@pytest.fixture(autouse=True)
def _locale_as_it_was() -> Iterator[None]:
    """Writing DICOM by GDCM, as some tests do, sets the whole process's locale to C: texts of programs become ASCII."""
    yield
    locale.setlocale(locale.LC_ALL, _LOCALE)
