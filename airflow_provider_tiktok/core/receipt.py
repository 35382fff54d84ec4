"""What was read, sent, refused and answered. Counts, ids and addresses only: safe in XCom and logs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

JsonValue = str | int | float | bool | None | list["JsonValue"] | dict[str, "JsonValue"]


class AccountingError(RuntimeError):
    """The counts do not add up: something was lost or counted twice, so the result must not be trusted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotCounts:
    """The account of one snapshot; every row read is a member, a duplicate, suppressed or rejected."""

    rows_read: int
    members: int
    duplicates: int
    suppressed: int
    rejected: Mapping[str, int]
    identifiers: Mapping[str, int]
    refused_identifiers: Mapping[str, Mapping[str, int]]

    def __post_init__(self) -> None:
        accounted = self.members + self.duplicates + self.suppressed + sum(self.rejected.values())
        if accounted != self.rows_read:
            raise AccountingError(f"{self.rows_read} rows were read but {accounted} are accounted for")


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The account of one delivery of a snapshot to a segment; ``members = added + unchanged + rejected``.

    ``refused`` counts the rows that TikTok did not take, of the members, the second digests of phones (aliases) and the
    removes. ``plan`` names what was to be done: two deliveries share it only when they send the same batches. A dry run
    tells what a delivery would do: ``batches`` and ``requests`` it needs, the ``estimated_seconds``, and the guards it
    would be ``stopped_by``.
    """

    segment_id: str
    owner_advertiser_id: str
    advertiser_ids: list[str]
    mode: str
    snapshot_uri: str
    interval_end: str
    plan: str
    members: int
    added: int = 0
    unchanged: int = 0
    removed: int = 0
    sent: int = 0
    batches: int = 0
    requests: int = 0
    retries: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    request_ids: list[str] = field(default_factory=list)
    baseline: bool = False
    superseded: bool = False
    dry_run: bool = False
    refused: dict[str, int] = field(default_factory=dict)
    stopped_by: list[str] = field(default_factory=list)
    estimated_seconds: float | None = None
    receipt_uri: str | None = None

    def __post_init__(self) -> None:
        if self.superseded:
            return
        accounted = self.added + self.unchanged + sum(self.rejected.values())
        if accounted != self.members:
            raise AccountingError(f"{self.members} members were to be delivered but {accounted} are accounted for")

    def to_dict(self) -> dict[str, JsonValue]:
        """JSON form, as in XCom and in the receipt file."""
        return asdict(self)
