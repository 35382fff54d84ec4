"""The commands as a person meets them: what they print, what they leave behind, and how they end."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import cast

import pytest
import yaml

from airflow_provider_tiktok.cli import main
from airflow_provider_tiktok.emulator import ADVERTISER_ID
from tests.kit import Desk, emails

SECONDS = 60
STYLES = re.compile(r"\x1b\[[\d;]*m")
Capture = pytest.CaptureFixture[str]


def run(capsys: Capture, *arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a command."""
    capsys.readouterr()
    try:
        main(arguments)
        code = 0
    except SystemExit as end:
        code = cast("int", end.code or 0)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def grow_old(desk: Desk, days: int = 100) -> None:
    """Set the time of all files back."""
    for path in desk.root.rglob("*.*"):
        os.utime(path, (time.time() - days * 86_400,) * 2)


def at_terminal(columns: int, *arguments: str, answer: str = "") -> tuple[int, str]:
    """Run the commands in a terminal of this width; answer the question when it comes."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    hidden = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"}
    env = {name: value for name, value in os.environ.items() if name not in hidden} | {"TERM": "xterm"}
    command = [sys.executable, "-W", "ignore", "-m", "airflow_provider_tiktok", *arguments]  # Airflow 2 warns of itself
    output = b""
    with subprocess.Popen(command, stdin=follower, stdout=follower, stderr=subprocess.STDOUT, env=env) as process:
        os.close(follower)
        while chunk := _read(leader):
            output += chunk
            if answer and b"[y/N]" in output:
                os.write(leader, f"{answer}\n".encode())
                answer = ""
    os.close(leader)
    return process.returncode, STYLES.sub("", output.decode().replace("\r\n", "\n"))


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 4096)
    except OSError:  # how Linux tells that the other end is closed
        return b""


@pytest.fixture
def root(desk: Desk) -> str:
    """A root with three deliveries: a baseline, a difference, and an older one that came too late."""
    first, second = desk.snapshot(emails(*range(20)), day=1), desk.snapshot(emails(*range(5, 22)), day=2)
    for number, snapshot in enumerate((first, second, first)):
        receipt = desk.deliver(snapshot).receipt_uri
        os.utime(cast("str", receipt), (1_790_000_000 + number * 60,) * 2)
    return str(desk.root)


def test_deliveries_are_listed_the_newest_first(capsys: Capture, desk: Desk, root: str) -> None:
    """What each receipt says, and where it is."""
    code, out, err = run(capsys, "deliveries", "--snapshot-root", root, "--output", "json")
    listed = json.loads(out)
    assert (code, err) == (0, "")
    assert [one["state"] for one in listed] == ["superseded", "delivered", "baseline"]
    assert listed[1] == {
        "delivered_at": "2026-09-21T14:14:20+00:00",
        "interval_end": "2026-01-02",
        "segment": desk.segment_id,
        "advertisers": [ADVERTISER_ID],
        "mode": "mirror",
        "members": 17,
        "added": 2,
        "unchanged": 15,
        "removed": 5,
        "rejected": 0,
        "requests": 4,
        "retries": 0,
        "state": "delivered",
        "receipt": listed[1]["receipt"],
    }
    assert json.loads(Path(listed[1]["receipt"].removeprefix("file://")).read_text())["added"] == 2


@pytest.mark.parametrize("output", ["table", "plain", "yaml"])
def test_deliveries_are_told_in_the_usual_forms(capsys: Capture, desk: Desk, root: str, output: str) -> None:
    """As Airflow's own commands do."""
    code, out, err = run(capsys, "deliveries", "--snapshot-root", root, "--output", output)
    assert (code, err) == (0, "")
    assert [out.count(word) for word in ("superseded", "baseline", "receipt-")] == [1, 1, 3]
    if output == "yaml":
        assert [one["members"] for one in yaml.safe_load(out)] == [20, 17, 20]


