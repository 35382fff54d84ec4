"""A set of digests answers as a Python set does, whatever bytes they hold."""

import time
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.core.identifiers import IdentifierKind
from airflow_provider_tiktok.core.records import Bytes
from airflow_provider_tiktok.core.suppression import Suppressed

E, D = IdentifierKind.EMAIL_SHA256, IdentifierKind.IDFA_MD5
BYTE = st.sampled_from([0, 1, 0x7F, 0x80, 0xFF])


def digests(kind: IdentifierKind) -> st.SearchStrategy[bytes]:
    """Digests that share their first eight bytes, differ late or only in zeros at the end, and any others."""
    size = kind.digest_size
    few = st.builds(lambda a, b, c: bytes([a] * 8 + [b] * (size - 10) + [c, 0]), BYTE, BYTE, BYTE)
    zeros = st.integers(0, size).map(lambda length: (b"\x01" * length).ljust(size, b"\x00"))
    return few | zeros | st.binary(min_size=size, max_size=size)


def array(some: Sequence[bytes], kind: IdentifierKind) -> Bytes:
    return np.frombuffer(b"".join(some), np.uint8).reshape(-1, kind.digest_size)


def known(kind: IdentifierKind, some: Sequence[bytes], blocks: int = 256) -> Suppressed:
    """A set built from blocks by first byte, the order within a block being that of ``some``."""
    size = 256 // blocks
    parts = [[one for one in some if one[0] // size == block] for block in range(blocks)]
    return Suppressed({kind: (array(part, kind) for part in parts)})


@pytest.mark.parametrize("kind", [E, D])
@pytest.mark.parametrize("blocks", [1, 256])
@given(data=st.data())
def test_it_holds_what_a_set_holds(kind: IdentifierKind, blocks: int, data: st.DataObject) -> None:
    """Each of some digests, known or not and repeated or not, is found exactly when the set has it."""
    pool = data.draw(st.lists(digests(kind), max_size=30))
    members = data.draw(st.lists(st.sampled_from(pool), max_size=40)) if pool else []
    wanted = data.draw(st.lists(st.sampled_from(pool) | digests(kind), max_size=30)) if pool else []
    suppressed = known(kind, members, blocks)
    assert suppressed.holds(kind, array(wanted, kind)).tolist() == [one in set(members) for one in wanted]
    assert suppressed.sizes == {kind: len(set(members))}


def test_digests_that_begin_alike_are_told_apart() -> None:
    """Eight equal bytes are no match: somebody may have made the digests so."""
    alike = [b"\x07" * 8 + number.to_bytes(24, "big") for number in range(1000)]
    found = known(E, alike[::2]).holds(E, array(alike, E))
    assert found.tolist() == [True, False] * 500


def test_many_digests_that_begin_alike_cost_no_scan() -> None:
    """100,000 crafted digests are searched in less than ten seconds; comparing each with each would take minutes."""
    alike = [b"\x07" * 8 + number.to_bytes(24, "big") for number in range(100_000)]
    started = time.perf_counter()
    assert known(E, alike, 1).holds(E, array(alike, E)).all()
    assert time.perf_counter() - started < 10


@pytest.mark.parametrize("wanted", [[], [bytes(32)], [b"\xff" * 32]], ids=["nothing", "zeros", "the last"])
def test_an_empty_set_holds_nothing(wanted: list[bytes]) -> None:
    """Neither a kind without digests nor one that was never given."""
    for suppressed in (known(E, []), Suppressed({})):
        assert suppressed.holds(E, array(wanted, E)).tolist() == [False] * len(wanted)


def test_a_digest_of_one_kind_says_nothing_about_another() -> None:
    """The same bytes as an e-mail address and as a phone are two identifiers."""
    phone = IdentifierKind.PHONE_SHA256
    assert not known(E, [b"\x01" * 32]).holds(phone, array([b"\x01" * 32], phone)).any()


def test_blocks_out_of_order_are_refused() -> None:
    """A set that is not in order would miss people in silence."""
    with pytest.raises(ValueError, match="not in order"):
        Suppressed({E: [array([b"\x02" * 32], E), array([b"\x01" * 32], E)]})
