"""Tokens: exchange, rotating refresh, revocation (portal docs 1739965703387137, 1738373164380162, 1738455508553729)."""

import secrets

from airflow_provider_tiktok.emulator.access import BAD_TOKEN, Call
from airflow_provider_tiktok.emulator.errors import ApiError
from airflow_provider_tiktok.emulator.state import AccessToken, AuthCode, Family, RefreshToken, World
from airflow_provider_tiktok.emulator.world import APP_ID, APP_SECRET

WRONG_APP = "The app_id is inconsistent with the token's app information. Please retry after correcting it."
CODE_USED = "Auth_code is used, please re-authorize."
CODE_CANCELLED = "The auth_code is canceled. Please re-authorize and try again with a new auth_code."


def issue(
    world: World, scopes: frozenset[int], advertiser_ids: tuple[str, ...], expires_in: float | None = None
) -> dict[str, object]:
    """A new long-term access token: 40 hex digits, without an expiry unless one is given."""
    value = secrets.token_hex(20)
    expires_at = None if expires_in is None else world.now() + expires_in
    world.access_tokens[value] = AccessToken(scopes=scopes, advertiser_ids=advertiser_ids, expires_at=expires_at)
    shown: dict[str, object] = {"access_token": value, "advertiser_ids": list(advertiser_ids)}
    return shown | {"scope": sorted(scopes)} | ({} if expires_in is None else {"expires_in": int(expires_in)})


def issue_in_family(world: World, family: Family, expires_in: float | None = None) -> dict[str, object]:
    """A new pair of access token and refresh token of one authorisation."""
    life = world.settings.access_token_seconds if expires_in is None else expires_in
    shown = issue(world, family.scopes, family.advertiser_ids, life)
    world.access_tokens[str(shown["access_token"])].family = family
    refresh_life = world.settings.refresh_token_seconds
    value = secrets.token_hex(20)
    world.refresh_tokens[value] = RefreshToken(family=family, expires_at=world.now() + refresh_life)
    return shown | {"refresh_token": value, "refresh_token_expires_in": int(refresh_life)}


def _demand_app(call: Call) -> None:
    known = call.params.text("app_id") == APP_ID
    if not known or not secrets.compare_digest(call.params.text("secret").encode(), APP_SECRET.encode()):
        raise ApiError(40113, WRONG_APP)


def access_token(call: Call) -> dict[str, object]:
    """POST oauth2/access_token/: a code is good once, for an hour. (K)"""
    call.params.require("app_id", "secret", "auth_code")
    with_advertisers = call.params.flag("return_advertiser_ids", default=True)
    _demand_app(call)
    code = _unused_code(call)
    code.used = True
    if call.world.settings.legacy_refresh_mode:
        family = Family(scopes=code.scopes, advertiser_ids=code.advertiser_ids)
        shown = issue_in_family(call.world, family)
    else:
        shown = issue(call.world, code.scopes, code.advertiser_ids)
    return {key: value for key, value in shown.items() if with_advertisers or key != "advertiser_ids"}


def _unused_code(call: Call) -> AuthCode:
    code = call.world.auth_codes.get(call.params.text("auth_code"))
    if code is None:
        raise ApiError(40110, CODE_CANCELLED)
    if code.used:
        raise ApiError(40110, CODE_USED)
    if code.expires_at <= call.world.now():
        raise ApiError(40110, CODE_CANCELLED)
    return code


def refresh_token(call: Call) -> dict[str, object]:
    """POST oauth2/refresh_token/: rotates; using a refresh token twice ends its whole family. (U)

    The endpoint answers for authorisations of the legacy refresh mode; anything else is 40107. (C)
    """
    call.params.require("app_id", "secret", "refresh_token")
    grant = call.params.text("grant_type", "refresh_token")
    if grant != "refresh_token":
        raise ApiError(40108, f"Invalid value for grant_type: {grant[:40]} is not supported.")
    _demand_app(call)
    token = _live_refresh_token(call)
    token.used = True
    if call.world.settings.refresh_kills_access:
        _revoke_access_of(call.world, token.family)
    return issue_in_family(call.world, token.family)


def _live_refresh_token(call: Call) -> RefreshToken:
    token = call.world.refresh_tokens.get(call.params.text("refresh_token"))
    if token is not None and token.used:
        token.family.revoked = True
    if token is None or token.family.revoked:
        raise ApiError(40107, "Refresh token is invalid.")
    if token.expires_at <= call.world.now():
        raise ApiError(40103, "Refresh token is expired.")
    return token


def _revoke_access_of(world: World, family: Family) -> None:
    for token in world.access_tokens.values():
        if token.family is family:
            token.revoked = True


def revoke_token(call: Call) -> dict[str, object]:
    """POST oauth2/revoke_token/: the token and everything of its authorisation die. (K; unknown token: U)"""
    call.params.require("app_id", "secret", "access_token")
    _demand_app(call)
    token = call.world.access_tokens.get(call.params.text("access_token"))
    if token is None or token.revoked:
        raise ApiError(40105, BAD_TOKEN)
    token.revoked = True
    if token.family is not None:
        token.family.revoked = True
    return {"app_id": APP_ID, "advertiser_ids": list(token.advertiser_ids)}


def advertisers_of_token(call: Call) -> dict[str, object]:
    """GET oauth2/advertiser/get/: needs app id and secret besides the header. (K)"""
    call.params.require("app_id", "secret")
    _demand_app(call)
    ids = call.token.advertiser_ids if call.token else ()
    names = call.world.advertisers
    return {"list": [{"advertiser_id": one, "advertiser_name": names[one].name} for one in ids]}
