"""What a run asks of a network with a memory, whichever it is, and the terms in which it asks.

Shapes: b images, B segments (the batch of the mask decoder), S input pixels a side, s cells a side of the decoder's
masks, h = w tokens a side of an embedding and of a memory, C = hidden channels, M = memory channels. Nobody but the
engine knows how S, s and h belong together: in SAM 2 they are S / 4 and S / 16, in SAM 3 S / 3.5 and S / 14.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import torch

from .memory_tokens import TokenReduction

if TYPE_CHECKING:
    from ...models.prompt_decoder import PromptDecoder

NO_OBJECT_LOGIT = -1024.0
"""SAM 2's mask logit where the object score says that the segment is absent."""

MASK_LOGIT = 10.0
"""A mask given by a person enters as logits of -10 and +10 (``SAM2Base._use_mask_as_output``)."""


@dataclass(frozen=True)
class ImageFeatures:
    """What the image encoder makes of a batch of slices.

    Attributes:
        fine: float (b, C / 8, s, s), for the mask decoder.
        middle: float (b, C / 4, s / 2, s / 2), for the mask decoder.
        embedding: float (b, C, h, w).
        position: float (b, C, h, w), sine encoding of the place in the slice.
    """

    fine: torch.Tensor
    middle: torch.Tensor
    embedding: torch.Tensor
    position: torch.Tensor

    def select(self, index: torch.Tensor) -> ImageFeatures:
        """Features of the images at ``index`` (B,), repeated as often as the index names them."""
        return ImageFeatures(self.fine[index], self.middle[index], self.embedding[index], self.position[index])

    def expand(self, batch: int) -> ImageFeatures:
        """One image's features seen by ``batch`` segments, without a copy."""
        return ImageFeatures(
            *(t.expand(batch, -1, -1, -1) for t in (self.fine, self.middle, self.embedding, self.position))
        )


@dataclass(frozen=True)
class Memory:
    """What a slice with a mask leaves behind, for B segments.

    Attributes:
        spatial: (B, M, h, w), the memory encoder's features.
        pointer: float (B, C), SAM 2's object pointer.
    """

    spatial: torch.Tensor
    pointer: torch.Tensor

    def rounded(self) -> Memory:
        """The memory as ``SAM2VideoPredictor`` stores it: spatial features in bfloat16."""
        return replace(self, spatial=self.spatial.to(torch.bfloat16))


@dataclass(frozen=True)
class SpatialEntry:
    """A memory in the bank and its place in time.

    Attributes:
        spatial: (B, M, h, w).
        time: 0 for a conditioning slice (a support or a corrected slice), otherwise how many slices it lies back,
            1 to ``num_maskmem - 1``.
        names: Of the B memories, where the same ones will be attended to again: what a `TokenReduction` keeps them by.
    """

    spatial: torch.Tensor
    time: int
    names: Sequence[Hashable] | None = None


@dataclass(frozen=True)
class PointerEntry:
    """An object pointer in the bank and how many slices it lies back (signed, as SAM 2.1 has it)."""

    pointer: torch.Tensor
    distance: float


@dataclass(frozen=True)
class MemoryBank:
    """The memories that one slice attends to, in the order in which SAM 2 concatenates them.

    Attributes:
        spatial: What the memory encoder made.
        pointers: Object pointers.
        pointer_span: Number of pointers that scales their time: a distance of ``pointer_span - 1`` is one.
        reduction: Attends to fewer tokens; None attends to all, by SAM 2's own module.
    """

    spatial: Sequence[SpatialEntry]
    pointers: Sequence[PointerEntry]
    pointer_span: int = 16
    reduction: TokenReduction | None = None


@dataclass(frozen=True)
class Prompts:
    """What a person points at, for B segments of one slice each, in SAM 2's own terms.

    Attributes:
        points: float (B, P, 2), (x, y) in pixels of the input; 0 is the middle of the first pixel.
        labels: int32 (B, P): 1 belongs to the segment, 0 does not, 2 and 3 are the first and the last corner of a box,
            -1 is none (SAM 2's padding).
        logits: float (B, s, s), a mask so far (``SAM2Base.track_step``'s ``prev_sam_mask_logits``), or None.
        picture: float (B, s, s), mask so far, points and boxes drawn (`click_masks.picture`), for a
            `PromptDecoder`; others do not look at it.
    """

    points: torch.Tensor
    labels: torch.Tensor
    logits: torch.Tensor | None = None
    picture: torch.Tensor | None = None


