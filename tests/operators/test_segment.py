"""The operators, run as Airflow runs them: what they return, and what they refuse before anything is changed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from airflow_provider_tiktok.core.columns import ColumnError
from airflow_provider_tiktok.core.guards import GuardError
from airflow_provider_tiktok.emulator import (
    ADVERTISER_ID,
    ADVERTISER_ID_2,
    ADVERTISER_ID_3,
    ANALYST_ADVERTISER_ID,
    OTHER_BC_ADVERTISER_ID,
    UNREACHABLE_ADVERTISER_ID,
    Emulator,
)
from airflow_provider_tiktok.errors import AuthError, ConfigurationError, TikTokError
from airflow_provider_tiktok.operators.segment import (
    TikTokMapAdvertisersOperator,
    TikTokUploadSegmentOperator,
    TikTokVerifySegmentOperator,
)
from tests.kit import EMAIL, connect, context, digests, email_digests

PEOPLE = [{"email": f"person{number}@example.com", "extra": number} for number in range(3)]


def verify(**options: Any) -> dict[str, Any]:
    return TikTokVerifySegmentOperator(task_id="verify", **options).execute(context())


def upload(segment: Any, source: Any = PEOPLE, day: int = 1, **options: Any) -> dict[str, Any]:
    options = {"columns": EMAIL, "max_delete_pct": 100, **options}
    return TikTokUploadSegmentOperator(task_id="upload", segment=segment, source=source, **options).execute(
        context(day)
    )


def map_to(segment: Any, advertisers: Any, **options: Any) -> dict[str, Any]:
    operator = TikTokMapAdvertisersOperator(task_id="map", segment=segment, advertiser_ids=advertisers, **options)
    return operator.execute(context())


def changes(tiktok: Emulator) -> list[str]:
    """Paths of requests that may have changed something."""
    return [request["path"] for request in tiktok.requests() if request["method"] == "POST"]


# --- verify ---


def test_verify_creates_a_missing_segment_and_finds_it_again(connection: Emulator) -> None:
    """The first run creates, the next ones find the same id."""
    first = verify(segment_name="VIP")
    assert first == {
        "segment_id": connection.audiences()[0]["audience_id"],
        "segment_name": "VIP",
        "advertiser_id": ADVERTISER_ID,
        "created": True,
    }
    assert verify(segment_name="VIP") == {**first, "created": False}
    assert len(connection.audiences()) == 1


@pytest.mark.airflow_3  # Airflow 2 has no execute outside of its own thread
def test_tasks_that_verify_at_once_create_one_segment(connection: Emulator) -> None:
    """TikTok takes a name twice, and the next run would not know which is meant."""
    connection.delay("/segment/audience/", 0.3, times=None)
    with ThreadPoolExecutor(4) as tasks:
        found = list(tasks.map(lambda _: verify(segment_name="VIP"), range(4)))
    assert len({one["segment_id"] for one in found}) == 1
    assert [one["created"] for one in found].count(True) == 1
    assert len(connection.audiences()) == 1


def test_verify_finds_a_segment_on_a_late_page(connection: Emulator) -> None:
    """A segment that is not among the newest hundred is found and not created again."""
    wanted = connection.create_audience(ADVERTISER_ID, "wanted", age_seconds=9_999)
    for number in range(120):
        connection.create_audience(ADVERTISER_ID, f"other {number}")
    assert verify(segment_name="wanted")["segment_id"] == wanted
    assert changes(connection) == []


def test_verify_takes_exact_names_of_its_own_only(connection: Emulator) -> None:
    """Another case, a longer name and another owner's audience of that name are not the segment."""
    strangers = {
        connection.create_audience(ADVERTISER_ID, "vip"),
        connection.create_audience(ADVERTISER_ID, "VIP 2"),
        connection.create_audience(ADVERTISER_ID_2, "VIP", shared_with=[ADVERTISER_ID]),
    }
    found = verify(segment_name="VIP")
    assert found["created"]
    assert found["segment_id"] not in strangers


def test_verify_refuses_a_name_that_exists_twice(connection: Emulator) -> None:
    """The error lists the ids to choose from, and nothing is created."""
    ids = [connection.create_audience(ADVERTISER_ID, "VIP") for _ in range(2)]
    with pytest.raises(ConfigurationError, match="has 2 segments named 'VIP'") as caught:
        verify(segment_name="VIP")
    assert all(one in str(caught.value) for one in ids)
    assert "segment_id" in str(caught.value)
    assert changes(connection) == []
    assert verify(segment_id=ids[0])["segment_id"] == ids[0]


