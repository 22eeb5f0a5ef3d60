"""The weights that RetrievalSAM knows by name: what they are, where they come from, and their checksums.

Everything here is plain data: importing this module loads neither PyTorch nor the network.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from RetrievalSAMLib.errors import ModelError

Kind = Literal["segmenter", "encoder", "prompt decoder"]

BUNDLED = "bundled"
SAM3 = "sam3"
"""A segmenter whose weights are none of the catalogue's: `--checkpoint` names them (docs/weights.md)."""
SAM3_FILES = "config.json and model.safetensors"

BUNDLED_FOLDER = Path(__file__).parent / "bundled"
MANIFEST_NAME = "bundled.json"

_META = "https://dl.fbaipublicfiles.com"
_SAM2 = f"{_META}/segment_anything_2/092824"
_APACHE = "Apache-2.0"

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class CatalogueEntry:
    """One file of weights.

    Attributes:
        name: What the user calls it, as on the command line.
        kind: `segmenter` (a SAM 2 model), `encoder` (a vision transformer for retrieval), or `prompt decoder` (what the
            bundled segmenter asks on slices where a person points at something).
        file_name: The official name of the file.
        url: Where the file is published; empty for weights that come with RetrievalSAM.
        bytes: Size of the file.
        sha256: Lower-case hex digest of the file. Under this name nothing else is loaded.
        licence: SPDX identifier.
        source: Who made the weights.
        config: Segmenter: sam2's configuration file, as its builder names it, or for the bundled one a file
            in the bundled folder. Encoder: the name of timm's model; empty for the bundled one.
        image_size: Pixels a side of the square input that the model was made for.
    """

    name: str
    kind: Kind
    file_name: str
    url: str
    bytes: int
    sha256: str
    licence: str
    source: str
    config: str
    image_size: int

    @property
    def is_bundled(self) -> bool:
        """Whether the weights come with RetrievalSAM, so that there is nothing to download or to remove."""
        return self.name == BUNDLED


def _sam2(name: str, config: str, file_name: str, size: int, sha256: str) -> CatalogueEntry:
    return CatalogueEntry(
        name=name,
        kind="segmenter",
        file_name=file_name,
        url=f"{_SAM2}/{file_name}",
        bytes=size,
        sha256=sha256,
        licence=_APACHE,
        source="SAM 2.1, Meta AI (Ravi et al., arXiv 2408.00714)",
        config=f"configs/sam2.1/{config}",
        image_size=1024,
    )


_PUBLISHED = (
    _sam2(
        "sam2.1-tiny",
        "sam2.1_hiera_t.yaml",
        "sam2.1_hiera_tiny.pt",
        156008466,
        "7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69",
    ),
    _sam2(
        "sam2.1-small",
        "sam2.1_hiera_s.yaml",
        "sam2.1_hiera_small.pt",
        184416285,
        "6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38",
    ),
    _sam2(
        "sam2.1-base-plus",
        "sam2.1_hiera_b+.yaml",
        "sam2.1_hiera_base_plus.pt",
        323606802,
        "a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5",
    ),
    _sam2(
        "sam2.1-large",
        "sam2.1_hiera_l.yaml",
        "sam2.1_hiera_large.pt",
        898083611,
        "2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318",
    ),
    CatalogueEntry(
        name="dinov2-s14",
        kind="encoder",
        file_name="dinov2_vits14_pretrain.pth",
        url=f"{_META}/dinov2/dinov2_vits14/dinov2_vits14_pretrain.pth",
        bytes=88283115,
        sha256="b938bf1bc15cd2ec0feacfe3a1bb553fe8ea9ca46a7e1d8d00217f29aef60cd9",
        licence=_APACHE,
        source="DINOv2 ViT-S/14, Meta AI (Oquab et al., arXiv 2304.07193)",
        config="vit_small_patch14_dinov2.lvd142m",
        image_size=224,
    ),
)

CATALOGUE: dict[str, CatalogueEntry] = {entry.name: entry for entry in _PUBLISHED}
"""The published weights by name, without the bundled pair."""


def names(kind: Kind) -> list[str]:
    """The names that `get` takes for a kind, the bundled one first."""
    return [BUNDLED, *(name for name, entry in CATALOGUE.items() if entry.kind == kind)]


def get(name: str, kind: Kind) -> CatalogueEntry:
    """Finds weights by name and kind; `bundled` names one of each kind.

    Args:
        name: A name of the catalogue, or `bundled`.
        kind: The kind that is wanted.

    Returns:
        The entry.

    Raises:
        ModelError: There is no such name of that kind, its weights are none of the catalogue's, or `bundled.json` is
            missing or damaged.

    Example:
        >>> get("sam2.1-tiny", "segmenter").file_name
        'sam2.1_hiera_tiny.pt'
    """
    if name == BUNDLED:
        return _bundled_entry(kind)
    if (name, kind) == (SAM3, "segmenter"):
        raise ModelError(
            SAM3,
            "its weights cannot be had by name, as no checksum of theirs is known here",
            f"Get {SAM3_FILES} of facebook/sam3 from Hugging Face, and give their folder to `segment`, `refine`, "
            f"`start` or `library tune` as --checkpoint; or use one of {', '.join(names(kind))}.",
        )
    entry = CATALOGUE.get(name)
    if entry is None or entry.kind != kind:
        raise ModelError(name, f"no {kind} has this name", f"Use one of {', '.join(names(kind))}.")
    return entry


