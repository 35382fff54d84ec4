"""The emulator as a process: readiness, the command line, and that it always ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from airflow_provider_tiktok.emulator import ACCESS_TOKEN, Emulator, EmulatorControl

ROOT = Path(__file__).resolve().parents[2]
MODULE = [sys.executable, "-m", "airflow_provider_tiktok.emulator"]


def connect(url: str) -> socket.socket:
    address = urlsplit(url)
    return socket.create_connection((address.hostname, address.port), timeout=20)


def refused(url: str) -> bool:
    try:
        connect(url).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.fixture
def start():
    """Start the command line; whatever a test does, the process ends."""
    with ExitStack() as stack:

        def started(*arguments: str) -> subprocess.Popen:
            server = subprocess.Popen(
                [*MODULE, *arguments],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(server)
            stack.callback(server.kill)
            return server

        yield started


def test_starts_quickly_and_ends():
    """A `with` block starts a server within seconds and leaves nothing behind."""
    began = time.monotonic()
    with Emulator() as emulator:
        assert time.monotonic() - began < 10
        assert emulator.count_requests() == 0
        url = emulator.url
    assert refused(url)


def test_ends_after_an_error():
    """The server ends when the block fails."""
    emulator = Emulator()
    with pytest.raises(KeyError), emulator:
        raise KeyError
    assert refused(emulator.url)
    emulator.stop()


def test_settings_survive_a_reset():
    """Settings given at the start are those to which a reset returns."""
    with Emulator(settings={"row_cap": 7, "strict_hashes": True, "audience_type": "Other"}) as emulator:
        emulator.configure(row_cap=8)
        emulator.reset()
        settings = emulator.configure()
    assert (settings["row_cap"], settings["strict_hashes"], settings["audience_type"]) == (7, True, "Other")


def test_failure_to_start_is_explained():
    """If the port is taken, the error has the child's own words."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(RuntimeError, match="cannot start"):
            Emulator(port=taken.getsockname()[1]).start()


def test_proxy_variables_are_ignored(monkeypatch, tiktok):
    """Control commands go straight to loopback."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert EmulatorControl(tiktok.url).count_requests() == 0


def test_ends_with_its_parent():
    """If the parent is killed, the emulator ends by itself."""
    script = (
        "from airflow_provider_tiktok.emulator import Emulator\n"
        "emulator = Emulator(); emulator.start(); print(emulator.url, flush=True); input()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    url = parent.stdout.readline().strip()
    with connect(url) as line:
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        with suppress(ConnectionResetError):  # it may end before it takes the connection from the queue
            assert line.recv(1) == b""
    parent.stdin.close()
    parent.stdout.close()


def test_command_line(start, tmp_path):
    """It prints where it is and writes the port when it serves; SIGTERM ends it; the log holds no secret."""
    port_file = tmp_path / "port"
    server = start("--port", "0", "--port-file", str(port_file), "--set", "match_rate=0.5")
    url = server.stdout.readline().strip().removeprefix("TikTok emulator at ")
    assert url == f"http://127.0.0.1:{port_file.read_text().strip()}"
    assert list(tmp_path.iterdir()) == [port_file]
    connection = HTTPConnection("127.0.0.1", urlsplit(url).port, timeout=20)
    connection.request("GET", "/open_api/v1.3/user/info/?secret=hush", headers={"Access-Token": ACCESS_TOKEN})
    assert b'"code":0' in connection.getresponse().read()
    connection.close()
    assert EmulatorControl(url).configure()["match_rate"] == 0.5
    server.terminate()
    log = server.communicate(timeout=20)[1]
    assert "GET /open_api/v1.3/user/info/ 200 code=0" in log
    assert ACCESS_TOKEN not in log
    assert "hush" not in log
    assert "Traceback" not in log


def test_interrupt_is_quiet(start):
    """Ctrl-C ends the server without a stack trace."""
    server = start("--port", "0")
    server.stdout.readline()
    server.send_signal(signal.SIGINT)
    assert "Traceback" not in server.communicate(timeout=20)[1]


@pytest.mark.parametrize("word", ["match_rate", "nonsense=1", "row_cap=many"])
def test_wrong_setting_is_explained(start, word):
    """A setting that makes no sense ends the start with an explanation."""
    server = start("--set", word)
    errors = server.communicate(timeout=20)[1]
    assert server.returncode == 2
    assert "cannot start" in errors
    assert "Traceback" not in errors


def test_help(start):
    """--help names the settings and the rehearsal credentials."""
    text = start("--help").communicate(timeout=20)[0]
    for word in ("--port-file", "match_rate", ACCESS_TOKEN, "/_emulator/"):
        assert word in text


def test_handle_does_not_import_the_server():
    """Importing the handle costs no web framework, nor the client or Airflow."""
    script = (
        "import sys, airflow_provider_tiktok.emulator\n"
        "heavy = {'fastapi', 'uvicorn', 'requests', 'airflow', 'airflow_provider_tiktok.api'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
