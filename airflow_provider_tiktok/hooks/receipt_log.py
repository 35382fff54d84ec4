"""A receipt as lines in the log that a person can read."""

import logging
from collections.abc import Iterator

from airflow_provider_tiktok.core.receipt import Receipt
from airflow_provider_tiktok.progress import log_table

logger = logging.getLogger(__name__)


def log_receipt(receipt: Receipt, seconds: float) -> None:
    """Log what a delivery did, or what a dry run found it would do."""
    logger.info("%s", _headline(receipt))
    if not receipt.superseded:
        log_table(logger, _lines(receipt, seconds))


def _headline(receipt: Receipt) -> str:
    what = f"segment {receipt.segment_id} of advertiser {receipt.owner_advertiser_id}"
    if receipt.superseded:
        return f"Nothing was done: {what} holds a newer interval than {receipt.interval_end}"
    if receipt.dry_run:
        return f"Plan for {what}; nothing was changed. A delivery would do this:"
    if not receipt.sent:
        return f"Nothing to change: {what} holds this snapshot already"
    return f"{'First delivery' if receipt.baseline else 'Delivery'} to {what} is done:"


def _lines(receipt: Receipt, seconds: float) -> Iterator[tuple[str, object]]:
    yield "members", receipt.members
    yield "  added", receipt.added
    yield "  unchanged", receipt.unchanged
    yield from ((f"  rejected: {reason}", rows) for reason, rows in receipt.rejected.items())
    yield "identifiers removed", receipt.removed
    yield from ((f"stopped by: {objection}", "") for objection in receipt.stopped_by)
    if not receipt.dry_run:
        yield "rows sent", receipt.sent
    yield "requests", receipt.requests
    if receipt.retries:
        yield "  of them retries", receipt.retries
    if receipt.dry_run:
        yield "seconds at TikTok's lowest rate level", receipt.estimated_seconds
    else:
        yield "seconds", round(seconds, 1)
        yield f"Receipt: {receipt.receipt_uri}", ""