def get_published(name: str) -> CatalogueEntry:
    """Finds weights that can be downloaded, imported and removed.

    Args:
        name: A name of the catalogue.

    Returns:
        The entry.

    Raises:
        ModelError: There is no such name, or it is `bundled`.
    """
    entry = CATALOGUE.get(name)
    if entry is None:
        fact = "these weights are part of RetrievalSAM" if name == BUNDLED else "no weights have this name"
        raise ModelError(name, fact, f"Use one of {', '.join(CATALOGUE)}.")
    return entry


def bundled_entries() -> list[CatalogueEntry]:
    """The bundled segmenter, encoder and, where the manifest names one, prompt decoder; nothing where none is there.

    Raises:
        ModelError: `bundled.json` is there but damaged.
    """
    if not (BUNDLED_FOLDER / MANIFEST_NAME).is_file():
        return []
    named = read_bundled_manifest().sha256
    return [_bundled_entry(kind) for kind, file_name in _BUNDLED_FILES.items() if file_name in named]


def bundled_prompt_decoder() -> CatalogueEntry | None:
    """What was trained beside the bundled segmenter for prompts, or None.

    Raises:
        ModelError: `bundled.json` is missing or damaged.
    """
    named = read_bundled_manifest().sha256
    return _bundled_entry("prompt decoder") if PROMPT_DECODER_FILE in named else None


@dataclass(frozen=True)
class BundledManifest:
    """What `bundled.json` says about the weights beside it.

    The file is JSON: `name` (which training run), `sha256` (an object: hex digest by file name, at least
    `segmenter.pt` and `encoder.pt`; `prompt_decoder.pt` where there is one), `encoder` (an object: `arguments` for
    timm's VisionTransformer, and optionally `mean` and `std` of the input by channel, ImageNet's where they are left
    out).

    Attributes:
        name: Which training run the weights come from.
        sha256: Hex digest by file name.
        encoder_arguments: Keyword arguments for timm's VisionTransformer; `img_size` is among them.
        encoder_mean: Mean by input channel, for intensities in [0, 1].
        encoder_std: Standard deviation by input channel.
    """

    name: str
    sha256: Mapping[str, str]
    encoder_arguments: Mapping[str, Any] = field(hash=False)
    encoder_mean: tuple[float, ...] = IMAGENET_MEAN
    encoder_std: tuple[float, ...] = IMAGENET_STD


BUNDLED_SEGMENTER_CONFIG = "segmenter.yaml"
PROMPT_DECODER_FILE = "prompt_decoder.pt"
_BUNDLED_FILES: Mapping[Kind, str] = {
    "segmenter": "segmenter.pt",
    "encoder": "encoder.pt",
    "prompt decoder": PROMPT_DECODER_FILE,
}
BUNDLED_SEGMENTER_IMAGE_SIZE = 256
REINSTALL = "Install RetrievalSAM again, from a complete copy."


def read_bundled_manifest() -> BundledManifest:
    """Reads `bundled.json`.

    Raises:
        ModelError: The file is missing or is not what `BundledManifest` describes.
    """
    path = BUNDLED_FOLDER / MANIFEST_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise ModelError(MANIFEST_NAME, "the bundled model is not in this installation", REINSTALL) from None
    except ValueError as error:
        raise ModelError(MANIFEST_NAME, f"it is not JSON ({error})", REINSTALL) from None
    try:
        encoder = content["encoder"]
        arguments = dict(encoder["arguments"])
        int(arguments["img_size"])
        return BundledManifest(
            name=str(content["name"]),
            sha256={
                name: str(content["sha256"][name]).lower()
                for name in _BUNDLED_FILES.values()
                if name != PROMPT_DECODER_FILE or name in content["sha256"]
            },
            encoder_arguments=arguments,
            encoder_mean=tuple(float(v) for v in encoder.get("mean", IMAGENET_MEAN)),
            encoder_std=tuple(float(v) for v in encoder.get("std", IMAGENET_STD)),
        )
    except (KeyError, TypeError, ValueError) as error:
        fact = f"an entry is missing or of the wrong type ({error!r})"
        raise ModelError(MANIFEST_NAME, fact, REINSTALL) from None


def _bundled_entry(kind: Kind) -> CatalogueEntry:
    manifest = read_bundled_manifest()
    file_name = _BUNDLED_FILES[kind]
    path = BUNDLED_FOLDER / file_name
    is_encoder = kind == "encoder"
    encoder_image_size = int(manifest.encoder_arguments["img_size"])
    return CatalogueEntry(
        name=BUNDLED,
        kind=kind,
        file_name=file_name,
        url="",
        bytes=path.stat().st_size if path.is_file() else 0,
        sha256=manifest.sha256[file_name],
        licence=_APACHE,
        source=f"RetrievalSAM, {manifest.name}",
        config="" if is_encoder else BUNDLED_SEGMENTER_CONFIG,
        image_size=encoder_image_size if is_encoder else BUNDLED_SEGMENTER_IMAGE_SIZE,
    )
