"""Derived files and weights: what is damaged is as good as none, and nothing in them runs."""

from __future__ import annotations

import builtins
import io
import json
import os
import pickle
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from hypothesis import strategies as st

from RetrievalSAMLib.errors import ModelError
from RetrievalSAMLib.library import SupportLibrary
from RetrievalSAMLib.library.files import sealed, unsealed
from RetrievalSAMLib.models.checkpoint import as_float32, read_state_dict
from RetrievalSAMLib.retrieval.evidence import CaseEvidence
from RetrievalSAMLib.retrieval.evidence_file import EvidenceFile
from RetrievalSAMLib.segmentation.engines.interface import ImageFeatures, Memory
from RetrievalSAMLib.segmentation.output.report import SegmentOnSlice, SliceReport
from RetrievalSAMLib.segmentation.run_state.known_results import KnownResult, add_result, read_results
from RetrievalSAMLib.segmentation.run_state.state_file import (  # fmt: skip
    About,
    AlignmentState,
    CaseState,
    DamagedStateError,
    Fingerprint,
    RetrievalState,
    StateWriter,
    StoredState,
    SupportState,
    ViewState,
    features_name,
    find_state,
    memory_name,
    place_name,
)
from RetrievalSAMLib.worker.jobs import costs

from .mutations import damaged_bytes, damaged_json, damaged_zip
from .promise import Attempt, Promise, subject

_RUN = Fingerprint(
    image="0" * 64, cases=("a",), model="m", image_size=256, precision="float32", encoder="e", encoder_size=64,
    settings={"k": 4}, plane="axial", segments=(("Anterior", 1),), roi=None,
)  # fmt: skip


def _states(folder: Path) -> tuple[st.SearchStrategy[bytes], Attempt]:
    with StateWriter(folder) as writer:
        writer.begin()
        part = torch.ones(1, 2, 3, 3)
        writer.put_features(features_name(0, 0), ImageFeatures(part, part, part, part))
        writer.put_memory(memory_name(0, 0, 0), Memory(part, torch.ones(1, 4, dtype=torch.bfloat16)))
        writer.put_place(place_name(0, 0, 0), torch.ones(3, 3))
        found = RetrievalState((SupportState(0, 0, 0.5),), 0.5, 1.0)
        about = About(
            1, "p", _RUN, (0, 1), (), "uncertain", (), (ViewState((0.0, 0.0), (1.0, 1.0), (0,)),), ((found,),),
            (CaseState(0, (AlignmentState(((1.0,),), (0.0,)),), (0.0,), (0,)),), {},
        )  # fmt: skip
        path = writer.finish(about)
    assert path is not None
    valid = path.read_bytes()

    def attempt(data: bytes) -> bool:
        path.write_bytes(data)
        try:
            with StoredState(path) as state:
                assert state.about.format_version == 1
                state.features(0, 0)
                state.memory(0, 0, 0)
                state.place(0, 0, 0)
        except DamagedStateError:
            return False
        if (kept := find_state(folder, _RUN, "p")) is not None:
            kept.close()
        return True

    def member(name: str, data: bytes) -> st.SearchStrategy[bytes]:
        is_whole = name == "about.json" and data.startswith(b"{") and data.endswith(b"}")
        return damaged_json(json.loads(data)) if is_whole else damaged_bytes(data)

    return st.just(valid) | damaged_zip(valid, member), attempt


def _results(folder: Path) -> tuple[st.SearchStrategy[bytes], Attempt]:
    path = folder / "a.results.json"
    masks = {"Anterior": np.ones((2, 3, 4), bool)}
    add_result(path, KnownResult.of(masks.items(), (SliceReport(0, {"Anterior": SegmentOnSlice(0.5, 1.0, ())}),)))

    def use() -> bool:
        known = read_results(path)
        for result in known:
            try:
                assert all(mask.shape == result.shape for mask in result.unpacked().values())
            except ValueError:  # what callers catch
                return False
        return bool(known)

    return _derived(path, use, as_json=True)


def _evidence(folder: Path) -> tuple[st.SearchStrategy[bytes], Attempt]:
    path = folder / "evidence.bin"
    random = np.random.default_rng(0)
    for number in range(2):
        EvidenceFile(path).append(str(number), CaseEvidence(
            random.random((3, 4), np.float32), np.zeros(3, np.float32), np.arange(3), (1, 2), np.ones((3, 2),
            np.float32),
            (), np.ones(3),
        ))  # fmt: skip

    def use() -> bool:
        file = EvidenceFile(path)
        found = [file.get(str(number)) for number in range(2)]
        assert all(one is None or one.embeddings.shape == (len(one.position), 4) for one in found)
        return all(one is not None for one in found)

    return _derived(path, use)


