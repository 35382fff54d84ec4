"""How people and programs write an e-mail address, a phone number or a device id into a table: well, badly, or not."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import md5, sha256
from random import Random

NBSP = "\u00a0"
ZERO_WIDTH = "\u200b"

Writer = Callable[[Random, str], str]


@dataclass(frozen=True, slots=True)
class Styles:
    """Writers of one column, each as often as its weight says."""

    weights: Sequence[int]
    writers: Sequence[Writer]

    @classmethod
    def of(cls, *choices: tuple[int, Writer]) -> Styles:
        """Pair weights with writers."""
        return cls([weight for weight, _ in choices], [writer for _, writer in choices])

    def write(self, rng: Random, value: str) -> str:
        """Write the value in one of the styles."""
        return rng.choices(self.writers, self.weights)[0](rng, value)


def as_is(_: Random, value: str) -> str:
    """Write it as it is."""
    return value


def upper(_: Random, value: str) -> str:
    """WRITE IT LIKE THIS."""
    return value.upper()


def mixed_case(rng: Random, value: str) -> str:
    """wrIte iT lIke tHis."""
    return "".join(character.upper() if rng.random() < 0.4 else character for character in value)


def padded(rng: Random, value: str) -> str:
    """Put blanks of several kinds around it."""
    blanks = (" ", "  ", "\t", NBSP, "\n", f" {NBSP}", "")
    return rng.choice(blanks[:-1]) + value + rng.choice(blanks)


def hashed(_: Random, value: str) -> str:
    """Write the SHA-256 of it, as another system exported it."""
    return sha256(value.encode()).hexdigest()


def hashed_upper(rng: Random, value: str) -> str:
    """Write the SHA-256 of it in upper case."""
    return hashed(rng, value).upper()


def hashed_wrongly(_: Random, value: str) -> str:
    """Write the MD5 of it, which a SHA-256 column cannot hold."""
    return md5(value.encode()).hexdigest()


def hashed_nothing(rng: Random, _: str) -> str:
    """Write the SHA-256 of no value at all: a careless export hashes these too."""
    return sha256(rng.choice(("", "null", "none", str(uuid.UUID(int=0)))).encode()).hexdigest()


def placeholder(rng: Random, _: str) -> str:
    """Write a word that stands for "no value"."""
    return rng.choice(("none", "None", "NULL", "null", "nan", "NaN", "N/A", "unknown", "undefined", "-", " null "))


def broken_email(rng: Random, address: str) -> str:
    """Write something that is no e-mail address."""
    local, _, domain = address.partition("@")
    return rng.choice(
        (
            f"{local}.{domain}",
            f"{local}@@{domain}",
            f"{local}@home@{domain}",
            f"{local}@localhost",
            f"@{domain}",
            f"{local}@",
            f"{local} @{domain}",
            f"{local}@exam ple.org",
            f"{local}@.{domain}",
            f"{local}@{domain}.",
            f"{local}@example..org",
            f"{local}{ZERO_WIDTH}@{domain}",
            f"{local}{NBSP}home@{domain}",
            f"{local} <{address}>",
        )
    )


def american_phone(rng: Random, e164: str) -> str:
    """Write a number of the United States as people there do; another country's number as :func:`spaced_phone`."""
    if not e164.startswith("+1"):
        return spaced_phone(rng, e164)
    area, exchange, line = e164[2:5], e164[5:8], e164[8:]
    forms = ("({}) {}-{}", "{}{}{}", "{}.{}.{}", "{}-{}-{}", "{} {} {}", "1-{}-{}-{}", "1{}{}{}", "1 ({}) {}-{}")
    return rng.choice(forms).format(area, exchange, line)


def spaced_phone(rng: Random, e164: str) -> str:
    """Write an international number with its plus, in groups."""
    country = next(code for code in ("+1", "+33", "+44", "+49", "+61") if e164.startswith(code))
    number = e164[len(country) :]
    if country == "+1":
        forms = ("{c} {0}-{1}-{2}", "{c} ({0}) {1}-{2}", "{c}.{0}.{1}.{2}", "{c} {0} {1} {2}")
        return rng.choice(forms).format(number[:3], number[3:6], number[6:], c=country)
    trunk = "(0)" if country in {"+44", "+49"} and rng.random() < 0.3 else ""
    return f"{country} {trunk}{number[:2]} {number[2:6]} {number[6:]}"


def broken_phone(rng: Random, e164: str) -> str:
    """Write something that is no phone number."""
    digits = e164[1:]
    return rng.choice(
        (
            "call after 6",
            "see e-mail",
            "ask at the desk",
            "12345",
            "555-0123",
            "00000000",
            "(111) 555-0123",
            "+",
            "+1 212",
            digits[:5],
            f"{digits}{digits}",
            f"+999 {digits[-8:]}",
        )
    )


def zero_device_id(_: Random, __: str) -> str:
    """Write what a phone gives for a person who refused tracking."""
    return str(uuid.UUID(int=0))


def broken_device_id(rng: Random, device_id: str) -> str:
    """Write something that is no device id."""
    return rng.choice(
        (
            device_id[:-1],
            f"{{{device_id}}}",
            device_id.replace("-", "_"),
            device_id[:-1] + "z",
            "-".join(device_id.split("-")[:-1]),
            "IDFA",
            "123",
        )
    )


GOOD_EMAIL = Styles.of((60, as_is), (12, mixed_case), (4, upper), (14, padded), (7, hashed), (3, hashed_upper))
GOOD_PHONE = Styles.of(
    (42, american_phone), (22, as_is), (18, spaced_phone), (8, padded), (7, hashed), (3, hashed_upper)
)
GOOD_IDFA = Styles.of((55, upper), (28, as_is), (7, padded), (7, hashed), (3, hashed_upper))
BAD_EMAIL = Styles.of((60, broken_email), (20, placeholder), (12, hashed_wrongly), (8, hashed_nothing))
BAD_PHONE = Styles.of((60, broken_phone), (22, placeholder), (12, hashed_wrongly), (6, hashed_nothing))
BAD_IDFA = Styles.of(
    (40, zero_device_id), (30, broken_device_id), (12, placeholder), (12, hashed_wrongly), (6, hashed_nothing)
)
