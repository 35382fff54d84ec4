"""The deliveries page as a web application: addresses, who is let in, and what every answer carries."""

import base64
import hashlib
import time
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, cast
from urllib.parse import quote

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException as AnyHTTPException

from airflow_provider_tiktok.core.scrub import scrub_digests
from airflow_provider_tiktok.errors import ConfigurationError
from airflow_provider_tiktok.plugins.access import check_access, readable_connections
from airflow_provider_tiktok.plugins.overview import look, look_at_receipt
from airflow_provider_tiktok.plugins.tokens import look_at_tokens

TEMPLATES = Path(__file__).with_name("templates")
STYLE = (TEMPLATES / "page.css").read_text()
ALLOWED_STYLE = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{ALLOWED_STYLE}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""No script, no picture and nothing from elsewhere; shown in Airflow's own frame only."""

router = APIRouter(dependencies=[Depends(check_access)], default_response_class=HTMLResponse)
_pages = Environment(
    loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


# These are no coroutines: FastAPI runs them in threads, since the storage and the database are waited for.
@router.get("/deliveries")
def show_deliveries(
    request: Request,
    conn_ids: Annotated[set[str], Depends(readable_connections)],
    segment: Annotated[str, Query(max_length=100)] = "",
    page: Annotated[int, Query(ge=1)] = 1,
) -> HTMLResponse:
    """Segments and deliveries, the newest first; of one segment where it is named."""
    tokens = look_at_tokens(conn_ids, time.time())
    return _page(request, "deliveries.html", view=look(segment.strip() or None, page), segment=segment, tokens=tokens)


@router.get("/deliveries/{segment_id}/{name}")
def show_receipt(request: Request, segment_id: str, name: str) -> HTMLResponse:
    """One receipt in full; ``name`` is the last part of the name of its file."""
    found = look_at_receipt(segment_id, name)
    if found is None:
        raise HTTPException(
            HTTPStatus.NOT_FOUND,
            f"There is no receipt {name!r} of segment {segment_id!r} under the snapshot root. It goes with its "
            "snapshot when that is pruned.",
        )
    return _page(request, "receipt.html", found=found)


def _say_http(request: Request, error: Exception) -> HTMLResponse:
    """Tell what was refused as a page, for it is a person who reads it."""
    refused = cast("AnyHTTPException", error)
    return _say(request, refused.status_code, str(refused.detail))


def _say_storage(request: Request, error: Exception) -> HTMLResponse:
    return _say(request, HTTPStatus.SERVICE_UNAVAILABLE, scrub_digests(str(error)))


def _say_address(request: Request, _: Exception) -> HTMLResponse:
    return _say(request, HTTPStatus.UNPROCESSABLE_ENTITY, "The address asks for a page or a segment that cannot be.")


def _say(request: Request, status: int, text: str) -> HTMLResponse:
    prefix = request.scope.get("root_path", "").removesuffix("/tiktok")
    login = f"{prefix}/api/v2/auth/login?next={quote(str(request.url), safe='')}"
    return _page(request, "message.html", status, title=HTTPStatus(status).phrase, text=text, login=login)


def _page(request: Request, template: str, status: int = HTTPStatus.OK, **values: Any) -> HTMLResponse:
    top = request.scope.get("root_path", "")
    text = _pages.get_template(template).render(top=top, style=STYLE, status=int(status), **values)
    return HTMLResponse(text, status, HEADERS)


app = FastAPI(title="TikTok deliveries", docs_url=None, redoc_url=None, openapi_url=None)
app.include_router(router)
app.add_exception_handler(AnyHTTPException, _say_http)
app.add_exception_handler(RequestValidationError, _say_address)
app.add_exception_handler(ConfigurationError, _say_storage)
