"""Reading files of weights: never code, only tensors, and only those that the model asks for.

Two layouts are known: SAM 2's `{"model": state_dict}` and the bare state dict of DINOv2.
"""

from __future__ import annotations

import hashlib
import os
import pickle  # for its error, as nothing is unpickled  # nosec B403
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import torch

from RetrievalSAMLib.errors import ModelError

Shapes = Mapping[str, tuple[int, ...]]

_SHOWN_DIFFERENCES = 5
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Checkpoint:
    """The tensors of one file.

    Attributes:
        label: The file as the user named it, for messages.
        sha256: Hex digest of the very bytes that the tensors were read from.
        tensors: By name, on the CPU, as stored.
    """

    label: str
    sha256: str
    tensors: dict[str, torch.Tensor]


def read_state_dict(path: Path, *, sha256: str | None = None) -> Checkpoint:
    """Reads a file of weights without running anything in it.

    Args:
        path: The file.
        sha256: Where given, a file with another digest is refused before it is parsed.

    Returns:
        Its tensors, and its digest, taken from the same open file.

    Raises:
        ModelError: The file is missing, unreadable, has another digest, holds code, or holds no state dict.
    """
    label = str(path)
    try:
        with open(path, "rb") as file:
            digest = sha256_of_stream(file)
            if sha256 is not None and digest != sha256:
                raise ModelError(
                    label,
                    f"its sha256 is {digest}, expected is {sha256}",
                    "Remove the file and download or import it again.",
                )
            file.seek(0)
            content = _load_weights_only(file, label)
    except OSError as error:
        fact = f"it cannot be read ({error.strerror or error})"
        raise ModelError(label, fact, "Check the path and the rights of the file.") from error
    return Checkpoint(label=label, sha256=digest, tensors=_state_dict_in(content, label))


def sha256_of_stream(file: BinaryIO) -> str:
    """Digest of what is left of an open binary file, as lower-case hex."""
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def _load_weights_only(file: BinaryIO, label: str) -> object:
    remedy = "Use a checkpoint that holds weights only, from a source that you trust."
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except MemoryError as error:
        raise ModelError(label, "it does not fit into memory", "Use a smaller model.") from error
    except pickle.UnpicklingError as error:
        # Both a damaged pickle and one that would call a function end here; torch says which.
        if "unsupported global" in str(error).lower():
            raise ModelError(label, "it holds more than weights and would run code", remedy) from error
        raise ModelError(label, "it is damaged or not a PyTorch checkpoint", remedy) from error
    except Exception as error:  # the parser raises whatever a damaged file leads it to
        raise ModelError(label, "it is damaged or not a PyTorch checkpoint", remedy) from error


def _state_dict_in(content: object, label: str) -> dict[str, torch.Tensor]:
    remedy = 'Use a file that holds {"model": state_dict} or a state dict.'
    if isinstance(content, Mapping) and isinstance(content.get("model"), Mapping):
        content = content["model"]
    if not isinstance(content, Mapping) or not content:
        raise ModelError(label, "it holds no state dict", remedy)
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise ModelError(label, f"its entry {name!r} is not a named tensor", remedy)
        if value.layout != torch.strided or value.is_quantized or value.device.type != "cpu":
            raise ModelError(label, f"its tensor {name!r} is not a plain array of numbers", remedy)
    return dict(content)


def shapes_of(tensors: Mapping[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    """Shape by name."""
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def differences(tensors: Mapping[str, torch.Tensor], expected: Shapes) -> list[str]:
    """Compares names and shapes.

    Args:
        tensors: What a file holds.
        expected: What the model asks for.

    Returns:
        One clause a difference: missing names, other shapes, other types, and names too many, in this order.
    """
    missing = [f"{name} is missing" for name in expected if name not in tensors]
    other = []
    for name, shape in expected.items():
        if name not in tensors:
            continue
        found = tuple(tensors[name].shape)
        if found != shape:
            other.append(f"{name} has shape {list(found)} instead of {list(shape)}")
        elif not tensors[name].is_floating_point():
            other.append(f"{name} holds {tensors[name].dtype} instead of floating-point numbers")
    surplus = [f"{name} is unknown" for name in tensors if name not in expected]
    return missing + other + surplus


def check_shapes(checkpoint: Checkpoint, expected: Shapes, architecture: str) -> None:
    """Refuses a file whose tensors are not those of a model.

    Args:
        checkpoint: The file's tensors.
        expected: Shape by name of the model's state dict.
        architecture: The model's name, for the message.

    Raises:
        ModelError: Names or shapes differ; the message lists the first differences and their number.
    """
    found = differences(checkpoint.tensors, expected)
    if not found:
        return
    shown = "; ".join(found[:_SHOWN_DIFFERENCES])
    if len(found) > _SHOWN_DIFFERENCES:
        shown += f"; and {len(found) - _SHOWN_DIFFERENCES} more"
    raise ModelError(
        checkpoint.label,
        f"it does not fit {architecture}, {len(found)} of its tensors differ: {shown}",
        "Name the model that the checkpoint was made for.",
    )


def as_float32(checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    """Converts the tensors to float32, whatever precision the file keeps.

    Raises:
        ModelError: A value is not finite.
    """
    converted = {name: tensor.to(torch.float32) for name, tensor in checkpoint.tensors.items()}
    for name, tensor in converted.items():
        if not torch.isfinite(tensor).all():
            fact = f"its tensor {name} holds values that are not finite"
            raise ModelError(checkpoint.label, fact, "Use an undamaged checkpoint.")
    return converted


def load_into(model: torch.nn.Module, checkpoint: Checkpoint, architecture: str) -> None:
    """Loads a file's tensors into a model of the very same names and shapes.

    Args:
        model: Its parameters and buffers are overwritten, in float32.
        checkpoint: The file's tensors, of any floating-point precision.
        architecture: The model's name, for messages.

    Raises:
        ModelError: Names or shapes differ, or a value is not finite.
    """
    check_shapes(checkpoint, shapes_of(model.state_dict()), architecture)
    model.load_state_dict(as_float32(checkpoint))


def write_state_dict(model: torch.nn.Module, path: Path, *, half_precision: bool = False) -> str:
    """Writes a model's weights in the published layout, `{"model": state_dict}`.

    Args:
        model: The model.
        path: Replaced in one step once everything is written.
        half_precision: Store float16 instead of the model's own precision.

    Returns:
        sha256 of the file.
    """
    dtype = torch.float16 if half_precision else None
    tensors = {name: value.detach().to("cpu", dtype).clone() for name, value in model.state_dict().items()}
    staged = path.with_name(f"{path.name}.staged")
    with open(staged, "w+b") as file:
        torch.save({"model": tensors}, file)
        file.flush()
        os.fsync(file.fileno())
        file.seek(0)
        digest = sha256_of_stream(file)
    os.replace(staged, path)
    return digest
