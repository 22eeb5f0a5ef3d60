"""Licences that are accepted once: what is asked, what is kept, and what does not count."""

from __future__ import annotations

import datetime
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from RetrievalSAMLib.errors import ModelError
from RetrievalSAMLib.models import licences, store
from RetrievalSAMLib.models.build import build_segmenter
from RetrievalSAMLib.models.catalogue import SAM3
from RetrievalSAMLib.models.in_words import sam3_in_words


def test_weights_without_an_own_licence_ask_for_nothing(models_folder: Path) -> None:
    licences.require_accepted("sam2.1-tiny")
    assert not models_folder.exists()


def test_nothing_is_read_before_the_licence_is_accepted(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        build_segmenter(SAM3, checkpoint=tmp_path / "no-such-folder")
    assert str(caught.value) == (
        "sam3: its licence was not accepted on this computer (SAM License of Meta, version of 2025-11-19). Read "
        "https://github.com/facebookresearch/sam3/blob/main/LICENSE, then give --accept-licence sam3 once."
    )
    licences.accept(SAM3)
    with pytest.raises(ModelError, match=r"transformers|no such file or folder"):
        build_segmenter(SAM3, checkpoint=tmp_path / "no-such-folder")


def test_what_was_accepted_is_kept_with_its_version_and_the_day(models_folder: Path) -> None:
    assert licences.acceptance_of(SAM3) is None
    accepted = licences.accept(SAM3)
    assert licences.acceptance_of(SAM3) == accepted
    day = datetime.date.today().isoformat()
    kept = json.loads((models_folder / licences.FILE).read_text())
    assert kept == {"sam3": {"licence": "SAM License of Meta", "version": "2025-11-19", "accepted_on": day}}
    assert [path.name for path in models_folder.iterdir()] == [licences.FILE]


def test_another_version_has_to_be_accepted_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    licences.accept(SAM3)
    monkeypatch.setitem(licences.LICENCES, SAM3, replace(licences.LICENCES[SAM3], version="2030-01-01"))
    assert licences.acceptance_of(SAM3) is None
    with pytest.raises(ModelError, match="version of 2030-01-01"):
        licences.require_accepted(SAM3)
    licences.accept(SAM3)
    licences.require_accepted(SAM3)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"sam3": 1}'])
def test_a_damaged_file_is_named_and_not_written_over(content: bytes, models_folder: Path) -> None:
    models_folder.mkdir()
    path = models_folder / licences.FILE
    path.write_bytes(content)
    for ask in (licences.acceptance_of, licences.accept, licences.require_accepted):
        with pytest.raises(ModelError, match="what was accepted cannot be read") as caught:
            ask(SAM3)
        assert caught.value.thing == str(path) and "Delete this file" in caught.value.remedy
    assert path.read_bytes() == content


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the rights of a folder do not bind")
def test_a_folder_that_cannot_be_written_to_is_told(models_folder: Path) -> None:
    models_folder.mkdir(mode=0o500)
    with pytest.raises(ModelError, match=f"it cannot be written.*{store.FOLDER_VARIABLE}"):
        licences.accept(SAM3)


def test_a_file_in_place_of_the_folder_is_told(models_folder: Path) -> None:
    models_folder.write_text("")
    with pytest.raises(ModelError, match=f"cannot be (made|read).*{store.FOLDER_VARIABLE}|Delete this file"):
        licences.accept(SAM3)


def test_what_is_shown_names_the_text_and_what_it_asks_for() -> None:
    licence = licences.LICENCES[SAM3]
    shown = licence.in_words()
    assert shown.startswith(
        f"sam3 stands under the SAM License of Meta, in the version of 2025-11-19: {licence.link}\n"
    )
    assert "military" in shown and "publication" in shown and "copy" in shown and "warranty" in shown
    assert shown.endswith("what counts is the text behind the link.")
    assert licence.link in sam3_in_words().allows
