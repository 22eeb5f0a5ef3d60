"""SAM 2's own parts, called one at a time: image encoder, memory encoder, memory attention, mask decoder.

``SAM2Base.track_step`` decides by frame numbers which memories a frame attends to. Few-shot segmentation
decides by retrieval instead, so this engine takes the memory bank as an argument. The same functions serve
inference and the training of the bundled model: nothing here switches gradients off.

Shapes: b images, B segments (the batch of the mask decoder), S input pixels a side, h = w = S / 16,
C = hidden channels, M = memory channels.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from sam2.modeling.sam2_utils import get_1d_sine_pe

from ...models.precision import multiplying
from ...stages import IMAGE_ENCODER, MASK_DECODER, MEMORY_ATTENTION, PLACE, PREDICTION_MEMORIES, SUPPORT_MEMORIES, timed
from .memory_tokens import TokenReduction

if TYPE_CHECKING:
    from sam2.modeling.sam2_base import SAM2Base

    from ...models.build import LoadedSegmenter
    from ...models.prompt_decoder import PromptDecoder

NO_OBJECT_LOGIT = -1024.0
"""SAM 2's mask logit where the object score says that the segment is absent."""

MASK_LOGIT = 10.0
"""A mask given by a person enters as logits of -10 and +10 (``SAM2Base._use_mask_as_output``)."""

IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)
"""ImageNet statistics that SAM 2 and DINOv2 were trained with."""


_RARE = 0.02
"""No mean of a handful of masks makes a pixel less likely than this, or its opposite."""


@dataclass(frozen=True)
class ImageFeatures:
    """What the image encoder makes of a batch of slices.

    Attributes:
        fine: float (b, C / 8, S / 4, S / 4), for the mask decoder.
        middle: float (b, C / 4, S / 8, S / 8), for the mask decoder.
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
        logits: float (B, S / 4, S / 4), a mask so far (``SAM2Base.track_step``'s ``prev_sam_mask_logits``), or None.
        picture: float (B, S / 4, S / 4), mask so far, points and boxes drawn (`click_masks.picture`), for a
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
        logits: float (B, S / 4, S / 4), before the object score has its say.
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
        logits: float (B, m, S / 4, S / 4).
        predicted_iou: float (B, m).
    """

    logits: torch.Tensor
    predicted_iou: torch.Tensor


class Sam2Engine:
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

    @classmethod
    def of(cls, segmenter: LoadedSegmenter) -> Sam2Engine:
        """The engine of a loaded segmenter, in its precision."""
        return cls(segmenter.model, segmenter.precision, segmenter.prompt_decoder)

    def without_prompt_decoder(self) -> Sam2Engine:
        """The same engine, whose own decoder is asked of prompts."""
        return self if self.prompt_decoder is None else Sam2Engine(self.model, self.precision)

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

    @timed(PREDICTION_MEMORIES)
    def encode_prediction(
        self, features: ImageFeatures, logits: torch.Tensor, present: torch.Tensor, pointer: torch.Tensor
    ) -> Memory:
        """Turn slices that were just segmented into memories.

        Args:
            features: Of B slices.
            logits: float (B, S / 4, S / 4), final ones (``NO_OBJECT_LOGIT`` where absent).
            present: bool (B,).
            pointer: float (B, C) of the decoder.
        """
        return Memory(self.encode_mask(features, logits, present), self._pointer_if(pointer, present))

    @timed(PLACE)
    def encode_place(self, features: ImageFeatures, probability: torch.Tensor) -> torch.Tensor:
        """Spatial features (B, M, h, w) of a guess of the slices' own masks, made from where the supports have theirs.

        Args:
            features: Of B slices.
            probability: float (B, S / 4, S / 4) in [0, 1].
        """
        logits = probability.clamp(_RARE, 1 - _RARE).logit()
        return self.encode_mask(features, logits, torch.ones(len(logits), dtype=torch.bool, device=logits.device))

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
        time_encoding = self.model.maskmem_tpos_enc  # (num_maskmem, 1, 1, M): 1, 2, ... slices back; last: time 0
        place = self._position_of_memory(bank.spatial[0].spatial)
        if bank.reduction is not None:
            return self._attend_to_fewer(features, bank, bank.reduction, place)
        memory, position = [], []
        for entry in bank.spatial:
            # (B, M, h, w) -> (h w, B, M)
            memory.append(entry.spatial.to(embedding.dtype).flatten(2).permute(2, 0, 1))
            position.append((place + time_encoding[entry.time - 1]).expand(-1, batch, -1))
        pointer_tokens = 0
        if bank.pointers:
            tokens, token_position = self._pointer_tokens(bank, batch, channels)
            memory.append(tokens)
            position.append(token_position)
            pointer_tokens = tokens.shape[0]
        with self._mixed():
            output = self.model.memory_attention(
                curr=[embedding.flatten(2).permute(2, 0, 1)],
                curr_pos=[features.position.flatten(2).permute(2, 0, 1)],
                memory=torch.cat(memory),
                memory_pos=torch.cat(position),
                num_obj_ptr_tokens=pointer_tokens,
            )
        return output.float().permute(1, 2, 0).reshape(batch, channels, height, width)

    def _attend_to_fewer(
        self, features: ImageFeatures, bank: MemoryBank, reduction: TokenReduction, place: torch.Tensor
    ) -> torch.Tensor:
        batch, channels = features.embedding.shape[:2]
        time_encoding = self.model.maskmem_tpos_enc
        tokens, position = self._pointer_tokens(bank, batch, channels) if bank.pointers else (None, None)
        pieces = channels // self.model.mem_dim
        with self._mixed():
            memories = [
                reduction.tokens(entry.spatial, (place + time_encoding[entry.time - 1])[:, 0], entry.names)
                for entry in bank.spatial
            ]
            return reduction(features.embedding, features.position, memories, tokens, position, pieces).float()

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

    def _pointer_tokens(self, bank: MemoryBank, batch: int, channels: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Object pointers as memory tokens, each cut into C / M of them, with their encoding of time."""
        model, entries = self.model, bank.pointers
        pointers = torch.stack([entry.pointer for entry in entries])  # (p, B, C)
        size = model.mem_dim
        if model.add_tpos_enc_to_obj_ptrs:
            distance = pointers.new_tensor([float(entry.distance) for entry in entries])
            width = channels if model.proj_tpos_enc_in_obj_ptrs else size
            encoding = get_1d_sine_pe(distance / (bank.pointer_span - 1), dim=width)
            position = model.obj_ptr_tpos_proj(encoding)[:, None].expand(-1, batch, size)
        else:
            position = pointers.new_zeros(len(entries), batch, size)
        pieces = channels // size
        tokens = pointers.reshape(-1, batch, pieces, size).permute(0, 2, 1, 3).flatten(0, 1)
        return tokens, position.repeat_interleave(pieces, dim=0)
