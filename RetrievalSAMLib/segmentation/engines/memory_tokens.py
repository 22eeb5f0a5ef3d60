"""Memory attention over fewer tokens: what is alike in a memory is attended to as one.

A memory has one token for each of its h w places. Where the four tokens of a 2 x 2 block are nearly alike (far from the
outline of the segment, and from edges in the picture) their mean takes their place and counts four times in the
softmax: ``sum_j exp(q k_j)`` is about ``n exp(q mean(k_j))`` for n keys that are alike (proportional attention; Bolya
et al., Token Merging, ICLR 2023). Keys are averaged after their rotary encoding, so that a mean stands where its tokens
stood. What was projected for a support is kept and used again by every slice that attends to it.

Shapes as in `interface`; T tokens of a reduced memory, N = h w of a whole one.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F

_BLOCK = 2
"""Side of a block of tokens that may become one."""

LIMIT_BYTES = 256 << 20
"""What projected supports may hold; the ones used longest ago go first."""

_KEPT_CALLS = 8
"""What this many calls did not ask for is forgotten: neighbouring slices have supports in common, distant ones none.
Of the supports that 300 slices ask for, 1.6 % are projected again; one in forty is held at a time."""

_QUERIES_AT_ONCE = 128
"""Places whose attention weights are in memory together, on a CPU: a processor's cache holds them."""


