"""SHA-256 and MD5 of many short texts: hashlib, or a SIMD SHA-256 that has proven itself equal to it.

``pip install airflow-provider-tiktok[fast]`` brings stringzilla. It is given lists of bytes only (a sliced Arrow array
gives wrong digests in 5.3.2, a lone surrogate in a list of text ends the process) and is used when it agrees with
hashlib on every length up to four blocks; else, and with ``AIRFLOW_TIKTOK_NO_FAST`` set, hashlib does the work.
"""

import hashlib
import os
from collections.abc import Callable
from typing import Any

LANES = 4096
"""Texts given to the SIMD code at a time: many enough to fill it, few enough for the processor's cache."""

Hash = Callable[[list[bytes]], bytes]


def hash_md5(texts: list[bytes]) -> bytes:
    """MD5 of each text, one after the other in one bytes object."""
    return b"".join([hashlib.md5(text, usedforsecurity=False).digest() for text in texts])


def hash_sha256(texts: list[bytes]) -> bytes:
    """SHA-256 of each text, one after the other in one bytes object. The reference."""
    sha256 = hashlib.sha256
    return b"".join([sha256(text).digest() for text in texts])


def proven(candidate: Hash) -> bool:
    """Whether a faster SHA-256 gives what hashlib gives, for texts of 0 to 256 bytes in one list and alone."""
    texts = [bytes((7 * length + place) % 256 for place in range(length)) for length in range(257)]
    mixed = [texts[101 * place % len(texts)] for place in range(LANES + 1)]  # all lengths, out of order, over one call
    try:
        return all(candidate(some) == hash_sha256(some) for some in (texts, mixed, *([one] for one in texts)))
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
    def simd(texts: list[bytes]) -> bytes:
        digests: list[bytes] = []
        for start in range(0, len(texts), LANES):
            some = texts[start : start + LANES]
            lanes = library.Sha256s(len(some))
            lanes.update(some)
            digests += lanes.digest()
        return b"".join(digests)

    return simd


ENGINE, _sha256 = fastest()


def hash_texts(algorithm: str, texts: list[bytes]) -> bytes:
    """Digests of many texts by ``"sha256"`` or ``"md5"``, one after the other."""
    return hash_md5(texts) if algorithm == "md5" else _sha256(texts)
