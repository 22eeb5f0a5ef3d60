"""Valid files and messages, and hypothesis strategies that damage them with an eye to their structure."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]

NUMBERS = (
    0, 1, -1, 2, 3, 7, 255, 256, 65535, 65536, 100_000, 2**31 - 1, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, 2**64,
    -(2**31), -(2**63), 10**30, 10**400, 0.5, -0.0, 1e-300, 1e300, 1.5e308, float("nan"), float("inf"), float("-inf"),
)  # fmt: skip
TEXTS = (
    "", " ", "\0", "a\0b", "x" * 5000, "../../evil", "/etc/passwd", "C:\\evil", "\\\\server\\share", "CON", "nul.txt",
    "\ud800", "\udcff", "a\ud83d", "\u202e", "é", "e\u0301", "肝臓", "🫀", "%s%n{0}", "a\nb", "v1/image.nrrd", "-", ".",
    "NaN", "inf", "1e999", "9" * 5000, "true", "null", "left-posterior-superior", "LIST", "LOCAL", "gzip", "double",
)  # fmt: skip
LEAVES: tuple[Any, ...] = (None, True, False, *NUMBERS, *TEXTS)
CONTAINERS: tuple[Any, ...] = ([], {}, [[]], [{}], {"": {}}, [None] * 100, [[[[[[[[1]]]]]]]])
_HEAVY_BYTES = (
    b"",
    b"\0" * 64,
    b"\xff" * 64,
    b"[" * 100_000,
    b'{"a":' * 20_000,
    b"\xed\xa0\x80",
    b"\xff\xfe",
    b"\n" * 99,
)
_WIDTHS = (1, 2, 4, 8)


def leaves() -> st.SearchStrategy[Any]:
    """A value that programs stumble over, or any other."""
    return st.sampled_from(LEAVES) | st.sampled_from(CONTAINERS) | st.integers() | st.floats() | st.text(max_size=20)


@st.composite
def damaged_bytes(draw: Draw, valid: bytes, first: int = 0, last: int | None = None, most: int = 4) -> bytes:
    """Bytes flipped, overwritten, cut, doubled or put in between, mostly from ``first`` to ``last``."""
    data = bytearray(valid)
    for _ in range(draw(st.integers(1, most))):
        end = min(len(data), last or len(data)) if draw(st.integers(0, 9)) else len(data)
        at = draw(st.integers(min(first, end), max(end - 1, first, 0)))
        kind = draw(st.integers(0, 6))
        if kind == 0 and at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == 1:
            width = draw(st.sampled_from(_WIDTHS))
            number = draw(st.sampled_from([0, 1, 2, -1, 2**7, 2**15 - 1, 2**31 - 1, 2**62, -(2**63)])) % (
                1 << 8 * width
            )
            data[at : at + width] = number.to_bytes(width, draw(st.sampled_from(("little", "big"))))
        elif kind == 2:
            data[at : at + draw(st.integers(1, 40))] = draw(st.binary(max_size=40))
        elif kind == 3:
            del data[at:]
        elif kind == 4:
            data[at:at] = data[at : at + draw(st.integers(1, 200))]
        elif kind == 5:
            data[at:at] = draw(st.sampled_from(_HEAVY_BYTES))
        else:
            data[at : at + 8] = draw(st.sampled_from(("nan", "-1", "inf", "1e999", "99999999999", "../x"))).encode()
    return bytes(data)


@st.composite
def damaged_json(draw: Draw, valid: Any) -> bytes:
    """A JSON text with fields changed, lacking, doubled, unknown or nested, or damaged as bytes."""
    tree = _copied(valid)
    doubled: list[tuple[str, Any]] = []
    for _ in range(draw(st.integers(1, 3))):
        parent, key = draw(st.sampled_from(_places(tree)))
        kind = draw(st.integers(0, 7))
        if parent is None or kind <= 3:
            value = _copied(draw(_like(parent, key) if kind <= 1 else leaves()))
            if parent is None:
                tree = value if kind == 0 else tree
            else:
                parent[key] = value
        elif kind == 4:
            del parent[key]
        elif kind == 5 and isinstance(parent, dict):
            parent[draw(st.sampled_from(("extra", "", "\ud800", "__class__")) | st.text(max_size=5))] = _copied(
                draw(leaves())
            )
        elif kind == 6 and isinstance(parent, dict):
            doubled.append((key, draw(leaves())))
        elif isinstance(parent, list):
            parent.extend(_copied(parent[key]) for _ in range(draw(st.integers(1, 20))))
    text = _dumped(tree)
    for key, value in doubled:  # as the last field of the outermost object
        if text.endswith("}") and len(text) > 2:
            text = f"{text[:-1]},{json.dumps(key)}:{_dumped(value)}}}"
    data = text.encode("utf-8", "surrogatepass")
    return draw(damaged_bytes(data)) if draw(st.integers(0, 5)) == 0 else data


def _copied(value: Any) -> Any:
    return json.loads(json.dumps(value))


@st.composite
def one_changed(draw: Draw, valid: Any) -> bytes:
    """A JSON text in which one field has another value of the same type: it comes far into the program."""
    tree = _copied(valid)
    places = [(parent, key) for parent, key in _places(tree) if not isinstance(parent and parent[key], (dict, list))]
    parent, key = draw(st.sampled_from(places[1:] or places))
    if parent is not None:
        parent[key] = _copied(draw(_like(parent, key)))
    return _dumped(tree).encode("ascii")


def _like(parent: Any, key: Any) -> st.SearchStrategy[Any]:
    """A value of the same type: it comes further into the program than one that is refused for its type."""
    old = None if parent is None else parent[key]
    if isinstance(old, str):
        return st.sampled_from(TEXTS) | st.text(max_size=20)
    if isinstance(old, (int, float)) and not isinstance(old, bool):
        whole = [one for one in NUMBERS if isinstance(one, int)]
        return st.sampled_from(whole if isinstance(old, int) else NUMBERS) | st.integers(-10, 10)
    return leaves()


def _dumped(value: Any) -> str:
    # With ASCII only, a surrogate without its partner is written as an escape, which is JSON all the same.
    return json.dumps(value, ensure_ascii=True)


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """(container, key) of every value; (None, None) for the whole."""
    found: list[tuple[Any, Any]] = [(None, None)]
    waiting = [tree]
    while waiting:
        value = waiting.pop()
        keys: Sequence[Any] = (
            list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
        )
        found += [(value, key) for key in keys]
        waiting += [value[key] for key in keys]
    return found


_HEADER_VALUES = (
    *("0", "1", "-1", "3", "4", "16", "1000", "100000", "99999999", "4294967296", "9" * 30, "9" * 5000, "nan", "inf"),
    *(
        "",
        "100000 100000 100000",
        "0 0 0",
        "3 3",
        "12 10 6 2",
        "1e999 1 1",
        "double",
        "block",
        "MET_UCHAR_ARRAY",
        "raw",
    ),
    *(
        "gzip",
        "bzip2",
        "ascii",
        "hex",
        "True",
        "LIST",
        "/etc/hostname",
        "../secret.raw",
        "secret.raw",
        "%05d.raw 1 9 1",
    ),
    *("left-posterior-superior", "scanner-xyz", "(1,0,0) (0,1,0) (0,0,1)", "none none none", "(0,0,0)", "(nan,0,0)"),
    *("(1e300,0,0) (0,1e300,0) (0,0,1e-300)", "x" * 3000, "é\udcff", "big", "little", '"', "(((", "{}", "\0"),
)


@st.composite
def damaged_header(draw: Draw, valid: bytes, end: int, separator: bytes) -> bytes:
    """A file whose header is lines of text: fields changed, lacking, doubled, in another order, or bytes damaged."""
    lines = valid[:end].split(b"\n")
    body = valid[end:]
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        key = lines[at].partition(separator)[0]
        value = draw(st.sampled_from(_HEADER_VALUES) | st.text(max_size=10)).encode("utf-8", "surrogatepass")
        kind = draw(st.integers(0, 6))
        if kind <= 2:
            lines[at] = key + separator + b" " + value
        elif kind == 3:
            del lines[at]
        elif kind == 4:
            lines.insert(draw(st.integers(0, len(lines))), key + separator + value)
        elif kind == 5:
            lines.insert(at, draw(st.sampled_from(_EXTRA_FIELDS)).encode() + separator + b" " + value)
        else:
            lines.insert(0, lines.pop(at))
        lines = lines or [b""]
    if draw(st.integers(0, 5)) == 0:
        body = draw(damaged_bytes(body, 0, 64))
    data = b"\n".join(lines) + body
    return draw(damaged_bytes(data, 0, end)) if draw(st.integers(0, 7)) == 0 else data


_EXTRA_FIELDS = (
    "data file", "datafile", "line skip", "byte skip", "spacings", "axis mins", "labels", "units", "kinds",
    "thicknesses",
    "measurement frame", "space dimension", "space units", "HeaderSize", "ElementDataFile", "CompressedData",
    "ObjectType",
    "CompressedDataSize", "ElementNumberOfChannels", "BinaryDataByteOrderMSB", "Comment",
    "ElementToIntensityFunctionSlope",
    "Segment0_Layer", "Segment0_LabelValue", "Segment0_Color", "Segment999999999999_Name", "Segment1_Extent", "Color",
)  # fmt: skip


@st.composite
def damaged_zip(draw: Draw, valid: bytes, damaged_member: Callable[[str, bytes], st.SearchStrategy[bytes]]) -> bytes:
    """A zip file with members changed, renamed, doubled, added, packed otherwise, or its directory damaged."""
    with zipfile.ZipFile(io.BytesIO(valid)) as opened:
        members = [(name, opened.read(name)) for name in opened.namelist()]
    method = zipfile.ZIP_STORED
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(members) - 1)) if members else 0
        kind = draw(st.integers(0, 6))
        if kind <= 2 and members:
            name, data = members[at]
            members[at] = name, draw(damaged_member(name, data))
        elif kind == 3 and members:
            members[at] = draw(st.sampled_from(_NAMES)), members[at][1]
        elif kind == 4:
            members.append((draw(st.sampled_from(_NAMES)), draw(st.binary(max_size=20))))
        elif kind == 5 and members:
            del members[at]
        else:
            method = draw(st.sampled_from((zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)))
            if members:
                members[at] = members[at][0], bytes(draw(st.sampled_from((0, 100, 3_000_000))))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as made:
        for name, data in members:
            made.writestr(_entry(draw, name), data, method)
    data = file.getvalue()
    return draw(damaged_bytes(data, data.find(b"PK\x01\x02"))) if draw(st.integers(0, 2)) == 0 else data


def _entry(draw: Draw, name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = draw(st.sampled_from((0o100644,) * 20 + (0o120777, 0o020666, 0o040755))) << 16
    return entry


_NAMES = (
    "../evil", "../../evil", "/tmp/evil", "C:\\evil", "..\\evil", "cases/../../evil", "library.json", "LIBRARY.JSON",
    "library.json.sha256", "cases/00000000-0000-0000-0000-000000000000/case.json", "about.json", "a\0b", "x" * 300, "é",
    "cases/00000000-0000-0000-0000-000000000000/v1/image.nrrd", ".lock", "cache/catalogue.sqlite3", "position",
    "aux", "a:b",
)  # fmt: skip
