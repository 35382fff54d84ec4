"""Columns are checked once, and their order is kept."""

from collections.abc import Mapping
from typing import Any

import pytest

from airflow_provider_tiktok.core.columns import ColumnError, Columns
from airflow_provider_tiktok.core.identifiers import Hashing, IdentifierKind
from airflow_provider_tiktok.core.records import Layout
from airflow_provider_tiktok.core.rules import Rules

PERSON = {"email": "EMAIL_SHA256", "phone": "PHONE_SHA256", "idfa": "IDFA_SHA256"}


# --- what was declared ---


def test_columns_keep_their_order() -> None:
    """Names and kinds stand in the order in which they were declared."""
    columns = Columns.parse({"z": "PHONE_SHA256", "a": "EMAIL_SHA256"}, "raw", "US")
    assert columns.names == ("z", "a")
    assert columns.kinds == (IdentifierKind.PHONE_SHA256, IdentifierKind.EMAIL_SHA256)
    assert columns.layout == Layout(columns.kinds)
    assert (columns.hashing, columns.default_region) == ((Hashing.RAW, Hashing.RAW), "US")


def test_each_column_may_have_its_own_hashing() -> None:
    """A column that is not named holds raw values or digests, told apart cell by cell."""
    columns = Columns.parse(PERSON, {"phone": "raw", "email": "hashed"})
    assert columns.hashing == (Hashing.HASHED, Hashing.RAW, Hashing.AUTO)


def test_rules_are_kept_for_the_manifest() -> None:
    """Rules that are not named are the defaults."""
    rules = Columns.parse(PERSON, rules={"phone_format": "both"}).rules
    assert rules == Rules(phone_format="both")


@pytest.mark.parametrize(
    ("columns", "options", "said"),
    [
        pytest.param({}, {}, ["columns is empty", "{'email': 'EMAIL_SHA256'}", "AAID_MD5"], id="empty"),
        pytest.param({"a": "EMAIL"}, {}, ["columns", "'EMAIL'", "EMAIL_SHA256"], id="unknown kind"),
        pytest.param({"a": "email_sha256"}, {}, ["columns", "'email_sha256'", "EMAIL_SHA256"], id="lower-case kind"),
        pytest.param({"a": "GAID_MD5", "b": "MAID"}, {}, ["'GAID_MD5'", "'MAID'", "AAID_MD5"], id="two unknown kinds"),
        pytest.param(
            {"a": "PHONE_SHA256", "b": "PHONE_SHA256"}, {}, ["PHONE_SHA256", "several columns", "COALESCE"], id="twice"
        ),
        pytest.param(
            {"a": "EMAIL_SHA256"}, {"hashing": "sha256"}, ["hashing", "'sha256'", "auto, raw, hashed"], id="hashing"
        ),
        pytest.param(
            {"a": "EMAIL_SHA256", "b": "PHONE_SHA256"},
            {"hashing": {"a": "raw", "b": "SHA256"}},
            ["hashing", "'SHA256'", "auto, raw, hashed"],
            id="hashing of one column",
        ),
        pytest.param(
            {"a": "EMAIL_SHA256"},
            {"hashing": {"A": "raw", "z": "raw"}},
            ["hashing", "'A', 'z'", "not among the columns"],
            id="hashing of columns that are not there",
        ),
    ],
)
def test_wrong_columns_are_refused_with_what_to_write(
    columns: Mapping[str, str], options: dict[str, Any], said: list[str]
) -> None:
    """The error says what is wrong, where it stands and what may stand there."""
    with pytest.raises(ColumnError) as caught:
        Columns.parse(columns, **options)
    assert [words for words in said if words not in str(caught.value)] == []


@pytest.mark.parametrize("region", ["UK", "us", "USA", "XX", "", "None"])
def test_an_unknown_region_is_a_wrong_configuration(region: str) -> None:
    """A region that no numbering plan has would refuse every national phone as if the phones were wrong."""
    with pytest.raises(ColumnError, match="default_region"):
        Columns.parse(PERSON, default_region=region)


# --- where the columns stand ---


@pytest.mark.parametrize(
    ("available", "positions"),
    [
        pytest.param(["email", "phone", "idfa"], (0, 1, 2), id="in order"),
        pytest.param(["id", "idfa", "phone", "name", "email"], (4, 2, 1), id="in another order, with others"),
        pytest.param(["EMAIL", "Phone", "IDFA"], (0, 1, 2), id="in another case"),
        pytest.param(["EMAIL", "phone", "idfa", "email"], (3, 1, 2), id="exact beats another case"),
        pytest.param(["email", "phone", "idfa", "EMAIL"], (0, 1, 2), id="exact beats another case behind it"),
    ],
)
def test_columns_are_found_by_name(available: list[str], positions: tuple[int, ...]) -> None:
    """A column is found by its exact name, then ignoring case, as databases fold names differently."""
    assert Columns.parse(PERSON).positions(available) == positions


def test_the_column_of_regions_is_read_last() -> None:
    """It stands behind the identifiers, wherever the query has it."""
    columns = Columns.parse({"phone": "PHONE_SHA256", "email": "EMAIL_SHA256"}, region_column="country")
    assert columns.read == ("phone", "email", "country")
    assert columns.positions(["Country", "email", "phone"]) == (2, 1, 0)
    assert Columns.parse(PERSON).read == ("email", "phone", "idfa")


def test_a_missing_column_of_regions_is_named() -> None:
    """It is a column like the others."""
    with pytest.raises(ColumnError, match="no column 'country'"):
        Columns.parse(PERSON, region_column="country").positions(["email", "phone", "idfa"])


def test_a_missing_column_is_named() -> None:
    """The error names the columns that the query lacks and those that it has."""
    with pytest.raises(ColumnError) as caught:
        Columns.parse(PERSON).positions(["e_mail", "PHONE"])
    assert "no column 'email', 'idfa'" in str(caught.value)
    assert "'e_mail', 'PHONE'" in str(caught.value)


@pytest.mark.parametrize("available", [["email", "email"], ["Email", "EMAIL"]], ids=["same name", "same but for case"])
def test_an_ambiguous_column_is_refused(available: list[str]) -> None:
    """When two columns of a query could be meant, as after a JOIN, none is picked in silence."""
    with pytest.raises(ColumnError, match="email"):
        Columns.parse({"email": "EMAIL_SHA256"}).positions(available)


def test_some_of_the_columns_are_enough_for_a_suppression() -> None:
    """Those that are there are found as always, and of the others there is none."""
    columns = Columns.parse(PERSON, region_column="country")
    assert columns.some_positions(["id", "PHONE"]) == (None, 1, None, None)
    assert columns.some_positions(["country", "idfa", "email"]) == (2, None, 1, 0)


@pytest.mark.parametrize("available", [["id"], ["id", "country"], []], ids=["others", "region alone", "none"])
def test_a_suppression_without_any_of_the_columns_is_refused(available: list[str]) -> None:
    """It would suppress nobody."""
    with pytest.raises(ColumnError, match=r"none of the columns 'email', 'phone', 'idfa'.*Give at least one"):
        Columns.parse(PERSON, region_column="country").some_positions(available)


def test_an_ambiguous_column_of_a_suppression_is_refused() -> None:
    """As for any query."""
    with pytest.raises(ColumnError, match="'email' more than once"):
        Columns.parse(PERSON).some_positions(["email", "email", "phone"])
