"""Removing old snapshots from the snapshot root: looks, and looks again before each step."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast

from airflow_provider_tiktok.errors import ConfigurationError
from airflow_provider_tiktok.snapshots.keeping import (
    SNAPSHOTS,
    Needs,
    Stored,
    Verdict,
    folders_named,
    gather,
    judge,
    read_needs,
    telling,
)
from airflow_provider_tiktok.snapshots.tree import StoredPath, list_tree, read_each, remove_files

STEP = 25
"""Snapshots that are removed before it is looked again which ones a delivery needs."""


class Pruning:
    """The old snapshots of one root. ``clock`` tells the time with its zone."""

    def __init__(self, root: StoredPath, older_than: timedelta, clock: Callable[[], datetime]) -> None:
        self._snapshots = cast("StoredPath", root / SNAPSHOTS)
        self._delivered = cast("StoredPath", root / "delivered")
        self._older_than, self._clock = older_than, clock

    def look(self) -> Verdict:
        """Tell which snapshots go and which are kept. Changes nothing."""
        return self._judge(gather(list_tree(self._snapshots)))

    def remove(self, verdict: Verdict) -> Iterator[Stored]:
        """Remove what goes, but what has come to be needed since; yields what was removed."""
        agreed = {stored.folder for stored in verdict.goes}
        left = [stored for stored in self.look().goes if stored.folder in agreed]
        while left := self._judge(left).goes:
            for stored in left[:STEP]:
                remove_files(self._snapshots, stored.names)
                yield stored
            left = left[STEP:]

    def _judge(self, snapshots: list[Stored]) -> Verdict:
        """What a kept snapshot names in its manifest is kept too, such as a suppression in a folder of its own."""
        needs = self._needs()
        while True:
            verdict = judge(snapshots, needs, self._older_than, self._clock())
            folders = needs.folders.union(self._named_by(verdict.all_kept))
            if folders == needs.folders:
                return verdict
            needs = replace(needs, folders=folders)

    def _needs(self) -> Needs:
        files = list_tree(self._delivered)
        return read_needs(files, read_each(self._delivered, telling(files)), self._clock())

    def _named_by(self, kept: list[Stored]) -> Iterator[str]:
        manifests = [stored.manifest for stored in kept if stored.published]
        for name, content in read_each(self._snapshots, manifests):
            if content is None:
                raise ConfigurationError(
                    f"{SNAPSHOTS}/{name} is not JSON, so it is not known which snapshots it needs. Nothing was removed"
                )
            yield from folders_named(content)
