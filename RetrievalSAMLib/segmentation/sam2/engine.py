"""SAM 2's own parts, called one at a time: image encoder, memory encoder, memory attention, mask decoder.

``SAM2Base.track_step`` decides by frame numbers which memories a frame attends to. Few-shot segmentation
decides by retrieval instead, so this engine takes the memory bank as an argument. The same functions serve
inference and the training of the bundled model: nothing here switches gradients off.

Shapes: b images, B segments (the batch of the mask decoder), S input pixels a side, h = w = S / 16,
C = hidden channels, M = memory channels.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from ...models.precision import multiplying
from ...stages import IMAGE_ENCODER, MASK_DECODER, MEMORY_ATTENTION, SUPPORT_MEMORIES, timed
from ..engines.bank_tokens import BankEncoding
from ..engines.interface import MASK_LOGIT, AllMasks, Decoded, ImageFeatures, Memory, MemoryBank, Prompts
from ..engines.memory_tokens import LIMIT_BYTES, TokenReduction
from ..engines.own_memories import OwnMemories
from .attention_parts import Sam2AttentionParts

if TYPE_CHECKING:
    from sam2.modeling.sam2_base import SAM2Base

    from ...models.build import LoadedSegmenter
    from ...models.prompt_decoder import PromptDecoder

IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)
"""ImageNet statistics that SAM 2 and DINOv2 were trained with."""


class Sam2Engine(OwnMemories):
    """The four parts of one ``SAM2Base``, with the memory bank as an argument.

    Args:
        model: A SAM 2 or 2.1 model as the ``sam2`` package builds it.
        precision: Of matrix products and convolutions; what goes in and comes out is float32.
        prompt_decoder: Decodes prompts that have a picture; without one the model's own decoder does.
    """

    def __init__(
        self,
        model: SAM2Base,
        precision: torch.dtype = torch.float32,
        prompt_decoder: PromptDecoder | None = None,
    ) -> None:
        self.model = model
        self.precision = precision
        self.prompt_decoder = prompt_decoder
        self.image_size: int = model.image_size
        self.num_maskmem: int = model.num_maskmem
        self.max_pointers: int = model.max_obj_ptrs_in_encoder
        self._memory_position: torch.Tensor | None = None

    @property
    def mask_size(self) -> int:
        """Cells a side of the decoder's masks: S / 4."""
        return self.image_size // 4

    @classmethod
    def of(cls, segmenter: LoadedSegmenter) -> Sam2Engine:
        """The engine of a loaded segmenter, in its precision."""
        return cls(segmenter.model, segmenter.precision, segmenter.prompt_decoder)

    def without_prompt_decoder(self) -> Sam2Engine:
        """The same engine, whose own decoder is asked of prompts."""
        return self if self.prompt_decoder is None else Sam2Engine(self.model, self.precision)

    def token_reduction(self, kept: float, limit_bytes: int = LIMIT_BYTES) -> TokenReduction:
        """Memory attention over fewer tokens, with this model's weights (see `TokenReduction`)."""
        return TokenReduction(Sam2AttentionParts(self.model.memory_attention), kept, limit_bytes)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.model.device

    @timed(IMAGE_ENCODER)
    def encode_images(self, images: torch.Tensor) -> ImageFeatures:
        """Run the image encoder.

        Args:
            images: float (b, S, S) in [0, 1].
        """
        mean = images.new_tensor(IMAGE_MEAN)[:, None, None]
        std = images.new_tensor(IMAGE_STD)[:, None, None]
        with self._mixed():
            output = self.model.forward_image((images[:, None] - mean) / std)
        fine, middle, embedding = (level.float() for level in output["backbone_fpn"])
        return ImageFeatures(fine, middle, embedding, output["vision_pos_enc"][-1].float())

    @timed(SUPPORT_MEMORIES)
    def encode_support(self, features: ImageFeatures, masks: torch.Tensor) -> Memory:
        """Turn slices whose masks are known into memories, by the way SAM 2 takes with a mask input.

        The mask becomes logits of -10 and +10, goes through the low resolution of the decoder and back
        (``propagate_in_video_preflight``), and its object pointer comes from the decoder with the mask as
        its prompt. A mask without a pixel says "absent here": it gets the no-object pointer and embedding.

        Args:
            features: Of B slices.
            masks: float (B, S, S) in {0, 1}.
        """
        present = masks.flatten(1).any(dim=1)
        return Memory(self.encode_mask(features, self.mask_logits(masks), present), self.mask_pointer(features, masks))

    def mask_logits(self, masks: torch.Tensor) -> torch.Tensor:
        """Known masks float (B, S, S) in {0, 1} as logits of the decoder's resolution, (B, S / 4, S / 4)."""
        logits = masks[:, None].float() * (2 * MASK_LOGIT) - MASK_LOGIT
        low = F.interpolate(logits, scale_factor=0.25, mode="bilinear", align_corners=False, antialias=True)
        return low[:, 0]

    def mask_pointer(self, features: ImageFeatures, masks: torch.Tensor) -> torch.Tensor:
        """Object pointers (B, C) of known masks float (B, S, S) in {0, 1}."""
        masks = masks[:, None].float()
        prompt = self.model.mask_downsample(masks)
        decoded = self._run_decoder(features, features.embedding, mask_prompt=prompt)
        # The decoder's own object score takes part here as well, before the mask's verdict (as in SAM 2).
        pointer = self._pointer_if(decoded.pointer, decoded.object_score > 0)
        return self._pointer_if(pointer, masks.flatten(1).any(dim=1))

    def encode_mask(
        self, features: ImageFeatures, logits: torch.Tensor, present: torch.Tensor, hard: bool = False
    ) -> torch.Tensor:
        """Spatial features (B, M, h, w) of masks that are given as logits of the decoder's resolution.

        Args:
            features: Of B slices.
            logits: float (B, S / 4, S / 4).
            present: bool (B,).
            hard: Cut the masks at 0 first (``binarize_mask_from_pts_for_mem_enc``).
        """
        return self._encode_memory(features, self._upsample(logits[:, None]), present, hard)

    def at_input_size(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits (B, S / 4, S / 4) of the decoder's masks at the resolution of the input, (B, S, S)."""
        return self._upsample(logits[:, None])[:, 0]

    @timed(MEMORY_ATTENTION)
    def attend(self, features: ImageFeatures, bank: MemoryBank) -> torch.Tensor:
        """Memory attention: the slices' embeddings in the light of the bank.

        Every entry of the bank holds B segments. Without a memory the no-memory embedding is added.

        Returns:
            float (B, C, h, w).
        """
        embedding = features.embedding
        batch, channels, height, width = embedding.shape
        if not bank.spatial:
            if not self.model.directly_add_no_mem_embed:
                raise ValueError("a model without directly_add_no_mem_embed needs a memory")
            return embedding + self.model.no_mem_embed.reshape(1, channels, 1, 1)
        encoding = self._bank_encoding(features, bank)
        if bank.reduction is not None:
            return encoding.attend_to_fewer(features, bank, bank.reduction, self._mixed())
        memory, position, pointer_tokens = encoding.tokens(bank, features)
        with self._mixed():
            output = self.model.memory_attention(
                curr=[embedding.flatten(2).permute(2, 0, 1)],
                curr_pos=[features.position.flatten(2).permute(2, 0, 1)],
                memory=memory,
                memory_pos=position,
                num_obj_ptr_tokens=pointer_tokens,
            )
        return output.float().permute(1, 2, 0).reshape(batch, channels, height, width)

    def _bank_encoding(self, features: ImageFeatures, bank: MemoryBank) -> BankEncoding:
        model = self.model
        return BankEncoding(
            self._position_of_memory(bank.spatial[0].spatial),
            model.maskmem_tpos_enc,
            model.obj_ptr_tpos_proj if model.add_tpos_enc_to_obj_ptrs else None,
            features.embedding.shape[1] if model.proj_tpos_enc_in_obj_ptrs else model.mem_dim,
        )

    def _mixed(self) -> AbstractContextManager[object]:
        return multiplying(self.device, self.precision)

    @timed(MASK_DECODER)
    def decode(self, features: ImageFeatures, conditioned: torch.Tensor, prompts: Prompts | None = None) -> Decoded:
        """Mask decoder: what the memories say, and what a person points at.

        Of several masks that SAM 2 makes for few points the one with the highest predicted IoU is taken.

        Args:
            features: Of B slices.
            conditioned: float (B, C, h, w) from :meth:`attend`.
            prompts: Of the same B; without any the memories are all that the decoder knows.
        """
        if prompts is None:
            return self._run_decoder(features, conditioned)
        if self.prompt_decoder is not None and prompts.picture is not None:
            return self._run_decoder(features, conditioned, prompts.picture[:, None], parts=self.prompt_decoder)
        mask_prompt = None if prompts.logits is None else prompts.logits[:, None]
        return self._run_decoder(features, conditioned, mask_prompt, prompts)

    def decode_all(self, features: ImageFeatures, conditioned: torch.Tensor, prompts: Prompts) -> AllMasks:
        """As `decode`, with every mask that SAM 2 makes of these prompts: training needs them."""
        mask_prompt = None if prompts.logits is None else prompts.logits[:, None]
        masks, ious, _, _ = self._ask_decoder(features, conditioned, mask_prompt, prompts)
        return AllMasks(masks.float(), ious)

    def _run_decoder(
        self,
        features: ImageFeatures,
        embedding: torch.Tensor,
        mask_prompt: torch.Tensor | None = None,
        prompts: Prompts | None = None,
        parts: PromptDecoder | None = None,
    ) -> Decoded:
        masks, ious, tokens, scores = self._ask_decoder(features, embedding, mask_prompt, prompts, parts)
        best = ious.argmax(dim=-1)
        rows = torch.arange(len(embedding), device=embedding.device)
        token = tokens[rows, best] if tokens.shape[1] > 1 else tokens[:, 0]
        return Decoded(
            logits=masks[rows, best].float(),
            predicted_iou=ious[rows, best],
            object_score=scores[:, 0],
            pointer=self.model.obj_ptr_proj(token),
        )

    def _ask_decoder(
        self,
        features: ImageFeatures,
        embedding: torch.Tensor,
        mask_prompt: torch.Tensor | None,
        prompts: Prompts | None,
        parts: PromptDecoder | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Masks (B, m, S / 4, S / 4), their predicted IoUs (B, m), tokens (B, 1 or m, C), object scores (B, 1)."""
        model = self.model
        prompt_encoder, mask_decoder = (parts or model).sam_prompt_encoder, (parts or model).sam_mask_decoder
        batch = embedding.shape[0]
        if mask_prompt is not None and mask_prompt.shape[-2:] != prompt_encoder.mask_input_size:
            mask_prompt = F.interpolate(
                mask_prompt,
                size=prompt_encoder.mask_input_size,
                mode="bilinear",
                align_corners=False,
                antialias=True,
            )
        if prompts is None:
            # SAM 2 pads with one point of label -1 where there is no prompt.
            points = embedding.new_zeros(batch, 1, 2)
            labels = -torch.ones(batch, 1, dtype=torch.int32, device=embedding.device)
            several = mask_prompt is None and model._use_multimask(is_init_cond_frame=False, point_inputs=None)
        else:
            points, labels = prompts.points, prompts.labels
            several = model._use_multimask(is_init_cond_frame=False, point_inputs={"point_labels": labels})
        # ``_use_mask_as_output`` asks the decoder for one mask; tracking and prompts ask as the configuration says.
        sparse, dense = prompt_encoder(points=(points, labels), boxes=None, masks=mask_prompt)
        with self._mixed():
            masks, ious, tokens, scores = mask_decoder(
                image_embeddings=embedding,
                image_pe=prompt_encoder.get_dense_pe(),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                multimask_output=several,
                repeat_image=False,
                high_res_features=[features.fine, features.middle],
            )
        return masks.float(), ious.float(), tokens.float(), scores.float()

    def _pointer_if(self, pointer: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        keep = present[:, None].to(pointer.dtype)
        if self.model.fixed_no_obj_ptr:
            pointer = keep * pointer
        return pointer + (1 - keep) * self.model.no_obj_ptr

    def _upsample(self, low: torch.Tensor) -> torch.Tensor:
        size = (self.image_size, self.image_size)
        return F.interpolate(low, size=size, mode="bilinear", align_corners=False)

    def _encode_memory(
        self, features: ImageFeatures, logits: torch.Tensor, present: torch.Tensor, hard: bool
    ) -> torch.Tensor:
        model = self.model
        soft = (logits > 0).to(logits.dtype) if hard else logits.sigmoid()
        mask = soft * model.sigmoid_scale_for_mem_enc + model.sigmoid_bias_for_mem_enc
        with self._mixed():
            output = model.memory_encoder(features.embedding, mask, skip_mask_sigmoid=True)
        spatial: torch.Tensor = output["vision_features"].float()
        if model.no_obj_embed_spatial is not None:
            absent = (~present)[:, None, None, None].to(spatial.dtype)
            spatial = spatial + absent * model.no_obj_embed_spatial[..., None, None]
        return spatial

    def _position_of_memory(self, spatial: torch.Tensor) -> torch.Tensor:
        """Sine encoding of the place in a memory, (h w, 1, M)."""
        if self._memory_position is None or self._memory_position.device != spatial.device:
            encoding = self.model.memory_encoder.position_encoding(spatial[:1].float())
            self._memory_position = encoding.flatten(2).permute(2, 0, 1).detach()
        return self._memory_position
