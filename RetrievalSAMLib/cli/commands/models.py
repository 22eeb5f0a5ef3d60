"""`retrievalsam models`: the published weights, fetched once and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..terminal import byte_bar, print_table

app = typer.Typer(help="Fetch, import, check and remove published weights.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name in the catalogue (retrievalsam models list).")]


@app.command("list")
def list_models() -> None:
    """The catalogue, what of it is installed, and what each of the weights brings, needs and allows."""
    from ...models import store
    from ...models.catalogue import SAM3
    from ...models.in_words import sam3_in_words, weights_in_words

    found = store.status()
    print_table(
        ("name", "kind", "size (MB)", "licence", "installed"),
        [
            (
                item.entry.name,
                item.entry.kind,
                f"{item.entry.bytes / 1e6:.0f}",
                item.entry.licence,
                "no" if not item.installed else "damaged" if item.intact is False else "yes",
            )
            for item in found
        ],
    )
    told = [(f"{item.entry.name} ({item.entry.kind})", weights_in_words(item.entry)) for item in found]
    for name, words in [*told, (f"{SAM3} (segmenter, from a folder of yours)", sam3_in_words())]:
        print(f"\n{name}")
        print(f"  brings  {words.brings}")
        print(f"  needs   {words.needs}")
        print(f"  allows  {words.allows}")
    print("\nother weights of SAM 2's shapes, MedSAM2's among them: --checkpoint FILE (docs/weights.md)")
    print(f"folder: {store.models_folder()}")


@app.command()
def download(name: Name) -> None:
    """Download weights and check them; a broken download goes on where it stopped."""
    from ...models.download import download as fetch

    with byte_bar(name) as progress:
        path = fetch(name, progress=progress)
    print(f"{name} is installed: {path}")


@app.command("import")
def import_weights(
    folder: Annotated[Path, typer.Argument(help="Folder (or file) that holds the official files.")],
) -> None:
    """Import official files from a folder, for computers without a network."""
    from ...models import store

    for entry in store.import_from(folder):
        print(f"{entry.name} is installed")


@app.command()
def verify() -> None:
    """Check everything that is installed; exit code 1 if a file is damaged."""
    from ...models import store

    found = store.verify()
    for item in found:
        print(f"{item.entry.name} ({item.entry.kind}): {'intact' if item.intact else 'damaged'}")
    if not all(item.intact for item in found):
        raise typer.Exit(1)


@app.command()
def remove(name: Name) -> None:
    """Delete downloaded weights."""
    from ...models import store

    print(f"removed {store.remove(name) / 1e6:.0f} MB")
