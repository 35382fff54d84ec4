"""The hook: an Airflow connection of type ``tiktok`` and the client that it configures."""

import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

from airflow.providers.common.compat.sdk import BaseHook, mask_secret

from airflow_provider_tiktok.api.access import check_access
from airflow_provider_tiktok.api.budget import app_budget
from airflow_provider_tiktok.api.client import AudienceClient, RetryPolicy
from airflow_provider_tiktok.api.settings import Secret, Settings
from airflow_provider_tiktok.api.tokens import LongLivedToken, RefreshedToken, Renewal, TokenSource, TokenStore
from airflow_provider_tiktok.api.transport import HttpTransport
from airflow_provider_tiktok.authorisation import missing_scopes
from airflow_provider_tiktok.errors import ConfigurationError, TikTokError
from airflow_provider_tiktok.hooks.connection import read_settings
from airflow_provider_tiktok.hooks.connection_store import ConnectionTokenStore
from airflow_provider_tiktok.hooks.form import FORM_FIELDS, HIDDEN, PLACEHOLDERS, RELABELLED, SECRET_FIELDS
from airflow_provider_tiktok.hooks.token_store import VariableTokenStore

TEST_POLICY = RetryPolicy(attempts=2, total_seconds=10.0)
STORES: dict[str, Callable[[str], TokenStore]] = {"variable": VariableTokenStore, "connection": ConnectionTokenStore}
MOST_SKEW = 120.0
"""Seconds by which a clock may be wrong; tokens are renewed 300 s before their end."""


class TikTokHook(BaseHook):
    """Give access to TikTok Ads audiences with the credentials of a connection.

    A connection with an access token uses it as it is. One with a refresh token obtains access tokens and keeps the
    rotated ones in an encrypted Variable.

    :param tiktok_conn_id: Connection of type ``tiktok``.
    """

    conn_name_attr = "tiktok_conn_id"
    default_conn_name = "tiktok_default"
    conn_type = "tiktok"
    hook_name = "TikTok Ads"

    def __init__(self, tiktok_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.tiktok_conn_id = tiktok_conn_id

    @cached_property
    def settings(self) -> Settings:
        """Values of the connection, checked; its secrets are masked in logs from here on."""
        settings = read_settings(self.get_connection(self.tiktok_conn_id))
        for secret in (settings.app_secret, settings.access_token, settings.refresh_token):
            if secret:
                mask_secret(str(secret))
        return settings

    def get_conn(self, policy: RetryPolicy | None = None) -> AudienceClient:
        """Return a client, which may be shared by threads.

        :param policy: Bounds of its retries, where others than the usual ones are wanted.
        """
        transport, budget = HttpTransport(self.settings), app_budget(self.settings.app_id)
        return AudienceClient(transport, self._tokens(transport), policy=policy, budget=budget)

    def renew_token(self, below: float) -> Renewal | None:
        """Renew the access token when less than a part of its life is left; ``None`` for a long-lived one."""
        tokens = self._tokens(HttpTransport(self.settings))
        return tokens.renew_early(below) if isinstance(tokens, RefreshedToken) else None

    def advertiser_id(self, given: str | None) -> str:
        """Return the given advertiser, or that of the connection."""
        advertiser = given or self.settings.advertiser_id
        if not advertiser:
            raise ConfigurationError(
                f"no advertiser: give the operator an advertiser_id, or fill in Advertiser id in connection "
                f"{self.tiktok_conn_id!r}"
            )
        return advertiser

    def test_connection(self) -> tuple[bool, str]:
        """Check the token, the advertiser and the role. Read-only: never spends a refresh token."""
        try:
            return True, self._check()
        except (TikTokError, ValueError) as error:
            said = str(error)
            return False, said[:1].upper() + said[1:]

    def _check(self) -> str:
        settings = self.settings
        if settings.access_token is None:
            return (
                "The fields are complete. A refresh token may be used once only, so this test does not spend it: "
                "the first run will"
            )
        transport = HttpTransport(settings)
        client = AudienceClient(transport, LongLivedToken(settings.access_token), policy=TEST_POLICY)
        _check_scopes(settings)
        advertiser = settings.advertiser_id
        if advertiser is None:
            client.check_token()
            return "TikTok accepts the token. Fill in Advertiser id to have the account and the role checked too"
        check_access(client, settings, [advertiser])
        segments = client.segments(advertiser)
        check_clock(transport.skew)
        return f"TikTok accepts the token; advertiser {advertiser} is reachable and has {len(segments)} audiences"

    def _tokens(self, transport: HttpTransport) -> TokenSource:
        if self.settings.refresh_token:
            store = STORES[self.settings.token_store](self.tiktok_conn_id)
            return RefreshedToken(self.settings, store, transport, time.time)
        return LongLivedToken(self.settings.access_token or Secret())

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Fields of the form on Airflow 2; Airflow 3 takes them from the provider info."""
        from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget, BS3TextFieldWidget  # noqa: PLC0415
        from wtforms import PasswordField, StringField  # noqa: PLC0415

        return {
            name: PasswordField(label, description=description, widget=BS3PasswordFieldWidget())
            if name in SECRET_FIELDS
            else StringField(label, description=description, widget=BS3TextFieldWidget())
            for name, (label, description) in FORM_FIELDS.items()
        }

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Labels and placeholders of the form on Airflow 2."""
        return {"hidden_fields": HIDDEN, "relabeling": RELABELLED, "placeholders": PLACEHOLDERS}


def check_clock(skew: float | None) -> None:
    """Raise when this machine's clock is so wrong that tokens would be renewed at the wrong time."""
    if skew is not None and abs(skew) > MOST_SKEW:
        way = "ahead of" if skew > 0 else "behind"
        raise ConfigurationError(
            f"this machine's clock is {abs(skew):.0f} s {way} TikTok's, so tokens would be renewed at the wrong time; "
            "switch on its time synchronisation (NTP)"
        )


def _check_scopes(settings: Settings) -> None:
    missing = missing_scopes(settings.scopes) if settings.scopes else []
    if missing:
        raise ConfigurationError(
            f"the token lacks the scopes {', '.join(missing)}; tick them for the app in TikTok's developer portal and "
            "authorise again"
        )
