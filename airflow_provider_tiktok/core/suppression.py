"""Identifiers of people who must not be delivered, whatever a query says."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from airflow_provider_tiktok.core.identifiers import IdentifierKind
from airflow_provider_tiktok.core.records import Bytes, Mask, first_of_each, ordered

KEY_BYTES = 8

Keys = NDArray[np.uint64]


class Suppressed:
    """Digests to be left out, of each kind in their order as bytes, and their first eight bytes as numbers.

    Held in memory while a query is read: 41 bytes for each identifier of SHA-256, 410 MB for 10 million. Nothing
    changes after the construction, so threads may share it.
    """

    def __init__(self, blocks: Mapping[IdentifierKind, Iterable[Bytes]]) -> None:
        """Take digests block by block; those of a later block have first bytes that are not below the former ones'."""
        self._digests = {kind: _joined(some, kind.digest_size) for kind, some in blocks.items()}
        self._keys = {kind: _keys(digests) for kind, digests in self._digests.items()}
        self._begins = {kind: _begins(keys) for kind, keys in self._keys.items()}

    @property
    def sizes(self) -> dict[IdentifierKind, int]:
        """How many identifiers there are of each kind."""
        return {kind: len(keys) for kind, keys in self._keys.items()}

    def holds(self, kind: IdentifierKind, digests: Bytes) -> Mask:
        """Which of some digests of a kind are among them, by comparing all bytes."""
        found = np.zeros(len(digests), bool)
        if not self.sizes.get(kind):
            return found
        known, keys = self._digests[kind], self._keys[kind]
        wanted = _keys(digests)
        candidates = np.flatnonzero(_may_hold(self._begins[kind], wanted))
        places = np.minimum(_places(keys, wanted[candidates]), len(keys) - 1)
        same = keys[places] == wanted[candidates]
        candidates, places = candidates[same], places[same]
        found[candidates] = (known[places] == digests[candidates]).all(axis=1)
        # Several known digests may begin alike where somebody made them so: these few are searched by all bytes.
        left = candidates[~found[candidates]]
        if len(left):
            places = np.minimum(np.searchsorted(_texts(known), _texts(digests[left])), len(keys) - 1)
            found[left] = (known[places] == digests[left]).all(axis=1)
        return found


def _joined(blocks: Iterable[Bytes], size: int) -> Bytes:
    """Different digests of all blocks, in order. A buffer that grows needs no second copy of all of them."""
    buffer, last = bytearray(), b""
    for block in blocks:
        rows = ordered(block, key_at=0)
        rows = np.compress(first_of_each(rows), rows, axis=0)
        if len(rows):
            if rows[0].tobytes() < last:
                raise ValueError("blocks of digests are not in order")
            last = rows[-1].tobytes()
            buffer += rows.data
    return np.frombuffer(buffer, np.uint8).reshape(-1, size)


def _keys(digests: Bytes) -> Keys:
    return np.ascontiguousarray(digests[:, :KEY_BYTES]).view(">u8").ravel().astype(np.uint64)


def _begins(keys: Keys) -> Bytes:
    """Which beginnings of keys there are, a bit for each, four to eight times as many as keys."""
    bits = max(3, (4 * len(keys)).bit_length())
    there = np.zeros(1 << bits, bool)
    there[keys >> np.uint64(64 - bits)] = True
    return np.packbits(there, bitorder="little")


def _may_hold(begins: Bytes, wanted: Keys) -> Mask:
    """Whether there is a key that begins alike: a look at one bit spares most searches."""
    bits = np.uint64(64 - (8 * len(begins)).bit_length() + 1)
    numbers = wanted >> bits
    there: Mask = (begins[numbers >> np.uint64(3)] >> (numbers & np.uint64(7)).astype(np.uint8) & 1).astype(bool)
    return there


def _places(keys: Keys, wanted: Keys) -> NDArray[np.int64]:
    """``np.searchsorted``, three times as fast, since what is wanted comes in order and so meets memory just read."""
    order = np.argsort(wanted)
    places = np.empty(len(wanted), np.int64)
    places[order] = np.searchsorted(keys, wanted[order])
    return places


def _texts(digests: Bytes) -> NDArray[np.bytes_]:
    """Digests as byte strings of one width, which NumPy compares as memcmp does."""
    return np.ascontiguousarray(digests).view(f"S{digests.shape[1]}").ravel()
