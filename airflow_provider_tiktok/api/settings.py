"""Everything a client needs to know, read once from a connection and frozen."""

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

DEFAULT_HOST = "https://business-api.tiktok.com"
DEFAULT_REFRESH_PATH = "/open_api/v1.3/oauth2/refresh_token/"
DEFAULT_TIMEOUT = 30.0
TOKEN_STORES = ("variable", "connection")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Secret(str):
    """Text that does not show itself in a representation, a traceback's locals or a formatted dataclass."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret('***')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Values of one connection. Times are in seconds."""

    base_url: str = DEFAULT_HOST
    app_id: str | None = None
    app_secret: Secret | None = None
    access_token: Secret | None = None
    refresh_token: Secret | None = None
    advertiser_id: str | None = None
    bc_id: str | None = None
    scopes: frozenset[int] = frozenset()
    refresh_path: str = DEFAULT_REFRESH_PATH
    token_store: str = TOKEN_STORES[0]
    timeout: float = DEFAULT_TIMEOUT
    verify_tls: bool = True

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine, as the emulator's is."""
        return _split(self.base_url).hostname in LOOPBACK

    def problems(self) -> list[str]:
        """Say what is wrong with the values and how to mend it; an empty list when all is well."""
        found = []
        url = _split(self.base_url)
        if url.scheme not in {"http", "https"} or not url.hostname:
            found.append(f"Host must be a URL such as {DEFAULT_HOST}")
        elif url.scheme == "http" and not self.is_loopback:
            found.append("Host uses http, which would send the token in clear text; use https")
        if not self.verify_tls and not self.is_loopback:
            found.append("verify_tls may be turned off for a loopback host only")
        if not self.access_token and not self.refresh_token:
            found.append("neither Access token nor Refresh token is set; fill in one of them")
        if self.refresh_token and not (self.app_id and self.app_secret):
            found.append("Refresh token needs App id (login) and App secret (password) too")
        for label, value in (("Advertiser id", self.advertiser_id), ("Business center id", self.bc_id)):
            if value and not (value.isascii() and value.isdigit()):
                found.append(f"{label} must be digits only, as shown in TikTok Ads Manager")
        if self.token_store not in TOKEN_STORES:
            found.append(f"token_store is {self.token_store!r}; use {' or '.join(map(repr, TOKEN_STORES))}")
        if not 0 < self.timeout < 3600:
            found.append("timeout must be a number of seconds above 0 and below 3600")
        return found


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")
