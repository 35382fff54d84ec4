"""Batches of cells from Parquet and CSV, read as a stream."""

import csv
import re
from collections.abc import Iterator, Sequence
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from airflow_provider_tiktok.core.cells import from_arrow
from airflow_provider_tiktok.core.columns import Columns
from airflow_provider_tiktok.errors import QueryError
from airflow_provider_tiktok.snapshots.files import StoragePath

BATCH_ROWS = 50_000
CSV_BLOCK_BYTES = 4_000_000
_FIELDS = re.compile(r"Expected \d+ columns, got \d+")


def read_file(path: StoragePath, columns: Columns) -> Iterator[list[pa.Array]]:
    """Cells of a Parquet file, or of a CSV file with a header, by the end of its name."""
    if str(path).endswith(".parquet"):
        with path.open("rb") as file:
            yield from read_parquet(file, columns)
        return
    with path.open("rb") as file:
        yield from read_csv(file, columns, _header(path))


def _header(path: StoragePath) -> list[str]:
    with path.open("rb") as file:
        line = file.readline()
    try:
        return next(csv.reader([line.decode("utf-8-sig")]), [])
    except UnicodeDecodeError:
        raise QueryError(_unreadable("it is no CSV in UTF-8 with a header")) from None


def read_parquet(file: IO[Any], columns: Columns) -> Iterator[list[pa.Array]]:
    """Cells of a Parquet file, of which only the columns that are needed are read."""
    parquet = pq.ParquetFile(file, pre_buffer=False)
    names = parquet.schema_arrow.names
    wanted = [names[position] for position in columns.positions(names)]
    for batch in parquet.iter_batches(BATCH_ROWS, columns=wanted):
        yield [from_arrow(batch.column(name), read) for name, read in zip(wanted, columns.read, strict=True)]


def read_csv(file: IO[Any], columns: Columns, names: Sequence[str]) -> Iterator[list[pa.Array]]:
    """Cells of CSV text with a header of ``names``. All values are text; an empty value is NULL."""
    wanted = [names[position] for position in columns.positions(names)]
    try:
        reader = pyarrow.csv.open_csv(
            file,
            read_options=pyarrow.csv.ReadOptions(block_size=CSV_BLOCK_BYTES, column_names=list(names), skip_rows=1),
            parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=wanted,
                column_types=dict.fromkeys(wanted, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
        for batch in reader:
            yield [from_arrow(batch.column(at), name) for at, name in enumerate(columns.read)]
    except pa.ArrowInvalid as error:  # whose text quotes the row
        fields = _FIELDS.search(str(error))
        reason = f"a row is torn: {fields.group()}" if fields else "it is no CSV in UTF-8 with a header"
        raise QueryError(_unreadable(reason)) from None


def _unreadable(reason: str) -> str:
    return f"the CSV cannot be read: {reason}. No snapshot was made"
