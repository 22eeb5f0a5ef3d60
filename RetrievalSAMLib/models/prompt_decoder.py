"""A second prompt encoder and mask decoder beside a segmenter's own, for slices where a person points at something."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from sam2.modeling.sam2_base import SAM2Base


class PromptDecoder(nn.Module):
    """SAM 2's prompt encoder and mask decoder, trained for prompts alone; the rest of the network stayed as it was.

    So whatever is decoded without prompts is as it would be without this one. It sees points, boxes and the mask so
    far as a picture (`click_masks.picture`), which enters as SAM 2's mask prompt does: a network of this size learned
    that within 200 steps, and SAM 2's tokens of points and corners not at all within 300 (training/README.md).

    Args:
        model: Whose parts are copied, weights included.
        sha256: Of the file of weights that will be loaded; empty where none is.
    """

    def __init__(self, model: SAM2Base, sha256: str = "") -> None:
        super().__init__()
        self.sha256 = sha256
        self.sam_prompt_encoder = copy.deepcopy(model.sam_prompt_encoder)
        self.sam_mask_decoder = copy.deepcopy(model.sam_mask_decoder)

    def tied(self, model: SAM2Base) -> PromptDecoder:
        """The same decoder for a model of another image size; both have the same parameters in memory."""
        other = PromptDecoder(model, self.sha256)
        for theirs, own in zip(other.modules(), self.modules(), strict=True):
            for name, parameter in own.named_parameters(recurse=False):
                setattr(theirs, name, parameter)
        return other
