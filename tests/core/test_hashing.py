"""A cell becomes the digest that TikTok matches, or a reason; the published vectors are the judge."""

import hashlib
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_tiktok.core.hashing import digest_cell
from airflow_provider_tiktok.core.identifiers import Hashing, IdentifierKind, Reason

EMAIL, PHONE = IdentifierKind.EMAIL_SHA256, IdentifierKind.PHONE_SHA256
DEVICE_KINDS = [
    IdentifierKind.IDFA_SHA256,
    IdentifierKind.IDFA_MD5,
    IdentifierKind.AAID_SHA256,
    IdentifierKind.AAID_MD5,
]
DEVICE = "5f3a2b18-9c4d-4e7f-b8e2-17d3a1e69b25"
DEVICE_SHA256 = "83dc3f5f32b9472613b0f038d36f22585a609d018af6f6067f50da318bf354bd"
JANE_SHA256 = "d6117306485ed0e50afab3ac871e98f81699151f30281527d63ff5f233656c69"
ZERO_DEVICE = "00000000-0000-0000-0000-000000000000"

# tiktok-api.md section 10: e-mails and phones of TikTok's help pages, Segment's and RudderStack's tests.
EMAIL_VECTORS = {
    "janedoe@gmail.com": JANE_SHA256,
    "user@example.com": "b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514",
    "scroogemcduck@disney.com": "77bc071241f37b4736df28c0c1cb0a99163d1050696134325b99246b2183d408",
    "testing@testing.com": "584c4423c421df49955759498a71495aba49b8780eb9387dff333b6f0982c777",
    "testuser@testing.com": "2458778dc6906a947a016ee3bef93b57099bb130945b8f717f7d8794beb69bca",
    "alex@email.com": "ac0f1baec38a9ef3cfcb56db981df7d9bab2568c7f53ef3776d1c059ec58e72b",
    "amy@abc.com": "49eaeca26c878f268ad33af8cfa8194ca5b8b8e448b1c775bf9153a2de734579",
    "van@abc.com": "2048acfa84a01121060ca2fc8a673a76d427176dc37224d4408c21973bd90e5c",
}
PHONE_VECTORS = {
    "+1231234567": "a644642cf5b18c850cda6a57683ab0287c3f28ef939ee5f90f7be5312606f637",
    "+129988776655": "31e78a3bf9ce2b43316f64fe883a531d6266938091e94e2f2480272481163dee",
    "+129988776677": "fb40adc7debbf40e7b45b0a4a91886785dff1a28809276f95f1c44f7045f9b4d",
}
GIVEN_SHA256 = [
    "a665a45920422f9d417e4867efdc4fb8a04a1f3fff1fa07e998e86f7f7a27ae3",
    "0315b4020af3eccab7706679580ac87a710d82970733b8719e70af9b57e7b9e6",
    "b06fbe7a29f33576a792ba3df3c9bf838cd26ea88cf574285fa60dc0234a8485",
]
GIVEN_MD5 = ["32ee3d063320815a13e0058c2498ff76", "fcea920f7412b5da7be0cf42b8c93759", "098f6bcd4621d373cade4e832627b4f6"]
MUST_NOT = {
    "e5aaca26e304714083dccf6d2dbc16466e9cde94ca54feefa3dca412e2eeb74e",  # an uncleaned phone
    "44d206f60172cd898051a9fb2174750aee1eca00f6f63f12801b90644321e342",  # a domain without its dot
    EMAIL_VECTORS["testuser@testing.com"],  # +tag and dots taken out
    "65b7e6dcf6f4310f8d7cbfbd78289a753062fb054d6664fb9aaac5df66a422d4",  # a phone without its plus
}
WHITE_SPACE = [character for character in map(chr, range(sys.maxunicode + 1)) if character.isspace()]


def outcome(kind: IdentifierKind, cell: str | None, hashing: str = "auto", region: str | None = None) -> str | Reason:
    """The digest in hex, or the reason."""
    digest = digest_cell(kind, cell, Hashing(hashing), region)
    return digest.hex() if isinstance(digest, bytes) else digest


