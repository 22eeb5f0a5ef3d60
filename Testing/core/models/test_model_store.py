from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from RetrievalSAMLib.errors import ModelError
from RetrievalSAMLib.models import catalogue, store
from RetrievalSAMLib.models.catalogue import CatalogueEntry

MakeUp = Callable[..., CatalogueEntry]
CONTENT = os.urandom(300_000)


@pytest.fixture
def usb_stick(tmp_path: Path) -> Path:
    folder = tmp_path / "stick"
    (folder / "weights" / "deeper").mkdir(parents=True)
    return folder


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.suffix != ".lock"} if folder.is_dir() else set()


def test_the_folder_is_the_users_own_where_no_other_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(store.FOLDER_VARIABLE)
    assert store.models_folder().name == "models"
    assert "RetrievalSAM" in str(store.models_folder())


@pytest.mark.parametrize("place", [".", "weights"])
def test_a_file_is_imported_from_a_folder_and_from_the_folders_directly_below(
    made_up: MakeUp, usb_stick: Path, models_folder: Path, place: str
) -> None:
    entry = made_up(CONTENT)
    (usb_stick / place / "made-up.pt").write_bytes(CONTENT)
    seen: list[tuple[int, int]] = []
    assert store.import_from(usb_stick, progress=lambda *now: seen.append(now)) == [entry]
    assert (models_folder / "made-up.pt").read_bytes() == CONTENT
    assert files_in(models_folder) == {"made-up.pt"}
    assert (seen[0], seen[-1]) == ((0, len(CONTENT)), (len(CONTENT), len(CONTENT)))
    assert store.require(entry) == models_folder / "made-up.pt"


def test_a_file_deeper_down_is_not_looked_for(made_up: MakeUp, usb_stick: Path) -> None:
    made_up(CONTENT)
    (usb_stick / "weights" / "deeper" / "made-up.pt").write_bytes(CONTENT)
    with pytest.raises(ModelError, match="not in this folder"):
        store.import_from(usb_stick)


def test_a_file_that_a_browser_renamed_is_known_by_its_content(made_up: MakeUp, usb_stick: Path) -> None:
    entry = made_up(CONTENT)
    (usb_stick / "made-up (1).pt").write_bytes(CONTENT)
    (usb_stick / "same size.bin").write_bytes(os.urandom(len(CONTENT)))
    assert store.import_from(usb_stick) == [entry]


def test_one_file_can_be_imported_by_its_path(made_up: MakeUp, usb_stick: Path) -> None:
    entry = made_up(CONTENT)
    (usb_stick / "made-up.pt").write_bytes(CONTENT)
    assert store.import_from(usb_stick / "made-up.pt") == [entry]


def test_other_content_under_the_official_name_is_refused(
    made_up: MakeUp, usb_stick: Path, models_folder: Path
) -> None:
    entry = made_up(CONTENT)
    (usb_stick / "made-up.pt").write_bytes(CONTENT[:-1])
    with pytest.raises(ModelError) as caught:
        store.import_from(usb_stick)
    message = str(caught.value)
    assert "made-up.pt has 299999 bytes and sha256" in message
    assert f"made-up.pt (300000 bytes, sha256 {entry.sha256})" in message
    assert files_in(models_folder) == set()


def test_an_intact_copy_beside_a_damaged_one_is_used(made_up: MakeUp, usb_stick: Path) -> None:
    entry = made_up(CONTENT)
    (usb_stick / "made-up.pt").write_bytes(CONTENT[:-1])
    (usb_stick / "weights" / "made-up.pt").write_bytes(CONTENT)
    assert store.import_from(usb_stick) == [entry]


def test_intact_files_are_imported_beside_a_damaged_one_which_is_named(
    made_up: MakeUp, usb_stick: Path, models_folder: Path
) -> None:
    made_up(CONTENT)
    made_up(CONTENT + b"two", name="other")
    (usb_stick / "made-up.pt").write_bytes(CONTENT)
    (usb_stick / "other.pt").write_bytes(b"damaged")
    with pytest.raises(ModelError, match=r"other\.pt has 7 bytes.*Imported: made-up"):
        store.import_from(usb_stick)
    assert files_in(models_folder) == {"made-up.pt"}


