"""The invented shop is the same for the same seed, and as messy as a real one."""

import re
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import phonenumbers
import pytest

from demo.expected import PHONE, RefusedError, digest_of, expect, phone
from demo.shop import build_shop, read_customers

BEFORE = datetime(2026, 11, 24, tzinfo=UTC)
HEX64 = "[0-9a-fA-F]{64}"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    build_shop(path, customers=8_000, seed=1, before=BEFORE)
    return path


@pytest.fixture(scope="module")
def rows(shop):
    return read_customers(shop)


def all_columns(path: Path) -> list[tuple]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT * FROM customers").fetchall()


def test_same_seed_gives_the_same_shop(shop, tmp_path):
    """A second shop of the same seed has the same rows, another seed has others."""
    for name, seed in (("same", 1), ("other", 2)):
        build_shop(tmp_path / name, customers=8_000, seed=seed, before=BEFORE)
    assert all_columns(tmp_path / "same") == all_columns(shop) != all_columns(tmp_path / "other")


def test_building_again_replaces_the_shop(tmp_path):
    """The demo may be run twice in one folder."""
    build_shop(tmp_path / "shop.db", customers=50, before=BEFORE)
    build_shop(tmp_path / "shop.db", customers=20, before=BEFORE)
    assert len(read_customers(tmp_path / "shop.db")) == 20


def test_customers_signed_up_in_the_ninety_days_before(shop):
    """Sign-ups spread over the time before the given date, most with consent."""
    rows = all_columns(shop)
    times = [row[5] for row in rows]
    assert times == sorted(times)
    assert times[0].startswith("2026-08-26")
    assert times[-1].startswith("2026-11-23")
    assert 0.8 < sum(row[4] for row in rows) / len(rows) < 0.9


@pytest.mark.parametrize(
    ("column", "pattern"),
    [
        pytest.param(0, r"\s+\S+@.*", id="blank before an e-mail"),
        pytest.param(0, r".*@\S+\s+", id="blank after an e-mail"),
        pytest.param(0, ".*\u00a0", id="no-break space"),
        pytest.param(0, ".*\t", id="tab"),
        pytest.param(0, r"[^A-Z]*[a-z][A-Z].*@.*", id="mixed case"),
        pytest.param(0, r".*\+news@.*", id="plus tag"),
        pytest.param(0, ".*@bücher.example", id="domain outside ASCII"),
        pytest.param(0, "josé.*@.*", id="local part outside ASCII"),
        pytest.param(0, "[^@]*[a-z][^@]*[.][^@]*", id="no at sign"),
        pytest.param(0, ".*@.*@.*", id="two at signs"),
        pytest.param(0, ".*@localhost", id="no dot in the domain"),
        pytest.param(0, r".*\S \S.*", id="blank inside an e-mail"),
        pytest.param(0, ".*\u200b.*", id="zero-width space"),
        pytest.param(0, "", id="empty text"),
        pytest.param(0, r"\s+", id="blanks only"),
        pytest.param(0, "none", id="the word none"),
        pytest.param(1, "NULL", id="the word NULL"),
        pytest.param(2, "nan", id="the word nan"),
        pytest.param(1, r"\([0-9]{3}\) [0-9]{3}-[0-9]{4}", id="American phone"),
        pytest.param(1, "[0-9]{10}", id="ten digits"),
        pytest.param(1, r"[0-9]{3}\.[0-9]{3}\.[0-9]{4}", id="phone with dots"),
        pytest.param(1, r"\+1[0-9]{10}", id="E.164"),
        pytest.param(1, r"\+44 20 7946 0[0-9]{3}", id="British phone"),
        pytest.param(1, r"\+44 \(0\).*", id="trunk zero"),
        pytest.param(1, r"\+49 30.*", id="German phone"),
        pytest.param(1, "[a-z ]+ [a-z 0-9]+", id="phone of letters"),
        pytest.param(1, "[0-9]{5}", id="phone too short"),
        pytest.param(2, "[0-9A-F]{8}-.*[A-F].*", id="upper-case device id"),
        pytest.param(2, "00000000-0000-0000-0000-000000000000", id="zero device id"),
        pytest.param(2, r"\{.*\}", id="device id in braces"),
        *(pytest.param(column, "(?=.*[a-f])[0-9a-f]{64}", id=f"digest in column {column}") for column in range(3)),
        *(pytest.param(column, "(?=.*[A-F])[0-9A-F]{64}", id=f"upper digest in {column}") for column in range(3)),
        *(pytest.param(column, "[0-9a-f]{32}", id=f"MD5 in column {column}") for column in range(3)),
    ],
)
def test_mess_of_each_kind_is_there(rows, column, pattern):
    """Each kind of mess stands in at least one row."""
    cells = (row[column] for row in rows if row[column] is not None)
    assert any(re.fullmatch(pattern, cell, re.DOTALL) for cell in cells)


