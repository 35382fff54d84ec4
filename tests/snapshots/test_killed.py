"""A process that is killed while it writes a snapshot leaves nothing that is taken for a snapshot."""

import random
import select
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from airflow_provider_tiktok.core.columns import Columns
from airflow_provider_tiktok.errors import ConfigurationError
from airflow_provider_tiktok.snapshots.store import Snapshot

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60
BATCHES, ROWS = 40, 600
MEMBERS = BATCHES * ROWS
COLUMNS = Columns.parse({"email": "EMAIL_SHA256", "phone": "PHONE_SHA256"}, rules={"phone_format": "both"})

CHILD = f"""
import io, sys
from pathlib import Path
import pyarrow as pa
from airflow_provider_tiktok.core.columns import Columns
from airflow_provider_tiktok.snapshots import spill
from airflow_provider_tiktok.snapshots.source import take_snapshot

spill.FLUSH_BYTES = 500  # so that much is on the disk early

def step(name):
    print(name, flush=True)
    sys.stdin.buffer.raw.read(1)  # goes on when it may

class Stream(io.FileIO):
    def write(self, data):
        step("write " + Path(self.name).name)
        return super().write(data)

class Watched:
    def __init__(self, path):
        self._path = path
    @property
    def parent(self):
        return Watched(self._path.parent)
    def __truediv__(self, name):
        return Watched(self._path / name)
    def with_name(self, name):
        return Watched(self._path.with_name(name))
    def exists(self):
        return self._path.exists()
    def mkdir(self, mode=0o777, parents=False, exist_ok=False):
        step("mkdir")
        self._path.mkdir(mode, parents, exist_ok)
    def open(self, mode):
        step("open " + self._path.name)
        return Stream(self._path, mode)
    def rename(self, target):
        step("rename")
        self._path.rename(target._path)
        step("renamed")

def batches():
    for batch in range({BATCHES}):
        step("batch")
        numbers = range(batch * {ROWS}, (batch + 1) * {ROWS})
        yield [
            pa.array([f"person{{n}}@example.com" for n in numbers]),
            pa.array([f"+1212{{5550000 + n}}" if n % 2 else None for n in numbers]),
        ]

columns = Columns.parse({{"email": "EMAIL_SHA256", "phone": "PHONE_SHA256"}}, rules={{"phone_format": "both"}})
take_snapshot(batches(), columns, Watched(Path(sys.argv[1])), interval_end="2026-01-01", unique="draft")
print("done", flush=True)
"""


@dataclass(frozen=True)
class Run:
    """A child that was killed before a step, or ran to its end: the steps that it told."""

    folder: Path
    temporary: Path
    steps: list[str]

    def left(self) -> list[Path]:
        """Files in the folder and in the temporary folder."""
        return [path for top in (self.folder, self.temporary) for path in top.rglob("*") if path.is_file()]


