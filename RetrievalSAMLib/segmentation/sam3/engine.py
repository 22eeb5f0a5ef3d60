"""The parts of SAM 3's tracker, called one at a time: image encoder, memory encoder, memory attention, mask decoder.

``Sam3TrackerVideoModel`` of `transformers` decides by frame numbers which memories a frame attends to; here the memory
bank is an argument. Its methods of a whole frame are bound to a video session, so this engine calls the modules below
them, and a test holds its answers against those of a session.

Shapes as in `engines.interface`: S = 1008 pixels, s = 288 cells and h = w = 72 tokens in the published configuration.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

from ...models.precision import multiplying
from ...stages import IMAGE_ENCODER, MASK_DECODER, MEMORY_ATTENTION, SUPPORT_MEMORIES, timed
from ..engines.bank_tokens import BankEncoding
from ..engines.interface import MASK_LOGIT, Decoded, ImageFeatures, Memory, MemoryBank, Prompts
from ..engines.memory_tokens import LIMIT_BYTES, TokenReduction
from ..engines.own_memories import OwnMemories
from .attention_parts import Sam3AttentionParts

if TYPE_CHECKING:
    from ...models.build import LoadedSegmenter

IMAGE_MEAN = IMAGE_STD = 0.5
"""Of all channels: SAM 3 sees pixels from -1 to 1."""

_MEMORY_CELLS = 4
"""Masks enter the memory encoder at this many times the decoder's resolution, a side."""


