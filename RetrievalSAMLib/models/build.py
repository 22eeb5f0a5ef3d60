"""Building the two models of a run: SAM 2 (package `sam2`) and the vision transformer for retrieval (`timm`).

SAM 3, whose package is optional, is read by `sam3`.

Architectures come from sam2's own configuration files and timm's own models; nothing is ever downloaded here.
Weights are loaded through `checkpoint`, under a catalogue name only those of the catalogue's checksum.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import torch
from omegaconf import DictConfig, OmegaConf

from RetrievalSAMLib.errors import InputError, ModelError
from RetrievalSAMLib.models import catalogue, licences, sam3, store
from RetrievalSAMLib.models.catalogue import BUNDLED, SAM3, CatalogueEntry
from RetrievalSAMLib.models.checkpoint import (
    Checkpoint,
    as_float32,
    check_shapes,
    load_into,
    read_state_dict,
    shapes_of,
)
from RetrievalSAMLib.models.precision import choose_precision
from RetrievalSAMLib.models.prompt_decoder import PromptDecoder
from RetrievalSAMLib.models.without_compiler import without_compiler
from RetrievalSAMLib.out_of_memory import is_out_of_memory

if TYPE_CHECKING:
    from sam2.modeling.sam2_base import SAM2Base
    from timm.models.vision_transformer import VisionTransformer

Origin = Literal["bundled", "catalogue", "checkpoint", "random"]

MIN_IMAGE_SIZE = 64
MAX_IMAGE_SIZE = 2048

_BACKBONE_STRIDE = 16
_COARSEST_STRIDE = 32
_PATCH_STRIDE = 4
_HIERA_FIRST_WINDOW = 8  # Hiera's default window_spec starts with it
_DINOV2_PUBLISHED_SIZE = 518  # pixels; its position embedding has (518 / 14)^2 + 1 tokens


@dataclass(frozen=True)
class LoadedSegmenter:
    """A network with a memory that is ready for inference.

    Attributes:
        model: In evaluation mode, gradients off, float32, on the device that was asked for. Of the family sam3 it is
            the ``Sam3TrackerVideoModel`` of `transformers`, which is not imported here.
        precision: In which it multiplies.
        name: The architecture by its catalogue name.
        sha256: Of the file of weights; for random weights, of the words that name them.
        image_size: Pixels a side of the square input.
        parameters: Number of weights.
        origin: Where the weights come from.
        prompt_decoder: For prompted slices; only the bundled weights have one.
        family: Whose engine drives it.
        software: What its results depend on beside weights and sam2; empty where that is nothing.
    """

    model: SAM2Base
    name: str
    sha256: str
    image_size: int
    parameters: int
    origin: Origin
    precision: torch.dtype = torch.float32
    prompt_decoder: PromptDecoder | None = None
    family: Literal["sam2", "sam3"] = "sam2"
    software: str = ""

    @property
    def feature_size(self) -> int:
        """Cells a side of the image features that SAM 2's memories are made of."""
        return self.image_size // _BACKBONE_STRIDE

    def usable_image_size(self, most: int) -> int:
        """Up to so many pixels a side, what `at_image_size` takes; of SAM 2 `most` itself is to be one such size."""
        return sam3.usable_image_size(self.model, most) if self.family == "sam3" else most


@dataclass(frozen=True)
class LoadedEncoder:
    """A vision transformer that is ready for inference.

    Attributes:
        precision: In which it multiplies: what is kept of it must be the same everywhere.
        model: In evaluation mode, gradients off, float32; without a classifier. `forward_features` takes
            (b, channels, image_size, image_size) and gives (b, 1 + patches, dim), the class token first.
        name: By its catalogue name.
        sha256: Of the file of weights; for random weights, of the words that name them.
        image_size: Pixels a side of the square input.
        dim: Length of an embedding.
        mean: By input channel, for intensities in [0, 1]; to be subtracted.
        std: By input channel; to be divided by.
        origin: Where the weights come from.
    """

    model: VisionTransformer
    name: str
    sha256: str
    image_size: int
    dim: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    origin: Origin
    precision: torch.dtype = torch.float32


