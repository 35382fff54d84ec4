"""SHA-256 and MD5 of a column of short texts: hashlib, or a SIMD SHA-256 that has proven itself equal to it.

``pip install airflow-provider-tiktok[fast]`` brings stringzilla. It is used when it agrees with hashlib on every length
up to four blocks, in whole columns and in slices of them; else, and with ``AIRFLOW_TIKTOK_NO_FAST`` set, hashlib does
the work. It is given whole copies only: 5.3.2 ignores the offset of a sliced Arrow array, and gives wrong digests.
"""

import hashlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from airflow_provider_tiktok.core.records import Bytes

Hash = Callable[[pa.Array], Bytes]
"""Text or binary without NULL -> digests, one row for each."""


def _bytes(texts: pa.Array) -> list[bytes]:
    column: list[bytes] = texts.cast(pa.large_binary()).to_pylist()
    return column


def _column(texts: list[bytes]) -> pa.Array:
    """As ``pa.array``, which would import pandas, and this is done at import."""
    offsets = np.cumsum([0, *map(len, texts)]).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(texts))]
    return pa.BinaryArray.from_buffers(pa.binary(), len(texts), buffers)


def hash_md5(texts: pa.Array) -> Bytes:
    """MD5 of each text: ``uint8[n, 16]``."""
    digests = [hashlib.md5(text, usedforsecurity=False).digest() for text in _bytes(texts)]
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 16)


def hash_sha256(texts: pa.Array) -> Bytes:
    """SHA-256 of each text: ``uint8[n, 32]``. The reference."""
    sha256 = hashlib.sha256
    digests = [sha256(text).digest() for text in _bytes(texts)]
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 32)


def proven(candidate: Hash) -> bool:
    """Whether a faster SHA-256 gives what hashlib gives, for texts of 0 to 256 bytes, in columns, slices and alone."""
    lengths = [bytes((7 * length + place) % 256 for place in range(length)) for length in range(257)]
    texts = _column(lengths)
    mixed = _column([lengths[101 * place % len(lengths)] for place in range(5000)])
    plain = _column([b"person%d@example.com" % place for place in range(999)]).cast(pa.string())
    columns = [texts, mixed, mixed[3:4000], plain[77:], *(texts[place : place + 1] for place in range(len(texts)))]
    expected = [hash_sha256(some) for some in columns]
    try:
        return all(np.array_equal(candidate(some), each) for some, each in zip(columns, expected, strict=True))
    except Exception:  # whatever goes wrong, there is a reference to fall back to
        return False


def fastest() -> tuple[str, Hash]:
    """Name and function of the fastest SHA-256 that can be trusted here."""
    if not os.environ.get("AIRFLOW_TIKTOK_NO_FAST"):
        try:
            import stringzilla  # noqa: PLC0415  the extra [fast]
        except ImportError:
            pass
        else:
            candidate = _lanes(stringzilla)
            if proven(candidate):
                return "stringzilla", candidate
    return "hashlib", hash_sha256


def _lanes(library: Any) -> Hash:
    def simd(texts: pa.Array) -> Bytes:
        digests = np.empty((len(texts), 32), np.uint8)
        lanes = library.Sha256s(len(texts))
        lanes.update(library.Strs(pa.concat_arrays([texts])))
        lanes.digest(out=digests)
        return digests

    return simd


ENGINE, _sha256 = fastest()


def hash_texts(algorithm: str, texts: pa.Array) -> Bytes:
    """Digests of a column by ``"sha256"`` or ``"md5"``, one row for each text; NULL has no digest and is refused."""
    if texts.null_count:
        raise ValueError("NULL has no digest")
    return hash_md5(texts) if algorithm == "md5" else _sha256(texts)
