"""Invented people, the same in every run: rows, Parquet files, and what a delivery of them must look like at TikTok.

Three rows of a hundred repeat a person of an earlier row; one row of eleven has its e-mail address in capitals between
spaces. Version 2 of a data set differs from version 1 in ``CHURN`` of the people: so many left, as many joined.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.progress import say

CHURN = 0.02
CHUNK = 100_000
COLUMNS = {"email": "EMAIL_SHA256", "phone": "PHONE_SHA256", "idfa": "IDFA_SHA256"}
FINGERPRINT_DIGITS = 16
_FIRST = pa.array([f"{name}{ending}" for name in ("al", "ben", "chris", "da") for ending in ("", "a", "ina", "o")])
_LAST = pa.array([f"{name}{ending}" for name in ("ever", "ham", "john", "nor") for ending in ("by", "man", "s", "ton")])
_HEX = np.frombuffer(b"0123456789ABCDEF", np.uint8)

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What must arrive: how many people, and the fingerprint of their e-mail digests."""

    people: int
    fingerprint: int


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """A data set of ``rows`` rows in a folder."""

    folder: Path
    rows: int

    @property
    def people(self) -> int:
        """How many different people the rows hold."""
        return 97 * (self.rows // 100) + min(self.rows % 100, 97)

    @property
    def churned(self) -> int:
        """How many people left, and how many joined, from version 1 to version 2."""
        return int(self.people * CHURN)

    def shift(self, version: int) -> int:
        """Number of the first person of a version."""
        return (version - 1) * self.churned

    def parquet(self, version: int) -> Path:
        """Rows with raw values."""
        return self.folder / f"people-{self.rows}-{version}.parquet"

    def digests(self, version: int) -> Path:
        """Distinct e-mail digests as hex, for comparisons of sets."""
        return self.folder / f"digests-{self.rows}-{version}.parquet"

    def expected(self) -> dict[str, Expected]:
        """What must arrive for the members of version 1 and 2, and for those who joined and left between them."""
        return {name: Expected(**value) for name, value in json.loads(self._expected.read_text()).items()}

    def generate(self) -> None:
        """Write all files, unless they are there."""
        if self._expected.exists():
            return
        say(f"Making {self.rows:,} invented people in {self.folder}")
        self.folder.mkdir(parents=True, exist_ok=True)
        expected = {}
        for version in (1, 2):
            self._write_rows(version)
            expected[f"version {version}"] = self._write_digests(version)
        left, joined = (0, self.churned), (self.people, self.people + self.churned)
        for name, (start, stop) in {"left": left, "joined": joined}.items():
            expected[name] = Expected(people=stop - start, fingerprint=_fingerprint_of(start, stop))
        self._expected.write_text(json.dumps({name: asdict(value) for name, value in expected.items()}))

    @property
    def _expected(self) -> Path:
        return self.folder / f"expected-{self.rows}.json"

    def _write_rows(self, version: int) -> None:
        schema = pa.schema([(name, pa.string()) for name in COLUMNS])
        with pq.ParquetWriter(self.parquet(version), schema) as writer:
            for start in range(0, self.rows, CHUNK):
                rows = np.arange(start, min(start + CHUNK, self.rows), dtype=np.int64)
                persons = person_of(rows) + self.shift(version)
                columns = [_messy(emails(persons), rows), phones(persons), device_ids(persons)]
                writer.write_table(pa.Table.from_arrays(columns, schema=schema))

    def _write_digests(self, version: int) -> Expected:
        first, schema, total = self.shift(version), pa.schema([("email_sha256", pa.string())]), 0
        with pq.ParquetWriter(self.digests(version), schema) as writer:
            for digests in _email_digests(first, first + self.people):
                writer.write_table(pa.table({"email_sha256": digests}))
                total += fingerprint(np.frombuffer("".join(digests).encode(), np.uint8).reshape(-1, 64))
        return Expected(people=self.people, fingerprint=total % 2**64)


def person_of(rows: Numbers) -> Numbers:
    """Person of each row: a new one, or one of an earlier row."""
    new = 97 * (rows // 100) + rows % 100
    earlier = _mix(rows) % (97 * (rows // 100) + 97).astype(np.uint64)
    return np.where(rows % 100 < 97, new, earlier.astype(np.int64))


def emails(persons: Numbers) -> pa.StringArray:
    """E-mail addresses in their normal form."""
    mixed = _mix(persons)
    first, last = _FIRST.take(pa.array(mixed & 15)), _LAST.take(pa.array(mixed >> 4 & 15))
    local = pc.binary_join_element_wise(first, last, pa.array(persons).cast(pa.string()), ".")
    return pc.binary_join_element_wise(local, "example.com", "@")


def phones(persons: Numbers) -> pa.StringArray:
    """Phone numbers of E.164 shape on the fictitious exchange 555."""
    return pc.binary_join_element_wise("+", pa.array(15_550_000_000 + persons).cast(pa.string()), "")


def device_ids(persons: Numbers) -> pa.StringArray:
    """IDFAs: UUIDs in capitals, as iOS gives them."""
    raw = np.stack([_mix(persons), _mix(persons + 2**40)], axis=1).view(np.uint8)
    digits = np.stack([_HEX[raw >> 4], _HEX[raw & 15]], axis=2).reshape(-1, 32)
    dashed = np.insert(digits, [8, 12, 16, 20], ord("-"), axis=1)
    offsets = np.arange(0, 36 * (len(persons) + 1), 36, dtype=np.int32)
    return pa.StringArray.from_buffers(len(persons), pa.py_buffer(offsets), pa.py_buffer(dashed.tobytes()))


def fingerprint(hex_digits: NDArray[np.uint8]) -> int:
    """Sum over the digests, whatever their order; one row of ASCII hex digits for each."""
    words = np.ascontiguousarray(hex_digits[:, :FINGERPRINT_DIGITS]).view(np.uint64)
    return int(words.sum(dtype=np.uint64))


def _messy(values: pa.StringArray, rows: Numbers) -> pa.StringArray:
    capitals = pc.binary_join_element_wise(" ", pc.ascii_upper(values), " ", "")
    return pc.if_else(pa.array(rows % 11 == 3), capitals, values)


def _email_digests(start: int, stop: int) -> Iterator[list[str]]:
    for first in range(start, stop, CHUNK):
        persons = np.arange(first, min(first + CHUNK, stop), dtype=np.int64)
        yield [hashlib.sha256(email.encode()).hexdigest() for email in emails(persons).to_pylist()]


def _fingerprint_of(start: int, stop: int) -> int:
    chunks = ("".join(digests).encode() for digests in _email_digests(start, stop))
    return sum(fingerprint(np.frombuffer(chunk, np.uint8).reshape(-1, 64)) for chunk in chunks) % 2**64


def _mix(values: Numbers) -> NDArray[np.uint64]:
    """Scatter numbers over 64 bits (the finaliser of SplitMix64)."""
    z = values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
