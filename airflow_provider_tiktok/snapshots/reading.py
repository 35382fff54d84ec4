"""Batches of cells from Parquet and CSV, read as a stream."""

import csv
import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from airflow_provider_tiktok.core.cells import from_arrow
from airflow_provider_tiktok.core.columns import ColumnError, Columns
from airflow_provider_tiktok.core.scrub import scrub_values
from airflow_provider_tiktok.errors import QueryError
from airflow_provider_tiktok.snapshots.files import StoragePath

BATCH_ROWS = 50_000
CSV_BLOCK_BYTES = 1_000_000
"""Arrow reads up to 35 blocks ahead of who takes the batches."""

END = "\x00end of the file\x00"
UNCLOSED = "a quote is opened and never closed, or the file is not complete"
NO_CSV = "it is no CSV in UTF-8 with a header"
_FIELDS = re.compile(r"Expected \d+ columns, got \d+")


def read_file(path: StoragePath, columns: Columns) -> Iterator[list[pa.Array]]:
    """Cells of a Parquet file, or of a CSV file with a header, by the end of its name. Errors name the file."""
    read = read_parquet if str(path).endswith(".parquet") else read_csv
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
        yield [from_arrow(batch.column(name), read) for name, read in zip(wanted, columns.read, strict=True)]


def read_csv(file: IO[Any], columns: Columns) -> Iterator[list[pa.Array]]:
    """Cells of CSV text with a header. All values are text; an empty value is NULL."""
    names, rest = _header(file)
    wanted = [names[position] for position in columns.positions(names)]
    reader = pyarrow.csv.open_csv(
        _Rest(file, rest, ",".join([END] * len(names))),
        read_options=pyarrow.csv.ReadOptions(block_size=CSV_BLOCK_BYTES, column_names=names),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            include_columns=wanted,
            column_types=dict.fromkeys(wanted, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
        ),
    )
    ended = False
    for batch in reader:
        ended = batch.num_rows > 0 and batch.column(0)[-1].as_py() == END
        rows = batch[:-1] if ended else batch
        if rows.num_rows:
            yield [from_arrow(rows.column(at), name) for at, name in enumerate(columns.read)]
    if not ended:  # Arrow takes all that follows for one value, and nobody would miss the rows in it
        raise QueryError(UNCLOSED)


class _Rest:
    """A CSV file behind its header, with one more row, which is seen at the end if no quoted value swallows it."""

    closed = False

    def __init__(self, file: IO[bytes], rest: bytes, row: str) -> None:
        self._file, self._rest, self._row, self._before = file, rest, row, b"\n"

    def read(self, size: int) -> bytes:
        """The next bytes."""
        data = self._rest or self._file.read(size)
        self._rest = b""
        if not data and self._row:
            data, self._row = (b"" if self._before == b"\n" else b"\n") + self._row.encode(), ""
        self._before = data[-1:]
        return data


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
    if fields:
        return f"a row is torn: {fields.group()}"
    return UNCLOSED if "straddles two block" in text else NO_CSV
