"""Numbers of a result as a table of the scene and as a file."""

from __future__ import annotations

import csv

import slicer
from corrected_panel import GOOD, CorrectionsTest
from scripted_panel import scripted

ROW = {"volume_id": "Subject 3", "segment": "Liver", "volume_ml": 12.5, "surface_cm2": 30.0, "mean": None}
CSV = "volume_id,segment\nSubject 3,Liver\n"


class NumbersTest(CorrectionsTest):
    script = scripted(segment=[GOOD], numbers=[{"result": {"rows": [ROW, {**ROW, "volume_ml": 1.0}], "csv": CSV}}])

    def test_the_table_has_what_the_worker_computed_of_the_segments_as_they_are(self) -> None:
        self.get_result()
        self.draw(4)
        self.wait_for([4])
        self.results_ui.tableButton.click()
        self.wait_until_quiet()
        (asked,) = self.requests("numbers")
        self.assertEqual((asked["with"]["corrected"], asked["with"]["confidence"]), ([4], {"Liver": 0.9}))
        (node,) = slicer.util.getNodesByClass("vtkMRMLTableNode")
        table = node.GetTable()
        self.assertEqual([table.GetColumnName(n) for n in range(table.GetNumberOfColumns())], list(ROW))
        self.assertEqual([float(node.GetCellText(row, 2)) for row in (0, 1)], [12.5, 1.0])
        self.assertEqual(node.GetCellText(1, 1), "Liver")

    def test_the_file_is_what_the_worker_wrote(self) -> None:
        self.get_result()
        file = self.folder / "numbers.csv"
        self.user.will_answer(file)
        self.results_ui.csvButton.click()
        self.wait_until_quiet()
        with file.open(encoding="utf-8-sig", newline="") as stream:
            self.assertEqual(list(csv.reader(stream)), [["volume_id", "segment"], ["Subject 3", "Liver"]])
