"""A snapshot is the set of members of a query: the same for any order of the rows, whole or not there at all."""

import hashlib
import json
import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_tiktok.core.cells import from_rows
from airflow_provider_tiktok.core.columns import ColumnError, Columns
from airflow_provider_tiktok.core.identifiers import IdentifierKind
from airflow_provider_tiktok.errors import ConfigurationError
from airflow_provider_tiktok.snapshots.source import take_snapshot
from airflow_provider_tiktok.snapshots.store import Snapshot
from tests.kit import digests, members_of

PERSON = Columns.parse({"email": "EMAIL_SHA256", "phone": "PHONE_SHA256", "idfa": "IDFA_MD5"})
DEVICE = "5f3a2b18-9c4d-4e7f-b8e2-17d3a1e69b25"
ALGORITHMS = ("sha256", "sha256", "md5")
# Digests of one bucket, beside values that are spread over all of them.
SHARED = ("7f" + "01" * 31, "7f" + "02" * 31, "7f" + "04" * 15)
GOOD = (
    ["jane@example.com", "joe@example.com", "ann@example.com", SHARED[0], SHARED[1]],
    ["+12125550123", "+442079460018", SHARED[1]],
    [DEVICE, DEVICE.replace("5", "6"), SHARED[2]],
)
Row = tuple[str | None, ...]
ROWS = st.lists(st.tuples(*(st.none() | st.sampled_from(good) for good in GOOD)), max_size=14)
FEW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

Take = Callable[..., Snapshot]


@pytest.fixture
def take(tmp_path: Path) -> Iterator[Take]:
    """Takes a snapshot of chunks of rows, in a folder of its own."""
    with tempfile.TemporaryDirectory(dir=tmp_path) as root:

        def take(*chunks: Sequence[Row], columns: Columns = PERSON) -> Snapshot:
            folder = Path(tempfile.mkdtemp(dir=root)) / "2026-01-01" / "a1"
            batches = (from_rows(chunk, columns) for chunk in chunks)
            return take_snapshot(batches, columns, folder, interval_end="2026-01-01", unique="a1")

        yield take


def folder_of(snapshot: Snapshot) -> Path:
    return Path(snapshot.uri)


def index_of(snapshot: Snapshot, kind: IdentifierKind) -> list[list[tuple[bytes, int]]]:
    """Each bucket's digests of a kind and the numbers of the members that hold them."""
    buckets = snapshot.index(kind)
    return [list(zip(digests.to_pylist(), numbers.tolist(), strict=True)) for digests, numbers in buckets]


def hashed(row: Row) -> tuple[bytes | None, ...]:
    """The digests of values that are in their normal form, or digests already."""
    return tuple(
        cell and (bytes.fromhex(cell) if cell in SHARED else hashlib.new(algorithm, cell.encode()).digest())
        for cell, algorithm in zip(row, ALGORITHMS, strict=True)
    )


@FEW
@given(data=st.data(), rows=ROWS, size=st.integers(1, 5))
def test_order_and_chunks_do_not_change_a_snapshot(take: Take, data: st.DataObject, rows: list[Row], size: int) -> None:
    """The same rows in any order and any chunks are the same snapshot."""
    shuffled = data.draw(st.permutations(rows))
    one = take(rows)
    other = take(*(shuffled[start : start + size] for start in range(0, len(rows), size)))
    assert one.content_digest == other.content_digest
    assert members_of(one) == members_of(other)
    assert one.counts == other.counts


@FEW
@given(rows=ROWS, size=st.integers(1, 5))
def test_a_snapshot_holds_each_member_once(take: Take, rows: list[Row], size: int) -> None:
    """Members are the set of the rows' identifiers; what stood in an earlier row, in whatever chunk, is a duplicate."""
    expected = {hashed(row) for row in rows if any(row)}
    snapshot = take(*(rows[start : start + size] for start in range(0, len(rows), size)))
    members = members_of(snapshot)
    assert len(members) == len(expected) == snapshot.counts.members
    assert set(members) == expected
    assert snapshot.counts.duplicates == sum(any(row) for row in rows) - len(expected)
    assert snapshot.counts.rejected == ({"empty": sum(not any(row) for row in rows)} if (None,) * 3 in rows else {})


