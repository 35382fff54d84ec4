"""``python -m airflow_provider_tiktok.emulator``: a local TikTok Business API."""

import argparse
import sys
from pathlib import Path

from airflow_provider_tiktok.emulator.app import create_app
from airflow_provider_tiktok.emulator.server import (
    collect_garbage_rarely,
    listen,
    make_server,
    stop_at_end_of_input,
    write_atomically,
)
from airflow_provider_tiktok.emulator.settings import Settings, changed, from_words
from airflow_provider_tiktok.emulator.world import ACCESS_TOKEN, ADVERTISER_ID, APP_ID, APP_SECRET, BC_ID

EPILOG = f"""\
Connect a client with host http://127.0.0.1:PORT and these rehearsal values:
  access token {ACCESS_TOKEN}    app id {APP_ID}    app secret {APP_SECRET}
  advertiser {ADVERTISER_ID}    Business Center {BC_ID}

Open http://127.0.0.1:PORT/ in a browser to see audiences and requests.
http://127.0.0.1:PORT/_emulator/ lists the commands that inject faults and change settings; they need no
login, so keep the emulator on a loopback address.
"""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_tiktok.emulator",
        description="A strict local TikTok Business API v1.3 over HTTP, kept in memory.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="port; 0 = a free one (default: %(default)s)")
    parser.add_argument("--port-file", type=Path, metavar="PATH", help="write the port here as soon as it serves")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="behaviour, e.g. --set match_rate=0.6 --set warm_up_seconds=60; may be repeated. Settings: "
        + ", ".join(Settings.__dataclass_fields__),
    )
    parser.add_argument("--quiet", action="store_true", help="no line per request on standard error")
    parser.add_argument("--exit-with-parent", action="store_true", help="stop when standard input reaches its end")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted."""
    options = parse(arguments)
    try:
        settings = changed(Settings(), from_words(options.set))
        listener = listen(options.host, options.port)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"TikTok emulator cannot start: {error}\n")
        return 2
    port = listener.getsockname()[1]
    host = f"[{options.host}]" if ":" in options.host else options.host

    def ready() -> None:
        if options.port_file:
            write_atomically(options.port_file, f"{port}\n")
        sys.stdout.write(f"TikTok emulator at http://{host}:{port}\n")
        sys.stdout.flush()

    server = make_server(create_app(settings, verbose=not options.quiet), ready)
    collect_garbage_rarely()
    if options.exit_with_parent:
        stop_at_end_of_input(server)
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
