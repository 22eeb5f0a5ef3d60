"""One volume of a batch, from the file to its result: what a process is given to do, over and over."""

from __future__ import annotations

import gc
import os
import threading
from functools import lru_cache
from pathlib import Path

import torch

from .. import __version__
from ..drawing import Strip, draw_strip
from ..errors import InputError, RetrievalSAMError
from ..library.case import Case
from ..library.store import SupportLibrary
from ..out_of_memory import is_out_of_memory
from ..segmentation.pipeline import segment_volume
from ..segmentation.presets import preset as preset_of
from ..segmentation.usual import usual_options
from ..volumes import Plane, Segmentation, SliceStack, Volume, read_segmentation, read_volume, shown_color, write_staged
from ..worker.faults import fault_of
from ..worker.jobs.kept import KeptNetworks
from ..worker.jobs.segmenting import networks_of
from .items import Item
from .order import Order, fingerprint, library_key
from .results import FAILED, Outcome, Results

SHOWN = 6
"""Slices in a picture."""

_SHORTEST_NAME = 3
"""Of a file, to be worth hiding: a shorter one is a number, which messages are full of."""

_ONE_AT_A_TIME = threading.Lock()


class ItemFault(Exception):
    """A volume could not be segmented for a reason that may be gone the next time (a drive, memory).

    Args:
        told: The reason in words, without names.
        details: Lines of code, where the program is to blame.
    """

    def __init__(self, told: str, details: str) -> None:
        super().__init__(told, details)
        self.told, self.details = told, details


class Seat:
    """What a process holds from one volume to the next: the library as it was opened, and the networks."""

    def __init__(self, order: Order) -> None:
        self.order = order
        if order.version != __version__:
            raise InputError(
                "this computer", f"it has RetrievalSAM {__version__}, not {order.version}", "Install the same version."
            )
        self.library = SupportLibrary.open(order.library)
        self.cases: list[Case] = self.library.cases()
        if library_key(self.cases) != order.library_key:
            raise InputError("library", "it has changed since the batch began", "Run the same command again.")
        self.networks = KeptNetworks()

    def segment(self, item: Item) -> Outcome:
        """Segment a volume and keep the result, unless it is there.

        Raises:
            InputError: The volume, or what was chosen, cannot be used.
        """
        order, results = self.order, Results(self.order.folder)
        target = read_volume(item.path)
        networks = networks_of(order, target.geometry)
        wanted = fingerprint(order, networks, target.content_hash(), item.region)
        before = results.finished(item.id, wanted)
        if before is not None:
            if not results.picture(item.id).is_file():
                found = read_segmentation(results.segmentation(item.id), allow_empty=True)
                _draw(target, found, before.plane, results.picture(item.id))
            return Outcome.of(before, kept=True)
        torch.manual_seed(order.seed)
        options = usual_options(
            self.library,
            plane=None if order.plane == "auto" else Plane(order.plane),
            segments=order.segments,
            roi=item.region,
            seed=order.seed,
            state=None,  # thousands would only push each other out of the cache
        )
        models = self.networks.get(*networks.key)
        result = segment_volume(target, self.cases, models, preset_of(order.preset), options)
        shown = _draw(target, result.segmentation, result.report.plane, results.picture(item.id))
        return Outcome.of(results.keep(item.id, wanted, result, shown), kept=False)


@lru_cache(maxsize=1)
def seat_of(order: Order) -> Seat:
    """The one of this process, made when it is first needed."""
    return Seat(order)


def segment_item(order: Order, item: Item) -> Outcome:
    """Segment one volume, unless its result is there; wrong input is an outcome too.

    Raises:
        ItemFault: It did not work, but may if it is tried again.
    """
    with _ONE_AT_A_TIME:
        try:
            return seat_of(order).segment(item)
        except RetrievalSAMError as error:
            return Outcome(item.id, FAILED, error=without_names(fault_of(error, None).message, item.path))
        except Exception as error:  # what it holds must not travel, nor get into a log
            if is_out_of_memory(error):
                seat_of.cache_clear()
            fault = fault_of(error, None)
            raise ItemFault(without_names(fault.message, item.path), fault.details) from None
        finally:
            gc.collect()  # as worker.jobs does


def without_names(message: str, path: Path) -> str:
    """A message in which neither the volume's path nor the names of its slices stand."""
    message = message.replace(str(path), "the volume")
    names = [path.name, *(os.listdir(path) if path.is_dir() else ())]
    for name in sorted((name for name in names if len(name) >= _SHORTEST_NAME), key=len, reverse=True):
        message = message.replace(name, "...")
    return message


def _draw(target: Volume, found: Segmentation, plane: str, file: Path) -> tuple[int, ...]:
    """Write the picture of a result; gives the slices on it, as their file counts them."""
    stack = SliceStack.of(target, Plane(plane))
    masks = [stack.frame.to_slices(found.mask(number)) for number in range(len(found.segments))]
    strip = Strip(stack, masks, [shown_color(one.color, one.value) for one in found.segments], SHOWN)
    write_staged(file, lambda staged: draw_strip(strip, staged))
    return tuple(stack.frame.file_index(index) for index in strip.shown)
