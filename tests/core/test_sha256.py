"""A faster SHA-256 is used only when it is SHA-256; hashlib is the judge, text by text."""

import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.core.sha256 import (
    Hash,
    fastest,
    hash_md5,
    hash_sha256,
    hash_texts,
    proven,
)

BLOCK_BORDERS = (0, 1, 54, 55, 56, 57, 63, 64, 65, 118, 119, 120, 127, 128, 129, 300)
"""Lengths about which the padding of SHA-256 begins a new block of 64 bytes."""


def one_by_one(algorithm: str, texts: list[bytes]) -> list[bytes]:
    """The judge."""
    return [hashlib.new(algorithm, text).digest() for text in texts]


def column(texts: list[bytes]) -> pa.Array:
    return pa.array(texts, pa.binary())


def each(digests: object) -> list[bytes]:
    """Digests as bytes, one for each row."""
    assert isinstance(digests, np.ndarray)
    return [row.tobytes() for row in digests]


def many(count: int) -> list[bytes]:
    """Random texts: addresses, bytes of any value, lengths at the borders of a block, and nothing."""
    rng = random.Random(20260101)
    made = (
        lambda: b"person%d@example.com" % rng.getrandbits(40),
        lambda: "".join(map(chr, rng.choices(range(0xA0, 0xD000), k=rng.randrange(9)))).encode(),
        lambda: rng.randbytes(rng.choice(BLOCK_BORDERS)),
        lambda: rng.randbytes(rng.randrange(300)),
        lambda: b"",
    )
    return [rng.choice(made)() for _ in range(count)]


each_way = pytest.mark.parametrize(
    "sha256",
    [
        pytest.param(hash_sha256, id="reference"),
        pytest.param(lambda texts: hash_texts("sha256", texts), id="texts"),
        pytest.param(fastest()[1], id="fastest"),
    ],
)


@each_way
def test_every_length_is_hashed_as_by_hashlib(sha256: Hash) -> None:
    """From nothing to 300 bytes, in one column and alone."""
    texts = [bytes((11 * length + place) % 256 for place in range(length)) for length in range(301)]
    assert each(sha256(column(texts))) == one_by_one("sha256", texts)
    assert [each(sha256(column([text]))) for text in texts] == [one_by_one("sha256", [text]) for text in texts]


@each_way
@given(texts=st.lists(st.binary(max_size=300)))
def test_any_column_is_hashed_as_by_hashlib(sha256: Hash, texts: list[bytes]) -> None:
    """Columns of any bytes, the empty one among them, keep their order."""
    assert each(sha256(column(texts))) == one_by_one("sha256", texts)


@each_way
@given(texts=st.lists(st.text(max_size=40)), cut=st.tuples(st.integers(0, 9), st.integers(0, 9)))
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()], ids=str)
def test_a_slice_is_hashed_as_by_hashlib(
    sha256: Hash, texts: list[str], cut: tuple[int, int], kind: pa.DataType
) -> None:
    """A part of a column shares its memory with the whole; the digests are those of the part."""
    part = slice(cut[0], max(cut[0], len(texts) - cut[1]))
    digests = each(sha256(pa.array(texts, kind)[part]))
    assert digests == one_by_one("sha256", [text.encode() for text in texts[part]])


@each_way
def test_a_hundred_thousand_texts_are_hashed_as_by_hashlib(sha256: Hash) -> None:
    """More than fit the lanes of a processor, of mixed lengths, with bytes that are not ASCII."""
    texts = many(100_000)
    assert each(sha256(column(texts))) == one_by_one("sha256", texts)


@given(st.lists(st.binary(max_size=200)))
def test_md5_is_that_of_hashlib(texts: list[bytes]) -> None:
    """MD5 goes its own way."""
    assert each(hash_texts("md5", column(texts))) == each(hash_md5(column(texts))) == one_by_one("md5", texts)


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_null_has_no_digest(algorithm: str) -> None:
    """A fast hash would take NULL for the empty text, whose digest is that of nobody."""
    with pytest.raises(ValueError, match="NULL"):
        hash_texts(algorithm, pa.array(["a@example.com", None]))


# --- what a candidate must prove ---


def skewed(wrong: Callable[[list[bytes], int], bool]) -> Hash:
    """SHA-256 but for the texts of a column for which ``wrong`` holds."""

    def candidate(texts: pa.Array) -> np.ndarray:
        values = texts.cast(pa.binary()).to_pylist()
        return hash_sha256(column([value + b"?" * wrong(values, place) for place, value in enumerate(values)]))

    return candidate


