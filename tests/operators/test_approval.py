"""What a person is shown before a delivery, and what an approval is good for."""

from typing import Any

import pytest

from airflow_provider_tiktok.core.guards import GuardError
from airflow_provider_tiktok.emulator import ADVERTISER_ID_2, Emulator
from airflow_provider_tiktok.errors import ConfigurationError
from airflow_provider_tiktok.operators.segment import TikTokUploadSegmentOperator, TikTokVerifySegmentOperator
from tests.kit import EMAIL, MAPPING, context, email_digests

pytest.importorskip("airflow.providers.standard.operators.hitl", reason="needs Airflow 3.1")
from airflow_provider_tiktok.operators.approval import TikTokApproveDeliveryOperator, as_table

PEOPLE = [{"email": f"person{number}@example.com"} for number in range(3)]


@pytest.fixture
def segment(connection: Emulator) -> dict[str, Any]:
    return TikTokVerifySegmentOperator(task_id="verify", segment_name="VIP").execute(context())


def upload(segment: object, source: object, day: int = 1, **options: Any) -> dict[str, Any]:
    operator = TikTokUploadSegmentOperator(task_id="upload", segment=segment, source=source, **options)
    return operator.execute(context(day))


def plan_of(segment: object, day: int = 1, **options: Any) -> dict[str, Any]:
    return upload(segment, PEOPLE, day, columns=EMAIL, dry_run=True, **options)


def test_an_approved_plan_is_carried_out(segment: dict[str, Any], connection: Emulator) -> None:
    """Nothing changed between the look and the delivery; doing it again is doing nothing."""
    plan = plan_of(segment)
    for sent in (3, 0):
        before = connection.count_requests(MAPPING)
        receipt = upload(segment, plan, approved={"approved": True, "plan": plan["plan"]})
        assert connection.count_requests(MAPPING) - before == (1 if sent else 0)
        assert connection.members(segment["segment_id"])["EMAIL_SHA256"] == email_digests(0, 1, 2)
        assert receipt["members"] == 3


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"mode": "append"}, id="another mode"),
        pytest.param({"advertiser_ids": [ADVERTISER_ID_2]}, id="another advertiser"),
        pytest.param({"batch_rows": 2}, id="other batches"),
    ],
)
def test_an_approval_is_for_these_arguments_only(
    segment: dict[str, Any], connection: Emulator, options: dict[str, Any]
) -> None:
    """What a person did not see is not done."""
    plan = plan_of(segment)
    with pytest.raises(GuardError, match="what was approved is not what would be done now"):
        upload(segment, plan, approved=plan, **options)
    assert connection.count_requests(MAPPING) == 0


@pytest.mark.parametrize("approved", [{"approved": False, "plan": None}, "", {}], ids=["rejected", "empty", "nothing"])
def test_an_approval_that_came_without_a_plan_is_none(
    segment: dict[str, Any], connection: Emulator, approved: object
) -> None:
    """A template that came out empty, or somebody's "Reject", never means yes."""
    plan = plan_of(segment)
    with pytest.raises(ConfigurationError, match="nothing was changed"):
        upload(segment, plan, approved=approved)
    assert connection.count_requests(MAPPING) == 0


def test_a_plan_that_a_guard_would_stop_is_put_before_nobody(segment: dict[str, Any], connection: Emulator) -> None:
    """The task fails at once with the guard's words: an approval could not help."""
    upload(segment, PEOPLE, columns=EMAIL)
    plan = upload(segment, PEOPLE[:1], 2, columns=EMAIL, dry_run=True)
    with pytest.raises(GuardError, match="max_delete_pct"):
        TikTokApproveDeliveryOperator(task_id="approve", plan=plan).execute(context())


def test_a_person_reads_counts_and_addresses(segment: dict[str, Any], connection: Emulator) -> None:
    """Large numbers are legible, a truth is a word, and nobody's data is there."""
    plan = plan_of(segment) | {"added": 1234567}
    told = as_table(plan)
    for line in ("| to be added | 1,234,567 |", "| First delivery to this segment | yes |", "| Requests | 1 |"):
        assert line in told
    assert "person0" not in told
    assert not any(digest in told for digest in email_digests(0, 1, 2))