def test_a_delivery_that_had_nothing_to_send_says_so(capsys: Capture, desk: Desk) -> None:
    """The same interval again."""
    snapshot = desk.snapshot(emails(1))
    for _ in range(2):
        desk.deliver(snapshot)
    _, out, _ = run(capsys, "deliveries", "--snapshot-root", str(desk.root), "--output", "json")
    assert {one["state"] for one in json.loads(out)} == {"baseline", "no change"}


def test_only_as_many_as_wanted_are_listed_and_the_others_are_mentioned(capsys: Capture, root: str) -> None:
    """The mention is apart from the output, which a program may read."""
    code, out, err = run(capsys, "deliveries", "--snapshot-root", root, "--limit", "1", "--output", "json")
    assert [one["state"] for one in json.loads(out)] == ["superseded"]
    assert (code, err) == (0, "These are the newest 1 of 3; use --limit for more\n")


def test_deliveries_to_one_segment_are_listed(capsys: Capture, desk: Desk, root: str) -> None:
    """And a segment without any is one sentence."""
    of = ("deliveries", "--snapshot-root", root, "--segment")
    assert run(capsys, *of, desk.segment_id, "--output", "plain")[1].count("receipt-") == 3
    assert run(capsys, *of, "77") == (0, f"There is no delivery of segment 77 under {root} yet.\n", "")


def test_no_delivery_is_no_error(capsys: Capture, tmp_path: Path) -> None:
    """A root that nobody has used yet."""
    nowhere = str(tmp_path / "new")
    assert run(capsys, "deliveries", "--snapshot-root", nowhere)[:2] == (
        0,
        f"There is no delivery under {nowhere} yet.\n",
    )
    assert run(capsys, "deliveries", "--snapshot-root", nowhere, "--output", "json")[:2] == (0, "[]\n")


def test_a_receipt_that_cannot_be_read_does_not_hide_the_others(capsys: Capture, desk: Desk, root: str) -> None:
    """It is listed as such."""
    [torn, *_] = sorted(desk.root.rglob("receipt-*.json"))
    torn.write_text("{")
    _, out, _ = run(capsys, "deliveries", "--snapshot-root", root, "--output", "json")
    assert sorted(one["state"] == "unreadable" for one in json.loads(out)) == [False, False, True]


def test_the_root_of_the_configuration_is_the_default(
    capsys: Capture, desk: Desk, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for the operators."""
    monkeypatch.setenv("AIRFLOW__TIKTOK__SNAPSHOT_ROOT", Path(root).as_uri())
    assert run(capsys, "deliveries", "--output", "plain")[1].count("receipt-") == 3
    assert "Kept 2: younger." in run(capsys, "prune", "--older-than", "1h", "--dry-run")[1]


@pytest.mark.parametrize("columns", [80, 160])
def test_the_table_fits_the_terminal(root: str, columns: int) -> None:
    """No id is broken, in a narrow terminal too, and a receipt's address is in one piece."""
    code, out = at_terminal(columns, "deliveries", "--snapshot-root", root)
    table, receipts = out.split("\nReceipts under")
    assert code == 0
    assert max(map(len, table.splitlines())) <= columns
    assert table.count(ADVERTISER_ID) == 3
    assert len(table.splitlines()) == (2 + 3 if columns == 160 else 3 + 6)
    assert all((Path(root) / line.split()[1]).exists() for line in receipts.splitlines()[1:])


def test_pruning_removes_what_is_old_and_not_needed(capsys: Capture, desk: Desk, root: str) -> None:
    """It says what it removes, how much it keeps, and why."""
    grow_old(desk)
    code, out, err = run(capsys, "prune", "--snapshot-root", root, "--older-than", "90d", "--yes")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].endswith("snapshots/1")
    assert lines[1].startswith(f"Under {root}, older than 90 days: 1 snapshot can go, ")
    assert lines[2] == "Kept 1: needed, for a delivery log, or a snapshot that is kept, refers to it."
    assert lines[3].startswith("Removed 1 snapshot, ")
    assert len(list((desk.root / "snapshots").iterdir())) == 1


