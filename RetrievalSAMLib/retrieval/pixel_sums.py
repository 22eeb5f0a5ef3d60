"""A number for the pixels of each case, whichever way they lie: cases whose numbers differ need not be compared."""

from __future__ import annotations

import logging
import re
import zlib
from pathlib import Path

import numpy as np

from ..library.case import Case
from ..volumes import Volume

FILE = "pixel_sums.txt"
_LINE = re.compile(r"(([0-9a-f]{64}) ([0-9x]{5,40}-[0-9a-f]{16})) ([0-9a-f]{8})")
_LOG = logging.getLogger(__name__)


def pixel_sum(volume: Volume) -> str:
    """Equal for volumes that hold the same pixels, turned or mirrored by whole right angles.

    The sides, and the sum over all voxels of a hash of their values (SplitMix64's mixing of the bits of the value as
    float64; Steele, Lea and Flood, OOPSLA 2014), modulo 2^64: a sum has no order.
    """
    total = 0
    for part in volume.voxels:
        # -0 and 0 are one value with two sets of bits.
        bits = (part.astype(np.float64) + 0.0).view(np.uint64)
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        total += int((bits ^ (bits >> np.uint64(31))).sum(dtype=np.uint64))
    sides = "x".join(map(str, sorted(volume.voxels.shape)))
    return f"{sides}-{total % (1 << 64):016x}"


def _seal(line: str) -> str:
    return f"{zlib.crc32(line.encode('ascii')):08x}"


class PixelSums:
    """The numbers of the cases of a library, each worked out once.

    They are lines of a text file that only grows: derived, and a line that cannot be read counts for nothing.

    Args:
        cache: The library's folder of derived data.
    """

    def __init__(self, cache: Path) -> None:
        self._file = cache / FILE
        try:
            lines = self._file.read_text(encoding="ascii", errors="replace").splitlines()
        except OSError:
            lines = []
        found = [match for line in lines if (match := _LINE.fullmatch(line)) and match[4] == _seal(match[1])]
        self._known: dict[str, str] = {match[2]: match[3] for match in found}

    def of(self, case: Case) -> str:
        """The number of a case's image.

        Raises:
            DamagedLibraryError: It had to be read, and is missing or not what was written.
        """
        if case.image_hash not in self._known:
            found = pixel_sum(case.load_image())
            self._known[case.image_hash] = found
            try:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                with self._file.open("ab") as stream:
                    # Another program may have been killed in the middle of a line.
                    line = f"{case.image_hash} {found}"
                    stream.write(f"\n{line} {_seal(line)}\n".encode("ascii"))
            except OSError as error:
                _LOG.warning("what was computed of a case cannot be kept (%s)", type(error).__name__)
        return self._known[case.image_hash]
