"""Each kind of value has one normal form; what has none is refused with its reason."""

import random
import re
from collections.abc import Iterator
from itertools import product

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_tiktok.core.identifiers import Reason
from airflow_provider_tiktok.core.normalise import (
    is_e164,
    normalise_device_id,
    normalise_email,
    normalise_phone,
    surely_e164,
)

DEVICE = "5f3a2b18-9c4d-4e7f-b8e2-17d3a1e69b25"
REGIONS = ["US", "GB", "DE", "FR", "IT", "BR", "AR", "MX", "IN", "JP"]

DIALLED = st.builds(
    lambda plus, country, number: f"{plus}{country}{number}",
    st.sampled_from(["+", "\uff0b", " +", "+ "]),
    st.sampled_from(["1", "7", "39", "44", "49", "52", "54", "55", "81", "86", "95", "800", "999"]),
    st.text("0123456789 -()./", min_size=4, max_size=14),
)


# --- e-mail addresses ---


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        pytest.param("Jane.Doe+News@Example.COM", "jane.doe+news@example.com", id="tag and dots are kept"),
        pytest.param("  jane@example.com\r\n", "jane@example.com", id="surrounding space"),
        pytest.param("\u00a0\u2003jane@example.com\u3000", "jane@example.com", id="surrounding Unicode space"),
        pytest.param("j@a.b.c.example", "j@a.b.c.example", id="subdomains"),
        pytest.param("_o'neil/x=1@example.com", "_o'neil/x=1@example.com", id="punctuation"),
        pytest.param("ÉLAN@BÜCHER.example", "élan@bücher.example", id="Latin with accents"),
        pytest.param("ΣΟΦΟΣ@Example.com", "σοφο\u03c2@example.com", id="final sigma"),
        pytest.param("ΛΣ.Π@Example.com", "λ\u03c3.π@example.com", id="sigma before a dot and a letter"),
        pytest.param("İNCİ@example.com", "i\u0307nci\u0307@example.com", id="dotted capital I"),
        pytest.param("ẞTRASSE@example.com", "ßtrasse@example.com", id="capital sharp s"),
        pytest.param("ВАНЯ@ПОЧТА.example", "ваня@почта.example", id="Cyrillic"),
        pytest.param("名@例.example", "名@例.example", id="no case"),
    ],
)
def test_email_is_trimmed_and_lowered(typed: str, normal: str) -> None:
    """The normal form is the text in lower case without the space around it, and nothing else is changed."""
    assert normalise_email(typed) == normal == typed.strip().lower()


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param("jane", id="no at"),
        pytest.param("@example.com", id="no local part"),
        pytest.param("jane@", id="no domain"),
        pytest.param("jane@example", id="domain without a dot"),
        pytest.param("jane@@example.com", id="two ats"),
        pytest.param("jane@doe@example.com", id="two ats apart"),
        pytest.param("jane@example.com,joe@example.com", id="two addresses"),
        pytest.param("jane@example..com", id="two dots"),
        pytest.param("jane@.example.com", id="leading dot"),
        pytest.param("jane@example.com.", id="trailing dot"),
        pytest.param("jane@.", id="only a dot"),
        pytest.param("jane doe@example.com", id="space inside"),
        pytest.param("jane@exa mple.com", id="space in the domain"),
        pytest.param("Jane <jane@example.com>", id="with a name"),
        pytest.param("jane\t@example.com", id="tab inside"),
        pytest.param("jane\n@example.com", id="line break inside"),
        pytest.param("jane\u00a0@example.com", id="NBSP inside"),
        pytest.param("jane\u2003@example.com", id="em space inside"),
        pytest.param("jane\x00@example.com", id="NUL"),
        pytest.param("jane\x7f@example.com", id="DEL"),
        pytest.param("jane\u200b@example.com", id="zero-width space inside"),
        pytest.param("jane@example.com\u200b", id="zero-width space at the end"),
        pytest.param("\ufeffjane@example.com", id="byte order mark at the start"),
        pytest.param("jane@exa\ufeffmple.com", id="byte order mark inside"),
        pytest.param("ja\u00adne@example.com", id="soft hyphen"),
        pytest.param("\u202ejane@example.com", id="right-to-left override"),
        pytest.param("jane\ud800@example.com", id="lone surrogate"),
        pytest.param("jane\ue000@example.com", id="private use"),
        pytest.param("jane(at)example.com", id="at in words"),
    ],
)
def test_malformed_email_is_refused(typed: str) -> None:
    """What has no local part, no dotted domain, or a blank or invisible character inside matches nobody."""
    assert normalise_email(typed) is Reason.INVALID_EMAIL


@given(st.emails() | st.emails().map(str.upper) | st.text().map(lambda text: f"{text}@Exämple.COM"))
@example("ΑΣ@ΑΣ.ΑΣ")
@example("İ@İ.İ")
def test_normalising_an_email_twice_changes_nothing(typed: str) -> None:
    """A normal form is its own normal form."""
    normal = normalise_email(typed)
    if not isinstance(normal, Reason):
        assert normalise_email(normal) == normal == typed.strip().lower()


