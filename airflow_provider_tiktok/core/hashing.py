"""From one cell of a query to the digest that TikTok matches, or to the reason why there is none: the reference."""

import hashlib
import re
from functools import cache

from airflow_provider_tiktok.core.identifiers import Hashing, IdentifierKind, Reason
from airflow_provider_tiktok.core.normalise import DEFAULT_RULES, PLACEHOLDERS, ZERO_DEVICE_ID, normalise
from airflow_provider_tiktok.core.rules import Rules

_HEX = re.compile(r"[0-9a-fA-F]+", re.ASCII)
_DIGEST_LENGTHS = frozenset({32, 40, 56, 64, 96, 128})  # hex digits of MD5, SHA-1, SHA-224, 256, 384 and 512


def digest_cell(
    kind: IdentifierKind,
    cell: str | None,
    hashing: Hashing,
    default_region: str | None,
    rules: Rules = DEFAULT_RULES,
) -> bytes | Reason:
    """Normalise and hash one cell; a value that is a digest already is kept, in lower case.

    Digests: SHA-256 or MD5 over the UTF-8 text, as ``kind`` says (TikTok portal document 1739940585975809).
    """
    text = "" if cell is None else cell.strip()
    if not text:
        return Reason.EMPTY
    if text.lower() in PLACEHOLDERS:
        return Reason.PLACEHOLDER
    if len(text) in _DIGEST_LENGTHS and _HEX.fullmatch(text):
        return _given_digest(kind, text, hashing)
    if hashing is Hashing.HASHED:
        return Reason.RAW_WHERE_HASH_DECLARED
    normalised = normalise(kind, text, default_region, rules)
    if isinstance(normalised, Reason):
        return normalised
    return hashlib.new(kind.algorithm, normalised.encode(), usedforsecurity=False).digest()


def _given_digest(kind: IdentifierKind, text: str, hashing: Hashing) -> bytes | Reason:
    if hashing is Hashing.RAW:
        return Reason.HASH_WHERE_RAW_DECLARED
    if len(text) != 2 * kind.digest_size:
        return Reason.WRONG_HASH_LENGTH
    digest = bytes.fromhex(text)
    return Reason.PLACEHOLDER if digest in placeholder_digests(kind.algorithm) else digest


@cache
def placeholder_digests(algorithm: str) -> frozenset[bytes]:
    """Digests of nobody: of the empty text, of placeholders in their usual spellings, of the all-zero device id.

    A digest of zeros is among them: it is what an all-zero device id without its dashes looks like.
    """
    spellings = {spelling for text in PLACEHOLDERS for spelling in (text, text.upper(), text.capitalize())}
    texts = {"", " ", "NaN", "NaT", ZERO_DEVICE_ID, *spellings}
    digests = [hashlib.new(algorithm, text.encode(), usedforsecurity=False).digest() for text in texts]
    return frozenset([*digests, bytes(len(digests[0]))])
