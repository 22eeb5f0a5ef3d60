"""Cases of a library that show the same study as a new one: the same pixels, or nearly."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..alignment import SmallImage, align
from ..errors import DamagedLibraryError
from ..library.case import Case
from ..progress import Progress, silent
from ..volumes import SliceStack, Volume
from .gathering import EvidenceSource
from .pixel_sums import PixelSums

if TYPE_CHECKING:
    from .embedding import SliceEmbedder

ALIKE = 0.97
"""Correlation of two images, laid on each other, from which on they are taken for one study. People's hippocampi reach
0.5 to 0.7 with each other; one volume with noise, or cropped, 0.999 with itself."""

_WORTH_ALIGNING, _MOST_ALIGNED = 0.95, 2
"""Mean similarity of slices to the nearest of a case from which on the images are aligned, for so many cases at most.
One hippocampus cropped by a tenth has 0.97 with itself, two people's have up to 0.94."""

_FEW = slice(None, None, 7)

_STAGE = "comparing with the other cases"

Kind = Literal["image", "pixels", "alike"]


@dataclass(frozen=True)
class Likeness:
    """A case that shows the same.

    Attributes:
        case: Its name.
        kind: ``image``: same pixels on the same grid; ``pixels``: same pixels, turned, mirrored or placed elsewhere;
            ``alike``: nearly the same picture.
        correlation: Of the two images, laid on each other; 1 but for ``alike``.
        same_mask: Whether the segmentation is the same too (only told for ``image``).
    """

    case: str
    kind: Kind
    correlation: float
    same_mask: bool = False

    @property
    def text(self) -> str:
        """For the user: what is alike, and what it means."""
        if self.kind == "image":
            same = "the same image with the same segmentation" if self.same_mask else "the same image"
            return f"`{self.case}` holds {same}. {_ADVICE}"
        if self.kind == "pixels":
            return f"`{self.case}` holds the same pixels on another grid or in another orientation. {_ADVICE}"
        return (
            f"`{self.case}` looks nearly the same (correlation {self.correlation:.3f}): perhaps another version of "
            f"the same study. {_ADVICE}"
        )


_ADVICE = "Two cases of one study count twice; remove one of them unless that is meant."


def like_cases(
    new: Case,
    others: Sequence[Case],
    cache: Path,
    embedder: Callable[[], SliceEmbedder] | None,
    progress: Progress = silent,
) -> list[Likeness]:
    """The cases that show the same study as a new one.

    What is computed of every case is kept in the cache. A damaged case is passed over: `verify` tells of it.

    Args:
        new: A case of the library.
        others: Those to compare it with.
        cache: The library's folder of derived data.
        embedder: Makes one, for cases that are nearly the same; asked where there is a case to compare with. None
            compares pixels only.
        progress: Told how many cases are compared.
    """
    found: dict[str, Likeness] = {}
    known = PixelSums(cache)
    for number, other in enumerate(others):
        progress(_STAGE, number, 2 * len(others))
        if other.image_hash == new.image_hash:
            same = other.content_hash == new.content_hash
            found[other.name] = Likeness(other.name, "image", 1.0, same)
            continue
        try:
            if known.of(new) == known.of(other) and same_pixels(new.load_image(), other.load_image()):
                found[other.name] = Likeness(other.name, "pixels", 1.0)
        except DamagedLibraryError:
            continue
    rest = [other for other in others if other.name not in found]
    if embedder is not None and rest:
        for likeness in _nearly(new, rest, cache, embedder(), progress):
            found[likeness.case] = likeness
    return sorted(found.values(), key=lambda one: (-one.correlation, one.case))


def same_pixels(one: Volume, other: Volume) -> bool:
    """Whether two volumes hold the same pixels, turned or mirrored by whole right angles, wherever they lie."""
    a, b = one.voxels, other.voxels
    if sorted(a.shape) != sorted(b.shape) or (a.min(), a.max()) != (b.min(), b.max()):
        return False
    for axes in itertools.permutations(range(3)):
        turned = b.transpose(axes)
        if turned.shape != a.shape:
            continue
        for flips in itertools.product((1, -1), repeat=3):
            flipped = turned[:: flips[0], :: flips[1], :: flips[2]]
            # A few voxels tell nearly all wrong ways apart; volumes are large.
            if np.array_equal(a[_FEW, _FEW, _FEW], flipped[_FEW, _FEW, _FEW]) and np.array_equal(a, flipped):
                return True
    return False


def _nearly(
    new: Case, others: Sequence[Case], cache: Path, embedder: SliceEmbedder, progress: Progress
) -> list[Likeness]:
    # Slices are compared along the plane of the new case, whichever the other one is drawn in.
    source = EvidenceSource(new.plane, embedder, cache)
    own = source.of(new).embeddings
    likely: list[tuple[float, Case]] = []
    for number, other in enumerate(others):
        progress(_STAGE, len(others) + number, 2 * len(others))
        try:
            theirs = source.of(other).embeddings
        except DamagedLibraryError:
            continue
        similarity = own @ theirs.T
        # Either may be a part of the other.
        nearest = max(float(similarity.max(axis=1).mean()), float(similarity.max(axis=0).mean()))
        if nearest >= _WORTH_ALIGNING:
            likely.append((nearest, other))
    likely.sort(key=lambda item: (-item[0], item[1].name))
    found = []
    here = SmallImage.of(SliceStack.of(new.load_image(), new.plane)) if likely else None
    for _, other in likely[:_MOST_ALIGNED]:
        assert here is not None
        there = SmallImage.of(SliceStack.of(other.load_image(), new.plane))
        # What lies outside the moving image counts as 0, so that the smaller one is to be laid into the larger.
        smaller, larger = sorted((here, there), key=lambda image: float(np.prod(image.extent_mm)))
        correlation = align(smaller, larger).similarity
        if correlation >= ALIKE:
            found.append(Likeness(other.name, "alike", round(correlation, 4)))
    return found
