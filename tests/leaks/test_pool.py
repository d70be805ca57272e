import os
import signal
from contextlib import contextmanager

import pytest

from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.blob import Blob
from tokenward.leaks.findings import Trouble
from tokenward.leaks.pool import search_all
from tokenward.leaks.sighting import Sighting
from tokenward.leaks.sources.source import Item, Source

MB = 1 << 20


class Listed(Source):
    name = "what the test lists"

    def __init__(self, items):
        self.listed = items

    def items(self):
        yield from self.listed

    @contextmanager
    def reader(self):
        yield lambda items: (Blob(item.path, item.path.encode()) for item in items)


def _search(blob):
    yield len(blob.data)
    if blob.path.startswith("kills"):
        os.kill(os.getpid(), signal.SIGKILL)
    if blob.path.startswith("broken"):
        yield Trouble(blob.path, "broken")
    if blob.path.startswith("found"):
        facts = {"process": str(os.getpid())}
        confidence = Confidence.HIGH
        yield Sighting(
            "a", blob.data, Severity.HIGH, confidence, False, facts, "", blob.path, 1, 1, (), None, None, None
        )


def _all(items, workers=2):
    results = list(search_all(Listed(items), _search, workers))
    sightings = sorted((one for result in results for one in result.sightings), key=lambda one: one.path)
    troubles = [one for result in results for one in result.troubles]
    return sightings, troubles, sum(result.blobs for result in results)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_everything_is_searched_once_whatever_the_number_of_workers(workers):
    items = [Item(f"found{number:04}", 100_000) for number in range(1000)]
    sightings, troubles, blobs = _all(items, workers)
    assert [one.path for one in sightings] == [item.path for item in items]
    assert (troubles, blobs) == ([], 1000)
    processes = {one.facts["process"] for one in sightings}
    assert (str(os.getpid()) in processes) is (workers == 1)
    assert len(processes) == workers


def test_a_few_files_need_no_worker():
    sightings, _troubles, _blobs = _all([Item(f"found{number}", 10) for number in range(50)])
    assert {one.facts["process"] for one in sightings} == {str(os.getpid())}


def test_an_item_that_kills_its_process_becomes_trouble_and_nothing_else_is_lost():
    names = [f"found{number:04}" for number in range(600)]
    names[100] = names[500] = "kills"
    sightings, troubles, _blobs = _all([Item(name, 50_000) for name in names])
    assert [one.path for one in sightings] == [name for name in names if name != "kills"]
    assert [one.path for one in troubles] == ["kills", "kills"]
    assert "ended the process (-9)" in troubles[0].why


def test_troubles_of_listing_and_of_searching_arrive():
    listed = [Trouble("listed", "unreadable"), *(Item(f"broken{number}", 5 * MB) for number in range(4))]
    _sightings, troubles, _blobs = _all(listed)
    assert sorted(one.path for one in troubles) == ["broken0", "broken1", "broken2", "broken3", "listed"]


def test_no_worker_outlives_the_search():
    searching = search_all(Listed([Item(f"found{number}", 5 * MB) for number in range(9)]), _search, 2)
    process = int(next(searching).sightings[0].facts["process"])
    searching.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_a_sighting_does_not_show_its_secret():
    (sighting,), _troubles, _blobs = _all([Item("found", 1)])
    assert "found" not in repr(sighting).replace("in found", "")