class Sam3Engine(OwnMemories):
    """The four parts of one ``Sam3TrackerVideoModel``; see `Engine`.

    Args:
        model: A ``Sam3TrackerVideoModel`` in evaluation mode.
        precision: Of matrix products and convolutions; what goes in and comes out is float32.
    """

    prompt_decoder = None

    def __init__(self, model: Any, precision: torch.dtype = torch.float32) -> None:
        self.model = model
        self.precision = precision
        self.image_size: int = model.image_size
        self.mask_size: int = model.prompt_encoder.mask_input_size[0]
        self.num_maskmem: int = model.num_maskmem
        self.max_pointers: int = model.config.max_object_pointers_in_encoder
        self._memory_position: torch.Tensor | None = None

    @classmethod
    def of(cls, segmenter: LoadedSegmenter) -> Sam3Engine:
        """The engine of a loaded segmenter, in its precision."""
        return cls(segmenter.model, segmenter.precision)

    def without_prompt_decoder(self) -> Sam3Engine:
        """This one: only the model's own decoder is ever asked of prompts."""
        return self

    def token_reduction(self, kept: float, limit_bytes: int = LIMIT_BYTES) -> TokenReduction:
        """Memory attention over fewer tokens, with this model's weights (see `TokenReduction`)."""
        return TokenReduction(Sam3AttentionParts(self.model.memory_attention), kept, limit_bytes)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        where: torch.device = self.model.device
        return where

    @timed(IMAGE_ENCODER)
    def encode_images(self, images: torch.Tensor) -> ImageFeatures:
        """Run the image encoder.

        Args:
            images: float (b, S, S) in [0, 1].
        """
        pixels = ((images - IMAGE_MEAN) / IMAGE_STD)[:, None].expand(-1, 3, -1, -1)
        with self._mixed():
            output = self.model.get_image_features(pixels, return_dict=True)
        # (h w, b, C) -> (b, C, h, w)
        levels = [
            level.float().permute(1, 2, 0).unflatten(2, tuple(size))
            for level, size in zip(output.fpn_hidden_states, self.model.backbone_feature_sizes, strict=True)
        ]
        position = output.fpn_position_encoding[-1].float().permute(1, 2, 0)
        fine, middle, embedding = levels
        return ImageFeatures(fine, middle, embedding, position.unflatten(2, embedding.shape[2:]))

    @timed(SUPPORT_MEMORIES)
    def encode_support(self, features: ImageFeatures, masks: torch.Tensor) -> Memory:
        """Turn slices whose masks are known into memories, by the way a session takes with a mask as its input.

        Unlike SAM 2's, that mask is not brought to the decoder's resolution first, and it is cut at 0.

        Args:
            features: Of B slices.
            masks: float (B, S, S) in {0, 1}. One without a pixel says "absent here".
        """
        logits = masks[:, None].float() * (2 * MASK_LOGIT) - MASK_LOGIT
        present = masks.flatten(1).any(dim=1)
        spatial = self._encode_memory(features, logits, present, hard=True)
        return Memory(spatial, self.mask_pointer(features, masks))

    def mask_pointer(self, features: ImageFeatures, masks: torch.Tensor) -> torch.Tensor:
        """Object pointers (B, C) of known masks float (B, S, S) in {0, 1}."""
        prompt = self.model.mask_downsample(masks[:, None].float())
        decoded = self._run_decoder(features, features.embedding, prompt)
        # The decoder's own object score takes part here as well, before the mask's verdict.
        pointer = self._pointer_if(decoded.pointer, decoded.object_score > 0)
        return self._pointer_if(pointer, masks.flatten(1).any(dim=1))

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
        return self._encode_memory(features, self.at_input_size(logits)[:, None], present, hard)

    def at_input_size(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits (B, s, s) of the decoder's masks at the resolution of the input, (B, S, S)."""
        return _resized(logits[:, None], self.image_size, antialias=False)[:, 0]

    @timed(MEMORY_ATTENTION)
    def attend(self, features: ImageFeatures, bank: MemoryBank) -> torch.Tensor:
        """Memory attention: the slices' embeddings in the light of the bank, float (B, C, h, w).

        Every entry of the bank holds B segments. Without a memory the no-memory embedding is added.
        """
        embedding, model = features.embedding, self.model
        if not bank.spatial:
            return embedding + model.no_memory_embedding.reshape(1, -1, 1, 1)
        encoding = self._bank_encoding(features, bank)
        if bank.reduction is not None:
            return encoding.attend_to_fewer(features, bank, bank.reduction, self._mixed())
        memory, position, pointer_tokens = encoding.tokens(bank, features)
        with self._mixed():
            output = model.memory_attention(
                current_vision_features=embedding.flatten(2).permute(2, 0, 1),
                memory=memory,
                current_vision_position_embeddings=features.position.flatten(2).permute(2, 0, 1),
                memory_posision_embeddings=position,  # spelt so there
                num_object_pointer_tokens=pointer_tokens,
            )
        # (1, B, h w, C) -> (B, C, h, w)
        return output[0].float().transpose(1, 2).unflatten(2, embedding.shape[2:])

    @timed(MASK_DECODER)
    def decode(self, features: ImageFeatures, conditioned: torch.Tensor, prompts: Prompts | None = None) -> Decoded:
        """Mask decoder: what the memories say, and what a person points at.

        Of several masks for few points the one with the highest predicted IoU is taken.

        Args:
            features: Of B slices.
            conditioned: float (B, C, h, w) from :meth:`attend`.
            prompts: Of the same B; without any the memories are all that the decoder knows.
        """
        mask_prompt = None if prompts is None or prompts.logits is None else prompts.logits[:, None]
        return self._run_decoder(features, conditioned, mask_prompt, prompts)

    def _run_decoder(
        self,
        features: ImageFeatures,
        embedding: torch.Tensor,
        mask_prompt: torch.Tensor | None = None,
        prompts: Prompts | None = None,
    ) -> Decoded:
        model, batch = self.model, len(embedding)
        if mask_prompt is not None and mask_prompt.shape[-1] != self.mask_size:
            mask_prompt = _resized(mask_prompt, self.mask_size)
        if prompts is None:
            # A point of label -1 stands where there is no prompt.
            points = embedding.new_zeros(batch, 1, 1, 2)
            labels = -torch.ones(batch, 1, 1, dtype=torch.int32, device=embedding.device)
            # A mask is always decoded as several, in a session.
            several = mask_prompt is not None or model._use_multimask(is_init_cond_frame=False, point_inputs=None)
        else:
            points, labels = prompts.points[:, None], prompts.labels[:, None]
            several = model._use_multimask(is_init_cond_frame=False, point_inputs={"point_labels": labels})
        sparse, dense = model.prompt_encoder(
            input_points=points, input_labels=labels, input_boxes=None, input_masks=mask_prompt
        )
        with self._mixed():
            masks, ious, tokens, scores = model.mask_decoder(
                image_embeddings=embedding,
                image_positional_embeddings=model.get_image_wide_positional_embeddings().expand(batch, -1, -1, -1),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                multimask_output=several,
                high_resolution_features=[features.fine, features.middle],
            )
        # (B, 1, m, ...) each
        best = ious[:, 0].argmax(dim=-1)
        rows = torch.arange(batch, device=embedding.device)
        token = tokens[rows, 0, best] if tokens.shape[2] > 1 else tokens[:, 0, 0]
        return Decoded(
            logits=masks[rows, 0, best].float(),
            predicted_iou=ious[rows, 0, best].float(),
            object_score=scores[:, 0, 0].float(),
            pointer=model.object_pointer_proj(token.float()),
        )

    def _mixed(self) -> AbstractContextManager[object]:
        return multiplying(self.device, self.precision)

    def _pointer_if(self, pointer: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        keep = present[:, None].to(pointer.dtype)
        return keep * pointer + (1 - keep) * self.model.no_object_pointer

    def _encode_memory(
        self, features: ImageFeatures, logits: torch.Tensor, present: torch.Tensor, hard: bool
    ) -> torch.Tensor:
        """Of logits (B, 1, S, S)."""
        model, config = self.model, self.model.config
        logits = _resized(logits, _MEMORY_CELLS * self.mask_size)
        soft = (logits > 0).to(logits.dtype) if hard else logits.sigmoid()
        mask = soft * config.sigmoid_scale_for_mem_enc + config.sigmoid_bias_for_mem_enc
        with self._mixed():
            output, _ = model.memory_encoder(features.embedding, mask)
        spatial: torch.Tensor = output.float()
        if model.occlusion_spatial_embedding_parameter is not None:
            absent = (~present)[:, None, None, None].to(spatial.dtype)
            spatial = spatial + absent * model.occlusion_spatial_embedding_parameter[..., None, None]
        return spatial

    def _bank_encoding(self, features: ImageFeatures, bank: MemoryBank) -> BankEncoding:
        model, spatial = self.model, bank.spatial[0].spatial
        if self._memory_position is None or self._memory_position.device != spatial.device:
            shape = torch.Size((1, *spatial.shape[1:]))
            encoding = model.memory_encoder.position_encoding(shape, spatial.device, torch.float32)
            self._memory_position = encoding.flatten(2).permute(2, 0, 1).detach()
        timed_pointers = model.config.enable_temporal_pos_encoding_for_object_pointers
        return BankEncoding(
            self._memory_position,
            model.memory_temporal_positional_encoding,
            model.temporal_positional_encoding_projection_layer if timed_pointers else None,
            features.embedding.shape[1],
        )


def _resized(values: torch.Tensor, size: int, antialias: bool = True) -> torch.Tensor:
    """Values (B, 1, n, n) as (B, 1, size, size); as they are where they have that size."""
    if values.shape[-1] == size:
        return values
    return F.interpolate(values, size=(size, size), mode="bilinear", align_corners=False, antialias=antialias)
