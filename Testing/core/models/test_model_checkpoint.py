from __future__ import annotations

import hashlib
import os
import pickle
from collections import OrderedDict
from pathlib import Path

import pytest
import torch

from RetrievalSAMLib.errors import ModelError
from RetrievalSAMLib.models.checkpoint import (
    load_into,
    read_state_dict,
    sha256_of_stream,
    write_state_dict,
)


def tiny_model(seed: int = 0) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.LayerNorm(4))


@pytest.mark.parametrize("wrap", [lambda tensors: {"model": tensors}, lambda tensors: tensors, OrderedDict])
def test_both_published_layouts_are_read(tmp_path: Path, wrap: object) -> None:
    model = tiny_model()
    path = tmp_path / "weights.pt"
    torch.save(wrap(model.state_dict()), path)  # type: ignore[operator]
    found = read_state_dict(path)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    other = tiny_model(seed=1)
    load_into(other, found, "tiny")
    for name, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[name], value)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    tensors = {name: value.to(dtype) for name, value in tiny_model().state_dict().items()}
    torch.save({"model": tensors}, tmp_path / "weights.pt")
    model = tiny_model(seed=1)
    load_into(model, read_state_dict(tmp_path / "weights.pt"), "tiny")
    for name, value in model.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, tensors[name].float())


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    digest = write_state_dict(tiny_model(), path, half_precision=True)
    with open(path, "rb") as file:
        assert sha256_of_stream(file) == digest
    tensors = read_state_dict(path, sha256=digest).tensors
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    assert [p.name for p in tmp_path.iterdir()] == ["weights.pt"]


def test_another_checksum_is_refused_before_the_file_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(b"not a checkpoint at all")
    with pytest.raises(ModelError, match=f"its sha256 is [0-9a-f]{{64}}, expected is {'0' * 64}"):
        read_state_dict(path, sha256="0" * 64)


class Malicious:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("inside", [lambda bad: bad, lambda bad: {"model": {"0.weight": bad}}])
@pytest.mark.parametrize("writer", ["torch", "pickle"])
def test_a_pickle_with_code_is_refused_and_the_code_does_not_run(tmp_path: Path, writer: str, inside: object) -> None:
    path, trace = tmp_path / "weights.pt", tmp_path / "the code ran"
    content = inside(Malicious(trace))  # type: ignore[operator]
    if writer == "torch":
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(ModelError, match="would run code.*from a source that you trust"):
        read_state_dict(path)
    assert not trace.exists()


def test_files_that_are_no_checkpoint_are_refused(tmp_path: Path) -> None:
    whole = tmp_path / "whole.pt"
    torch.save({"model": tiny_model().state_dict()}, whole)
    content = whole.read_bytes()
    bad = {
        "empty.pt": b"",
        "text.pt": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        "page.pt": b"<html>Not found</html>",
        "truncated.pt": content[: len(content) // 2],
        "zip.pt": b"PK\x03\x04" + bytes(100),
        "noise.pt": bytes(range(256)) * 20,
    }
    for name, what in bad.items():
        (tmp_path / name).write_bytes(what)
        with pytest.raises(ModelError, match=f"{name}: it is damaged or not a PyTorch checkpoint"):
            read_state_dict(tmp_path / name)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        read_state_dict(tmp_path / "missing.pt")
    with pytest.raises(ModelError, match="cannot be read"):
        read_state_dict(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        torch.zeros(3),
        [torch.zeros(3)],
        {},
        {"model": {}},
        {"epoch": 3},
        {"model": {"a": [1.0]}},
        {1: torch.zeros(1)},
    ],
)
def test_content_that_is_no_state_dict_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "weights.pt")
    with pytest.raises(ModelError, match="holds no state dict|is not a named tensor"):
        read_state_dict(tmp_path / "weights.pt")


def test_sparse_tensors_are_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.eye(3).to_sparse()}, tmp_path / "weights.pt")
    with pytest.raises(ModelError, match="not a plain array"):
        read_state_dict(tmp_path / "weights.pt")


def test_differences_are_listed_and_counted(tmp_path: Path) -> None:
    tensors = dict(tiny_model().state_dict())
    del tensors["0.bias"]
    tensors["0.weight"] = torch.zeros(3, 4)
    tensors["1.bias"] = torch.zeros(4, dtype=torch.int64)
    tensors.update({f"extra.{index}": torch.zeros(1) for index in range(9)})
    torch.save(tensors, tmp_path / "weights.pt")
    with pytest.raises(ModelError) as caught:
        load_into(tiny_model(), read_state_dict(tmp_path / "weights.pt"), "tiny")
    message = str(caught.value)
    assert "it does not fit tiny, 12 of its tensors differ: 0.bias is missing; " in message
    assert "0.weight has shape [3, 4] instead of [4, 3]; 1.bias holds torch.int64" in message
    assert "extra.1 is unknown; and 7 more." in message
    assert "extra.2" not in message


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    tensors = tiny_model().state_dict()
    tensors["1.weight"][2] = float("nan")
    torch.save(tensors, tmp_path / "weights.pt")
    with pytest.raises(ModelError, match=r"1\.weight holds values that are not finite"):
        load_into(tiny_model(), read_state_dict(tmp_path / "weights.pt"), "tiny")
