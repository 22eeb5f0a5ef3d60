from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from RetrievalSAMLib.demo.hippocampus import load_hippocampus
from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.volumes import Geometry, Segmentation, Volume, write_segmentation, write_volume

GRID = Geometry((12, 14, 10), (1, 1, 1), (3, -4, 5), (-1, 0, 0, 0, -1, 0, 0, 0, 1))
NAMES = ("Anterior hippocampus", "Posterior hippocampus")


def make_case(image: Path, label: Path, number: int, labels: tuple[int, ...] = (1, 2)) -> None:
    rng = np.random.default_rng(number)
    voxels = np.zeros(GRID.size, dtype=np.uint8)
    for position, value in enumerate(labels):
        voxels[3:9, 3 + 4 * position : 6 + 4 * position, 2 : 5 + number % 3] = value
    write_volume(Volume(rng.normal(100 * number, 10, GRID.size).astype(np.float32), GRID), image)
    write_segmentation(Segmentation.from_labelmap(voxels, GRID), label)


def published(folder: Path, count: int) -> Path:
    """Task04 as it is published, with what macOS leaves behind, and test images without labels."""
    root = folder / "Task04_Hippocampus"
    for part in ("imagesTr", "labelsTr", "imagesTs"):
        (root / part).mkdir(parents=True)
    for number in range(1, count + 1):
        name = f"hippocampus_{3 * number:03d}.nii.gz"
        make_case(root / "imagesTr" / name, root / "labelsTr" / name, number)
        for part in ("imagesTr", "labelsTr"):
            (root / part / f"._{name}").write_bytes(b"resource fork")
    (root / "imagesTr" / "hippocampus_001.nii.gz").write_bytes(b"no label belongs to it")
    (root / "imagesTs" / "hippocampus_002.nii.gz").write_bytes(b"")
    (root / "dataset.json").write_text("{}")
    return root


def archive_of(root: Path) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        tar.add(root, root.name)
    return stream.getvalue()


