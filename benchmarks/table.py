"""Markdown."""

from collections.abc import Sequence

Cell = str | int | float | None


def render(heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Lay out a table, numbers to the right."""
    columns = [_column(head, cells) for head, *cells in zip(heads, *rows, strict=True)]
    return "\n".join(f"| {' | '.join(line)} |" for line in zip(*columns, strict=True))


def _column(head: str, cells: Sequence[Cell]) -> list[str]:
    """Head, rule and cells of a column, of one width."""
    texts = [_text(cell) for cell in cells]
    width = max(map(len, (head, *texts)))
    if any(isinstance(cell, int | float) for cell in cells):
        return [head.rjust(width), "-" * (width - 1) + ":", *(text.rjust(width) for text in texts)]
    return [head.ljust(width), "-" * width, *(text.ljust(width) for text in texts)]


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:,.0f}" if cell >= 100 else f"{cell:.1f}" if cell >= 10 else f"{cell:.2f}"
    return f"{cell:,}" if isinstance(cell, int) else cell
