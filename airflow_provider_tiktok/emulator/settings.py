"""Everything about the emulator's behaviour that can be switched, in one frozen value."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Behaviour switches; the defaults are the quickest world that is still as strict as TikTok.

    K = TikTok documents it, C = the code is documented, U = TikTok's documents do not say.
    """

    strict_hashes: bool = False
    """Refuse ids that are not lower-case hex of the right length (40002). Off: keep them, never match. (U)"""
    mapping_shares: bool = True
    """A mapping that lists a non-owner advertiser shows it the audience. Off: it only validates. (U)"""
    audience_type: str = "Partner"
    """Type of an audience made by segment/audience/ (portal doc 1739940583739393). (U)"""
    audience_cap: int = 400
    """Most audiences an advertiser may own. (K; the code 40002 is U)"""
    row_cap: int = 10_000
    """Most rows in one mapping request. (U)"""
    byte_cap: int = 10_000_000
    """Most bytes in one request body. (U)"""
    match_rate: float = 1.0
    """Share of the mapped users who have a TikTok account."""
    valid_cover: int = 1000
    """`cover_num` from which an audience is valid. (K)"""
    lag_seconds: float = 0.0
    """Time until a mapping shows in `cover_num` and `is_valid`. TikTok: up to 10-48 h."""
    warm_up_seconds: float = 0.0
    """Age below which an audience refuses mappings. TikTok: perhaps 60-120 s. (U)"""
    warm_up_http_400: bool = False
    """Answer a mapping in the warm-up with HTTP 400 instead of code 40002. (U)"""
    unknown_advertiser_code: int = 40300
    """Code for an advertiser that does not exist: 40300 (C), or 40001 as once seen in production."""
    allow_listed: bool = True
    """Off: this app may not use the Segment API (40118). (C)"""
    legacy_refresh_mode: bool = False
    """The code exchange also gives a refresh token, and access tokens expire. (U)"""
    refresh_kills_access: bool = False
    """A refresh ends the access token that was issued before it. (U)"""
    access_token_seconds: float = 86_400.0
    """Life of an access token in legacy refresh mode."""
    refresh_token_seconds: float = 31_536_000.0
    """Life of a refresh token."""
    qps: int = 0
    """Requests per second for one app; 0 = no limit. TikTok's basic level: 10 (portal doc 1740029171730433)."""
    qpm: int = 0
    """Requests per minute for one app, a breach is punished for 5 minutes; 0 = no limit. Basic level: 600."""
    streaming_qps: int = 0
    """Requests per second for /segment/; 0 = no limit. Basic level: 10,000."""


def changed(settings: Settings, changes: Mapping[str, object]) -> Settings:
    """`settings` with some values changed; an unknown name or a wrong type is a ValueError that says which."""
    return replace(settings, **{name: _typed(settings, name, value) for name, value in changes.items()})  # type: ignore[arg-type]  # _typed checked each value


def _typed(settings: Settings, name: str, value: object) -> object:
    known = {field.name: type(getattr(settings, field.name)) for field in fields(settings)}
    if name not in known:
        raise ValueError(f"unknown setting {name!r}; the settings are {', '.join(known)}")
    wanted = known[name]
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not wanted:
        raise ValueError(f"setting {name!r} must be of type {wanted.__name__}")
    return value


def from_words(words: list[str]) -> dict[str, object]:
    """Settings of a command line: ``name=value`` words, the value in JSON or plain text."""

    chosen: dict[str, object] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise ValueError(f"{word!r}: write name=value")
        try:
            chosen[name] = json.loads(value)
        except ValueError:
            chosen[name] = value
    return chosen
