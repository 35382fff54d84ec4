"""Access tokens: used as they are, or renewed with a refresh token that may rotate at every use.

A refresh token that rotates dies with its first use, and some servers revoke the whole family when a dead one comes
back. So a renewal happens under the store's lock, after reading the store again inside it; what the server answers is
saved and read back before it is used.
"""

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from airflow_provider_tiktok.api import wire
from airflow_provider_tiktok.api.settings import Secret, Settings
from airflow_provider_tiktok.api.transport import Transport
from airflow_provider_tiktok.errors import AuthError, ConfigurationError, TransientError

RENEW_BEFORE = 300.0
"""Seconds before the end of an access token's life at which it is renewed."""

AUTHORISE_AGAIN = (
    "authorise the app again in TikTok and put the new Refresh token into the connection; runs then go on by themselves"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenState:
    """What the store keeps for one connection. ``seed`` is the fingerprint of the connection's refresh token.

    ``life`` is how long the access token was good for when it was new, in seconds.
    """

    seed: str
    refresh_token: Secret
    access_token: Secret | None = None
    expires_at: float | None = None
    life: float | None = None
    generation: int = 0
    pending: bool = False
    dead: bool = False

    def to_dict(self) -> dict[str, Any]:
        """JSON form, for the store only: it holds the tokens themselves."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "TokenState":
        """Read the JSON form."""
        access = values.get("access_token")
        tokens = {
            "refresh_token": Secret(values["refresh_token"]),
            "access_token": Secret(access) if access else None,
        }
        return cls(**{**values, **tokens})


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """What became of a token that was looked after; holds no token."""

    renewed: bool
    generation: int
    expires_at: float | None


def fingerprint(refresh_token: str) -> str:
    """What tells one refresh token of a connection from another, and does not give it away."""
    return hashlib.sha256(refresh_token.encode()).hexdigest()


class TokenStore(Protocol):
    """Keeps one :class:`TokenState`, encrypted at rest."""

    def load(self) -> TokenState | None:
        """Return what is kept, ``None`` only when nothing was ever kept; raise when that cannot be told."""
        ...

    def save(self, state: TokenState) -> None:
        """Keep a state durably and read it back; raise when another value shadows it."""
        ...

    def lock(self) -> AbstractContextManager[object]:
        """Exclude other processes of this host while a token is renewed."""
        ...


class TokenSource(Protocol):
    """Where a client gets its access token, for each request anew."""

    def current(self) -> Secret:
        """Return an access token that is believed to be good."""
        ...

    def renew(self, rejected: Secret) -> Secret | None:
        """Return another token after TikTok rejected one, ``None`` when there is no other."""
        ...


class LongLivedToken:
    """An access token without a timed expiry: the normal case of the Marketing API. Never refreshed."""

    def __init__(self, access_token: Secret) -> None:
        self._access_token = access_token

    def current(self) -> Secret:
        """Return the token of the connection."""
        return self._access_token

    def renew(self, rejected: Secret) -> Secret | None:  # noqa: ARG002
        """There is no other token; a person has to authorise again."""
        return None


class RefreshedToken:
    """Access tokens obtained with a refresh token, which is replaced whenever an answer brings a new one."""

    def __init__(self, settings: Settings, store: TokenStore, transport: Transport, clock: Callable[[], float]) -> None:
        if not (settings.app_id and settings.app_secret and settings.refresh_token):
            raise ConfigurationError("a refresh token needs App id and App secret in the connection")
        self._app_id, self._app_secret = settings.app_id, settings.app_secret
        self._seed_token = settings.refresh_token
        self._refresh_path = settings.refresh_path
        self._store, self._transport, self._clock = store, transport, clock

    def current(self) -> Secret:
        """Return the stored access token, renewed first when it is about to expire."""
        return self._usable(self._load(), rejected=None) or self._renew_once(rejected=None)

    def renew(self, rejected: Secret) -> Secret | None:
        """Return a token other than the rejected one: another task's, or a new one."""
        return self._renew_once(rejected)

    def renew_early(self, below: float) -> Renewal:
        """Renew the token when less than a part of its life is left, or there is none yet."""
        with self._store.lock():
            state = self._load()
            left = None if state.expires_at is None else state.expires_at - self._clock()
            is_due = left is not None and left < below * (state.life or 0.0)
            renewed = is_due or state.dead or self._usable(state, rejected=None) is None
            if renewed:
                self._exchange(state)
                state = self._load()
        return Renewal(renewed=renewed, generation=state.generation, expires_at=state.expires_at)

    def _renew_once(self, rejected: Secret | None) -> Secret:
        with self._store.lock():
            state = self._load()
            return self._usable(state, rejected) or self._exchange(state)

    def _exchange(self, state: TokenState) -> Secret:
        if state.dead:
            raise AuthError(f"the refresh token is dead; {AUTHORISE_AGAIN}")
        self._store.save(replace(state, pending=True))
        request = wire.refresh(self._refresh_path, self._app_id, self._app_secret, state.refresh_token)
        try:
            grant = wire.grant(wire.read(self._transport.send(request, None))[0])
        except TransientError:
            raise  # "pending" stays: whether the token was rotated is not known
        except AuthError as error:
            self._store.save(replace(state, pending=False, dead=True))
            lost = " A worker was stopped during an earlier renewal." if state.pending else ""
            raise AuthError(
                f"TikTok refuses the refresh token.{lost} What to do: {AUTHORISE_AGAIN}",
                code=error.code,
                request_id=error.request_id,
            ) from None
        renewed = replace(
            state,
            pending=False,
            refresh_token=Secret(grant.refresh_token or state.refresh_token),
            access_token=Secret(grant.access_token),
            expires_at=None if grant.expires_in is None else self._clock() + grant.expires_in,
            life=grant.expires_in,
            generation=state.generation + 1,
        )
        self._store.save(renewed)
        return Secret(grant.access_token)

    def _load(self) -> TokenState:
        seed = fingerprint(self._seed_token)
        state = self._store.load()
        if state is None or state.seed != seed:  # a person pasted a new refresh token: the stored one is stale
            return TokenState(seed=seed, refresh_token=self._seed_token)
        return state

    def _usable(self, state: TokenState, rejected: Secret | None) -> Secret | None:
        token = state.access_token
        fresh = state.expires_at is None or self._clock() < state.expires_at - RENEW_BEFORE
        return token if token and fresh and token != rejected else None
