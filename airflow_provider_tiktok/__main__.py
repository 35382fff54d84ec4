"""``python -m airflow_provider_tiktok deliveries`` and ``… prune``: see :mod:`airflow_provider_tiktok.cli`."""

from airflow_provider_tiktok.cli import main

if __name__ == "__main__":
    main()
