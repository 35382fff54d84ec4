"""A task with the sensor, run as worker and triggerer do."""

import asyncio
from types import SimpleNamespace
from typing import Any

from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_tiktok.sensors.segment import TikTokSegmentReadySensor
from airflow_provider_tiktok.triggers.ready import SegmentReadyTrigger
from tests.kit import context

GET = "/dmp/custom_audience/get/"
SOON = 0.05


class OutletEvents:
    """The asset events of a task, as ``(alias, uri, extra)``."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, dict[str, Any]]] = []

    def __getitem__(self, alias: Any) -> Any:
        return SimpleNamespace(add=lambda asset, extra: self.told.append((alias.name, asset.uri, extra)))


class Waiting:
    """A task with the sensor: runs it as worker and triggerer do, until it ends or would go on waiting."""

    def __init__(self, **options: Any) -> None:
        options = {"poke_interval": SOON, "timeout": 60.0, **options}
        self.sensor = TikTokSegmentReadySensor(task_id="ready", **options)
        self.events = OutletEvents()
        self.context = {**context(), "outlet_events": self.events}

    def start(self) -> Any:
        """What the task returns, or how it defers."""
        try:
            return self.sensor.execute(self.context)
        except TaskDeferred as deferred:
            return deferred

    def go_on(self, deferred: TaskDeferred, event: object = None) -> Any:
        """The same after an event; without one, after that of the trigger."""
        told = event or asyncio.run(asyncio.wait_for(first_event(deferred.trigger), timeout=20))
        try:
            return self.sensor.resume_execution(
                deferred.method_name, {**(deferred.kwargs or {}), "event": told}, self.context
            )
        except TaskDeferred as again:
            return again

    def run(self) -> Any:
        """What the task returns in the end."""
        answer = self.start()
        while isinstance(answer, TaskDeferred):
            answer = self.go_on(answer)
        return answer


async def first_event(trigger: Any) -> object:
    """Payload of the first event of a trigger that came out of the database."""
    _, kwargs = trigger.serialize()
    async for event in SegmentReadyTrigger(**kwargs).run():
        return event.payload
    raise AssertionError("the trigger ended without an event")