def test_verify_refuses_a_name_that_tiktok_would_cut(connection: Emulator) -> None:
    """71 characters are refused without a request, 70 are kept whole."""
    with pytest.raises(ConfigurationError, match="71 characters"):
        verify(segment_name="x" * 71)
    assert connection.count_requests() == 0
    verify(segment_name="x" * 70)
    assert connection.audiences()[0]["name"] == "x" * 70


@pytest.mark.parametrize("options", [{}, {"segment_name": "a", "segment_id": "1"}, {"segment_name": ""}])
def test_verify_wants_a_name_or_an_id(connection: Emulator, options: dict[str, str]) -> None:
    """Neither and both are refused."""
    with pytest.raises(ConfigurationError, match="either segment_name or segment_id"):
        verify(**options)


def test_verify_creates_only_when_it_may(connection: Emulator) -> None:
    """With create_if_missing=False a missing segment is an error."""
    with pytest.raises(ConfigurationError, match="owns no segment named 'VIP'"):
        verify(segment_name="VIP", create_if_missing=False)
    with pytest.raises(ConfigurationError, match="owns no segment with id 123"):
        verify(segment_id="123")
    assert changes(connection) == []


# --- one clear error before anything is changed ---


def expired(tiktok: Emulator) -> str:
    token = str(tiktok.issue_token()["access_token"])
    tiktok.expire_token(token)
    return token


def revoked(tiktok: Emulator) -> str:
    token = str(tiktok.issue_token()["access_token"])
    tiktok.revoke_token(token)
    return token


@pytest.mark.parametrize("token", [expired, revoked])
def test_a_dead_token_says_authorise_again(
    tiktok: Emulator, monkeypatch: pytest.MonkeyPatch, token: Callable[[Emulator], str]
) -> None:
    """An expired or revoked token gives one error that says what to do, and shows no token."""
    dead = token(tiktok)
    connect(monkeypatch, tiktok, extra={"access_token": dead})
    with pytest.raises(AuthError, match="authorise again and put the new token into the connection") as caught:
        verify(segment_name="VIP")
    assert dead not in str(caught.value)
    assert tiktok.audiences() == []
    assert changes(tiktok) == []


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"password": "wrong"}, "App secret"),
        ({"extra": {"advertiser_id": "7000000000000000000"}}, "7000000000000000000 is not among"),
        ({"extra": {"advertiser_id": ANALYST_ADVERTISER_ID}}, "Operator or Admin"),
        ({"extra": {"advertiser_id": None}}, "fill in Advertiser id"),
    ],
    ids=["wrong password", "unknown advertiser", "analyst", "no advertiser"],
)
def test_an_unusable_connection_is_one_clear_error(
    tiktok: Emulator, monkeypatch: pytest.MonkeyPatch, values: dict[str, object], says: str
) -> None:
    """Each cause has its own sentence, and no request that changes anything was sent."""
    connect(monkeypatch, tiktok, **values)
    with pytest.raises(TikTokError, match=says):
        verify(segment_name="VIP")
    assert tiktok.audiences() == []
    assert changes(tiktok) == []


# --- upload ---


@pytest.mark.parametrize(
    "source",
    [
        PEOPLE,
        tuple(PEOPLE),
        pd.DataFrame(PEOPLE),
        pd.DataFrame([*PEOPLE, {"email": None, "extra": 9}, {"email": float("nan"), "extra": 9}]),
    ],
    ids=["list", "tuple", "frame", "frame with nulls"],
)
def test_rows_are_delivered(connection: Emulator, source: Any) -> None:
    """A list of mappings and a DataFrame become members, nulls are counted as rejected."""
    segment = verify(segment_name="VIP")
    receipt = upload(segment, source)
    assert connection.members(segment["segment_id"])["EMAIL_SHA256"] == email_digests(0, 1, 2)
    assert (receipt["members"], receipt["added"], receipt["baseline"]) == (3, 3, True)


def test_a_bare_segment_id_belongs_to_the_connections_advertiser(connection: Emulator) -> None:
    """Upload works without a verify task."""
    segment_id = connection.create_audience(ADVERTISER_ID, "VIP")
    assert upload(segment_id)["owner_advertiser_id"] == ADVERTISER_ID
    assert connection.members(segment_id)["EMAIL_SHA256"] == email_digests(0, 1, 2)


