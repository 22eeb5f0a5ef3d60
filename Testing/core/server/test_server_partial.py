"""What a run has found so far: on its volume's grid, marked unfinished, cheap however often it is asked for."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import requests
from server_process import ROOT, TOKENS, RunningServer, wait_until
from server_volumes import GRID, subject

from RetrievalSAMLib.cli.main import main
from RetrievalSAMLib.server.work import so_far
from RetrievalSAMLib.server.work.so_far import SoFar
from RetrievalSAMLib.volumes import (
    Geometry,
    Segmentation,
    read_segmentation,
    read_volume,
    write_segmentation,
    write_volume,
)
from RetrievalSAMLib.worker.jobs.partials import cropped
from RetrievalSAMLib.worker.protocol import Partial, Result, event_of
from Testing.core.worker.worker_process import running
from Testing.patience import PATIENCE

# One pass, and masks as they are found: what is drawn once stays.
PLAIN: dict[str, Any] = {"preset": "fast", "clean": [], "learned": False}
# Long enough for what there is so far to be told several times, which is done every 2 s at most, on fast computers too.
LONG = Geometry((96, 96, 100), (1.0, 1.0, 2.0), GRID.origin_mm, GRID.direction)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "large.nrrd"
    write_volume(subject(5, LONG)[0], path)
    return path


class Person:
    """Somebody with curl, and a run of their own."""

    def __init__(self, server: RunningServer, image: Path, **more: Any) -> None:
        self._server = server
        volume = server.client(TOKENS[0])._send_volume(read_volume(image), lambda *_told: None)
        request = {**PLAIN, "library": "balls", "volume": volume, **more}
        self.run = f"/v1/runs/{server.connection(TOKENS[0]).ask('POST', '/v1/runs', json=request).json()['id']}"

    def ask(self, what: str = "/partial", method: str = "GET", token: str = TOKENS[0], **headers: str) -> Any:
        return requests.request(
            method,
            f"{self._server.address}{self.run}{what}",
            headers={"Authorization": f"Bearer {token}", **headers},
            verify=str(self._server.ca_file),
            timeout=PATIENCE,
            allow_redirects=False,
        )

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.ask("").json()
        return state

    def wait_for_more(self, than: int = 0) -> None:
        """Until there is more than that number of times something was found."""
        wait_until(lambda: (self.state()["partial"] or {"number": 0})["number"] > than)


def test_what_is_drawn_so_far_is_on_the_grid_of_the_volume_and_stays_in_the_result(
    server: RunningServer, large: Path, tmp_path: Path
) -> None:
    grown: list[tuple[Segmentation, int, int]] = []
    output = tmp_path / "result.seg.nrrd"
    client = server.client(TOKENS[0])
    client.segment("balls", large, output, PLAIN, grown=lambda *told: grown.append(told))
    result = read_segmentation(output)
    assert grown and [done for _, done, _ in grown] == sorted({done for _, done, _ in grown})
    assert {total for *_, total in grown} == {2 * LONG.size[2]}  # every slice once for each structure's crop
    seen = 0
    for found, _, _ in grown:
        assert found.geometry == result.geometry == read_volume(large).geometry
        assert [s.value for s in found.segments] == [s.value for s in result.segments] and found.names == result.names
        for name in found.names:
            drawn = np.flatnonzero(found.mask(name).any(axis=(0, 1)))
            np.testing.assert_array_equal(found.mask(name)[:, :, drawn], result.mask(name)[:, :, drawn])
            seen += len(drawn)
    assert seen
    assert not [path for path in server.files() if "so-far" in path.parts]
    plain = tmp_path / "plain.seg.nrrd"  # the result does not depend on who looks
    client.segment("balls", large, plain, PLAIN)
    for name in result.names:
        np.testing.assert_array_equal(read_segmentation(plain).mask(name), result.mask(name))


def test_a_person_with_curl_asks_again_and_again_and_gets_what_is_new(
    server: RunningServer, large: Path, tmp_path: Path
) -> None:
    person = Person(server, large, partial=True)
    early = person.ask()
    assert early.status_code == 409 and early.headers["Retry-After"] and early.json()["remedy"]
    person.wait_for_more()
    first = person.ask()
    assert first.status_code == 200 and 'filename="unfinished.seg.nrrd"' in first.headers["Content-Disposition"]
    done, total = map(int, first.headers["RetrievalSAM-Unfinished"].split("/"))
    assert 0 < done < total == 2 * LONG.size[2]
    assert f"UNFINISHED: {done} of {total} slices".encode() in first.content.partition(b"\n\n")[0]
    tag = first.headers["ETag"]
    again = person.ask(**{"If-None-Match": tag})
    while again.status_code == 200:  # more was found in between
        tag = again.headers["ETag"]
        again = person.ask(**{"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert person.ask(token=TOKENS[1]).status_code == 404
    assert person.ask("/partial?format=dcm").status_code == 422
    person.wait_for_more(int(tag.strip('"').split(".")[0]))
    label = person.ask("/partial?format=nii.gz", **{"If-None-Match": tag})
    assert label.status_code == 200 and label.headers["ETag"].endswith('.nii.gz"')
    (tmp_path / "unfinished.nii.gz").write_bytes(label.content)
    header = nibabel.load(tmp_path / "unfinished.nii.gz").header
    assert header["descrip"].item().decode().startswith("UNFINISHED: ")
    assert read_segmentation(tmp_path / "unfinished.nii.gz", allow_empty=True).geometry.size == LONG.size
    person.ask("", "DELETE")
    wait_until(lambda: person.state()["state"] == "stopped")
    gone = person.ask()
    assert gone.status_code == 410 and "it was stopped" in gone.json()["message"]
    assert not [path for path in server.files() if "so-far" in path.parts]
    person.ask("", "DELETE")
    assert person.ask().status_code == 404


def test_a_run_that_has_ended_or_does_not_tell_says_so(server: RunningServer, image: Path) -> None:
    done = Person(server, image, partial=True)
    wait_until(lambda: done.state()["state"] == "done")
    answer = done.ask()
    assert answer.status_code == 303 and answer.headers["Location"] == f"{done.run}/segmentation"
    assert "it is done" in answer.json()["message"]
    failed = Person(server, image, partial=True, segments=["liver"])
    wait_until(lambda: failed.state()["state"] == "failed")
    assert failed.ask().status_code == 410 and "liver" in failed.ask().json()["message"]
    silent = Person(server, image)
    answer = silent.ask()
    while answer.status_code != 303:  # it may be done by now
        assert answer.status_code == 404 and '"partial": true' in answer.json()["remedy"]
        answer = silent.ask()


def test_slicer_gets_it_from_a_server_as_from_the_worker_of_its_own_computer(
    server: RunningServer, large: Path, tmp_path: Path
) -> None:
    partial = tmp_path / "partial"
    partial.mkdir()
    variables = {
        "RETRIEVALSAM_SERVER": server.address,
        "RETRIEVALSAM_SERVER_TOKEN": TOKENS[0],
        "RETRIEVALSAM_SERVER_CA": str(server.ca_file),
    }
    output = tmp_path / "result.seg.nrrd"
    files = {"folder": "balls", "image": str(large), "output": str(output), "partial": str(partial)}
    with running(variables, "from RetrievalSAMLib.server.remote import main; main()") as remote:
        *events, last = remote.answer("run", "segment", **PLAIN, **files)
    told = [event.file for event in events if isinstance(event, Partial)]
    assert told and isinstance(last, Result)
    shown: dict[str, Segmentation] = {}
    for file in [*told, *last.result["files"]]:
        part = read_segmentation(file)
        shown[part.names[0]] = part
    # What Slicer has on display at the end is the result, though what did not change was sent once.
    result = read_segmentation(output)
    assert set(shown) == set(result.names)
    for number, name in enumerate(result.names):
        wanted = cropped(result, number)
        assert shown[name].geometry.difference(wanted.geometry) is None
        np.testing.assert_array_equal(shown[name].mask(name), wanted.mask(name))


def test_the_command_line_shows_it_in_a_file_that_goes_at_the_end(
    server: RunningServer, large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("RETRIEVALSAM_SERVER_TOKEN", TOKENS[0])
    watched, output = tmp_path / "so-far.nii.gz", tmp_path / "result.seg.nrrd"
    seen: list[bytes] = []
    over = threading.Event()

    def look() -> None:
        while not over.is_set() and not seen:
            if watched.exists():
                seen.append(bytes(nibabel.load(watched).header["descrip"].item()))

    looking = threading.Thread(target=look)
    looking.start()
    given = ["balls", str(large), "--server", server.address, "--ca-file", str(server.ca_file), "--preset", "fast"]
    given += ["-o", str(output), "--so-far", str(watched)]
    try:
        assert main(["segment", *given]) == 0
    finally:
        over.set()
        looking.join()
    assert seen and seen[0].startswith(b"UNFINISHED: ")
    assert output.exists() and not watched.exists()
    watched.write_bytes(b"of somebody")
    assert main(["segment", *given]) == 2
    assert "it is there already" in capsys.readouterr().err and watched.read_bytes() == b"of somebody"


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="needs curl and bash")
def test_the_recipe_with_curl_works_as_it_stands_in_the_documentation(
    open_desk: RunningServer, tmp_path: Path, large: Path
) -> None:
    page = (ROOT / "docs" / "serve.md").read_text(encoding="utf-8")
    (recipe,) = re.findall(r"```bash\n([^`]*/partial[^`]*)```", page)
    shutil.copy(large, tmp_path / "new.nrrd")
    variables = os.environ | {"RETRIEVALSAM_SERVER": open_desk.address}
    command = ["bash", "-euo", "pipefail", "-c", recipe]
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert read_segmentation(tmp_path / "result.seg.nrrd").geometry == read_volume(large).geometry
    assert {path.name for path in tmp_path.iterdir()} == {"new.nrrd", "result.seg.nrrd"}
    log = "".join(open_desk.log)
    assert "GET /v1/runs/{run_id}/partial 200" in log and "GET /v1/runs/{run_id}/partial 303" in log


def arrives(folder: Path, drawn: Segmentation, growing: SoFar, step: int) -> None:
    """What the worker does when two segments have changed."""
    for number in range(2):
        path = folder / f"partial-{step}-{number}.seg.nrrd"
        write_segmentation(cropped(drawn, number), path)
        told = {"event": "partial", "id": "1", "file": str(path), "done": step, "total": 9}
        event = event_of(told)
        assert isinstance(event, Partial)
        growing.note(event)
    assert growing.settle() and not growing.settle()


def test_asking_often_costs_one_file_for_every_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image, drawn = subject(3)
    write_volume(image, tmp_path / "volume.nrrd")
    made: list[int] = []
    put_together = so_far._put_together

    def counted(*given: Any) -> bytes:
        made.append(given[2].number)
        return put_together(*given)

    monkeypatch.setattr(so_far, "_put_together", counted)

    async def test() -> None:
        folder = tmp_path / "so-far"
        growing = SoFar(tmp_path / "volume.nrrd", folder)
        assert await growing.file("seg.nrrd") is None
        arrives(folder, drawn, growing, 1)
        first = await asyncio.gather(*(growing.file("seg.nrrd") for _ in range(20)))
        assert made == [1] and len({id(one) for one in first}) == 1
        for step in range(2, 30):  # nobody asks
            arrives(folder, drawn, growing, step)
        assert made == [1] and len(list(folder.iterdir())) == 2
        last = await growing.file("seg.nrrd")
        assert made == [1, 29] and last is not None and (last.state.done, last.state.total) == (29, 9)
        (tmp_path / "whole.seg.nrrd").write_bytes(last.content)
        whole = read_segmentation(tmp_path / "whole.seg.nrrd")
        assert whole.geometry == image.geometry and whole.names == drawn.names
        for name in drawn.names:
            np.testing.assert_array_equal(whole.mask(name), drawn.mask(name))
        asked = asyncio.create_task(growing.file("nii.gz"))
        await asyncio.sleep(0)
        growing.close()  # the run ends meanwhile
        assert await asked is None and not folder.exists()

    asyncio.run(test())
