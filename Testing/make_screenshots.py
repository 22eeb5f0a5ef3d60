"""Makes the pictures of the module that are out of date, and writes what each was made of into the list of pictures.

    python Testing/make_screenshots.py            those that are out of date, or missing
    python Testing/make_screenshots.py --all      every one
    python Testing/make_screenshots.py --check    only says which are out of date: exit code 1 where one is

The tutorial is played in pieces, a process each (`tutorial_pieces.py`), on made-up volumes with a real library and a
real worker. A piece that is done is written to the list at once: after an interruption, type the same again.
`--folder F` writes all pictures there instead, and leaves list and repository alone; with `--dark`, in the colors of
Slicer's dark style.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "Testing"), str(ROOT)]

import pictures  # noqa: E402

from RetrievalSAMLib.demo.cohort import make_cohort  # noqa: E402
from RetrievalSAMLib.volumes import Geometry, Segmentation, Volume, write_segmentation, write_volume  # noqa: E402

SUBJECTS = 4
# No slice is seen in them: coarser volumes do, in a tenth of the time.
PIECES_OF_WINDOWS = {"suggest", "batch", "review"}


def make_volumes(full: Path, coarse: Path) -> None:
    """The made-up volumes, each with its segmentation, for all pieces; `coarse`: every second voxel along each axis."""
    for folder in (full, coarse):
        folder.mkdir()
    for subject in make_cohort(SUBJECTS):
        for folder, image, segmentation in (
            (full, subject.image, subject.segmentation),
            (coarse, *every_second_voxel(subject.image, subject.segmentation)),
        ):
            write_volume(image, folder / f"{subject.name}.nrrd")
            write_segmentation(segmentation, folder / f"{subject.name}.seg.nrrd")


def every_second_voxel(image: Volume, segmentation: Segmentation) -> tuple[Volume, Segmentation]:
    """A subject on a grid of twice the spacing."""
    grid = image.geometry
    voxels = image.voxels[::2, ::2, ::2]
    i, j, k = (2 * mm for mm in grid.spacing_mm)
    geometry = Geometry(voxels.shape, (i, j, k), grid.origin_mm, grid.direction)
    masks = [segmentation.mask(n)[::2, ::2, ::2] for n in range(len(segmentation.segments))]
    return Volume(voxels, geometry), Segmentation.from_masks(segmentation.segments, masks, geometry)


def play(piece: str, made: Path, files: Path, dark: bool) -> bool:
    """One piece in a process of its own; returns whether it came to its end."""
    print(f"playing: {piece}", flush=True)
    if piece == "demo":
        command = [sys.executable, "-m", "RetrievalSAMLib.cli.main", "demo", "--output", str(made / "demo")]
        if subprocess.run(command, cwd=ROOT).returncode != 0:
            return False
        shutil.move(made / "demo" / "contact-sheet.png", made / "demo-contact-sheet.png")
        return True
    command = [sys.executable, str(ROOT / "Testing" / "tutorial_pieces.py"), piece, str(made), "--files", str(files)]
    return subprocess.run([*command, *(["--dark"] if dark else [])]).returncode == 0


def make(pieces: Iterable[str], folder: Path | None, dark: bool) -> list[str]:
    """Plays pieces, and puts each one's pictures where they belong as soon as it is done.

    Returns:
        The pieces that failed.
    """
    failed = []
    with tempfile.TemporaryDirectory() as temporary:
        full, coarse = Path(temporary) / "volumes", Path(temporary) / "coarse volumes"
        make_volumes(full, coarse)
        for piece in pieces:
            made = Path(temporary) / piece
            made.mkdir()
            names = {name for name, picture in pictures.PICTURES.items() if picture.piece == piece}
            files = coarse if piece in PIECES_OF_WINDOWS else full
            if not play(piece, made, files, dark) or not all((made / name).is_file() for name in names):
                failed.append(piece)
                continue
            for name in names:
                shutil.copy(made / name, (folder or ROOT / pictures.FOLDER) / name)
            if folder is None:
                pictures.record(names)
    return failed


def main() -> int:
    """Makes the pictures.

    Returns:
        0, or 1 where a piece failed, or a picture is out of date (`--check`).
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="make every picture")
    parser.add_argument("--check", action="store_true", help="make none; say which are out of date")
    parser.add_argument("--pieces", nargs="+", choices=pictures.PIECES, help="play these pieces")
    parser.add_argument("--folder", type=Path, help="write the pictures here, and leave the repository alone")
    parser.add_argument("--dark", action="store_true", help="in the colors of Slicer's dark style (with --folder)")
    options = parser.parse_args()
    if options.dark and options.folder is None:
        parser.error("--dark goes with --folder: the repository's pictures are the light ones")
    old = pictures.out_of_date()
    for name, files in old.items():
        print(f"out of date: {name} ({', '.join(files)})")
    if options.check:
        return 1 if old else 0
    if options.folder is not None:
        options.folder.mkdir(parents=True, exist_ok=True)
    everything = options.all or options.folder is not None
    wanted = {picture.piece for name, picture in pictures.PICTURES.items() if everything or name in old}
    pieces = options.pieces or [piece for piece in pictures.PIECES if piece in wanted]
    failed = make(pieces, options.folder, options.dark) if pieces else []
    for piece in failed:
        print(f"failed: {piece}; its pictures are as they were. Its messages are above.", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
