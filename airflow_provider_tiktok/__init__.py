"""Apache Airflow provider that keeps TikTok Ads audiences equal to the results of a query."""

__version__ = "0.1.0"