# --- phones ---


@pytest.mark.parametrize(
    ("typed", "region", "normal"),
    [
        pytest.param("+1231234567", None, "+1231234567", id="TikTok's example"),
        pytest.param("+129988776655", None, "+129988776655", id="RudderStack's example"),
        pytest.param("+1 (212) 555-0123", None, "+12125550123", id="brackets and dashes"),
        pytest.param("+1.212.555.0123", None, "+12125550123", id="dots"),
        pytest.param("\u00a0+1\u00a0212\u00a0555\u00a00123\u2003", None, "+12125550123", id="Unicode space"),
        pytest.param("+1\u2010212\u2013555\u20140123", None, "+12125550123", id="Unicode dashes"),
        pytest.param("\uff0b1 212 555 0123", None, "+12125550123", id="fullwidth plus"),
        pytest.param(
            "\uff0b\uff11 \uff12\uff11\uff12 \uff15\uff15\uff15 0123", None, "+12125550123", id="fullwidth digits"
        ),
        pytest.param("+1 212 555 0123 ext. 42", None, "+12125550123", id="ext."),
        pytest.param("+1 212 555 0123 x42", None, "+12125550123", id="x"),
        pytest.param("+1-212-555-0123;ext=42", None, "+12125550123", id=";ext="),
        pytest.param("+1 800 FLOWERS", None, "+18003569377", id="letters with plus"),
        pytest.param("1-800-flowers", "US", "+18003569377", id="letters with region"),
        pytest.param("+44 (0)20 7946 0018", None, "+442079460018", id="trunk zero in brackets"),
        pytest.param("+39 06 1234 5678", None, "+390612345678", id="Italy keeps its zero"),
        pytest.param("(212) 555-0123", "US", "+12125550123", id="US"),
        pytest.param("1-212-555-0123", "US", "+12125550123", id="US with a one"),
        pytest.param("212-555-0123 ext 7", "US", "+12125550123", id="US with extension"),
        pytest.param("020 7946 0018", "GB", "+442079460018", id="GB"),
        pytest.param("0044 20 7946 0018", "DE", "+442079460018", id="dialled from abroad"),
        pytest.param("030 23125 123", "DE", "+493023125123", id="DE"),
        pytest.param("+44 20 7946 0018", "US", "+442079460018", id="a plus beats the region"),
    ],
)
def test_phone_becomes_e164_with_its_plus(typed: str, region: str | None, normal: str) -> None:
    """However a number is written, its normal form is plus, country and number, without the extension."""
    assert normalise_phone(typed, region) == normal


@pytest.mark.parametrize(
    "typed", ["2125550123", "(212) 555-0123", "37493828222", "020 7946 0018", "0044 20 7946 0018", "55512"]
)
def test_national_phone_needs_a_region(typed: str) -> None:
    """Without a plus and without a region the country would be a guess, so the number is refused, saying so."""
    assert normalise_phone(typed, None) is Reason.NATIONAL_PHONE_WITHOUT_REGION


@pytest.mark.parametrize(
    ("typed", "region"),
    [
        pytest.param("555-0123", "US", id="too short for the US"),
        pytest.param("111-111-1111", "US", id="no such area code"),
        pytest.param("1234567890", "US", id="Segment's 1234567890"),
        pytest.param("21255501234567", "US", id="too long for the US"),
        pytest.param("020 7946", "GB", id="too short for the UK"),
    ],
)
def test_national_phone_must_exist_in_its_region(typed: str, region: str) -> None:
    """Where the country is a guess, a number that its numbering plan does not know is refused."""
    assert normalise_phone(typed, region) is Reason.INVALID_PHONE


@pytest.mark.parametrize("region", [None, "US"])
@pytest.mark.parametrize(
    "typed",
    [
        pytest.param("hello", id="word"),
        pytest.param("1234", id="four digits"),
        pytest.param("1234567890123456", id="sixteen digits"),
        pytest.param("+", id="only a plus"),
        pytest.param("+1", id="only a country"),
        pytest.param("+12 345", id="too short"),
        pytest.param("+1234567890123456", id="too long"),
        pytest.param("+0123456789", id="country 0"),
        pytest.param("+999 123456789", id="no such country"),
        pytest.param("+1+12125550123", id="two pluses"),
        pytest.param("+12125550123 call me", id="trailing words"),
        pytest.param("jane@example.com", id="address"),
        pytest.param("+1\ud8002125550123", id="lone surrogate"),
    ],
)
def test_malformed_phone_is_refused(typed: str, region: str | None) -> None:
    """What is no E.164 number is refused, with a region or without."""
    assert normalise_phone(typed, region) is Reason.INVALID_PHONE


