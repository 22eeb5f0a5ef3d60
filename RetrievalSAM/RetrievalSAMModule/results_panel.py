"""What a run has found: volumes, confidence, the slices to look at first, and the examples behind each slice."""

from __future__ import annotations

from typing import Any

import qt
from slicer.i18n import tr as _

from . import wording
from .case_loading import CaseLoading
from .confidence_plot import plot_confidence
from .library_client import LibraryClient
from .panel import ResourcePath, cell, cell_data, color_icon, fit_height, head, load_ui, show_fault
from .report_view import ReportView, Support
from .segmenting import PROPOSED, Segmenting
from .slice_views import SliceFollower, jump_to_voxel, slice_centre
from .work_folder import WorkFolder

_WORST = 10
_MOST_SUPPORTS = 8
_THUMBNAIL = 96
_PLOT_HEIGHT = 130


class ResultsPanel:
    """The panel of the result that waits to be accepted, or was accepted last."""

    def __init__(
        self,
        segmenting: Segmenting,
        library: LibraryClient,
        loading: CaseLoading,
        work: WorkFolder,
        resource_path: ResourcePath,
    ) -> None:
        self._segmenting = segmenting
        self._library = library
        self._loading = loading
        self._thumbnails = work.new()
        self._report: ReportView | None = None
        self._slice: int | None = None
        self._follower = SliceFollower(self._slice_on_display)
        self.widget, self.ui = load_ui(resource_path, "ResultsPanel.ui")
        head(self.ui.segmentsTable, [_("Segment"), _("Volume (ml)"), _("Confidence")], stretched=0)
        head(self.ui.worstTable, [_("Slice"), _("Least sure of"), _("Confidence")], stretched=1)
        supports = self.ui.supportsList
        supports.setViewMode(qt.QListView.IconMode)
        supports.setIconSize(qt.QSize(_THUMBNAIL, _THUMBNAIL))
        supports.setFlow(qt.QListView.LeftToRight)
        supports.setWrapping(False)
        supports.setFixedHeight(_THUMBNAIL + 62)
        supports.setMovement(qt.QListView.Static)
        supports.connect("itemDoubleClicked(QListWidgetItem*)", self._load_support)
        self.ui.worstTable.connect("itemSelectionChanged()", self._jump)
        self.ui.acceptButton.connect("clicked()", segmenting.accept)
        self.ui.discardButton.connect("clicked()", segmenting.discard)
        self.ui.show3DCheckBox.connect("toggled(bool)", self._show_3d)
        segmenting.state_changed.connect(self.update)
        self.update()

    def cleanup(self) -> None:
        """Let go of the slice views."""
        self._follower.stop()

    def update(self) -> None:
        """Show the result of the run, or none."""
        proposed = self._segmenting.state == PROPOSED
        self.ui.acceptButton.enabled = proposed
        self.ui.discardButton.enabled = proposed
        self.ui.show3DCheckBox.enabled = proposed
        report = self._segmenting.proposal.report if proposed else {}
        self._report = ReportView(report) if report else None
        self._slice = None
        for widget in (
            self.ui.segmentsTable,
            self.ui.plotLabel,
            self.ui.worstLabel,
            self.ui.worstTable,
            self.ui.supportsLabel,
            self.ui.supportsList,
            self.ui.show3DCheckBox,
        ):
            widget.visible = self._report is not None
        self.ui.supportsList.clear()
        self.ui.supportsLabel.text = _("Examples behind a slice: move through the volume to see them.")
        if self._report is None:
            self._follower.stop()
            self.ui.summaryLabel.text = _("No result waits.")
            return
        self._show_summary()
        self._show_segments()
        self._show_worst()
        self._show_plot()
        volume = self._segmenting.proposal.volume
        if volume is not None:
            self._follower.follow(volume, self._report.plane_axis)

    def _show_summary(self) -> None:
        verdicts = {
            "in-library": _("This volume looks like those of the library."),
            "uncertain": _("Whether this volume is like those of the library cannot be told; look closely."),
            "unlike-library": _("This volume is unlike anything in the library; do not trust the segments unseen."),
        }
        self.ui.summaryLabel.text = _("{verdict} The run took {time}. For research use only.").format(
            verdict=verdicts[self._report.verdict], time=wording.duration(self._report.seconds)
        )

    def _show_segments(self) -> None:
        table, rows = self.ui.segmentsTable, self._report.segments()
        table.setRowCount(len(rows))
        for row, (name, volume_mm3, confidence) in enumerate(rows):
            first = cell(name, name)
            first.setIcon(color_icon(self._color(name)))
            table.setItem(row, 0, first)
            table.setItem(row, 1, _number(f"{volume_mm3 / 1000:.2f}"))
            table.setItem(row, 2, _number(f"{confidence:.2f}" if volume_mm3 else _("not found")))
        fit_height(table, most_rows=8)

    def _show_worst(self) -> None:
        table, worst = self.ui.worstTable, self._report.worst(_WORST)
        table.blockSignals(True)
        table.clearSelection()
        table.setRowCount(len(worst))
        for row, one in enumerate(worst):
            table.setItem(row, 0, _number(str(one.index), {"slice": one.index, "segment": one.segment}))
            table.setItem(row, 1, cell(one.segment))
            table.setItem(row, 2, _number(f"{one.confidence:.2f}"))
        table.blockSignals(False)
        fit_height(table, most_rows=5)

    def _show_plot(self) -> None:
        indices = self._report.indices()
        lines = [(self._color(name), self._report.confidence(name)) for name, _volume, _sure in self._report.segments()]
        width = max(self.ui.segmentsTable.width, 240)
        self.ui.plotLabel.setPixmap(
            plot_confidence(
                lines, indices[0], indices[-1], self._slice, qt.QSize(width, _PLOT_HEIGHT), self.widget.palette
            )
        )

    def _color(self, name: str) -> tuple[float, float, float]:
        proposal = self._segmenting.proposal
        if proposal is not None and proposal.segmentation is not None and name in proposal.segment_ids:
            segment = proposal.segmentation.GetSegmentation().GetSegment(proposal.segment_ids[name])
            if segment is not None:
                return segment.GetColor()
        return (0.5, 0.5, 0.5)

    def _jump(self) -> None:
        rows = self.ui.worstTable.selectionModel().selectedRows()
        proposal = self._segmenting.proposal
        if not rows or proposal is None or proposal.volume is None or proposal.segmentation is None:
            return
        chosen = cell_data(self.ui.worstTable, rows[0].row())
        voxel = slice_centre(
            proposal.segmentation,
            proposal.segment_ids.get(chosen["segment"], ""),
            proposal.volume,
            self._report.plane_axis,
            chosen["slice"],
        )
        jump_to_voxel(proposal.volume, voxel)

    def _slice_on_display(self, index: int) -> None:
        if self._report is None or index == self._slice:
            return
        self._slice = index
        self._show_plot()
        supports = self._report.supports(index)[:_MOST_SUPPORTS]
        self.ui.supportsLabel.text = (
            _("Examples behind slice {index}; double-click to load the case:").format(index=index)
            if supports
            else _("Nothing was found on slice {index}.").format(index=index)
        )
        self.ui.supportsList.clear()
        self.ui.supportsList.visible = bool(supports)
        if supports:
            self._library.ask(
                "library.slices",
                {
                    "slices": [{"case": one.case, "slice": one.slice} for one in supports],
                    "thumbnails": str(self._thumbnails),
                },
                lambda told: self._show_supports(index, supports, told["files"]),
                show_fault,
            )

    def _show_supports(self, index: int, supports: list[Support], files: list[str | None]) -> None:
        if index != self._slice:
            return
        for support, file in zip(supports, files, strict=True):
            item = qt.QListWidgetItem(
                qt.QIcon(file or ""),
                _("{case}\n{similarity:.2f}").format(case=support.case, similarity=support.similarity),
            )
            item.setToolTip(
                _("{case}, slice {slice}, similarity {similarity:.2f}, for {segments}").format(
                    case=support.case,
                    slice=support.slice,
                    similarity=support.similarity,
                    segments=", ".join(support.segments),
                )
            )
            item.setData(qt.Qt.UserRole, support.case)
            self.ui.supportsList.addItem(item)

    def _load_support(self, item: Any) -> None:
        state = self._library.state
        name = item.data(qt.Qt.UserRole)
        ids = [case.id for case in state.cases if case.name == name] if state is not None else []
        if ids:
            self._loading.load(ids[0], lambda _name: None)

    def _show_3d(self, shown: bool) -> None:
        proposal = self._segmenting.proposal
        if proposal is None or proposal.segmentation is None:
            return
        if shown:
            proposal.segmentation.CreateClosedSurfaceRepresentation()
        else:
            proposal.segmentation.RemoveClosedSurfaceRepresentation()


def _number(text: str, data: Any = None) -> qt.QTableWidgetItem:
    item = cell(text, data)
    item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
    return item