def test_a_dry_run_removes_nothing(capsys: Capture, desk: Desk, root: str) -> None:
    """And asks for nothing."""
    grow_old(desk)
    before = sorted(desk.root.rglob("*"))
    code, out, _ = run(capsys, "prune", "--snapshot-root", root, "--older-than", "12w", "--dry-run")
    assert code == 0
    assert "1 snapshot can go" in out
    assert out.endswith("Dry run: nothing was removed.\n")
    assert sorted(desk.root.rglob("*")) == before


def test_without_a_terminal_nothing_is_removed_unless_told(
    capsys: Capture, desk: Desk, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a cron job that lacks --yes."""
    grow_old(desk)
    before = sorted(desk.root.rglob("*"))
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        code, out, err = run(capsys, "prune", "--snapshot-root", root, "--older-than", "90d")
    assert (code, out) == (2, "")
    assert err == "Nothing was removed: there is no terminal to ask at. Give --yes to remove, or --dry-run to look\n"
    assert sorted(desk.root.rglob("*")) == before


@pytest.mark.parametrize(("answer", "left"), [("n", 2), ("y", 1)])
def test_at_a_terminal_it_asks_first(desk: Desk, root: str, answer: str, left: int) -> None:
    """Only a yes removes."""
    grow_old(desk)
    code, out = at_terminal(100, "prune", "--snapshot-root", root, "--older-than", "90d", answer=answer)
    assert code == 0
    assert "Remove 1 snapshot? [y/N]" in out
    assert out.endswith("Nothing was removed.\n") == (answer == "n")
    assert len(list((desk.root / "snapshots").iterdir())) == left


def test_nothing_to_remove_is_no_error(capsys: Capture, tmp_path: Path) -> None:
    """Without a question."""
    code, out, _ = run(capsys, "prune", "--snapshot-root", str(tmp_path), "--older-than", "90d", "--yes")
    assert (code, out) == (0, f"Under {tmp_path}, older than 90 days: nothing to remove.\n")


@pytest.mark.parametrize("age", ["90", "d", "3m", "-1d", "0d", "1.5d", "", "999999d"])
def test_a_wrong_age_is_a_clear_error(capsys: Capture, age: str) -> None:
    """With an example of a right one."""
    code, _, err = run(capsys, "prune", f"--older-than={age}", "--yes")
    assert code == 2
    assert f"{age!r} is not an age" in err
    assert "such as 90d" in err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["deliveries", "--snapshot-root", "ftq://x"], 1, "cannot be reached: ValueError: "),
        (["deliveries", "--limit", "0"], 2, "'0' is not a whole number above 0"),
        (["deliveries", "--output", "xml"], 2, "invalid choice: 'xml'"),
        (["prune", "--yes"], 2, "required: --older-than"),
        ([], 2, "required: COMMAND"),
    ],
    ids=["scheme", "limit", "output", "age", "command"],
)
def test_a_mistake_is_one_message(capsys: Capture, arguments: list[str], code: int, told: str) -> None:
    """On the error output, without a traceback."""
    ended, out, err = run(capsys, *arguments)
    assert (ended, out) == (code, "")
    assert told in err
    assert "Traceback" not in err


def test_a_torn_delivery_log_stops_a_prune(capsys: Capture, desk: Desk, root: str) -> None:
    """It may need any snapshot."""
    grow_old(desk)
    log = desk.root / "delivered" / desk.segment_id / f"{ADVERTISER_ID}.json"
    log.write_text("{")
    code, _, err = run(capsys, "prune", "--snapshot-root", root, "--older-than", "90d", "--yes")
    assert code == 1
    assert f"{log.relative_to(desk.root)} is not JSON" in err
    assert len(list((desk.root / "snapshots").iterdir())) == 2


def test_the_airflow_program_has_the_commands(root: str) -> None:
    """Through the provider's metadata, on an Airflow that knows such commands."""
    command = [sys.executable, "-m", "airflow", "tiktok", "deliveries", "--snapshot-root", root, "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    if "invalid choice: 'tiktok'" in done.stderr:
        pytest.skip("this Airflow has no commands of providers: python -m airflow_provider_tiktok it is")
    assert (done.returncode, len(json.loads(done.stdout))) == (0, 3), done.stderr
