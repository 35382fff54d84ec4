"""The column path gives, cell by cell, what the scalar path gives: the digest or the reason, for all of Unicode.

Lone surrogates are the only code points that are not here, since Arrow text cannot hold them; see ``test_cells``.
Where libphonenumber or a second position makes a value expensive, the code points are those that Unicode has assigned,
and of the unassigned and private ones, which Python tells apart by nothing but their number, every 97th.
"""

import hashlib
import sys
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from itertools import product

import numpy as np
import phonenumbers
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers.phonemetadata import PhoneMetadata

from airflow_provider_tiktok.core.cells import from_arrow
from airflow_provider_tiktok.core.hashing import digest_cell, placeholder_digests
from airflow_provider_tiktok.core.identifiers import Hashing, IdentifierKind, Reason
from airflow_provider_tiktok.core.normalise import PLACEHOLDERS, ZERO_DEVICE_ID
from airflow_provider_tiktok.core.rules import Rules
from airflow_provider_tiktok.core.vector import OK, REASONS, DigestColumn, digest_column

EMAIL, PHONE, IDFA, MD5 = (
    IdentifierKind.EMAIL_SHA256,
    IdentifierKind.PHONE_SHA256,
    IdentifierKind.IDFA_SHA256,
    IdentifierKind.AAID_MD5,
)
DEVICE = "5f3a2b18-9c4d-4e7f-b8e2-17d3a1e69b25"
SHA256 = hashlib.sha256(b"jane@example.com").hexdigest()
PLANE = 0x10000
EVERY_RULE = [
    Rules(email_tags=tags, email_dots=dots, email_spaces=spaces, phone_format=phone)
    for tags, dots, spaces, phone in product(
        ("keep", "remove"), ("keep", "remove"), ("reject", "remove"), ("plus", "digits", "both")
    )
]
REGIONS = (None, "US", "GB", "DE", "IT", "BR", "AR", "MX", "XX")


def scalar(
    texts: Sequence[str | None], kind: IdentifierKind, hashing: Hashing, regions: Sequence[str | None], rules: Rules
) -> list[bytes | Reason]:
    """The reference, cell by cell."""
    each = regions if len(regions) > 1 else [*regions] * len(texts)
    return [digest_cell(kind, text, hashing, region, rules) for text, region in zip(texts, each, strict=True)]


def vector(
    column: pa.Array, kind: IdentifierKind, hashing: Hashing, regions: Sequence[str | None], rules: Rules
) -> list[bytes | Reason]:
    """The column path, taken apart."""
    found = digest_column(column, kind, hashing, regions, rules)
    rows = zip(found.digests, found.outcomes, strict=True)
    return [digest.tobytes() if outcome == OK else REASONS[outcome] for digest, outcome in rows]


def assert_equal(
    texts: Sequence[str | None],
    kind: IdentifierKind,
    hashing: Hashing = Hashing.AUTO,
    regions: Sequence[str | None] = (None,),
    rules: Rules = Rules(),  # noqa: B008  frozen
) -> None:
    """The column path on a column of these texts equals the scalar path on each of them."""
    expected = scalar(texts, kind, hashing, regions, rules)
    found = digest_column(pa.array(texts, pa.string()), kind, hashing, regions, rules)
    _assert_same(found, expected, texts, kind)


def _assert_same(
    found: DigestColumn, expected: Sequence[bytes | Reason], texts: Sequence[str | None], kind: IdentifierKind
) -> None:
    numbers = {reason: number for number, reason in enumerate(REASONS)}
    outcomes = np.fromiter((OK if type(one) is bytes else numbers[one] for one in expected), np.uint8, len(expected))
    differ = found.outcomes != outcomes
    if not differ.any():
        digests = b"".join(one for one in expected if type(one) is bytes)
        there = np.flatnonzero(found.present)
        wrong = found.digests[there] != np.frombuffer(digests, np.uint8).reshape(-1, kind.digest_size)
        differ[there[wrong.any(axis=1)]] = True
    first = [(texts[place], expected[place]) for place in np.flatnonzero(differ)[:5]]
    assert not differ.any(), f"{differ.sum()} cells differ, the first of them: {first!a}"


# --- every code point ---


def code_points(plane: int) -> list[str]:
    """Every code point of a plane but surrogates."""
    start = plane * PLANE
    return [chr(code) for code in range(start, start + PLANE) if not 0xD800 <= code <= 0xDFFF]


