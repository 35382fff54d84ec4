"""The control commands as Python methods, for an emulator that runs in another process."""

import json
from collections.abc import Iterable, Mapping, Sequence
from http.client import HTTPConnection
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

Settings = bool | int | float | str


class EmulatorControl:
    """Handle of a running emulator. Proxies are never used: it lives on a loopback address."""

    def __init__(self, url: str, *, timeout: float = 60.0) -> None:
        self.url = url.rstrip("/")
        self._timeout = timeout

    def _command(self, method: str, name: str, arguments: Mapping[str, object]) -> Any:
        address = urlsplit(self.url)
        connection = HTTPConnection(address.hostname or "127.0.0.1", address.port, timeout=self._timeout)
        target, body = f"/_emulator/{name}", None
        if method == "POST":
            body = json.dumps(arguments)
        elif arguments:
            target += f"?{urlencode(arguments)}"
        try:
            connection.request(method, target, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise ValueError(f"emulator: {answer['error']}")
        return answer

    def _post(self, command: str, /, **arguments: object) -> Any:
        return self._command("POST", command, arguments)

    def _get(self, command: str, /, **arguments: object) -> Any:
        return self._command("GET", command, arguments)

    # -- the world ------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Back to the default world, the settings of the start, no faults, an empty log."""
        self._post("reset")

    def configure(self, **settings: Settings) -> dict[str, Settings]:
        """Change settings (fields of `Settings`) until the next reset; answers all settings."""
        return cast("dict[str, Settings]", self._post("configure", **settings))

    def advance(self, seconds: float) -> None:
        """Let time pass at once: tokens expire, lags and warm-ups end."""
        self._post("advance", seconds=seconds)

    def issue_token(
        self,
        scopes: Iterable[int] | None = None,
        advertiser_ids: Iterable[str] | None = None,
        expires_in: float | None = None,
        *,
        refresh: bool = False,
    ) -> dict[str, Any]:
        """A new access token (default: all scopes and advertisers), with `refresh` also a refresh token."""
        return cast(
            "dict[str, Any]",
            self._post(
                "issue_token",
                scopes=None if scopes is None else list(scopes),
                advertiser_ids=None if advertiser_ids is None else list(advertiser_ids),
                expires_in=expires_in,
                refresh=refresh,
            ),
        )

    def issue_auth_code(self, auth_code: str, *, expires_in: float = 3600.0) -> None:
        """An authorisation code for the code exchange."""
        self._post("issue_auth_code", auth_code=auth_code, expires_in=expires_in)

    def expire_token(self, token: str) -> None:
        """End the life of an access token (then 40102) or a refresh token (then 40103)."""
        self._post("expire_token", token=token)

    def revoke_token(self, token: str, *, family: bool = False) -> None:
        """Revoke one access token (then 40105), or with `family` or a refresh token all of its authorisation."""
        self._post("revoke_token", token=token, family=family)

    def set_role(self, advertiser_id: str, role: str) -> None:
        """ADMIN, OPERATOR or ANALYST."""
        self._post("set_role", advertiser_id=advertiser_id, role=role)

    def add_advertiser(self, advertiser_id: str, *, bc_id: str | None = None) -> None:
        """One more advertiser, by default of the first Business Center; the tokens issued from now on reach it."""
        self._post("add_advertiser", advertiser_id=advertiser_id, **({} if bc_id is None else {"bc_id": bc_id}))

    # -- audiences ------------------------------------------------------------------------------------------

    def create_audience(
        self,
        advertiser_id: str,
        name: str,
        audience_type: str = "Partner",
        *,
        shared_with: Sequence[str] = (),
        cover_num: int | None = None,
        age_seconds: float = 0.0,
        audience_id: str | None = None,
    ) -> str:
        """Put an audience there and return its id, a new one unless given; only type Partner takes mappings."""
        answer = self._post(
            "create_audience",
            advertiser_id=advertiser_id,
            name=name,
            audience_type=audience_type,
            shared_with=list(shared_with),
            cover_num=cover_num,
            age_seconds=age_seconds,
            audience_id=audience_id,
        )
        return str(answer["audience_id"])

    def set_cover(self, audience_id: str, cover_num: int | None) -> None:
        """Fix `cover_num`; None computes it from the members again."""
        self._post("set_cover", audience_id=audience_id, cover_num=cover_num)

    def fail_audience(self, audience_id: str, error_msg: str | None, msg: str | None = None) -> None:
        """Let TikTok fail to compute an audience, with these texts; None mends it."""
        self._post("fail_audience", audience_id=audience_id, error_msg=error_msg, msg=msg)

    def members(self, segment_id: str) -> dict[str, set[str]]:
        """Lower-case hex digests in the segment, per id type (all six keys are present)."""
        return {kind: set(digests) for kind, digests in self._get("members", segment_id=segment_id).items()}

    def audiences(self) -> list[dict[str, Any]]:
        """All audiences: audience_id, name, owner_id, audience_type, shared_with, sizes, users, unmatched, ..."""
        return cast("list[dict[str, Any]]", self._get("audiences"))

    # -- requests -------------------------------------------------------------------------------------------

    def requests(self, path: str | None = None) -> list[dict[str, Any]]:
        """The last requests (at most 5,000) whose path ends with `path`, oldest first."""
        return cast("list[dict[str, Any]]", self._get("requests", **({} if path is None else {"path": path})))

    def count_requests(self, path: str = "") -> int:
        """How many requests since the last reset had a path that ends with `path`."""
        return int(self._get("count_requests", path=path)["count"])

    # -- faults ---------------------------------------------------------------------------------------------

    def delay(self, path: str, seconds: float, *, times: int | None = 1, skip: int = 0) -> None:
        """Wait before handling a request. `times` None = for ever; `skip` = spare the first n requests."""
        self._post("add_fault", kind="delay", path=path, seconds=seconds, times=times, skip=skip)

    def fail_with_code(
        self,
        path: str,
        code: int,
        message: str | None = None,
        *,
        times: int | None = 1,
        skip: int = 0,
        applied: bool = False,
    ) -> None:
        """Answer HTTP 200 with an API code; `applied` = make the change first."""
        self._post(
            "add_fault",
            kind="code",
            path=path,
            code=code,
            message=message,
            times=times,
            skip=skip,
            applied=applied,
        )

    def fail_with_http(
        self,
        path: str,
        status: int,
        body: str | None = None,
        *,
        times: int | None = 1,
        skip: int = 0,
        applied: bool = False,
    ) -> None:
        """Answer an HTTP status with an HTML body; `applied` = make the change first."""
        self._post(
            "add_fault",
            kind="http",
            path=path,
            status=status,
            body=body,
            times=times,
            skip=skip,
            applied=applied,
        )

    def drop_before(self, path: str, *, times: int | None = 1, skip: int = 0) -> None:
        """Close the connection instead of handling the request."""
        self._post("add_fault", kind="drop", path=path, times=times, skip=skip)

    def drop_after(self, path: str, *, times: int | None = 1, skip: int = 0) -> None:
        """Handle the request, then close the connection without a reply."""
        self._post("add_fault", kind="drop", path=path, times=times, skip=skip, applied=True)

    def poison(self, hashes: Iterable[str], *, times: int | None = None) -> None:
        """Refuse (40002) every mapping that contains one of these hashes, until cleared."""
        self._post("add_fault", kind="poison", hashes=sorted(hashes), times=times)

    def faults(self) -> list[dict[str, Any]]:
        """The faults still in force."""
        return cast("list[dict[str, Any]]", self._get("faults"))

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._post("clear_faults")
