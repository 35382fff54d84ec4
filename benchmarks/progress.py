"""What the person who waits sees on standard error."""

import sys
import time

_STARTED = time.monotonic()


def say(text: str) -> None:
    """Write one line with the time since the start."""
    sys.stderr.write(f"[{time.monotonic() - _STARTED:6.0f} s] {text}\n")
    sys.stderr.flush()
