"""A person looks at the plan of a delivery before it is carried out. Needs Airflow 3.1."""

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.providers.common.compat.sdk import AirflowOptionalProviderFeatureException, Context
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS

if not AIRFLOW_V_3_1_PLUS:
    raise AirflowOptionalProviderFeatureException(
        "TikTokApproveDeliveryOperator needs Airflow 3.1 or newer, which can ask a person. On an older one let the run "
        "end with the dry run, and carry the plan out in a DAG that is triggered by hand with approved= that plan"
    )

from airflow.providers.standard.operators.hitl import ApprovalOperator

from airflow_provider_tiktok.core.guards import refuse
from airflow_provider_tiktok.core.receipt import JsonValue
from airflow_provider_tiktok.operators._arguments import approved_plan

LINES = (
    ("Mode", "mode"),
    ("Interval ends", "interval_end"),
    ("Members", "members"),
    ("to be added", "added"),
    ("unchanged", "unchanged"),
    ("Identifiers to be removed", "removed"),
    ("First delivery to this segment", "baseline"),
    ("Requests", "requests"),
    ("Seconds, at TikTok's lowest rate level", "estimated_seconds"),
    ("Advertisers", "advertiser_ids"),
    ("Snapshot", "snapshot_uri"),
    ("Plan", "plan"),
)


class TikTokApproveDeliveryOperator(ApprovalOperator):
    """Show the plan of a delivery to a person, and go on when that person approves.

    The task waits under "Required Actions" in Airflow, without a worker. Its result goes to
    ``TikTokUploadSegmentOperator(approved=...)``, which carries out this plan and no other: when the snapshot, the
    segment or the arguments changed in between, it fails and changes nothing. On "Reject" the tasks after it are
    skipped. A plan that a guard would stop is not put before anybody: the task fails with the guard's words.

    :param plan: What an upload with ``dry_run=True`` returned. (templated)
    :param subject: Headline; the default names the segment. (templated)
    :param kwargs: As ``ApprovalOperator`` of Airflow's standard provider has them: ``response_timeout``, ``defaults``,
        ``assigned_users``, ``notifiers``, ``fail_on_reject``, …
    """

    template_fields: Sequence[str] = ("plan", *ApprovalOperator.template_fields)
    ui_color = "#d6f5f4"

    def __init__(self, *, plan: Mapping[str, Any], subject: str = "", **kwargs: Any) -> None:
        super().__init__(subject=subject, **kwargs)
        self.plan = plan

    def execute(self, context: Context) -> None:
        """Write the question, and wait."""
        approved_plan(self.plan)
        refuse(self.plan["stopped_by"])
        self.subject = self.subject or f"Deliver to TikTok segment {self.plan['segment_id']}?"
        self.body = as_table(self.plan)
        super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, JsonValue]:
        """Return the plan when it was approved, and who answered."""
        answer = super().execute_complete(context, event)
        approved = answer["chosen_options"] == [self.APPROVE]
        user = answer["responded_by_user"] or {}
        return {
            "approved": approved,
            "plan": approved_plan(self.plan) if approved else None,
            "answered_by": user.get("name"),
        }


def as_table(plan: Mapping[str, Any]) -> str:
    """A plan in Markdown: counts, ids and addresses."""
    rows = [f"| {label} | {_text(plan[name])} |" for label, name in LINES]
    return "\n".join(["| | |", "|---|---|", *rows, "| Guards | none would stop it |"])


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return ", ".join(value) if isinstance(value, list) else str(value)
