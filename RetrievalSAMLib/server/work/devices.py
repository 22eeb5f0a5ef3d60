"""The devices that a server computes on, as `--device` names them: each has a worker process of its own.

A worker that has a card of several sees that card alone (`CUDA_VISIBLE_DEVICES`), so nothing of its runs can stray to
another one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import InputError
from ...side_by_side import available_processors

_OPTION = "--device"
_CARD = re.compile(r"cuda:([0-9]{1,3})")
_ALONE = ("auto", "cuda", "mps")
_VISIBLE, _ORDER, _THREADS = "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "OMP_NUM_THREADS"


@dataclass(frozen=True)
class Device:
    """One device.

    Attributes:
        name: For people: as it was given, numbered where it was given more than once.
        kind: What its worker is told: auto, cpu, cuda or mps.
        card: Number of the graphics card, None where none was named.
        threads: That its worker may use, None for as many as one worker takes by itself.
    """

    name: str
    kind: str
    card: int | None = None
    threads: int | None = None

    @property
    def variables(self) -> dict[str, str]:
        """What its worker finds in its environment, beside what there is."""
        found = {}
        if self.threads is not None and _THREADS not in os.environ:
            found[_THREADS] = str(self.threads)
        if self.card is not None:
            shown = _shown_cards()
            found[_VISIBLE] = str(self.card) if shown is None else shown[self.card]
            if shown is None and _ORDER not in os.environ:
                found[_ORDER] = "PCI_BUS_ID"  # the numbers of nvidia-smi
        return found


def devices_of(names: Sequence[str]) -> tuple[Device, ...]:
    """The devices of a server.

    Args:
        names: As they were given: auto, cpu, cuda, mps, or cuda:0 and so on. Several workers may share the processors,
            if `cpu` stands there more than once; no card has more than one.

    Raises:
        InputError: There is no such device, or two names may mean the same card.
    """
    threads = max(1, available_processors() // (len(names) + 1)) if len(names) > 1 else None
    found: list[Device] = []
    for place, name in enumerate(names):
        card = _CARD.fullmatch(name)
        if card is None and name not in (*_ALONE, "cpu"):
            remedy = "Use auto, cpu, cuda, mps, or cuda:0, cuda:1 and so on."
            raise InputError(_OPTION, f"'{name}' is no device", remedy)
        if len(names) > 1 and name in _ALONE:
            remedy = "Give it alone, or name every card: --device cuda:0 --device cuda:1."
            raise InputError(_OPTION, f"'{name}' may be the same card as another that is named", remedy)
        if card is None:
            number = f" {names[: place + 1].count(name)}" if names.count(name) > 1 else ""
            found.append(Device(f"{name}{number}", name, threads=threads))
            continue
        device = Device(f"cuda:{int(card[1])}", "cuda", int(card[1]), threads)
        if device in found:
            raise InputError(_OPTION, f"'{name}' is named twice", "One card does one run at a time: name it once.")
        shown = _shown_cards()
        if shown is not None and int(card[1]) >= len(shown):
            fact = f"{_VISIBLE} shows {len(shown)} cards, and '{name}' is none of them"
            raise InputError(_OPTION, fact, "They are counted from 0 in the order of that variable.")
        found.append(device)
    return tuple(found)


def _shown_cards() -> list[str] | None:
    """What `CUDA_VISIBLE_DEVICES` shows, None where it is not set."""
    shown = os.environ.get(_VISIBLE)
    return None if shown is None else [one.strip() for one in shown.split(",") if one.strip()]