def test_listed_advertisers_see_the_segment(connection: Emulator) -> None:
    """Upload may list further advertisers of the business at once, as a list or as a template's text."""
    segment = verify(segment_name="VIP")
    upload(segment, advertiser_ids=f"{ADVERTISER_ID_2}, {ADVERTISER_ID_3}")
    assert set(connection.audiences()[0]["shared_with"]) == {ADVERTISER_ID_2, ADVERTISER_ID_3}


def test_rows_show_in_no_representation(connection: Emulator) -> None:
    """Airflow stores template fields; rows are hidden from it before and after rendering."""
    operator = TikTokUploadSegmentOperator(task_id="upload", segment="1", source=PEOPLE, columns=EMAIL)
    operator.render_template_fields({})
    assert str(operator.source) == "<3 rows, not shown>"


@pytest.mark.parametrize(
    ("source", "columns", "says"),
    [
        ([{"mail": "a@example.com"}], EMAIL, "row 0 has no column 'email'"),
        (pd.DataFrame({"mail": ["a@example.com"]}), EMAIL, "no column 'email' in the source; it has 'mail'"),
        (PEOPLE, {"email": "EMAIL"}, "unknown identifier kind 'EMAIL'"),
        (PEOPLE, None, "columns is empty"),
    ],
    ids=["mapping", "frame", "kind", "none"],
)
def test_columns_that_do_not_fit_are_refused(
    connection: Emulator, source: Any, columns: dict[str, str] | None, says: str
) -> None:
    """The error says which column is missing or wrong, and nothing is sent."""
    with pytest.raises(ColumnError, match=says):
        upload(connection.create_audience(ADVERTISER_ID, "VIP"), source, columns=columns)
    assert changes(connection) == []


@pytest.mark.parametrize("source", [[], [{"email": "none"}]], ids=["no rows", "no members"])
def test_an_empty_source_is_refused(connection: Emulator, source: list[dict[str, str]]) -> None:
    """Nothing to deliver is taken for a mistake unless allow_empty says otherwise."""
    segment_id = connection.create_audience(ADVERTISER_ID, "VIP")
    with pytest.raises(GuardError, match="allow_empty=True"):
        upload(segment_id, source)
    assert changes(connection) == []
    assert upload(segment_id, source, allow_empty=True)["members"] == 0


def test_a_snapshot_that_this_worker_cannot_see_names_the_setting(connection: Emulator, tmp_path: Path) -> None:
    """A local folder on another machine is the usual cause, and the error says so."""
    with pytest.raises(ConfigurationError, match=r"\[tiktok\] snapshot_root"):
        upload("1", (tmp_path / "nowhere").as_uri(), columns=None)


def test_a_source_of_another_type_is_refused(connection: Emulator) -> None:
    """The error lists what a source may be."""
    with pytest.raises(ConfigurationError, match="SqlToTikTokSnapshotOperator"):
        upload("1", 42)


