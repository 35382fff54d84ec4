"""Sends the batches of a delivery: side by side, and around the rows that TikTok refuses."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from itertools import chain, count
from typing import Literal

import numpy as np

from airflow_provider_tiktok.api.client import Answer
from airflow_provider_tiktok.api.wire import PARAMETER_ERROR, Action
from airflow_provider_tiktok.core.records import Bytes, Layout
from airflow_provider_tiktok.errors import ApiError, RejectedError
from airflow_provider_tiktok.snapshots.acknowledged import Acknowledged

logger = logging.getLogger(__name__)

MOST_REFUSALS = 1000
"""Refused calls of one delivery, after which it fails: a bad row among 1,000 costs ten to be found."""

FIRST_REFUSALS = 40
"""Refused calls before the first row is taken: enough to find bad rows, few where the request itself is wrong."""

WARM_UP_SECONDS = (5.0, 10.0, 20.0, 40.0, 60.0)
"""Waits for a segment made just now, which may refuse its first rows for a minute or two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One request's worth of rows, numbered within the plan."""

    number: int
    part: Literal["members", "aliases", "removes"]
    layout: Layout
    records: Bytes

    @property
    def action(self) -> Action:
        """What the request asks for."""
        return "delete" if self.part == "removes" else "add"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A batch that was answered: rows that were acknowledged, and records that were refused."""

    batch: Batch
    rows: int
    requests: int
    request_id: str | None
    refused: Bytes
    error: ApiError | None = None


@dataclass(slots=True, kw_only=True)
class Sender:
    """Sends batches with ``call``.

    ``accepted`` tells whether TikTok took any row of this delivery yet. As long as not, a refusal is taken for one of
    the request, unless all its rows are of ``known``: digests that earlier deliveries found to be refused.
    """

    call: Callable[[Batch], Answer]
    max_concurrency: int
    sleep: Callable[[float], object]
    accepted: bool = False
    known: frozenset[str] = frozenset()
    _refusals: Iterator[int] = field(default_factory=lambda: count(1))

    def send(self, batches: Iterator[Batch], *, fresh: bool) -> Iterator[list[Sent]]:
        """Send batches with at most ``max_concurrency`` under way; the first one goes alone and opens the way.

        While the caller saves what is done, no more than the others are under way: so much a killed worker sends twice.
        The first error that does not concern single rows stops what has not begun, waits for what is under way, and is
        raised. A ``fresh`` segment, which may not be ready for rows yet, is given time.
        """
        first = next(batches, None)
        if first is None:
            return
        yield [self._opened(first, WARM_UP_SECONDS if fresh and not self.accepted else ())]
        pool = ThreadPoolExecutor(self.max_concurrency, thread_name_prefix="tiktok-send")
        under_way: set[Future[Sent]] = set()
        try:
            for batch in batches:
                under_way.add(pool.submit(self._delivered, batch))
                if len(under_way) >= self.max_concurrency:
                    yield from _completed(under_way)
            while under_way:
                yield from _completed(under_way)
        finally:
            pool.shutdown(cancel_futures=True)

    def _opened(self, batch: Batch, waits: tuple[float, ...]) -> Sent:
        for seconds in waits:
            try:
                answer = self.call(batch)
            except RejectedError as error:
                if error.code != PARAMETER_ERROR:
                    raise
                logger.info("The segment takes no rows yet, as one made just now may; waiting %.0f s", seconds)
                self.sleep(seconds)
            else:
                return self._acknowledged(batch, answer)
        return self._delivered(batch)

    def _delivered(self, batch: Batch) -> Sent:
        sent = self._attempt(batch)
        if sent.error and not self.accepted and not self._is_known(sent):
            raise sent.error
        return sent

    def _is_known(self, sent: Sent) -> bool:
        refused = (digests for row in sent.refused for digests in hex_digests(sent.batch.layout, row).values())
        return self.known.issuperset(chain.from_iterable(refused))

    def _attempt(self, batch: Batch) -> Sent:
        """Send a batch, or else its halves, down to the rows that TikTok refuses."""
        try:
            return self._acknowledged(batch, self.call(batch))
        except RejectedError as error:
            most = MOST_REFUSALS if self.accepted or self.known else FIRST_REFUSALS
            if error.code != PARAMETER_ERROR or next(self._refusals) > most:
                raise
            refusal = Sent(batch=batch, rows=0, requests=1, request_id=None, refused=batch.records, error=error)
        if len(batch.records) == 1:
            return refusal
        middle = len(batch.records) // 2
        halves = [self._attempt(replace(batch, records=part)) for part in np.split(batch.records, [middle])]
        return replace(
            refusal,
            rows=sum(half.rows for half in halves),
            requests=1 + sum(half.requests for half in halves),
            request_id=halves[1].request_id or halves[0].request_id,
            refused=np.concatenate([half.refused for half in halves]),
        )

    def _acknowledged(self, batch: Batch, answer: Answer) -> Sent:
        self.accepted = True
        return Sent(
            batch=batch,
            rows=len(batch.records),
            requests=answer.attempts,
            request_id=answer.request_id,
            refused=batch.records[:0],
        )


def count_sent(done: Acknowledged, sent: Sent) -> None:
    """Add a batch, and what was refused of it, to what was acknowledged."""
    done.count(sent.batch.number, sent.rows, sent.requests, sent.request_id)
    for record in sent.refused:
        done.refuse(sent.batch.part, hex_digests(sent.batch.layout, record))


def hex_digests(layout: Layout, record: Bytes) -> dict[str, list[str]]:
    """The digests of one record, by identifier kind."""
    row = record[None]
    kinds = [kind for kind in layout.kinds if layout.present(row, kind).any()]
    return {kind.value: [layout.digests(row, kind).tobytes().hex()] for kind in kinds}


def _completed(under_way: set[Future[Sent]]) -> Iterator[list[Sent]]:
    """What is done; after a failure all that was begun, so that none of it is sent twice, and then the error."""
    done, _ = wait(under_way, return_when=FIRST_COMPLETED)
    failed = next((future for future in done if future.exception()), None)
    if failed:
        done = {future for future in under_way if not future.cancel()}
        wait(done)
    under_way -= done
    yield [future.result() for future in done if not future.exception()]
    if failed:
        failed.result()
