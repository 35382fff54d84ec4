"""The rows of a mapping request as bytes, straight from records."""

import json
from binascii import hexlify
from collections.abc import Iterator, Sequence

import numpy as np

from airflow_provider_tiktok.core.identifiers import IdentifierKind
from airflow_provider_tiktok.core.records import Bytes, Layout


def mapping_rows(layout: Layout, records: Bytes, segment_id: str) -> Iterator[bytes]:
    """Rows of a body, each with a comma behind it, those with the same identifiers together.

    Such rows are as long as each other, so they are copies of one template with other hex digits in it: no object and
    no call of a JSON encoder for a row.
    """
    flags = np.stack([layout.present(records, kind) for kind in layout.kinds], axis=1)
    patterns = flags @ (1 << np.arange(len(layout.kinds)))
    for pattern in np.unique(patterns):
        same = records[patterns == pattern]
        here = [bool(pattern >> place & 1) for place in range(len(layout.kinds))]
        template, slots = _template(layout, here, segment_id)
        rows = np.tile(np.frombuffer(template, np.uint8), (len(same), 1))
        for kind, slot in slots.items():
            digits = np.frombuffer(hexlify(layout.digests(same, kind).tobytes()), np.uint8)
            rows[:, slot : slot + 2 * kind.digest_size] = digits.reshape(len(same), -1)
        yield rows.tobytes()


def _template(layout: Layout, here: Sequence[bool], segment_id: str) -> tuple[bytes, dict[IdentifierKind, int]]:
    """One row of a body and where in it the hex digits of each present kind go."""
    tail = f'","audience_ids":[{json.dumps(segment_id)}]}}'.encode()
    row, slots = b"[", {}
    for kind, present in zip(layout.kinds, here, strict=True):
        if present:
            row += b'{"id":"'
            slots[kind] = len(row)
            row += b"0" * (2 * kind.digest_size) + tail
        else:
            row += b"{}"
        row += b","
    return row[:-1] + b"],", slots
