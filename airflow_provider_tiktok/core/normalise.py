"""One pure function for each kind of value: the normalised text that is to be hashed, or the reason of a refusal.

These functions are the reference; every faster path is proven equal to them. Choices: :mod:`~.core.rules`.
"""

import re
import unicodedata
from functools import cache

import phonenumbers
from phonenumbers.phonemetadata import PhoneMetadata

from airflow_provider_tiktok.core.identifiers import IdentifierKind, Reason
from airflow_provider_tiktok.core.rules import Rules

DEFAULT_RULES = Rules()

PLACEHOLDERS = frozenset({"none", "nan", "null", "nil", "n/a", "na", "nat", "<na>", "undefined", "unknown", "-"})
"""Texts that stand for "no value" in exports of databases, pandas and spreadsheets; compared in lower case."""

ZERO_DEVICE_ID = "00000000-0000-0000-0000-000000000000"
"""What iOS and Android give for a person who opted out of tracking."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_INTERNATIONAL = re.compile(r"(?:tel:)?[^0-9A-Za-z+\uff0b]*[+\uff0b]", re.IGNORECASE)
_PLAIN_DIGITS = re.compile(r"[0-9]+(\|[0-9]+)*")
_NOT_IN_ADDRESSES = frozenset('<>()[]\\,;:"')
_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)


def normalise(
    kind: IdentifierKind, value: str, default_region: str | None, rules: Rules = DEFAULT_RULES
) -> str | Reason:
    """Normalise one raw value for its kind. ``default_region`` is an ISO 3166-1 code such as ``"US"``."""
    if kind is IdentifierKind.EMAIL_SHA256:
        return normalise_email(value, rules)
    if kind is IdentifierKind.PHONE_SHA256:
        return normalise_phone(value, default_region, rules)
    return normalise_device_id(value)


def normalise_email(value: str, rules: Rules = DEFAULT_RULES) -> str | Reason:
    """Trim Unicode white space and lower the case.

    Source: TikTok help "Create a customer file audience", September 2025 (remove spaces, lower-case, SHA-256).
    White space inside, a missing domain, invisible characters and what an address has only in quotes (RFC 5322) are
    refused: such an address matches nobody.
    """
    email = value.strip().lower()
    if rules.email_spaces == "remove":
        email = "".join(email.split())
    local, at, domain = email.partition("@")
    if rules.email_tags == "remove":
        local = local.partition("+")[0]
    if rules.email_dots == "remove":
        local = local.replace(".", "")
    if not (at and local and "." in domain and "@" not in domain and all(domain.split("."))):
        return Reason.INVALID_EMAIL
    email = f"{local}@{domain}"
    if _has_blank_or_invisible(email) or not _NOT_IN_ADDRESSES.isdisjoint(email):
        return Reason.INVALID_EMAIL
    return email


def normalise_phone(value: str, default_region: str | None, rules: Rules = DEFAULT_RULES) -> str | Reason:
    """Bring a phone number into E.164, with its plus as ``+12125550123`` unless the rules say otherwise.

    Source: TikTok portal document 1739940585975809, whose example is ``+1231234567``. A number with a plus needs the
    E.164 shape only, since TikTok's own example is on no numbering plan; a national number must be valid in
    ``default_region``, because there the country is our guess. An extension is dropped, letters are dialled.
    """
    text = value.strip()
    e164 = text if is_e164(text) else _parse_phone(text, default_region)
    return e164.removeprefix("+") if rules.phone_format == "digits" and not isinstance(e164, Reason) else e164


def is_e164(text: str) -> bool:
    """Whether libphonenumber would leave the text as it is, told without asking it.

    It changes an international number only where the part after the country code begins with a trunk prefix.
    """
    if not _E164.fullmatch(text):
        return False
    for length in (1, 2, 3):  # country codes are prefix-free
        country = int(text[1 : 1 + length])
        if country in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            trunk, national = _trunk_prefix(country), text[1 + length :]
            return len(national) > 1 and not (trunk and trunk.match(national))
    return False


@cache
def surely_e164() -> str:
    """A pattern of numbers for which :func:`is_e164` holds: their country's trunk prefix is none or plain digits.

    Two or more digits after the country code, the first of which begins no trunk prefix; others may be E.164 too.
    """
    starts = []
    for country in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        trunk = _trunk_prefix(country)
        if trunk is None:
            starts.append(f"{country}[0-9]")
        elif _PLAIN_DIGITS.fullmatch(trunk.pattern):
            firsts = {digits[0] for digits in trunk.pattern.split("|")}
            starts.append(f"{country}[{''.join(sorted(set('0123456789') - firsts))}]")
    return rf"^\+(?:{'|'.join(starts)})[0-9]"


@cache
def _trunk_prefix(country: int) -> re.Pattern[str] | None:
    region = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[country][0]
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(country, region)
    pattern = metadata.national_prefix_for_parsing if metadata else None
    return re.compile(pattern) if pattern else None


def _parse_phone(text: str, default_region: str | None) -> str | Reason:
    international = bool(_INTERNATIONAL.match(text))
    if not international and default_region not in phonenumbers.SUPPORTED_REGIONS:
        return _without_region(text)
    try:
        number = phonenumbers.parse(text, None if international else default_region)
        if not international and not phonenumbers.is_valid_number(number):
            return Reason.INVALID_PHONE
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        # A trunk prefix written twice leaves a number that is not its own normal form, and nobody's number either.
        again = number if e164 == text else phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return Reason.INVALID_PHONE
    stable = phonenumbers.format_number(again, phonenumbers.PhoneNumberFormat.E164) == e164
    return e164 if stable and _E164.fullmatch(e164) else Reason.INVALID_PHONE


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
