"""MSD Task04, the hippocampus of the Medical Segmentation Decathlon: from a folder, or downloaded once.

Simpson et al., "A large annotated medical image dataset for the development and evaluation of segmentation
algorithms", arXiv 1902.09063. MR T1, cropped around one hippocampus, 1 mm, licence CC BY-SA 4.0. The data is
not part of RetrievalSAM; what is downloaded stays in the user's cache folder.
"""

from __future__ import annotations

import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
import pooch
import requests

from ..errors import InputError
from ..models.download import quiet_pooch
from ..progress import Progress, silent
from ..segmentation.settings.cache_space import user_cache_folder
from ..volumes import Segment, Segmentation, check_same_grid, read_segmentation, read_volume
from .subject import Subject, anatomy

URL = "https://msd-for-monai.s3-us-west-2.amazonaws.com/Task04_Hippocampus.tar"
MD5 = "9d24dba78a72977dbd1d2e110310f31b"

_ANTERIOR, _POSTERIOR = ("255549009", "Anterior"), ("255551008", "Posterior")
SEGMENTS = (
    Segment("Anterior hippocampus", 1, (0.95, 0.62, 0.25), anatomy("5366008", "Hippocampus", _ANTERIOR)),
    Segment("Posterior hippocampus", 2, (0.30, 0.72, 0.93), anatomy("5366008", "Hippocampus", _POSTERIOR)),
)

_TIMEOUT_SECONDS = (15, 60)
_MAX_MEMBER_BYTES = 64 << 20
# The published archive also holds what macOS adds: "._hippocampus_001.nii.gz".
_CASE_FILE = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]*)\.nii\.gz")
_REMEDY = (
    "Get Task04_Hippocampus.tar of the Medical Segmentation Decathlon (medicaldecathlon.com) on a machine "
    "with a network, unpack it, and give the folder with --from FOLDER."
)


@dataclass(frozen=True)
class CaseFiles:
    """The two files of an annotated case."""

    image: Path
    label: Path


def load_hippocampus(
    count: int,
    source: Path | None = None,
    *,
    cache: Path | None = None,
    url: str = URL,
    md5: str = MD5,
    progress: Progress = silent,
) -> Iterator[Subject]:
    """The first annotated cases, by the names of their files; they are called "case-001" and so on.

    Args:
        count: How many.
        source: A folder: Task04_Hippocampus as it is published (imagesTr, labelsTr), one that holds it, or
            files named <case>_image.nii.gz and <case>_label.nii.gz. None: what was downloaded before, else
            download.
        cache: Where downloaded cases are kept; in the user's cache folder unless given.
        url: Where the archive is published.
        md5: Its checksum.
        progress: Told of the bytes that came, then of each case read.

    Yields:
        The cases, read one at a time.

    Raises:
        InputError: The folder is missing or has too few cases, a case cannot be used, or nothing can be
            downloaded.
    """
    if source is not None:
        cases, place = find_cases(source), str(source)
    else:
        folder = cache or user_cache_folder() / "hippocampus"
        cases, place = _downloaded(folder, count, url, md5, progress), str(folder)
    if len(cases) < count:
        raise InputError(
            place,
            f"it has {len(cases)} annotated cases, and {count} are needed",
            "Give a folder with more of them: imagesTr and labelsTr of MSD Task04, or files named "
            "<case>_image.nii.gz and <case>_label.nii.gz.",
        )
    for number, files in enumerate(cases[:count], start=1):
        yield _read(files, f"case-{number:03d}")
        progress("reading cases", number, count)


def find_cases(source: Path) -> list[CaseFiles]:
    """The annotated cases of a folder, by name.

    Args:
        source: As in `load_hippocampus`.

    Raises:
        InputError: The folder is missing or cannot be read.
    """
    if not source.is_dir():
        fact = "it is a file, not a folder" if source.exists() else "there is no such folder"
        raise InputError(str(source), fact, _REMEDY)
    try:
        for folder in (source, source / "Task04_Hippocampus"):
            if (folder / "imagesTr").is_dir():
                return _pairs(folder / "imagesTr", folder / "labelsTr", ".nii.gz", ".nii.gz")
        return _pairs(source, source, "_image.nii.gz", "_label.nii.gz")
    except OSError as error:
        raise InputError(
            str(source), f"it cannot be read ({error.strerror or error})", "Check the rights of the folder."
        ) from error


def _pairs(images: Path, labels: Path, image_ending: str, label_ending: str) -> list[CaseFiles]:
    cases = []
    for image in sorted(images.iterdir(), key=lambda path: path.name):
        if not image.name.endswith(image_ending) or image.name.startswith("."):
            continue
        label = labels / (image.name.removesuffix(image_ending) + label_ending)
        if label.is_file():
            cases.append(CaseFiles(image, label))
    return cases