class AttentionLayer(Protocol):
    """One layer of a network's memory attention with one head, taken apart. Tokens are float (B, N, C)."""

    def attend_to_self(self, tokens: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
        """The slice's tokens after they attended to each other."""

    def queries(self, tokens: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
        """What they ask memories, turned by their place."""

    def keys(self, memory: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
        """What a memory's N tokens (B, N, M) answer to, turned by their place, (B, N, C)."""

    def pointer_keys(self, pointers: torch.Tensor) -> torch.Tensor:
        """The same of object pointers (B, P, M) with their time; they have no place."""

    def values(self, memory: torch.Tensor) -> torch.Tensor:
        """What is found of memories (B, T, M), (B, T, C); linear."""

    def attended(self, tokens: torch.Tensor, found: torch.Tensor) -> torch.Tensor:
        """The slice's tokens with what they found (B, N, C), behind the layer's own network."""


class AttentionParts(Protocol):
    """A network's memory attention, taken apart."""

    @property
    def layers(self) -> Sequence[AttentionLayer]:
        """From the first to the last."""

    def begin(self, embedding: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
        """The slice's tokens as the first layer takes them."""

    def end(self, tokens: torch.Tensor) -> torch.Tensor:
        """The last layer's tokens as the decoder takes them."""


@dataclass(frozen=True)
class Tokens:
    """Memories of B segments, ready to be attended to.

    Attributes:
        values: float (B, T, M).
        keys: By layer, float (B, T, C), projected and turned by their place.
        log_counts: float (T,), how many tokens each stands for.
    """

    values: torch.Tensor
    keys: tuple[torch.Tensor, ...]
    log_counts: torch.Tensor

    @property
    def nbytes(self) -> int:
        """What it holds of memory."""
        return self.values.nbytes + sum(key.nbytes for key in self.keys)


@dataclass(frozen=True)
class Attended:
    """What one call of the last layer looked at.

    Attributes:
        queries: float (B, N, C), turned by their place.
        keys: float (B, T, C).
        log_counts: float (T,).
        memories: int64 (T,), the memory that each token is of. An object pointer counts to the spatial memory of its
            rank; those of higher ranks count for themselves.
    """

    queries: torch.Tensor
    keys: torch.Tensor
    log_counts: torch.Tensor
    memories: torch.Tensor


@dataclass(frozen=True)
class Blocks:
    """The 2 x 2 blocks of B memories, in the order of how much their tokens differ.

    Attributes:
        shape: (h, w) in tokens.
        order: int64 (B, N / 4).
        whole: So many of the first stay as they are.
    """

    shape: torch.Size
    order: torch.Tensor
    whole: int

    @classmethod
    def of(cls, memory: torch.Tensor, shape: torch.Size, kept: float) -> Blocks:
        """Of tokens (B, N, M), of which a part of the blocks is kept."""
        blocks = _in_blocks(memory, shape)
        spread = (blocks - blocks.mean(dim=2, keepdim=True)).square().sum(dim=(2, 3))
        return cls(shape, spread.argsort(dim=1, descending=True, stable=True), round(kept * blocks.shape[1]))

    def reduce(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens (B, N, c): those of whole blocks, and behind them the means of the others, (B, T, c)."""
        blocks = _in_blocks(tokens, self.shape)
        ordered = blocks.gather(1, self.order[..., None, None].expand_as(blocks))
        return torch.cat([ordered[:, : self.whole].flatten(1, 2), ordered[:, self.whole :].mean(2)], dim=1)

    @property
    def log_counts(self) -> torch.Tensor:
        """Float (T,), log of how many tokens each of the reduced ones stands for."""
        means = self.order.shape[1] - self.whole
        whole, mean = self.order.new_zeros(self.whole * _BLOCK**2), self.order.new_ones(means)
        return torch.cat([whole, mean]) * math.log(_BLOCK**2)


def _in_blocks(tokens: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """Tokens (B, N, c) by block: (B, N / 4, 4, c)."""
    height, width = shape
    split = tokens.unflatten(1, (height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK))
    return split.transpose(2, 3).flatten(3, 4).flatten(1, 2)


class TokenReduction(torch.nn.Module):
    """A network's memory attention, with its weights, over reduced memories. For inference, one slice after the other.

    Args:
        attention: Of the network.
        kept: Part of the 2 x 2 blocks that stay whole in every memory, those whose tokens differ most. 0.5 leaves
            five eighths of the tokens, 0 a quarter.
        limit_bytes: What projected supports may hold of memory.
    """

    def __init__(self, attention: AttentionParts, kept: float, limit_bytes: int = LIMIT_BYTES) -> None:
        super().__init__()
        self._attention, self._kept, self._limit_bytes = attention, kept, limit_bytes
        # By name, and the number of the call that asked for it last: the oldest first.
        self._known: OrderedDict[Hashable, tuple[Tokens, int]] = OrderedDict()
        self._bytes, self._calls = 0, 0
        self._attended: Attended | None = None

    @property
    def kept_bytes(self) -> int:
        """What projected supports hold of memory now."""
        return self._bytes

    @property
    def attended(self) -> Attended:
        """What the last call looked at.

        Raises:
            ValueError: There was none.
        """
        if self._attended is None:
            raise ValueError("nothing was attended to")
        return self._attended

    def tokens(self, spatial: torch.Tensor, position: torch.Tensor, names: Sequence[Hashable] | None = None) -> Tokens:
        """Reduce and project memories.

        Args:
            spatial: (B, M, h, w), h and w even.
            position: float (N, M), encoding of place and time.
            names: Of the B memories, where they will be asked for again: the same name stands for the same memory.
        """
        if names is None:
            return self._made(spatial, position)
        rows = [row for row, name in enumerate(names) if name not in self._known]
        if rows:
            made = self._made(spatial[rows], position)
            for place, row in enumerate(rows):
                self._keep(names[row], _rows(made, slice(place, place + 1)))
        found = [self._known[name][0] for name in names]
        for name, tokens in zip(names, found, strict=True):
            self._known[name] = tokens, self._calls
            self._known.move_to_end(name)
        self._shrink()
        return found[0] if len(found) == 1 else _stacked(found)

    def forward(
        self,
        embedding: torch.Tensor,
        position: torch.Tensor,
        memories: Sequence[Tokens],
        pointers: torch.Tensor | None,
        pointer_position: torch.Tensor | None,
        pieces: int,
    ) -> torch.Tensor:
        """Attend to reduced memories.

        Args:
            embedding: float (B, C, h, w) of the slice; one row expanded over the batch attends to itself once.
            position: float (B, C, h, w).
            memories: Of the B segments each.
            pointers: float (P, B, M), object pointers as tokens, or None.
            pointer_position: float (P, B, M), their encoding of time.
            pieces: Tokens of one pointer.

        Returns:
            float (B, C, h, w).
        """
        self._calls += 1
        batch, _, height, width = embedding.shape
        rows = 1 if embedding.stride(0) == 0 else batch
        output, where = (t[:rows].flatten(2).transpose(1, 2) for t in (embedding, position))
        output = self._attention.begin(output, where)
        values = torch.cat([memory.values for memory in memories], dim=1)
        counts = torch.cat([memory.log_counts for memory in memories])
        extra = None
        if pointers is not None and pointer_position is not None:
            extra = pointers.transpose(0, 1), (pointers + pointer_position).transpose(0, 1)
            values = torch.cat([values, extra[0]], dim=1)
            counts = torch.cat([counts, counts.new_zeros(extra[0].shape[1])])
        queries = keys = output
        for number, layer in enumerate(self._attention.layers):
            output = layer.attend_to_self(output, where)
            if len(output) != batch:
                output, where = output.expand(batch, -1, -1), where.expand(batch, -1, -1)
            queries = layer.queries(output, where)
            keys = torch.cat([memory.keys[number] for memory in memories], dim=1)
            if extra is not None:
                keys = torch.cat([keys, layer.pointer_keys(extra[1])], dim=1)
            output = layer.attended(output, _looked_up(layer, queries, keys, values, counts))
        of = [torch.full((memory.values.shape[1],), n) for n, memory in enumerate(memories)]
        if extra is not None:
            of.append(torch.arange(extra[0].shape[1]) // pieces)
        self._attended = Attended(queries, keys, counts, torch.cat(of).to(keys.device))
        return self._attention.end(output).transpose(1, 2).unflatten(2, (height, width))

    def _made(self, spatial: torch.Tensor, position: torch.Tensor) -> Tokens:
        memory = spatial.to(position.dtype).flatten(2).transpose(1, 2)
        blocks = None if self._kept >= 1 else Blocks.of(memory, spatial.shape[-2:], self._kept)
        keys = []
        for layer in self._attention.layers:
            key = layer.keys(memory, position)
            keys.append(key if blocks is None else blocks.reduce(key))
        if blocks is None:
            return Tokens(memory, tuple(keys), memory.new_zeros(memory.shape[1]))
        return Tokens(blocks.reduce(memory), tuple(keys), blocks.log_counts)

    def _keep(self, name: Hashable, tokens: Tokens) -> None:
        self._known[name] = tokens, self._calls
        self._bytes += tokens.nbytes

    def _shrink(self) -> None:
        while self._known:
            oldest, (tokens, call) = next(iter(self._known.items()))
            if self._bytes <= self._limit_bytes and self._calls - call <= _KEPT_CALLS:
                return
            del self._known[oldest]
            self._bytes -= tokens.nbytes


def _looked_up(
    layer: AttentionLayer, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, log_counts: torch.Tensor
) -> torch.Tensor:
    """Softmax attention, (B, N, C), with values of the memory's width.

    On a CPU they are projected afterwards, which is the same, as weights add up to one, and four times less work;
    PyTorch's fused attention cannot do that, and is slow there where tokens count differently.
    """
    scale = queries.shape[-1] ** -0.5
    if queries.device.type != "cpu":
        projected = layer.values(values)[:, None]
        found = F.scaled_dot_product_attention(
            queries[:, None], keys[:, None], projected, attn_mask=log_counts[None, None, None]
        )
        return found[:, 0]
    turned = keys.transpose(1, 2)
    parts = []
    for part in queries.split(_QUERIES_AT_ONCE, dim=1):
        bias = log_counts.expand(len(part), part.shape[1], -1)
        parts.append(torch.baddbmm(bias, part, turned, alpha=scale).softmax(-1) @ values)
    return layer.values(torch.cat(parts, dim=1))


def _rows(tokens: Tokens, rows: slice) -> Tokens:
    return Tokens(tokens.values[rows], tuple(key[rows] for key in tokens.keys), tokens.log_counts)


def _stacked(found: Sequence[Tokens]) -> Tokens:
    keys = zip(*(tokens.keys for tokens in found), strict=True)
    return Tokens(
        torch.cat([tokens.values for tokens in found]), tuple(torch.cat(layer) for layer in keys), found[0].log_counts
    )
