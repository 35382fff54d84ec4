"""Snapshot files, what was delivered, and set algebra on them. Knows storage as paths, not Airflow."""