def test_rows_repeat_and_lack_things(rows):
    """Rows repeat exactly and in another handwriting, phones are shared, some people are known by one thing."""
    repeated = sum(count - 1 for row, count in Counter(rows).items() if any(map(str.strip, filter(None, row))))
    result = expect(rows)
    assert 0.02 < repeated / len(rows) < 0.08
    assert result.duplicates > repeated * 0.8
    usable = [tuple(_digest(kind, cell) for kind, cell in zip(result.digests, row, strict=True)) for row in rows]
    phones = Counter(digest for _, digest, _ in set(usable) if digest)
    assert any(count > 1 for count in phones.values())
    assert any(not email and digest and not idfa for email, digest, idfa in usable)
    assert any(not email and not digest and idfa for email, digest, idfa in usable)
    assert {"EMAIL_SHA256", "PHONE_SHA256", "IDFA_SHA256"} == set(result.refused_identifiers)


def test_duplicates_differ_in_handwriting_only(rows):
    """Some duplicates are not equal as text."""
    assert expect(rows).duplicates > expect(dict.fromkeys(rows)).duplicates > 0


def test_oracle_reads_phones_as_libphonenumber_does(rows):
    """The few lines of the oracle are right for every phone of the shop."""
    texts = {row[1].strip() for row in rows if row[1] and not re.fullmatch(f"{HEX64}|[0-9a-f]{{32}}", row[1].strip())}
    assert len(texts) > 1_000
    assert [text for text in texts if _try(phone, text) != _libphonenumber(text)] == []


def test_only_invented_people(rows):
    """Every address is in a reserved domain, every good American number in the range for fiction."""
    good = {cell.strip() for row in rows for cell in row[:1] if cell and _digest("EMAIL_SHA256", cell)}
    addresses = {text.lower() for text in good if "@" in text}
    assert {address for address in addresses if not re.search(r"[@.]example(\.com|\.org|\.net)?$", address)} == set()
    phones = {_try(phone, row[1].strip()) for row in rows if row[1]}
    assert {number for number in phones if number and number.startswith("+1") and number[5:10] != "55501"} == set()


def _digest(kind, cell):
    try:
        return digest_of(kind, cell)
    except RefusedError:
        return None


def _try(function, text):
    try:
        return function(text)
    except RefusedError:
        return None


def _libphonenumber(text):
    try:
        number = phonenumbers.parse(text, None if text.startswith("+") else "US")
    except phonenumbers.NumberParseException:
        return None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    good = len(e164) >= 8 if text.startswith("+") else phonenumbers.is_valid_number(number)
    return e164 if good else None


def test_phone_kind_has_american_and_other_numbers(rows):
    """Both national and international numbers lead to digests."""
    assert _digest(PHONE, "(212) 555-0123") == _digest(PHONE, "+1 212-555-0123")
    assert {_try(phone, row[1].strip())[:3] for row in rows if row[1] and _try(phone, row[1].strip())} >= {"+44", "+49"}
