"""The blocks of a page of docs/: what to type, what to save, and what is seen then."""

import re
from dataclasses import dataclass
from pathlib import Path

HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
BLOCK = re.compile(r"^ *```\{([a-z-]+)\} (\S+)\n((?: *:[a-z]+: [^\n]*\n)*)(.*?)^ *```$", re.MULTILINE | re.DOTALL)
OPTION = re.compile(r":([a-z]+): (.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block."""

    language: str
    caption: str
    text: str

    def is_seen_in(self, output: str) -> bool:
        """Whether its lines stand there in this order: ``…`` is anything, and spaces are as many as they like."""
        lines = map(_spaced, output.splitlines())
        patterns = (re.escape(_spaced(line)).replace("…", ".*") for line in self.text.splitlines())
        return all(any(re.search(pattern, line) for line in lines) for pattern in patterns)


def sections(page: Path) -> dict[str, list[Block]]:
    """The blocks below each heading of the second level."""
    _, *parts = HEADING.split(page.read_text())
    return {
        heading: [_block(page, *found.groups()) for found in BLOCK.finditer(text)]
        for heading, text in zip(parts[::2], parts[1::2], strict=True)
    }


def _block(page: Path, directive: str, argument: str, options: str, text: str) -> Block:
    values = dict(OPTION.findall(options))
    if directive == "literalinclude":
        return Block(language=values["language"], caption=values["caption"], text=(page.parent / argument).read_text())
    return Block(language=argument, caption=values["caption"], text=text)


def _spaced(line: str) -> str:
    return " ".join(line.split())
