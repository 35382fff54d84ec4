"""Values of a connection are checked before they are used, and secrets do not show."""

import dataclasses
from typing import Any

import pytest

from airflow_provider_tiktok.api.settings import Secret, Settings

GOOD = {"access_token": Secret("token-7"), "app_id": "app", "app_secret": Secret("secret-7")}


def problems(**values: Any) -> list[str]:
    return Settings(**{**GOOD, **values}).problems()


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({}, id="defaults"),
        pytest.param({"app_id": None, "app_secret": None}, id="long-lived token only"),
        pytest.param({"access_token": None, "refresh_token": Secret("r")}, id="refresh token only"),
        pytest.param({"advertiser_id": "7012345678901234567", "bc_id": "7099"}, id="ids"),
        pytest.param({"base_url": "http://127.0.0.1:8080"}, id="emulator"),
        pytest.param({"base_url": "http://localhost:8080/"}, id="localhost"),
        pytest.param({"base_url": "http://[::1]:8080"}, id="IPv6 loopback"),
        pytest.param({"base_url": "https://127.0.0.1", "verify_tls": False}, id="self-signed loopback"),
        pytest.param({"base_url": "https://proxy.example.com"}, id="another host"),
        pytest.param({"timeout": 0.5}, id="timeout"),
    ],
)
def test_good_values_have_no_problems(values: dict[str, Any]) -> None:
    """What works is not complained about."""
    assert problems(**values) == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param({"base_url": ""}, "Host must be a URL such as https://business-api.tiktok.com", id="no host"),
        pytest.param({"base_url": "business-api.tiktok.com"}, "Host must be a URL", id="no scheme"),
        pytest.param({"base_url": "ftp://example.com"}, "Host must be a URL", id="another scheme"),
        pytest.param({"base_url": "https://"}, "Host must be a URL", id="only a scheme"),
        pytest.param({"base_url": "https://[::1"}, "Host must be a URL", id="broken IPv6"),
        pytest.param({"base_url": "http://business-api.tiktok.com"}, "use https", id="clear text"),
        pytest.param({"base_url": "http://127.0.0.1.example.com"}, "use https", id="almost loopback"),
        pytest.param({"base_url": "http://127.0.0.1@example.com"}, "use https", id="loopback as user name"),
        pytest.param({"verify_tls": False}, "verify_tls may be turned off for a loopback host only", id="verify_tls"),
        pytest.param({"access_token": None}, "neither Access token nor Refresh token is set", id="no token"),
        pytest.param({"access_token": Secret("")}, "neither Access token nor Refresh token is set", id="empty token"),
        pytest.param({"refresh_token": Secret("r"), "app_id": None}, "needs App id (login)", id="refresh without app"),
        pytest.param(
            {"refresh_token": Secret("r"), "app_secret": None}, "App secret (password)", id="refresh without secret"
        ),
        pytest.param({"advertiser_id": "act_7012"}, "Advertiser id must be digits only", id="advertiser id"),
        pytest.param({"advertiser_id": " 7012"}, "Advertiser id must be digits only", id="advertiser id with space"),
        pytest.param({"advertiser_id": "\uff17\uff10"}, "Advertiser id must be digits only", id="fullwidth digits"),
        pytest.param({"advertiser_id": "7\u00b2"}, "Advertiser id must be digits only", id="superscript"),
        pytest.param({"bc_id": "7.0e18"}, "Business center id must be digits only", id="business center id"),
        pytest.param({"timeout": 0.0}, "timeout must be a number of seconds above 0", id="timeout 0"),
        pytest.param({"timeout": -1.0}, "timeout must be a number of seconds above 0", id="timeout below 0"),
        pytest.param({"timeout": float("nan")}, "timeout must be a number of seconds above 0", id="timeout NaN"),
    ],
)  # fmt: skip
def test_each_problem_is_said_with_its_cure(values: dict[str, Any], said: str) -> None:
    """One wrong value gives one sentence that names the field as the form shows it."""
    (problem,) = problems(**values)
    assert said in problem


def test_all_problems_are_said_at_once() -> None:
    """A person mends the connection once."""
    found = problems(base_url="http://example.com", access_token=None, advertiser_id="x", timeout=0.0, verify_tls=False)
    assert len(found) == 5


def test_a_problem_never_quotes_a_value() -> None:
    """A token that was pasted into the wrong field does not show in the error."""
    secret = "0123456789abcdef0123456789abcdef01234567x"
    shown = str(problems(base_url=secret, advertiser_id=secret, bc_id=secret, access_token=None))
    assert secret[:8] not in shown


@pytest.mark.parametrize("show", [repr, "{!r}".format, ascii, lambda value: repr([value]), lambda value: "%r" % value])  # noqa: UP031
def test_a_secret_does_not_show_itself(show: object) -> None:
    """A representation of a secret, alone or in something else, hides it and its length."""
    shown = show(Secret("token-7"))  # type: ignore[operator]
    assert "Secret('***')" in shown
    assert "token-7" not in shown
    assert show(Secret("token-7")) == show(Secret("another, longer token"))  # type: ignore[operator]


@pytest.mark.parametrize("show", [repr, str, "{}".format, lambda value: repr(dataclasses.asdict(value))])
def test_settings_do_not_show_their_secrets(show: object) -> None:
    """Printed settings show the host and hide app secret and tokens."""
    shown = show(Settings(**{**GOOD, "refresh_token": Secret("refresh-7")}))  # type: ignore[operator]
    assert "https://business-api.tiktok.com" in shown
    assert not any(secret in shown for secret in ("token-7", "secret-7", "refresh-7"))


def test_a_secret_is_still_its_text() -> None:
    """It can be sent and compared like the text that it is."""
    assert Secret("token-7") == "token-7"
    assert f"{Secret('token-7')}" == "token-7"


def test_settings_cannot_be_changed() -> None:
    """What was checked stays as it was checked."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings(**GOOD).base_url = "http://example.com"  # type: ignore[misc]
