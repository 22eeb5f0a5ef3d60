"""How long a person waits to see what a click does to its slice: the worker's `preview`, act by act.

    python -m training.preview_times --data DATA [--set msd_hippocampus|openkbp_hn_ct|trunks] [--acts 100] [--seed 0]

A made-up user goes through volumes of the tune role. On a random slice of a random structure they begin with half of
the truth, or with nothing, and click up to four times into the middle of the largest mistake that is left; then they go
to another slice. Told are the seconds of each request as the worker answers it, packing of the mask included, by
whether the slice was clicked in before, and the processor's own time, which other programs do not change.
"""

from __future__ import annotations

import argparse
import base64
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from RetrievalSAMLib.retrieval.evidence import MemoryCase
from RetrievalSAMLib.segmentation.prompts.click_masks import signed_distance
from RetrievalSAMLib.volumes import SliceFrame, choose_plane, write_volume
from RetrievalSAMLib.volumes.overlap import dice
from RetrievalSAMLib.worker.desk_parameters import Point, Preview
from RetrievalSAMLib.worker.jobs.kept import KeptNetworks
from RetrievalSAMLib.worker.jobs.previewing import preview
from RetrievalSAMLib.worker.protocol import Request
from RetrievalSAMLib.worker.task import Task
from training.first_case import TUNE, targets

_CLICKS = 4
_VOLUMES = 4
_LEAST_PIXELS = 20


@dataclass(frozen=True)
class Act:
    """One click.

    Attributes:
        seconds: Until its slice is there.
        processor_seconds: Of this process in that time: what it would be if nothing else ran, on one thread.
        first: Whether it was the first on that slice.
        dice: Of the slice after it.
    """

    seconds: float
    processor_seconds: float
    first: bool
    dice: float


def acts_on(
    case: MemoryCase, image: Path, kept: KeptNetworks, count: int, random: np.random.Generator
) -> Iterator[Act]:
    """So many clicks into one volume, which is in a file."""
    truth = case.segmentation
    frame = SliceFrame(truth.geometry, choose_plane(truth.geometry))
    masks = [frame.to_slices(truth.mask(place)) for place in range(len(truth.segments))]
    places = [(row, int(i)) for row, m in enumerate(masks) for i in np.flatnonzero(m.sum((1, 2)) >= _LEAST_PIXELS)]
    while count > 0:
        row, index = places[random.integers(len(places))]
        wanted = masks[row][index]
        before = wanted.copy() if random.random() < 0.5 else np.zeros_like(wanted)
        before[:, : int(np.argwhere(wanted).mean(axis=0)[1])] = False
        for act in clicked(wanted, before, truth.segments[row].name, index, frame, image, kept, min(count, _CLICKS)):
            yield act
            count -= 1


def clicked(
    wanted: np.ndarray,
    before: np.ndarray,
    name: str,
    index: int,
    frame: SliceFrame,
    image: Path,
    kept: KeptNetworks,
    most: int,
) -> Iterator[Act]:
    """Clicks into one slice, each into the largest mistake that is left."""
    shape = frame.from_slice(wanted).T.shape
    bits = base64.b64encode(np.packbits(frame.from_slice(before).T).tobytes()).decode() if before.any() else ""
    now, points = before, list[Point]()
    for number in range(most):
        points.append(into_mistake(wanted, now, name, frame, index))
        request = Request("0", "preview", Preview(str(image), bits, str(frame.plane), device="cpu", points=points))
        began, began_processor = time.perf_counter(), time.process_time()
        answer = preview(Task(request, lambda _event: None), kept)
        seconds, processor = time.perf_counter() - began, time.process_time() - began_processor
        flat = np.unpackbits(np.frombuffer(base64.b64decode(answer["mask"]), np.uint8), count=wanted.size)
        now = frame.to_slice(flat.reshape(shape).T != 0)
        yield Act(seconds, processor, number == 0, dice(now, wanted))
        if np.array_equal(now, wanted):
            return


def into_mistake(wanted: np.ndarray, now: np.ndarray, name: str, frame: SliceFrame, index: int) -> Point:
    """A point in the middle of what is missing or wrong, whichever is more."""
    missing, wrong = wanted & ~now, now & ~wanted
    inside = bool(missing.sum() >= wrong.sum())
    distance = signed_distance(np.pad(missing if inside else wrong, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(distance.argmax()), distance.shape)
    x, y, z = frame.geometry.index_to_lps(np.array(frame.voxel_index(index, int(row), int(column))))
    return Point(name, (float(x), float(y), float(z)), inside)


def told(what: str, acts: Sequence[Act]) -> str:
    """A line about some acts."""
    kinds = {"seconds": [one.seconds for one in acts], "of processor time": [one.processor_seconds for one in acts]}
    spread = "; ".join(
        f"{kind}: median {np.median(of):.3f}, 95 % {np.quantile(of, 0.95):.3f}, worst {max(of):.3f}"
        for kind, of in kinds.items()
    )
    return f"{what}: {len(acts)}, {spread}; Dice of the slice {np.mean([one.dice for one in acts]):.3f}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", choices=(*TUNE, "trunks"), default="msd_hippocampus")
    parser.add_argument("--acts", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    random, kept, found = np.random.default_rng(options.seed), KeptNetworks(), list[Act]()
    with tempfile.TemporaryDirectory() as folder:
        for number, case in enumerate(targets(options.data, options.set, "tune")):
            left = min(-(-options.acts // _VOLUMES), options.acts - len(found))
            image = Path(folder) / f"{number}.nrrd"
            write_volume(case.image, image)
            found += acts_on(case, image, kept, left, random)
            if len(found) >= options.acts:
                break
    first, rest = found[0], found[1:]
    print(f"{options.set}: the first act, which loads the network, {first.seconds:.2f} s")
    print(told("first clicks on a slice", [one for one in rest if one.first]))
    print(told("later clicks", [one for one in rest if not one.first]))
    print(told("all", rest))


if __name__ == "__main__":
    main()
