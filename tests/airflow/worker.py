"""When a worker has left a task that waits without one."""

from demo.local_airflow import LocalAirflow


def has_left(airflow: LocalAirflow, run_id: str, task: str, instances: int = 1) -> bool:
    """Whether the scheduler knows that workers have left a task that defers or asks a person.

    Airflow 3.3.2 fails a task that is woken sooner ("finished with state success, but the task instance's state
    attribute is queued"). It knows within a second or, by its default settings, within seven; no wait in production
    is that short.
    """
    told = ("Received executor event with state success", f"task_id='{task}', run_id='{run_id}'")
    lines = (airflow.home / "scheduler.out").read_text().splitlines()
    return sum(all(one in line for one in told) for line in lines) >= instances
