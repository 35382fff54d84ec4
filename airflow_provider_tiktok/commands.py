"""What the commands of :mod:`airflow_provider_tiktok.cli` do."""

import logging
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial, wraps
from typing import Any, NoReturn, cast

from airflow.cli.simple_table import AirflowConsole
from rich.box import SIMPLE_HEAD
from rich.filesize import decimal
from rich.measure import Measurement
from rich.table import Table

from airflow_provider_tiktok.errors import TikTokError
from airflow_provider_tiktok.hooks.storage import snapshot_root
from airflow_provider_tiktok.snapshots.keeping import SNAPSHOTS, Reason, Stored, Verdict
from airflow_provider_tiktok.snapshots.pruning import Pruning
from airflow_provider_tiktok.snapshots.receipts import Delivery, newest_receipts, read_deliveries
from airflow_provider_tiktok.snapshots.tree import StoredPath, list_tree, reaching

MISTAKE, USAGE = 1, 2
WIDE = 10_000
_COUNTS = ("members", "added", "unchanged", "removed", "rejected", "requests")
_PAIRS = (
    ("delivered at", "interval end"),
    ("segment", "advertisers"),
    ("members", "unchanged"),
    ("added", "removed"),
    ("rejected", "requests"),
    ("mode", "state"),
)
"""Columns of the table: side by side where the terminal is wide enough for that, else one above the other."""


def telling(command: Callable[[Namespace], None]) -> Callable[[Namespace], None]:
    """A command whose errors, where a person can mend them, are one message."""

    @wraps(command)
    def told(arguments: Namespace) -> None:
        try:
            command(arguments)
        except TikTokError as error:
            _give_up(str(error), MISTAKE)
        except KeyboardInterrupt:
            _give_up("Stopped", 128 + 2)

    return told


@telling
def deliveries(arguments: Namespace) -> None:
    """List the deliveries, the newest first."""
    with _logs_on_stderr():
        root = _root(arguments)
        folder = cast("StoredPath", root / SNAPSHOTS)
        files = list_tree(folder)
        names = newest_receipts(files, arguments.segment)
        found = list(read_deliveries(folder, files, names[: arguments.limit]))
    console = AirflowConsole()
    if arguments.output != "table":
        _print_rows(console, found, arguments.output)
    elif found:
        _print_table(console, found, root)
    else:
        of = f" of segment {arguments.segment}" if arguments.segment else ""
        _printer(console)(f"There is no delivery{of} under {root} yet.")
    if len(names) > arguments.limit:
        _warn(f"These are the newest {arguments.limit} of {len(names)}; use --limit for more")


@telling
def prune(arguments: Namespace) -> None:
    """Remove old snapshots that nothing needs."""
    if not (arguments.yes or arguments.dry_run or sys.stdin.isatty()):
        _give_up(
            "Nothing was removed: there is no terminal to ask at. Give --yes to remove, or --dry-run to look", USAGE
        )
    with _logs_on_stderr():
        root = _root(arguments)
        pruning = Pruning(root, arguments.older_than, lambda: datetime.now(UTC))
        verdict = pruning.look()
    say = _printer(AirflowConsole())
    _tell(verdict, root, arguments.older_than, say)
    if not verdict.goes:
        return
    if arguments.dry_run:
        say("Dry run: nothing was removed.")
    elif arguments.yes or _confirms(f"Remove {_number(verdict.goes)}? [y/N] "):
        with _logs_on_stderr():
            removed = list(pruning.remove(verdict))
        say(f"Removed {_number(removed)}, {decimal(sum(stored.size for stored in removed))}.")
        if len(removed) < len(verdict.goes):
            say("The others are kept: a delivery came to need them meanwhile, or was running.")
    else:
        say("Nothing was removed.")


def _root(arguments: Namespace) -> StoredPath:
    given: str | None = arguments.snapshot_root
    with reaching(given or "[tiktok] snapshot_root"):
        return cast("StoredPath", snapshot_root(given))


