"""A strict local TikTok Business API v1.3 over real HTTP, for tests, demos and rehearsals.

``python -m airflow_provider_tiktok.emulator --port 8080`` serves it; `Emulator` runs it from Python. It keeps
everything in memory, shares no code with the client, and needs the extra ``[emulator]``.
"""

from airflow_provider_tiktok.emulator.process import Emulator
from airflow_provider_tiktok.emulator.remote import EmulatorControl
from airflow_provider_tiktok.emulator.world import (
    ACCESS_TOKEN,
    ADVERTISER_ID,
    ADVERTISER_ID_2,
    ADVERTISER_ID_3,
    ANALYST_ADVERTISER_ID,
    APP_ID,
    APP_SECRET,
    AUTH_CODE,
    BC_ID,
    OTHER_BC_ADVERTISER_ID,
    OTHER_BC_ID,
    REFRESH_TOKEN,
    SCOPES,
    UNREACHABLE_ADVERTISER_ID,
)

__all__ = [
    "ACCESS_TOKEN",
    "ADVERTISER_ID",
    "ADVERTISER_ID_2",
    "ADVERTISER_ID_3",
    "ANALYST_ADVERTISER_ID",
    "APP_ID",
    "APP_SECRET",
    "AUTH_CODE",
    "BC_ID",
    "OTHER_BC_ADVERTISER_ID",
    "OTHER_BC_ID",
    "REFRESH_TOKEN",
    "SCOPES",
    "UNREACHABLE_ADVERTISER_ID",
    "Emulator",
    "EmulatorControl",
]