def hashed(kind: IdentifierKind, text: str) -> str:
    return hashlib.new("md5" if kind.endswith("MD5") else "sha256", text.encode()).hexdigest()


@st.composite
def messy(draw: st.DrawFn, text: str) -> str:
    """The text in mixed case, with white space around it."""
    padding = st.text(st.sampled_from(WHITE_SPACE), max_size=3)
    cased = "".join(c.upper() if draw(st.booleans()) else c for c in text)
    return draw(padding) + cased + draw(padding)


@pytest.mark.parametrize(("email", "digest"), EMAIL_VECTORS.items(), ids=EMAIL_VECTORS)
def test_published_email_digests_are_produced(email: str, digest: str) -> None:
    """Every published e-mail vector comes out as published."""
    assert outcome(EMAIL, email) == digest


@given(st.sampled_from(sorted(EMAIL_VECTORS)).flatmap(lambda email: st.tuples(st.just(email), messy(email))))
def test_case_and_surrounding_space_do_not_change_an_email(pair: tuple[str, str]) -> None:
    """However an address is typed, its published digest comes out."""
    email, typed = pair
    assert outcome(EMAIL, typed) == EMAIL_VECTORS[email]


@pytest.mark.parametrize("region", [None, "US", "DE"])
@pytest.mark.parametrize(("phone", "digest"), PHONE_VECTORS.items(), ids=PHONE_VECTORS)
def test_published_phone_digests_are_produced(phone: str, digest: str, region: str | None) -> None:
    """TikTok's own examples are hashed with their plus, although they are on no numbering plan, whatever the region."""
    assert outcome(PHONE, phone, region=region) == digest


@pytest.mark.parametrize("kind", [IdentifierKind.IDFA_SHA256, IdentifierKind.AAID_SHA256])
@given(typed=messy(DEVICE))
def test_the_published_device_id_is_hashed_in_lower_case(kind: IdentifierKind, typed: str) -> None:
    """iOS shows device ids in upper case; TikTok's sample digest is that of the lower-case id."""
    assert outcome(kind, typed) == DEVICE_SHA256


@pytest.mark.parametrize("kind", [IdentifierKind.IDFA_MD5, IdentifierKind.AAID_MD5])
def test_md5_kinds_are_hashed_with_md5(kind: IdentifierKind) -> None:
    """An MD5 kind gives the 32 digits of the MD5 of the same normalised id."""
    assert outcome(kind, f" {DEVICE.upper()}\t") == hashlib.md5(DEVICE.encode()).hexdigest()


@pytest.mark.parametrize(
    ("kind", "cell", "region"),
    [
        pytest.param(PHONE, "+1 (555) 555-5555", None, id="phone with punctuation"),
        pytest.param(PHONE, "+1 (555) 555-5555", "US", id="phone with punctuation and region"),
        pytest.param(PHONE, "37493828222", None, id="phone without plus"),
        pytest.param(PHONE, "37493828222", "AM", id="phone without plus in its country"),
        pytest.param(PHONE, "+37493828222", None, id="phone with plus"),
        pytest.param(EMAIL, "testing@testing.com", None, id="address with a dot"),
        pytest.param(EMAIL, "testing@testingcom", None, id="address without a dot"),
        pytest.param(EMAIL, "Test.User+tag@Testing.com", None, id="address with tag and dots"),
    ],
)
def test_known_wrong_digests_are_never_produced(kind: IdentifierKind, cell: str, region: str | None) -> None:
    """Digests that other connectors made by mistake do not come out of the inputs that led to them."""
    assert outcome(kind, cell, region=region) not in MUST_NOT


