"""One volume of a batch, from the file to its result: what a process is given to do, over and over."""

from __future__ import annotations

import gc
import os
import threading
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import torch

from .. import __version__
from ..drawing import Strip, draw_strip
from ..errors import InputError, RetrievalSAMError
from ..learning.expert.opinion import LearnedOpinion
from ..learning.use import opinion_of
from ..library.case import Case
from ..library.store import SupportLibrary
from ..models import catalogue
from ..out_of_memory import is_out_of_memory
from ..segmentation.output.report import SegmentationReport
from ..segmentation.pipeline import segment_volume
from ..segmentation.settings.default_options import usual_options
from ..segmentation.settings.presets import preset as preset_of
from ..segmentation.settings.tuning import Tuning
from ..tuning.use import tuning_of
from ..volumes import Plane, Segmentation, SliceStack, Volume, read_segmentation, shown_color, write_staged
from ..worker.faults import fault_of
from ..worker.jobs.kept import KeptNetworks, Key
from ..worker.jobs.segmenting import Networks, networks_of
from .items import Item
from .order import Order, fingerprint, library_key
from .results import FAILED, Outcome, Results
from .review.choosing import SHOWN, shown_slices
from .review.sheets import draw_sheets

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
        self._experts: dict[str, LearnedOpinion | None] = {}
        self._tunings: dict[Key, Tuning | None] = {}

    def segment(self, item: Item) -> Outcome:
        """Segment a volume and keep the result, unless it is there.

        Raises:
            InputError: The volume, or what was chosen, cannot be used.
        """
        order, results = self.order, Results(self.order.folder)
        reading = order.reading if item.series is None else replace(order.reading, series=item.series)
        target = reading.read_among_others(item.path)
        told = tuple(without_names(note, item.path) for note in target.notes)
        networks = networks_of(order, target.geometry)
        expert = self._expert(networks)
        tuning = self._tuning(networks)
        known = [None if one is None else one.sha256 for one in (expert, tuning)]
        wanted = fingerprint(order, networks, target.content_hash(), item.region, *known)
        before = results.finished(item.id, wanted)
        if before is not None:
            if not results.is_pictured(before):
                found = read_segmentation(results.segmentation(item.id), allow_empty=True)
                _draw(target, found, before, results, item.id)
            return Outcome.of(before, kept=True, notes=told)
        torch.manual_seed(order.seed)
        options = usual_options(
            self.library,
            plane=None if order.plane == "auto" else Plane(order.plane),
            segments=order.segments,
            roi=item.region,
            seed=order.seed,
            trust_header=order.trust_header,
            cleaning=order.cleaning,
            state=None,  # thousands would only push each other out of the cache
            tuning=tuning,
        )
        models = self.networks.get(*networks.key)
        settings = preset_of(order.preset)
        settings = settings if tuning is None else tuning.applied(settings)
        result = segment_volume(target, self.cases, models, settings, options, opinion=expert)
        _draw(target, result.segmentation, result.report, results, item.id)
        return Outcome.of(results.keep(item.id, wanted, target, result), kept=False, notes=told)

    def _expert(self, networks: Networks) -> LearnedOpinion | None:
        """What the library has learned: read once, so that a batch has one expert from its first volume to its last."""
        if not self.order.learned:
            return None
        if networks.model not in self._experts:
            segmenter = catalogue.get(networks.model, "segmenter").sha256
            settings = preset_of(self.order.preset)
            self._experts[networks.model] = opinion_of(self.library, self.cases, settings, segmenter, networks.device)
        return self._experts[networks.model]

    def _tuning(self, networks: Networks) -> Tuning | None:
        """What the library has tuned for these networks: read once, likewise."""
        if not self.order.learned:
            return None
        if networks.key not in self._tunings:
            segmenter = catalogue.get(networks.model, "segmenter")
            self._tunings[networks.key] = tuning_of(
                self.library,
                self.cases,
                preset_of(self.order.preset),
                segmenter.sha256,
                networks.image_size or segmenter.image_size,
                catalogue.get(networks.encoder, "encoder").sha256,
            )
        return self._tunings[networks.key]


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


def _draw(target: Volume, found: Segmentation, report: SegmentationReport, results: Results, item_id: str) -> None:
    """Write the pictures of a result: the slices to look at first side by side, and sheets of all slices."""
    stack = SliceStack.of(target, Plane(report.plane))
    masks = [stack.frame.to_slices(found.mask(number)) for number in range(len(found.segments))]
    colors = [shown_color(one.color, one.value) for one in found.segments]
    draw_sheets(stack, masks, colors, results.pages, item_id)
    shown = sorted(map(stack.frame.slice_index, shown_slices(report)))
    if shown:
        strip = Strip(stack, masks, colors, shown, SHOWN)
        write_staged(results.picture(item_id), lambda staged: draw_strip(strip, staged))
