"""Which volumes a batch is about: those of folders, files, patterns, or a table, each with an id of its own."""

from __future__ import annotations

import glob
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..csv_rows import begins_like_formula, read_rows, write_rows
from ..errors import InputError
from ..library.adding.pairs import find_images
from ..library.names import checked_name, same_name_key
from ..segmentation.settings.region import Box, box_of

PATH, ID, REGION, SERIES = "path", "id", "region", "series"
_PATTERN = set("*?[")
_NUMBERED = re.compile("volume-([0-9]{1,9})")


@dataclass(frozen=True)
class Item:
    """One volume of a batch.

    Attributes:
        id: Unique in the batch; the name of its files, and all that tables and pages call it.
        path: The volume: a file, or a folder of DICOM slices. Never shown: it may name a patient.
        region: The box of voxels to look in, or None for all.
        series: The DICOM series, or None for that of the batch.
    """

    id: str
    path: Path = field(repr=False)
    region: Box | None = None
    series: str | None = field(default=None, repr=False)


def in_region(item: Item, region: Box | None) -> Item:
    """A volume with a region to look in, where it has none of its own."""
    return item if item.region is not None else replace(item, region=region)


def find_items(inputs: Sequence[str], known: Path) -> list[Item]:
    """The volumes that a person names.

    Volumes of folders and patterns are numbered (`volume-0001`), so that no file's name gets into a result; a table of
    which is which is kept, and a volume that is in it already keeps its number.

    Args:
        inputs: Folders, volumes, patterns (`scans/*.nii.gz`, also `**`), or one table (`.csv`).
        known: The table of numbers: read where it is there, written where a volume is new.

    Raises:
        InputError: Nothing is there, or a table is wrong; the message names the row.
    """
    tables = [name for name in inputs if name.lower().endswith(".csv")]
    if tables:
        if len(inputs) > 1:
            raise InputError(tables[0], "a table stands for the whole batch", "Name it alone.")
        return read_items(Path(tables[0]))
    paths = list(dict.fromkeys(path for name in inputs for path in _named(name)))
    items = read_items(known) if known.is_file() else []
    ids = {item.path: item.id for item in items}
    new = [path for path in paths if path not in ids]
    highest = max((int(found[1]) for item in items if (found := _NUMBERED.fullmatch(item.id))), default=0)
    ids |= {path: f"volume-{number:04d}" for number, path in enumerate(new, start=highest + 1)}
    if new:
        write_items([Item(id_, path) for path, id_ in ids.items()], known)
    return [Item(ids[path], path) for path in paths]


def read_items(table: Path) -> list[Item]:
    """The rows of a table with the columns `path`, `id` and, if wanted, `region` and `series`.

    Paths are relative to it.

    Raises:
        InputError: It cannot be read, or a row is wrong: the message names it.
    """
    name = str(table)
    rows = read_rows(table, (PATH, ID), (REGION, SERIES))
    items = {line: _item(row, table.parent, f"{name}, row {line}") for line, row in rows.items()}
    _check_unique(name, items)
    return list(items.values())


def write_items(items: Sequence[Item], table: Path) -> None:
    """Write a table that `read_items` reads, with whole paths."""
    from ..volumes import write_staged

    def write(staged: Path) -> None:
        with staged.open("w", encoding="utf-8", newline="") as stream:
            write_rows(stream, [(PATH, ID), *((str(item.path), item.id) for item in items)])

    write_staged(table, write)


def _named(name: str) -> list[Path]:
    """The volumes behind one input, in order."""
    path = Path(name)
    if path.exists():
        found = find_images(path)
    elif _PATTERN & set(name):
        found = [image for match in sorted(glob.glob(name, recursive=True)) for image in find_images(Path(match))]
    else:
        raise InputError(name, "there is no such file or folder", "Check the path.")
    if not found:
        raise InputError(name, "there is no volume", "Give a folder with volumes (NIfTI, NRRD, MetaImage, DICOM).")
    return [Path(image).absolute() for image in found]


def _item(row: Mapping[str, str], folder: Path, thing: str) -> Item:
    path, name, region, series = row[PATH], row[ID], row[REGION], row[SERIES]
    if not path:
        raise InputError(thing, "it names no volume", "Give its path.")
    try:
        checked = checked_name(name, "id")
    except InputError as error:
        raise InputError(f"{thing}, {error.thing}", error.fact, "Give an id such as `case-001`.") from error
    if begins_like_formula(checked):
        raise InputError(f"{thing}, id `{checked}`", "it begins like a formula", "Begin it with a letter or a digit.")
    # What is missing at this place is found when its turn comes, and then only this volume fails.
    box = box_of(region, f"{thing}, {REGION}") if region else None
    return Item(checked, (folder / path).absolute(), box, series or None)


def _check_unique(name: str, items: Mapping[int, Item]) -> None:
    rows: dict[str, int] = {}
    for row, item in items.items():
        first = rows.setdefault(same_name_key(item.id), row)
        if first != row:
            raise InputError(
                f"{name}, row {row}",
                f"its id `{item.id}` is that of row {first} (capitals do not count, as on some drives)",
                "Give every volume an id of its own.",
            )