@pytest.mark.parametrize(
    "spelling", [str.lower, str.upper, lambda digest: f"\u00a0{digest}\n"], ids=["lower", "upper", "space"]
)
@pytest.mark.parametrize("hashing", ["auto", "hashed"])
@pytest.mark.parametrize(
    ("kind", "digest"),
    [
        *((kind, digest) for kind in IdentifierKind if kind.digest_size == 32 for digest in GIVEN_SHA256),
        *((kind, digest) for kind in IdentifierKind if kind.digest_size == 16 for digest in GIVEN_MD5),
    ],
)
def test_a_digest_is_kept_in_lower_case(kind: IdentifierKind, digest: str, hashing: str, spelling: object) -> None:
    """A value that is hashed already is not hashed again."""
    assert outcome(kind, spelling(digest), hashing) == digest  # type: ignore[operator]


@pytest.mark.parametrize("kind", list(IdentifierKind))
@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"x{JANE_SHA256}", id="before"),
        pytest.param(f"{JANE_SHA256}x", id="after"),
        pytest.param(f"{JANE_SHA256} {JANE_SHA256}", id="twice"),
        pytest.param(f"{JANE_SHA256}\n;", id="line break"),
        pytest.param(f"0x{JANE_SHA256}", id="prefix"),
        pytest.param(f"{JANE_SHA256[:32]} {JANE_SHA256[32:]}", id="space inside"),
        pytest.param(f"{JANE_SHA256}0", id="65 digits"),
        pytest.param(JANE_SHA256[:-1], id="63 digits"),
        pytest.param(JANE_SHA256[:-1] + "g", id="not hex"),
        pytest.param("\uff11" * 64, id="fullwidth digits"),
        pytest.param("\u0661" * 32, id="arabic digits"),
    ],
)
def test_text_that_merely_contains_a_digest_is_none(kind: IdentifierKind, text: str) -> None:
    """Only a cell that is hex digits from end to end counts as hashed; everything else here is refused."""
    assert isinstance(outcome(kind, text), Reason)
    assert outcome(kind, text, "hashed") is Reason.RAW_WHERE_HASH_DECLARED


def test_an_address_that_contains_hex_digits_is_an_address() -> None:
    """A relay address of 64 hex digits is hashed as the address that it is."""
    address = f"{JANE_SHA256}@relay.example"
    assert outcome(EMAIL, address) == hashlib.sha256(address.encode()).hexdigest()


@pytest.mark.parametrize("hashing", ["auto", "hashed"])
@pytest.mark.parametrize(
    ("kind", "length"),
    [
        (kind, length)
        for kind in IdentifierKind
        for length in (32, 40, 56, 64, 96, 128)
        if length != 2 * kind.digest_size
    ],
)
def test_a_digest_of_another_algorithm_is_refused(kind: IdentifierKind, length: int, hashing: str) -> None:
    """An MD5 in a SHA-256 column, or the reverse, would match nobody."""
    assert outcome(kind, ("0a1b2c3d" * 16)[:length], hashing) is Reason.WRONG_HASH_LENGTH


@pytest.mark.parametrize(
    ("kind", "cell"),
    [(EMAIL, "jane@example.com"), (PHONE, "+12125550123"), *((kind, DEVICE) for kind in DEVICE_KINDS)],
    ids=str,
)
class TestDeclaredHashing:
    """What a column is declared to hold is checked, both ways."""

    def test_a_raw_value_in_a_hashed_column_is_refused(self, kind: IdentifierKind, cell: str) -> None:
        """A raw value where digests were promised is not hashed behind the user's back."""
        assert outcome(kind, cell, "hashed") is Reason.RAW_WHERE_HASH_DECLARED

    def test_a_digest_in_a_raw_column_is_refused(self, kind: IdentifierKind, cell: str) -> None:
        """A digest where raw values were promised is neither kept nor hashed twice."""
        assert outcome(kind, hashed(kind, cell), "raw") is Reason.HASH_WHERE_RAW_DECLARED

    def test_the_declared_form_is_taken(self, kind: IdentifierKind, cell: str) -> None:
        """Raw in raw, digest in hashed, and both in auto give one digest."""
        digest = hashed(kind, cell)
        given = [
            outcome(kind, cell, "raw"),
            outcome(kind, digest, "hashed"),
            outcome(kind, cell),
            outcome(kind, digest),
        ]
        assert given == [digest] * 4


