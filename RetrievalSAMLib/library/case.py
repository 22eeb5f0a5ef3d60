"""A case of a support library: one image volume with its segmentation, read from the library's folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from RetrievalSAMLib.errors import InputError
from RetrievalSAMLib.library.files import read_with_checksum, sha256_of, why
from RetrievalSAMLib.library.format import (
    CASE_FILE,
    CaseRecord,
    CaseSegment,
    ImageFile,
    Provenance,
    SegmentationFile,
    Version,
    damaged,
    decode_case,
)
from RetrievalSAMLib.volumes.plane import Plane

if TYPE_CHECKING:
    from RetrievalSAMLib.volumes import Segmentation, Volume

Loaded = TypeVar("Loaded")


@dataclass(frozen=True)
class Case:
    """One case as it was when it was read; its latest version is in use.

    Attributes:
        folder: The case's folder.
        record: What its `case.json` holds.
    """

    folder: Path
    record: CaseRecord

    @classmethod
    def read(cls, folder: Path) -> Case:
        """Read `case.json` of a case's folder.

        Raises:
            FileNotFoundError: It is not there.
            DamagedLibraryError: It is not what its checksum says, or not a case, or that of another folder.
        """
        file = folder / CASE_FILE
        record = decode_case(read_with_checksum(file), str(file))
        if record.id != folder.name:
            raise damaged(str(file), f"it belongs to the case {record.id}")
        return cls(folder, record)

    @property
    def id(self) -> str:
        """UUID, also the name of the case's folder."""
        return self.record.id

    @property
    def name(self) -> str:
        """The case's name, unique in its library."""
        return self.record.name

    @property
    def modality(self) -> str | None:
        """What the user calls the modality, or None."""
        return self.record.modality

    @property
    def plane(self) -> Plane:
        """The anatomical plane in which the case is sliced."""
        return Plane(self.record.plane)

    @property
    def versions(self) -> tuple[Version, ...]:
        """Every version, oldest first."""
        return self.record.versions

    @property
    def version(self) -> Version:
        """The version in use: the latest."""
        return self.record.versions[-1]

    @property
    def segments(self) -> tuple[CaseSegment, ...]:
        """The segments of the version in use, by ascending value."""
        return self.version.segments

    @property
    def provenance(self) -> Provenance:
        """Where the segmentation in use comes from."""
        return self.version.provenance

    @property
    def content_hash(self) -> str:
        """Hash of image and segmentation in use: equal for equal contents, whatever name or id."""
        return self.version.content_hash

    @property
    def image_hash(self) -> str:
        """Hash of the image's pixels and grid: the same in every version."""
        return self.version.image_hash

    @property
    def image_path(self) -> Path:
        """The image file in use."""
        return self.folder / self.version.image.path

    @property
    def segmentation_path(self) -> Path:
        """The segmentation file in use."""
        return self.folder / self.version.segmentation.path

    def load_image(self) -> Volume:
        """The image, checked against its checksum.

        Raises:
            DamagedLibraryError: The file is missing or not what was written.
        """
        from RetrievalSAMLib.volumes import read_volume

        return self._loaded(self.version.image, read_volume)

    def load_segmentation(self, version: Version | None = None) -> Segmentation:
        """The segmentation, checked against its checksum, with the values, names and codes of `case.json`.

        Args:
            version: One of `versions`; the one in use unless given.

        Raises:
            DamagedLibraryError: The file is missing or not what was written.
        """
        from RetrievalSAMLib.volumes import read_segmentation

        version = version or self.version
        stored = self._loaded(version.segmentation, read_segmentation)
        if len(stored.segments) != len(version.segments):
            raise damaged(
                str(self.folder / version.segmentation.path),
                f"it has {len(stored.segments)} segments, not {len(version.segments)}",
            )
        segments = tuple(
            replace(segment, name=known.name, value=known.value, color=known.color, terminology=known.terminology)
            for segment, known in zip(stored.segments, version.segments, strict=True)
        )
        return replace(stored, segments=segments)

    def load(self) -> tuple[Volume, Segmentation]:
        """Image and segmentation, both checked against their checksums and on one grid."""
        from RetrievalSAMLib.volumes import check_same_grid

        image, segmentation = self.load_image(), self.load_segmentation()
        check_same_grid(segmentation.geometry, str(self.segmentation_path), image.geometry, str(self.image_path))
        return image, segmentation

    def damage(self) -> Iterator[tuple[Path, str]]:
        """Every file of every version that is missing or not what was written, with what is wrong."""
        seen = {file.path: file for version in self.versions for file in (version.image, version.segmentation)}
        for file in seen.values():
            if (fact := self._fault(file)) is not None:
                yield self.folder / file.path, fact

    def _loaded(self, file: ImageFile | SegmentationFile, read: Callable[[Path], Loaded]) -> Loaded:
        """What `read` makes of a file; one that another program takes away meanwhile is called missing as well."""
        path = self._checked(file)
        try:
            return read(path)
        except InputError:
            self._checked(file)
            raise

    def _checked(self, file: ImageFile | SegmentationFile) -> Path:
        path = self.folder / file.path
        if (fact := self._fault(file)) is not None:
            raise damaged(str(path), fact)
        return path

    def _fault(self, file: ImageFile | SegmentationFile) -> str | None:
        path = self.folder / file.path
        try:
            if path.stat().st_size != file.bytes:
                return f"it has {path.stat().st_size} bytes, not {file.bytes}"
            if sha256_of(path) != file.sha256:
                return f"it is not what its checksum in {CASE_FILE} says"
        except OSError as error:
            return why(error)
        return None
