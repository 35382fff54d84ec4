"""A faster SHA-256 is used only when it is SHA-256; hashlib is the judge, text by text."""

import hashlib
import random
import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.core.sha256 import (
    ENGINE,
    LANES,
    fastest,
    hash_md5,
    hash_sha256,
    hash_texts,
    proven,
)

BLOCK_BORDERS = (0, 1, 54, 55, 56, 57, 63, 64, 65, 118, 119, 120, 127, 128, 129, 300)
"""Lengths about which the padding of SHA-256 begins a new block of 64 bytes."""

Sha256 = Callable[[list[bytes]], bytes]


def one_by_one(algorithm: str, texts: list[bytes]) -> bytes:
    """The judge."""
    return b"".join(hashlib.new(algorithm, text).digest() for text in texts)


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
def test_every_length_is_hashed_as_by_hashlib(sha256: Sha256) -> None:
    """From nothing to 300 bytes, in one list and alone."""
    texts = [bytes((11 * length + place) % 256 for place in range(length)) for length in range(301)]
    assert sha256(texts) == one_by_one("sha256", texts)
    assert [sha256([text]) for text in texts] == [hashlib.sha256(text).digest() for text in texts]


@each_way
@given(texts=st.lists(st.binary(max_size=300)))
def test_any_list_is_hashed_as_by_hashlib(sha256: Sha256, texts: list[bytes]) -> None:
    """Lists of any bytes, the empty list among them, keep their order."""
    assert sha256(texts) == one_by_one("sha256", texts)


@each_way
def test_a_hundred_thousand_texts_are_hashed_as_by_hashlib(sha256: Sha256) -> None:
    """More than fit the lanes of a processor, of mixed lengths, with bytes that are not ASCII."""
    texts = many(100_000)
    assert sha256(texts) == one_by_one("sha256", texts)


@each_way
@pytest.mark.parametrize("count", [0, 1, 2, LANES - 1, LANES, LANES + 1, 2 * LANES, 2 * LANES + 1])
def test_a_full_set_of_lanes_is_no_border(sha256: Sha256, count: int) -> None:
    """A list is given to the processor in parts, and none of its texts is lost between two of them."""
    texts = [b"%d" % number for number in range(count)]
    assert sha256(texts) == one_by_one("sha256", texts)


@given(st.lists(st.binary(max_size=200)))
def test_md5_is_that_of_hashlib(texts: list[bytes]) -> None:
    """MD5 goes its own way."""
    assert hash_texts("md5", texts) == hash_md5(texts) == one_by_one("md5", texts)


# --- what a candidate must prove ---


def skewed(wrong: Callable[[list[bytes], int], bool]) -> Sha256:
    """SHA-256 but for the texts of a list for which ``wrong`` holds."""

    def candidate(texts: list[bytes]) -> bytes:
        return b"".join(hashlib.sha256(text + b"?" * wrong(texts, place)).digest() for place, text in enumerate(texts))

    return candidate


def crash(texts: list[bytes]) -> bytes:
    raise RuntimeError("no such instruction")


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
        pytest.param(skewed(lambda texts, place: len(texts) > 1 and place == 7), id="wrong in a list"),
        pytest.param(skewed(lambda texts, place: len(texts) == 1), id="wrong alone"),
        pytest.param(skewed(lambda texts, place: max(texts[place], default=0) > 127), id="wrong beyond ASCII"),
        pytest.param(skewed(lambda texts, place: b"\0" in texts[place]), id="stops at a NUL"),
        pytest.param(lambda texts: hash_sha256(texts[::-1]), id="another order"),
        pytest.param(lambda texts: hash_sha256(texts)[:-1], id="cut"),
        pytest.param(lambda texts: hash_sha256([*texts, b""]), id="one too many"),
        pytest.param(lambda texts: hash_sha256(texts).hex().encode(), id="in hex"),
        pytest.param(lambda texts: None, id="nothing"),
        pytest.param(lambda texts: one_by_one("sha3_256", texts), id="another algorithm"),
    ],
)
def test_a_wrong_candidate_is_refused(candidate: Sha256) -> None:
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
    """A library's hashing of many texts, of which the last one of a list is wrong."""

    def __init__(self, count: int) -> None:
        self._texts: list[bytes] = []

    def update(self, texts: list[bytes]) -> None:
        self._texts = [*texts[:-1], b""]

    def digest(self) -> list[bytes]:
        return [hashlib.sha256(text).digest() for text in self._texts]


@pytest.mark.parametrize(
    "library", [SimpleNamespace(Sha256s=Broken), SimpleNamespace()], ids=["wrong digests", "another version"]
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
    assert function(texts) == one_by_one("sha256", texts)
    assert ENGINE in {"stringzilla", "hashlib"}