@pytest.mark.parametrize("hashing", list(Hashing))
@pytest.mark.parametrize("kind", list(IdentifierKind))
def test_nothing_and_white_space_are_empty(kind: IdentifierKind, hashing: str) -> None:
    """NULL, the empty text and every kind of Unicode white space are no value."""
    cells = [None, "", *WHITE_SPACE, "".join(WHITE_SPACE)]
    assert {outcome(kind, cell, hashing) for cell in cells} == {Reason.EMPTY}
    assert "\u00a0" in WHITE_SPACE


@pytest.mark.parametrize("hashing", list(Hashing))
@pytest.mark.parametrize("kind", list(IdentifierKind))
@pytest.mark.parametrize(
    "text", ["None", "nan", "NaN", "NULL", " null ", "nil", "N/A", "NA", "NaT", "<NA>", "undefined", "Unknown", "-"]
)
def test_words_for_no_value_are_placeholders(kind: IdentifierKind, text: str, hashing: str) -> None:
    """What exports write for a missing value is nobody's identifier."""
    assert outcome(kind, text, hashing) is Reason.PLACEHOLDER


@pytest.mark.parametrize("spelling", [str.lower, str.upper], ids=["lower", "upper"])
@pytest.mark.parametrize("kind", list(IdentifierKind))
@pytest.mark.parametrize(
    "text", ["", "none", "None", "null", "NULL", "nan", "NaN", "n/a", "N/A", "undefined", ZERO_DEVICE], ids=ascii
)
def test_digests_of_placeholders_are_refused(kind: IdentifierKind, text: str, spelling: object) -> None:
    """A digest that somebody made of a missing value is refused too, since it would join strangers."""
    assert outcome(kind, spelling(hashed(kind, text))) is Reason.PLACEHOLDER  # type: ignore[operator]


@pytest.mark.parametrize("kind", list(IdentifierKind))
def test_a_digest_of_zeros_is_refused(kind: IdentifierKind) -> None:
    """Zeros are no digest of anybody; in an MD5 column they are the device id of all who opted out, without dashes."""
    assert isinstance(outcome(kind, "0" * 2 * kind.digest_size), Reason)


@pytest.mark.parametrize("kind", DEVICE_KINDS)
def test_the_device_id_of_those_who_opted_out_is_refused(kind: IdentifierKind) -> None:
    """The all-zero id is given for everybody who does not want to be tracked."""
    assert outcome(kind, f" {ZERO_DEVICE} ") is Reason.ZERO_DEVICE_ID


@given(kind=st.sampled_from(IdentifierKind), text=st.text(min_size=5) | st.emails() | st.uuids().map(str))
@example(EMAIL, "jane@example.com")
@example(EMAIL, "jane\ud800@example.com")
@example(PHONE, "+1\ud8002125550123")
def test_a_digest_never_contains_its_input(kind: IdentifierKind, text: str) -> None:
    """Whatever comes in, a reason comes out or a digest of the kind's size in which the input does not show."""
    digest = digest_cell(kind, text, Hashing.RAW, "US")
    if not isinstance(digest, Reason):
        assert len(digest) == kind.digest_size
        assert text.strip().lower() not in digest.hex()
        assert text.strip().encode() not in digest


@given(st.text() | st.emails() | st.emails().flatmap(messy))
def test_an_email_digest_is_that_of_the_stripped_lower_case_text(text: str) -> None:
    """Python's ``strip().lower()`` and hashlib are the reference for all of Unicode."""
    digest = outcome(EMAIL, text, "raw")
    if not isinstance(digest, Reason):
        assert digest == hashlib.sha256(text.strip().lower().encode()).hexdigest()
