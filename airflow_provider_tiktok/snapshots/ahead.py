"""Work done side by side in a few threads, and handed on in order.

Arrow's and NumPy's kernels, hashing of large blocks and waits for a database let other threads run; the rest of Python
does not, so a few threads are all that helps.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

THREADS = min(4, os.cpu_count() or 1)


def in_threads(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Results in the order of the items, which are taken in this thread; at most ``THREADS`` are ahead of the reader,
    so that memory stays flat. The first error ends it.
    """
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(THREADS, thread_name_prefix="tiktok-ahead") as threads:
        for item in items:
            waiting.append(threads.submit(work, item))
            if len(waiting) > THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
