from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from weights_server import Published, serve

from RetrievalSAMLib.errors import ModelError
from RetrievalSAMLib.models import store
from RetrievalSAMLib.models.catalogue import CatalogueEntry
from RetrievalSAMLib.models.download import download
from Testing.patience import PATIENCE

MakeUp = Callable[..., CatalogueEntry]
CONTENT = os.urandom(3_000_000)
OTHER = os.urandom(len(CONTENT))
HALF = 24 << 16


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.suffix != ".lock"}


def fetch(**settings: object) -> Path:
    return download("made-up", retry_seconds=0.0, **settings)  # type: ignore[arg-type]


def break_off(published: Published) -> None:
    """Leaves the first half of the file as a part: the line breaks, and then breaks before anything comes."""
    published.drop_after = [HALF, 0]
    with pytest.raises(ModelError, match="connection broke after 1.6 MB of 3.0 MB"):
        fetch()
    published.requests.clear()
    published.bytes_sent = 0


def test_download_checks_and_names_the_file_and_reports_progress(made_up: MakeUp, models_folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    with serve(Published(CONTENT)) as url:
        made_up(CONTENT, url)
        path = fetch(progress=lambda done, total: seen.append((done, total)))
    assert path == models_folder / "made-up.pt"
    assert path.read_bytes() == CONTENT
    assert files_in(models_folder) == {"made-up.pt"}
    assert seen[0] == (0, len(CONTENT)) and seen[-1] == (len(CONTENT), len(CONTENT))
    assert seen == sorted(seen)


def test_a_line_that_drops_halfway_is_taken_up_in_the_same_call(made_up: MakeUp) -> None:
    published = Published(CONTENT, drop_after=[HALF])
    with serve(published) as url:
        made_up(CONTENT, url)
        assert fetch().read_bytes() == CONTENT
    assert [r.get("Range") for r in published.requests] == [None, f"bytes={HALF}-"]
    assert published.requests[1]["If-Range"] == '"v1"'
    assert published.bytes_sent == len(CONTENT)


def test_a_later_call_fetches_only_the_rest(made_up: MakeUp, models_folder: Path) -> None:
    published = Published(CONTENT)
    seen: list[int] = []
    with serve(published) as url:
        made_up(CONTENT, url)
        break_off(published)
        assert files_in(models_folder) == {"made-up.pt.part", "made-up.pt.part.json"}
        assert fetch(progress=lambda done, total: seen.append(done)).read_bytes() == CONTENT
    assert seen[0] == HALF
    assert published.bytes_sent == len(CONTENT) - HALF
    assert files_in(models_folder) == {"made-up.pt"}


def test_a_server_without_ranges_sends_the_whole_file_again(made_up: MakeUp) -> None:
    published = Published(CONTENT)
    with serve(published) as url:
        made_up(CONTENT, url)
        break_off(published)
        published.ranges = False
        assert fetch().read_bytes() == CONTENT
    assert published.requests[0]["Range"] == f"bytes={HALF}-"
    assert published.bytes_sent == len(CONTENT)


def test_a_file_that_changed_on_the_server_is_fetched_from_the_start(made_up: MakeUp) -> None:
    published = Published(OTHER, etag='"old"')
    with serve(published) as url:
        made_up(CONTENT, url)
        break_off(published)
        published.content, published.etag = CONTENT, '"new"'
        assert fetch().read_bytes() == CONTENT
    assert len(published.requests) == 1


def test_a_file_that_changed_unnoticed_is_found_by_its_checksum_and_fetched_again(made_up: MakeUp) -> None:
    published = Published(OTHER, etag=None)
    with serve(published) as url:
        made_up(CONTENT, url)
        break_off(published)
        published.content = CONTENT
        assert fetch().read_bytes() == CONTENT
    assert [r.get("Range") for r in published.requests] == [f"bytes={HALF}-", None]


def test_an_answer_with_another_range_than_asked_for_is_not_appended(made_up: MakeUp) -> None:
    published = Published(CONTENT)
    with serve(published) as url:
        made_up(CONTENT, url)
        break_off(published)
        published.wrong_range = True
        assert fetch().read_bytes() == CONTENT
    assert [r.get("Range") for r in published.requests] == [f"bytes={HALF}-", None]


def test_a_part_that_is_complete_but_wrong_is_fetched_again(made_up: MakeUp, models_folder: Path) -> None:
    for part in (OTHER, OTHER + b"more"):
        with serve(Published(CONTENT)) as url:
            made_up(CONTENT, url)
            models_folder.mkdir(exist_ok=True)
            (models_folder / "made-up.pt.part").write_bytes(part)
            assert fetch().read_bytes() == CONTENT
        (models_folder / "made-up.pt").unlink()


def test_a_file_without_stated_length_is_fetched(made_up: MakeUp) -> None:
    with serve(Published(CONTENT, says_length=False)) as url:
        made_up(CONTENT, url)
        assert fetch().read_bytes() == CONTENT


def test_a_file_without_stated_length_that_ends_early_is_taken_up(made_up: MakeUp) -> None:
    with serve(Published(CONTENT, says_length=False, drop_after=[HALF])) as url:
        made_up(CONTENT, url)
        assert fetch().read_bytes() == CONTENT


def test_wrong_content_never_gets_the_name(made_up: MakeUp, models_folder: Path) -> None:
    with serve(Published(OTHER)) as url:
        entry = made_up(CONTENT, url)
        with pytest.raises(ModelError) as caught:
            fetch()
    assert "another checksum" in str(caught.value)
    assert "retrievalsam models import FOLDER" in str(caught.value)
    assert entry.sha256 in str(caught.value)
    assert files_in(models_folder) == set()


@pytest.mark.parametrize("length", [10, len(CONTENT) + 10])
@pytest.mark.parametrize("says_length", [True, False])
def test_content_of_another_size_is_refused(
    made_up: MakeUp, models_folder: Path, length: int, says_length: bool
) -> None:
    with serve(Published(os.urandom(length), ranges=False, says_length=says_length)) as url:
        made_up(CONTENT, url)
        with pytest.raises(ModelError):
            fetch()
    assert "made-up.pt" not in files_in(models_folder)


def test_the_web_page_of_a_firewall_is_recognised(made_up: MakeUp, models_folder: Path) -> None:
    page = Published(b"<html>Blocked</html>", content_type="text/html; charset=utf-8", says_length=False)
    with serve(page) as url:
        made_up(CONTENT, url)
        with pytest.raises(ModelError, match="sends a web page.*firewall.*models import FOLDER"):
            fetch()
    assert files_in(models_folder) == set()


@pytest.mark.parametrize(
    ("code", "words"),
    [(404, "does not exist.*answered 404.*models import"), (503, "answered 503.*again later")],
)
def test_an_error_of_the_server_is_named(made_up: MakeUp, code: int, words: str) -> None:
    published = Published(CONTENT, code=code)
    with serve(published) as url:
        made_up(CONTENT, url)
        with pytest.raises(ModelError, match=words):
            fetch()
    assert len(published.requests) == 1


def test_an_error_of_the_server_keeps_what_has_come(made_up: MakeUp, models_folder: Path) -> None:
    published = Published(CONTENT)
    with serve(published) as url:
        made_up(CONTENT, url)
        break_off(published)
        published.code = 503
        with pytest.raises(ModelError):
            fetch()
        published.code = 200
        assert fetch().read_bytes() == CONTENT
    assert published.bytes_sent == len(CONTENT) - HALF


def test_without_a_network_the_message_names_the_import(made_up: MakeUp) -> None:
    with serve(Published(CONTENT)) as url:
        pass  # nobody listens there any more
    made_up(CONTENT, url)
    with pytest.raises(ModelError, match="cannot be reached.*Without a network.*models import FOLDER"):
        fetch()


def test_a_name_that_no_server_has_is_a_missing_network(made_up: MakeUp) -> None:
    made_up(CONTENT, "http://no-such-host.invalid/made-up.pt")
    with pytest.raises(ModelError, match="cannot be reached"):
        fetch()


def test_a_full_disk_is_found_before_anything_is_fetched(made_up: MakeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    real = shutil.disk_usage(".")
    monkeypatch.setattr(store.shutil, "disk_usage", lambda path: real._replace(free=len(CONTENT)))
    published = Published(CONTENT)
    with serve(published) as url:
        made_up(CONTENT, url)
        with pytest.raises(ModelError, match=r"70\.1 MB are needed.*3\.0 MB are free.*RETRIEVALSAM_MODELS"):
            fetch()
    assert not published.requests


def test_a_folder_that_cannot_be_made_is_named(
    made_up: MakeUp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv(store.FOLDER_VARIABLE, str(tmp_path / "file" / "models"))
    made_up(CONTENT)
    with pytest.raises(ModelError, match="the folder cannot be made.*RETRIEVALSAM_MODELS"):
        fetch()


def test_intact_weights_are_not_fetched_again_and_damaged_ones_are(made_up: MakeUp) -> None:
    published = Published(CONTENT)
    with serve(published) as url:
        made_up(CONTENT, url)
        path = fetch()
        assert fetch() == path
        assert len(published.requests) == 1
        path.write_bytes(OTHER)
        assert fetch().read_bytes() == CONTENT
    assert len(published.requests) == 2


def test_a_progress_callback_can_stop_the_download_and_a_later_call_goes_on(made_up: MakeUp) -> None:
    class Stop(ValueError):
        """A ValueError, which must not be taken for pooch's word for another checksum."""

    def stop_halfway(done: int, total: int) -> None:
        if done >= total // 2:
            raise Stop

    published = Published(CONTENT)
    with serve(published) as url:
        made_up(CONTENT, url)
        with pytest.raises(Stop):
            fetch(progress=stop_halfway)
        seen: list[int] = []
        assert fetch(progress=lambda done, total: seen.append(done)).read_bytes() == CONTENT
    assert seen[0] >= len(CONTENT) // 2


def test_nothing_is_written_to_the_terminal(made_up: MakeUp, capfd: pytest.CaptureFixture[str]) -> None:
    with serve(Published(CONTENT)) as url:
        made_up(CONTENT, url)
        fetch()
    assert capfd.readouterr() == ("", "")


def test_bundled_weights_need_no_download() -> None:
    with pytest.raises(ModelError, match="part of RetrievalSAM"):
        download("bundled")


CHILD = """
import sys
from RetrievalSAMLib.models import catalogue
from RetrievalSAMLib.models.catalogue import CatalogueEntry
from RetrievalSAMLib.models.download import download
url, size, sha256 = sys.argv[1], int(sys.argv[2]), sys.argv[3]
catalogue.CATALOGUE["made-up"] = CatalogueEntry(
    "made-up", "segmenter", "made-up.pt", url, size, sha256, "", "", "", 64)
download("made-up", retry_seconds=0.0)
"""


def start_child(entry: CatalogueEntry) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", CHILD, entry.url, str(entry.bytes), entry.sha256])


def test_two_processes_fetch_one_file_once(made_up: MakeUp, models_folder: Path) -> None:
    published = Published(CONTENT, chunk_seconds=0.02)
    with serve(published) as url:
        entry = made_up(CONTENT, url)
        children = [start_child(entry), start_child(entry)]
        assert [child.wait(PATIENCE) for child in children] == [0, 0]
    assert (models_folder / "made-up.pt").read_bytes() == CONTENT
    assert len(published.requests) == 1
    assert files_in(models_folder) == {"made-up.pt"}


def test_a_killed_process_leaves_a_part_that_the_next_one_continues(made_up: MakeUp, models_folder: Path) -> None:
    published = Published(CONTENT, chunk_seconds=0.05)
    part = models_folder / "made-up.pt.part"
    with serve(published) as url:
        entry = made_up(CONTENT, url)
        child = start_child(entry)
        deadline = time.monotonic() + PATIENCE
        while not (part.is_file() and part.stat().st_size > 0):
            assert child.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        child.kill()
        child.wait(PATIENCE)
        assert not (models_folder / "made-up.pt").exists()
        published.chunk_seconds = 0.0
        published.requests.clear()
        assert fetch().read_bytes() == CONTENT
    assert "Range" in published.requests[0]


def test_weights_that_another_process_is_fetching_are_left_to_it(
    made_up: MakeUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = made_up(CONTENT)
    store.make_folder()
    monkeypatch.setattr(store, "_LOCK_SECONDS", 0.1)
    with store.locked(entry), pytest.raises(ModelError, match="another process.*Wait until it is done"):
        fetch()
