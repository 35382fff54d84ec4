"""One pure function for each kind of value: the normalised text that is to be hashed, or the reason of a refusal.

Where TikTok's documents contradict each other, the rule that changes least is taken: no ``+tag`` and no dot is removed
from an e-mail address, and a phone number keeps its plus.
"""

import re
import unicodedata

import phonenumbers

from airflow_provider_tiktok.core.identifiers import IdentifierKind, Reason

PLACEHOLDERS = frozenset({"none", "nan", "null", "nil", "n/a", "na", "nat", "<na>", "undefined", "unknown", "-"})
"""Texts that stand for "no value" in exports of databases, pandas and spreadsheets; compared in lower case."""

ZERO_DEVICE_ID = "00000000-0000-0000-0000-000000000000"
"""What iOS and Android give for a person who opted out of tracking."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)


def normalise(kind: IdentifierKind, value: str, default_region: str | None) -> str | Reason:
    """Normalise one raw value for its kind. ``default_region`` is an ISO 3166-1 code such as ``"US"``."""
    if kind is IdentifierKind.EMAIL_SHA256:
        return normalise_email(value)
    if kind is IdentifierKind.PHONE_SHA256:
        return normalise_phone(value, default_region)
    return normalise_device_id(value)


def normalise_email(value: str) -> str | Reason:
    """Trim Unicode white space and lower the case.

    Source: TikTok help "Create a customer file audience", September 2025 (remove spaces, lower-case, SHA-256).
    White space inside, a missing domain or invisible characters are refused: such an address matches nobody.
    """
    email = value.strip().lower()
    local, at, domain = email.partition("@")
    if not (at and local and "." in domain and "@" not in domain and all(domain.split("."))):
        return Reason.INVALID_EMAIL
    return Reason.INVALID_EMAIL if _has_blank_or_invisible(email) else email


def normalise_phone(value: str, default_region: str | None) -> str | Reason:
    """Bring a phone number into E.164 with its plus, as ``+12125550123``.

    Source: TikTok portal document 1739940585975809, whose example is ``+1231234567``. A number with a plus needs the
    E.164 shape only, since TikTok's own example is on no numbering plan; a national number must be valid in
    ``default_region``, because there the country is our guess. An extension is dropped, letters are dialled.
    """
    text = value.strip()
    international = text.startswith(("+", "\uff0b"))
    if not international and default_region is None:
        return _without_region(text)
    try:
        number = phonenumbers.parse(text, None if international else default_region)
    except phonenumbers.NumberParseException:
        return Reason.INVALID_PHONE
    if not international and not phonenumbers.is_valid_number(number):
        return Reason.INVALID_PHONE
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return e164 if _E164.fullmatch(e164) else Reason.INVALID_PHONE


def normalise_device_id(value: str) -> str | Reason:
    """Trim and lower a dashed UUID (IDFA, AAID or GAID).

    Source: TikTok help "Create a customer file audience", September 2025 (one case throughout); the published sample
    digest is that of the lower-case, dashed id.
    """
    device_id = value.strip().lower()
    if not _UUID.fullmatch(device_id):
        return Reason.INVALID_DEVICE_ID
    return Reason.ZERO_DEVICE_ID if device_id == ZERO_DEVICE_ID else device_id


def _without_region(text: str) -> Reason:
    digits = sum(character.isdigit() for character in text)
    return Reason.NATIONAL_PHONE_WITHOUT_REGION if 5 <= digits <= 15 else Reason.INVALID_PHONE


def _has_blank_or_invisible(text: str) -> bool:
    if text.isascii() and text.isprintable():
        return " " in text
    return any(unicodedata.category(character)[0] in "CZ" for character in text)