def _catalogue(folder: Path) -> tuple[st.SearchStrategy[bytes], Attempt]:
    library = SupportLibrary.create(folder / "library")
    for number in range(2):
        library.add(*subject(number))
    library.cases()

    def use() -> bool:
        assert [case.name for case in library.cases()] == ["case-001", "case-002"]
        assert library.get("case-002").name == "case-002" and len(library.segments()) == 2
        return True

    return _derived(library.cache_dir / "catalogue.sqlite3", use)


def _costs(folder: Path) -> tuple[st.SearchStrategy[bytes], Attempt]:
    setting, shape = costs.Setting("m", "e", "cpu", "fast", 256, 1), costs.Shape(10, 2, 1000)
    costs.remember(costs.Run(setting, shape, 12.5, 1000), folder)

    def use() -> bool:
        cost = costs.estimate(setting, shape, 4, 1000, folder)
        return cost.measured

    inputs, attempt = _derived(folder / costs.FILE, use)
    runs = msgspec.json.decode(unsealed((folder / costs.FILE).read_bytes()))
    return inputs | damaged_json(runs).map(sealed), attempt


def _derived(path: Path, use: Callable[[], bool], as_json: bool = False) -> tuple[st.SearchStrategy[bytes], Attempt]:
    """A file that may be lost at any time: using it gives something, whatever it holds."""
    valid = path.read_bytes()
    assert use()

    def attempt(data: bytes) -> bool:
        path.write_bytes(data)
        return use()

    return st.just(valid) | (damaged_json(msgspec.json.decode(valid)) if as_json else damaged_bytes(valid)), attempt


class _Code:
    """Calls something when it is unpickled by whoever trusts it."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._call


def _weights(folder: Path) -> tuple[st.SearchStrategy[bytes], Attempt]:
    path, mark = folder / "weights.pt", folder / "mark"
    tensors = {"model": {"a": torch.eye(3), "b": torch.ones(2, dtype=torch.float16)}}
    torch.save(tensors, path)
    valid = path.read_bytes()
    touch = f"open({str(mark)!r}, 'w')"
    code = (
        _Code(os.mkdir, str(mark)), _Code(builtins.exec, touch), _Code(builtins.eval, touch), _Code(open, str(mark),
        "w"),
        _Code(subprocess.Popen, ["mkdir", str(mark)]), _Code(Path(mark).touch),
        _Code(torch.save, {}, str(mark)), _Code(np.save, str(mark), 1), _Code(__import__, "os"),
    )  # fmt: skip
    holders: tuple[Callable[[Any], Any], ...] = (
        lambda one: one, lambda one: {"model": {"a": one}}, lambda one: {"model": tensors["model"], "more": [one]},
        lambda one: (one, one), lambda one: {"a": torch.eye(2), "b": {"c": one}},
    )  # fmt: skip

    def packed(held: Any, way: int) -> bytes:
        if way >= 0:
            return pickle.dumps(held, protocol=way)
        file = io.BytesIO()
        torch.save(held, file, _use_new_zipfile_serialization=way == -1)
        return file.getvalue()

    hostile = st.builds(packed, st.builds(lambda hold, one: hold(one), st.sampled_from(holders), st.sampled_from(code)),
                        st.integers(-2, 5))  # fmt: skip

    def attempt(data: bytes) -> bool:
        path.write_bytes(data)
        try:
            as_float32(read_state_dict(path))
        except ModelError as error:
            assert error.fact and error.remedy
            return False
        finally:
            assert not mark.exists(), "code of the file has run"
        return True

    with zipfile.ZipFile(io.BytesIO(valid)) as opened:
        assert opened.namelist()
    damaged = damaged_zip(valid, lambda name, data: damaged_bytes(data)) | damaged_bytes(valid)
    return st.just(valid) | hostile | hostile.flatmap(damaged_bytes) | damaged, attempt


_LOST = "is as good as none: everything goes on without it"
PROMISES = (
    Promise("states", "a damaged or made-up state of a run is refused, and the run begins anew", _states),
    Promise("results", f"a damaged file of earlier results {_LOST}", _results),
    Promise("evidence", f"a damaged file of embeddings {_LOST}", _evidence),
    Promise("catalogue", f"a damaged catalogue of a library {_LOST}", _catalogue, weight=0.5),
    Promise("costs", f"a damaged file of costs {_LOST}", _costs),
    Promise("weights", "a file of weights is read as tensors or refused in words; code in it never runs", _weights),
)