@cache
def telling() -> list[str]:
    """Every assigned code point, and every 97th of the others."""
    return [
        character
        for plane in range(17)
        for character in code_points(plane)
        if unicodedata.category(character) not in {"Cn", "Co"} or ord(character) % 97 == 0
    ]


def around(text: str, place: int) -> Callable[[str], str]:
    """Put a character into a text at a place."""
    return lambda character: f"{text[:place]}{character}{text[place:]}"


ADDRESS = "jane@example.com"


@pytest.mark.parametrize(
    ("kind", "hashing", "put"),
    [
        pytest.param(EMAIL, Hashing.AUTO, str, id="alone"),
        pytest.param(EMAIL, Hashing.AUTO, around(ADDRESS, 0), id="leading an address"),
        pytest.param(EMAIL, Hashing.AUTO, around(ADDRESS, len(ADDRESS)), id="trailing an address"),
        pytest.param(EMAIL, Hashing.RAW, around(ADDRESS, 2), id="in the local part"),
        pytest.param(EMAIL, Hashing.RAW, "jane@a\u03a3{}.example".format, id="behind a last capital sigma"),
        pytest.param(IDFA, Hashing.AUTO, around(DEVICE, len(DEVICE)), id="trailing a device id"),
        pytest.param(EMAIL, Hashing.HASHED, around(SHA256, 0), id="leading a digest"),
    ],
)
def test_every_code_point_is_treated_as_by_the_scalar_path(
    kind: IdentifierKind, hashing: Hashing, put: Callable[[str], str]
) -> None:
    """All 1,112,064 of them, in this position."""
    seen = 0
    for plane in range(17):
        texts = list(map(put, code_points(plane)))
        assert_equal(texts, kind, hashing)
        seen += len(texts)
    assert seen == sys.maxunicode + 1 - 2048


@pytest.mark.parametrize(
    ("kind", "hashing", "put"),
    [
        pytest.param(PHONE, Hashing.RAW, str, id="alone as a phone"),
        pytest.param(PHONE, Hashing.AUTO, around("+12125550123", 0), id="leading a phone"),
        pytest.param(PHONE, Hashing.RAW, around("+12125550123", 12), id="trailing a phone"),
        pytest.param(PHONE, Hashing.RAW, around("+12125550123", 1), id="behind the plus"),
        pytest.param(PHONE, Hashing.RAW, around("+12125550123", 8), id="inside a phone"),
        pytest.param(PHONE, Hashing.RAW, around("2125550123", 10), id="trailing a phone without plus"),
        pytest.param(PHONE, Hashing.RAW, lambda c: f"{c}12125550123", id="in place of the plus"),
        pytest.param(EMAIL, Hashing.RAW, "{}\u03a3@example.com".format, id="before a last capital sigma"),
        pytest.param(EMAIL, Hashing.AUTO, around(ADDRESS, 7), id="in the domain"),
        pytest.param(IDFA, Hashing.RAW, around(DEVICE, 0), id="leading a device id"),
        pytest.param(EMAIL, Hashing.AUTO, around(SHA256, 64), id="trailing a digest"),
        pytest.param(EMAIL, Hashing.RAW, "jane@example.A{}\u03a3".format, id="before a sigma at the end"),
        pytest.param(EMAIL, Hashing.RAW, "{0}jane@example.com{0}".format, id="around an address"),
        pytest.param(MD5, Hashing.RAW, around(DEVICE[:-1], 5), id="in place of a digit of a device id"),
        pytest.param(MD5, Hashing.AUTO, around(SHA256[:31], 5), id="in place of a digit of an MD5"),
    ],
)
def test_every_telling_code_point_is_treated_as_by_the_scalar_path(
    kind: IdentifierKind, hashing: Hashing, put: Callable[[str], str]
) -> None:
    """Every assigned code point in the positions that cost more or are a second of their kind."""
    assert_equal(list(map(put, telling())), kind, hashing)


