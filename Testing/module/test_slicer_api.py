"""Every call of the module exists, with its arguments, in each version of Slicer that is supported."""

from __future__ import annotations

import ast
import xml.etree.ElementTree as ET

import pytest
import slicer
import vtk
from conftest import REPOSITORY
from slicer_api.check import Checker
from slicer_api.facts import Facts
from slicer_api.usage import Module, described, read_module

MODULE = REPOSITORY / "RetrievalSAM"
CORE = REPOSITORY / "RetrievalSAMLib"
IMPORTED_FROM_THE_CORE = (CORE / "worker" / "protocol.py", CORE / "cohort" / "review" / "decisions.py")


@pytest.fixture(scope="module")
def checker() -> Checker:
    return Checker(Facts(), slicer, vtk)


def of(source: str, ui: str = "") -> Module:
    """A module of one file, and perhaps one `.ui` file."""
    return described({"one.py": ast.parse(source)}, {"One.ui": ET.fromstring(ui)} if ui else {})


def test_all_that_the_module_uses_exists_in_every_supported_version(checker: Checker) -> None:
    imported = {file.name: ast.parse(file.read_text(encoding="utf-8")) for file in IMPORTED_FROM_THE_CORE}
    told = described(imported, {}).own
    module = read_module(MODULE)
    assert len(module.trees) > 50 and len(module.ui_files) > 10
    assert checker.problems(module, frozenset(told)) == []


def test_an_argument_that_sample_data_does_not_take_is_found(checker: Checker) -> None:
    file = MODULE / "RetrievalSAMModule" / "sample_data.py"
    source = file.read_text(encoding="utf-8").replace(
        "sampleName=SAMPLE_NAME,", "sampleName=SAMPLE_NAME, sampleDescription='27 MB',"
    )
    problems = checker.problems(of(source), frozenset(read_module(MODULE).own))
    assert len(problems) == 3
    assert all("registerCustomSampleDataSource takes no 'sampleDescription'" in problem for problem in problems)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import slicer\nslicer.packaging.pip_ensure(['a'], requester='b')", "Slicer 5.10.0 has no slicer.packaging"),
        (
            "import slicer.util\nslicer.util.pip_install(['a'], requester='b')",
            "5.10.0: slicer.util.pip_install takes no",
        ),
        ("import slicer.util\nslicer.util.loadUI()", "needs path"),
        ("import slicer.util\nslicer.util.loadUI('a', 'b')", "takes 1 arguments by position, not 2"),
        ("import slicer.util\nslicer.util.loadUi('a')", "the facts know no slicer.util.loadUi"),
        ("import qt\nqt.QPushButton().connect('clickd()', print)", "QPushButton has no signal clickd()"),
        ("def f(button):\n    button.connect('clickd()', print)", "no class has no signal clickd()"),
        ("import qt\nqt.QCheckBox().connect('checkStateChanged(Qt::CheckState)', print)", "has no signal"),
        ("import qt\nqt.QLabel().txt = 'a'", "QLabel has no txt"),
        ("import qt\nqt.QDialog().exec_()", "exec_ does not exist in Qt 6"),
        ("import qt\nqt.QRegExp('a')", "write QRegularExpression"),
        ("import slicer\nslicer.vtkMRMLSegmentationNode().GetSegmentatoin()", "has no GetSegmentatoin"),
        ("import slicer\nslicer.vtkMRMLSegmentationNode().segmentation", "has no such properties"),
        ("import slicer\nslicer.vtkMRMLAccuratePicker()", "5.10.0 has no class vtkMRMLAccuratePicker"),
        ("def f(node):\n    node.GetSegmentatoin()", "nothing that the facts know is called GetSegmentatoin"),
        ("import ctk\nctk.ctkCollapsibleBotton()", "the facts know no class ctkCollapsibleBotton"),
    ],
)
def test_what_does_not_exist_is_found(checker: Checker, source: str, told: str) -> None:
    problems = checker.problems(of(source))
    assert any(told in problem for problem in problems), problems


UI = """
<ui version="4.0"><widget class="qMRMLWidget" name="One"><layout class="QVBoxLayout" name="layout"><item>
<widget class="ctkCollapsibleButton" name="section"><property name="{name}"><bool>true</bool></property></widget>
</item></layout></widget></ui>
"""


def test_a_property_in_a_ui_file_that_does_not_exist_is_found(checker: Checker) -> None:
    assert checker.problems(of("", UI.format(name="collapsed"))) == []
    problems = checker.problems(of("", UI.format(name="folded")))
    assert "ctkCollapsibleButton has no folded" in problems[0]


def test_a_signal_of_a_widget_of_a_ui_file_is_held_against_its_class(checker: Checker) -> None:
    lines = (
        "def __init__(self, ui):",
        "    self.ui = ui",
        "    self.ui.section.connect('contentsCollapsed(bool)', print)",
    )
    right = "\n    ".join(("class Panel:", *lines))
    assert checker.problems(of(right, UI.format(name="collapsed"))) == []
    wrong = right.replace("contentsCollapsed", "contentsFolded")
    assert (
        "ctkCollapsibleButton has no signal contentsFolded(bool)"
        in checker.problems(of(wrong, UI.format(name="collapsed")))[0]
    )
