"""The window that adds a case from files: an image or a DICOM series, its segmentation, and names for its values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from ..clients.library_client import LibraryClient
from ..clients.worker_client import WorkerFault
from ..panels import ask
from ..panels.add_case_panel import MODALITIES
from ..panels.panel import ResourcePath, bring_up, dismiss, load_ui, say, show_fault
from ..texts import wording
from .segment_names import NamedValue, SegmentNames, as_parameter
from .series_table import SeriesTable

_IMAGES = "Volumes (*.nrrd *.nhdr *.nii *.nii.gz *.hdr *.img *.mha *.mhd *.mgz *.dcm *.ima);;All files (*)"
_SEGMENTATIONS = "Segmentations (*.seg.nrrd *.nrrd *.nii *.nii.gz *.mha *.mhd *.mgz *.dcm);;All files (*)"


class AddFilesWindow:
    """A window of its own; Slicer stays usable while it is open.

    Args:
        library: The open library.
        resource_path: Where `.ui` files are.
    """

    def __init__(self, library: LibraryClient, resource_path: ResourcePath) -> None:
        self._library = library
        self._image = self._segmentation = ""
        self._adding = False
        self.widget, self.ui = load_ui(resource_path, "AddFilesWindow.ui")
        self._series = SeriesTable(self.ui.seriesTable)
        self._names = SegmentNames(self.ui.namesTable)
        self.ui.modalitySelector.addItems(list(MODALITIES))
        self._series.changed.connect(self._series_chosen)
        self._names.changed.connect(self._names_typed)
        self.ui.nameEdit.connect("editingFinished()", self._check_names)
        self.ui.imageFileButton.connect("clicked()", self._choose_file)
        self.ui.imageFolderButton.connect("clicked()", self._choose_folder)
        self.ui.segmentationButton.connect("clicked()", self._choose_segmentation)
        self.ui.addButton.connect("clicked()", self._add)
        self.ui.closeButton.connect("clicked()", self.widget.hide)
        library.changed.connect(self.update)
        self._start_anew()

    def open(self) -> None:
        """Show the window."""
        say(self.ui.statusLabel, "")
        bring_up(self.widget)

    def close(self) -> None:
        """The end of the module."""
        dismiss(self.widget)

    def update(self) -> None:
        """Enable the button when everything is chosen; its tool tip says what is missing."""
        missing = self._missing()
        self.ui.addButton.enabled = not missing and not self._adding
        self.ui.addButton.toolTip = missing or _("Add the case to the library")
        say(self.ui.missingLabel, missing)

    def _missing(self) -> str:
        if self._library.state is None:
            return _("Open or create a library first.")
        if not self._image:
            return _("Choose the image.")
        if self._series.count > 1 and len(self._series.chosen()) != 1:
            return _("Choose the series that was segmented.")
        if not self._segmentation:
            return _("Choose the segmentation that was drawn on the image.")
        if nameless := self._names.nameless():
            values = ", ".join(map(str, nameless[:8]))
            return _("Name the values of the label map: {values}.").format(values=values)
        return ""

    def _start_anew(self) -> None:
        self._image = self._segmentation = ""
        self.ui.imageLabel.text = self.ui.segmentationLabel.text = _("nothing chosen")
        self.ui.nameEdit.text = ""
        self.ui.straightenCheck.checked = False
        say(self.ui.warningLabel, "")
        self._show_series([])
        self._show_values([])

    def _choose_file(self) -> None:
        self._image_chosen(ask.file_to_open(self.widget, _("Choose the image"), _IMAGES))

    def _choose_folder(self) -> None:
        self._image_chosen(ask.folder(self.widget, _("Choose the folder of the DICOM series")))

    def _image_chosen(self, image: str) -> None:
        if not image:
            return
        self._image = image
        self.ui.imageLabel.text = Path(image).name
        self._show_series([])
        # A single file says by itself what it is; whatever is no DICOM has no series.
        if Path(image).is_dir():
            self._library.ask("dicom.series", {"source": image}, self._found_series, show_fault)

    def _found_series(self, told: dict[str, Any]) -> None:
        self._show_series(told["series"])

    def _show_series(self, series: list[dict[str, Any]]) -> None:
        self._series.show(series)
        self.ui.seriesSection.visible = bool(series)

    def _series_chosen(self) -> None:
        chosen = self._series.chosen()
        if len(chosen) == 1 and not self.ui.modalitySelector.currentText.strip():
            self.ui.modalitySelector.setCurrentText({"PT": "PET"}.get(chosen[0]["modality"], chosen[0]["modality"]))
        self.update()

    def _choose_segmentation(self) -> None:
        file = ask.file_to_open(self.widget, _("Choose the segmentation"), _SEGMENTATIONS)
        if not file:
            return
        self._segmentation = file
        self.ui.segmentationLabel.text = Path(file).name
        self._show_values([])
        if self._library.state is not None:
            self._library.ask("library.unnamed", {"files": [file]}, self._found_values, show_fault)

    def _found_values(self, told: dict[str, Any]) -> None:
        self._show_values([NamedValue(one["value"]) for one in told["values"]])

    def _show_values(self, values: list[NamedValue]) -> None:
        self._names.show(values)
        self.ui.namesSection.visible = bool(values)

    def _names_typed(self) -> None:
        self._check_names()
        self.update()

    def _check_names(self) -> None:
        """Warn before names that look like patient data go into a folder that may be shared."""
        names = [name for name in (self.ui.nameEdit.text.strip(), *self._names.names().values()) if name]
        if names:
            self._library.ask("names.check", {"names": names}, self._warn, show_fault)
        else:
            self._warn({"warnings": []})

    def _warn(self, told: dict[str, Any]) -> None:
        say(self.ui.warningLabel, wording.patient_names(told["warnings"]))

    def _add(self) -> None:
        parameters: dict[str, Any] = {"image": self._image, "segmentation": self._segmentation}
        modality = self.ui.modalitySelector.currentText.strip()
        parameters |= {
            key: text for key, text in (("name", self.ui.nameEdit.text.strip()), ("modality", modality)) if text
        }
        if self._series.count > 1:
            parameters["series"] = self._series.chosen()[0]["label"]
        if self.ui.straightenCheck.checked:
            parameters["straighten"] = True
        if names := self._names.names():
            parameters["names"] = as_parameter(names)
        self._adding = True
        say(self.ui.statusLabel, _("Adding the case..."))
        self.update()
        self._library.add_from_files(parameters, self._added, self._fault)

    def _added(self, result: dict[str, Any]) -> None:
        self._adding = False
        self._start_anew()
        told = [_("{name} is in the library.").format(name=result["case"]["name"])]
        told += [note["text"] for note in result["notes"]]
        told += wording.file_warnings(result["warnings"])
        say(self.ui.statusLabel, "\n".join(told))
        self.update()

    def _fault(self, fault: WorkerFault) -> None:
        self._adding = False
        say(self.ui.statusLabel, "")
        self.update()
        show_fault(fault)
