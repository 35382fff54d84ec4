"""What a delivery is going to do, before it does any of it."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

import numpy as np

from airflow_provider_tiktok.core.identifiers import IdentifierKind
from airflow_provider_tiktok.core.records import Mask
from airflow_provider_tiktok.snapshots.log import DeliveryLog
from airflow_provider_tiktok.snapshots.store import Snapshot

Mode = Literal["mirror", "append", "remove"]
OnOlder = Literal["skip", "fail", "apply"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A segment and the advertisers to deliver for: its owner first, each once, as a request lists them."""

    segment_id: str
    advertiser_ids: tuple[str, ...]

    @classmethod
    def of(cls, segment_id: str, owner: str, others: Iterable[str] = ()) -> "Target":
        """The owner and others, of whom the owner may be one."""
        return cls(segment_id=segment_id, advertiser_ids=tuple(dict.fromkeys((owner, *others))))

    @property
    def owner_advertiser_id(self) -> str:
        """The advertiser that the segment belongs to."""
        return self.advertiser_ids[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a delivery is going to do. ``marks`` tells for each row, members first, whether it is to be added.

    A plan with ``objections`` is not carried out.
    """

    snapshot: Snapshot
    target: Target
    mode: Mode
    batch_rows: int
    logs: tuple[DeliveryLog, ...]
    superseded: bool = False
    marks: Mask = field(default_factory=lambda: np.zeros(0, bool), repr=False)
    removes: dict[IdentifierKind, int] = field(default_factory=dict)
    objections: tuple[str, ...] = ()

    @property
    def baseline(self) -> bool:
        """Whether nothing was delivered to this target before."""
        return not any(log.before(self.mode, self.snapshot) for log in self.logs)

    @property
    def done(self) -> bool:
        """Whether it was carried out already."""
        return all(log.is_done(self.mode, self.snapshot) for log in self.logs)

    @property
    def added(self) -> int:
        """Members to be added."""
        return int(self.marks[: self.snapshot.counts.members].sum())

    @property
    def aliases(self) -> int:
        """Second digests of phones to be added."""
        return int(self.marks.sum()) - self.added

    @property
    def removed(self) -> int:
        """Identifiers to be taken out."""
        return sum(self.removes.values())

    @property
    def rows(self) -> int:
        """Rows to be sent."""
        return self.added + self.aliases + self.removed

    @property
    def name(self) -> str:
        """A name that two plans share only when they make the same batches."""
        before = [[asdict(operation) for operation in log.before(self.mode, self.snapshot)] for log in self.logs]
        parts = [self.mode, self.snapshot.uri, self.target.advertiser_ids, self.batch_rows, before]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def only(self, approved: str) -> "Plan":
        """This plan, with an objection unless it is the one of a name that was approved, or is carried out already."""
        if approved == self.name or self.done:
            return self
        objection = (
            "what was approved is not what would be done now: the snapshot, what segment "
            f"{self.target.segment_id} holds, or the arguments changed since the dry run. Nothing was changed. Make "
            "the plan again and have it approved"
        )
        return replace(self, objections=(*self.objections, objection))
