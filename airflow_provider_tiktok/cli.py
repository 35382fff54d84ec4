"""``airflow tiktok …`` on Airflow 3, and the same as ``python -m airflow_provider_tiktok …`` everywhere.

Airflow imports this for each of its commands, so that it holds no more than the words of ours: what they do is in
:mod:`airflow_provider_tiktok.commands`.
"""

import argparse
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.cli.cli_config import ARG_OUTPUT, ARG_YES, ActionCommand, Arg, CLICommand, GroupCommand, lazy_load_command

HELP = "Authorise the app at TikTok, see what was delivered, and remove old snapshots"
_UNITS = {"d": "days", "w": "weeks", "h": "hours"}


def age(text: str) -> timedelta:
    """An age such as ``90d``, ``12w`` or ``36h``."""
    found = re.fullmatch(r"(\d{1,5})([dwh])", text.strip())
    if not found or not int(found[1]):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an age; give a whole number above 0 with d, w or h for days, weeks or hours, such as 90d"
        )
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def limit(text: str) -> int:
    """A number above 0."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _option(flag: str, **options: Any) -> Arg:
    return Arg((flag,), **options)  # type: ignore[no-untyped-call]  # Airflow's own


_ROOT = _option(
    "--snapshot-root",
    metavar="URI",
    help="Folder of the snapshots and delivery logs (default: that of the section tiktok in airflow.cfg)",
)
_CONNECTION = _option("--conn-id", metavar="ID", default="tiktok_default", help="Connection (default: tiktok_default)")
_COMMANDS = (
    ActionCommand(
        name="authorize",
        help="Authorise the app at TikTok, and keep what is granted in a connection",
        description=(
            "Print the page on which a person with the role Operator or Admin agrees, receive the browser on this "
            "machine, and create or update the connection. The app secret is taken from the connection, from the "
            "environment variable TIKTOK_APP_SECRET, or asked for; never from the command line, which others can see."
        ),
        func=lazy_load_command("airflow_provider_tiktok.connection_commands.authorize"),
        args=(
            _CONNECTION,
            _option("--app-id", metavar="ID", help="Developer app (default: that of the connection)"),
            _option("--advertiser-id", metavar="ID", help="Account that owns the segments, where several are granted"),
            _option("--port", type=int, default=8765, help="Port on which the browser is received (default: 8765)"),
            _option("--auth-code", metavar="TEXT", help="The code, or the address to which TikTok led the browser"),
            _option("--host", metavar="URL", help="Another host than TikTok's, such as that of the emulator"),
        ),
    ),
    ActionCommand(
        name="whoami",
        help="Tell what the token of a connection is good for; shows no token and renews none",
        func=lazy_load_command("airflow_provider_tiktok.connection_commands.whoami"),
        args=(_CONNECTION, _option("--output", choices=("table", "json"), default="table", help="Form of the answer")),
    ),
    ActionCommand(
        name="deliveries",
        help="List what was delivered, the newest first, from the receipts under the snapshot root",
        func=lazy_load_command("airflow_provider_tiktok.commands.deliveries"),
        args=(
            _option("--segment", metavar="ID", help="Only deliveries to this segment"),
            _option("--limit", metavar="N", type=limit, default=20, help="At most so many (default: 20)"),
            ARG_OUTPUT,
            _ROOT,
        ),
    ),
    ActionCommand(
        name="prune",
        help="Remove old snapshots and their receipts, but none that a delivery still needs",
        description=(
            "Remove snapshots, with their receipts, that were published before an age, and what is left of interrupted "
            "ones. A snapshot that a delivery log refers to is kept at any age: the next delivery is computed from it."
        ),
        func=lazy_load_command("airflow_provider_tiktok.commands.prune"),
        args=(
            _option(
                "--older-than",
                metavar="AGE",
                type=age,
                required=True,
                help="Such as 90d, 12w or 36h; longer than any delivery may come after its query",
            ),
            _option("--dry-run", action="store_true", help="Tell what would be removed, and remove nothing"),
            ARG_YES,
            _ROOT,
        ),
    ),
)


def get_cli_commands() -> list[CLICommand]:
    """Commands that Airflow adds to its own."""
    return [GroupCommand(name="tiktok", help=HELP, subcommands=_COMMANDS)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command without the ``airflow`` program."""
    parser = argparse.ArgumentParser(prog="python -m airflow_provider_tiktok", description=HELP)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in _COMMANDS:
        added = commands.add_parser(command.name, help=command.help, description=command.description or command.help)
        for argument in command.args:
            argument.add_to_parser(added)
        added.set_defaults(func=command.func)
    parsed = parser.parse_args(arguments)
    parsed.func(parsed)