def test_a_small_segment_is_a_warning(connection: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    """Fewer members than TikTok needs are delivered, and said."""
    upload(connection.create_audience(ADVERTISER_ID, "VIP"))
    assert "fewer than min_members=1000" in caplog.text
    assert "example.com" not in caplog.text


def test_a_dry_run_changes_nothing(connection: Emulator) -> None:
    """The receipt of a dry run counts what would be added."""
    segment_id = connection.create_audience(ADVERTISER_ID, "VIP")
    receipt = upload(segment_id, dry_run=True)
    assert (receipt["dry_run"], receipt["added"], receipt["sent"]) == (True, 3, 0)
    assert changes(connection) == []
    assert connection.members(segment_id)["EMAIL_SHA256"] == set()


@pytest.mark.parametrize("batch_rows", [0, 10_001])
def test_a_batch_size_that_tiktok_would_refuse_is_refused(connection: Emulator, batch_rows: int) -> None:
    """batch_rows is checked before the first request."""
    with pytest.raises(ValueError, match="use 1 to 10,000"):
        upload(connection.create_audience(ADVERTISER_ID, "VIP"), batch_rows=batch_rows)
    assert changes(connection) == []


# --- map ---


def test_mapping_shows_the_segment_to_the_others(connection: Emulator) -> None:
    """Advertisers of the business are mapped with the members of the snapshot, in one go."""
    segment = verify(segment_name="VIP")
    receipt = upload(segment)
    source = receipt["snapshot_uri"]
    mapped = map_to(segment, [ADVERTISER_ID_2, ADVERTISER_ID_3, ADVERTISER_ID], source=source)
    assert mapped == {
        "segment_id": segment["segment_id"],
        "owner_advertiser_id": ADVERTISER_ID,
        "mapped_advertiser_ids": [ADVERTISER_ID_2, ADVERTISER_ID_3],
    }
    assert set(connection.audiences()[0]["shared_with"]) == {ADVERTISER_ID_2, ADVERTISER_ID_3}
    before = len(changes(connection))
    assert map_to(segment, [ADVERTISER_ID_2, ADVERTISER_ID_3], source=source) == mapped
    assert len(changes(connection)) == before, "mapping again sends nothing"


def test_sharing_goes_out_in_calls_of_ten_and_only_once(connection: Emulator) -> None:
    """The share strategy needs no members, and does not share twice."""
    segment = verify(segment_name="VIP")
    map_to(segment, [ADVERTISER_ID_2, ADVERTISER_ID_3], strategy="share")
    assert set(connection.audiences()[0]["shared_with"]) == {ADVERTISER_ID_2, ADVERTISER_ID_3}
    map_to(segment, [ADVERTISER_ID_2, ADVERTISER_ID_3], strategy="share")
    assert connection.count_requests("/custom_audience/share/") == 1


@pytest.mark.parametrize(
    ("stranger", "says"),
    [
        (UNREACHABLE_ADVERTISER_ID, "not among"),
        (ANALYST_ADVERTISER_ID, "Analyst"),
        (OTHER_BC_ADVERTISER_ID, "not in the business center"),
    ],
    ids=["unreachable", "analyst", "other business"],
)
@pytest.mark.parametrize("strategy", ["mapping", "share"])
def test_one_advertiser_that_cannot_be_mapped_stops_all(
    connection: Emulator, strategy: str, stranger: str, says: str
) -> None:
    """The advertisers are checked first; when one fails, nothing is sent for the others either."""
    segment = verify(segment_name="VIP")
    source = upload(segment)["snapshot_uri"]
    before = changes(connection)
    with pytest.raises(ConfigurationError, match=says) as caught:
        map_to(segment, [ADVERTISER_ID_2, stranger], source=source, strategy=strategy)
    assert stranger in str(caught.value)
    assert changes(connection) == before


def test_mapping_never_undoes_an_append(connection: Emulator) -> None:
    """What was added in mode append stays, the others get what was added, and another snapshot is refused."""
    segment = verify(segment_name="VIP")
    first = upload(segment, PEOPLE[:1], mode="append")
    second = upload(segment, PEOPLE[1:], 2, mode="append")
    map_to(segment, [ADVERTISER_ID_2], source=second)
    held = connection.members(segment["segment_id"])["EMAIL_SHA256"]
    assert held == email_digests(0, 1, 2)
    with pytest.raises(ConfigurationError, match="would undo"):
        map_to(segment, [ADVERTISER_ID_2], source=first)
    assert connection.members(segment["segment_id"])["EMAIL_SHA256"] == held


def test_mapping_takes_out_what_the_upload_took_out(connection: Emulator) -> None:
    """After a delivery in mode remove, mapping does not bring anybody back."""
    segment = verify(segment_name="VIP")
    upload(segment)
    removed = upload(segment, PEOPLE[:1], 2, mode="remove")
    map_to(segment, [ADVERTISER_ID_2], source=removed)
    assert connection.members(segment["segment_id"])["EMAIL_SHA256"] == email_digests(1, 2)


def test_mapping_needs_a_source(connection: Emulator) -> None:
    """The Segment API maps members, so they have to come from somewhere."""
    with pytest.raises(ConfigurationError, match="strategy='share'"):
        map_to(verify(segment_name="VIP"), [ADVERTISER_ID_2])


def test_an_unknown_strategy_and_a_wrong_id_are_refused(connection: Emulator) -> None:
    """Arguments are checked before TikTok is asked."""
    with pytest.raises(ConfigurationError, match="'mapping' or 'share'"):
        map_to("1", [ADVERTISER_ID_2], strategy="both")
    with pytest.raises(ConfigurationError, match="'abc' is not an advertiser id"):
        map_to("1", "abc", strategy="share")
    assert connection.count_requests() == 0


def test_a_second_mirror_through_the_operator_removes_leavers(connection: Emulator) -> None:
    """Two days through the operator end with the second day's people."""
    segment = verify(segment_name="VIP")
    upload(segment, day=1)
    receipt = upload(segment, [{"email": "new@example.com"}, PEOPLE[0]], day=2)
    members = connection.members(segment["segment_id"])["EMAIL_SHA256"]
    assert members == digests(["new@example.com", "person0@example.com"])
    assert (receipt["added"], receipt["unchanged"], receipt["removed"]) == (1, 1, 2)
