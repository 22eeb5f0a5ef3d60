"""The results of a batch as pages that any browser opens from the disk, what needs a look first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import jinja2

from .. import NOTICE, __version__
from ..segmentation.verdict import IN_LIBRARY, UNCERTAIN, UNLIKE
from ..volumes import write_staged
from .results import DONE, FAILED, Outcome, Results

CARDS_A_PAGE = 50
_TEMPLATE = "page.html.jinja"
_VERDICTS = {
    IN_LIBRARY: "like the library",
    UNCERTAIN: "perhaps unlike the library",
    UNLIKE: "unlike the library: do not trust these masks unseen",
}


def worst_first(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Volumes that were segmented: those unlike the library, then by rising confidence."""
    done = [outcome for outcome in outcomes if outcome.state == DONE]
    return sorted(done, key=lambda outcome: (outcome.verdict != UNLIKE, outcome.confidence, outcome.id))


def write_pages(outcomes: Sequence[Outcome], results: Results) -> Path:
    """Write `index.html`, and `pages/page-2.html` and so on where there are many volumes.

    Returns:
        The first page.

    Raises:
        InputError: The folder cannot be written to.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template(_TEMPLATE)
    ordered = worst_first(outcomes)
    failed = [outcome for outcome in outcomes if outcome.state == FAILED]
    count = max(1, -(-len(ordered) // CARDS_A_PAGE))
    for page in range(1, count + 1):
        text = template.render(
            cards=ordered[(page - 1) * CARDS_A_PAGE : page * CARDS_A_PAGE],
            done=len(ordered),
            failed=failed,
            unlike=sum(outcome.verdict == UNLIKE for outcome in ordered),
            verdicts=_VERDICTS,
            page=page,
            pages=count,
            root="" if page == 1 else "../",
            notice=NOTICE,
            version=__version__,
        )
        _write(_file(results, page), text)
    # A batch that was larger before leaves no page of then.
    for file in results.pages.glob("page-*.html"):
        if file not in [_file(results, page) for page in range(2, count + 1)]:
            file.unlink()
    return _file(results, 1)


def _file(results: Results, page: int) -> Path:
    return results.folder / "index.html" if page == 1 else results.pages / f"page-{page}.html"


def _write(file: Path, text: str) -> None:
    def write(staged: Path) -> None:
        staged.write_text(text, encoding="utf-8")

    write_staged(file, write)
