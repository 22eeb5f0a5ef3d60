"""What stays of a patient: nothing on the disk, nothing in the log."""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from server_process import RunningServer, serving, wait_until
from server_volumes import GRID, subject

from RetrievalSAMLib.server.pasting import changed_part, pasted
from RetrievalSAMLib.server.work.header import without_texts
from RetrievalSAMLib.server.work.private_folder import private_folder
from RetrievalSAMLib.volumes import (
    Geometry,
    Segmentation,
    read_segmentation,
    read_volume,
    write_segmentation,
    write_volume,
)

SECRETS = (b"DOE", b"JANE", b"12345678", b"1970-01-31")


def identified_volume(folder: Path) -> bytes:
    """A file as some exporter writes it, full of what must not be there."""
    write_volume(subject(4)[0], folder / "clean.nrrd")
    header, _, voxels = (folder / "clean.nrrd").read_bytes().partition(b"\n\n")
    texts = ["# MRN 12345678", "content: DOE^JANE", "PatientName:=DOE^JANE", "DICOM_0010,0030:=1970-01-31"]
    return header + b"\n" + "\n".join(texts).encode() + b"\n\n" + voxels


def found_secrets(content: bytes) -> list[bytes]:
    return [secret for secret in SECRETS if secret in content]


def test_a_run_leaves_nothing_of_the_patient_on_the_disk_or_in_the_log(strict: RunningServer, tmp_path: Path) -> None:
    connection = strict.connection()
    content = identified_volume(tmp_path)
    assert len(found_secrets(content)) == len(SECRETS)
    sha256 = hashlib.sha256(content).hexdigest()
    connection.ask("PUT", f"/v1/volumes/{sha256}?name=DOE", data=content)
    uploads = [path for path in strict.files() if path.parent.name == "uploads"]
    assert len(uploads) == 1
    np.testing.assert_array_equal(read_volume(uploads[0]).voxels, subject(4)[0].voxels)
    request = {"library": "balls", "volume": sha256, "preset": "fast"}
    run = connection.ask("POST", "/v1/runs", json=request, headers={"User-Agent": "DOE"}).json()["id"]
    assert [event["event"] for event in connection.events(f"/v1/runs/{run}/events")][-1] == "result"
    wait_until(lambda: not [path for path in strict.files() if path.parent.name == "uploads"])
    assert connection.ask("GET", f"/v1/runs/{run}/segmentation").content.startswith(b"NRRD")
    connection.ask("DELETE", f"/v1/runs/{run}")
    left = {path.parent.name for path in strict.files() if not path.name.endswith("lock")}
    assert left <= {"memories"}  # of the library's own cases
    for path in strict.files():
        assert not found_secrets(path.read_bytes()), path.name
    log = "".join(strict.log)
    assert "PUT /v1/volumes/{sha256} 201" in log and "POST /v1/runs 202" in log
    assert not [word for word in (sha256, run, "balls", "DOE", str(strict.cache)) if word in log]


@pytest.mark.skipif(os.name != "posix", reason="only POSIX lets a process be asked to end")
def test_a_server_that_ends_says_so_to_who_waits_and_leaves_nothing(libraries: Path, tmp_path: Path) -> None:
    with serving(tmp_path, libraries) as server:
        connection = server.connection()
        volume = server.client()._send_volume(subject(4)[0], lambda *_told: None)
        run = connection.ask("POST", "/v1/runs", json={"library": "balls", "volume": volume}).json()["id"]
        events = connection.events(f"/v1/runs/{run}/events")
        assert next(events)["event"] in ("waiting", "progress")
        server.process.terminate()
        last = list(events)[-1]
        assert last["event"] == "result" or "it was shut down" in last["error"]["fact"]
    assert "Traceback" not in "".join(server.log)
    assert [path.name for path in server.files()] == [".lock"]


@pytest.mark.skipif(os.name != "posix", reason="rights of files are POSIX's")
def test_nobody_else_can_read_what_is_kept(strict: RunningServer) -> None:
    (folder,) = [path for path in (strict.cache / "serve").iterdir() if path.is_dir()]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_what_a_dead_server_left_is_removed_and_a_living_one_is_left_alone(tmp_path: Path) -> None:
    parent = tmp_path / "serve"
    (parent / "dead" / "uploads").mkdir(parents=True)
    (parent / "dead" / "uploads" / "volume.nrrd").write_bytes(b"somebody")
    with private_folder(parent) as living:
        assert not (parent / "dead").exists()
        (living / "volume.nrrd").write_bytes(b"somebody")
        with private_folder(parent) as another:
            assert another != living and (living / "volume.nrrd").exists()
        assert not another.exists()
    assert [path.name for path in parent.iterdir()] == [".lock"]


@pytest.mark.parametrize("direction", [GRID.direction, (0, 0, 1, -1, 0, 0, 0, -1, 0)])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_part_that_travelled_is_put_back_where_it_was(
    tmp_path: Path, direction: tuple[float, ...], axis: int
) -> None:
    grid = Geometry(GRID.size, GRID.spacing_mm, GRID.origin_mm, direction)  # type: ignore[arg-type]
    before = subject(1, grid)[1]
    masks = [before.mask(name) for name in before.names]
    slice_of = [slice(None)] * 3
    slice_of[axis] = slice(2, 4)
    masks[0][tuple(slice_of)] ^= True
    after = Segmentation.from_masks(before.segments, masks, grid)
    part = changed_part(before, after, axis=axis)
    assert part is not None and part.geometry.size[axis] == 2
    write_segmentation(part, tmp_path / "part.seg.nrrd")
    without_texts(tmp_path / "part.seg.nrrd", tmp_path / "kept.seg.nrrd", 1 << 20)
    put = pasted(before, read_segmentation(tmp_path / "kept.seg.nrrd"))
    assert put.geometry == grid
    for name in before.names:
        np.testing.assert_array_equal(put.mask(name), after.mask(name))


def test_a_stripped_file_keeps_grid_voxels_and_segments(tmp_path: Path) -> None:
    image, drawn = subject(2)
    write_volume(image, tmp_path / "image.nrrd", comment="DOE")
    write_segmentation(drawn, tmp_path / "drawn.seg.nrrd", comment="DOE")
    for name in ("image.nrrd", "drawn.seg.nrrd"):
        without_texts(tmp_path / name, tmp_path / f"kept.{name}", 1 << 20)
        assert b"DOE" in (tmp_path / name).read_bytes() and b"DOE" not in (tmp_path / f"kept.{name}").read_bytes()
    kept, segments = read_volume(tmp_path / "kept.image.nrrd"), read_segmentation(tmp_path / "kept.drawn.seg.nrrd")
    assert kept.geometry == segments.geometry == image.geometry
    np.testing.assert_array_equal(kept.voxels, image.voxels)
    assert segments.segments[0] == drawn.segments[0]
    np.testing.assert_array_equal(segments.mask(0), drawn.mask(0))
    gzip.decompress((tmp_path / "kept.image.nrrd").read_bytes().partition(b"\n\n")[2])