@FEW
@given(rows=ROWS)
def test_identifiers_are_counted_distinct_and_point_to_their_members(take: Take, rows: list[Row]) -> None:
    """An identifier that two members share counts once; each kind's index lists every member that holds a digest."""
    snapshot = take(rows)
    members = members_of(snapshot)
    for position, kind in enumerate(snapshot.kinds):
        digests = {member[position] for member in members} - {None}
        assert snapshot.counts.identifiers[kind] == len(digests)
        listed = [pair for bucket in index_of(snapshot, kind) for pair in bucket]
        assert listed == sorted((row[position], number) for number, row in enumerate(members) if row[position])


def test_many_members_are_deduplicated_in_every_bucket(take: Take) -> None:
    """Thousands of rows, each twice and far apart, spread over all buckets and come out once."""
    rows = [(f"person{number}@example.com", None, None) for number in range(3000)]
    snapshot = take(rows, rows[::-1])
    counts = snapshot.counts
    assert (counts.rows_read, counts.members, counts.duplicates) == (6000, 3000, 3000)
    assert counts.identifiers == {"EMAIL_SHA256": 3000, "PHONE_SHA256": 0, "IDFA_MD5": 0}
    assert {digest[0] for digest, _, _ in members_of(snapshot) if digest} == set(range(256))


def test_a_full_spill_is_written_and_read_back(take: Take) -> None:
    """More rows of one bucket than its buffer holds go over the disk without loss."""
    digests = [f"7f{number:062x}" for number in range(2500)]
    snapshot = take([(digest, None, None) for digest in digests * 2])
    assert [digest.hex() for digest, _, _ in members_of(snapshot) if digest] == digests
    assert snapshot.counts.duplicates == 2500


def test_people_with_one_shared_identifier_are_two_members(take: Take) -> None:
    """A member is a set of identifiers: the same phone with another address is somebody else."""
    snapshot = take([("jane@example.com", "+12125550123", None), ("joe@example.com", "+12125550123", None)])
    assert snapshot.counts.members == 2
    assert snapshot.counts.identifiers == {"EMAIL_SHA256": 2, "PHONE_SHA256": 1, "IDFA_MD5": 0}


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        pytest.param([("jane@example.com", "+12125550123", None)], PERSON, id="another member"),
        pytest.param([(None, "+12125550123", None)], PERSON, id="fewer identifiers"),
        pytest.param(
            [("jane@example.com",)], Columns.parse({"email": "EMAIL_SHA256"}), id="the same member, other columns"
        ),
    ],
)
def test_another_content_has_another_digest(take: Take, rows: list[Row], columns: Columns) -> None:
    """The content digest tells snapshots apart."""
    base = take([("jane@example.com", None, None)])
    assert take(rows, columns=columns).content_digest != base.content_digest


def test_duplicates_do_not_change_the_content(take: Take) -> None:
    """A snapshot is a set: rows that come twice, or that are refused, leave its digest as it was."""
    rows = [("jane@example.com", "+12125550123", None), ("joe@example.com", None, DEVICE)]
    again = take(rows, [*rows[::-1], (" JANE@Example.com", "+1 (212) 555-0123", ""), ("?", None, None)])
    assert again.content_digest == take(rows).content_digest
    assert (again.counts.duplicates, again.counts.rejected) == (3, {"invalid_email": 1})


def test_the_same_digest_as_another_kind_is_another_content(take: Take) -> None:
    """A digest of an e-mail address and the same digest of a phone are two snapshots."""
    row = [("ab" * 32,)]
    email, phone = (take(row, columns=Columns.parse({"x": kind})) for kind in ("EMAIL_SHA256", "PHONE_SHA256"))
    assert email.content_digest != phone.content_digest


