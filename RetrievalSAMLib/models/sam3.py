"""Reading the tracker of SAM 3: the layout that `facebook/sam3` has on Hugging Face, without running anything in it.

The modules are those of the package `transformers`, which is optional: nothing else here imports it. A file of weights
holds a detector beside the tracker. Of it only the image encoder's backbone is wanted, which both share.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from RetrievalSAMLib.errors import InputError, ModelError
from RetrievalSAMLib.json_files import JsonError, decode_json
from RetrievalSAMLib.models.catalogue import SAM3, SAM3_FILES
from RetrievalSAMLib.models.checkpoint import Checkpoint, as_float32, check_shapes, sha256_of_stream, shapes_of
from RetrievalSAMLib.out_of_memory import is_out_of_memory

PACKAGE = "transformers==5.24.0"
"""The version that tests hold the engine against."""

_WEIGHTS, _CONFIG = "model.safetensors", "config.json"
_INDEX = f"{_WEIGHTS}.index.json"
_REMEDY = f"Give the folder that holds {SAM3_FILES} of facebook/sam3 (Hugging Face)."

_WHOLE, _TRACKER = "sam3_video", "sam3_tracker_video"
# What a configuration could choose beside the architecture: code for attention that would be fetched, modules of
# others, number formats.
_LEFT_OUT = ("implementation", "auto_map", "dtype", "quantization", "custom")

_BACKBONE = "vision_encoder.backbone."
_NECK = "vision_encoder.neck."
_DETECTOR = "detector_model."
_TRACKER_PREFIX = "tracker_model."
_PUBLISHED_NECK = "tracker_neck."
_OWN_LAYOUT = ("tracker.", "detector.", "sam2_predictor.", "sam3_model.")

_LEAST_TOKENS, _MOST_TOKENS = 5, 146
"""A side; of 14 pixels these are 70 and 2044."""


@dataclass(frozen=True)
class Tracker:
    """A tracker that was read.

    Attributes:
        model: A ``Sam3TrackerVideoModel``, float32, on the CPU.
        sha256: Of the file of weights.
        image_size: Pixels a side of the square input.
        software: The package with its version, and the configuration's hash: what else the result depends on.
    """

    model: Any
    sha256: str
    image_size: int
    software: str


def read_tracker(path: Path, image_size: int | None = None) -> Tracker:
    """Reads configuration and weights.

    Args:
        path: A folder with `config.json` and `model.safetensors`, or the latter, which has the former beside it.
        image_size: Pixels a side; the configuration's own (1008 as published) by default.

    Raises:
        InputError: The image size cannot be used.
        ModelError: `transformers` is missing or has no SAM 3, a file is missing, damaged, or of another model.
    """
    package = _package()
    weights, described = _files(Path(path))
    config, digest = _configuration(package, described)
    own: int = config.image_size
    if image_size is not None:
        config.image_size = checked_image_size(image_size, _patch(config))
    try:
        with torch.device("meta"):
            expected = shapes_of(package.Sam3TrackerVideoModel(config).state_dict())
    except Exception as error:  # the package raises whatever a configuration leads it to
        raise _no_model_of(described, error) from error
    loaded = _read_weights(weights, expected)
    with torch.random.fork_rng(devices=[]):
        model = package.Sam3TrackerVideoModel(config)
    model.load_state_dict(as_float32(loaded), assign=True)
    software = f"transformers {package.__version__}, configuration {digest[:16]}"
    return Tracker(model, loaded.sha256, image_size or own, software)


def at_image_size(model: Any, image_size: int) -> Any:
    """The same tracker for images of another size; both share their weights in memory.

    Args:
        model: A ``Sam3TrackerVideoModel``.
        image_size: Pixels a side of the square input.

    Raises:
        InputError: The image size cannot be used.
    """
    config = type(model.config).from_dict(model.config.to_dict())
    config.image_size = checked_image_size(image_size, _patch(config))
    with torch.random.fork_rng(devices=[]):
        other = type(model)(config)
    other.load_state_dict(model.state_dict(), assign=True)
    return other.to(model.device)


def usable_image_size(model: Any, most: int) -> int:
    """The largest size of up to so many pixels a side that a tracker takes."""
    patch = _patch(model.config)
    return max(most // patch, _LEAST_TOKENS) * patch


def checked_image_size(image_size: int, patch: int = 14) -> int:
    """Lets whole numbers of patches pass: `transformers` adapts all else.

    Raises:
        InputError: It is another number, or too few or too many of them.
    """
    least, most = _LEAST_TOKENS * patch, _MOST_TOKENS * patch
    if image_size % patch or not least <= image_size <= most:
        nearest = min(max(image_size // patch * patch, least), most)
        fact = f"it is not a multiple of {patch} from {least} to {most} pixels"
        raise InputError(f"image size {image_size}", fact, f"Use {nearest}, for example.")
    return image_size


def _patch(config: Any) -> int:
    patch: int = config.vision_config.backbone_config.patch_size
    return patch


def _package() -> Any:
    remedy = f"Type: {shlex.join([sys.executable, '-m', 'pip', 'install', PACKAGE])}"
    try:
        package = importlib.import_module("transformers")
    except ImportError as error:
        raise ModelError(SAM3, "the package transformers, whose modules it has, is not installed", remedy) from error
    try:
        found = package.Sam3TrackerVideoModel and package.Sam3TrackerVideoConfig
    except (AttributeError, ImportError) as error:
        fact = f"transformers {package.__version__} has no tracker of SAM 3"
        raise ModelError(SAM3, fact, remedy) from error
    assert found is not None
    return package


def _files(path: Path) -> tuple[Path, Path]:
    """Weights and configuration."""
    label = str(path)
    if path.is_dir():
        weights = path / _WEIGHTS
        if not weights.is_file():
            parts = "its weights are in several files" if (path / _INDEX).is_file() else f"it has no file {_WEIGHTS}"
            raise ModelError(label, parts, _REMEDY)
    elif not path.exists():
        raise ModelError(label, "there is no such file or folder", _REMEDY)
    elif path.suffix != ".safetensors":
        fact = "weights of SAM 3 are read from safetensors alone, which hold no code, and this is another file"
        raise ModelError(label, fact, _REMEDY)
    else:
        weights = path
    described = weights.with_name(_CONFIG)
    if not described.is_file():
        raise ModelError(label, f"there is no {_CONFIG} beside the weights", _REMEDY)
    return weights, described


def _configuration(package: Any, path: Path) -> tuple[Any, str]:
    """A `Sam3TrackerVideoConfig`, and the file's digest."""
    try:
        data = path.read_bytes()
        content = decode_json(data, dict[str, Any])
    except OSError as error:
        fact = f"it cannot be read ({error.strerror or error})"
        raise ModelError(str(path), fact, "Check the rights of the file.") from error
    except JsonError as error:
        raise ModelError(str(path), f"it is not JSON ({error})", _REMEDY) from error
    kind = content.get("model_type")
    if kind == _WHOLE:
        content = content.get("tracker_config") or {}
    if kind not in (_WHOLE, _TRACKER) or not isinstance(content, dict):
        raise ModelError(str(path), f"it describes a model of another kind ({kind})", _REMEDY)
    vision = content.get("vision_config") or {}
    backbone = (vision.get("backbone_config") if isinstance(vision, dict) else None) or {}
    parts = ((vision, "sam3_vision_model"), (backbone, "sam3_vit_model"))
    if any(not isinstance(part, dict) or part.get("model_type", usual) != usual for part, usual in parts):
        raise ModelError(str(path), "its image encoder is not SAM 3's", _REMEDY)
    try:
        config = package.Sam3TrackerVideoConfig.from_dict(_architecture(content))
        heads = config.memory_attention_num_attention_heads
        checked_image_size(config.image_size, _patch(config))
    except Exception as error:  # the package raises whatever a configuration leads it to
        raise _no_model_of(path, error) from error
    if heads != 1:
        raise ModelError(str(path), f"its memory attention has {heads} heads, and SAM 3's has one", _REMEDY)
    return config, hashlib.sha256(data).hexdigest()


