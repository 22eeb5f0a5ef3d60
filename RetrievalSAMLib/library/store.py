"""The support library: a folder of annotated cases that belongs to the user.

```
library.json, library.json.sha256     what the folder is
cases/<uuid>/case.json, .sha256       one case: names, segments, versions, sha256 of its files
cases/<uuid>/v1/                      image.nrrd, segmentation.seg.nrrd
cases/<uuid>/v2/                      segmentation.seg.nrrd of a correction
cache/                                derived, may be deleted at any time
learned/                              the expert trained on the cases (`learned_files.py`)
tuned/                                settings fitted to the cases, by model and preset (`tuned_files.py`)
trash/                                removed cases, until emptied
quarantine/                           damaged cases that a repair took out, each with a note
.lock, .writer.json                   one writer at a time, and who it is
.staging/, .arriving/                 what is being written; cases of an import on their way into `cases`
```

A case is built in `.staging`, synced to the disk and renamed into `cases`, so readers need no lock and never
see half of one. What an interrupted writer leaves in `.staging` is no part of the library; the next writer
deletes it (`folders.py`).
"""

from __future__ import annotations

import contextlib
import logging
import os
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library.case import Case
from RetrievalSAMLib.library.catalogue import FILE as CATALOGUE_FILE
from RetrievalSAMLib.library.catalogue import Catalogue
from RetrievalSAMLib.library.files import (
    checksum_file,
    delete_folder,
    explained,
    move_folder,
    new_staging,
    read_with_checksum,
    sync_folder,
    sync_tree,
    write_with_checksum,
)
from RetrievalSAMLib.library.find import (
    case_folders,
    check_name_is_free,
    find,
    find_folder,
    id_prefix,
    in_order,
)
from RetrievalSAMLib.library.folders import Folders, check_empty
from RetrievalSAMLib.library.format import (
    CASE_FILE,
    LIBRARY_FILE,
    CaseRecord,
    CaseSegment,
    LibraryRecord,
    Provenance,
    damaged,
    decode_library,
    encode,
    now,
)
from RetrievalSAMLib.library.learned_files import LearnedFiles
from RetrievalSAMLib.library.names import checked_modality, checked_name, numbered_name
from RetrievalSAMLib.library.segments import merge_segments, segments_of
from RetrievalSAMLib.library.tuned_files import TunedFiles
from RetrievalSAMLib.library.upkeep.damage import Damage, find_damage

if TYPE_CHECKING:
    from RetrievalSAMLib.library.adding.describe import AnnotatedSlices
    from RetrievalSAMLib.volumes import Plane, Segment, Segmentation, Volume

LOCK_TIMEOUT_SECONDS = 60.0
DEFAULT_NAME = "Support library"
_LOG = logging.getLogger(__name__)


