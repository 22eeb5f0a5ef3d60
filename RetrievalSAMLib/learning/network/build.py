"""The networks of an expert: MONAI's DynUNet, which is nnU-Net's, in the shape that the plan says.

One sees the image alone; another one also what the cases and the run say. The mistakes of the first are its own, so
that the run and it correct each other; the second learns where the run is wrong, and is of use where a few images
alone teach too little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from .plan import NetworkPlan

IMAGE, HINTED = "image", "hinted"
"""Kinds of networks: one sees the image alone, the other one hints too."""

_SUREST = 0.02
"""Hints are held between this and 1 less this, so that the network can outvote them."""


class ImageNetwork(nn.Module):
    """A U-Net that sees the image alone.

    Args:
        network: (b, 1, n, h, w) to logits (b, segments, n, h, w).
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Logits of inputs (b, 1 + 2 segments, n, h, w), see `channels`."""
        logits: torch.Tensor = self.network(inputs[:, :1])
        return logits


class HintedNetwork(nn.Module):
    """A U-Net whose logits are added to the log odds of what the cases and the run say.

    It starts from their opinion, and learns where that is wrong: from few cases it would else spend most of its steps
    on finding that nearly everything is background.

    Args:
        network: (b, 1 + 2 segments, n, h, w) to logits (b, segments, n, h, w). Channels are the image, then for every
            segment the mean mask of the cases, then for every segment the run's probability.
        segments: Their number.
    """

    def __init__(self, network: nn.Module, segments: int) -> None:
        super().__init__()
        self.network = network
        self.segments = segments
        self.trust = nn.Parameter(torch.full((segments, 1, 1, 1), 0.5))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Logits, each segment against the rest."""
        prior, run = inputs[:, 1:].split(self.segments, dim=1)
        hint = ((prior + run) / 2).clamp(_SUREST, 1 - _SUREST)
        logits: torch.Tensor = self.network(inputs) + self.trust * torch.logit(hint)
        return logits


def channels(segments: int) -> int:
    """Of an input: the image, and for every segment what the cases and the run say."""
    return 1 + 2 * segments


def build_networks(plan: NetworkPlan, segments: int, kinds: Sequence[str]) -> nn.ModuleDict:
    """Networks of these kinds with random weights, of torch's generator.

    Args:
        plan: Their shape.
        segments: Channels of the output.
        kinds: `IMAGE`, `HINTED`, or both.
    """
    networks: dict[str, nn.Module] = {}
    for kind in kinds:
        if kind == IMAGE:
            networks[kind] = ImageNetwork(_u_net(plan, 1, segments))
        else:
            networks[kind] = HintedNetwork(_u_net(plan, channels(segments), segments), segments)
    return nn.ModuleDict(networks)


def _u_net(plan: NetworkPlan, inputs: int, segments: int) -> nn.Module:
    # Imported late: MONAI takes seconds to load, and most commands need no expert.
    from monai.networks.nets.dynunet import DynUNet

    network = DynUNet(
        spatial_dims=3,
        in_channels=inputs,
        out_channels=segments,
        kernel_size=[list(k) for k in plan.kernels],
        strides=[list(s) for s in plan.strides],
        upsample_kernel_size=[list(s) for s in plan.strides[1:]],
        filters=list(plan.channels),
        norm_name=("INSTANCE", {"affine": True}),
    )
    # Nearly twice as fast on a processor.
    network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    return network


def weights_of(network: nn.Module) -> dict[str, torch.Tensor]:
    """All weights by name, each once: MONAI's network holds some layers under two names."""
    return {name: weight.detach() for name, weight in network.named_parameters()}


def set_weights(network: nn.Module, weights: Mapping[str, torch.Tensor]) -> None:
    """Give a network the weights of another one of the same shape.

    Raises:
        ValueError: They are of another shape.
    """
    own = weights_of(network)
    if {name: one.shape for name, one in own.items()} != {name: one.shape for name, one in weights.items()}:
        raise ValueError("the weights are of another network")
    for name, weight in own.items():
        weight.copy_(weights[name])