def _print_table(console: AirflowConsole, found: list[Delivery], root: StoredPath) -> None:
    """Numbers as a table, and the receipts below it, each in a line that can be copied."""
    cells = [{"#": str(number), **_cells(delivery)} for number, delivery in enumerate(found, 1)]
    flat = _table([(name,) for pair in _PAIRS for name in pair], cells, gap=1)
    fits = Measurement.get(console, console.options.update(width=WIDE), flat).maximum <= console.width
    console.print(flat if fits else _table(_PAIRS, cells, gap=0))
    say = _printer(console)
    say(f"\nReceipts under {root}:")
    for number, delivery in enumerate(found, 1):
        say(f"{number:>3}  {delivery.receipt.removeprefix(str(root)).lstrip('/')}")


def _cells(delivery: Delivery) -> dict[str, str]:
    counts = {name: getattr(delivery, name) for name in _COUNTS}
    return {
        **{name: "" if count is None else f"{count:,}" for name, count in counts.items()},
        "delivered at": _minute(delivery.delivered_at),
        "interval end": _minute(delivery.interval_end or ""),
        "segment": delivery.segment,
        "advertisers": "\n".join(delivery.advertisers),
        "mode": delivery.mode or "",
        "state": delivery.state,
    }


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ")


def _table(columns: Sequence[tuple[str, ...]], cells: Sequence[Mapping[str, str]], gap: int) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, gap, 0, 0))
    for names in (("#",), *columns):
        right = names[0] in {"#", *_COUNTS}
        table.add_column("\n".join(names), justify="right" if right else "left", overflow="fold")
    for row in cells:
        table.add_row(row["#"], *("\n".join(row[name] for name in names) for names in columns))
    return table


def _print_rows(console: AirflowConsole, found: list[Delivery], output: str) -> None:
    rows: Any = [asdict(delivery) for delivery in found]
    if output == "json":
        console.print_as_json(rows)
    elif output == "yaml":
        console.print_as_yaml(rows)
    elif rows:
        console.print_as_plain_table([{**row, "advertisers": ",".join(row["advertisers"])} for row in rows])


def _tell(verdict: Verdict, root: StoredPath, older_than: timedelta, say: Callable[[str], None]) -> None:
    hours = older_than // timedelta(hours=1)
    age = f"{hours // 24} days" if hours % 24 == 0 else f"{hours} hours"
    for stored in verdict.goes:
        left = "" if stored.published else "  interrupted, never finished"
        say(f"{stored.modified:%Y-%m-%d %H:%M}  {decimal(stored.size):>9}  {SNAPSHOTS}/{stored.folder}{left}")
    size = decimal(sum(stored.size for stored in verdict.goes))
    goes = f"{_number(verdict.goes)} can go, {size}" if verdict.goes else "nothing to remove"
    say(f"Under {root}, older than {age}: {goes}.")
    for reason in (reason for reason in Reason if reason in verdict.kept):
        say(f"Kept {len(verdict.kept[reason]):,}: {reason}.")


def _number(snapshots: Sequence[Stored]) -> str:
    return f"{len(snapshots):,} snapshot{'' if len(snapshots) == 1 else 's'}"


def _confirms(question: str) -> bool:
    sys.stdout.write(question)
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _printer(console: AirflowConsole) -> Callable[[str], None]:
    return partial(console.print, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _logs_on_stderr() -> Iterator[None]:
    """Keep what others log, such as the hook of a storage's connection, out of the output."""
    output = sys.stdout
    with redirect_stdout(sys.stderr):  # which a handler of Airflow 2 follows by itself
        for handler in logging.getLogger().handlers:
            if isinstance(handler, logging.StreamHandler) and handler.stream is output:
                handler.setStream(sys.stderr)
        yield


def _give_up(message: str, code: int) -> NoReturn:
    _warn(message)
    sys.exit(code)


def _warn(message: str) -> None:
    sys.stderr.write(f"{message}\n")