def run(top: Path, kill_at: int | None = None, *, waits: bool = True) -> Run:
    """Run the child; kill it at one of its steps. With ``waits=False`` it runs on meanwhile, to wherever it comes."""
    found = Run(top / "snapshot", top / "temporary", [])
    found.temporary.mkdir(parents=True, exist_ok=True)
    with (
        Path("/dev/zero").open("rb") as zeros,
        subprocess.Popen(
            [sys.executable, "-c", CHILD, str(found.folder)],
            cwd=ROOT,
            env={"TMPDIR": str(found.temporary)},
            stdin=subprocess.PIPE if waits else zeros,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as child,
    ):
        try:
            _follow(child, found.steps, kill_at)
        finally:
            child.kill()
    return found


def _follow(child: "subprocess.Popen[bytes]", steps: list[str], kill_at: int | None) -> None:
    assert child.stdout is not None
    assert child.stderr is not None
    while len(steps) - 1 != kill_at:
        assert select.select([child.stdout], [], [], SECONDS)[0], "the child hangs"
        step = child.stdout.readline().decode().strip()
        assert step, child.stderr.read().decode()
        if step == "done":
            return
        steps.append(step)
        if child.stdin and len(steps) - 1 != kill_at:
            child.stdin.write(b"\n")
            child.stdin.flush()


def look(snapshot: Snapshot) -> tuple[object, ...]:
    """What is in a snapshot's files, all of them read to the end."""
    index = [digest for kind in snapshot.kinds for digests, _ in snapshot.index(kind) for digest in digests.to_pylist()]
    members = sum(map(len, snapshot.members()))
    return snapshot.content_digest, snapshot.counts, snapshot.aliases, members, sorted(index)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(tmp_path_factory.mktemp("undisturbed"))


def is_there(found: Run, undisturbed: Run) -> bool:
    """Whether there is a snapshot, which is then complete; anything else is refused with the likely cause."""
    if (found.folder / "manifest.json").exists():
        assert look(Snapshot.open(found.folder)) == look(Snapshot.open(undisturbed.folder))
        return True
    with pytest.raises(ConfigurationError, match=r"there is no snapshot at .*\[tiktok\] snapshot_root"):
        Snapshot.open(found.folder)
    return False


def test_an_undisturbed_process_leaves_the_snapshot_and_nothing_else(undisturbed: Run) -> None:
    """All that was read is in it; drafts and temporary files are gone."""
    _, counts, aliases, members, index = look(Snapshot.open(undisturbed.folder))
    assert (counts.members, members, aliases) == (MEMBERS, MEMBERS, MEMBERS // 2)
    assert len(index) == MEMBERS * 2
    assert sorted(path.name for path in undisturbed.left()) == [
        "PHONE_SHA256.parquet",
        "aliases.parquet",
        "manifest.json",
        "members.parquet",
    ]


def picked(steps: list[str], name: str, count: int) -> list[int]:
    """Numbers of some steps of a name: the first, the last and others by chance."""
    first, *others = [number for number, step in enumerate(steps) if step == name]
    chosen = random.Random(2026).sample(others[:-1], max(0, count - 2))
    return sorted({first, *chosen, *others[-1:]})


@pytest.mark.parametrize(
    ("step", "count"),
    [
        ("batch", 6),
        ("open members.parquet", 1),
        ("write members.parquet", 6),
        ("write PHONE_SHA256.parquet", 4),
        ("write aliases.parquet", 3),
        ("open .draft.json", 1),
        ("write .draft.json", 1),
        ("rename", 1),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_process_killed_before_the_manifest_leaves_no_snapshot(
    undisturbed: Run, tmp_path: Path, step: str, count: int
) -> None:
    """Killed while it reads, while it publishes or right before the manifest: there is no snapshot to be delivered."""
    for number in picked(undisturbed.steps, step, count):
        found = run(tmp_path / str(number), number)
        assert found.steps == undisturbed.steps[: number + 1]
        assert not is_there(found, undisturbed)


def test_a_process_killed_after_the_manifest_leaves_a_whole_snapshot(undisturbed: Run, tmp_path: Path) -> None:
    """The manifest is the last thing to be written: nothing is missing then."""
    assert undisturbed.steps[-1] == "renamed"
    assert is_there(run(tmp_path / "killed", len(undisturbed.steps) - 1), undisturbed)


def test_a_process_killed_at_any_moment_leaves_a_whole_snapshot_or_none(undisturbed: Run, tmp_path: Path) -> None:
    """As the system kills, between any two of its instructions."""
    moments = random.Random(1).sample(range(len(undisturbed.steps)), 6)
    for number in [*moments, *range(len(undisturbed.steps) - 3, len(undisturbed.steps))]:
        is_there(run(tmp_path / str(number), number, waits=False), undisturbed)


@pytest.mark.parametrize("step", ["batch", "write members.parquet", "write PHONE_SHA256.parquet", "rename"])
def test_what_a_killed_process_leaves_behind_are_digests(undisturbed: Run, tmp_path: Path, step: str) -> None:
    """Nobody can tidy up after SIGKILL, but no address and no number is in the files that stay."""
    number = max(number for number, other in enumerate(undisturbed.steps) if other == step)
    found = run(tmp_path, number)
    spills = [path for path in found.left() if "tiktok-snapshot-" in str(path)]
    assert spills or step == "rename"
    content = b"".join(path.read_bytes() for path in found.left())
    assert content
    for value in (b"person", b"@example", b"+1212", b"12125550001"):
        assert value not in content


def test_the_next_run_is_not_disturbed_by_what_was_left(undisturbed: Run, tmp_path: Path) -> None:
    """A second try into the same folder, with the same temporary folder, gives the whole snapshot."""
    found = run(tmp_path, undisturbed.steps.index("write PHONE_SHA256.parquet"))
    assert not is_there(found, undisturbed)
    assert is_there(run(tmp_path), undisturbed)
