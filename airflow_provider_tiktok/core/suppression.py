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

    Held in memory while a query is read: 40 bytes for each identifier of SHA-256, 400 MB for 10 million. Nothing
    changes after the construction, so threads may share it.
    """

    def __init__(self, blocks: Mapping[IdentifierKind, Iterable[Bytes]]) -> None:
        """Take digests block by block; those of a later block have first bytes that are not below the former ones'."""
        self._digests = {kind: _joined(some, kind.digest_size) for kind, some in blocks.items()}
        self._keys = {kind: _keys(digests) for kind, digests in self._digests.items()}

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
        places = np.minimum(_places(keys, wanted), len(keys) - 1)
        candidates = np.flatnonzero(keys[places] == wanted)
        found[candidates] = (known[places[candidates]] == digests[candidates]).all(axis=1)
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


def _places(keys: Keys, wanted: Keys) -> NDArray[np.int64]:
    """``np.searchsorted``, three times as fast, since what is wanted comes in order and so meets memory just read."""
    order = np.argsort(wanted)
    places = np.empty(len(wanted), np.int64)
    places[order] = np.searchsorted(keys, wanted[order])
    return places


def _texts(digests: Bytes) -> NDArray[np.bytes_]:
    """Digests as byte strings of one width, which NumPy compares as memcmp does."""
    return np.ascontiguousarray(digests).view(f"S{digests.shape[1]}").ravel()
