"""An emulator in a process of its own, for as long as a ``with`` block lasts."""

import os
import select
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Self

from airflow_provider_tiktok.emulator.remote import EmulatorControl, Settings

PACKAGE_ROOT = Path(__file__).resolve().parents[2]
GREETING = b"TikTok emulator at "


class Emulator(EmulatorControl):
    """Start the emulator, give its `url` and its control commands, and end it whatever happens.

    The child also ends when this process dies, because its standard input then ends.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        settings: dict[str, Settings] | None = None,
        start_timeout: float = 20.0,
    ) -> None:
        super().__init__("")
        self._port = port
        self._host = host
        self._settings = settings or {}
        self._start_timeout = start_timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process and wait until it accepts connections; RuntimeError with its stderr if it does not."""
        self._errors = TemporaryFile()  # noqa: SIM115  # lives as long as the process
        self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            self._command_line(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "PYTHONPATH": self._python_path()},
        )
        try:
            self.url = self._await_greeting(self._process)
        except BaseException:
            self.stop()
            raise

    def _command_line(self) -> list[str]:
        command = [sys.executable, "-P", "-m", "airflow_provider_tiktok.emulator", "--quiet", "--exit-with-parent"]
        command += ["--host", self._host, "--port", str(self._port)]
        for name, value in self._settings.items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            command += ["--set", f"{name}={text}"]
        return command

    @staticmethod
    def _python_path() -> str:
        """The child finds this package even where it is not installed, as in a checkout."""
        installed = PACKAGE_ROOT.name in ("site-packages", "dist-packages")
        paths = [None if installed else str(PACKAGE_ROOT), os.environ.get("PYTHONPATH")]
        return os.pathsep.join(filter(None, paths))

    def _await_greeting(self, process: subprocess.Popen[bytes]) -> str:
        if process.stdout is None:
            raise RuntimeError("the emulator has no standard output")
        ready, _, _ = select.select([process.stdout], [], [], self._start_timeout)
        line = process.stdout.readline() if ready else b""
        if not line.startswith(GREETING):
            raise RuntimeError(f"the TikTok emulator did not start: {self._last_words() or 'time-out'}")
        return line.removeprefix(GREETING).decode().strip()

    def _last_words(self) -> str:
        if self._errors is None:
            return ""
        self._errors.seek(0)
        return self._errors.read()[-4000:].decode(errors="replace").strip()

    def stop(self) -> None:
        """End the process; safe to call twice."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()
        if self._errors is not None:
            self._errors.close()
            self._errors = None