@contextmanager
def served(content: bytes, code: int = 200) -> Iterator[tuple[str, list[str]]]:
    """A web server on this machine: its address, and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(code)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/Task04_Hippocampus.tar", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.mark.parametrize("inside", [True, False])
def test_the_published_folder_is_read_in_the_order_of_names(tmp_path: Path, inside: bool) -> None:
    root = published(tmp_path, 3)
    cases = list(load_hippocampus(2, root if inside else tmp_path))
    assert [case.name for case in cases] == ["case-001", "case-002"]
    assert [round(float(case.image.voxels.mean()), -2) for case in cases] == [100, 200]
    for case in cases:
        assert case.segmentation.names == NAMES
        assert [segment.value for segment in case.segmentation.segments] == [1, 2]
        assert case.image.geometry == case.segmentation.geometry == GRID
        assert len({segment.key for segment in case.segmentation.segments}) == 2
        assert all(segment.color and segment.terminology for segment in case.segmentation.segments)


def test_files_of_image_and_label_pairs_are_read(tmp_path: Path) -> None:
    for number in (2, 1):
        make_case(tmp_path / f"h{number}_image.nii.gz", tmp_path / f"h{number}_label.nii.gz", number)
    (tmp_path / "README.md").write_text("notes")
    cases = list(load_hippocampus(2, tmp_path))
    assert [round(float(case.image.voxels.mean()), -2) for case in cases] == [100, 200]


def test_a_case_without_one_of_the_two_has_an_empty_segment(tmp_path: Path) -> None:
    make_case(tmp_path / "h_image.nii.gz", tmp_path / "h_label.nii.gz", 1, labels=(2,))
    (case,) = load_hippocampus(1, tmp_path)
    assert case.segmentation.names == NAMES
    assert not case.segmentation.mask(0).any() and case.segmentation.mask(1).any()


def test_a_missing_folder_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing: there is no such folder\..*--from FOLDER"):
        list(load_hippocampus(1, tmp_path / "nothing"))
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="it is a file"):
        list(load_hippocampus(1, tmp_path / "file"))


def test_too_few_cases_are_counted(tmp_path: Path) -> None:
    published(tmp_path, 2)
    with pytest.raises(InputError, match="it has 2 annotated cases, and 5 are needed"):
        list(load_hippocampus(5, tmp_path))


def test_labels_of_something_else_are_refused(tmp_path: Path) -> None:
    make_case(tmp_path / "h_image.nii.gz", tmp_path / "h_label.nii.gz", 1, labels=(1, 7))
    with pytest.raises(InputError, match="h_label.nii.gz: it has the label 7"):
        list(load_hippocampus(1, tmp_path))


def test_the_archive_is_downloaded_once_and_only_what_is_needed_is_kept(tmp_path: Path) -> None:
    content = archive_of(published(tmp_path / "server", 4))
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    cache = tmp_path / "home" / "cache"
    told: list[tuple[str, int, int]] = []
    with served(content) as (url, asked):
        for _ in range(2):
            cases = list(load_hippocampus(3, cache=cache, url=url, md5=md5, progress=lambda *what: told.append(what)))
            assert [case.segmentation.names for case in cases] == [NAMES] * 3
        assert len(asked) == 1
    assert told[0][0] == "downloading" and ("downloading", len(content), len(content)) in told
    assert ("reading cases", 3, 3) in told
    assert sorted(path.name for path in cache.iterdir()) == [
        f"hippocampus_{number:03d}_{kind}.nii.gz" for number in (3, 6, 9) for kind in ("image", "label")
    ]
    assert [path.name for path in cache.parent.iterdir()] == ["cache"]


def test_without_a_network_the_remedy_is_a_folder(tmp_path: Path) -> None:
    with served(b"") as (url, _):
        pass  # nobody listens there any more
    with pytest.raises(InputError, match=r"cannot be reached.*--from FOLDER"):
        list(load_hippocampus(1, cache=tmp_path / "cache", url=url))
    assert list((tmp_path / "cache").iterdir()) == []


def test_another_archive_than_the_published_one_is_refused(tmp_path: Path) -> None:
    with (
        served(b"<html>Please log in</html>") as (url, _),
        pytest.raises(InputError, match="checksum.*--from"),
    ):
        list(load_hippocampus(1, cache=tmp_path / "cache", url=url))
    with served(b"", 503) as (url, _), pytest.raises(InputError, match="the server answered 503"):
        list(load_hippocampus(1, cache=tmp_path / "cache", url=url))
    assert list((tmp_path / "cache").iterdir()) == []


def test_an_archive_cannot_write_outside_the_cache(tmp_path: Path) -> None:
    root = published(tmp_path / "server", 1)
    image = (root / "imagesTr" / "hippocampus_003.nii.gz").read_bytes()
    label = (root / "labelsTr" / "hippocampus_003.nii.gz").read_bytes()
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, content in (
            ("../../imagesTr/..evil.nii.gz", image), ("../../labelsTr/..evil.nii.gz", label),
            ("/imagesTr/good.nii.gz", image), ("../labelsTr/good.nii.gz", label),
        ):  # fmt: skip
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for part in ("imagesTr", "labelsTr"):
            link = tarfile.TarInfo(f"Task04_Hippocampus/{part}/a-link.nii.gz")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
            tar.addfile(link)
    content = stream.getvalue()
    before = {path for path in tmp_path.rglob("*") if "server" not in path.parts}
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    with served(content) as (url, _):
        assert len(list(load_hippocampus(1, cache=tmp_path / "cache", url=url, md5=md5))) == 1
    made = {path for path in tmp_path.rglob("*") if "server" not in path.parts} - before
    assert {path.name for path in made} == {"cache", "good_image.nii.gz", "good_label.nii.gz"}