def crash(texts: pa.Array) -> np.ndarray:
    raise RuntimeError("no such instruction")


def without_offset(texts: pa.Array) -> np.ndarray:
    """As a reader of Arrow's buffers that does not know of slices."""
    offsets, data = texts.buffers()[1:]
    return hash_sha256(type(texts).from_buffers(texts.type, len(texts), [None, offsets, data]))


def test_hashlib_is_proven() -> None:
    """The reference passes its own test, and so does a candidate that is never wrong."""
    assert proven(hash_sha256)
    assert proven(skewed(lambda texts, place: False))


@pytest.mark.parametrize("length", [0, 1, 32, 55, 56, 63, 64, 119, 120, 128, 256])
def test_a_candidate_that_fails_at_one_length_is_refused(length: int) -> None:
    """One length between nothing and four blocks is enough."""
    assert not proven(skewed(lambda texts, place: len(texts[place]) == length))


@pytest.mark.parametrize(
    "candidate",
    [
        pytest.param(crash, id="raises"),
        pytest.param(without_offset, id="wrong in a slice"),
        pytest.param(skewed(lambda texts, place: len(texts) > 1 and place == 7), id="wrong in a column"),
        pytest.param(skewed(lambda texts, place: len(texts) == 1), id="wrong alone"),
        pytest.param(skewed(lambda texts, place: max(texts[place], default=0) > 127), id="wrong beyond ASCII"),
        pytest.param(skewed(lambda texts, place: b"\0" in texts[place]), id="stops at a NUL"),
        pytest.param(lambda texts: hash_sha256(texts)[::-1], id="another order"),
        pytest.param(lambda texts: hash_sha256(texts)[:-1], id="cut"),
        pytest.param(lambda texts: np.vstack([hash_sha256(texts), hash_sha256(column([b""]))]), id="one too many"),
        pytest.param(hash_md5, id="another algorithm"),
        pytest.param(lambda texts: None, id="nothing"),
    ],
)
def test_a_wrong_candidate_is_refused(candidate: Hash) -> None:
    """Whatever is wrong with it, it raises nothing: there is a reference to fall back to."""
    assert not proven(candidate)


# --- which one is used ---


def test_hashlib_is_used_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment variable switches off whatever is installed."""
    monkeypatch.setenv("AIRFLOW_TIKTOK_NO_FAST", "1")
    assert fastest() == ("hashlib", hash_sha256)


def test_hashlib_is_used_when_nothing_faster_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra nothing is missing but speed."""
    monkeypatch.delenv("AIRFLOW_TIKTOK_NO_FAST", raising=False)
    monkeypatch.setitem(sys.modules, "stringzilla", None)
    assert fastest() == ("hashlib", hash_sha256)


class Broken:
    """A library's hashing of many texts, of which the last one of a column is wrong."""

    def __init__(self, count: int) -> None:
        self._texts: list[bytes] = []

    def update(self, texts: pa.Array) -> None:
        self._texts = [*texts.cast(pa.binary()).to_pylist()[:-1], b""]

    def digest(self, out: np.ndarray) -> None:
        out[:] = hash_sha256(column(self._texts))


@pytest.mark.parametrize(
    "library",
    [SimpleNamespace(Sha256s=Broken, Strs=lambda texts: texts), SimpleNamespace()],
    ids=["wrong digests", "another version"],
)
def test_hashlib_is_used_when_the_library_is_not_what_it_was(
    library: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release with a bug, or without the class, costs speed and nothing else."""
    monkeypatch.delenv("AIRFLOW_TIKTOK_NO_FAST", raising=False)
    monkeypatch.setitem(sys.modules, "stringzilla", library)
    assert fastest() == ("hashlib", hash_sha256)


def test_the_installed_library_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the extra is installed it proves itself, and its name is known."""
    pytest.importorskip("stringzilla")
    monkeypatch.delenv("AIRFLOW_TIKTOK_NO_FAST", raising=False)
    name, function = fastest()
    assert name == "stringzilla"
    texts = many(100_000)
    assert each(function(column(texts))) == one_by_one("sha256", texts)


@pytest.mark.parametrize(("switch", "engine"), [("", "stringzilla"), ("1", "hashlib")], ids=["fast", "switched off"])
def test_the_package_uses_what_it_was_told(switch: str, engine: str) -> None:
    """The choice is made once, at import."""
    pytest.importorskip("stringzilla")
    program = "from airflow_provider_tiktok.core.sha256 import ENGINE; print(ENGINE)"
    environment = {**os.environ, "AIRFLOW_TIKTOK_NO_FAST": switch}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == engine
