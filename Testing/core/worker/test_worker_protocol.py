"""Messages and their lines: strict, light, and put together from pieces of any size."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from RetrievalSAMLib.worker import protocol
from RetrievalSAMLib.worker.library_parameters import FilePair
from RetrievalSAMLib.worker.parameters import PARAMETERS, Segment
from RetrievalSAMLib.worker.protocol import (
    Event,
    Fault,
    LineReader,
    Partial,
    Progress,
    ProtocolError,
    Ready,
    Result,
    Stopped,
    encode_event,
    encode_request,
    event_of,
    message_of,
    request_of,
)

ROOT = Path(__file__).resolve().parents[3]
EVENTS: list[Event] = [
    Ready(1, "0.1.0", 4711),
    Progress("1", "segmenting", 3, 28, 12.5),
    Progress("1", "segmenting", 3, 28, None),
    Partial("a b", "C:\\Users\\Zoë\\partial-0001.seg.nrrd", 3, 28),
    Result("1", {"cases": [{"name": "line\nend\u2028and\u0085more", "value": 1.5, "none": None}]}),
    Fault(None, "request", "request", "fact", "Do it.", "message", ""),
    Stopped("1"),
]
SEGMENT = {"folder": "f", "image": "i", "output": "o.seg.nrrd"}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_comes_out_as_it_went_in_on_one_line(event: Event) -> None:
    line = encode_event(event)
    assert line.endswith(b"\n") and len(line.decode().splitlines()) == 1
    assert event_of(message_of(line)) == event


@given(st.lists(st.integers(min_value=1, max_value=40), max_size=60), st.booleans())
def test_lines_are_found_however_the_stream_is_cut(sizes: list[int], windows: bool) -> None:
    stream = b"".join(encode_event(event) for event in EVENTS)
    if windows:
        stream = stream.replace(b"\n", b"\r\n")
    reader, found, start = LineReader(), [], 0
    for size in [*sizes, len(stream)]:
        found += reader.feed(stream[start : start + size])
        start += size
    assert [event_of(message) for message in found] == EVENTS


def test_a_line_that_is_too_long_is_left_out_and_the_next_one_is_read() -> None:
    reader = LineReader()
    found = reader.lines(b"x" * 9_000_000) + reader.lines(b"x" * 9_000_000) + reader.lines(b"xx\n{}\n")
    assert isinstance(found[0], ProtocolError) and "16 MB" in str(found[0])
    assert found[1:] == [b"{}"]
    with pytest.raises(ProtocolError, match="16 MB"):
        LineReader().feed(b"x" * 17_000_000)


def test_a_request_is_read_with_its_defaults() -> None:
    request = request_of(message_of(encode_request("7", "segment", SEGMENT | {"roi": (0, 1, 2, 3, 4, 5)})))
    assert (request.id, request.verb) == ("7", "segment")
    assert request.parameters == Segment("f", "i", "o.seg.nrrd", roi=(0, 1, 2, 3, 4, 5))
    nested = request_of({"id": "1", "do": "library.add_files", "with": {"folder": "f", "pairs": [
        {"image": "i", "segmentation": "s"}]}})  # fmt: skip
    assert nested.parameters.pairs == [FilePair("i", "s")]
    assert request_of({"id": "1", "do": "ping"}).parameters == PARAMETERS["ping"]()


REQUESTS: dict[str, tuple[dict[str, Any], str]] = {
    "no id": ({"do": "ping"}, "'id'"),
    "id is a number": ({"id": 1, "do": "ping"}, "id of the request"),
    "no verb": ({"id": "1"}, "'do'"),
    "unknown verb": ({"id": "1", "do": "dance"}, "verb is unknown"),
    "unknown field": ({"id": "1", "do": "ping", "now": True}, "'now'"),
    "parameters are a list": ({"id": "1", "do": "ping", "with": []}, "not an object"),
    "parameter that is missing": ({"id": "1", "do": "library.verify", "with": {}}, "'folder'"),
    "parameter that is unknown": ({"id": "1", "do": "ping", "with": {"x": 1}}, "'x'"),
    "number for a text": ({"id": "1", "do": "library.verify", "with": {"folder": 3}}, "folder of"),
    "null where none is allowed": ({"id": "1", "do": "library.verify", "with": {"folder": None}}, "null"),
    "null character": ({"id": "1", "do": "library.verify", "with": {"folder": "a\0b"}}, "null character"),
    "true for a number": ({"id": "1", "do": "segment", "with": SEGMENT | {"seed": True}}, "true or false"),
    "fraction for a whole number": ({"id": "1", "do": "segment", "with": SEGMENT | {"seed": 1.5}}, "seed"),
    "five numbers for six": ({"id": "1", "do": "segment", "with": SEGMENT | {"roi": [0, 1, 2, 3, 4]}}, "5 values"),
    "plane that is none": ({"id": "1", "do": "segment", "with": SEGMENT | {"plane": "diagonal"}}, "axial"),
    "text for a list": ({"id": "1", "do": "names.check", "with": {"names": "Liver"}}, "not a list"),
    "wrong item": ({"id": "1", "do": "names.check", "with": {"names": ["Liver", 2]}}, "item 1"),
}


@pytest.mark.parametrize("kind", REQUESTS)
def test_a_request_that_is_wrong_is_refused_in_words(kind: str) -> None:
    message, named = REQUESTS[kind]
    with pytest.raises(ProtocolError, match=named):
        request_of(message)


def test_the_client_cannot_send_what_the_worker_would_refuse() -> None:
    with pytest.raises(ProtocolError, match="'image'"):
        encode_request("1", "segment", {"folder": "f", "output": "o"})


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"event": "party"},
        {"event": ["ready"]},
        {"event": "stopped"},
        {"event": "stopped", "id": 1},
        {"event": "stopped", "id": "1", "why": "so"},
        {"event": "error", "id": "1", "code": "bad", "thing": "", "fact": "", "remedy": "", "message": ""},
        {"event": "progress", "id": "1", "stage": "s", "done": 1, "total": 2, "seconds_left": 1e400},
    ],
)
def test_an_event_that_is_wrong_is_refused(message: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        event_of(message)


@pytest.mark.parametrize("line", [b"", b"hello", b"[1]", b"\xff\xfe", b'{"a": NaN}', b"{" * 100_000, b"[" * 100_000])
def test_a_line_that_is_no_json_object_is_refused(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        message_of(line)


FIELDS = st.sampled_from(["id", "do", "with", "event", "folder", "names"]) | st.text()
LEAVES = st.none() | st.booleans() | st.floats() | st.text()
ANYTHING = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(FIELDS, inner))


@given(ANYTHING)
def test_whatever_comes_is_a_request_or_a_protocol_error(value: Any) -> None:
    try:
        request_of(message_of(json.dumps(value).encode()))
    except ProtocolError as error:
        assert str(error)


def test_slicers_side_of_the_protocol_needs_nothing_but_python_itself() -> None:
    code = (
        "import sys; old = set(sys.modules); import RetrievalSAMLib.worker.protocol; print(*(set(sys.modules) - old))"
    )
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    roots = {name.split(".")[0] for name in process.stdout.split()}
    assert roots - sys.stdlib_module_names == {"RetrievalSAMLib"}


def test_every_verb_event_and_code_is_documented() -> None:
    text = (ROOT / "docs" / "worker.md").read_text(encoding="utf-8")
    events = ["ready", "progress", "partial", "result", "error", "stopped"]
    assert not [word for word in (*PARAMETERS, *protocol.CODES, *events) if f"`{word}`" not in text]
    assert f"version {protocol.PROTOCOL_VERSION}\n" in text
