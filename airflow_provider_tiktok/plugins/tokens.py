"""How the tokens of the connections stand, for the page; asks TikTok nothing and shows no token."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from airflow.models import Connection

from airflow_provider_tiktok.core.scrub import scrub_digests
from airflow_provider_tiktok.errors import ConfigurationError
from airflow_provider_tiktok.hooks.connection import read_settings
from airflow_provider_tiktok.hooks.stored import kept_tokens, stored_connections
from airflow_provider_tiktok.identity import standing


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """A connection and its token. ``problem`` says what a person should mend, and why the rest is not known."""

    conn_id: str
    mode: str = ""
    is_long_lived: bool = False
    state: str = ""
    good_until: str = ""
    generation: int = 0
    problem: str = ""


def look_at_tokens(conn_ids: Collection[str], now: float) -> list[TokenRow]:
    """The connections of type ``tiktok`` among these."""
    return [_row(connection, now) for connection in stored_connections() if connection.conn_id in conn_ids]


def _row(connection: Connection, now: float) -> TokenRow:
    try:
        settings = read_settings(connection)
        found = standing(settings, kept_tokens(connection, settings), now)
    except Exception as error:  # such as another key of encryption, or a Variable that somebody changed
        return TokenRow(conn_id=connection.conn_id, problem=_told(error))
    until = "" if found.expires_at is None else datetime.fromtimestamp(found.expires_at, UTC).isoformat()
    return TokenRow(
        conn_id=connection.conn_id,
        mode=found.mode,
        is_long_lived=settings.refresh_token is None,
        state=found.state,
        good_until=until,
        generation=found.generation,
    )


def _told(error: Exception) -> str:
    if isinstance(error, ConfigurationError):
        return scrub_digests(str(error))
    return f"what is kept for this connection cannot be read ({type(error).__name__})"
