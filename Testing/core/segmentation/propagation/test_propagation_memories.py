from __future__ import annotations

import torch

from RetrievalSAMLib.models.build import random_segmenter
from RetrievalSAMLib.retrieval.index import SliceRetrieval, Support
from RetrievalSAMLib.segmentation.engines.interface import ImageFeatures, MemoryBank
from RetrievalSAMLib.segmentation.memory.support_memories import MemoryStore
from RetrievalSAMLib.segmentation.propagation.propagation import Propagation
from RetrievalSAMLib.segmentation.sam2.engine import Sam2Engine
from RetrievalSAMLib.segmentation.settings.presets import Settings

SLICES, START, SPAN = 11, 8, 4


class Recording(Sam2Engine):
    """Notes what every slice attends to, and how many memories are held meanwhile."""

    def attend(self, features: ImageFeatures, bank: MemoryBank) -> torch.Tensor:
        self.spatial_times.append([entry.time for entry in bank.spatial])
        self.pointer_count.append(len(bank.pointers))
        return super().attend(features, bank)

    def __init__(self) -> None:
        super().__init__(random_segmenter("bundled", 128).model)
        self.spatial_times: list[list[int]] = []
        self.pointer_count: list[int] = []


@torch.inference_mode()
def test_way_forward_starts_on_memories_of_the_way_back_and_none_are_hoarded() -> None:
    engine = Recording()
    settings = Settings(
        "test", supports=1, propagated_memories=2, gate=0.0, remember_absence=True, voters=0, score_weight=1.0
    )
    retrieval = [[SliceRetrieval((Support(0, 0, 1.0),), 1.0, 1.0)]] * SLICES
    images = torch.rand(SLICES + 1, 128, 128, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(1, 128, 128)
    mask[:, 30:60, 30:60] = 1
    with MemoryStore(limit_bytes=1 << 30) as store:
        store.put((0, 0), engine.encode_support(engine.encode_images(images[-1:]), mask).rounded())
        run = Propagation(
            engine,
            store,
            retrieval,
            lambda i: engine.encode_images(images[i : i + 1]),
            settings,
            pointer_span=SPAN,
        )
        order, held = [], []
        for found in run.run(START):
            order.append(found.index)
            held.append(len(run._past[0]))
    assert order == [*range(START, -1, -1), *range(START + 1, SLICES)]
    # The support at time 0, then the slices that lie 2 and 1 back.
    assert engine.spatial_times == [[0], [0, 1], *[[0, 2, 1]] * (SLICES - 2)]
    assert engine.pointer_count == [1, 2, 3, *[4] * (SLICES - 3)]
    assert max(held) <= 2 * (SPAN - 1)
