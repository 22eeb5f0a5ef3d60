"""What MONAI Label's plug-ins for OHIF do from a page of another origin, and what their code takes from the answers."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import numpy as np
import pytest
import requests
from monai_label_requests import OHIF, Answer, OhifPlugin, ohif_reads
from playwright.sync_api import Error as PlaywrightError
from server_process import RunningServer, serving
from server_volumes import subject

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library.store import SupportLibrary
from RetrievalSAMLib.server.settings import Settings, checked
from RetrievalSAMLib.volumes import read_segmentation
from Testing.browsing import chromium, new_context
from Testing.patience import PATIENCE

SERIES = "1.2.826.0.1.3680043.8.498.9"
FAST = {"preset": "fast"}
# What the plug-in's client does by axios, which is XMLHttpRequest: forms, JSON and methods as a browser sends them.
_IN_A_PAGE = """
async ([address, series, params]) => {
  const ask = (method, path, body, type, kind) => new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open(method, address + path);
    request.responseType = kind || "json";
    if (method !== "GET") request.setRequestHeader("Accept", "application/json,multipart/form-data");
    if (type) request.setRequestHeader("Content-Type", type);
    request.onload = () => done([request.status, request.response]);
    request.onerror = () => failed(new Error("no answer that this page may see"));
    request.send(body);
  });
  const info = await ask("GET", "/info/");
  const form = new FormData();
  form.append("params", JSON.stringify(params));
  const found = await ask("POST", `/infer/liver?image=${series}&output=image`, form, null, "arraybuffer");
  const label = new FormData();
  label.append("params", JSON.stringify({ label_info: [] }));
  label.append("label", new Blob([new Uint8Array(5)], { type: "application/octet-stream" }), "label.bin");
  return {
    models: Object.keys(info[1].models),
    bytes: Array.from(new Uint8Array(found[1])),
    label: await ask("PUT", `/datastore/label?image=${series}`, label),
    next: await ask("POST", "/activelearning/random", "{}", "application/json"),
    stop: await ask("DELETE", "/train/"),
  };
}
"""


class _Page(BaseHTTPRequestHandler):
    """As the plug-in's web server has OHIF: cut off from pages that do not agree to it."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.end_headers()
        self.wfile.write(b"<title>OHIF</title>")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing that anybody reads."""


@pytest.fixture(scope="module")
def pages() -> Iterator[list[str]]:
    """Addresses of two web servers: of OHIF, and of somebody else."""
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), _Page) for _ in range(2)]
    threads = [threading.Thread(target=server.serve_forever) for server in servers]
    for thread in threads:
        thread.start()
    yield [f"http://127.0.0.1:{server.server_port}" for server in servers]
    for server, thread in zip(servers, threads, strict=True):
        server.shutdown()
        server.server_close()
        thread.join(timeout=PATIENCE)


@pytest.fixture(scope="module")
def beside_ohif(
    tmp_path_factory: pytest.TempPathFactory, several: Path, image: Path, pages: list[str]
) -> Iterator[RunningServer]:
    """A server of this computer that lets OHIF's pages use it, and has the series that they show."""
    options = ("--accept-labels", "--allow-origin", OHIF, "--allow-origin", pages[0])
    with serving(tmp_path_factory.mktemp("beside_ohif"), several, *options) as running:
        with image.open("rb") as stream:
            address = f"{running.address}/datastore/?image={SERIES}"
            requests.put(address, files={"file": ("image.nii.gz", stream)}, timeout=PATIENCE).raise_for_status()
        yield running


@pytest.fixture(scope="module")
def plugin(beside_ohif: RunningServer) -> OhifPlugin:
    return OhifPlugin(beside_ohif.address)


def readable(answer: Answer) -> Answer:
    """A browser lets the page see it."""
    assert answer.headers["access-control-allow-origin"] == OHIF
    return answer


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", f"/datastore/label?image={SERIES}"),
        ("POST", "/activelearning/random"),
        ("POST", "/train/"),
        ("DELETE", "/train/"),
    ],
)
def test_a_browser_is_told_beforehand_that_the_page_may_ask(plugin: OhifPlugin, method: str, path: str) -> None:
    answer = readable(plugin.preflight(method, path))
    assert answer.status == 200
    assert method in answer.headers["access-control-allow-methods"]
    assert "content-type" in answer.headers["access-control-allow-headers"].lower()


def test_a_page_of_anybody_else_gets_no_answer_and_begins_nothing(beside_ohif: RunningServer) -> None:
    other = OhifPlugin(beside_ohif.address, "https://elsewhere.example")
    assert "access-control-allow-origin" not in other.preflight("DELETE", "/train/").headers
    for answer in (other.get("/info/"), other.json("/train/", {"balls": {"minutes": 1}}), other.delete("/train/")):
        assert answer.status == 403 and "--allow-origin" in answer.json["remedy"]
        assert "access-control-allow-origin" not in answer.headers
    assert OhifPlugin(beside_ohif.address).get("/train/?check_if_running=true").status == 404
    own = OhifPlugin(beside_ohif.address, beside_ohif.address)
    assert own.get("/info/").status == 200  # the server's own page


@pytest.mark.parametrize("origin", ["127.0.0.1:3000", "http://127.0.0.1:3000/ohif/", "*", "ftp://ohif"])
def test_an_address_that_no_browser_would_send_is_refused(libraries: Path, origin: str) -> None:
    with pytest.raises(InputError, match="is no origin of a page"):
        checked(Settings(libraries, origins=(origin,)))