def _read(files: CaseFiles, name: str) -> Subject:
    image, labels = read_volume(files.image), read_segmentation(files.label)
    check_same_grid(image.geometry, str(files.image), labels.geometry, str(files.label))
    known = {segment.value: segment for segment in SEGMENTS}
    strange = [segment.value for segment in labels.segments if segment.value not in known]
    if strange:
        raise InputError(
            str(files.label),
            f"it has the label {strange[0]}, and hippocampus labels are 1 (anterior) and 2 (posterior)",
            "Give the files of MSD Task04.",
        )
    # Every case has both segments, also where a label map does not reach one of them.
    masks = {labels.segments[n].value: labels.mask(n) for n in range(len(labels.segments))}
    present = tuple(segment for segment in SEGMENTS if segment.value in masks)
    if present == SEGMENTS:
        named = replace(labels, segments=tuple(known[segment.value] for segment in labels.segments))
    else:
        empty = np.zeros(image.geometry.size, dtype=bool)
        named = Segmentation.from_masks(
            SEGMENTS, [masks.get(segment.value, empty) for segment in SEGMENTS], labels.geometry
        )
    return Subject(name, image, named)


def _downloaded(folder: Path, count: int, url: str, md5: str, progress: Progress) -> list[CaseFiles]:
    """Cases in the cache folder; fetched first where there are too few."""
    if folder.is_dir():
        cases = find_cases(folder)
        if len(cases) >= count:
            return cases
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="task04-") as temporary:
            archive = _fetch(Path(temporary), url, md5, progress)
            _unpack(archive, folder, count)
    except OSError as error:
        raise InputError(
            str(folder), f"the hippocampus data cannot be kept there ({error.strerror or error})",
            "Make room on the disk, or give a folder that holds the data with --from FOLDER.",
        ) from error  # fmt: skip
    return find_cases(folder)


def _fetch(folder: Path, url: str, md5: str, progress: Progress) -> Path:
    downloader = pooch.HTTPDownloader(progressbar=_ByteProgress(progress), timeout=_TIMEOUT_SECONDS)
    with quiet_pooch():
        try:
            return Path(
                pooch.retrieve(url, known_hash=f"md5:{md5}", fname="Task04.tar", path=folder, downloader=downloader)
            )
        except requests.exceptions.HTTPError as error:
            answer = error.response.status_code if error.response is not None else "an error"
            fact = f"the server answered {answer}"
        except requests.exceptions.RequestException:
            fact = "it cannot be reached, or the connection broke"
        except ValueError:
            fact = "what came is not the published archive (another checksum); a firewall may have answered"
    raise InputError(url, fact, _REMEDY)


class _ByteProgress:
    """What pooch takes for a progress bar, passed on as a `Progress`."""

    def __init__(self, progress: Progress) -> None:
        self.total = 0
        self._done = 0
        self._progress = progress

    def update(self, count: int) -> None:
        """Some more bytes are here."""
        self._done = min(self._done + count, self.total) if self.total else self._done + count
        self._progress("downloading", self._done, max(self.total, self._done))

    def reset(self) -> None:
        """Pooch counts again from nothing before it reports the whole."""
        self._done = 0

    def close(self) -> None:
        """Nothing to close."""


def _unpack(archive: Path, folder: Path, count: int) -> None:
    """Take the first cases out of the archive, under names of ours; nothing else in it touches the disk."""
    try:
        with tarfile.open(archive) as tar:
            members = {
                PurePosixPath(member.name).parts[-2:]: member
                for member in tar
                if member.isfile() and member.size <= _MAX_MEMBER_BYTES
            }
            names = sorted(
                parts[1]
                for parts in members
                if len(parts) == 2 and parts[0] == "imagesTr" and ("labelsTr", parts[1]) in members
            )
            cases = [match[1] for name in names if (match := _CASE_FILE.fullmatch(name))]
            for case in cases[:count]:
                for part, kind in (("labelsTr", "label"), ("imagesTr", "image")):
                    member = members[(part, f"{case}.nii.gz")]
                    _copy_out(tar, member, folder / f"{case}_{kind}.nii.gz")
    except (tarfile.TarError, EOFError) as error:
        raise InputError(archive.name, f"the archive cannot be read ({error})", _REMEDY) from error


def _copy_out(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    content = tar.extractfile(member)
    if content is None:
        raise tarfile.ReadError(f"{member.name} is not a file")
    staged = target.with_name(f".{target.name}.part")
    try:
        with content, staged.open("wb") as out:
            shutil.copyfileobj(content, out)
        staged.replace(target)
    finally:
        staged.unlink(missing_ok=True)
