"""Reads all that a source lists."""

from tokenward.leaks.blob import Blob
from tokenward.leaks.findings import Trouble
from tokenward.leaks.sources.source import Item, Source


def read(source: Source) -> tuple[list[Blob], list[Trouble]]:
    """What it holds, and what it could not give."""
    found = list(source.items())
    with source.reader() as reader:
        found += reader([one for one in found if isinstance(one, Item)])
    return [one for one in found if isinstance(one, Blob)], [one for one in found if isinstance(one, Trouble)]


def names(source: Source) -> list[str]:
    """What counts by its name alone."""
    return [one.path for one in source.items() if isinstance(one, Item) and one.name_only]


def message(blob: Blob) -> bytes:
    """Of the blob of a commit or of a tag what stands before the fields of its head."""
    lines = blob.data.split(b"\n")
    fields = (b"author ", b"committer ", b"tag ", b"tagger ")
    return b"\n".join(line for line in lines if not line.startswith(fields))
