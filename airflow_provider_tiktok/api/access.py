"""May this connection change audiences of these advertisers? Asked before anything is changed."""

from collections.abc import Sequence

from airflow_provider_tiktok.api.client import AudienceClient
from airflow_provider_tiktok.api.settings import Settings
from airflow_provider_tiktok.errors import AuthError, ConfigurationError

ANALYST = "ANALYST"
NO_PERMISSION = 40001


def check_access(client: AudienceClient, settings: Settings, advertiser_ids: Sequence[str]) -> None:
    """Raise :class:`ConfigurationError` with every problem of every advertiser; return when there is none.

    Checked: the token reaches the advertiser, the authorised user's role on it is not Analyst (TikTok code 40001
    otherwise), and several advertisers belong to one business center (portal document 1739940585975809).
    """
    problems = _unreachable(client, settings, advertiser_ids) or _role_problems(client, settings, advertiser_ids)
    if problems:
        raise ConfigurationError("; ".join(problems) + ". Nothing was changed in TikTok")


def _unreachable(client: AudienceClient, settings: Settings, advertiser_ids: Sequence[str]) -> list[str]:
    if not (settings.app_id and settings.app_secret):
        client.check_token()  # without App id and secret TikTok does not list the advertisers
        return []
    reachable = set(client.reachable_advertiser_ids(settings.app_id, settings.app_secret))
    return [
        f"advertiser {advertiser} is not among the {len(reachable)} that the token reaches; check the id, or "
        "authorise the app again and tick this account"
        for advertiser in advertiser_ids
        if advertiser not in reachable
    ]


def _role_problems(client: AudienceClient, settings: Settings, advertiser_ids: Sequence[str]) -> list[str]:
    try:
        centers = [settings.bc_id] if settings.bc_id else client.business_center_ids()
        roles = {center: client.advertiser_roles(center) for center in centers}
    except AuthError as error:
        if error.code != NO_PERMISSION or len(advertiser_ids) > 1:
            raise
        return []  # a token without the business-center scopes is fine for an advertiser that stands alone
    known = {advertiser: role for of_center in roles.values() for advertiser, role in of_center.items()}
    analysts = [
        f"the authorised user is Analyst of advertiser {advertiser} and cannot change audiences; ask for the role "
        "Operator or Admin in TikTok Business Center"
        for advertiser in advertiser_ids
        if known.get(advertiser) == ANALYST
    ]
    return analysts or _different_business(roles, advertiser_ids)


def _different_business(roles: dict[str, dict[str, str]], advertiser_ids: Sequence[str]) -> list[str]:
    if len(advertiser_ids) == 1 or any(set(advertiser_ids) <= set(of_center) for of_center in roles.values()):
        return []
    first = advertiser_ids[0]
    mine = [of_center for of_center in roles.values() if first in of_center]
    strangers = [one for one in advertiser_ids[1:] if not any(one in of_center for of_center in mine)]
    return [
        f"advertisers {', '.join(strangers or advertiser_ids[1:])} are not in the business center of advertiser {first}"
        f" ({', '.join(roles) or 'none is visible'}); TikTok maps a segment within one business only"
    ]