def build_segmenter(
    name: str = BUNDLED,
    *,
    checkpoint: Path | None = None,
    image_size: int | None = None,
    device: str | torch.device = "cpu",
) -> LoadedSegmenter:
    """Builds a SAM 2 model, or the tracker of SAM 3, and loads its weights.

    Args:
        name: `bundled`, a segmenter of the catalogue, or `sam3`.
        checkpoint: Weights of this architecture to use instead of those of the catalogue; any file of the
            right names and shapes. Of `sam3`, which needs it, see `sam3.read_tracker`.
        image_size: Pixels a side of the square input; by default what the model was trained with.
        device: Where the model shall run.

    Returns:
        The model and what a report needs to say about it.

    Raises:
        InputError: The image size or the device cannot be used.
        ModelError: The name is unknown, the weights are missing, damaged, or of other shapes, or their licence was not
            accepted here (`licences`).

    Example:
        >>> build_segmenter("sam2.1-tiny", image_size=512).feature_size  # doctest: +SKIP
        32
    """
    target = _device(device)
    if name == SAM3 and checkpoint is not None:
        licences.require_accepted(name)
        tracker = sam3.read_tracker(checkpoint, image_size)
        model, size = tracker.model.to(target), tracker.image_size
        read = _loaded_segmenter(model, name, tracker.sha256, size, "checkpoint")
        return replace(read, family="sam3", software=tracker.software)
    config = segmenter_config(name)
    size = _checked_image_size(config, image_size)
    loaded, origin = _read_weights(name, "segmenter", checkpoint)
    model = _instantiate_segmenter(name, config, size)
    load_into(model, loaded, name)
    segmenter = _loaded_segmenter(model.to(target), name, loaded.sha256, size, origin)
    return replace(segmenter, prompt_decoder=_bundled_prompt_decoder(model)) if origin == "bundled" else segmenter


