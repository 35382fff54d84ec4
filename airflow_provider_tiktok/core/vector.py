"""A whole column of cells to digests: exact by construction, since what the fast path does not know for sure goes to
:func:`~airflow_provider_tiktok.core.hashing.digest_cell`.

The fast path takes cells that are ASCII, trimmed of ASCII white space, in lower case, and of an unmistakable shape. For
those, Arrow's kernels and Python agree; elsewhere they do not (76 code points lower differently, for one).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_tiktok.core.hashing import digest_cell, placeholder_digests
from airflow_provider_tiktok.core.identifiers import Hashing, IdentifierKind, Reason
from airflow_provider_tiktok.core.normalise import ZERO_DEVICE_ID, is_e164, surely_e164
from airflow_provider_tiktok.core.records import Bytes, Mask
from airflow_provider_tiktok.core.rules import Rules
from airflow_provider_tiktok.core.sha256 import hash_texts

REASONS = tuple(Reason)
OK = len(REASONS)
"""Outcome of a cell that has a digest; any other outcome is the number of its reason."""
EMPTY = REASONS.index(Reason.EMPTY)
PLACEHOLDER = REASONS.index(Reason.PLACEHOLDER)

_EMAIL = {
    ("keep", "keep"): r"^[a-z0-9!#$%&'*+./=?^_`{|}~-]+@[a-z0-9-]+(\.[a-z0-9-]+)+$",
    ("remove", "keep"): r"^[a-z0-9!#$%&'*./=?^_`{|}~-]+@[a-z0-9-]+(\.[a-z0-9-]+)+$",
    ("keep", "remove"): r"^[a-z0-9!#$%&'*+/=?^_`{|}~-]+@[a-z0-9-]+(\.[a-z0-9-]+)+$",
    ("remove", "remove"): r"^[a-z0-9!#$%&'*/=?^_`{|}~-]+@[a-z0-9-]+(\.[a-z0-9-]+)+$",
}
"""By the rules for tags and dots: what the reference leaves as it is, without ``+`` or dots where it removes them."""
_PHONE = r"^\+[1-9][0-9]{6,14}$"
_DEVICE_ID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_HEX_DIGITS = np.full(256, 255, np.uint8)
_HEX_DIGITS[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16, dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class DigestColumn:
    """Digests of a column, one row for each cell, and each cell's outcome."""

    digests: Bytes
    outcomes: Bytes

    @property
    def present(self) -> Mask:
        """Which cells have a digest."""
        there: Mask = self.outcomes == OK
        return there


def digest_column(
    cells: pa.Array,
    kind: IdentifierKind,
    hashing: Hashing,
    regions: Sequence[str | None],
    rules: Rules,
) -> DigestColumn:
    """Digest a column of text; the same, cell by cell, as ``digest_cell``.

    ``regions`` has one region for each cell, or one for all of them.
    """
    found = DigestColumn(np.zeros((len(cells), kind.digest_size), np.uint8), np.full(len(cells), EMPTY, np.uint8))
    tidy = pc.ascii_lower(pc.ascii_trim_whitespace(cells))
    filled = _mask(pc.greater(pc.binary_length(tidy), 0))
    left = filled
    if hashing is not Hashing.RAW:
        left = left & ~_take_given(found, tidy, kind)
    if hashing is not Hashing.HASHED:
        left = left & ~_take_raw(found, tidy, kind, rules)
    for position, cell in zip(np.flatnonzero(left).tolist(), cells.filter(pa.array(left)).to_pylist(), strict=True):
        region = regions[position if len(regions) > 1 else 0]
        outcome = digest_cell(kind, cell, hashing, region, rules)
        if isinstance(outcome, bytes):
            found.digests[position] = np.frombuffer(outcome, np.uint8)
            found.outcomes[position] = OK
        else:
            found.outcomes[position] = REASONS.index(outcome)
    return found


def _take_given(found: DigestColumn, tidy: pa.Array, kind: IdentifierKind) -> Mask:
    """Take cells that are digests of the right length already; return which."""
    taken = _mask(pc.equal(pc.binary_length(tidy), 2 * kind.digest_size))
    if taken.any():  # few columns hold digests, and a length costs a twentieth of a pattern
        taken &= _mask(pc.match_substring_regex(tidy, "^[0-9a-f]+$"))
    if taken.any():
        texts = pa.concat_arrays([tidy.filter(pa.array(taken))]).cast(pa.binary(2 * kind.digest_size))
        nibbles = _HEX_DIGITS[np.frombuffer(texts.buffers()[1], np.uint8).reshape(len(texts), -1)]
        digests = nibbles[:, 0::2] << 4 | nibbles[:, 1::2]
        found.digests[taken] = digests
        nobody = placeholder_digests(kind.algorithm)
        known = pa.array(sorted(nobody), pa.binary(kind.digest_size))
        column = pa.FixedSizeBinaryArray.from_buffers(known.type, len(digests), [None, pa.py_buffer(digests.tobytes())])
        poisoned = _mask(pc.is_in(column, value_set=known))
        found.outcomes[taken] = np.where(poisoned, PLACEHOLDER, OK)
    return taken


def _take_raw(found: DigestColumn, tidy: pa.Array, kind: IdentifierKind, rules: Rules) -> Mask:
    """Take raw cells that are normal already; return which."""
    taken = _mask(pc.match_substring_regex(tidy, _shape(kind, rules)))
    if kind is IdentifierKind.PHONE_SHA256:
        unsure = taken & ~_mask(pc.match_substring_regex(tidy, surely_e164()))
        taken[unsure] = [is_e164(text) for text in tidy.filter(pa.array(unsure)).to_pylist()]
    elif kind is not IdentifierKind.EMAIL_SHA256:
        taken &= ~_mask(pc.equal(tidy, ZERO_DEVICE_ID))
    texts = tidy.filter(pa.array(taken))
    if kind is IdentifierKind.PHONE_SHA256 and rules.phone_format == "digits":
        texts = pc.utf8_slice_codeunits(texts, 1)
    found.digests[taken] = hash_texts(kind.algorithm, texts)
    found.outcomes[taken] = OK
    return taken


def _shape(kind: IdentifierKind, rules: Rules) -> str:
    if kind is IdentifierKind.EMAIL_SHA256:
        return _EMAIL[rules.email_tags, rules.email_dots]
    return _PHONE if kind is IdentifierKind.PHONE_SHA256 else _DEVICE_ID


def _mask(values: pa.Array) -> Mask:
    """A writable mask in which null is false."""
    mask: Mask = pc.fill_null(values, False).to_numpy(zero_copy_only=False).copy()
    return mask
