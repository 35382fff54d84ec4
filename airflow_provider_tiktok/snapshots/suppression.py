"""The people of a snapshot as those whom another snapshot must leave out."""

import logging

from airflow_provider_tiktok.core.columns import Columns
from airflow_provider_tiktok.core.identifiers import Reason
from airflow_provider_tiktok.core.suppression import Suppressed
from airflow_provider_tiktok.errors import ConfigurationError
from airflow_provider_tiktok.snapshots.files import digests_of
from airflow_provider_tiktok.snapshots.store import Snapshot

logger = logging.getLogger(__name__)


def load_suppressed(snapshot: Snapshot, columns: Columns) -> Suppressed:
    """All identifiers of a snapshot, second digests of phones included, of the kinds that are among the columns.

    Raises :class:`ConfigurationError` when its identifiers cannot be compared with those of the columns.
    """
    kinds = [kind for kind in columns.kinds if kind in snapshot.kinds]
    if not kinds:
        raise ConfigurationError(
            f"the suppression snapshot {snapshot.uri} holds {', '.join(snapshot.kinds)}, but the columns are of the "
            f"kinds {', '.join(columns.kinds)}: nobody would be suppressed. Take it with a kind of these columns"
        )
    rules = columns.rules.to_dict()
    if snapshot.rules != rules:
        different = sorted(name for name in rules if snapshot.rules.get(name) != rules[name])
        raise ConfigurationError(
            f"the suppression snapshot {snapshot.uri} was hashed with other rules ({', '.join(different)}), so its "
            "people would not be recognised. Take it with the same rules as this one"
        )
    suppressed = Suppressed({kind: (digests_of(digests)[0] for digests, _ in snapshot.index(kind)) for kind in kinds})
    logger.info(
        "Suppressing %d identifiers (%s)",
        sum(suppressed.sizes.values()),
        ", ".join(f"{kind}: {size}" for kind, size in suppressed.sizes.items()),
    )
    unusable = sum(rows for reason, rows in snapshot.counts.rejected.items() if reason != Reason.EMPTY)
    if unusable:
        logger.warning("%d rows of the suppression have no usable identifier: they suppress nobody", unusable)
    return suppressed
