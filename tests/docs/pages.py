"""The pages of the documentation, and what is in them, read without Sphinx."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
SNIPPETS = DOCS / "snippets"
FENCE = re.compile(r"^(?P<fence>```+|:::+)(?P<head>[^\n]*)\n(?P<body>.*?)^(?P=fence)$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: what stands after its fence, and its text."""

    head: str
    body: str


def pages() -> list[Path]:
    """All pages but the decisions, which speak of their day."""
    return sorted(path for path in DOCS.rglob("*.md") if "decisions" not in path.parts)


def name_of(page: Path) -> str:
    return page.relative_to(DOCS).as_posix()


def blocks(page: Path) -> list[Block]:
    return [Block(found["head"].strip(), found["body"]) for found in FENCE.finditer(page.read_text())]


def code_font(page: Path) -> set[str]:
    """What stands between backticks in the text, outside of blocks."""
    return set(re.findall(r"(?<!`)`([^`\n]+)`(?!`)", FENCE.sub("", page.read_text())))


def consoles(page: Path) -> Iterator[str]:
    """Lines of blocks for a shell; a line that ends in a backslash goes on in the next."""
    for block in blocks(page):
        if block.head in {"console", "bash"} or block.head == "{code-block} bash":
            text = re.sub(r"\\\n\s*", "", block.body)
            yield from (line.strip().removeprefix("$ ") for line in text.splitlines())


def commands(page: Path) -> Iterator[str]:
    """Lines for a shell, in blocks and in the text."""
    yield from consoles(page)
    yield from code_font(page)
