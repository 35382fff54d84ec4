"""The operator that keeps a refresh token alive."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import BaseOperator, Context

from airflow_provider_tiktok.core.receipt import JsonValue
from airflow_provider_tiktok.hooks.tiktok import TikTokHook


class TikTokRefreshTokenOperator(BaseOperator):
    """Renew the access token early, so that no other task finds it expired.

    Run it on a schedule in a pool with one slot: whatever the number of workers, one task at a time spends the refresh
    token. A connection with a long-lived access token needs no keeper, and the task says so and does nothing.

    :param renew_below: Renew when less than this part of the token's life is left, from 0 to 1.
    :param tiktok_conn_id: Connection of type ``tiktok``. (templated)
    """

    template_fields: Sequence[str] = ("tiktok_conn_id",)
    ui_color = "#d6f5f4"

    def __init__(
        self, *, renew_below: float = 0.5, tiktok_conn_id: str = TikTokHook.default_conn_name, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.renew_below = renew_below
        self.tiktok_conn_id = tiktok_conn_id

    def execute(self, context: Context) -> dict[str, JsonValue]:  # noqa: ARG002
        """Renew the token if it is time; return what became of it, without any token."""
        if not 0 <= self.renew_below <= 1:
            raise ValueError(f"renew_below is {self.renew_below}; it is a part of the token's life, from 0 to 1")
        renewal = TikTokHook(self.tiktok_conn_id).renew_token(self.renew_below)
        if renewal is None:
            self.log.info("Connection %r has a long-lived token: nothing to renew", self.tiktok_conn_id)
            return {"renewed": False, "generation": 0, "expires_at": None}
        ends = None if renewal.expires_at is None else datetime.fromtimestamp(renewal.expires_at, UTC).isoformat()
        verb = "Renewed" if renewal.renewed else "Kept"
        self.log.info(
            "%s the token of connection %r: generation %d, good until %s",
            verb,
            self.tiktok_conn_id,
            renewal.generation,
            ends or "it is revoked",
        )
        return {"renewed": renewal.renewed, "generation": renewal.generation, "expires_at": ends}