@pytest.mark.parametrize("hashing", list(Hashing))
@pytest.mark.parametrize(
    ("kind", "text"),
    [
        pytest.param(EMAIL, "jane.d+x@ex-ample.com", id="address"),
        pytest.param(PHONE, "+12125550123", id="phone"),
        pytest.param(IDFA, DEVICE, id="device id"),
        pytest.param(IdentifierKind.IDFA_MD5, DEVICE, id="device id for MD5"),
        pytest.param(EMAIL, SHA256, id="SHA-256"),
        pytest.param(PHONE, SHA256, id="SHA-256 of a phone"),
        pytest.param(MD5, SHA256[:32], id="MD5"),
    ],
)
def test_every_ascii_character_is_treated_as_by_the_scalar_path(
    kind: IdentifierKind, hashing: Hashing, text: str
) -> None:
    """At every place of a value, put in and in place of what was there; and the few letters that lower to ASCII."""
    places = range(len(text) + 1)
    characters = [*map(chr, range(256)), "\u0130", "\u017f", "\u212a", "\uff20", "\uff0b", "\uff11"]
    put = [f"{text[:place]}{c}{text[place + cut :]}" for place in places for cut in (0, 1) for c in characters]
    assert_equal([*put, *(each.upper() for each in put)], kind, hashing)


# --- kinds, modes and rules ---

SPACES = ["", " ", "\t", "\r\n", "\x0b\x0c", "\x1c", "\x1d", "\x1e", "\x1f", "\x85", "\u00a0", "\u2003", "\u3000"]
INVISIBLE = ["\u200b", "\ufeff", "\u00ad", "\x00", "\x7f", "\u180e"]
HEX = "0A1b2C3d" * 16
VALUES = [
    *("", "jane@example.com", "JANE@EXAMPLE.COM", "Jane.Doe+News@Example.Com", "+tag@example.com", ".@example.com"),
    *("a.b.c@example.com", "..+@example.com", "jane+@example.com", "jane+a+b@example.com", "jane doe@example.com"),
    *("jane@exa mple.com", "jane@ example.com", "jane@example", "jane@example.", "@example.com", "a@b@example.com"),
    *("jane@.example.com", "jane@example..com", "jane@.", "jane@example.com.", "jane@a.b.c.example"),
    *("jane@b\u00fccher.example", "\u03a3\u039f\u03a6\u039f\u03a3@example.com", "\u0130@example.com"),
    *("\u212aim@example.com", "jane@EXAMPLE.\u039f\u03a3", "jane(at)example.com", "jane@example.com,joe@example.com"),
    *("jane@-example.com", "jane@exa_mple.com", "!#$%&'*/=?^_`{|}~-@example.com", '"jane"@example.com', "a@b.c"),
    *("+12125550123", "+1 (212) 555-0123", "2125550123", "(212) 555-0123", "+1 800 FLOWERS", "1-800-flowers"),
    *("+44 (0)20 7946 0018", "+4402079460018", "020 7946 0018", "+390612345678", "+1231234567", "+0123456789"),
    *("\uff0b12125550123", "\uff0b\uff11\uff12\uff11\uff12555\uff10123", "+12125550123x7", "+12125550123;ext=7"),
    *("tel:+12125550123", "TEL:+1-212-555-0123", "+123456", "+1234567", "+123456789012345", "+1234567890123456"),
    *("+999123456789", "+1+12125550123", "++12125550123", "+", "55512", "0044 20 7946 0018", "+5491123456789"),
    *(DEVICE, DEVICE.upper(), DEVICE.replace("-", ""), f"{{{DEVICE}}}", f"{DEVICE}0", DEVICE[:-1], f"{DEVICE[:-1]}g"),
    *(ZERO_DEVICE_ID, ZERO_DEVICE_ID.replace("-", ""), DEVICE.replace("-", "_"), DEVICE.title()),
    *(HEX[:length] for length in (31, 32, 33, 40, 56, 63, 64, 65, 96, 127, 128)),
    *(HEX[:length].lower() for length in (32, 64)),
    *(
        "0" * 32,
        "0" * 64,
        "1" * 15,
        "1" * 64,
        "\uff11" * 64,
        f"0x{SHA256}",
        f"{SHA256[:63]}g",
        f"{SHA256}@relay.example",
    ),
    *(text for word in sorted(PLACEHOLDERS) for text in (word, word.upper(), word.title())),
    *(digest.hex() for algorithm in ("md5", "sha256") for digest in sorted(placeholder_digests(algorithm))),
    *(hashlib.sha256(word.encode()).hexdigest().upper() for word in ("", "null", "NaN")),
]


