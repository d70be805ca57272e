"""Searches in several processes, where there is enough to search.

The main process lists, workers read and search.
"""

import os
from collections.abc import Iterator
from itertools import chain, islice

from tokenward.leaks.batches import Search, Searched, batches, search_batch
from tokenward.leaks.sources.source import Source


def search_all(source: Source, search: Search, workers: int) -> Iterator[Searched]:
    """Search everything that the source has, in no certain order.

    What fits in one batch is searched in this process: a commit hook must not wait for workers to start.

    Args:
        source: where it comes from.
        search: what to do with each blob.
        workers: how many processes; 1 for none beside this one.

    Raises:
        CannotScan: by the source.
    """
    listed = batches(source.items())
    first = list(islice(listed, 2))
    queue = chain(first, listed)
    if workers == 1 or len(first) < 2 or not hasattr(os, "fork"):
        with source.reader() as read:
            for batch in queue:
                yield search_batch(read, search, batch)
        return
    from tokenward.leaks.workers import Workers  # noqa: PLC0415 - nothing of it serves a commit hook

    pool = Workers(source, search)
    try:
        pool.start(workers)
        yield from pool.run(queue)
    finally:
        pool.stop()
