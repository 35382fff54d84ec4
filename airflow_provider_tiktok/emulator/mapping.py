"""POST segment/mapping/: add or delete members (portal doc 1739940585975809). A refused request changes nothing."""

from collections.abc import Iterator
from itertools import chain
from operator import itemgetter
from typing import Any

from airflow_provider_tiktok.emulator.access import Call, writable
from airflow_provider_tiktok.emulator.errors import ApiError, HttpError, html_page, parameter_error
from airflow_provider_tiktok.emulator.membership import DIGEST_BYTES, Identifier, canonical
from airflow_provider_tiktok.emulator.state import AUDIENCE_LIFE, Audience

MOST_ADVERTISERS = 100
Cell = dict[str, Any]
Row = list[Cell]
"""What `_rows` lets through: a cell is empty, or has the text `id` and the list `audience_ids`."""


def mapping(call: Call) -> dict[str, object]:
    """Validate everything, then apply everything; `data` of the reply is empty. (K shape, U codes)"""
    if not call.world.settings.allow_listed:
        raise ApiError(40118, "The app is not in the allow list of this endpoint.")
    call.params.require("advertiser_ids", "id_schema", "batch_data")
    action = call.params.choice("action", ("add", "delete"), "add")
    advertiser_ids = _advertisers(call)
    schema = _schema(call.params.raw("id_schema"))
    rows = _rows(call.params.raw("batch_data"), len(schema), call)
    touched = {one: _target(call, one, advertiser_ids) for one in _audience_ids(rows)}
    _inspect_hashes(call, schema, rows)
    _apply(call, action, schema, rows, touched)
    if action == "add" and call.world.settings.mapping_shares:
        for audience in touched.values():
            _show_to(audience, advertiser_ids)
    return {}


def _advertisers(call: Call) -> list[str]:
    """Every advertiser must be writable, and all of one Business Center. (K rule, U code)"""
    ids = call.params.identifiers("advertiser_ids", most=MOST_ADVERTISERS)
    if len({writable(call, one).bc_id for one in ids}) > 1:
        raise parameter_error("advertiser_ids: all advertisers must belong to the same business account")
    return ids


def _schema(value: object) -> list[str]:
    """A list out of the six id types, in any order, in any case, without duplicates. (K)"""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise parameter_error("id_schema: expected an array of strings")
    kinds = [one.upper() for one in value]
    if not set(kinds) <= set(DIGEST_BYTES):
        raise parameter_error(f"id_schema: expected values out of {', '.join(DIGEST_BYTES)}")
    if len(set(kinds)) < len(kinds):
        raise parameter_error("id_schema: duplicate id types are not allowed")
    return kinds


def _rows(value: object, width: int, call: Call) -> list[Row]:
    """A two-dimensional array, each row as wide as the schema, each cell `{}` or id and audience_ids. (U codes)"""
    if not isinstance(value, list):
        raise parameter_error("batch_data: expected an array of arrays")
    call.rows = len(value)
    cap = call.world.settings.row_cap
    if len(value) > cap:
        raise parameter_error(f"batch_data: at most {cap} rows are allowed, got {len(value)}")
    if _problem(value, width):
        number, problem = next((n, found) for n, row in enumerate(value) if (found := _problem([row], width)))
        raise parameter_error(f"batch_data[{number}]: {problem}")
    return value


def _problem(rows: list[Any], width: int) -> str | None:
    """What is wrong with some of the rows. Whole columns at a time, as a batch has thousands of rows."""
    if not set(map(type, rows)) <= {list} or not set(map(len, rows)) <= {width}:
        return f"expected {width} cells, as many as id_schema"
    if not all(map(any, rows)):
        return "a row needs at least one id"
    return _cell_problem(list(chain.from_iterable(rows)))


def _cell_problem(cells: list[Any]) -> str | None:
    if not set(map(type, cells)) <= {dict}:
        return "a cell must be an object"
    filled = list(filter(None, cells))
    try:
        digests, audience_ids = list(map(itemgetter("id"), filled)), list(map(itemgetter("audience_ids"), filled))
    except KeyError:
        return "a cell is {} or has id and audience_ids"
    if not set(map(type, digests)) <= {str} or not all(digests):
        return "id must be a string that is not empty"
    if not set(map(type, audience_ids)) <= {list} or not all(audience_ids):
        return "audience_ids must be an array that is not empty"
    return None