@FEW
@given(rows=ROWS)
def test_the_index_of_the_first_kind_is_what_a_file_would_hold(take: Take, rows: list[Row]) -> None:
    """The first kind needs no file: the members are bucketed by it, so its index is read from them.

    It is compared with the file that the same kind gets when it is the second one: bucket for bucket the same digests,
    which point to the same members.
    """
    moved = Columns.parse({"phone": "PHONE_SHA256", "email": "EMAIL_SHA256", "idfa": "IDFA_MD5"})
    first, second = take(rows), take([(phone, email, idfa) for email, phone, idfa in rows], columns=moved)
    assert not (folder_of(first) / "EMAIL_SHA256.parquet").exists()
    assert (folder_of(second) / "EMAIL_SHA256.parquet").exists()
    held = [
        [
            sorted((digest, sorted(map(str, members[number]))) for digest, number in bucket)
            for bucket in index_of(snapshot, IdentifierKind.EMAIL_SHA256)
        ]
        for snapshot, members in ((first, members_of(first)), (second, members_of(second)))
    ]
    assert held[0] == held[1]
    assert len(held[0]) == 256


@FEW
@given(rows=ROWS)
def test_each_bucket_holds_the_digests_that_begin_with_its_byte(take: Take, rows: list[Row]) -> None:
    """So that two snapshots can be compared one bucket at a time, whatever kind comes first in each."""
    snapshot = take(rows)
    for kind in snapshot.kinds:
        buckets = index_of(snapshot, kind)
        assert [number for number, bucket in enumerate(buckets) for _ in bucket] == [
            digest[0] for bucket in buckets for digest, _ in bucket
        ]
    for number, records in enumerate(snapshot.members()):
        assert set(snapshot.layout.first_bytes(records)) <= {number}


# --- both forms of a phone ---

BOTH = Columns.parse(
    {"email": "EMAIL_SHA256", "phone": "PHONE_SHA256"}, default_region="US", rules={"phone_format": "both"}
)
PHONES = st.lists(
    st.tuples(
        st.none() | st.sampled_from(GOOD[0]),
        st.none() | st.sampled_from([*GOOD[1], "(212) 555-0123", "12125550123", "555"]),
    ),
    max_size=12,
)


def alias_digests_of(snapshot: Snapshot) -> list[bytes]:
    return [digest.tobytes() for digests in snapshot.alias_digests() for digest in digests]


@FEW
@given(rows=PHONES, size=st.integers(1, 5))
def test_both_forms_of_each_phone_are_kept_once(take: Take, rows: list[Row], size: int) -> None:
    """Members hold the digest with plus, aliases the one without; the account of the members stays as it was."""
    chunks = [rows[start : start + size] for start in range(0, len(rows), size)]
    snapshot = take(*chunks, columns=BOTH)
    spellings = {"(212) 555-0123": "+12125550123", "12125550123": "+12125550123"}
    numbers = {spellings.get(phone, phone) for _, phone in rows if phone} - {"555", *SHARED}
    aliases = {hashlib.sha256(number.removeprefix("+").encode()).digest() for number in numbers}
    assert set(alias_digests_of(snapshot)) == aliases
    assert snapshot.aliases == len(alias_digests_of(snapshot)) == len(aliases)
    plain = take(*chunks, columns=Columns.parse(dict(zip(BOTH.names, BOTH.kinds, strict=True)), default_region="US"))
    assert members_of(snapshot) == members_of(plain)
    assert snapshot.counts == plain.counts
    assert Snapshot.open(snapshot.folder) == snapshot


@FEW
@given(rows=PHONES)
def test_the_index_of_phones_holds_members_and_aliases(take: Take, rows: list[Row]) -> None:
    """Aliases are numbered after the members, in the order in which they are read, each in its own bucket."""
    snapshot = take(rows, columns=BOTH)
    phones = {number: member[1] for number, member in enumerate(members_of(snapshot)) if member[1]}
    after = dict(enumerate(alias_digests_of(snapshot), start=snapshot.counts.members))
    buckets = index_of(snapshot, IdentifierKind.PHONE_SHA256)
    assert {number: digest for bucket in buckets for digest, number in bucket} == phones | after
    assert all(digest[0] == place for place, bucket in enumerate(buckets) for digest, _ in bucket)
    emails = [number for bucket in index_of(snapshot, IdentifierKind.EMAIL_SHA256) for _, number in bucket]
    assert set(emails).isdisjoint(after)


def test_one_form_of_a_phone_makes_no_file_of_aliases(take: Take) -> None:
    """There is none to read either."""
    snapshot = take([("jane@example.com", "+12125550123", None)])
    assert not (folder_of(snapshot) / "aliases.parquet").exists()
    assert (snapshot.aliases, alias_digests_of(snapshot)) == (0, [])


