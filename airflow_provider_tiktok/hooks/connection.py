"""An Airflow connection read into settings: fields by name, checked once."""

from typing import Any, Protocol
from urllib.parse import urlsplit

from airflow_provider_tiktok.api.settings import (
    DEFAULT_HOST,
    DEFAULT_REFRESH_PATH,
    DEFAULT_TIMEOUT,
    TOKEN_STORES,
    Secret,
    Settings,
)
from airflow_provider_tiktok.errors import ConfigurationError


class AirflowConnection(Protocol):
    """The attributes of a connection that are read."""

    conn_id: str
    host: str | None
    port: int | None
    schema: str | None
    login: str | None
    password: str | None

    @property
    def extra_dejson(self) -> dict[str, Any]:
        """The extra fields."""
        ...


def read_settings(connection: AirflowConnection) -> Settings:
    """Read a connection; raise :class:`ConfigurationError` with everything that is wrong with it."""
    extra = connection.extra_dejson
    try:
        settings = Settings(
            base_url=_base_url(connection),
            app_id=_text(connection.login),
            app_secret=_secret(connection.password),
            access_token=_secret(extra.get("access_token")),
            refresh_token=_secret(extra.get("refresh_token")),
            advertiser_id=_text(extra.get("advertiser_id")),
            bc_id=_text(extra.get("bc_id")),
            scopes=_numbers(extra.get("scopes")),
            refresh_path=_text(extra.get("refresh_path")) or DEFAULT_REFRESH_PATH,
            token_store=_text(extra.get("token_store")) or TOKEN_STORES[0],
            timeout=float(extra.get("timeout") or DEFAULT_TIMEOUT),
            verify_tls=str(extra.get("verify_tls", True)).strip().lower() not in {"false", "0", "no"},
        )
    except ValueError:
        raise ConfigurationError(
            f"connection {connection.conn_id!r}: extra 'timeout' must be a number of seconds"
        ) from None
    problems = settings.problems()
    if problems:
        raise ConfigurationError(f"connection {connection.conn_id!r}: {'; '.join(problems)}")
    return settings


def _base_url(connection: AirflowConnection) -> str:
    host = _text(connection.host)
    if host is None:
        return DEFAULT_HOST
    url = host if "://" in host else f"{connection.schema or 'https'}://{host}"
    parts = urlsplit(url)
    needs_port = connection.port and parts.port is None
    return f"{url.rstrip('/')}:{connection.port}" if needs_port else url.rstrip("/")


def _text(value: object) -> str | None:
    return str(value).strip() or None if value is not None else None


def _numbers(value: object) -> frozenset[int]:
    """Numbers of scopes, as ``airflow tiktok authorize`` writes them; anything else is no number."""
    return frozenset(one for one in value if isinstance(one, int)) if isinstance(value, list) else frozenset()


def _secret(value: object) -> Secret | None:
    text = _text(value)
    return Secret(text) if text else None