@pytest.mark.parametrize("hashing", list(Hashing))
@pytest.mark.parametrize("kind", list(IdentifierKind))
def test_every_kind_and_mode_equals_the_scalar_path(kind: IdentifierKind, hashing: Hashing) -> None:
    """Values of every sort in columns of every sort, with each kind of space and of nothing visible around them."""
    marks = [*SPACES, *INVISIBLE]
    texts = [f"{left}{value}{right}" for value in VALUES for mark in marks for left, right in ((mark, ""), ("", mark))]
    assert_equal([None, *texts, *(f"{m}{v}{m}" for v in VALUES for m in marks), None], kind, hashing, ["US"])


@pytest.mark.parametrize("rules", EVERY_RULE, ids=lambda rules: "-".join(rules.to_dict().values()))
def test_every_combination_of_rules_equals_the_scalar_path(rules: Rules) -> None:
    """All 24 of them, in every kind and mode."""
    texts = [None, *VALUES, *(f" {value}\u00a0" for value in VALUES)]
    for kind, hashing in product(IdentifierKind, Hashing):
        assert_equal(texts, kind, hashing, ["GB"], rules)


def test_each_cell_is_read_in_its_own_region() -> None:
    """Every value beside every region, and none."""
    texts, regions = zip(*product([None, *VALUES], REGIONS), strict=True)
    for hashing in Hashing:
        assert_equal(texts, PHONE, hashing, regions)


@pytest.mark.parametrize("phone_format", ["plus", "digits", "both"])
def test_every_calling_code_equals_the_scalar_path(phone_format: str) -> None:
    """For each country code: numbers with and without its trunk prefix, short ones, long ones, and those with zeros."""
    rules = Rules.parse({"phone_format": phone_format})
    tails = ["2125550123", "1", "12", "123456", "0", "00", "000000", "0912345678", "123456789012", "9112345678"]
    texts = [
        f"+{country}{prefix}{tail}"
        for country in phonenumbers.COUNTRY_CODE_TO_REGION_CODE
        for prefix in trunk_prefixes(country)
        for tail in tails
    ]
    assert_equal(texts, PHONE, Hashing.AUTO, rules=rules)


@cache
def trunk_prefixes(country: int) -> tuple[str, ...]:
    """None, every digit, and the national prefix of each of the countries that share a calling code."""
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[country]
    known = (PhoneMetadata.metadata_for_region_or_calling_code(country, region) for region in regions)
    own = {each.national_prefix for each in known if each and each.national_prefix}
    return ("", *sorted(own), *(sorted({f"{each}{each}" for each in own})), *"0123456789")


# --- shapes of columns ---

COLUMN = [None, "x@example.com", None, *VALUES, "  ", None, "y@example.com", None]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()], ids=str)
@pytest.mark.parametrize("place", list(IdentifierKind))
def test_a_slice_equals_the_cells_it_shows(kind: pa.DataType, place: IdentifierKind) -> None:
    """A column that begins in the middle of its buffers, as batches do, gives the digests of its own cells."""
    column = pa.array(COLUMN, kind)
    for start, length in [(0, 1), (1, 1), (1, 2), (2, 7), (3, len(VALUES)), (8, 9), (9, 64), (len(COLUMN) - 3, 3)]:
        found = vector(column.slice(start, length), place, Hashing.AUTO, ["US"], Rules())
        assert found == scalar(COLUMN[start : start + length], place, Hashing.AUTO, ["US"], Rules())


@pytest.mark.parametrize("hashing", list(Hashing))
@pytest.mark.parametrize("kind", list(IdentifierKind))
def test_a_large_column_type_makes_no_difference(kind: IdentifierKind, hashing: Hashing) -> None:
    """Text with 64-bit offsets gives the same digests."""
    found = vector(pa.array(COLUMN, pa.large_string()), kind, hashing, ["US"], Rules())
    assert found == scalar(COLUMN, kind, hashing, ["US"], Rules())


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(pa.chunked_array([COLUMN[:5], [], COLUMN[5:9], COLUMN[9:]]), id="chunks"),
        pytest.param(pa.array(COLUMN).dictionary_encode(), id="dictionary"),
        pytest.param(pa.array([*COLUMN, "z"]).dictionary_encode()[:-1], id="slice of a dictionary"),
        pytest.param(pa.array(COLUMN, pa.string_view()), id="string_view"),
        pytest.param(pa.array(["z", *COLUMN]).filter(pa.array([False] + [True] * len(COLUMN))), id="filter"),
    ],
)
@pytest.mark.parametrize("kind", [EMAIL, MD5])
def test_every_arrow_form_of_a_column_gives_the_same_digests(
    column: pa.Array | pa.ChunkedArray, kind: IdentifierKind
) -> None:
    """What ``from_arrow`` makes of a table's column is digested like the texts in it."""
    found = vector(from_arrow(column, "x"), kind, Hashing.AUTO, [None], Rules())
    assert found == scalar(COLUMN, kind, Hashing.AUTO, [None], Rules())


