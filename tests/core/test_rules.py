"""Where TikTok's documents contradict each other the user chooses, and the default changes a value least."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.core.hashing import digest_cell
from airflow_provider_tiktok.core.identifiers import Hashing, IdentifierKind, Reason
from airflow_provider_tiktok.core.normalise import normalise_email, normalise_phone
from airflow_provider_tiktok.core.rules import Rules

ALL = {
    "email_tags": ("keep", "remove"),
    "email_dots": ("keep", "remove"),
    "email_spaces": ("reject", "remove"),
    "phone_format": ("plus", "digits", "both"),
}


@pytest.mark.parametrize("chosen", [None, {}], ids=["none", "empty"])
def test_no_choice_is_the_default(chosen: dict[str, str] | None) -> None:
    """Tags, dots and the plus stay, and a space inside an address is an error."""
    assert Rules.parse(chosen) == Rules()
    assert Rules().to_dict() == {
        "email_tags": "keep",
        "email_dots": "keep",
        "email_spaces": "reject",
        "phone_format": "plus",
    }


@given(st.fixed_dictionaries({}, optional={name: st.sampled_from(choices) for name, choices in ALL.items()}))
def test_choices_are_read_and_written_back(chosen: dict[str, str]) -> None:
    """What was chosen stands in the manifest beside the defaults, and is read from there as it was."""
    rules = Rules.parse(chosen)
    assert rules.to_dict() == {**Rules().to_dict(), **chosen}
    assert Rules.parse(rules.to_dict()) == rules


@pytest.mark.parametrize("name", ["tags", "EMAIL_TAGS", ""])
def test_an_unknown_rule_is_refused_with_what_there_is(name: str) -> None:
    """The error names it and lists the four rules."""
    with pytest.raises(ValueError, match=rf"no rule '{name}'") as caught:
        Rules.parse({"email_dots": "keep", name: "keep"})
    assert all(rule in str(caught.value) for rule in ALL)


@pytest.mark.parametrize("name", ALL)
def test_an_unknown_choice_is_refused_with_what_there_is(name: str) -> None:
    """The error names the rule and the choice, and lists the choices of that rule."""
    with pytest.raises(ValueError, match=f"{name} is 'strip'; use one of {', '.join(ALL[name])}$"):
        Rules.parse({name: "strip"})


# --- e-mail addresses ---


@pytest.mark.parametrize(
    ("chosen", "typed", "normal"),
    [
        pytest.param({"email_tags": "remove"}, "Jane.Doe+News@Example.com", "jane.doe@example.com", id="tag"),
        pytest.param({"email_tags": "remove"}, "jane+a+b@example.com", "jane@example.com", id="two tags"),
        pytest.param({"email_tags": "remove"}, "jane+@example.com", "jane@example.com", id="empty tag"),
        pytest.param({"email_tags": "remove"}, "jane@exa+mple.com", "jane@exa+mple.com", id="plus in the domain"),
        pytest.param({"email_dots": "remove"}, "j.a.ne+a.b@ex.ample.com", "jane+ab@ex.ample.com", id="dots"),
        pytest.param({"email_dots": "remove", "email_tags": "remove"}, "j.d.+a.b@x.example", "jd@x.example", id="both"),
        pytest.param({"email_spaces": "remove"}, "jane doe @ exa mple.com", "janedoe@example.com", id="spaces"),
        pytest.param(
            {"email_spaces": "remove"}, "jane\t\u00a0\u2003doe@example.com", "janedoe@example.com", id="Unicode space"
        ),
    ],
)
def test_a_rule_takes_out_what_it_names(chosen: dict[str, str], typed: str, normal: str) -> None:
    """And nothing else; by default the address stays as it is or is refused."""
    assert normalise_email(typed, Rules.parse(chosen)) == normal
    assert normalise_email(typed) in {typed.lower(), Reason.INVALID_EMAIL}


@pytest.mark.parametrize(
    ("chosen", "typed"),
    [
        pytest.param({"email_tags": "remove"}, "+news@example.com", id="nothing but a tag"),
        pytest.param({"email_dots": "remove"}, "...@example.com", id="nothing but dots"),
        pytest.param({"email_dots": "remove", "email_tags": "remove"}, ".+a@example.com", id="a dot and a tag"),
        pytest.param({"email_spaces": "remove"}, " @example.com", id="nothing but space"),
        pytest.param({"email_spaces": "remove"}, "jane\u200bdoe@example.com", id="a space that is none"),
        pytest.param({"email_dots": "remove"}, "jane@example..com", id="two dots in the domain"),
    ],
)
def test_what_a_rule_leaves_of_an_address_must_be_one(chosen: dict[str, str], typed: str) -> None:
    """An address of which nothing is left matches nobody."""
    assert normalise_email(typed, Rules.parse(chosen)) is Reason.INVALID_EMAIL


@given(
    st.emails() | st.text("ab.+ @", max_size=8).map(lambda text: f"{text}@Example.COM"),
    st.fixed_dictionaries({name: st.sampled_from(choices) for name, choices in ALL.items()}),
)
def test_normalising_an_email_twice_changes_nothing(typed: str, chosen: dict[str, str]) -> None:
    """Whatever the rules, a normal form is its own normal form."""
    rules = Rules.parse(chosen)
    normal = normalise_email(typed, rules)
    if not isinstance(normal, Reason):
        assert normalise_email(normal, rules) == normal


# --- phones ---


@pytest.mark.parametrize(("phone_format", "sent"), [("plus", "+"), ("digits", ""), ("both", "+")])
@pytest.mark.parametrize("typed", ["+12125550123", "(212) 555-0123", "\uff0b1 212 555 0123", "+1 212 555 0123 x7"])
def test_a_phone_keeps_or_loses_its_plus(phone_format: str, sent: str, typed: str) -> None:
    """``both`` gives the form with plus; the other one is an alias."""
    rules = Rules.parse({"phone_format": phone_format})
    assert normalise_phone(typed, "US", rules) == f"{sent}12125550123"
    digest = digest_cell(IdentifierKind.PHONE_SHA256, typed, Hashing.AUTO, "US", rules)
    assert digest == hashlib.sha256(f"{sent}12125550123".encode()).digest()


@pytest.mark.parametrize("phone_format", ALL["phone_format"])
def test_a_wrong_phone_is_wrong_in_every_format(phone_format: str) -> None:
    """The rule changes what is sent, not what is refused."""
    rules = Rules.parse({"phone_format": phone_format})
    assert normalise_phone("555-0123", "US", rules) is Reason.INVALID_PHONE
    assert normalise_phone("212 555 0123", None, rules) is Reason.NATIONAL_PHONE_WITHOUT_REGION


def test_rules_do_not_touch_a_digest() -> None:
    """What is hashed already was hashed with somebody else's rules."""
    given_digest = hashlib.sha256(b"jane.doe+news@example.com").digest()
    rules = Rules(email_tags="remove", email_dots="remove", email_spaces="remove", phone_format="digits")
    for kind in (IdentifierKind.EMAIL_SHA256, IdentifierKind.PHONE_SHA256):
        assert digest_cell(kind, given_digest.hex(), Hashing.AUTO, None, rules) == given_digest
