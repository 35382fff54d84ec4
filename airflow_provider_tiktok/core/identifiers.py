"""The nouns of identity: identifier kinds, and the reasons for which a value is refused."""

from enum import StrEnum


class IdentifierKind(StrEnum):
    """What an identifier identifies and how it is hashed.

    Exactly the six ``id_schema`` values of ``/segment/mapping/`` (TikTok portal document 1739940585975809).
    """

    EMAIL_SHA256 = "EMAIL_SHA256"
    PHONE_SHA256 = "PHONE_SHA256"
    IDFA_SHA256 = "IDFA_SHA256"
    IDFA_MD5 = "IDFA_MD5"
    AAID_SHA256 = "AAID_SHA256"
    AAID_MD5 = "AAID_MD5"

    @property
    def algorithm(self) -> str:
        """``"sha256"`` or ``"md5"``."""
        return self.value.rpartition("_")[2].lower()

    @property
    def digest_size(self) -> int:
        """Length of a digest in bytes: 32 for SHA-256, 16 for MD5."""
        return 16 if self.algorithm == "md5" else 32


class Reason(StrEnum):
    """Why a value is refused. A reason never holds the value."""

    EMPTY = "empty"
    PLACEHOLDER = "placeholder"
    INVALID_EMAIL = "invalid_email"
    INVALID_PHONE = "invalid_phone"
    NATIONAL_PHONE_WITHOUT_REGION = "national_phone_without_region"
    INVALID_DEVICE_ID = "invalid_device_id"
    ZERO_DEVICE_ID = "zero_device_id"
    WRONG_HASH_LENGTH = "wrong_hash_length"
    RAW_WHERE_HASH_DECLARED = "raw_where_hash_declared"
    HASH_WHERE_RAW_DECLARED = "hash_where_raw_declared"
    REFUSED_BY_TIKTOK = "refused_by_tiktok"


class Hashing(StrEnum):
    """What a column holds: raw values, digests, or either, told apart cell by cell."""

    AUTO = "auto"
    RAW = "raw"
    HASHED = "hashed"