def test_an_empty_folder_is_told_which_names_and_checksums_are_expected(usb_stick: Path) -> None:
    with pytest.raises(ModelError) as caught:
        store.import_from(usb_stick)
    for entry in catalogue.CATALOGUE.values():
        assert entry.file_name in str(caught.value) and entry.sha256 in str(caught.value)


def test_a_name_that_was_asked_for_must_be_found(made_up: MakeUp, usb_stick: Path) -> None:
    made_up(CONTENT)
    (usb_stick / "made-up.pt").write_bytes(CONTENT)
    with pytest.raises(ModelError, match=r"sam2\.1_hiera_tiny\.pt"):
        store.import_from(usb_stick, ["made-up", "sam2.1-tiny"])


def test_a_folder_that_is_missing_is_named(usb_stick: Path) -> None:
    with pytest.raises(ModelError, match="nowhere: the folder cannot be read"):
        store.import_from(usb_stick / "nowhere")


def test_importing_from_the_folder_of_weights_itself_changes_nothing(made_up: MakeUp, models_folder: Path) -> None:
    entry = made_up(CONTENT)
    models_folder.mkdir()
    (models_folder / "made-up.pt").write_bytes(CONTENT)
    assert store.import_from(models_folder) == [entry]
    assert (models_folder / "made-up.pt").read_bytes() == CONTENT


def test_a_copy_that_fails_leaves_nothing(
    made_up: MakeUp, usb_stick: Path, models_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    made_up(CONTENT)
    (usb_stick / "made-up.pt").write_bytes(CONTENT)
    monkeypatch.setattr(store.os, "fsync", no_space)
    with pytest.raises(ModelError, match="No space left on device"):
        store.import_from(usb_stick)
    assert files_in(models_folder) == set()


def test_status_tells_missing_installed_and_damaged_apart(made_up: MakeUp, models_folder: Path) -> None:
    made_up(CONTENT)
    models_folder.mkdir()
    path = models_folder / "made-up.pt"

    (missing,) = store.status(["made-up"], check=True)
    assert (missing.installed, missing.bytes, missing.intact, missing.path) == (False, 0, None, path)

    path.write_bytes(CONTENT)
    (unchecked,) = store.status(["made-up"])
    assert (unchecked.installed, unchecked.bytes, unchecked.intact) == (True, len(CONTENT), None)
    (checked,) = store.verify(["made-up"])
    assert checked.intact is True

    path.write_bytes(CONTENT[:-1] + b"?" if CONTENT[-1:] != b"?" else CONTENT[:-1] + b"!")
    assert store.verify(["made-up"])[0].intact is False
    path.write_bytes(CONTENT[:-1])
    assert store.status(["made-up"])[0].intact is False


def test_status_lists_the_whole_catalogue_and_verify_what_is_there(
    made_up: MakeUp, models_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "BUNDLED_FOLDER", tmp_path / "nothing bundled")
    made_up(CONTENT)
    models_folder.mkdir()
    (models_folder / "made-up.pt").write_bytes(CONTENT)
    assert [item.entry.name for item in store.status()] == list(catalogue.CATALOGUE)
    assert [item.entry.name for item in store.verify()] == ["made-up"]


def test_remove_deletes_the_file_and_what_is_left_of_a_download(made_up: MakeUp, models_folder: Path) -> None:
    made_up(CONTENT)
    assert store.remove("made-up") == 0
    models_folder.mkdir()
    for name in ("made-up.pt", "made-up.pt.part", "made-up.pt.part.json"):
        (models_folder / name).write_bytes(b"12345")
    (models_folder / "unrelated.pt").write_bytes(b"1")
    assert store.remove("made-up") == 15
    assert files_in(models_folder) == {"unrelated.pt"}


@pytest.mark.parametrize("name", ["bundled", "sam3"])
def test_only_weights_of_the_catalogue_can_be_removed(name: str) -> None:
    with pytest.raises(ModelError, match=r"Use one of sam2\.1-tiny"):
        store.remove(name)


def test_weights_that_are_not_installed_say_how_to_get_them() -> None:
    with pytest.raises(ModelError) as caught:
        store.require(catalogue.CATALOGUE["sam2.1-tiny"])
    message = str(caught.value)
    assert "models download sam2.1-tiny" in message and "models import FOLDER" in message
    assert "https://dl.fbaipublicfiles.com/segment_anything_2/092824/sam2.1_hiera_tiny.pt" in message
