"""What the panel is made of lies together, be it the source or the installed extension."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

from panel_testing import MODULE, OpenedModule


class PlaceTest(unittest.TestCase):
    def test_module_core_and_bundled_model_come_from_one_place(self) -> None:
        module = OpenedModule()
        self.addCleanup(module.close)
        places = {MODULE.parent, MODULE.parents[1]}
        for name in ("RetrievalSAMModule", "RetrievalSAMLib"):
            folder = Path(sys.modules[name].__file__).resolve().parent
            self.assertIn(folder.parent, places, name)
        core = Path(sys.modules["RetrievalSAMLib"].__file__).resolve().parent
        self.assertTrue((core / "models" / "bundled" / "segmenter.pt").is_file())
