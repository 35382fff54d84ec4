"""Looks for many secrets at once in everything that an Airflow wrote."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

GRAM = 8


def written_by(home: Path) -> dict[str, str]:
    """All text in an Airflow's home: its metadata database, dumped table by table, its logs and its printed output."""
    texts = {"metadata database": _dump(home / "airflow.db")}
    for path in (*home.glob("*.out"), *(path for path in (home / "logs").rglob("*") if path.is_file())):
        texts[str(path.relative_to(home))] = path.read_text(errors="replace")
    return texts


def leaks(texts: dict[str, str], secrets: Iterable[str]) -> list[str]:
    """Names of the texts that hold one of the secrets; secrets shorter than eight characters are not looked for."""
    by_start: dict[str, list[str]] = {}
    for secret in set(secrets):
        if len(secret) >= GRAM:
            by_start.setdefault(secret[:GRAM], []).append(secret)
    return [name for name, text in texts.items() if _holds(text, by_start)]


def _holds(text: str, by_start: dict[str, list[str]]) -> bool:
    return any(
        text.startswith(secret, position)
        for position in range(len(text) - GRAM + 1)
        for secret in by_start.get(text[position : position + GRAM], ())
    )


def _dump(database: Path) -> str:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        connection.text_factory = lambda raw: raw.decode(errors="replace")
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return "\n".join(
            _text(row) for table in tables for row in connection.execute(f'SELECT * FROM "{table}"').fetchall()
        )


def _text(row: tuple[object, ...]) -> str:
    return " ".join(cell.decode(errors="replace") if isinstance(cell, bytes) else str(cell) for cell in row)
