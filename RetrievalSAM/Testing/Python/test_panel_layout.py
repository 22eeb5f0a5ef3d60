"""The panel keeps its width whatever its texts say: Slicer's views would move with it."""

from __future__ import annotations

import qt
import slicer.util
from panel_testing import PanelTest
from scripted_panel import scripted

LONG_WORD = "W" * 60  # say a path without a space


class WidthTest(PanelTest):
    script = scripted()

    def least_width(self) -> int:
        """What the texts and buttons need, in pixels."""
        for widget in (self.panel.widget, *slicer.util.findChildren(self.panel.widget, className="QWidget")):
            if widget.layout() is not None:
                widget.layout().activate()
        return self.panel.widget.layout().totalMinimumSize().width()

    def test_no_text_makes_the_panel_wider_than_it_is_anyhow(self) -> None:
        least = self.panel.widget.minimumWidth
        self.assertLessEqual(self.least_width(), least)
        labels = [
            label
            for label in slicer.util.findChildren(self.panel.widget, className="QLabel")
            if label.wordWrap and label.isVisibleTo(self.panel.widget)
        ]
        self.assertGreater(len(labels), 3)
        for label in slicer.util.findChildren(self.panel.widget, className="QLabel"):
            if label.wordWrap:
                label.text = LONG_WORD
                label.visible = True
                slicer.app.processEvents()
                self.assertLessEqual(self.least_width(), least, label.objectName)
        self.assertEqual(labels[0].sizePolicy.horizontalPolicy(), qt.QSizePolicy.Ignored)
