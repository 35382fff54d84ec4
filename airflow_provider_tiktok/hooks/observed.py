"""What an operator tells of its work when it is done: the receipt in the log, metrics, lineage."""

from typing import TYPE_CHECKING, Any

from airflow_provider_tiktok.core.receipt import Receipt
from airflow_provider_tiktok.hooks.lineage import Hop, report
from airflow_provider_tiktok.hooks.metrics import count_delivery
from airflow_provider_tiktok.hooks.receipt_log import log_receipt
from airflow_provider_tiktok.snapshots.store import Snapshot

if TYPE_CHECKING:  # the provider is optional
    from airflow.providers.openlineage.extractors import OperatorLineage


class Observed:
    """An operator that tells what it did."""

    dag_id: str
    task_id: str
    _hop: Hop | None = None

    def tell_delivery(self, snapshot: Snapshot, receipt: Receipt, seconds: float) -> None:
        """Log the receipt of a delivery; report what it did, which is nothing for a dry run and a superseded one."""
        log_receipt(receipt, seconds)
        if not (receipt.dry_run or receipt.superseded):
            count_delivery(receipt, seconds, dag_id=self.dag_id, task_id=self.task_id)
            self.tell_lineage(Hop.into_segment(snapshot, receipt))

    def tell_lineage(self, hop: Hop) -> None:
        """Report the hop to Airflow, and keep it for OpenLineage, which asks when the task has ended."""
        self._hop = hop
        report(hop, context=self)

    def get_openlineage_facets_on_complete(self, task_instance: object) -> "OperatorLineage[Any, Any] | None":  # noqa: ARG002
        """Called by Airflow's OpenLineage provider, in the process that executed the task, also after a pause."""
        if self._hop is None:
            return None
        from airflow_provider_tiktok.hooks.openlineage import lineage_of  # noqa: PLC0415  the provider is optional

        return lineage_of(self._hop)
