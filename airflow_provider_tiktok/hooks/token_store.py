"""Where rotated tokens live: an Airflow Variable, encrypted in the metadata database, which a task may write."""

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import Variable, mask_secret

from airflow_provider_tiktok.api.tokens import TokenState
from airflow_provider_tiktok.errors import ConfigurationError, TransientError


class VariableTokenStore:
    """Keeps the tokens of one connection in the Variable ``tiktok_token_<connection id>``.

    Airflow masks and encrypts it: its name contains ``token``, and values are Fernet-encrypted at rest.
    """

    def __init__(self, conn_id: str) -> None:
        self._key = variable_key(conn_id)

    def load(self) -> TokenState | None:
        """Return what is kept; ``None`` only when the store answers and holds nothing."""
        text = self._get(self._key)
        if text is None:
            # A failed read looks like a missing value in Airflow 3. Prove that the store works before believing it:
            # starting again from the connection's refresh token would revoke the newer ones.
            self._prove_that_it_answers()
            text = self._get(self._key)
        return None if text is None else masked(TokenState.from_dict(json.loads(text)))

    def save(self, state: TokenState) -> None:
        """Keep a state and read it back."""
        masked(state)
        self._write_and_read_back(self._key, json.dumps(state.to_dict()))

    def lock(self) -> AbstractContextManager[object]:
        """Exclude other tasks on this machine; on several machines use a pool with one slot besides."""
        return host_lock(self._key)

    def _prove_that_it_answers(self) -> None:
        probe = f"{self._key}_probe"
        if self._get(probe) == "ok":
            return
        try:
            self._write_and_read_back(probe, "ok")
        except TransientError:  # of two tasks that write it first, Airflow 2.11 lets one fail
            if self._get(probe) != "ok":
                raise

    def _get(self, key: str) -> str | None:
        missing: Any = None
        value: str | None = Variable.get(key, missing)
        return value

    def _write_and_read_back(self, key: str, text: str) -> None:
        try:
            Variable.set(key, text)
        except Exception as error:  # a database's error quotes what was to be written, so only its kind is told
            raise TransientError(f"the Variable {key!r} could not be written ({type(error).__name__})") from None
        found = self._get(key)
        if found is None:
            raise TransientError(f"the Variable {key!r} could not be read back; tokens were not renewed")
        if found != text:
            raise ConfigurationError(
                f"the Variable {key!r} is shadowed by a secrets backend or by the environment variable "
                f"AIRFLOW_VAR_{key.upper()}, so a renewed token cannot be kept there; remove that entry"
            )


def variable_key(conn_id: str) -> str:
    """Name of the Variable that holds the tokens of a connection."""
    return f"tiktok_token_{conn_id}"


@contextmanager
def host_lock(name: str) -> Iterator[None]:
    """Exclude other processes of this user on this machine that ask for the same name."""
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"airflow-tiktok-{os.getuid()}-{digest}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def masked(state: TokenState) -> TokenState:
    """Have Airflow mask each token of a state in its logs."""
    for secret in (state.refresh_token, state.access_token):
        if secret:
            mask_secret(str(secret))
    return state
