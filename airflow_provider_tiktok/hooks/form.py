"""The connection form in the UI, as data: Airflow 3 reads it from the provider info, Airflow 2 from the hook."""

from airflow_provider_tiktok.api.settings import DEFAULT_HOST

SECRET_FIELDS = frozenset({"access_token", "refresh_token"})

FORM_FIELDS: dict[str, tuple[str, str]] = {
    "access_token": (
        "Access token",
        "Long-lived token of the Marketing API. Fill in this or the refresh token.",
    ),
    "refresh_token": (
        "Refresh token",
        "Access tokens are then renewed by themselves; needs App id and App secret.",
    ),
    "advertiser_id": ("Advertiser id", "The account that owns the segments: about 19 digits."),
    "bc_id": ("Business center id", "Optional: found by itself where the token may list business centers."),
}
"""Extra fields that have a place in the form: label and description."""

RELABELLED = {"login": "App id", "password": "App secret", "port": "Port (443 for TikTok)"}
"""The port shows, though few would ask for it: for a connection without one the Test button of Airflow 3.3.2 answers
"Bad Request", whatever its type, since its page sends 0 and its server compares that with nothing.
"""

HIDDEN = ["schema"]
EXAMPLE_ID = "7000000000000000000"
PLACEHOLDERS = {"host": DEFAULT_HOST, "port": "443", "login": EXAMPLE_ID, "advertiser_id": EXAMPLE_ID}
