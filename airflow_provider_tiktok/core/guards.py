"""Checks before the first change: what a tired person would want to be asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


class GuardError(RuntimeError):
    """A delivery was stopped before anything was changed, because it looks like a mistake."""


def refuse(objections: Sequence[str]) -> None:
    """Raise when there is an objection."""
    if objections:
        raise GuardError("; ".join(objections))


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """Limits of one delivery.

    ``max_delete_pct`` bounds the removes, in percent of the identifiers delivered before; below ``min_members`` a
    warning is given, or with ``on_small="fail"`` an objection; ``allow_empty`` lets a snapshot without members through.
    """

    max_delete_pct: float = 50.0
    min_members: int = 0
    on_small: Literal["warn", "fail"] = "warn"
    allow_empty: bool = False

    def on_members(self, members: int) -> list[str]:
        """Objections to the number of members."""
        if members == 0 and not self.allow_empty:
            return [
                "the snapshot has no members, so nothing was changed in TikTok. Check the query and the rejections "
                "above; if an empty result is meant, set allow_empty=True"
            ]
        return self._small(members) if self.on_small == "fail" else []

    def warnings(self, members: int) -> list[str]:
        """What a person should know although it stops nothing."""
        return self._small(members) if self.on_small == "warn" else []

    def on_removes(self, removes: int, delivered: int) -> list[str]:
        """Objections to removing so large a part of what was delivered."""
        if not delivered or 100 * removes <= self.max_delete_pct * delivered:
            return []
        return [
            f"this delivery would remove {removes} of {delivered} delivered identifiers "
            f"({100 * removes / delivered:.1f} %), over max_delete_pct={self.max_delete_pct:g}. Nothing was "
            "changed. Check the query; if the removal is meant, raise max_delete_pct for this run"
        ]

    def _small(self, members: int) -> list[str]:
        if members >= self.min_members:
            return []
        return [
            f"the snapshot has {members} members, fewer than min_members={self.min_members}; TikTok uses a segment in "
            "an ad group only when 1,000 members are matched"
        ]
