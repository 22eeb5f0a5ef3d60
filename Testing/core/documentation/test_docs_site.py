"""The documentation builds as a site without a warning, and a page of it fetches nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MOST_README_LINES = 120


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr
    return folder


class _Fetched(HTMLParser):
    """What a browser fetches to show a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in ("script", "img", "iframe", "source"):
            self.addresses.append(values.get("src") or "")
        if tag == "link" and "canonical" not in (values.get("rel") or ""):
            self.addresses.append(values.get("href") or "")


def test_every_page_is_in_the_site(site: Path) -> None:
    pages = [path.stem for path in (ROOT / "docs").glob("*.md")]
    assert [page for page in pages if not (site / f"{page}.html").is_file()] == []
    assert (site / "training" / "index.html").is_file()


def test_pictures_that_lie_beside_the_pages_come_along(site: Path) -> None:
    text = (site / "tutorial.html").read_text(encoding="utf-8")
    pictures = re.findall(r'src="(Resources/[^"]+)"', text)
    assert len(pictures) >= 6
    assert [picture for picture in pictures if not (site / picture).is_file()] == []


def test_a_reader_s_browser_fetches_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        parser = _Fetched()
        parser.feed(page.read_text(encoding="utf-8"))
        assert parser.addresses
        elsewhere = [address for address in parser.addresses if re.match(r"(https?:)?//", address)]
        assert elsewhere == [], page.name


def test_the_readme_fits_on_a_page() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= MOST_README_LINES


def _table_rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    below = (ROOT / page).read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2]
    lines = [line for line in below.partition("\n## ")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.mark.parametrize(
    ("page", "heading", "columns"),
    [("README.md", "How many cases it takes", 3), ("docs/figures.md", "By number of cases", 4)],
)
def test_the_figures_by_number_of_cases_are_those_that_were_measured(page: str, heading: str, columns: int) -> None:
    measured = [row[:columns] for row in _table_rows("training/README.md", "A library that grows by its own results")]
    shown = _table_rows(page, heading)
    assert shown
    assert [row for row in shown if row not in measured] == []


def test_links_of_the_files_beside_the_pages_lead_to_files() -> None:
    """The pages' own links are checked as the site is built; these files are read on GitHub."""
    for page in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md", "CHANGELOG.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if ":" not in target]
        assert [target for target in targets if target and not (ROOT / target).exists()] == [], page


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a page that is not there", "[a](no-such-page.md)", "no-such-page.md"),
        ("a file that is not there", "[a](../no-such-file.py)", "no-such-file.py"),
        ("a heading that is not there", "[a](figures.md#no-such-heading)", "no-such-heading"),
    ],
)
def test_a_broken_link_stops_the_build(name: str, text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(f"# Index\n\n{text}\n", encoding="utf-8")
    (tmp_path / "docs" / "figures.md").write_text("# Figures\n", encoding="utf-8")
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[0]
    settings = settings.replace("setup/docs_site.py", str(ROOT / "setup" / "docs_site.py"))
    (tmp_path / "mkdocs.yml").write_text(settings, encoding="utf-8")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert process.returncode != 0
    assert told in process.stdout + process.stderr


def test_files_that_the_pages_name_are_there() -> None:
    folders = "RetrievalSAMLib|RetrievalSAM|Testing|training|setup|docs|Resources"
    pages = [
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "training/README.md")),
    ]
    for page in pages:
        named = re.findall(rf"`((?:{folders})/[\w./-]+)`", page.read_text(encoding="utf-8"))
        assert [name for name in named if not (ROOT / name).exists()] == [], page.name
