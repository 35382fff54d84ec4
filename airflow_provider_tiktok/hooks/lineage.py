"""What a task read and what it wrote: told to Airflow's hook lineage here, to OpenLineage in its own module.

Names and counts only. Airflow itself adds each file of a snapshot that is opened.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from airflow.providers.common.compat.lineage.hook import get_hook_lineage_collector

from airflow_provider_tiktok.core.receipt import Receipt
from airflow_provider_tiktok.core.segment_uri import segment_uri
from airflow_provider_tiktok.hooks.query import Query
from airflow_provider_tiktok.snapshots.store import Snapshot

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One hop of identifiers, from where a task read them to where it wrote them.

    ``sources`` and ``targets`` are URIs, and the ``snapshot`` is one of them; a ``query`` has no URI. ``columns`` maps
    a column that was read to the identifier kind that was written, ``hashed`` tells whether this hop hashed it.
    """

    sources: tuple[str, ...] = ()
    query: Query | None = None
    targets: tuple[str, ...]
    snapshot: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    hashed: bool = False
    rows_read: int | None = None
    rows_written: int | None = None

    @classmethod
    def into_snapshot(
        cls,
        account: Mapping[str, Any],
        columns: Mapping[str, str],
        *,
        query: Query | None = None,
        sources: tuple[str, ...] = (),
    ) -> "Hop":
        """What was read became a snapshot, of which ``account`` is the XCom."""
        return cls(
            sources=sources,
            query=query,
            targets=(account["snapshot_uri"],),
            snapshot=account["snapshot_uri"],
            columns=dict(columns),
            hashed=True,
            rows_read=account["rows_read"],
            rows_written=account["members"],
        )

    @classmethod
    def into_segment(cls, snapshot: Snapshot, receipt: Receipt) -> "Hop":
        """A snapshot was delivered to a segment, which is an Asset for each of its advertisers."""
        return cls(
            sources=(snapshot.uri,),
            targets=segment_uris(receipt.advertiser_ids, receipt.segment_id),
            snapshot=snapshot.uri,
            columns={kind.value: kind.value for kind in snapshot.kinds},
            rows_read=snapshot.counts.members,
            rows_written=receipt.sent,
        )


def segment_uris(advertiser_ids: Iterable[str], segment_id: str) -> tuple[str, ...]:
    """URIs of a segment's assets, one for each advertiser. An Asset itself, when it is made, imports every provider."""
    return tuple(segment_uri(advertiser, segment_id) for advertiser in advertiser_ids)


def report(hop: Hop, context: Any) -> None:
    """Add the hop to the lineage that Airflow collects; trouble with it is logged and fails no task.

    A query is not reported: that would be by its text, which may hold values.
    """
    try:
        collector = get_hook_lineage_collector()  # type: ignore[no-untyped-call]  # Airflow's is not annotated
        for uri in hop.sources:
            collector.add_input_asset(context=context, uri=without_connection(uri), asset_extra=_rows(hop.rows_read))
        for uri in hop.targets:
            collector.add_output_asset(
                context=context, uri=without_connection(uri), asset_extra=_rows(hop.rows_written)
            )
    except Exception as error:  # plugins of the user's run in there
        logger.warning("The lineage of this task was not reported: %s", type(error).__name__)


def without_connection(uri: str) -> str:
    """A storage address without the connection's name in it: ``s3://aws_default@bucket/x`` -> ``s3://bucket/x``."""
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _rows(count: int | None) -> dict[str, int]:
    return {} if count is None else {"rows": count}
