"""Shows the RetrievalSAM module without Slicer: in a window, or in a picture.

    python Testing/show_module.py [--library L] [--volume V] [--language de] [--screenshot FILE.png]

It needs the packages of the extra `test` (PySide6-Essentials and slicer-core).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
# The module's folder holds its package; the repository holds RetrievalSAMLib, which the worker imports.
sys.path[:0] = [str(REPOSITORY / "Testing"), str(REPOSITORY)]

import slicer_standin  # noqa: E402


def arguments() -> argparse.Namespace:
    """Returns what the user wants to see."""
    parser = argparse.ArgumentParser(description="Shows the RetrievalSAM module without Slicer.")
    parser.add_argument("--library", type=Path, help="folder of a support library to open")
    parser.add_argument("--volume", type=Path, help="volume to load (.nrrd, .nii.gz, ...)")
    parser.add_argument("--screenshot", type=Path, metavar="FILE.png", help="write a picture, open no window")
    parser.add_argument("--dark", action="store_true", help="dark colours")
    parser.add_argument("--language", metavar="CODE", help="a language of the folder Translations, such as de")
    options = parser.parse_args()
    for option in ("library", "volume"):
        path = getattr(options, option)
        if path is not None and not path.exists():
            parser.error(f"--{option} {path}: there is nothing of that name; check the path")
    if options.language is not None and not texts_of(options.language).is_file():
        there = ", ".join(file.stem.rpartition("_")[2] for file in texts_of("*").parent.glob(texts_of("*").name))
        parser.error(f"--language {options.language}: there is no such translation; choose one of {there}")
    return options


def texts_of(language: str) -> Path:
    """The file with a language's texts."""
    return REPOSITORY / "Translations" / f"RetrievalSAM_{language}.ts"


def load(options: argparse.Namespace) -> Any:
    """Loads the module, the volume and the library, and waits for what the module does at its start."""
    import slicer
    from slicer_standin.module import LoadedModule, process_events, wait_until

    module = LoadedModule(REPOSITORY / "RetrievalSAM" / "RetrievalSAM.py")
    parameters = module.widget.logic.getParameterNode()
    if options.volume is not None:
        parameters.inputVolume = slicer.util.loadVolume(str(options.volume.resolve()))
        slicer.util.setSliceViewerLayers(background=parameters.inputVolume, fit=True)
    if options.library is not None:
        parameters.libraryFolder = str(options.library.resolve())
    module.enter()
    process_events()
    if options.screenshot is not None:
        workers = (module.widget.logic.computer, module.widget.logic.librarian)
        wait_until(lambda: not any(worker.busy for worker in workers), "the module to look at this computer")
        process_events()
    return module


def main() -> int:
    """Shows the module; returns the exit status."""
    options = arguments()
    slicer_standin.install(offscreen=options.screenshot is not None)
    import slicer
    from slicer_standin import translations, window

    if options.language is not None:
        translations.use(texts_of(options.language))
    window.use_palette(options.dark)
    module = load(options)
    if options.screenshot is not None:
        window.save_window(module.panel, options.screenshot)
        module.close()
        print(options.screenshot)
        return 1 if slicer_standin.slot_errors or slicer_standin.dialogs.unexpected else 0
    from slicer_standin.desktop import DesktopWindow

    slicer_standin.dialogs.interactive = True
    shown = DesktopWindow(module.panel, "RetrievalSAM (without Slicer)")
    shown.show()
    slicer.app.exec()
    module.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
