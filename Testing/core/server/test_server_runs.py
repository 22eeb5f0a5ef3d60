"""Runs of one and of several clients: the results of this computer, each volume sent once, ends that are wanted."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from server_process import TOKENS, RunningServer, wait_until
from server_volumes import GRID, subject

from RetrievalSAMLib.cli.main import main
from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.server.client import RunStopped
from RetrievalSAMLib.server.connection import ServerError
from RetrievalSAMLib.volumes import (
    Geometry,
    ReadingChoices,
    Segmentation,
    read_segmentation,
    read_volume,
    write_segmentation,
    write_volume,
)
from Testing.core.volumes.dicom_series import write_series

FAST = {"preset": "fast"}
# Minutes of work, of which each test ends all but the beginning.
LARGE = Geometry((96, 96, 40), (1.0, 1.0, 2.0), GRID.origin_mm, GRID.direction)
# Six times the patience of a server on a fast computer.
LONG = Geometry((96, 96, 240), (1.0, 1.0, 2.0), GRID.origin_mm, GRID.direction)


def assert_same(one: Path, other: Path) -> None:
    a, b = read_segmentation(one), read_segmentation(other)
    assert a.names == b.names and a.geometry == b.geometry
    for name in a.names:
        np.testing.assert_array_equal(a.mask(name), b.mask(name))
    assert a.mask(0).any()


def corrected(path: Path, output: Path) -> tuple[Path, list[int]]:
    """A result in which one slice was drawn otherwise."""
    result = read_segmentation(path)
    masks = [result.mask(name) for name in result.names]
    masks[0][4:20, 6:12, 3] = True
    masks[1] &= ~masks[0]
    write_segmentation(Segmentation.from_masks(result.segments, masks, result.geometry), output)
    return output, [3]


def test_a_run_gives_what_this_computer_gives_and_a_second_one_sends_nothing(
    server: RunningServer, image: Path, local: Path, tmp_path: Path
) -> None:
    client = server.client(TOKENS[0])
    stages: list[str] = []
    report = client.segment("balls", image, tmp_path / "a.seg.nrrd", FAST, lambda stage, *_rest: stages.append(stage))
    assert_same(tmp_path / "a.seg.nrrd", local)
    assert read_segmentation(local).geometry == read_volume(image).geometry
    assert report["preset"] == "fast" and "segmenting" in stages
    sent = client.sent_bytes
    assert sent > 0
    client.segment("balls", image, tmp_path / "b.seg.nrrd", FAST)
    assert_same(tmp_path / "b.seg.nrrd", local)
    assert client.sent_bytes == sent


def test_a_series_is_chosen_here_and_what_was_seen_is_told(server: RunningServer, tmp_path: Path) -> None:
    for number in (2, 5):
        volume = subject(number)[0]
        write_series(tmp_path / "disc" / str(number), values=volume.voxels, spacing=GRID.spacing_mm, number=number)
    client, output = server.client(TOKENS[0]), tmp_path / "a.seg.nrrd"
    with pytest.raises(InputError, match="series 5"):
        client.segment("balls", tmp_path / "disc", output, FAST)
    shutil.copytree(tmp_path / "disc" / "5", tmp_path / "disc" / "again")
    noted: dict[Path, tuple[str, ...]] = {}
    reading = ReadingChoices(series="5")
    client.segment("balls", tmp_path / "disc", output, FAST, reading=reading, noted=noted.__setitem__)
    assert read_segmentation(output).geometry == read_volume(tmp_path / "disc" / "5").geometry
    assert [path.name for path in noted] == ["disc"] and "copies of others" in noted[tmp_path / "disc"][0]


def test_corrections_send_the_changed_slices_and_are_carried_on_as_here(
    server: RunningServer, libraries: Path, image: Path, local: Path, tmp_path: Path
) -> None:
    client = server.client(TOKENS[0])
    client.segment("balls", image, tmp_path / "result.seg.nrrd", FAST)
    drawn, slices = corrected(tmp_path / "result.seg.nrrd", tmp_path / "drawn.seg.nrrd")
    sent = client.sent_bytes
    report = client.refine("balls", image, drawn, slices, tmp_path / "refined.seg.nrrd", FAST)
    part = client.sent_bytes - sent
    library, here = str(libraries / "balls"), tmp_path / "here.seg.nrrd"
    given = ["--segmentation", str(drawn), "--corrected", "3", "-o", str(here), "--preset", "fast"]
    assert main(["refine", library, str(image), *given]) == 0
    assert_same(tmp_path / "refined.seg.nrrd", here)
    assert report["refinement"]["corrected"] == slices and report["refinement"]["reused"]
    # A client that knows of no earlier run sends the whole, to the same end.
    other = server.client(TOKENS[0])
    other.refine("balls", image, drawn, slices, tmp_path / "whole.seg.nrrd", FAST, grown=lambda *_so_far: None)
    assert_same(tmp_path / "whole.seg.nrrd", here)
    assert 0 < part < other.sent_bytes


def test_an_error_of_a_run_reaches_the_client_in_words_without_paths(
    server: RunningServer, image: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="liver") as refused:
        server.client(TOKENS[0]).segment("balls", image, tmp_path / "x.seg.nrrd", {**FAST, "segments": ["liver"]})
    assert str(server.cache) not in str(refused.value)
    with pytest.raises(ServerError, match="library"):
        server.client(TOKENS[0]).segment("../balls", image, tmp_path / "x.seg.nrrd", FAST)


def test_runs_and_volumes_of_another_token_do_not_exist(server: RunningServer, image: Path, tmp_path: Path) -> None:
    mine, others = server.connection(TOKENS[0]), server.connection(TOKENS[1])
    client = server.client(TOKENS[0])
    client.segment("balls", image, tmp_path / "a.seg.nrrd", FAST)
    assert client._last is not None
    volume, run = f"/v1/volumes/{client._last.volume}", f"/v1/runs/{client._last.run}"
    for path in (run, f"{run}/segmentation", f"{run}/report", f"{run}/events"):
        assert mine.ask("GET", path).status_code == 200
        assert others.ask("GET", path, accept=(404,)).status_code == 404
    assert others.ask("DELETE", run, accept=(404,)).status_code == 404
    assert others.ask("HEAD", volume, accept=(404,)).status_code == 404
    request = {"library": "balls", "volume": client._last.volume}
    assert others.ask("POST", "/v1/runs", json=request, accept=(404,)).status_code == 404
    mine.ask("DELETE", run)
    assert mine.ask("GET", run, accept=(404,)).status_code == 404


def test_a_run_that_ends_as_it_is_cancelled_counts_as_cancelled(
    server: RunningServer, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, ended = server.client(TOKENS[0]), []
    followed = client._followed

    def cancelled_late(path: str, *told: Any) -> dict[str, Any]:
        report = followed(path, *told)
        client._cancel(path)
        ended.append(path)
        return report

    monkeypatch.setattr(client, "_followed", cancelled_late)
    with pytest.raises(RunStopped):
        client.segment("balls", image, tmp_path / "out.seg.nrrd", FAST, stopping=lambda: bool(ended))
    assert not list(tmp_path.iterdir())


def test_a_cancelled_run_ends_and_the_next_one_is_right(
    server: RunningServer, image: Path, local: Path, tmp_path: Path
) -> None:
    client = server.client(TOKENS[0])
    write_volume(subject(5, LARGE)[0], tmp_path / "large.nrrd")
    stages: list[str] = []

    def told(stage: str, *_rest: Any) -> None:
        stages.append(stage)

    with pytest.raises(RunStopped):
        client.segment(
            "balls",
            tmp_path / "large.nrrd",
            tmp_path / "large.seg.nrrd",
            FAST,
            told,
            lambda: "comparing slices" in stages,
        )
    assert not (tmp_path / "large.seg.nrrd").exists()
    client.segment("balls", image, tmp_path / "a.seg.nrrd", FAST)
    assert_same(tmp_path / "a.seg.nrrd", local)


def test_the_server_survives_its_worker(server: RunningServer, image: Path, local: Path, tmp_path: Path) -> None:
    client = server.client(TOKENS[0])
    write_volume(subject(6, LARGE)[0], tmp_path / "large.nrrd")

    def kill(stage: str, *_rest: Any) -> None:
        if stage == "comparing slices":
            for child in psutil.Process(server.process.pid).children():
                child.kill()

    with pytest.raises(InputError, match="has ended"):
        client.segment("balls", tmp_path / "large.nrrd", tmp_path / "large.seg.nrrd", FAST, kill)
    client.segment("balls", image, tmp_path / "a.seg.nrrd", FAST)
    assert_same(tmp_path / "a.seg.nrrd", local)


def test_a_full_queue_says_so_and_each_waiting_run_its_place(strict: RunningServer, tmp_path: Path) -> None:
    connection, client = strict.connection(), strict.client()
    request = {"library": "balls", "volume": client._send_volume(subject(7, LARGE)[0], lambda *_told: None)}
    first, second = (connection.ask("POST", "/v1/runs", json=request).json()["id"] for _n in range(2))
    with pytest.raises(ServerError, match="1 runs are waiting.*Try again in") as refused:
        connection.ask("POST", "/v1/runs", json=request)
    assert refused.value.status == 429
    assert "Retry-After" in connection.ask("POST", "/v1/runs", json=request, accept=(429,)).headers
    assert next(iter(connection.events(f"/v1/runs/{second}/events")))["place"] == 1
    for run in (second, first):
        connection.ask("DELETE", f"/v1/runs/{run}")
    wait_until(lambda: client.health()["queue_length"] == 0)


def test_a_run_that_nobody_follows_is_cancelled_and_says_so(strict: RunningServer, tmp_path: Path) -> None:
    connection, client = strict.connection(), strict.client()
    request = {"library": "balls", "volume": client._send_volume(subject(8, LONG)[0], lambda *_told: None)}
    run = connection.ask("POST", "/v1/runs", json=request).json()["id"]
    following = connection.events(f"/v1/runs/{run}/events")
    assert next(following)["event"] == "progress"
    following.close()
    wait_until(lambda: connection.ask("GET", f"/v1/runs/{run}").json()["state"] == "stopped")
    told = connection.ask("GET", f"/v1/runs/{run}").json()["error"]
    assert told["code"] == "unheard" and "nobody has followed it for 10 s" in told["fact"]
    (last,) = connection.events(f"/v1/runs/{run}/events")
    assert (last["event"], last["error"]) == ("stopped", told)
