"""The deliveries page as the API server runs it: Airflow's own users, tokens and tables, without the server."""

from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient

from tests.kit import Desk

Visit = Callable[..., TestClient]


@pytest.fixture(scope="session")
def database() -> Iterator[None]:
    """The tables of Airflow in the home of the tests."""
    from airflow import settings
    from airflow.models.base import Base
    from airflow.utils.db import import_all_models

    settings.configure_orm()
    import_all_models()
    Base.metadata.create_all(settings.engine)
    yield
    Base.metadata.drop_all(settings.engine)


@pytest.fixture
def visit(database: None, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Visit:
    """Visits the page of the desk's deliveries as somebody with a role; without one as nobody."""
    from airflow.api_fastapi.app import create_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    from airflow_provider_tiktok.plugins.app import app

    monkeypatch.setenv("AIRFLOW__TIKTOK__SNAPSHOT_ROOT", desk.root.as_uri())
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "of the tests, " * 8)
    manager = create_auth_manager()

    def visitor(role: str | None = "viewer", *, root_path: str = "/tiktok") -> TestClient:
        client = TestClient(app, root_path=root_path)
        if role is not None:
            token = manager.generate_jwt(SimpleAuthManagerUser(username="somebody", role=role))
            client.cookies.set("_token", token)
        return client

    return visitor
