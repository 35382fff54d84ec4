"""The Variable that keeps tokens: what is believed of a store that answers, and of one that does not."""

import traceback

import pytest

from airflow_provider_tiktok.api.settings import Secret
from airflow_provider_tiktok.api.tokens import TokenState
from airflow_provider_tiktok.errors import TransientError
from airflow_provider_tiktok.hooks import token_store
from airflow_provider_tiktok.hooks.token_store import VariableTokenStore


class Variables:
    """Airflow's Variables, of which something may fail; ``raced``: a task beside this one writes each of them first."""

    def __init__(self, *, raced: bool = False, reads: bool = True, writes: bool = True) -> None:
        self.kept: dict[str, str] = {}
        self._raced, self._reads, self._writes = raced, reads, writes
        self.sets = 0

    def get(self, key: str, default: object = None) -> object:
        return self.kept.get(key, default) if self._reads else default

    def set(self, key: str, value: str) -> None:
        self.sets += 1
        if self._writes:
            self.kept[key] = value
        if self._raced or not self._writes:
            raise RuntimeError(f"duplicate key value violates unique constraint [parameters: {value}]")


@pytest.fixture
def variables(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Variables:
    made = Variables(**request.param)
    monkeypatch.setattr(token_store, "Variable", made)
    return made


@pytest.mark.parametrize("variables", [{"raced": True}], indirect=True, ids=["raced"])
def test_two_tasks_that_prove_the_store_first_do_not_fail_each_other(variables: Variables) -> None:
    """Of two inserts of one Variable, Airflow 2.11 fails one; the store has answered nevertheless."""
    assert VariableTokenStore("tiktok").load() is None
    assert variables.sets == 1
    assert VariableTokenStore("tiktok").load() is None
    assert variables.sets == 1, "once proved by anybody, nothing is written"


@pytest.mark.parametrize("variables", [{"writes": False}], indirect=True, ids=["read-only"])
def test_a_store_that_cannot_be_written_is_told_before_a_token_is_spent(variables: Variables) -> None:
    """The error of the write reaches the caller."""
    with pytest.raises(TransientError, match=r"could not be written \(RuntimeError\)"):
        VariableTokenStore("tiktok").load()
    assert variables.kept == {}


@pytest.mark.parametrize("variables", [{"writes": False}], indirect=True, ids=["read-only"])
def test_a_write_that_fails_shows_no_token(variables: Variables) -> None:
    """The database's error quotes the value; neither it nor its traceback reaches a log."""
    state = TokenState(seed="seed", refresh_token=Secret("canary-refresh-token"))
    with pytest.raises(TransientError) as caught:
        VariableTokenStore("tiktok").save(state)
    assert "canary" not in "".join(traceback.format_exception(caught.value))
    assert variables.sets == 1


@pytest.mark.parametrize("variables", [{"reads": False}], indirect=True, ids=["unreadable"])
def test_a_store_that_cannot_be_read_is_not_taken_for_an_empty_one(variables: Variables) -> None:
    """Airflow 3 answers a failed read like a missing value; to believe it would spend the first token again."""
    with pytest.raises(TransientError, match="could not be read back"):
        VariableTokenStore("tiktok").load()
    assert variables.sets == 1
