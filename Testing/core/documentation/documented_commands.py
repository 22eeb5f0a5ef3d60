"""What the pages tell a reader to type: commands in fenced blocks and in the text, and files that a block shows."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")),
    "training/README.md",
)
# A block without a language counts as commands, so that none is overlooked.
SHELL = {"", "sh"}
_FENCE = re.compile(
    r"^ *```(?P<language>\w*)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL
)
_INLINE = re.compile(r"`([^`\n]+)`")
_STARTS = re.compile(r"(?:[A-Z_]+=\S+ )*(?:retrievalsam|python3?|pytest|pip|\.venv/bin/\S+) \S")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        language: What stands behind the fence.
        title: Of the file that it shows; empty for none.
        text: What is in it.
    """

    language: str
    title: str
    text: str


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        page: The file that it stands in, in the repository.
        text: As typed.
        words: As a shell splits it, without comments and variables before it.
    """

    page: str
    text: str
    words: tuple[str, ...]

    @staticmethod
    def of(page: str, text: str) -> Command:
        """The command that a line of a page is."""
        words = shlex.split(text, comments=True)
        while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
            words.pop(0)
        return Command(page, text, tuple(words))

    @property
    def program(self) -> str:
        """What is started, without its folder."""
        return self.words[0].rpartition("/")[2]

    @property
    def options(self) -> set[str]:
        """The long options that are named, also in brackets."""
        return set(re.findall(r"(?<![\w-])--[a-z][\w-]*", " ".join(self.words)))


def blocks_of(page: str) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    for found in _FENCE.finditer((ROOT / page).read_text(encoding="utf-8")):
        yield Block(found["language"], found["title"] or "", found["text"])


def commands_in(page: str, block: Block) -> list[Command]:
    """The commands of a block; a backslash at the end of a line goes on in the next one."""
    lines = block.text.replace("\\\n", " ").splitlines()
    return [command for command in (Command.of(page, line) for line in lines) if command.words]


def typed_commands(page: str) -> list[Command]:
    """All commands of the page's blocks."""
    return [command for block in blocks_of(page) if block.language in SHELL for command in commands_in(page, block)]


def named_commands(page: str) -> list[Command]:
    """Commands that stand in the text."""
    text = _FENCE.sub("", (ROOT / page).read_text(encoding="utf-8"))
    return [Command.of(page, code) for code in _INLINE.findall(text) if _STARTS.match(code)]
