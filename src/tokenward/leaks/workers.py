"""Processes that read and search.

They are forked, so that they share what was loaded. Where one dies, its batch is done again item by item:
what kills once more becomes trouble.
"""

import multiprocessing
import signal
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkContext, ForkProcess

from tokenward.leaks.batches import Batch, Search, Searched, search_batch
from tokenward.leaks.findings import Trouble
from tokenward.leaks.sources.source import Source


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


class Workers:
    """Some of them, all alike.

    Args:
        source: what they read from.
        search: what they do with each blob.
    """

    def __init__(self, source: Source, search: Search) -> None:
        self._context = multiprocessing.get_context("fork")
        self._source = source
        self._search = search
        self._workers: list[_Worker] = []

    def start(self, count: int) -> None:
        """So many more."""
        for _ in range(count):
            lines = [worker.line for worker in self._workers]
            self._workers.append(_Worker(self._context, self._source, self._search, lines))

    def stop(self) -> None:
        """End them all, whatever they are at."""
        for worker in self._workers:
            worker.stop()

    def run(self, queue: Iterator[Batch]) -> Iterator[Searched]:
        """What comes of each batch, in no certain order."""
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
