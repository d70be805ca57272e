"""A scan from its source to its result."""

from collections.abc import Callable

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.leaks.batches import Search, Searched
from tokenward.leaks.collecting import Collector
from tokenward.leaks.findings import Trouble
from tokenward.leaks.naming import hidden, names_of
from tokenward.leaks.pool import search_all
from tokenward.leaks.result import ScanResult
from tokenward.leaks.sighting import Sighting
from tokenward.leaks.sources.source import Source

Progress = Callable[[Searched], None]


def scan(
    source: Source,
    search: Search,
    collector: Collector,
    *,
    workers: int,
    progress: Progress,
    clock: Clock = SYSTEM_CLOCK,
) -> ScanResult:
    """Scan everything that the source has.

    An interruption (Ctrl-C) ends the search and not the scan: the result holds what was seen until then.

    Args:
        source: what to scan.
        search: searches a blob.
        collector: takes what was seen.
        workers: how many processes search.
        progress: told of each batch.
        clock: for the time that it took.

    Raises:
        CannotScan: there is nothing that could be scanned.
    """
    began = clock.monotonic()
    troubles: list[Trouble] = []
    files = size = 0
    interrupted = False
    try:
        for sighting in search(names_of([source.name])):
            if isinstance(sighting, Sighting):
                collector.add(sighting)
        for searched in search_all(source, search, workers):
            for sighting in searched.sightings:
                collector.add(sighting)
            troubles += searched.troubles
            files += searched.blobs
            size += searched.size
            progress(searched)
    except KeyboardInterrupt:
        interrupted = True
    counting, accepted = collector.findings(source)
    result = ScanResult(
        source=source.name,
        findings=tuple(counting),
        accepted=tuple(accepted),
        troubles=tuple(sorted(troubles, key=lambda trouble: (trouble.skipped, trouble.path))),
        files=files,
        size=size,
        seconds=clock.monotonic() - began,
        interrupted=interrupted,
    )
    return hidden(result, collector.shown())
