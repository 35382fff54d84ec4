"""Where TikTok's documents contradict each other: what is done by default, and what a user may choose instead.

==================  =================================================================================================
Rule                Sources
==================  =================================================================================================
``email_tags``      Help of June and August 2025 removes ``+`` and what follows up to ``@``; September 2025 does not.
``email_dots``      No text of TikTok removes dots; one connector in production does, in the local part.
``email_spaces``    Help of September 2025 removes spaces; inside an address they are an error in our eyes.
``phone_format``    API document 1739940585975809 and help of September 2025: with plus; help of August 2025 and
                    TikTok's sample digest: digits only. September 2025 accepts both.
==================  =================================================================================================

The defaults change a value least. A value that was hashed with another rule is another value to TikTok.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal, get_args, get_type_hints


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One choice for each contradiction. ``phone_format="both"`` sends each number twice, with and without plus."""

    email_tags: Literal["keep", "remove"] = "keep"
    email_dots: Literal["keep", "remove"] = "keep"
    email_spaces: Literal["reject", "remove"] = "reject"
    phone_format: Literal["plus", "digits", "both"] = "plus"

    @classmethod
    def parse(cls, chosen: Mapping[str, str] | None) -> "Rules":
        """Read ``{rule: choice}``; raise :class:`ValueError` that lists what there is."""
        choices = {name: get_args(hint) for name, hint in get_type_hints(cls).items()}
        for name, choice in (chosen or {}).items():
            if name not in choices:
                raise ValueError(f"rules: there is no rule {name!r}; the rules are {', '.join(choices)}")
            if choice not in choices[name]:
                raise ValueError(f"rules: {name} is {choice!r}; use one of {', '.join(choices[name])}")
        return cls(**dict(chosen or {}))  # type: ignore[arg-type]  # each choice was checked above

    def to_dict(self) -> dict[str, str]:
        """The choices, for a manifest."""
        return {each.name: getattr(self, each.name) for each in fields(self)}
