"""Takes out of somebody else's message what may be personal, before it is shown."""

import re

_DIGEST_OR_TOKEN = re.compile(r"[0-9a-fA-F]{32,}")
_PERSONAL = re.compile(
    r"[^\s'\"(]*@[^\s'\")]*"  # an e-mail address
    r"|\+?\d[\d\s().-]{5,}\d"  # a phone number
    r"|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"  # a device id
)
LENGTH = 300


def scrub_digests(text: str) -> str:
    """Mask digests and tokens; ids of advertisers and segments stay."""
    return _DIGEST_OR_TOKEN.sub("***", text)[:LENGTH]


def scrub_values(text: str) -> str:
    """Mask digests and everything that looks like an e-mail address, a phone number or a device id."""
    return _PERSONAL.sub("***", _DIGEST_OR_TOKEN.sub("***", text))[:LENGTH]
