"""Searches in several processes.

The main process lists, workers read and search. Workers are forked, so that they share what was loaded. Where
one dies, its batch is done again item by item: what kills once more becomes trouble.
"""

import multiprocessing
import signal
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, islice
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkContext, ForkProcess

from tokenward.leaks.batches import Batch, Search, Searched, batches, search_batch
from tokenward.leaks.findings import Trouble
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
    if workers == 1 or len(first) < 2 or "fork" not in multiprocessing.get_all_start_methods():
        with source.reader() as read:
            for batch in queue:
                yield search_batch(read, search, batch)
        return
    pool = _Pool(source, search)
    try:
        pool.start(workers)
        yield from pool.run(queue)
    finally:
        pool.stop()


class _Worker:
    """A process, this end of the line to it, and what it is working on."""

    def __init__(
        self, context: ForkContext, source: Source, search: Search, others: list[Connection]
    ) -> None:
        self.line, its_end = context.Pipe()
        inherited = [*others, self.line]
        self.process: ForkProcess = context.Process(
            target=_serve, args=(its_end, inherited, source, search), daemon=True
        )
        self.process.start()
        its_end.close()
        self.batch: Batch | None = None

    def stop(self) -> None:
        self.line.close()
        self.process.terminate()
        self.process.join()


class _Pool:
    def __init__(self, source: Source, search: Search) -> None:
        self._context = multiprocessing.get_context("fork")
        self._source = source
        self._search = search
        self._workers: list[_Worker] = []

    def start(self, count: int) -> None:
        for _ in range(count):
            lines = [worker.line for worker in self._workers]
            self._workers.append(_Worker(self._context, self._source, self._search, lines))

    def stop(self) -> None:
        for worker in self._workers:
            worker.stop()

    def run(self, queue: Iterator[Batch]) -> Iterator[Searched]:
        again: deque[Batch] = deque()
        while True:
            for worker in self._workers:
                # One batch at a time: a worker that is given the next one while it answers would wait for us
                # to read, and we for it.
                if worker.batch is None and (batch := again.popleft() if again else next(queue, None)):
                    self._give(worker, batch)
            busy = [worker for worker in self._workers if worker.batch is not None]
            if not busy:
                return
            answering = wait([worker.line for worker in busy])
            for worker in [one for one in busy if one.line in answering]:
                batch, worker.batch = worker.batch, None
                try:
                    searched: Searched = worker.line.recv()
                except (EOFError, OSError):
                    yield from self._died(worker, batch, again)
                    continue
                yield searched

    def _give(self, worker: _Worker, batch: Batch) -> None:
        worker.batch = batch
        with suppress(OSError):  # it died while it had nothing to do: the empty line says so in a moment
            worker.line.send(batch)

    def _died(self, worker: _Worker, batch: Batch | None, again: deque[Batch]) -> Iterator[Searched]:
        worker.stop()
        self._workers.remove(worker)
        self.start(1)
        if batch is None:
            return
        if len(batch.items) == 1:
            item = batch.items[0]
            code = worker.process.exitcode
            yield Searched(
                [], [*batch.troubles, Trouble(item.path, f"searching it ended the process ({code})")]
            )
            return
        again.extend(Batch([item]) for item in batch.items)
        yield Searched([], list(batch.troubles))


def _serve(line: Connection, inherited: list[Connection], source: Source, search: Search) -> None:
    """Work until the line is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process decides how to end
    for other in inherited:
        other.close()  # or no worker would notice that the main process is gone
    with suppress(EOFError, OSError), source.reader() as read:
        while True:
            batch: Batch = line.recv()
            line.send(search_batch(read, search, batch))
