"""Collects the module's texts for translators: `python setup/translations.py` brings `Translations/*.ts` up to date.

`RetrievalSAM.ts` is the template with every text in English. A language's file (`RetrievalSAM_de.ts`) keeps what is
translated, gets new texts as unfinished, and loses those that are gone. Contexts are those that Slicer looks up: of a
Python file its package and name, of a `.ui` file its class. The XML that is read is this repository's own.
"""

from __future__ import annotations

import ast
import sys
import xml.etree.ElementTree as ET  # nosec B405
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULE, FOLDER = ROOT / "RetrievalSAM", ROOT / "Translations"
TEMPLATE = FOLDER / "RetrievalSAM.ts"
_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n'
Text = tuple[str, str]  # context and English text


def texts_of_python(file: Path) -> Iterator[Text]:
    """What stands in `_()` and `translate()`."""
    own = f"{file.parent.name}.{file.stem}" if (file.parent / "__init__.py").is_file() else file.stem
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        words = [one.value if isinstance(one, ast.Constant) else None for one in node.args]
        if node.func.id in ("_", "translate") and None in words:
            raise ValueError(f"{file.name}:{node.lineno}: only a text that stands there can be translated")
        if node.func.id == "_":
            yield own, str(words[0])
        elif node.func.id == "translate" and words[0] == own:  # others are Slicer's own texts
            yield own, str(words[1])


def texts_of_ui(file: Path) -> Iterator[Text]:
    """What a `.ui` file shows."""
    root = ET.parse(file).getroot()  # nosec B314
    for entry in root.iter("string"):
        if entry.text and entry.get("notr") != "true" and not entry.text.startswith("vtkMRML"):  # classes of nodes
            yield root.findtext("class") or "", entry.text


def all_texts() -> list[Text]:
    """Every text of the module once in its context, ordered."""
    python = [file for file in MODULE.rglob("*.py") if "Testing" not in file.relative_to(MODULE).parts]
    found = {text for file in python for text in texts_of_python(file)}
    found |= {text for file in MODULE.rglob("*.ui") for text in texts_of_ui(file)}
    return sorted(found)


def read(file: Path) -> dict[Text, str]:
    """Translations that are finished."""
    known = {}
    for context in ET.parse(file).getroot().iter("context"):  # nosec B314
        for message in context.iter("message"):
            translation = message.find("translation")
            if translation is not None and translation.get("type") != "unfinished" and translation.text:
                known[(context.findtext("name") or "", message.findtext("source") or "")] = translation.text
    return known


def written(texts: list[Text], known: dict[Text, str], language: str = "") -> str:
    """A `.ts` file; a text that another context has translated is taken from there."""
    anywhere = {source: translation for (_context, source), translation in known.items()}
    root = ET.Element("TS", {"version": "2.1", "sourcelanguage": "en"} | ({"language": language} if language else {}))
    contexts: dict[str, ET.Element] = {}
    for name, source in texts:
        if name not in contexts:
            contexts[name] = ET.SubElement(root, "context")
            ET.SubElement(contexts[name], "name").text = name
        message = ET.SubElement(contexts[name], "message")
        ET.SubElement(message, "source").text = source
        translation = ET.SubElement(message, "translation")
        translation.text = known.get((name, source)) or anywhere.get(source)
        if translation.text is None:
            translation.set("type", "unfinished")
    ET.indent(root)
    return _HEAD + ET.tostring(root, encoding="unicode") + "\n"


def main() -> int:
    """The command; tells how much of each language is translated."""
    texts = all_texts()
    FOLDER.mkdir(exist_ok=True)
    TEMPLATE.write_text(written(texts, {}), encoding="utf-8")
    print(f"{TEMPLATE.name}: {len(texts)} texts")
    for file in sorted(FOLDER.glob("RetrievalSAM_*.ts")):
        file.write_text(written(texts, read(file), file.stem.rpartition("_")[2]), encoding="utf-8")
        done = len(read(file))
        print(f"{file.name}: {done} of {len(texts)} translated")
    return 0


if __name__ == "__main__":
    sys.exit(main())
