"""The TikTok Business API v1.3: settings, wire format, errors, transport, tokens and client. No Airflow."""