@given(DIALLED)
@example("+55005785271859")
@example("+1119844132155")
@example("+49007504214006")
def test_normalising_an_international_phone_twice_changes_nothing(typed: str) -> None:
    """A normal form is its own normal form, also where a trunk prefix was written twice."""
    normal = normalise_phone(typed, None)
    if not isinstance(normal, Reason):
        assert normalise_phone(normal, None) == normal


@given(st.text("0123456789 -()", min_size=6, max_size=14), st.sampled_from(REGIONS))
def test_normalising_a_national_phone_twice_changes_nothing(typed: str, region: str) -> None:
    """The normal form of a national number is the same in its region and without a region."""
    normal = normalise_phone(typed, region)
    if not isinstance(normal, Reason):
        assert normalise_phone(normal, region) == normalise_phone(normal, None) == normal


@given(st.text() | DIALLED, st.sampled_from([None, *REGIONS]))
def test_a_normal_phone_is_a_plus_and_seven_to_fifteen_digits(typed: str, region: str | None) -> None:
    """Whatever comes in, nothing but an E.164 number or a reason comes out."""
    normal = normalise_phone(typed, region)
    if not isinstance(normal, Reason):
        assert normal[0] == "+"
        assert normal[1] != "0"
        assert set(normal[1:]) <= set("0123456789")
        assert 7 <= len(normal[1:]) <= 15


CALLING_CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)


def e164_shaped() -> Iterator[str]:
    """Texts of the E.164 shape: in every country every beginning of three digits, with one random end."""
    rng = random.Random(20260101)
    for country, start in product(CALLING_CODES, range(1000)):
        head = f"{country}{start:03}"
        length = rng.randint(max(7, len(head)), 15)
        yield f"+{head}{''.join(rng.choices('0123456789', k=length - len(head)))}"


def libphonenumber(text: str) -> str | None:
    """What the library makes of it, asked directly."""
    try:
        return phonenumbers.format_number(phonenumbers.parse(text), phonenumbers.PhoneNumberFormat.E164)
    except phonenumbers.NumberParseException:
        return None


def test_what_is_told_to_be_e164_is_left_alone_by_libphonenumber() -> None:
    """The library is asked only where it could change something, in every country and for every beginning."""
    assert [text for text in e164_shaped() if is_e164(text) and libphonenumber(text) != text] == []


def test_what_is_surely_e164_is_e164() -> None:
    """The pattern for whole columns promises no more than the function, and covers most numbers."""
    pattern, texts = re.compile(surely_e164()), list(e164_shaped())
    sure = [text for text in texts if pattern.match(text)]
    assert [text for text in sure if not is_e164(text)] == []
    assert len(sure) > len(texts) / 2


@pytest.mark.parametrize(
    "text",
    [
        *("12125550123", "++12125550123", "+0123456789", "+123456", "+1234567890123456", "+12125550123\n", ""),
        *(
            "+999123456789",
            "\uff0b12125550123",
            "+1212555012\uff13",
            "+1212555012\u0663",
            "+4402079460018",
            "+44(0)2079",
        ),
    ],
    ids=ascii,
)
def test_what_is_not_surely_e164_is_not_told_to_be(text: str) -> None:
    """Another shape, an unknown country and a trunk prefix are left to the library."""
    assert not is_e164(text)


# --- device ids ---


@given(st.uuids(), st.booleans(), st.text(" \t\u00a0", max_size=2))
def test_device_id_is_trimmed_and_lowered(device: object, upper: bool, space: str) -> None:
    """Upper case and surrounding space do not count, and normalising twice changes nothing."""
    typed = str(device).upper() if upper else str(device)
    normal = normalise_device_id(f"{space}{typed}{space}")
    assert normal == str(device)
    assert normalise_device_id(normal) == normal


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param(DEVICE.replace("-", ""), id="without dashes"),
        pytest.param(f"{{{DEVICE}}}", id="in braces"),
        pytest.param(f"urn:uuid:{DEVICE}", id="urn"),
        pytest.param(f"{DEVICE}0", id="too long"),
        pytest.param(DEVICE[:-1], id="too short"),
        pytest.param(f"{DEVICE[:-1]}g", id="not hex"),
        pytest.param(f"{DEVICE[:-1]}\uff15", id="fullwidth digit"),
        pytest.param(f"{DEVICE}\n{DEVICE}", id="two"),
        pytest.param(DEVICE.replace("-", " "), id="spaces for dashes"),
        pytest.param("1234567", id="number"),
    ],
)
def test_malformed_device_id_is_refused(typed: str) -> None:
    """Only a dashed UUID has the published digest."""
    assert normalise_device_id(typed) is Reason.INVALID_DEVICE_ID


def test_all_zero_device_id_is_refused() -> None:
    """The id of people who opted out of tracking identifies nobody."""
    assert normalise_device_id("00000000-0000-0000-0000-000000000000") is Reason.ZERO_DEVICE_ID
