"""Who is in one audience: sets of identifiers, and the users they add up to."""

from collections.abc import Iterable
from itertools import count

DIGEST_BYTES = {
    "EMAIL_SHA256": 32,
    "PHONE_SHA256": 32,
    "IDFA_SHA256": 32,
    "AAID_SHA256": 32,
    "IDFA_MD5": 16,
    "AAID_MD5": 16,
}
"""The six id types of segment/mapping/ (portal doc 1739940585975809) and the length of their digests."""

Identifier = tuple[str, str]
"""(kind, hash as it was sent)."""


def canonical(identifier: Identifier) -> bytes | None:
    """The digest as bytes, or None when it is not lower-case hex of the right length and so never matches."""
    kind, text = identifier
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        return None
    return raw if len(raw) == DIGEST_BYTES[kind] and raw.hex() == text else None


class Membership:
    """A set of identifiers keyed by (kind, hash): add is union, remove is difference.

    Identifiers that came in one row belong to one user, and so does whatever comes later together with one
    of them. Approximation: two users who were added apart stay two, even if a later row names both. A user is
    gone when the last of the identifiers is.
    """

    def __init__(self) -> None:
        self._user_of: dict[str, dict[bytes, int]] = {kind: {} for kind in DIGEST_BYTES}
        self._identifiers_of: dict[int, int] = {}
        self._unmatched: set[Identifier] = set()
        self._numbers = count()

    @property
    def users(self) -> int:
        """Distinct users."""
        return len(self._identifiers_of)

    @property
    def unmatched(self) -> int:
        """Identifiers kept although they can never match."""
        return len(self._unmatched)

    def sizes(self) -> dict[str, int]:
        """Number of identifiers per kind."""
        return {kind: len(users) for kind, users in self._user_of.items()}

    def digests(self) -> dict[str, list[str]]:
        """Lower-case hex digests per kind."""
        return {kind: [raw.hex() for raw in users] for kind, users in self._user_of.items()}

    def add(self, row: Iterable[Identifier]) -> None:
        """Take in the identifiers of one row."""
        fresh: list[tuple[dict[bytes, int], bytes]] = []
        user: int | None = None
        for identifier in row:
            raw = canonical(identifier)
            if raw is None:
                self._unmatched.add(identifier)
                continue
            users = self._user_of[identifier[0]]
            if raw not in users:
                fresh.append((users, raw))
            elif user is None:
                user = users[raw]
        if fresh:
            self._assign(next(self._numbers) if user is None else user, fresh)

    def _assign(self, user: int, fresh: list[tuple[dict[bytes, int], bytes]]) -> None:
        distinct = 0
        for users, raw in fresh:
            distinct += raw not in users
            users[raw] = user
        self._identifiers_of[user] = self._identifiers_of.get(user, 0) + distinct

    def remove(self, row: Iterable[Identifier]) -> None:
        """Take out the identifiers of one row; an absent one is fine."""
        for identifier in row:
            raw = canonical(identifier)
            if raw is None:
                self._unmatched.discard(identifier)
                continue
            user = self._user_of[identifier[0]].pop(raw, None)
            if user is not None:
                self._release(user)

    def _release(self, user: int) -> None:
        left = self._identifiers_of[user] - 1
        if left:
            self._identifiers_of[user] = left
        else:
            del self._identifiers_of[user]