@pytest.mark.parametrize("hashing", list(Hashing))
@pytest.mark.parametrize("kind", list(IdentifierKind))
@pytest.mark.parametrize(
    "column",
    [
        pytest.param(pa.array([], pa.string()), id="no rows"),
        pytest.param(pa.array(["a", "b"])[1:1], id="no rows of a slice"),
        pytest.param(pa.array([None, None, None], pa.string()), id="NULL"),
        pytest.param(pa.array(["", " ", "\t"]), id="nothing but space"),
        pytest.param(pa.array(["+12125550123"] * 3), id="phones only"),
        pytest.param(pa.array([SHA256] * 3), id="digests only"),
    ],
)
def test_a_column_of_one_sort_equals_the_scalar_path(column: pa.Array, kind: IdentifierKind, hashing: Hashing) -> None:
    """Where one of the paths has nothing to do, the shapes still fit."""
    found = digest_column(column, kind, hashing, [None], Rules())
    assert found.digests.shape == (len(column), kind.digest_size)
    assert vector(column, kind, hashing, [None], Rules()) == scalar(column.to_pylist(), kind, hashing, [None], Rules())


# --- anything else ---

FRAGMENTS = st.sampled_from(
    [*VALUES, *SPACES, *INVISIBLE, "@", ".", "+", "-", "example.com", "jane", "\u03a3", "\u0130"]
)
PHONES = st.builds(
    lambda plus, country, prefix, number, end: f"{plus}{country}{prefix}{number}{end}",
    st.sampled_from(["+", "\uff0b", " +", "00", "", "+ "]),
    st.sampled_from(sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)),
    st.sampled_from(["", "0", "1", "8", "06", "00", "(0)", "15"]),
    st.text("0123456789", max_size=14) | st.text("0123456789 -()./\u0661\uff15", max_size=14),
    st.sampled_from(["", "x7", ";ext=7", " ext. 42", "\u200b", "#", "\u00a0"]),
)
DIGESTS = st.builds(
    lambda text, upper, end: (text.upper() if upper else text) + end,
    st.text("0123456789abcdef", min_size=64, max_size=64).flatmap(
        lambda text: st.sampled_from([text, text[:32], text[:31], text[:63]])
    ),
    st.booleans(),
    st.sampled_from(["", "", "0", "F", "g", " ", "\u00a0"]),
)
TEXTS = (
    st.none()
    | st.lists(FRAGMENTS, min_size=1, max_size=3).map("".join)
    | PHONES
    | DIGESTS
    | st.uuids().map(str)
    | st.emails()
    | st.text()
)
COLUMNS = st.integers(0, 12).flatmap(
    lambda rows: st.tuples(
        st.lists(TEXTS, min_size=rows, max_size=rows),
        st.lists(st.sampled_from(REGIONS), min_size=rows, max_size=rows) | st.sampled_from([[None], ["US"], ["DE"]]),
    )
)


@settings(max_examples=400, deadline=None)
@given(
    column=COLUMNS,
    kind=st.sampled_from(IdentifierKind),
    hashing=st.sampled_from(Hashing),
    rules=st.sampled_from(EVERY_RULE),
    large=st.booleans(),
    before=st.integers(0, 3),
)
def test_a_column_of_anything_equals_the_scalar_path(
    column: tuple[list[str | None], list[str | None]],
    kind: IdentifierKind,
    hashing: Hashing,
    rules: Rules,
    large: bool,
    before: int,
) -> None:
    """Whatever is thrown at a column of whatever sort, the scalar path says the same."""
    texts, regions = column
    array = pa.array([*["x@example.com"] * before, *texts, "y"], pa.large_string() if large else pa.string())
    found = vector(array.slice(before, len(texts)), kind, hashing, regions, rules)
    assert found == scalar(texts, kind, hashing, regions, rules)
