"""Hooks of mkdocs: pages and pictures that lie beside `docs/` in the repository, and links to them.

The pages are written so that their links work where the repository is read (GitHub, an editor). In the site, a link
out of `docs/` leads to a page or picture that is taken along, else to the file in the repository.
"""

from __future__ import annotations

import logging
import posixpath
import re
from collections.abc import Callable
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
REPOSITORY = "https://github.com/RetrievalSAM/SlicerRetrievalSAM"
# By their place in the repository, which is their place in the site as well.
PAGES = ("CONTRIBUTING.md", "CHANGELOG.md", "training/README.md")
PICTURES = ("Resources/Screenshots/*.png", "training/*.svg")
FIRST_PAGE, INDEX = "README.md", "docs/index.md"

_LINK = re.compile(r"(!?\[(?:[^\]\\]|\\.)*\]\()([^)\s]+)(\))")
_CODE = re.compile(r"^(`{3,}|~{3,}).*?^\1\s*$|`[^`\n]+`", re.DOTALL | re.MULTILINE)
_log = logging.getLogger("mkdocs.hooks.docs_site")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Takes pages and pictures along that lie beside `docs/`."""
    for name in PAGES:
        files.append(File.generated(config, name, content=(ROOT / name).read_text(encoding="utf-8")))
    for pattern in PICTURES:
        for path in sorted(ROOT.glob(pattern)):
            files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turns links between files of the repository into links within the site."""
    own = page.file.src_uri if page.file.src_uri in PAGES else f"docs/{page.file.src_uri}"
    return outside_code(markdown, lambda text: _LINK.sub(lambda link: _in_site(link, own, page, files), text))


def outside_code(markdown: str, change: Callable[[str], str]) -> str:
    """Changes a page's text and leaves code as it is."""
    parts, end = [], 0
    for code in _CODE.finditer(markdown):
        parts += [change(markdown[end : code.start()]), code.group()]
        end = code.end()
    return "".join([*parts, change(markdown[end:])])


def _in_site(link: re.Match[str], own: str, page: Page, files: Files) -> str:
    before, target, after = link.groups()
    path, hash_sign, anchor = target.partition("#")
    if not path or ":" in path or path.startswith("/"):
        return link.group()
    in_repository = posixpath.normpath(posixpath.join(posixpath.dirname(own), path))
    if not (ROOT / in_repository).exists():
        _log.warning("%s links to %s, which is not in the repository", own, target)
        return link.group()
    in_site = in_repository.removeprefix("docs/") if in_repository.startswith("docs/") else in_repository
    if in_repository == FIRST_PAGE or files.get_file_from_path(in_site) is None:
        kind = "tree" if (ROOT / in_repository).is_dir() else "blob"
        return f"{before}{REPOSITORY}/{kind}/main/{in_repository}{hash_sign}{anchor}{after}"
    relative = posixpath.relpath(in_site, posixpath.dirname(page.file.src_uri) or ".")
    return f"{before}{relative}{hash_sign}{anchor}{after}"
