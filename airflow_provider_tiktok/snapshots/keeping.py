"""Which snapshots may go. The next delivery computes from those that the delivery logs refer to, so they never may."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from airflow_provider_tiktok.core.identifiers import IdentifierKind
from airflow_provider_tiktok.errors import ConfigurationError
from airflow_provider_tiktok.snapshots.receipts import segment_of
from airflow_provider_tiktok.snapshots.rejects import REJECTS
from airflow_provider_tiktok.snapshots.store import ALIASES, MANIFEST, MEMBERS, SUPPRESSED
from airflow_provider_tiktok.snapshots.tree import StoredFile

SNAPSHOTS = "snapshots"
CLAIM_AGE = timedelta(minutes=10)
"""A claim that did not change for so long is that of a killed worker: those of the living change every few seconds."""

_NAMES = {MANIFEST, MEMBERS, ALIASES, REJECTS, *(f"{kind}.parquet" for kind in IdentifierKind)}
_DRAFT = re.compile(r"\.[\w.-]+")


class Reason(StrEnum):
    """Why a snapshot is kept, as a person is told."""

    YOUNG = "younger"
    REFERRED = "needed, for a delivery log, or a snapshot that is kept, refers to it"
    ELSEWHERE = "delivered, but not from this snapshot root: the delivery log is somewhere else"
    RUNNING = "old enough, but a delivery is running and may read it"
    FOREIGN = "not known: there are files that this package did not write"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The folder of a snapshot and all its files; one without a manifest was interrupted.

    ``folder`` and the names of the files count from the folder of all snapshots.
    """

    folder: str
    files: Mapping[str, StoredFile]

    @property
    def manifest(self) -> str:
        """Name of the file that a snapshot is published by."""
        return f"{self.folder}/{MANIFEST}"

    @property
    def published(self) -> bool:
        """Whether it was finished."""
        return self.manifest in self.files

    @property
    def modified(self) -> datetime:
        """When it was published, whatever interval it is of; of an interrupted one, when it was last written to."""
        if self.published:
            return self.files[self.manifest].modified
        return max(file.modified for file in self.files.values())

    @property
    def size(self) -> int:
        """Its bytes."""
        return sum(file.size for file in self.files.values())

    @property
    def names(self) -> list[str]:
        """Its files, the manifest first: what is removed in part is no snapshot any more."""
        return sorted(self.files, key=lambda name: (name != self.manifest, name))

    def segments(self) -> set[str]:
        """Segments that it was delivered to, as its receipts tell."""
        return {segment for name in self.files if (segment := segment_of(name))}

    def is_ours(self) -> bool:
        """Whether this package may have written all of it."""
        ends = (name.rsplit("/", 1)[-1] for name in self.files)
        return all(end in _NAMES or segment_of(end) or _DRAFT.fullmatch(end) for end in ends)


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What the files beside the snapshots tell: folders referred to, segments with a log, segments delivered to now."""

    folders: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()
    running: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is to go, and what is kept for which reason."""

    goes: list[Stored] = field(default_factory=list)
    kept: dict[Reason, list[Stored]] = field(default_factory=dict)

    @property
    def all_kept(self) -> list[Stored]:
        """What is kept for any reason."""
        return [stored for some in self.kept.values() for stored in some]


def gather(files: Mapping[str, StoredFile]) -> list[Stored]:
    """Snapshots among the files below the folder of all snapshots; a suppression is part of the one it is in."""
    found: dict[str, dict[str, StoredFile]] = {}
    for name, file in files.items():
        *parts, _ = name.split("/")
        folder = "/".join(parts[:-1] if len(parts) > 1 and parts[-1] == SUPPRESSED else parts)
        if folder:
            found.setdefault(folder, {})[name] = file
    return [Stored(folder=folder, files=some) for folder, some in sorted(found.items())]


def read_needs(files: Mapping[str, StoredFile], contents: Iterable[tuple[str, Any]], now: datetime) -> Needs:
    """What the files below ``delivered`` need, given the contents of :func:`telling` ones."""
    folders: set[str] = set()
    for name, content in contents:
        if content is None:
            raise ConfigurationError(
                f"delivered/{name} is not JSON, so it is not known which snapshots it needs. Nothing was removed; "
                "restore the file, or take it away when its segment is not used any more"
            )
        folders.update(folders_named(content))
    claims = (name for name in files if "/claims/" in name and files[name].modified > now - CLAIM_AGE)
    return Needs(
        folders=frozenset(folders),
        segments=frozenset(name.split("/")[0] for name in files),
        running=frozenset(name.split("/")[0] for name in claims),
    )


def telling(files: Iterable[str]) -> list[str]:
    """Names of the files below ``delivered`` that may refer to snapshots: neither claims nor drafts."""
    named = [(name, name.rsplit("/", 1)[-1]) for name in files if "/claims/" not in name]
    return [name for name, end in named if end.endswith(".json") and not end.startswith(".")]


def folders_named(content: Any) -> Iterator[str]:
    """Folders that any text in a JSON value may refer to, counted from the folder of all snapshots.

    By the end of an address alone: the same place may be reached by another scheme, connection or mount.
    """
    if isinstance(content, str):
        parts = content.split("/")
        for start in (place + 1 for place, part in enumerate(parts) if part == SNAPSHOTS):
            yield from ("/".join(parts[start:end]) for end in range(start + 1, len(parts) + 1))
    elif isinstance(content, Mapping):
        for value in content.values():
            yield from folders_named(value)
    elif isinstance(content, list):
        for value in content:
            yield from folders_named(value)


def judge(snapshots: Iterable[Stored], needs: Needs, older_than: timedelta, now: datetime) -> Verdict:
    """Tell which snapshots go, and why each of the others is kept."""
    verdict = Verdict()
    for stored in snapshots:
        reason = _reason(stored, needs, now - older_than)
        verdict.kept.setdefault(reason, []).append(stored) if reason else verdict.goes.append(stored)
    return verdict


def _reason(stored: Stored, needs: Needs, before: datetime) -> Reason | None:
    if not stored.is_ours():
        return Reason.FOREIGN
    if stored.modified >= before:
        return Reason.YOUNG
    if stored.folder in needs.folders:
        return Reason.REFERRED
    if not stored.segments() <= needs.segments:
        return Reason.ELSEWHERE
    if needs.running and stored.published:
        return Reason.RUNNING
    return None