def _architecture(content: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration without what is no architecture, at every depth."""
    return {
        name: _architecture(value) if isinstance(value, dict) else value
        for name, value in content.items()
        if not any(part in name for part in _LEFT_OUT)
    }


def _no_model_of(path: Path, error: Exception) -> Exception:
    if is_out_of_memory(error):
        return error
    told = " ".join(str(error).split())
    return ModelError(str(path), f"no tracker of SAM 3 can be built by it ({type(error).__name__}: {told})", _REMEDY)


def _as_published(name: str) -> str:
    """The name of one of the tracker's tensors in the published file, which holds the detector too."""
    if name.startswith(_BACKBONE):
        return f"{_DETECTOR}{name}"
    if name.startswith(_NECK):
        return f"{_PUBLISHED_NECK}{name.removeprefix(_NECK)}"
    return f"{_TRACKER_PREFIX}{name}"


def _of_model(name: str) -> str | None:
    """The model's own name for a tensor of a file; None for one that only the detector has.

    Where `transformers` writes a file anew, `tracker_model.` stands once more before each name.
    """
    while name.startswith(_TRACKER_PREFIX):
        name = name.removeprefix(_TRACKER_PREFIX)
    if name.startswith(_DETECTOR + _BACKBONE):
        return name.removeprefix(_DETECTOR)
    if name.startswith(_DETECTOR):
        return None
    if name.startswith(_PUBLISHED_NECK):
        return f"{_NECK}{name.removeprefix(_PUBLISHED_NECK)}"
    return name


def _read_weights(path: Path, expected: Mapping[str, tuple[int, ...]]) -> Checkpoint:
    """The tracker's tensors by the model's own names; the detector's own are left out.

    Args:
        path: A file of safetensors.
        expected: Shapes by the model's own names.

    Raises:
        ModelError: The file cannot be read, or its tensors are not those that the model asks for.
    """
    label = str(path)
    try:
        before = _identity(path)
        with open(path, "rb") as stream:
            digest = sha256_of_stream(stream)
        with safe_open(path, framework="pt") as file:
            in_file = _wanted(label, list(file.keys()))
            tensors = {name: file.get_tensor(name) for name in in_file.values()}
        if _identity(path) != before:
            raise ModelError(label, "it was changed while it was read", "Try again when it is complete.")
    except OSError as error:
        fact = f"it cannot be read ({error.strerror or error})"
        raise ModelError(label, fact, "Check the path and the rights of the file.") from error
    except SafetensorError as error:
        raise ModelError(label, f"it is damaged or no file of safetensors ({error})", _REMEDY) from error
    # Compared by the names that the file has, or should have.
    shapes = {in_file.get(name, _as_published(name)): shape for name, shape in expected.items()}
    check_shapes(Checkpoint(label, digest, tensors), shapes, SAM3)
    return Checkpoint(label, digest, {name: tensors[in_file[name]] for name in expected})


def _wanted(label: str, names: Sequence[str]) -> dict[str, str]:
    """The names of a file's tensors, but for the detector's own, by those of the model."""
    if names and all(name.startswith(_OWN_LAYOUT) for name in names):
        fact = f"its tensors have the names of Meta's own sam3.pt (such as {names[0]}), not those of transformers"
        raise ModelError(label, fact, _REMEDY)
    wanted: dict[str, str] = {}
    for name in names:
        own = _of_model(name)
        if own in wanted:
            raise ModelError(label, f"two of its tensors are the same one: {wanted[own]} and {name}", _REMEDY)
        if own is not None:
            wanted[own] = name
    return wanted


def _identity(path: Path) -> tuple[int, ...]:
    told = os.stat(path)
    return told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns
