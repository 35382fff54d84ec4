"""What TikTok should hold for given raw rows: the oracle of the demo and its tests.

Written from the rules alone, with the standard library, and sharing no line with ``airflow_provider_tiktok``:
when both agree on 25,000 messy rows, neither is wrong by the same mistake. Phone numbers are understood only in
the countries that ``demo.shop`` uses.
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256

EMAIL, PHONE, IDFA = "EMAIL_SHA256", "PHONE_SHA256", "IDFA_SHA256"
KINDS = (EMAIL, PHONE, IDFA)

Row = tuple[str | None, str | None, str | None]
"""Raw e-mail, phone and IDFA of one customer."""

PLACEHOLDERS = ("none", "nan", "null", "nil", "n/a", "na", "nat", "<na>", "undefined", "unknown", "-")
NOBODY = ("", *PLACEHOLDERS, str(uuid.UUID(int=0)))
OTHER_HASH_LENGTHS = (32, 40, 56, 96, 128)

NATIONAL_DIGITS = {"1": (10, 10), "33": (9, 9), "44": (10, 10), "49": (6, 11), "61": (9, 9)}
"""Country code -> fewest and most digits that follow it."""


@dataclass(slots=True)
class Expected:
    """What a delivery of the rows should count and send. ``digests`` holds lower-case hex per kind."""

    rows_read: int = 0
    members: int = 0
    duplicates: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    refused_identifiers: dict[str, Counter[str]] = field(default_factory=dict)
    digests: dict[str, set[str]] = field(default_factory=lambda: {kind: set() for kind in KINDS})

    @property
    def identifiers(self) -> dict[str, int]:
        """Return the number of distinct digests per kind."""
        return {kind: len(digests) for kind, digests in self.digests.items()}

    def counts(self) -> dict[str, object]:
        """Return the counts under the names that the snapshot's XCom uses."""
        return {
            "rows_read": self.rows_read,
            "members": self.members,
            "duplicates": self.duplicates,
            "suppressed": 0,
            "rejected": dict(self.rejected),
            "identifiers": self.identifiers,
            "refused_identifiers": {kind: dict(reasons) for kind, reasons in self.refused_identifiers.items()},
        }


class RefusedError(ValueError):
    """A value nobody can be matched by; the text is the reason's name, never the value."""


def expect(rows: Iterable[Row]) -> Expected:
    """Compute what a full delivery of the rows should hold and count."""
    result = Expected()
    seen: set[tuple[str | None, ...]] = set()
    for row in rows:
        result.rows_read += 1
        digests, reasons = _judge(row)
        if not any(digests):
            result.rejected[next(iter(reasons.values()), "empty")] += 1
            continue
        for kind, reason in reasons.items():
            result.refused_identifiers.setdefault(kind, Counter())[reason] += 1
        if digests in seen:
            result.duplicates += 1
            continue
        seen.add(digests)
        result.members += 1
        for kind, digest in zip(KINDS, digests, strict=True):
            if digest is not None:
                result.digests[kind].add(digest)
    return result


def digest_of(kind: str, cell: str | None) -> str | None:
    """Return the digest that TikTok should hold for a cell, None for an empty one; raise RefusedError for a bad one."""
    text = (cell or "").strip()
    if not text:
        return None
    if text.lower() in PLACEHOLDERS:
        raise RefusedError("placeholder")
    if re.fullmatch("[0-9a-fA-F]{64}", text):
        if text.lower() in {_hash(nobody) for nobody in NOBODY}:
            raise RefusedError("placeholder")
        return text.lower()
    if len(text) in OTHER_HASH_LENGTHS and re.fullmatch("[0-9a-fA-F]+", text):
        raise RefusedError("wrong_hash_length")
    return _hash(NORMALISE[kind](text))


def _judge(row: Row) -> tuple[tuple[str | None, ...], dict[str, str]]:
    digests: list[str | None] = []
    reasons: dict[str, str] = {}
    for kind, cell in zip(KINDS, row, strict=True):
        try:
            digests.append(digest_of(kind, cell))
        except RefusedError as refused:
            digests.append(None)
            reasons[kind] = str(refused)
    return tuple(digests), reasons


def email(text: str) -> str:
    """Lower-case; ``+tag`` and dots stay."""
    address = text.lower()
    parts = address.split("@")
    domain = parts[-1].split(".")
    unprintable = any(unicodedata.category(character)[0] in "CZ" for character in address)
    if len(parts) != 2 or not parts[0] or len(domain) < 2 or not all(domain) or unprintable:
        raise RefusedError("invalid_email")
    return address


def phone(text: str) -> str:
    """Return E.164 with its plus; a number without a plus is one of the United States."""
    if not re.fullmatch(r"\+?[-0-9 ().]+", text):
        raise RefusedError("invalid_phone")
    digits = re.sub("[^0-9]", "", text.replace("(0)", ""))
    if not text.startswith("+"):
        american = re.fullmatch("1?([2-9][0-9]{2}[2-9][0-9]{6})", digits)
        if american is None:
            raise RefusedError("invalid_phone")
        return f"+1{american[1]}"
    for country, (fewest, most) in NATIONAL_DIGITS.items():
        if digits.startswith(country) and fewest <= len(digits) - len(country) <= most:
            return f"+{digits}"
    raise RefusedError("invalid_phone")


def idfa(text: str) -> str:
    """Lower-case a dashed UUID."""
    device_id = text.lower()
    if not re.fullmatch("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", device_id):
        raise RefusedError("invalid_device_id")
    if uuid.UUID(device_id).int == 0:
        raise RefusedError("zero_device_id")
    return device_id


NORMALISE: dict[str, Callable[[str], str]] = {EMAIL: email, PHONE: phone, IDFA: idfa}


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
