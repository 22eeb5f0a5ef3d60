"""Which image files of a folder belong to which segmentation files, by the names that people give them.

Understood, in the folder and those below it, with any ending that can be read:

```
X.nii.gz          X.seg.nrrd
X.nii.gz          X_seg, X-label, X_label, X_mask, X_segmentation, X_gt, ...
X_image.nii.gz    X_label.nii.gz                 (or X_img, X_volume, X_scan)
image.nii.gz      label.nii.gz                   in a folder of its own
images/X          labels/X (or masks, segmentations), also with the words above
imagesTr/X_0000   labelsTr/X                     (nnU-Net)
any name          any name                       where a folder holds one image and one segmentation
```

Only headers are read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library.names import natural_order
from RetrievalSAMLib.volumes.fitting import misplaced
from RetrievalSAMLib.volumes.formats.contents import VOLUME_ENDINGS, extension
from RetrievalSAMLib.volumes.formats.dicom.folder import holds_dicom
from RetrievalSAMLib.volumes.reading import read_information

_ENDINGS = VOLUME_ENDINGS
_LABEL_WORDS = (
    "seg|segs|segmentation|segmentations|label|labels|labelmap|mask|masks|gt|groundtruth|annotation|annotations"
)
_IMAGE_WORDS = "image|images|img|imgs|volume|volumes|scan|scans"
_LABEL_ENDING = re.compile(rf"(?:^|[-_. ])(?:{_LABEL_WORDS})$", re.IGNORECASE)
_IMAGE_ENDING = re.compile(rf"(?:^|[-_. ])(?:{_IMAGE_WORDS})$", re.IGNORECASE)
_LABEL_FOLDER = re.compile(rf"(?:{_LABEL_WORDS})[-_]?(tr|ts|va|train|val|test)?", re.IGNORECASE)
_IMAGE_FOLDER = re.compile(rf"(?:{_IMAGE_WORDS})[-_]?(tr|ts|va|train|val|test)?", re.IGNORECASE)
_CHANNEL = re.compile(r"_\d{4}$")
# Enough for any collection, and an end to a search that was started in the wrong place.
_MOST_FILES = 20_000


@dataclass(frozen=True)
class Pair:
    """An image with the segmentation that its name points to.

    Attributes:
        image: The image file.
        segmentation: The segmentation file.
        name: A neutral name for the case, `case-001` and so on: never the file's, which may name a patient.
        problem: Why the pair should not be added as it is, as a clause for the user; None where nothing is wrong.
    """

    image: Path
    segmentation: Path
    name: str
    problem: str | None


@dataclass(frozen=True)
class Pairs:
    """What a folder holds.

    Attributes:
        pairs: By the image's name; a segmentation is in one pair, an image in several where several
            segmentations fit it (each of these pairs has a problem).
        unpaired: Every other image or segmentation.
    """

    pairs: list[Pair]
    unpaired: list[Path]


@dataclass(frozen=True)
class _File:
    """A file with the names under which its partner may know it.

    Attributes:
        path: The file.
        places: Where its partner may be: (folder, "") for beside it, (folder above `images`, "tr") and the like.
        keys: In lower case, the likeliest first.
    """

    path: Path
    places: frozenset[tuple[Path, str]]
    keys: tuple[str, ...]


def find_pairs(folder: Path) -> Pairs:
    """Pair the images in a folder, and in those below it, with their segmentations.

    Raises:
        InputError: There is no such folder, it cannot be read, or it holds more files than a collection does.
    """
    images: list[_File] = []
    labels: list[_File] = []
    for path in _files(Path(folder)):
        is_label, file = _understood(path)
        (labels if is_label else images).append(file)
    matches = [(label.path, found) for label in labels if (found := _partners(label, images))]
    paired = {label for label, _ in matches}.union(*(found for _, found in matches))
    matches += [(label, [image]) for image, label in _alone_together(images, labels, paired)]
    matches.sort(key=lambda match: (_order(match[1][0]), _order(match[0])))
    labels_of: dict[Path, list[Path]] = {}
    for label, found in matches:
        labels_of.setdefault(found[0], []).append(label)
    pairs = [
        Pair(found[0], label, f"case-{number:03d}", _problem(label, found, labels_of[found[0]]))
        for number, (label, found) in enumerate(matches, start=1)
    ]
    used = {pair.image for pair in pairs} | {pair.segmentation for pair in pairs}
    unpaired = sorted((file.path for file in (*images, *labels) if file.path not in used), key=_order)
    return Pairs(pairs, unpaired)


def find_images(place: Path) -> list[Path]:
    """The images in a folder and those below it: files that are no segmentation by their name, and DICOM series.

    Args:
        place: The folder; of a file it tells whether it is an image.

    Returns:
        In natural order; a folder with DICOM slices, and without any other volume, stands for their series.

    Raises:
        InputError: It cannot be read, or it holds more files than a collection does.
    """
    if place.is_file():
        return [place] if place.name.lower().endswith(_ENDINGS) and not _understood(place)[0] else []
    images = [path for path in _files(place) if not _understood(path)[0]]
    with_files = {path.parent for path in images}
    for parent, below, names in os.walk(place):
        below[:] = [name for name in below if not name.startswith(".")]
        if names and Path(parent) not in with_files and holds_dicom(Path(parent)):
            images.append(Path(parent))
    return sorted(images, key=_order)


def _files(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise InputError(str(folder), "there is no such folder", "Choose the folder that holds the files.")

    def refuse(error: OSError) -> None:
        raise InputError(
            str(error.filename or folder),
            f"it cannot be read ({error.strerror or error})",
            "Check that you may read it, or choose another folder.",
        ) from error

    seen = 0
    for parent, below, names in os.walk(folder, onerror=refuse):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(names):
            if name.startswith(".") or not name.lower().endswith(_ENDINGS):
                continue
            seen += 1
            if seen > _MOST_FILES:
                raise InputError(
                    str(folder),
                    f"it holds more than {_MOST_FILES} volumes",
                    "Choose a folder further down.",
                )
            yield Path(parent, name)


def _order(path: Path) -> tuple[object, ...]:
    return (*(natural_order(part) for part in path.parts),)


def _understood(path: Path) -> tuple[bool, _File]:
    """Whether a file is a segmentation, and the file with where and under which name its partner may be.

    The file's ending and the words in its name count before the name of its folder: `scans/X_seg.nii.gz` is a
    segmentation. In a folder of labels all are, for there the images' names may have been kept.
    """
    stem = path.name[: -len(extension(path))]
    beside = (path.parent, "")
    is_label = extension(path) == ".seg.nrrd" or _LABEL_ENDING.search(stem) is not None
    if (role := _LABEL_FOLDER.fullmatch(path.parent.name)) is not None:
        part = (role[1] or "").lower()
        places = frozenset({beside, (path.parent.parent, part)})
        return True, _File(path, places, _keys(stem, True) if is_label else _keys(stem, False)[:2])
    role = None if is_label else _IMAGE_FOLDER.fullmatch(path.parent.name)
    places = frozenset({beside} if role is None else {beside, (path.parent.parent, (role[1] or "").lower())})
    return is_label, _File(path, places, _keys(stem, is_label))


def _keys(stem: str, is_label: bool) -> tuple[str, ...]:
    stripped = (_LABEL_ENDING if is_label else _IMAGE_ENDING).sub("", stem)
    keys = [stem, stripped] if is_label else [stem, stripped, _CHANNEL.sub("", stripped)]
    return tuple(dict.fromkeys(key.casefold() for key in keys))


def _partners(label: _File, images: list[_File]) -> list[Path]:
    """The images that fit a segmentation equally well, the best way that any fits; empty where none does."""
    near = [image for image in images if image.places & label.places]
    for key in label.keys:
        for rank in range(3):
            found = [image.path for image in near if image.keys[rank : rank + 1] == (key,)]
            if found:
                return sorted(found, key=_order)
    return []


def _alone_together(images: list[_File], labels: list[_File], paired: set[Path]) -> Iterator[tuple[Path, Path]]:
    """(image, segmentation) where a folder holds these two volumes and no other, whatever their names.

    So lie what Slicer saves: `CTChest.nrrd` and `Segmentation.seg.nrrd`.
    """
    held: dict[Path, tuple[list[Path], list[Path]]] = {}
    for number, files in enumerate((images, labels)):
        for file in files:
            held.setdefault(file.path.parent, ([], []))[number].append(file.path)
    for own_images, own_labels in held.values():
        if len(own_images) == len(own_labels) == 1 and not paired & {own_images[0], own_labels[0]}:
            yield own_images[0], own_labels[0]


def _problem(label: Path, images: list[Path], labels: list[Path]) -> str | None:
    if len(images) > 1:
        return f"{len(images)} images fit the segmentation: {_listed(images)}"
    if len(labels) > 1:
        return f"{len(labels)} segmentations fit the image: {_listed(labels)}"
    own, whole = read_information(label), read_information(images[0])
    # A header that is refused here may still be one that can be read with more care: adding it will tell.
    return None if own is None or whole is None else misplaced(own, whole)


def _listed(paths: list[Path]) -> str:
    names = [path.name for path in paths[:4]]
    return ", ".join(names) + (", ..." if len(paths) > 4 else "")
