"""The demo: an invented shop, a local TikTok and a real Airflow that keeps an audience equal to a query."""