def _audience_ids(rows: list[Row]) -> Iterator[str]:
    """Each audience id once. Most rows repeat the list of the row before, which is skipped quickly."""
    seen: set[str] = set()
    last: list[object] = []
    for row in rows:
        for cell in row:
            if not cell or cell["audience_ids"] == last:
                continue
            last = cell["audience_ids"]
            for one in last:
                if not isinstance(one, str):
                    raise parameter_error("audience_ids: ids must be strings")
                if one not in seen:
                    seen.add(one)
                    yield one


def _target(call: Call, audience_id: str, advertiser_ids: list[str]) -> Audience:
    """The audience, owned by a listed advertiser, fit for streaming, and warmed up. (K rules, U codes)"""
    audience = call.world.audiences.get(audience_id)
    if audience is None or audience.owner_id not in advertiser_ids:
        raise parameter_error(f"Audience {audience_id[:40]} does not exist or is not owned by any of advertiser_ids")
    if not audience.streaming:
        raise parameter_error(f"Audience {audience_id} is not a partner audience")
    settings = call.world.settings
    if call.world.now() - audience.created_at < settings.warm_up_seconds:
        if settings.warm_up_http_400:
            raise HttpError(400, html_page(400, "Bad Request"), media_type="text/html")
        raise parameter_error(f"Audience {audience_id} is not ready, please retry later")
    return audience


def _identifiers(schema: list[str], row: Row) -> list[Identifier]:
    return [(kind, cell["id"]) for kind, cell in zip(schema, row, strict=True) if cell]


def _inspect_hashes(call: Call, schema: list[str], rows: list[Row]) -> None:
    """Poison rows and, when switched on, malformed hashes. The message never repeats a hash."""
    if call.world.faults.poisons():
        hashes = {digest for row in rows for _, digest in _identifiers(schema, row)}
        if call.world.faults.poisoned(hashes):
            raise parameter_error("batch_data: invalid value")
    if call.world.settings.strict_hashes:
        for number, row in enumerate(rows):
            if None in map(canonical, _identifiers(schema, row)):
                raise parameter_error(f"batch_data[{number}]: id is not a lower-case hexadecimal digest")


def _apply(call: Call, action: str, schema: list[str], rows: list[Row], touched: dict[str, Audience]) -> None:
    change = {
        audience_id: one.members.add if action == "add" else one.members.remove for audience_id, one in touched.items()
    }
    for row in rows:
        for audience_id, identifiers in _by_audience(schema, row).items():
            change[audience_id](identifiers)
    now = call.world.now()
    for audience in touched.values():
        audience.expires_at = now + AUDIENCE_LIFE
        audience.resized(now)
        audience.note(now, action, str(len(rows)))


def _by_audience(schema: list[str], row: Row) -> dict[str, list[Identifier]]:
    """The identifiers of one row, per audience. Usually all cells name the same audiences, which is quick."""
    same: list[str] | None = None
    identifiers: list[Identifier] = []
    for kind, cell in zip(schema, row, strict=True):
        if cell:
            if same is None:
                same = cell["audience_ids"]
            elif same != cell["audience_ids"]:
                return _scattered(schema, row)
            identifiers.append((kind, cell["id"]))
    return dict.fromkeys(same or (), identifiers)


def _scattered(schema: list[str], row: Row) -> dict[str, list[Identifier]]:
    found: dict[str, list[Identifier]] = {}
    for kind, cell in zip(schema, row, strict=True):
        for audience_id in cell.get("audience_ids", ()):
            found.setdefault(audience_id, []).append((kind, cell["id"]))
    return found


def _show_to(audience: Audience, advertiser_ids: list[str]) -> None:
    """A listed advertiser that does not own the audience sees it as shared. (U: it may only validate)"""
    for one in advertiser_ids:
        if one != audience.owner_id and one not in audience.shared_with:
            audience.shared_with.append(one)