@dataclass(frozen=True)
class Decoded:
    """The mask decoder's answer for B segments of one slice each.

    Attributes:
        logits: float (B, s, s), before the object score has its say.
        predicted_iou: float (B,), the decoder's own estimate of its mask's quality in [0, 1].
        object_score: float (B,), logit of the segment being present in the slice.
        pointer: float (B, C).
    """

    logits: torch.Tensor
    predicted_iou: torch.Tensor
    object_score: torch.Tensor
    pointer: torch.Tensor

    def gated_logits(self) -> torch.Tensor:
        """Logits as SAM 2 returns them: ``NO_OBJECT_LOGIT`` where the object score is not positive."""
        return torch.where(self.object_score[:, None, None] > 0, self.logits, NO_OBJECT_LOGIT)


@dataclass(frozen=True)
class AllMasks:
    """Every mask that the decoder made of B segments' prompts.

    Attributes:
        logits: float (B, m, s, s).
        predicted_iou: float (B, m).
    """

    logits: torch.Tensor
    predicted_iou: torch.Tensor


class Engine(Protocol):
    """The parts of a network with a memory, called one at a time, with the memory bank as an argument.

    What goes in and comes out is float32, whatever the network multiplies in.
    """

    @property
    def image_size(self) -> int:
        """S, pixels a side of the input."""

    @property
    def mask_size(self) -> int:
        """Cells a side of the decoder's masks: s."""

    @property
    def num_maskmem(self) -> int:
        """Places in time that a memory may have, that of a conditioning slice among them."""

    @property
    def max_pointers(self) -> int:
        """Object pointers that a slice may see, which also scales their time."""

    @property
    def prompt_decoder(self) -> PromptDecoder | None:
        """Decodes prompts that have a picture; None where the network's own decoder does."""

    @property
    def device(self) -> torch.device:
        """Where the weights are."""

    def without_prompt_decoder(self) -> Engine:
        """The same engine, whose own decoder is asked of prompts."""

    def token_reduction(self, kept: float) -> TokenReduction:
        """Memory attention over fewer tokens, with this network's weights; a new one for every propagation.

        Args:
            kept: Part of the 2 x 2 blocks of tokens that stay whole.
        """

    def encode_images(self, images: torch.Tensor) -> ImageFeatures:
        """Run the image encoder.

        Args:
            images: float (b, S, S) in [0, 1].
        """

    def encode_support(self, features: ImageFeatures, masks: torch.Tensor) -> Memory:
        """Turn slices whose masks are known into memories.

        Args:
            features: Of B slices.
            masks: float (B, S, S) in {0, 1}. One without a pixel says "absent here".
        """

    def mask_pointer(self, features: ImageFeatures, masks: torch.Tensor) -> torch.Tensor:
        """Object pointers (B, C) of known masks float (B, S, S) in {0, 1}."""

    def encode_mask(
        self, features: ImageFeatures, logits: torch.Tensor, present: torch.Tensor, hard: bool = False
    ) -> torch.Tensor:
        """Spatial features (B, M, h, w) of masks that are given as logits of the decoder's resolution.

        Args:
            features: Of B slices.
            logits: float (B, s, s).
            present: bool (B,).
            hard: Cut the masks at 0 first.
        """

    def encode_prediction(
        self, features: ImageFeatures, logits: torch.Tensor, present: torch.Tensor, pointer: torch.Tensor
    ) -> Memory:
        """Turn slices that were just segmented into memories.

        Args:
            features: Of B slices.
            logits: float (B, s, s), final ones (``NO_OBJECT_LOGIT`` where absent).
            present: bool (B,).
            pointer: float (B, C) of the decoder.
        """

    def encode_place(self, features: ImageFeatures, probability: torch.Tensor) -> torch.Tensor:
        """Spatial features (B, M, h, w) of a guess of the slices' own masks, made from where the supports have theirs.

        Args:
            features: Of B slices.
            probability: float (B, s, s) in [0, 1].
        """

    def at_input_size(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits (B, s, s) of the decoder's masks at the resolution of the input, (B, S, S)."""

    def attend(self, features: ImageFeatures, bank: MemoryBank) -> torch.Tensor:
        """Memory attention: the slices' embeddings in the light of the bank, float (B, C, h, w).

        Every entry of the bank holds B segments. Without a memory the no-memory embedding is added.
        """

    def decode(self, features: ImageFeatures, conditioned: torch.Tensor, prompts: Prompts | None = None) -> Decoded:
        """Mask decoder: what the memories say, and what a person points at.

        Of several masks for few points the one with the highest predicted IoU is taken.

        Args:
            features: Of B slices.
            conditioned: float (B, C, h, w) from :meth:`attend`.
            prompts: Of the same B; without any the memories are all that the decoder knows.
        """