@pytest.mark.parametrize("first", ["phone", "email"])
def test_aliases_do_not_depend_on_which_kind_comes_first(take: Take, first: str) -> None:
    """The index of phones is read from the members or from a file; the aliases join it either way."""
    kinds = {"phone": "PHONE_SHA256", "email": "EMAIL_SHA256"}
    order = sorted(kinds, key=lambda name: name != first)
    columns = Columns.parse({name: kinds[name] for name in order}, rules={"phone_format": "both"})
    row = {"phone": "+12125550123", "email": "jane@example.com"}
    snapshot = take([tuple(row[name] for name in order)], columns=columns)
    found = {digest.hex() for bucket in index_of(snapshot, IdentifierKind.PHONE_SHA256) for digest, _ in bucket}
    assert found == digests(["+12125550123", "12125550123"])


# --- the manifest ---


def test_the_manifest_tells_rules_query_and_warnings(take: Take) -> None:
    """What a person needs to know of a snapshot that somebody else took."""
    columns = Columns.parse({"phone": "PHONE_SHA256"}, rules={"phone_format": "digits"})
    manifest = json.loads((folder_of(take([("2125550123",)] * 3, columns=columns)) / "manifest.json").read_text())
    assert manifest["rules"] == {
        "email_tags": "keep", "email_dots": "keep", "email_spaces": "reject", "phone_format": "digits"
    }  # fmt: skip
    assert [("default_region" in warning, "100.0 %" in warning) for warning in manifest["warnings"]] == [(True, True)]
    assert (manifest["schema_version"], manifest["kinds"]) == (2, ["PHONE_SHA256"])


def test_warnings_are_logged(take: Take, caplog: pytest.LogCaptureFixture) -> None:
    """A person sees them in the task's log too."""
    take([(None, "2125550123", None)])
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "give default_region" in record.getMessage()
    assert "2125550123" not in caplog.text


@pytest.mark.parametrize(
    ("shared", "told"),
    [
        pytest.param((0, "EMAIL_SHA256"), True, id="of the first kind"),
        pytest.param((1, "PHONE_SHA256"), True, id="of another kind"),
        pytest.param(None, False, id="no"),
    ],
)
def test_a_digest_that_stands_in_many_rows_is_told(take: Take, shared: tuple[int, str] | None, told: bool) -> None:
    """Rows are counted, not members: also a value that repeats in equal rows is probably nobody's."""
    rows: list[list[str | None]] = [[f"{n:064x}", f"{n + 5000:064x}", None] for n in range(1, 1201)]
    if shared:
        for row in rows[:20]:
            row[shared[0]] = "7f" * 32
    warnings = take([tuple(row) for row in rows]).warnings
    assert [text.partition(":")[0] for text in warnings] == ([shared[1]] if shared else [])


def test_an_empty_snapshot_can_be_published_and_opened(take: Take) -> None:
    """No rows, and rows without a usable cell, give a snapshot without members."""
    snapshot = Snapshot.open(take([], [(None, "", "?")]).folder)
    assert members_of(snapshot) == []
    assert (snapshot.counts.rows_read, snapshot.counts.rejected) == (1, {"invalid_device_id": 1})


def test_a_published_snapshot_opens_as_it_was(take: Take) -> None:
    """The manifest says all that the writer knew."""
    snapshot = take([("jane@example.com", "555", DEVICE), ("jane@example.com", None, DEVICE), (None, None, "?")])
    assert Snapshot.open(snapshot.folder) == snapshot
    assert snapshot.counts.refused_identifiers == {"PHONE_SHA256": {"invalid_phone": 1}}


def test_digests_are_stored_as_bytes_of_their_kind(take: Take) -> None:
    """Columns are 32 bytes wide for SHA-256 and 16 for MD5, in the order of the query's columns."""
    folder = folder_of(take([("jane@example.com", None, DEVICE)]))
    schema = pq.read_schema(folder / "members.parquet")
    assert schema.names == ["EMAIL_SHA256", "PHONE_SHA256", "IDFA_MD5"]
    assert schema.types == [pa.binary(32), pa.binary(32), pa.binary(16)]
    assert pq.read_schema(folder / "IDFA_MD5.parquet").field("digest").type == pa.binary(16)


