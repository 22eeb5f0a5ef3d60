"""Every text that the user reads can be translated, and German is complete."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "setup"))

import translations  # noqa: E402

GERMAN = translations.FOLDER / "RetrievalSAM_de.ts"
SHOWN = {"text", "toolTip", "placeholderText", "windowTitle", "title"}
SHOWING = {"setText", "setToolTip", "setWindowTitle", "say", "_say", "cell", "errorDisplay", "infoDisplay"}


def test_the_template_and_german_are_up_to_date() -> None:
    texts = translations.all_texts()
    assert len(texts) > 500
    for file, known, language in (
        (translations.TEMPLATE, {}, ""),
        (GERMAN, translations.read(GERMAN), "de"),
    ):
        told = f"{file.name} is out of date; run: python setup/translations.py"
        assert file.read_text(encoding="utf-8") == translations.written(texts, known, language), told


def test_german_is_complete_and_keeps_what_is_filled_in() -> None:
    known = translations.read(GERMAN)
    assert set(known) == set(translations.all_texts())
    for (_context, english), german in known.items():
        for pattern in (r"\{[^}]*\}", r"</?\w+", r"\n"):
            assert sorted(re.findall(pattern, english)) == sorted(re.findall(pattern, german)), english


def words_in(node: ast.AST) -> bool:
    """Whether an expression is a bare text with words; `RetrievalSAM` and PyTorch are names."""
    text = node.value if isinstance(node, ast.Constant) else None
    return isinstance(text, str) and re.search(r"[a-z]{3}", text.replace("PyTorch", "")) is not None


def bare_texts(source: str) -> list[int]:
    """Lines that show a text of their own without `_()`."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
            shown = [node.value] if node.targets[0].attr in SHOWN else []
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            shown = list(node.args) if name in SHOWING else []
        else:
            continue
        lines += [
            node.lineno
            for one in shown
            if words_in(one) or isinstance(one, ast.JoinedStr) and any(words_in(part) for part in one.values)
        ]
    return lines


@pytest.mark.parametrize("source", ["box.text = 'Press it'", "say(label, 'Press it')", "b.toolTip = f'{n} of them'"])
def test_a_text_without_translation_is_found(source: str) -> None:
    assert bare_texts(source) == [1]


def test_every_text_of_the_module_goes_through_translation() -> None:
    files = [file for file in translations.MODULE.rglob("*.py") if "Testing" not in file.parts]
    found = {file.name: lines for file in files if (lines := bare_texts(file.read_text(encoding="utf-8")))}
    assert found == {}


def test_a_text_that_is_put_together_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "one.py"
    file.write_text("_(f'{a}')")
    with pytest.raises(ValueError, match=r"one\.py:1"):
        list(translations.texts_of_python(file))
