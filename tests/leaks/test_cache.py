import os
import subprocess
import sys

import pytest

from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.leaks.detection import cache
from tokenward.leaks.detection.cache import KEPT


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tokenward"


def _names(own_cache):
    return {path.name for path in own_cache.iterdir()}


def _write_used_at(own_cache, name, seconds):
    cache.write(name, name.encode())
    os.utime(own_cache / name, (seconds, seconds))


def test_of_each_family_only_the_last_ones_are_kept(own_cache):
    for number in range(KEPT + 3):
        _write_used_at(own_cache, f"patterns-{number}", 1_000_000_000 + number)
        _write_used_at(own_cache, f"rules-{number}.json", 1_000_000_000 + number)
    assert _names(own_cache) == {
        name for number in range(3, KEPT + 3) for name in (f"patterns-{number}", f"rules-{number}.json")
    }


def test_what_was_read_counts_as_used(own_cache):
    for number in range(KEPT):
        _write_used_at(own_cache, f"patterns-{number}", 1_000_000_000 + number)
    assert cache.read("patterns-0") == b"patterns-0"
    cache.write("patterns-new", b"new")
    assert cache.read("patterns-0") == b"patterns-0"
    assert cache.read("patterns-1") is None


def test_what_is_being_read_can_be_cleared_away(own_cache):
    _write_used_at(own_cache, "patterns-old", 1_000_000_000)
    with (own_cache / "patterns-old").open("rb") as reading:
        for number in range(KEPT):
            cache.write(f"patterns-{number}", b"new")
        assert cache.read("patterns-old") is None
        assert reading.read() == b"patterns-old"


def test_what_somebody_is_writing_stays_and_what_somebody_left_behind_goes(own_cache):
    for number in range(KEPT):
        cache.write(f"patterns-{number}", b"new")
    for name, age in (("patterns-a.123", 60), ("patterns-b.124", 7200)):
        (own_cache / name).touch()
        moment = SYSTEM_CLOCK.time() - age
        os.utime(own_cache / name, (moment, moment))
    cache.write("patterns-0", b"newer")
    assert _names(own_cache) == {*(f"patterns-{number}" for number in range(KEPT)), "patterns-a.123"}


def test_what_was_just_written_stays_whatever_the_clock_said_before(own_cache):
    for number in range(KEPT):
        _write_used_at(own_cache, f"patterns-{number}", 4_000_000_000 + number)
    cache.write("patterns-new", b"new")
    assert cache.read("patterns-new") == b"new"
    assert len(_names(own_cache)) == KEPT


def test_what_is_too_large_is_not_read(own_cache, monkeypatch):
    cache.write("patterns-0", b"12345678")
    monkeypatch.setattr(cache, "_LARGEST", 7)
    assert cache.read("patterns-0") is None


def test_many_processes_write_and_read_and_clear_away_at_once(own_cache):
    code = """
from tokenward.leaks.detection import cache
for number in range(60):
    name = f"patterns-{number % 20}"
    cache.write(name, name.encode() * 1000)
    assert cache.read(name) in {None, name.encode() * 1000}
"""
    processes = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(4)]
    assert [process.communicate()[1] for process in processes] == [b""] * 4
    cache.write("patterns-last", b"last")
    assert len(_names(own_cache)) == KEPT
