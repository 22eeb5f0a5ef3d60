"""The small Python modules of Slicer: slicer.i18n and SampleData."""

from __future__ import annotations

import types
from dataclasses import dataclass, field
from typing import Any

from . import translations


def build_i18n() -> types.ModuleType:
    """Returns `slicer.i18n`: texts stay as they are, unless a language is used; they are recorded in `translated`."""
    module: Any = types.ModuleType("slicer.i18n", "Translation.")
    module.translated = []

    def tr(text: str) -> str:
        if not isinstance(text, str):
            raise TypeError(f"tr() takes a string, not {type(text).__name__}")
        module.translated.append(text)
        return translations.translated(text)

    def translate(context: str, text: str) -> str:
        if not isinstance(context, str):
            raise TypeError(f"translate() takes a context, not {type(context).__name__}")
        return tr(text)

    def getContext(sourceFile: str) -> str:
        return sourceFile

    module.tr, module.translate, module.getContext = tr, translate, getContext
    return module


@dataclass
class SampleDataSource:
    """One registered sample, with the arguments of SampleData's own function."""

    sampleName: str
    uris: Any
    fileNames: Any
    nodeNames: Any
    loadFileTypes: Any = None
    checksums: Any = None
    thumbnailFileName: str | None = None
    category: str | None = None
    loadFiles: Any = None
    customDownloader: Any = None
    options: dict[str, Any] = field(default_factory=dict)


def build_sample_data() -> types.ModuleType:
    """Returns the module `SampleData`; registered sources are in `SampleDataLogic.registered`."""
    module: Any = types.ModuleType("SampleData", "Records registrations.")

    class SampleDataLogic:
        """Slicer's Sample Data module, as far as other modules register with it."""

        registered: list[SampleDataSource] = []

        @staticmethod
        def registerCustomSampleDataSource(
            category: str = "Custom",
            sampleName: str | None = None,
            uris: Any = None,
            fileNames: Any = None,
            nodeNames: Any = None,
            customDownloader: Any = None,
            thumbnailFileName: str | None = None,
            loadFileTypes: Any = None,
            loadFiles: Any = None,
            loadFileProperties: Any = None,
            checksums: Any = None,
            loadFileType: Any = None,
        ) -> None:
            """Registers a sample under a category."""
            if not sampleName or not (uris or customDownloader):
                raise ValueError("a sample needs a name, and addresses or a downloader")
            lists = [entry for entry in (uris, fileNames, nodeNames, checksums) if isinstance(entry, (list, tuple))]
            if len({len(entry) for entry in lists}) > 1:
                raise ValueError(f"the lists of {sampleName} differ in length")
            source = SampleDataSource(
                sampleName,
                uris,
                fileNames,
                nodeNames,
                loadFileTypes or loadFileType,
                checksums,
                thumbnailFileName,
                category,
                loadFiles,
                customDownloader,
                {"loadFileProperties": loadFileProperties},
            )
            if source not in SampleDataLogic.registered:
                SampleDataLogic.registered.append(source)

        @staticmethod
        def sampleDataSourcesByCategory(category: str) -> list[SampleDataSource]:
            """Returns the samples of a category."""
            return [source for source in SampleDataLogic.registered if source.category == category]

    module.SampleDataLogic = SampleDataLogic
    module.SampleDataSource = SampleDataSource
    return module
