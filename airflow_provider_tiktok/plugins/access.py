"""Who may see the page. Airflow mounts the application of a plugin without any check of its own."""

from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, HTTPException, status

NEEDED = "The deliveries page needs the permission to see plugins and to read the runs of all DAGs."


def check_access(user: GetUserDep) -> BaseUser:
    """The user of Airflow's cookie or Authorization header; 401 without one, 403 for whom it is not meant.

    Airflow's own ``requires_access_dag`` takes the id of a DAG from the address, so that whoever may read one DAG could
    name it there. The page shows the deliveries of all.
    """
    manager = get_auth_manager()
    may_see = manager.is_authorized_view(access_view=AccessView.PLUGINS, user=user)
    if not (may_see and manager.is_authorized_dag(method="GET", access_entity=DagAccessEntity.RUN, user=user)):
        raise HTTPException(status.HTTP_403_FORBIDDEN, NEEDED)
    return user


def readable_connections(user: Annotated[BaseUser, Depends(check_access)]) -> set[str]:
    """Ids of the connections that the user may read."""
    return get_auth_manager().get_authorized_connections(user=user)
