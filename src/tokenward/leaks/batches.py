"""Reads and searches what a source lists, a batch at a time."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from tokenward.leaks.blob import Blob
from tokenward.leaks.findings import Trouble
from tokenward.leaks.naming import names_of
from tokenward.leaks.sighting import Sighting
from tokenward.leaks.sources.source import Item, Read

_ITEMS = 256
_BYTES = 8 << 20

Search = Callable[[Blob], Iterator[Sighting | Trouble | int]]
"""Searches a blob. Yields what was seen in it, and the size in bytes of each blob that was searched:
of itself, or of the members of a container."""


class Batch(NamedTuple):
    """Items to be read one after another, and what the listing could not list meanwhile."""

    items: Sequence[Item]
    troubles: Sequence[Trouble] = ()


class Searched(NamedTuple):
    """What came of one batch.

    Attributes:
        sightings: of secrets.
        troubles: what could not be listed, read or searched.
        blobs: how many were searched, members of containers included.
        size: their bytes.
    """

    sightings: list[Sighting]
    troubles: list[Trouble]
    blobs: int = 0
    size: int = 0


def batches(listed: Iterator[Item | Trouble]) -> Iterator[Batch]:
    """The listing in pieces that are worth a message to another process."""
    items: list[Item] = []
    troubles: list[Trouble] = []
    size = 0
    for one in listed:
        if isinstance(one, Trouble):
            troubles.append(one)
            continue
        items.append(one)
        size += one.size
        if len(items) == _ITEMS or size >= _BYTES:
            yield Batch(items, troubles)
            items, troubles, size = [], [], 0
    if items or troubles:
        yield Batch(items, troubles)


def _in_names(search: Search, batch: Batch) -> Iterator[Sighting]:
    """What stands in the names of what was listed. A name that was there before is not new."""
    ids = {item.path: item.id for item in batch.items if item.name_only or not item.old}
    ids |= {trouble.path: "" for trouble in batch.troubles}
    for one in search(names_of(ids)) if ids else ():
        if isinstance(one, Sighting):
            yield one._replace(object_id=ids[one.path] or None)


def search_batch(read: Read, search: Search, batch: Batch) -> Searched:
    """Read the batch's items and search what they hold."""
    troubles = list(batch.troubles)
    sightings = list(_in_names(search, batch))
    blobs = size = 0
    for blob in read(batch.items):
        if isinstance(blob, Trouble):
            troubles.append(blob)
            continue
        for one in search(blob):
            if isinstance(one, Sighting):
                sightings.append(one)
            elif isinstance(one, Trouble):
                troubles.append(one)
            else:
                blobs += 1
                size += one
    return Searched(sightings, troubles, blobs, size)
