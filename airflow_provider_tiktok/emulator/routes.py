"""The endpoints as a table: path, method, scope, handler. Everything else in the gateway reads it from here."""

from collections.abc import Callable
from dataclasses import dataclass

from airflow_provider_tiktok.emulator import audiences, business, mapping, oauth, sharing
from airflow_provider_tiktok.emulator.access import Call

BASE = "/open_api/v1.3/"
Handler = Callable[[Call], dict[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One endpoint. `scope` None = any live token will do; `authenticated` False = no token at all."""

    path: str
    method: str
    handler: Handler
    scope: int | None = None
    authenticated: bool = True


_DMP = "dmp/custom_audience/"
_TABLE = (
    Route(path="oauth2/access_token/", method="POST", handler=oauth.access_token, authenticated=False),
    Route(path="oauth2/refresh_token/", method="POST", handler=oauth.refresh_token, authenticated=False),
    Route(path="oauth2/revoke_token/", method="POST", handler=oauth.revoke_token, authenticated=False),
    Route(path="oauth2/advertiser/get/", method="GET", scope=100, handler=oauth.advertisers_of_token),
    Route(path="user/info/", method="GET", handler=business.user_info),
    Route(path="advertiser/info/", method="GET", scope=100, handler=business.advertiser_info),
    Route(path="bc/get/", method="GET", scope=150, handler=business.business_centers),
    Route(path="bc/asset/get/", method="GET", scope=153, handler=business.business_assets),
    Route(path=f"{_DMP}list/", method="GET", scope=30, handler=audiences.listed),
    Route(path=f"{_DMP}get/", method="GET", scope=30, handler=audiences.details_of),
    Route(path=f"{_DMP}share/", method="POST", scope=32, handler=sharing.share),
    Route(path=f"{_DMP}share/log/", method="GET", scope=32, handler=sharing.share_log),
    Route(path=f"{_DMP}share/cancel/", method="POST", scope=32, handler=sharing.cancel),
    Route(path="segment/audience/", method="POST", scope=31, handler=audiences.segment),
    Route(path="segment/mapping/", method="POST", scope=31, handler=mapping.mapping),
)
ROUTES: dict[str, Route] = {BASE + route.path: route for route in _TABLE}
"""Full path -> endpoint."""
