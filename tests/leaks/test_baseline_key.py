import os
import subprocess

import pytest

from tokenward.leaks.baseline_key import find, make, place_of


@pytest.fixture
def baseline(tmp_path):
    return tmp_path / "baseline.json"


def test_a_key_is_made_once_and_found_again(baseline):
    assert find(baseline) is None
    key = make(baseline)
    assert len(key) == 43
    assert make(baseline) == find(baseline) == key
    assert sorted(each.name for each in place_of(baseline).parent.iterdir()) == [".gitignore", "baseline.key"]


def test_only_its_owner_can_read_it(baseline):
    make(baseline)
    assert place_of(baseline).stat().st_mode & 0o777 == 0o600
    place_of(baseline).chmod(0o644)
    with pytest.raises(ValueError, match="can be read by other users"):
        find(baseline)


def test_git_does_not_see_it(baseline):
    subprocess.run(["git", "init", "-q", baseline.parent], check=True)
    make(baseline)
    baseline.write_text("{}")
    status = subprocess.run(
        ["git", "-C", baseline.parent, "status", "--porcelain", "--untracked-files=all"],
        check=True,
        capture_output=True,
    )
    assert status.stdout == b"?? baseline.json\n"


def test_a_key_from_elsewhere_goes_before_the_file(baseline, monkeypatch):
    make(baseline)
    monkeypatch.setenv("BASELINE_KEY", "x" * 43)
    assert find(baseline, "env:BASELINE_KEY") == b"x" * 43


def test_a_short_key_is_refused_and_an_inline_one_too(baseline, monkeypatch):
    monkeypatch.setenv("BASELINE_KEY", "x" * 42)
    with pytest.raises(ValueError, match="fewer than 43"):
        find(baseline, "env:BASELINE_KEY")
    with pytest.raises(ValueError, match="inline"):
        find(baseline, "x" * 43)


def test_a_key_that_could_not_be_written_whole_is_not_there(baseline, monkeypatch):
    def fail(_):
        raise OSError("no room")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no room"):
        make(baseline)
    assert list(place_of(baseline).parent.iterdir()) == []
