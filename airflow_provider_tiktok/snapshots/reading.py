"""Batches of cells from Parquet and CSV, read as a stream."""

import csv
import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from airflow_provider_tiktok.core.cells import from_columns
from airflow_provider_tiktok.core.columns import ColumnError, Columns
from airflow_provider_tiktok.core.scrub import scrub_values
from airflow_provider_tiktok.errors import QueryError
from airflow_provider_tiktok.snapshots.files import StoragePath

BATCH_ROWS = 50_000
CSV_BLOCK_BYTES = 2_000_000
CSV_ROW_BYTES = 16_000_000
"""No row is longer."""

END = "\x00end of the file\x00"
UNCLOSED = "a quote is opened and never closed, or the file is not complete"
NO_CSV = "it is no CSV in UTF-8 with a header"
_LINE_ENDS = (b"\n", b"\r")
_FIELDS = re.compile(r"Expected \d+ columns, got \d+")


def read_file(path: StoragePath, columns: Columns) -> Iterator[list[pa.Array]]:
    """Cells of a Parquet file, or of a CSV file with a header, by the end of its name. Errors name the file."""
    read = read_parquet if str(path).lower().endswith(".parquet") else read_csv
    try:
        with path.open("rb") as file:
            yield from read(file, columns)
    except ColumnError as error:
        raise ColumnError(f"{path}: {error}") from None
    except (OSError, pa.ArrowException, csv.Error, UnicodeDecodeError, QueryError) as error:
        raise QueryError(f"{path} cannot be read: {_reason(error)}. No snapshot was made") from None


def read_parquet(file: IO[Any], columns: Columns) -> Iterator[list[pa.Array]]:
    """Cells of a Parquet file, of which only the columns that are needed are read."""
    parquet = pq.ParquetFile(file, pre_buffer=False)
    names = parquet.schema_arrow.names
    wanted = [names[position] for position in columns.positions(names)]
    for batch in parquet.iter_batches(BATCH_ROWS, columns=wanted):
        yield from_columns([batch.column(name) for name in wanted], columns)


def read_csv(file: IO[Any], columns: Columns) -> Iterator[list[pa.Array]]:
    """Cells of CSV text with a header. All values are text; an empty value is NULL.

    Block by block, since Arrow's own stream reads far ahead, in a thread that a process cannot end while it waits.
    """
    names, text = _header(file)
    places = columns.positions(names)
    ended = False
    while text or not ended:
        more = file.read(max(CSV_BLOCK_BYTES, len(text)))
        text, ended = text + more, not more
        try:
            end = len(text) if ended else _end_of_rows(text)
            table = _parse(text[:end], names, [names[place] for place in places])
        except (pa.ArrowInvalid, QueryError):  # with more text it may be right: the end was inside of a value
            if ended or len(text) >= CSV_ROW_BYTES:
                raise
        else:
            text = text[end:]
            if table.num_rows:
                yield from_columns(table.columns, columns)


def _end_of_rows(text: bytes) -> int:
    """Where the last whole row ends, by the quotes before it; a guess where they do not come in pairs."""
    line_end = b"\n" if b"\n" in text else b"\r"
    last = at = text.rfind(line_end)
    odd, end = text.count(b'"') % 2, len(text)
    while at >= 0:
        odd ^= text.count(b'"', at, end) % 2
        if not odd:
            return at + 1
        at, end = text.rfind(line_end, 0, at), at
    if last < 0:
        raise QueryError(UNCLOSED)
    return last + 1


def _parse(text: bytes, names: list[str], wanted: list[str]) -> pa.Table:
    """The rows of a text. One more row is added: when it is not there, a value that began never ended."""
    lines = [text, b"" if text.endswith(_LINE_ENDS) else b"\n", ",".join([END] * len(names)).encode()]
    table = pyarrow.csv.read_csv(
        pa.BufferReader(b"".join(lines)),
        read_options=pyarrow.csv.ReadOptions(
            use_threads=False, block_size=sum(map(len, lines)) + 1, column_names=names
        ),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            include_columns=wanted,
            column_types=dict.fromkeys(wanted, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
        ),
    )
    if table.column(0)[-1].as_py() != END:
        raise QueryError(UNCLOSED)
    return table[:-1]


def _header(file: IO[bytes]) -> tuple[list[str], bytes]:
    """Names of the columns, and what else was read."""
    lines = file.read(CSV_BLOCK_BYTES).removeprefix(BOM_UTF8).splitlines(keepends=True)
    reader = csv.reader(line.decode() for line in lines)
    names = next((row for row in reader if row), [])
    if any(scrub_values(name) != name for name in names):
        raise QueryError("its first line holds values where the names of the columns should be")
    return names, b"".join(lines[reader.line_num :])


def _reason(error: Exception) -> str:
    """What is wrong, without Arrow's own words about a CSV file, which quote the row."""
    text = " ".join(str(error).split())
    if isinstance(error, QueryError):
        return text
    if "Parquet" in text or isinstance(error, OSError):
        return f"{type(error).__name__}: {scrub_values(text).rstrip('.')}"
    fields = _FIELDS.search(text)
    return f"a row is torn: {fields.group()}" if fields else NO_CSV
