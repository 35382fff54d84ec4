"""Reads a page as a person does, and as somebody who looks for what does not belong there."""

from html.parser import HTMLParser

CELLS = {"th", "td"}


class Page(HTMLParser):
    """The tables of a page by their headings, its links, its whole text, its tags, and all attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self._heading, self._open = "", [""]
        self.feed(text)

    def rows(self, heading: str) -> list[dict[str, str]]:
        """Rows of a table by the names of its columns."""
        names, *rows = self.tables[heading]
        return [dict(zip(names, row, strict=True)) for row in rows]

    def facts(self, heading: str) -> dict[str, str]:
        """A table of two columns."""
        return dict(row[:2] for row in self.tables[heading])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self._open.append(tag)
        if tag in {"h1", "h2"}:
            self._heading = ""
        elif tag == "tr":
            self.tables.setdefault(self._heading.strip(), []).append([])
        elif tag in CELLS:
            self.tables[self._heading.strip()][-1].append("")
        elif tag == "a":
            self.links.append(dict(attrs)["href"] or "")

    def handle_data(self, data: str) -> None:
        if {"style", "title"} & set(self._open):
            return
        self.text += data
        if {"h1", "h2"} & set(self._open):
            self._heading += data
        elif CELLS & set(self._open):
            row = self.tables[self._heading.strip()][-1]
            row[-1] = f"{row[-1]} {data}".strip() if data.strip() else row[-1]

    def handle_endtag(self, tag: str) -> None:
        while self._open[-1] != tag and tag in self._open:
            self._open.pop()
        if self._open[-1] == tag:
            self._open.pop()
