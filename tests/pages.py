"""The pages of the documentation, and the blocks of code that stand on them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt

from conftest import REPOSITORY

PAGES = [REPOSITORY / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")]
PAGES += sorted((REPOSITORY / "docs").rglob("*.md"))
NOTEBOOKS = sorted((REPOSITORY / "examples" / "notebooks").glob("*.ipynb"))


class Block(NamedTuple):
    """language: as the page says it, empty where it says nothing."""

    language: str
    text: str


def of_repository(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def blocks(text: str) -> list[Block]:
    """All blocks of code of a page, fenced or indented, in their order."""
    tokens = MarkdownIt().parse(text)
    return [Block(one.info.strip(), one.content) for one in tokens if one.type in ("fence", "code_block")]


def commands(text: str) -> list[str]:
    """The lines that a page has one type at a prompt."""
    consoles = [block for block in blocks(text) if block.language == "console"]
    return [line[2:] for block in consoles for line in block.text.splitlines() if line.startswith("$ ")]
