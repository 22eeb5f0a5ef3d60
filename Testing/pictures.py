"""Which pictures of the module there are, what each was made of, and which of them are out of date.

`Resources/Screenshots/pictures.json` holds by picture its SHA-256 and the SHA-256 of every file that it shows the work
of: its `.ui` files, and the files of the module's package that load them. `make_screenshots.py` writes it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = "Resources/Screenshots"
LIST = "pictures.json"
COMMAND = ".venv/bin/python Testing/make_screenshots.py"
_UI, _PACKAGE = "RetrievalSAM/Resources/UI", "RetrievalSAM/RetrievalSAMModule"


@dataclass(frozen=True)
class Picture:
    """One picture.

    Attributes:
        piece: The piece of the tutorial in which it is taken; a piece is played in a process of its own.
        ui: Names of the `.ui` files that are seen in it.
        code: Other files that decide what it looks like, in the repository.
    """

    piece: str
    ui: tuple[str, ...] = ()
    code: tuple[str, ...] = ()


PICTURES: Mapping[str, Picture] = {
    "module-set-up.png": Picture("set-up", ("RetrievalSAM.ui", "SetupPanel.ui")),
    "module-server.png": Picture("server", ("RetrievalSAM.ui", "SetupPanel.ui", "ServerPanel.ui")),
    "module-add.png": Picture("library", ("RetrievalSAM.ui", "LibraryPanel.ui")),
    "module-library.png": Picture("library", ("RetrievalSAM.ui", "LibraryPanel.ui")),
    "module-start.png": Picture("start", ("RetrievalSAM.ui", "StartPanel.ui")),
    "module-first-case.png": Picture("first-case", ("RetrievalSAM.ui", "FirstCasePanel.ui", "CorrectionsPanel.ui")),
    "module-first-case-filled.png": Picture("first-case", ("RetrievalSAM.ui", "ResultsPanel.ui", "ActionBar.ui")),
    "module-running.png": Picture("run", ("RetrievalSAM.ui", "SegmentPanel.ui")),
    "module-result.png": Picture("run", ("RetrievalSAM.ui", "ResultsPanel.ui", "ActionBar.ui")),
    "module-correct.png": Picture("run", ("RetrievalSAM.ui", "CorrectionsPanel.ui", "ActionBar.ui")),
    "module-suggest.png": Picture("suggest", ("SuggestWindow.ui",)),
    "module-batch.png": Picture("batch", ("BatchWindow.ui",)),
    "module-review.png": Picture("review", ("ReviewWindow.ui",)),
    "demo-contact-sheet.png": Picture("demo", code=("RetrievalSAMLib/demo/contact_sheet.py",)),
}
PIECES = tuple(dict.fromkeys(picture.piece for picture in PICTURES.values()))


def sha256_of(file: Path) -> str:
    """SHA-256 of a file, or a word that equals no hash where it is gone."""
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "gone"


def sources_of(picture: Picture, root: Path = ROOT) -> dict[str, str]:
    """By file in the repository its SHA-256; panels are found by the `.ui` file that they load, whatever their name."""
    files = {f"{_UI}/{name}" for name in picture.ui} | set(picture.code)
    for module in (root / _PACKAGE).rglob("*.py"):
        text = module.read_text(encoding="utf-8")
        if any(f'"{name}"' in text for name in picture.ui):
            files.add(module.relative_to(root).as_posix())
    return {name: sha256_of(root / name) for name in sorted(files)}


def read_list(root: Path = ROOT) -> dict[str, dict[str, object]]:
    """The committed list, by picture."""
    file = root / FOLDER / LIST
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def out_of_date(root: Path = ROOT) -> dict[str, list[str]]:
    """By picture the files that changed since it was made; a picture that is missing names itself."""
    known, found = read_list(root), {}
    for name, picture in PICTURES.items():
        if name not in known or not (root / FOLDER / name).is_file():
            found[name] = [f"{FOLDER}/{name}"]
            continue
        before, now = known[name]["made_of"], sources_of(picture, root)
        assert isinstance(before, dict)
        changed = sorted(file for file in before.keys() | now.keys() if before.get(file) != now.get(file))
        if changed:
            found[name] = changed
    return found


def record(names: set[str], root: Path = ROOT) -> None:
    """Writes into the list that these pictures were made just now, of the files as they are."""
    known = read_list(root)
    for name in names:
        known[name] = {"sha256": sha256_of(root / FOLDER / name), "made_of": sources_of(PICTURES[name], root)}
    text = json.dumps({name: known[name] for name in sorted(known) if name in PICTURES}, indent=1)
    (root / FOLDER / LIST).write_text(text + "\n", encoding="utf-8")