class SupportLibrary:
    """A support library on disk. Several programs may use one library at once.

    Attributes:
        path: The library's folder.
        record: What its `library.json` holds.
        lock_timeout_seconds: How long to wait while another program writes.

    Example:
        >>> library = SupportLibrary.create("liver-library")
        >>> case = library.add(read_volume("ct.nrrd"), read_segmentation("ct.seg.nrrd"), modality="CT")
        >>> case.name
        'case-001'
    """

    def __init__(
        self, path: Path, record: LibraryRecord, *, lock_timeout_seconds: float = LOCK_TIMEOUT_SECONDS
    ) -> None:
        self.path = path
        self.record = record
        self.lock_timeout_seconds = lock_timeout_seconds
        self._folders = Folders(path)
        self._told: set[str] = set()

    @classmethod
    def create(cls, path: str | os.PathLike[str], name: str | None = None) -> SupportLibrary:
        """Make an empty library in a new or empty folder.

        Args:
            path: The folder; missing parents are made.
            name: The library's name for people; `Support library` unless given.

        Raises:
            InputError: The folder holds something, or cannot be written.
        """
        folder = Path(path)
        record = LibraryRecord(name=checked_name(name or DEFAULT_NAME, "library name"), created=now())
        with explained(folder):
            if folder.exists() and not folder.is_dir():
                raise InputError(str(path), "it is a file, not a folder", "Choose a new folder for the library.")
            folder.mkdir(parents=True, exist_ok=True)
            sync_folder(folder.parent)
        library = cls(folder, record)
        check_empty(folder)
        with library._writing():
            check_empty(folder)
            for part in (library._folders.cases, library._folders.trash):
                part.mkdir(exist_ok=True)
            sync_folder(folder)
            # The folder is a library from the moment that this file is there, so it comes last.
            write_with_checksum(folder / LIBRARY_FILE, encode(record), library._folders.staging)
        return library

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> SupportLibrary:
        """Open a library.

        Raises:
            InputError: The folder is missing, is not a library, or is of a newer format version.
            DamagedLibraryError: Its `library.json` is damaged.
        """
        folder = Path(path)
        remedy = "Check the path, or create a library there."
        file = folder / LIBRARY_FILE
        with explained(folder):
            if not folder.is_dir():
                raise InputError(str(path), "there is no such folder", remedy)
            try:
                record = decode_library(read_with_checksum(file), str(file))
            except FileNotFoundError:
                if checksum_file(file).exists() and Folders(folder).cases.is_dir():
                    raise damaged(str(file), "it is missing") from None
                fact = f"it is not a support library (it has no {LIBRARY_FILE})"
                raise InputError(str(path), fact, remedy) from None
        if not Folders(folder).cases.is_dir():
            raise damaged(str(Folders(folder).cases), "the folder is missing")
        library = cls(folder, record)
        library._folders.finish_interrupted()
        return library

    @property
    def name(self) -> str:
        """The library's name."""
        return self.record.name

    @property
    def cache_dir(self) -> Path:
        """Where derived data may be kept; may be missing, and may be deleted at any time."""
        return self._folders.cache

    @property
    def learned(self) -> LearnedFiles:
        """The files of the expert that was trained on the cases."""
        return LearnedFiles(self._folders, self.lock_timeout_seconds)

    @property
    def tuned(self) -> TunedFiles:
        """The files of the settings that were fitted to the cases."""
        return TunedFiles(self._folders, self.lock_timeout_seconds)

    def cases(self) -> list[Case]:
        """Every case, by name (`case-2` before `case-10`), whatever the order on disk.

        A case whose `case.json` is damaged is left out, with a warning in the log; `left_out` names it.
        """
        found, damaged_ones = self._catalogue.cases(self._folders.cases)
        for error in damaged_ones:
            if error.thing not in self._told:
                self._told.add(error.thing)
                file = Path(error.thing).relative_to(self.path).as_posix()
                # The fact may quote what the file holds, names among it: `verify` tells it.
                _LOG.warning("a damaged case is left out: %s", file)
        return in_order(found)

    def left_out(self) -> list[Damage]:
        """Cases that `cases` leaves out: their `case.json`, by id."""
        return [
            Damage(Path(error.thing).relative_to(self.path).as_posix(), error.fact)
            for error in self._catalogue.cases(self._folders.cases)[1]
        ]

    def removed(self) -> list[Case]:
        """Every case in the trash that can be read, by name."""
        return in_order(self._catalogue.cases(self._folders.trash)[0])

    def get(self, name_or_id: str) -> Case:
        """The case of this name, or of this UUID or beginning of one (at least four characters).

        Raises:
            InputError: There is none, or several UUIDs begin so.
            DamagedLibraryError: It is the UUID of a case whose `case.json` is damaged.
        """
        if (found := self._catalogue.find(self._folders.cases, name_or_id)) is not None:
            return found
        cases, damaged_ones = self._catalogue.cases(self._folders.cases)
        try:
            return find(cases, name_or_id, "the library")
        except InputError:
            for error in damaged_ones:
                if id_prefix(name_or_id) and Path(error.thing).parent.name.startswith(name_or_id):
                    raise error from None
            raise

    def segments(self) -> tuple[Segment, ...]:
        """The segments that the cases have between them, by ascending value."""
        return segments_of(self.cases())

    def add(
        self,
        image: Volume,
        segmentation: Segmentation,
        *,
        name: str | None = None,
        modality: str | None = None,
        plane: Plane | str | None = None,
        annotated_slices: AnnotatedSlices = None,
        provenance: Provenance | None = None,
        image_name: str = "the image",
        segmentation_name: str = "the segmentation",
    ) -> Case:
        """Add a case. Only pixels, grid, segments and what is given here are stored.

        Args:
            image: The image.
            segmentation: Its segmentation, on the image's grid, with at least one labelled voxel.
            name: Unique in the library; `case-001` and so on unless given.
            modality: A short word (`MR`, `CT`).
            plane: The plane in which the case is sliced; chosen by `choose_plane` unless given.
            annotated_slices: The slices that are really annotated, as indices along the sliced axis of the
                image's grid: one list for all segments, or a mapping from segment names to lists. None, and a
                segment that the mapping leaves out: every slice.
            provenance: Where the segmentation comes from; drawn by a person unless given.
            image_name: The image's name for messages (a file as typed); never stored.
            segmentation_name: The same for the segmentation.

        Raises:
            InputError: The grids differ, nothing is labelled, a name is taken or not allowed, a slice does
                not exist, a segment contradicts another case (METHOD.md, One run, 6), another program keeps
                writing, or the disk cannot be written.
        """
        from RetrievalSAMLib.library.adding.describe import check_corrected, checked_plane, described_segments
        from RetrievalSAMLib.library.versions import write_image, write_version
        from RetrievalSAMLib.volumes import check_same_grid, choose_plane

        provenance = provenance or Provenance()
        check_same_grid(segmentation.geometry, segmentation_name, image.geometry, image_name)
        chosen = checked_plane(plane) or choose_plane(image.geometry)
        ordered, described = described_segments(
            segmentation, segmentation_name, image.geometry, chosen, annotated_slices
        )
        check_corrected(provenance, image.geometry, chosen)
        wanted = None if name is None else checked_name(name, "case name")
        modality = checked_modality(modality)
        with self._writing():
            stored_name = wanted or numbered_name(self._catalogue.highest_number() + 1)
            check_name_is_free(stored_name, self._catalogue.owner_of(self._folders.cases, stored_name))
            merge_segments([*self._catalogue.segment_sets(self._folders.cases), (stored_name, described)])
            case_id = str(uuid.uuid4())
            staged = new_staging(self._folders.staging)
            (staged / "v1").mkdir()
            file = write_image(image, staged, "v1")
            version = write_version(
                ordered,
                staged,
                name="v1",
                provenance=provenance,
                segments=described,
                image=file,
                image_hash=image.content_hash(),
            )
            record = CaseRecord(
                id=case_id,
                name=stored_name,
                modality=modality,
                plane=chosen.value,
                segments=version.segments,
                provenance=version.provenance,
                versions=(version,),
            )
            write_with_checksum(staged / CASE_FILE, encode(record), self._folders.staging)
            sync_tree(staged)
            move_folder(staged, self._folders.cases / case_id)
            case = Case(self._folders.cases / case_id, record)
            self._catalogue.added(case)
        return case

    def add_version(
        self,
        name_or_id: str,
        segmentation: Segmentation,
        *,
        provenance: Provenance,
        annotated_slices: AnnotatedSlices = None,
        segmentation_name: str = "the segmentation",
    ) -> Case:
        """Add a correction of a case's segmentation: a new version, used from then on; the old one stays.

        Args:
            name_or_id: The case.
            segmentation: The corrected segmentation, on the case's grid.
            provenance: Where it comes from.
            annotated_slices: As for `add`.
            segmentation_name: As for `add`.

        Raises:
            InputError: As for `add`, or there is no such case.
        """
        from RetrievalSAMLib.library.adding.describe import check_corrected, described_segments
        from RetrievalSAMLib.volumes import check_same_grid

        with self._writing():
            case = self.get(name_or_id)
            grid = case.load_image().geometry
            check_same_grid(segmentation.geometry, segmentation_name, grid, f"the image of `{case.name}`")
            ordered, described = described_segments(segmentation, segmentation_name, grid, case.plane, annotated_slices)
            check_corrected(provenance, grid, case.plane)
            others = self._catalogue.segment_sets(self._folders.cases, without=case.id)
            merge_segments([*others, (case.name, described)])
            return self._with_version(case, ordered, described, provenance)

    def rename(self, name_or_id: str, names: Mapping[int, str]) -> list[Case]:
        """Give segments other names, by their values, in a case and in all others that have these values.

        A value stands for one structure in all cases. Voxels, values, colours and codes stay; each case gets a new
        version, and the old one stays.

        Returns:
            The cases that changed, by name; none where all have these names already.

        Raises:
            InputError: There is no such case or value, a name cannot be stored, or another segment has it.
        """
        from RetrievalSAMLib.library.upkeep.renaming import renamed_segments, with_names

        with self._writing():
            cases = self.cases()
            segments = renamed_segments(self.get(name_or_id), cases, names)
            merge_segments((case.name, segments.get(case.id, case.segments)) for case in cases)
            changing = [case for case in cases if case.id in segments]
            # All are read before one is written: a damaged one leaves the library as it was.
            loaded = [(case, with_names(case.load_segmentation(), segments[case.id])) for case in changing]
            return [self._with_version(case, one, segments[case.id], case.provenance) for case, one in loaded]

    def _with_version(
        self, case: Case, ordered: Segmentation, described: tuple[CaseSegment, ...], provenance: Provenance
    ) -> Case:
        """Write a new version of a case; the caller holds the lock and has checked it."""
        from RetrievalSAMLib.library.versions import write_version

        number = f"v{len(case.versions) + 1}"
        staged = new_staging(self._folders.staging)
        (staged / number).mkdir()
        version = write_version(
            ordered,
            staged,
            name=number,
            provenance=provenance,
            segments=described,
            image=case.version.image,
            image_hash=case.image_hash,
        )
        sync_tree(staged)
        target = case.folder / number
        if target.exists():  # a writer was interrupted after it had moved the folder; no record names it
            delete_folder(target, self._folders.staging)
        move_folder(staged / number, target)
        record = msgspec.structs.replace(
            case.record,
            segments=version.segments,
            provenance=version.provenance,
            versions=(*case.versions, version),
        )
        write_with_checksum(case.folder / CASE_FILE, encode(record), self._folders.staging)
        self._catalogue.forget(case.id)
        return Case(case.folder, record)

    def adopt(
        self,
        plan: Callable[[Sequence[Case], Collection[str]], Sequence[CaseRecord]],
        lay_out: Callable[[CaseRecord, Path], None],
    ) -> list[Case]:
        """Take in whole cases from elsewhere: all of them, or none where anything raises.

        Args:
            plan: Given the cases there are and every id in use, the trash included, describes the new cases.
            lay_out: Writes the volumes of one of them into its folder, which is empty.

        Raises:
            InputError: A name or id is taken, a segment contradicts another case, another program keeps writing,
                or the disk cannot be written; and what `plan` and `lay_out` raise.
        """
        with self._writing():
            existing = self.cases()
            parts = (self._folders.cases, self._folders.trash)
            taken = {folder.name for part in parts for folder in case_folders(part)}
            records = plan(existing, taken)
            for record in records:
                check_name_is_free(record.name, self._catalogue.owner_of(self._folders.cases, record.name))
                if record.id in taken:
                    raise ValueError(f"the id {record.id} is taken")
            together = [(case.name, case.segments) for case in existing]
            merge_segments([*together, *((record.name, record.segments) for record in records)])
            staged = new_staging(self._folders.staging)
            for record in records:
                folder = staged / record.id
                folder.mkdir()
                lay_out(record, folder)
                write_with_checksum(folder / CASE_FILE, encode(record), self._folders.staging)
            sync_tree(staged)
            if records:
                self._folders.take_in(staged)
        return [Case(self._folders.cases / record.id, record) for record in records]

    def remove(self, name_or_id: str) -> str:
        """Move a case to the trash and return its UUID. A damaged case can be removed by its UUID.

        Raises:
            InputError: There is no such case.
        """
        with self._writing():
            found = self._catalogue.find(self._folders.cases, name_or_id)
            folder = found.folder if found else find_folder(self._folders.cases, name_or_id, "the library")
            if not self._folders.trash.is_dir():
                self._folders.trash.mkdir()
                sync_folder(self.path)
            move_folder(folder, self._folders.trash / folder.name)
        return folder.name

    def restore(self, name_or_id: str) -> Case:
        """Bring a case back from the trash.

        Raises:
            InputError: It is not in the trash, its name was taken meanwhile, or its segments contradict other
                cases.
        """
        with self._writing():
            case = find(self.removed(), name_or_id, "the trash")
            check_name_is_free(case.name, self._catalogue.owner_of(self._folders.cases, case.name))
            merge_segments([*self._catalogue.segment_sets(self._folders.cases), (case.name, case.segments)])
            move_folder(case.folder, self._folders.cases / case.id)
        return Case(self._folders.cases / case.id, case.record)

    def empty_trash(self) -> int:
        """Delete the removed cases for good and return how many there were."""
        with self._writing():
            folders = case_folders(self._folders.trash)
            for folder in folders:
                delete_folder(folder, self._folders.staging)
        return len(folders)

    def verify(self) -> list[Damage]:
        """Every file that is not what was written, of cases in use and in the trash. Changes nothing."""
        found = find_damage(self.path, [*case_folders(self._folders.cases), *case_folders(self._folders.trash)])
        for path, fact in self.learned.damage():
            found.append(Damage(path.relative_to(self.path).as_posix(), f"{fact}; the library can learn again", True))
        for path, fact in self.tuned.damage():
            file = path.relative_to(self.path).as_posix()
            found.append(Damage(file, f"{fact}; the library can be tuned again", True))
        if (fault := self._catalogue.fault()) is not None:
            fact = f"{fault}; it only repeats what the cases say, and is made anew"
            found.append(Damage(f"{self.cache_dir.name}/{CATALOGUE_FILE}", fact, derived=True))
        return found

    def forget_catalogue(self) -> None:
        """Have the catalogue of the cases made anew."""
        self._catalogue.delete()

    @property
    def _catalogue(self) -> Catalogue:
        return Catalogue(self.cache_dir, (self._folders.cases, self._folders.trash))

    def _writing(self) -> contextlib.AbstractContextManager[None]:
        return self._folders.writing(self.lock_timeout_seconds)