def test_no_file_log_or_xcom_shows_a_person(take: Take, caplog: pytest.LogCaptureFixture) -> None:
    """Neither raw values nor hex digests are in any file, in the log or in what the next task gets."""
    caplog.set_level(logging.DEBUG)
    row = ("jane@example.com", "+12125550123", DEVICE)
    snapshot = take([row, ("wrong jane", "555-jane", "?jane")])
    forbidden = (
        [cell.encode() for cell in row] + [digest.hex().encode() for digest in hashed(row) if digest] + [b"jane"]
    )
    files = [path for path in folder_of(snapshot).rglob("*") if path.is_file()]
    texts = [path.read_bytes() for path in files]
    texts += [caplog.text.encode(), json.dumps(snapshot.to_xcom()).encode(), repr(snapshot).encode()]
    assert len(files) == 4  # members, two indexes, manifest: the first kind has no index file
    assert "invalid_email" in caplog.text
    assert [secret for text in texts for secret in forbidden if secret in text.lower()] == []


class TestFailure:
    """A snapshot that was not finished is not there."""

    @pytest.fixture
    def spill(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """The folder for temporary files of this test."""
        folder = tmp_path / "temporary"
        folder.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        return folder

    def test_a_published_snapshot_leaves_no_temporary_file(self, tmp_path: Path, spill: Path) -> None:
        """Spill files are gone when the snapshot is there."""
        chunks = [from_rows([("jane@example.com", None, None)], PERSON)]
        take_snapshot(chunks, PERSON, tmp_path / "s", interval_end="2026-01-01", unique="a1")
        assert list(spill.iterdir()) == []

    @pytest.mark.parametrize(
        "error", [OSError("connection lost"), KeyboardInterrupt()], ids=["database fails", "task is stopped"]
    )
    def test_nothing_is_published_when_the_rows_break_off(
        self, tmp_path: Path, spill: Path, error: BaseException
    ) -> None:
        """Half a result is no snapshot, and its spill files are removed."""
        seen = []

        def chunks() -> Iterator[list[pa.Array]]:
            yield from_rows([(f"person{number}@example.com", None, None) for number in range(100)], PERSON)
            seen.extend(spill.iterdir())
            raise error

        with pytest.raises(type(error)):
            take_snapshot(chunks(), PERSON, tmp_path / "s", interval_end="2026-01-01", unique="a1")
        assert len(seen) == 1
        assert list(spill.iterdir()) == []
        assert not (tmp_path / "s" / "manifest.json").exists()
        with pytest.raises(ConfigurationError):
            Snapshot.open(tmp_path / "s")

    def test_nothing_is_published_when_a_cell_is_no_text(self, tmp_path: Path, spill: Path) -> None:
        """A wrong query fails as a whole, also in a late chunk."""
        rows = [("jane@example.com", None, None), (b"joe@example.com", None, None)]
        chunks = (from_rows([row], PERSON) for row in rows)
        with pytest.raises(ColumnError, match="'email'"):
            take_snapshot(chunks, PERSON, tmp_path / "s", interval_end="2026-01-01", unique="a1")
        assert list(spill.iterdir()) == []
        assert not (tmp_path / "s" / "manifest.json").exists()

    def test_a_snapshot_killed_before_its_manifest_is_none(self, take: Take) -> None:
        """With all files but the manifest, or half of one, there is no snapshot; the text names the cure."""
        folder = folder_of(take([("jane@example.com", None, None)]))
        (folder / "manifest.json").unlink()
        (folder / ".a1.json").write_text('{"schema_version": 1, "kin')
        with pytest.raises(ConfigurationError) as caught:
            Snapshot.open(folder)
        assert str(folder) in str(caught.value)
        assert "[tiktok] snapshot_root" in str(caught.value)

    def test_a_snapshot_of_another_release_is_refused(self, take: Take) -> None:
        """A layout that this release does not know is not read by guess."""
        manifest = folder_of(take([("jane@example.com", None, None)])) / "manifest.json"
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "schema_version": 99}))
        with pytest.raises(ConfigurationError, match=r"schema version 99.*reads 2; run the query task again"):
            Snapshot.open(manifest.parent)