def random_segmenter(
    name: str = BUNDLED, image_size: int | None = None, seed: int = 0, *, device: str | torch.device = "cpu"
) -> LoadedSegmenter:
    """Builds a SAM 2 model with random weights, for tests and for timing; no file of weights is needed.

    Args:
        name: `bundled` or a segmenter of the catalogue.
        image_size: Pixels a side of the square input; by default what the architecture is made for.
        seed: The same seed gives the same weights. The global random state is left as it is.
        device: Where the model shall run.

    Raises:
        InputError: The image size or the device cannot be used.
        ModelError: The name is unknown.
    """
    target = _device(device)
    config = segmenter_config(name)
    size = _checked_image_size(config, image_size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _instantiate_segmenter(name, config, size)
    return _loaded_segmenter(model.to(target), name, _sha256_of_random(name, seed), size, "random")


def at_image_size(loaded: LoadedSegmenter, image_size: int) -> LoadedSegmenter:
    """The same segmenter for images of another size; both share their weights in memory.

    Args:
        loaded: The segmenter.
        image_size: Pixels a side of the square input.

    Raises:
        InputError: The image size cannot be used.
    """
    if loaded.family == "sam3":
        tracker = sam3.at_image_size(loaded.model, image_size)
        _ready(tracker)
        return replace(loaded, model=tracker, image_size=image_size)
    config = segmenter_config(loaded.name)
    size = _checked_image_size(config, image_size)
    with torch.random.fork_rng(devices=[]):
        model = _instantiate_segmenter(loaded.name, config, size)
    model.load_state_dict(loaded.model.state_dict(), assign=True)
    # What is no weight, such as tables of positions, moves there; what is, is there.
    model.to(next(loaded.model.parameters()).device)
    _ready(model)
    prompts = loaded.prompt_decoder and loaded.prompt_decoder.tied(model)
    return replace(loaded, model=model, image_size=size, prompt_decoder=prompts)


def build_encoder(
    name: str = BUNDLED, *, checkpoint: Path | None = None, device: str | torch.device = "cpu"
) -> LoadedEncoder:
    """Builds the vision transformer for retrieval and loads its weights.

    Args:
        name: `bundled` or an encoder of the catalogue.
        checkpoint: Weights of this architecture to use instead of those of the catalogue: for `dinov2-s14` in
            the published layout (names and shapes of `dinov2_vits14_pretrain.pth`).
        device: Where the model shall run.

    Raises:
        InputError: The device cannot be used.
        ModelError: The name is unknown, or the weights are missing, damaged, or of other shapes.
    """
    target = _device(device)
    architecture = _encoder_architecture(name)
    loaded, origin = _read_weights(name, "encoder", checkpoint)
    model = architecture.build()
    if name == BUNDLED:
        load_into(model, loaded, name)
    else:
        _load_dinov2(model, loaded, architecture)
    return _loaded_encoder(model.to(target), architecture, loaded.sha256, origin)


def random_encoder(name: str = BUNDLED, seed: int = 0, *, device: str | torch.device = "cpu") -> LoadedEncoder:
    """Builds the vision transformer with random weights, for tests and for timing.

    Args:
        name: `bundled` or an encoder of the catalogue.
        seed: The same seed gives the same weights. The global random state is left as it is.
        device: Where the model shall run.

    Raises:
        InputError: The device cannot be used.
        ModelError: The name is unknown.
    """
    target = _device(device)
    architecture = _encoder_architecture(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = architecture.build()
    return _loaded_encoder(model.to(target), architecture, _sha256_of_random(name, seed), "random")


def _read_weights(name: str, kind: catalogue.Kind, path: Path | None) -> tuple[Checkpoint, Origin]:
    if path is not None:
        return read_state_dict(Path(path)), "checkpoint"
    entry = catalogue.get(name, kind)
    loaded = read_state_dict(store.require(entry), sha256=entry.sha256)
    return loaded, "bundled" if entry.is_bundled else "catalogue"


def _bundled_prompt_decoder(model: SAM2Base) -> PromptDecoder | None:
    """The decoder that was trained beside the bundled weights; None where the manifest names none."""
    entry = catalogue.bundled_prompt_decoder()
    if entry is None:
        return None
    loaded = read_state_dict(store.require(entry), sha256=entry.sha256)
    decoder = PromptDecoder(model, loaded.sha256)
    load_into(decoder, loaded, BUNDLED)
    _ready(decoder)
    return decoder


def _sha256_of_random(name: str, seed: int) -> str:
    return hashlib.sha256(f"random weights of {name}, seed {seed}".encode()).hexdigest()


def _ready(model: torch.nn.Module) -> None:
    model.eval()
    model.requires_grad_(False)


def _device(device: str | torch.device) -> torch.device:
    try:
        target = torch.device(device)
        torch.empty(0, device=target)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        fact = f"it cannot be used here ({str(error).splitlines()[0].rstrip('.')})"
        raise InputError(f"device {device}", fact, "Use cpu, or a device that PyTorch sees.") from error
    return target


# SAM 2 ----------------------------------------------------------------------------------------------------


def segmenter_config(name: str) -> DictConfig:
    """The architecture as sam2's configuration file says it; needs no weights.

    Args:
        name: `bundled` or a segmenter of the catalogue.

    Raises:
        ModelError: The name is unknown, or the bundled model is not there.
    """
    if name == BUNDLED:
        source = catalogue.BUNDLED_FOLDER / catalogue.BUNDLED_SEGMENTER_CONFIG
        if not source.is_file():
            fact = "the bundled model is not in this installation"
            raise ModelError(source.name, fact, catalogue.REINSTALL)
        config = OmegaConf.load(source)
    else:
        with as_file(files("sam2") / catalogue.get(name, "segmenter").config) as path:
            config = OmegaConf.load(path)
    assert isinstance(config, DictConfig)
    return config


def _checked_image_size(config: DictConfig, image_size: int | None) -> int:
    """Lets only those sizes pass that Hiera can cut into windows and pool, and its neck can add up again."""
    if image_size is None:
        return int(config.model.image_size)
    windows = config.model.image_encoder.trunk.get("window_spec") or [_HIERA_FIRST_WINDOW]
    # The position embedding is tiled over whole windows of the first stage, which is at stride 4.
    step = math.lcm(_COARSEST_STRIDE, _PATCH_STRIDE * int(windows[0]))
    if image_size % step or not MIN_IMAGE_SIZE <= image_size <= MAX_IMAGE_SIZE:
        lower = max(MIN_IMAGE_SIZE, image_size // step * step)
        raise InputError(
            f"image size {image_size}",
            f"it is not a multiple of {step} from {MIN_IMAGE_SIZE} to {MAX_IMAGE_SIZE} pixels",
            f"Use {min(lower, MAX_IMAGE_SIZE)}, for example.",
        )
    return image_size


def size_settings(image_size: int) -> dict[str, Any]:
    """What of a configuration depends on the image size: all else in SAM 2 adapts by itself."""
    cells = image_size // _BACKBONE_STRIDE
    return {
        "model.image_size": image_size,
        "model.memory_attention.layer.self_attention.feat_sizes": [cells, cells],
        "model.memory_attention.layer.cross_attention.feat_sizes": [cells, cells],
    }


@contextmanager
def _memory_errors_as_such() -> Iterator[None]:
    """Hydra raises an error of its own, whatever happened."""
    from hydra.errors import InstantiationException

    try:
        yield
    except InstantiationException as error:
        if is_out_of_memory(error):
            raise MemoryError("for the network's weights") from error
        raise


def _instantiate_segmenter(name: str, config: DictConfig, image_size: int) -> SAM2Base:
    settings = size_settings(image_size)
    if name == BUNDLED:
        from hydra.utils import instantiate

        for key, value in settings.items():
            OmegaConf.update(config, key, value)
        OmegaConf.resolve(config)
        with _memory_errors_as_such():
            return instantiate(config.model, _recursive_=True)
    from sam2.build_sam import build_sam2

    with _hydra_as_sam2_sets_it_up(), _memory_errors_as_such():
        return build_sam2(
            catalogue.get(name, "segmenter").config,
            ckpt_path=None,
            device="cpu",
            apply_postprocessing=False,
            hydra_overrides_extra=[f"++{key}={value}" for key, value in settings.items()],
        )


_hydra_lock = threading.Lock()


@contextmanager
def _hydra_as_sam2_sets_it_up() -> Iterator[None]:
    """sam2's builder composes from Hydra's one global state, which sam2 sets up unless somebody else has.

    Where that state is another program's, it is lent to sam2 and given back; one thread at a time.
    """
    import sam2  # noqa: F401  (sets up Hydra)
    from hydra import initialize_config_module
    from hydra.core.global_hydra import GlobalHydra

    with _hydra_lock:
        state = GlobalHydra.instance()
        if state.is_initialized():
            path = state.config_loader().get_search_path().get_path()
            if any(element.path == "pkg://sam2" for element in path):
                yield
                return
        before = state.hydra
        state.hydra = None
        try:
            initialize_config_module("sam2", version_base="1.2")
            yield
        finally:
            state.hydra = before


def _loaded_segmenter(model: SAM2Base, name: str, sha256: str, image_size: int, origin: Origin) -> LoadedSegmenter:
    _ready(model)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    precision = choose_precision(next(model.parameters()).device, small=name == BUNDLED)
    return LoadedSegmenter(model, name, sha256, image_size, parameters, origin, precision)


# The encoder ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _EncoderArchitecture:
    name: str
    timm_name: str
    image_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    arguments: dict[str, Any]

    def build(self, image_size: int | None = None) -> VisionTransformer:
        if self.timm_name:
            with without_compiler():
                import timm

            size = image_size or self.image_size
            model = timm.create_model(self.timm_name, pretrained=False, num_classes=0, img_size=size)
            return cast("VisionTransformer", model)
        with without_compiler():
            from timm.models.vision_transformer import VisionTransformer

        try:
            return VisionTransformer(**{"num_classes": 0, **self.arguments})
        except (TypeError, ValueError, AssertionError) as error:
            fact = f"timm does not take the encoder's arguments ({error})"
            raise ModelError(catalogue.MANIFEST_NAME, fact, catalogue.REINSTALL) from error


def _encoder_architecture(name: str) -> _EncoderArchitecture:
    if name == BUNDLED:
        manifest = catalogue.read_bundled_manifest()
        arguments = dict(manifest.encoder_arguments)
        size = int(arguments["img_size"])
        return _EncoderArchitecture(name, "", size, manifest.encoder_mean, manifest.encoder_std, arguments)
    entry: CatalogueEntry = catalogue.get(name, "encoder")
    mean, std = catalogue.IMAGENET_MEAN, catalogue.IMAGENET_STD
    return _EncoderArchitecture(name, entry.config, entry.image_size, mean, std, {})


def _published_dinov2_shapes(architecture: _EncoderArchitecture) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        published = architecture.build(image_size=_DINOV2_PUBLISHED_SIZE)
    return shapes_of(published.state_dict())


def _load_dinov2(model: VisionTransformer, loaded: Checkpoint, architecture: _EncoderArchitecture) -> None:
    """Maps the published names with timm's own filter, which also resamples the position embedding."""
    with without_compiler():
        from timm.models.vision_transformer import checkpoint_filter_fn

    # The mask token serves DINOv2's training only. timm tells by it whose layout this is, and drops it.
    tensors = dict(loaded.tensors)
    mask_token = tensors.pop("mask_token", torch.zeros(1, model.embed_dim))
    # Compared before timm's filter, which would resample tensors of other shapes without a word.
    plain = Checkpoint(loaded.label, loaded.sha256, tensors)
    check_shapes(plain, _published_dinov2_shapes(architecture), architecture.name)
    state_dict = {**as_float32(plain), "mask_token": mask_token}
    model.load_state_dict(checkpoint_filter_fn(state_dict, model))


def _loaded_encoder(
    model: VisionTransformer, architecture: _EncoderArchitecture, sha256: str, origin: Origin
) -> LoadedEncoder:
    _ready(model)
    return LoadedEncoder(
        model=model,
        name=architecture.name,
        sha256=sha256,
        image_size=architecture.image_size,
        dim=int(model.embed_dim),
        mean=architecture.mean,
        std=architecture.std,
        origin=origin,
    )
