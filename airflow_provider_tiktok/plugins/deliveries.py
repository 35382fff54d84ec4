"""The deliveries page of Airflow 3: an entry in the menu Browse, and the addresses below ``/tiktok``.

Every process of Airflow imports this, and only the API server needs what the page is made of: that is imported with the
first request. Airflow 2.11 knows neither ``fastapi_apps`` nor ``external_views`` and shows nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from importlib import import_module
from typing import Any

from airflow.providers.common.compat.sdk import AirflowPlugin

Message = MutableMapping[str, Any]


class DeliveriesApp:
    """The page as an ASGI application, in :mod:`airflow_provider_tiktok.plugins.app`."""

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Answer a request."""
        module = await asyncio.to_thread(import_module, "airflow_provider_tiktok.plugins.app")
        await module.app(scope, receive, send)


class TikTokDeliveriesPlugin(AirflowPlugin):
    """Segments, deliveries and tokens, for those who may read the runs of all DAGs."""

    name = "tiktok_deliveries"
    # As Airflow declares them; nobody changes them.
    fastapi_apps = [{"app": DeliveriesApp(), "url_prefix": "/tiktok", "name": "TikTok deliveries"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        {
            "name": "TikTok deliveries",
            "href": "tiktok/deliveries",
            "url_route": "tiktok-deliveries",
            "destination": "nav",
            "category": "browse",
        }
    ]
