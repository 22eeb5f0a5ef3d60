"""The few-shot loop of FATE-SAM (He et al., arXiv 2501.09138) as published, told plainly: what ours is measured by.

Supports are encoded and entered again for every query slice, one segment after another, and SAM 2's own `track_step`
decides by frame numbers what a slice attends to: slices of the target are the frames 0 to N - 1, the support of rank r
is the frame N + r. `segmentation.fate_sam` does the same with everything done once; its docstring names the quirks.

Image features are computed as often as the published code computes them, and no oftener: of every labelled slice and
every query slice once for retrieval; then, for each query slice, of each of its supports once to enter its masks and
once more to encode their memories (its predictor keeps the features of one frame at a time), and of the query slice.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F

from ..segmentation.published.fate_sam import LabelledSlices, square_input, square_masks
from ..segmentation.sam2.engine import IMAGE_MEAN, IMAGE_STD

if TYPE_CHECKING:
    from sam2.modeling.sam2_base import SAM2Base

Output = dict[str, Any]
"""What sam2 keeps of a frame."""


@dataclass(frozen=True)
class Frame:
    """Image features of one slice as `track_step` takes them.

    Attributes:
        features: By level, float (pixels, 1, channels).
        positions: By level, of the same shapes.
        sizes: By level, (rows, columns).
    """

    features: list[torch.Tensor]
    positions: list[torch.Tensor]
    sizes: list[tuple[int, int]]

    def arguments(self) -> dict[str, Any]:
        """For `track_step`."""
        return {
            "current_vision_feats": self.features,
            "current_vision_pos_embeds": self.positions,
            "feat_sizes": self.sizes,
        }


class PublishedLoop:
    """The loop over the slices of one target.

    Args:
        model: SAM 2; it is not changed.
        target: (N, h, w).
        cases: Annotated slices.
        segments: Keys of their masks.
        supports: k.
    """

    def __init__(
        self,
        model: SAM2Base,
        target: np.ndarray,
        cases: Sequence[LabelledSlices],
        segments: Sequence[int],
        supports: int,
    ) -> None:
        # The published predictor cuts masks that a person drew before they become memories.
        self.model = copy.copy(model)
        self.model.binarize_mask_from_pts_for_mem_enc = True
        self.target, self.cases, self.segments, self.supports = target, cases, segments, supports
        self.pool = [
            (case, index)
            for case, of_case in enumerate(cases)
            for index in range(len(of_case.slices))
            if any(of_case.masks[s][index].any() for s in segments if s in of_case.masks)
        ]

    @torch.inference_mode()
    def run(self) -> dict[int, torch.Tensor]:
        """Segment every slice.

        Returns:
            By slice, logits (B, S / 4, S / 4).
        """
        model, count = self.model, len(self.target)
        pool = [self._look(self.cases[case].slices[index]) for case, index in self.pool]
        nearest = [self._nearest(self._look(pixels), pool) for pixels in self.target]
        tracks: list[dict[str, dict[int, Output]]] = [
            {"cond_frame_outputs": {}, "non_cond_frame_outputs": {}} for _ in self.segments
        ]
        logits = {}
        start = count // 2
        for index in [*range(start, -1, -1), *range(start + 1, count)]:
            self._enter(nearest[index], tracks)
            query = self._look(self.target[index])
            answers = []
            for track in tracks:
                out = model.track_step(
                    frame_idx=index,
                    is_init_cond_frame=False,
                    **query.arguments(),
                    point_inputs=None,
                    mask_inputs=None,
                    output_dict=track,
                    num_frames=count + len(nearest[index]),
                    track_in_reverse=index <= start,
                )
                out["maskmem_features"] = _as_stored(out["maskmem_features"])
                # Its largest part, and nothing reads it again.
                del out["pred_masks_high_res"]
                track["non_cond_frame_outputs"][index] = out
                answers.append(out["pred_masks"][:, 0])
            logits[index] = torch.cat(answers)
        return logits

    def _enter(self, nearest: Sequence[tuple[int, int]], tracks: Sequence[dict[str, dict[int, Output]]]) -> None:
        """Put a query slice's supports (case, slice) behind the film, in every segment's track."""
        count = len(self.target)
        entered: list[list[Output]] = []
        for rank, (case, number) in enumerate(nearest):
            support = self._look(self.cases[case].slices[number])
            entered.append(
                [
                    self._entered(support, case, number, segment, track["cond_frame_outputs"].get(count + rank))
                    for track, segment in zip(tracks, self.segments, strict=True)
                ]
            )
        for rank, (case, number) in enumerate(nearest):
            support = self._look(self.cases[case].slices[number])
            for track, own in zip(tracks, entered[rank], strict=True):
                track["cond_frame_outputs"][count + rank] = self._remembered(support, own)

    def _look(self, pixels: np.ndarray) -> Frame:
        """Run the image encoder on a slice."""
        model = self.model
        image = square_input(pixels, model.image_size).to(model.device)
        mean, std = (image.new_tensor(v)[:, None, None] for v in (IMAGE_MEAN, IMAGE_STD))
        output = model.forward_image(((image[None] - mean) / std)[None])
        return Frame(*model._prepare_backbone_features(output)[1:])

    def _nearest(self, query: Frame, pool: Sequence[Frame]) -> list[tuple[int, int]]:
        """(case, slice) of the k supports, nearest first: differences summed over channels, levels weighed alike."""
        away = [
            float(
                torch.stack(
                    [
                        (one - other).abs().sum(dim=-1).mean()
                        for one, other in zip(query.features, frame.features, strict=True)
                    ]
                ).mean()
            )
            for frame in pool
        ]
        order = np.argsort(away, kind="stable")[: self.supports]
        return [self.pool[place] for place in order]

    def _entered(self, support: Frame, case: int, number: int, segment: int, before: Output | None) -> Output:
        """A support's mask of one segment, entered anew; a segment that is not shown there stays as it was."""
        model = self.model
        masks = self.cases[case].masks
        shown = masks[segment][number] if segment in masks else np.zeros(self.cases[case].slices.shape[1:], bool)
        if before is not None and not shown.any():
            return before
        entered: Output = model.track_step(
            frame_idx=0,
            is_init_cond_frame=True,
            **support.arguments(),
            point_inputs=None,
            mask_inputs=square_masks(shown[None], model.image_size)[None].float().to(model.device),
            output_dict={},
            num_frames=1,
            run_mem_encoder=False,
        )
        return entered

    def _remembered(self, support: Frame, entered: Output) -> Output:
        """What a support's frame holds for one segment, with its memory."""
        model = self.model
        size = (model.image_size, model.image_size)
        memory, position = model._encode_new_memory(
            current_vision_feats=support.features,
            feat_sizes=support.sizes,
            pred_masks_high_res=F.interpolate(entered["pred_masks"], size=size, mode="bilinear", align_corners=False),
            object_score_logits=entered["object_score_logits"],
            is_mask_from_pts=True,
        )
        return {
            "maskmem_features": _as_stored(memory),
            "maskmem_pos_enc": position,
            "pred_masks": entered["pred_masks"],
            "obj_ptr": entered["obj_ptr"],
            "object_score_logits": entered["object_score_logits"],
        }


def _as_stored(memory: torch.Tensor) -> torch.Tensor:
    """Rounded as the video predictor stores memories."""
    return memory.to(torch.bfloat16).float()