def test_connecting_finds_models_and_labels(plugin: OhifPlugin) -> None:
    info = readable(plugin.get("/info/")).json
    assert info["name"] and isinstance(info["labels"], list)
    kinds = {name: model["type"] for name, model in info["models"].items()}
    assert kinds["balls"] == "segmentation" and kinds["balls-points"] == "deepedit"
    assert info["models"]["balls"]["labels"] == {"Large": 1, "Small": 2}
    assert info["models"]["balls"]["config"]["preset"][0] == "default"
    assert {"total", "completed"} <= info["datastore"].keys()
    logs = plugin.get("/logs/?lines=100")
    assert logs.status == 200 and SERIES not in logs.content.decode()


def test_a_series_is_segmented_whole_by_class_and_by_points(plugin: OhifPlugin, local: Path) -> None:
    wanted = read_segmentation(local).labelmap()
    found = ohif_reads(readable(plugin.infer("balls", SERIES, FAST)))
    np.testing.assert_array_equal(found, wanted)
    assert found.size == np.prod(subject(0)[0].geometry.size)  # laid over the series' own voxels in this order
    one = ohif_reads(plugin.infer("balls", SERIES, {**FAST, "label_prompt": [2]}))
    assert set(np.unique(one)) == {0, 2}
    point = [int(number) for number in np.argwhere(wanted == 1)[len(np.argwhere(wanted == 1)) // 2]]
    asked = {**FAST, "background": [point], "Small": [], "null": []}  # `null`: no label was chosen at first
    assert ohif_reads(plugin.infer("balls-points", SERIES, asked))[tuple(point)] == 0


def test_ohif_2_reads_and_sends_two_bytes_a_voxel(plugin: OhifPlugin, several: Path, local: Path) -> None:
    wanted = read_segmentation(local).labelmap()
    found = ohif_reads(plugin.infer("balls", SERIES, FAST, "uint16"), "<u2")
    np.testing.assert_array_equal(found, wanted)
    segments = [
        {"id": f"0+{value}", "labelmapIndex": 0, "segmentIndex": value, "name": name, "meta": {"SegmentNumber": value}}
        for value, name in ((1, "Large"), (2, "Small"))
    ]
    label = wanted.astype("<u2").tobytes(order="F")
    told = readable(plugin.save_label(SERIES, {"label_info": segments}, label)).json
    assert told["library"] == "balls", told
    case = SupportLibrary.open(several / "balls").get(told["case"])
    np.testing.assert_array_equal(case.load_segmentation().labelmap(), wanted)
    scribbles = readable(plugin.infer("balls", SERIES, {"label_info": segments}, "uint16", label))
    assert scribbles.status == 422 and "scribbles" in scribbles.json["fact"]


def test_the_next_sample_and_a_training_by_name(plugin: OhifPlugin, several: Path, tmp_path: Path) -> None:
    address = f"/activelearning/{quote('suggest:more balls', safe='')}"
    answer = readable(plugin.json(address, {}))
    assert answer.status == 200 and answer.json.get("id") in (None, SERIES)
    assert plugin.get("/train/?check_if_running=true").status == 404
    refused = readable(plugin.json("/train/", {}))
    assert refused.status == 422 and "Options" in refused.json["remedy"]
    began = plugin.json("/train/", {"more balls": {"minutes": 5}})
    assert began.status == 200, began.content
    running = plugin.get("/train/?check_if_running=true")
    assert (running.status, running.json["status"]) == (200, "RUNNING")
    assert readable(plugin.delete("/train/")).json["status"] == "STOPPED"
    shutil.rmtree(several / "more balls" / "learned", ignore_errors=True)


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/infer/wsi/balls?image=x&output=dsa", {}),
        ("/scoring/dice", {}),
        ("/model/balls", {}),
        ("/proxy/dicom/qido/studies", {}),
        ("/datastore/updatelabelinfo?label=x&tag=final", {}),
    ],
)
def test_what_is_not_here_says_what_to_use_in_its_place(plugin: OhifPlugin, path: str, params: dict[str, Any]) -> None:
    answer = readable(plugin.json(path, params))
    assert answer.status == 501 and len(answer.json["remedy"]) > 20


def test_a_dicom_segmentation_is_refused_with_the_command_that_writes_it(plugin: OhifPlugin) -> None:
    path = f"/infer/balls?image={quote_plus(SERIES)}&output=dicom_seg"
    refused = plugin._send("POST", path, {"label_info": []}, None)
    assert refused.status == 422 and "export-dicom" in refused.json["remedy"]


def test_a_real_browser_lets_ohif_s_page_read_the_answers_and_no_other(
    beside_ohif: RunningServer, pages: list[str], local: Path
) -> None:
    given = [beside_ohif.address, SERIES, {**FAST, "result_extension": ".nrrd", "result_compress": False}]
    with chromium() as browser:
        page = new_context(browser).new_page()
        page.goto(f"{pages[0]}/ohif/")
        told = page.evaluate(_IN_A_PAGE, given)
        page.goto(f"{pages[1]}/ohif/")
        with pytest.raises(PlaywrightError, match="no answer that this page may see"):
            page.evaluate(_IN_A_PAGE, given)
    assert {"balls", "balls-points"} <= set(told["models"])
    found = ohif_reads(Answer(200, Message(), bytes(told["bytes"])))
    np.testing.assert_array_equal(found, read_segmentation(local).labelmap())
    (status, refused), (next_status, _), (stop_status, stopped) = told["label"], told["next"], told["stop"]
    assert status == 422 and "voxels, and the image" in refused["fact"]
    assert next_status == 200
    assert stop_status == 404 and stopped["remedy"]
