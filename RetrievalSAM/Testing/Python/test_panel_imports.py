"""What the module may import, and that nothing of it computes: all that is heavy is in the worker."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
import unittest
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from panel_testing import HERE, MODULE, inside_slicer

BROUGHT_BY_SLICER = {"slicer", "qt", "ctk", "vtk", "numpy", "SimpleITK"}
OF_OTHER_MODULES = {"SampleData"}
HEAVY = ("torch", "torchvision", "msgspec", "faiss", "nrrd", "pandas", "scipy", "sam2", "timm", "matplotlib")
# Of numpy the panel needs geometry of a few numbers, to hand voxels on, and to see which of them differ.
NUMPY_NEEDED = {
    "abs",
    "all",
    "allclose",
    "any",
    "append",
    "arange",
    "argmax",
    "argwhere",
    "array",
    "asarray",
    "ascontiguousarray",
    "ceil",
    "clip",
    "delete",
    "diag",
    "dtype",
    "expand_dims",
    "eye",
    "flatnonzero",
    "floor",
    "frombuffer",
    "iinfo",
    "linalg",
    "max",
    "maximum",
    "meshgrid",
    "min",
    "minimum",
    "moveaxis",
    "ndarray",
    "ones",
    "packbits",
    "prod",
    "sign",
    "stack",
    "take",
    "uint8",
    "unpackbits",
    "vstack",
    "zeros",
    "zeros_like",
}


def module_files() -> list[Path]:
    """The module's own Python files."""
    return [MODULE, *sorted((MODULE.parent / "RetrievalSAMModule").rglob("*.py"))]


def imports(tree: ast.AST, everywhere: bool) -> Iterator[str]:
    """Dotted names that are imported, at file scope or everywhere; relative ones are left out."""
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


FROM_THE_CORE = {
    "RetrievalSAMLib.worker.protocol",
    "RetrievalSAMLib.cohort.review.decisions",
    "RetrievalSAMLib.csv_rows",
    "RetrievalSAMLib.csv_rows.write_rows",
    "RetrievalSAMLib.errors.InputError",
}


class ImportsTest(unittest.TestCase):
    def trees(self) -> Iterator[tuple[str, ast.Module]]:
        files = module_files()
        self.assertGreater(len(files), 20)
        for file in files:
            yield file.name, ast.parse(file.read_text(encoding="utf-8"))

    def test_file_scope_imports_only_what_slicer_brings(self) -> None:
        for name, tree in self.trees():
            for imported in imports(tree, everywhere=False):
                root = imported.split(".")[0]
                if root == "RetrievalSAMLib":
                    self.assertIn(imported, FROM_THE_CORE, name)
                else:
                    self.assertTrue(root in BROUGHT_BY_SLICER or root in sys.stdlib_module_names, f"{name}: {imported}")

    def test_what_is_taken_from_the_core_needs_python_alone(self) -> None:
        """Before the set-up there are no packages in Slicer."""
        modules = sorted({name.removesuffix(".InputError").removesuffix(".write_rows") for name in FROM_THE_CORE})
        root = Path(importlib.util.find_spec("RetrievalSAMLib").origin).parents[1]
        command = [sys.executable, "-S", "-E", "-c", f"import {', '.join(modules)}"]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_nothing_heavy_is_imported_anywhere(self) -> None:
        for name, tree in self.trees():
            for imported in imports(tree, everywhere=True):
                root = imported.split(".")[0]
                known = BROUGHT_BY_SLICER | OF_OTHER_MODULES | {"RetrievalSAMLib", "RetrievalSAMModule"}
                self.assertTrue(root in known or root in sys.stdlib_module_names, f"{name}: {imported}")

    def test_numpy_is_used_for_geometry_alone(self) -> None:
        used = {
            (name, node.attr)
            for name, tree in self.trees()
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "np"
        }
        self.assertTrue(used)
        self.assertEqual({(name, what) for name, what in used if what not in NUMPY_NEEDED}, set())

    def test_files_are_written_without_simpleitk(self) -> None:
        used = {
            node.attr
            for _name, tree in self.trees()
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "SimpleITK"
        }
        self.assertEqual(used, set())

    @unittest.skipIf(inside_slicer, "Slicer may have these loaded for other modules")
    def test_showing_the_panel_imports_nothing_heavy(self) -> None:
        code = (
            "import sys; sys.path[:0] = sys.argv[1:]\n"
            "import slicer_standin; slicer_standin.install()\n"
            "before = set(sys.modules)\n"
            "from pathlib import Path\n"
            "from slicer_standin.module import LoadedModule\n"
            f"module = LoadedModule(Path({str(MODULE)!r}))\n"
            "print('imported', *(set(sys.modules) - before))\n"
            "module.close()\n"
        )
        root = MODULE.parents[1]
        process = subprocess.run(
            [sys.executable, "-c", code, str(root / "Testing"), str(root)], capture_output=True, text=True
        )
        self.assertEqual(process.returncode, 0, process.stderr)
        imported = next(line for line in process.stdout.splitlines() if line.startswith("imported")).split()
        self.assertIn("RetrievalSAMModule.panels.segment_panel", imported)
        self.assertEqual({name.split(".")[0] for name in imported} & set(HEAVY), set())


class TestsOfTheModuleTest(unittest.TestCase):
    def test_every_test_is_run_inside_slicer_too(self) -> None:
        listed = re.findall(r"^\s*(test_\w+)\s*$", (HERE / "CMakeLists.txt").read_text(encoding="utf-8"), re.M)
        self.assertEqual(sorted(listed), sorted(file.stem for file in HERE.glob("test_*.py")))

    def test_reload_and_test_runs_these_tests(self) -> None:
        from RetrievalSAM import RetrievalSAMTest

        suites = []

        def run(_runner: unittest.TextTestRunner, suite: unittest.TestSuite) -> unittest.TestResult:
            suites.append(suite)
            return unittest.TestResult()

        with mock.patch.object(unittest.TextTestRunner, "run", run):
            RetrievalSAMTest().runTest()
        self.assertGreater(suites[0].countTestCases(), 60)
        self.assertNotIn("_FailedTest", str(suites[0]), "a file of tests cannot be imported")
