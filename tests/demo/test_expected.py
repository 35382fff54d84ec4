"""The oracle, on rows written by hand."""

from hashlib import sha256

import pytest

from demo.expected import EMAIL, IDFA, PHONE, RefusedError, digest_of, expect

DEVICE = "5f3a2b18-9c4d-4e7f-b8e2-17d3a1e69b25"


def sha(text: str) -> str:
    return sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("kind", "cell", "digest"),
    [
        pytest.param(EMAIL, "janedoe@gmail.com", "d6117306485ed0e50afab3ac871e98f81699151f30281527d63ff5f233656c69"),
        pytest.param(IDFA, DEVICE, "83dc3f5f32b9472613b0f038d36f22585a609d018af6f6067f50da318bf354bd"),
        pytest.param(EMAIL, "\u00a0Ana.Abel+News@Example.COM\t", sha("ana.abel+news@example.com")),
        pytest.param(EMAIL, "ÉLAN@BÜCHER.example", sha("élan@bücher.example")),
        pytest.param(PHONE, "(212) 555-0123", sha("+12125550123")),
        pytest.param(PHONE, "212.555.0123", sha("+12125550123")),
        pytest.param(PHONE, "1-212-555-0123", sha("+12125550123")),
        pytest.param(PHONE, "+1 212-555-0123", sha("+12125550123")),
        pytest.param(PHONE, "+44 (0)20 7946 0018", sha("+442079460018")),
        pytest.param(PHONE, "+49 30 23125 123", sha("+493023125123")),
        pytest.param(IDFA, f" {DEVICE.upper()} ", sha(DEVICE)),
        pytest.param(EMAIL, sha("x").upper(), sha("x")),
        pytest.param(EMAIL, None, None),
        pytest.param(EMAIL, " \u2003\n", None),
    ],
)
def test_digest(kind, cell, digest):
    """A good cell has one digest, an empty cell none."""
    assert digest_of(kind, cell) == digest


@pytest.mark.parametrize(
    ("kind", "cell", "reason"),
    [
        (EMAIL, "None", "placeholder"),
        (PHONE, "-", "placeholder"),
        (IDFA, "<NA>", "placeholder"),
        (EMAIL, sha(""), "placeholder"),
        (PHONE, sha("null").upper(), "placeholder"),
        (IDFA, sha("00000000-0000-0000-0000-000000000000"), "placeholder"),
        (EMAIL, "0" * 32, "wrong_hash_length"),
        (PHONE, "a" * 40, "wrong_hash_length"),
        (IDFA, "a" * 128, "wrong_hash_length"),
        (EMAIL, "ana.example.com", "invalid_email"),
        (EMAIL, "ana@home@example.com", "invalid_email"),
        (EMAIL, "ana@localhost", "invalid_email"),
        (EMAIL, "ana@example.com.", "invalid_email"),
        (EMAIL, "ana @example.com", "invalid_email"),
        (EMAIL, "ana\u200b@example.com", "invalid_email"),
        (EMAIL, "@example.com", "invalid_email"),
        (PHONE, "call after 6", "invalid_phone"),
        (PHONE, "555-0123", "invalid_phone"),
        (PHONE, "(111) 555-0123", "invalid_phone"),
        (PHONE, "+999 12345678", "invalid_phone"),
        (PHONE, "+1 212", "invalid_phone"),
        (IDFA, DEVICE.replace("-", "_"), "invalid_device_id"),
        (IDFA, "00000000-0000-0000-0000-000000000000", "zero_device_id"),
    ],
)
def test_refusal(kind, cell, reason):
    """A bad cell is refused for its reason."""
    with pytest.raises(RefusedError, match=f"^{reason}$"):
        digest_of(kind, cell)


def test_counts_of_rows():
    """Each row is a member, a duplicate or a rejection; a bad cell beside a good one is counted apart."""
    result = expect(
        [
            ("ana@example.com", None, None),
            (" ANA@example.com", "", "  "),  # the same member
            ("ana@example.com", "+1 212 555 0123", None),  # another one, with the same e-mail
            ("broken", "212-555-0199", None),
            ("broken", "12345", None),  # rejected for its first cell
            (" ", "12345", "nan"),
            (None, "", "\t"),
        ]
    )
    assert result.counts() == {
        "rows_read": 7,
        "members": 3,
        "duplicates": 1,
        "suppressed": 0,
        "rejected": {"invalid_email": 1, "invalid_phone": 1, "empty": 1},
        "identifiers": {EMAIL: 1, PHONE: 2, IDFA: 0},
        "refused_identifiers": {EMAIL: {"invalid_email": 1}},
    }
    assert result.digests[PHONE] == {sha("+12125550123"), sha("+12125550199")}
