import hashlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenward.base.problems import UNAVAILABLE, Refusal
from tokenward.identity.breached import BreachedPasswords

WORDS = [f"password {n}".encode() for n in range(300)]


def line(word, count=7, end="\n"):
    return f"{hashlib.sha1(word).hexdigest().upper()}:{count}{end}"


def sorted_lines(words, **form):
    return sorted(line(word, **form) for word in words)


@pytest.fixture
def write(tmp_path):
    opened = []

    def written(text):
        path = tmp_path / f"leaked-{len(opened)}.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        opened.append(BreachedPasswords(path))
        return opened[-1]

    yield written
    for each in opened:
        each.close()


@pytest.mark.parametrize("count", [1, 2, 3, 10, 299])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_exactly_what_is_in_the_file_is_found(write, count, end):
    leaked = write("".join(sorted_lines(WORDS[:count], end=end)))
    assert [leaked.has(word) for word in WORDS] == [True] * count + [False] * (300 - count)


@given(st.lists(st.integers(1, 10**11), min_size=1, max_size=60))
def test_lines_of_any_length_are_found(tmp_path_factory, counts):
    path = tmp_path_factory.mktemp("leaked") / "file"
    path.write_text("".join(sorted(line(WORDS[n], count) for n, count in enumerate(counts))))
    leaked = BreachedPasswords(path)
    try:
        assert [leaked.has(word) for word in WORDS[:70]] == [True] * len(counts) + [False] * (
            70 - len(counts)
        )
    finally:
        leaked.close()


def test_the_last_line_may_have_no_end_and_counts_may_be_missing(write):
    lines = [each.partition(":")[0].lower() for each in sorted_lines(WORDS)]
    leaked = write("\n".join(lines))
    assert all(leaked.has(word) for word in WORDS)
    assert not leaked.has(b"another")


def test_a_large_file_is_read_in_a_few_places(write, monkeypatch):
    leaked = write("".join(sorted_lines(f"{n}".encode() for n in range(20_000))))
    asked, pread = [], os.pread
    monkeypatch.setattr(os, "pread", lambda file, size, at: asked.append(size) or pread(file, size, at))
    assert leaked.has(b"12345")
    assert len(asked) < 50
    assert max(asked) <= 64


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        ("\n", "not a SHA-1"),
        ("password\n", "not a SHA-1"),
        (line(b"x") + "\n", "not a SHA-1"),
        ("x" * 10_000, "not a SHA-1"),
        (line(b"x").replace(":", ";"), "not a SHA-1"),
        (line(b"x")[1:], "not a SHA-1"),
        (line(b"x", count="1" * 40), "not a SHA-1"),
        (line(b"x") + "y" * 10_000, "not a SHA-1|too long"),
        (line(b"x") * 2, "not sorted"),
        ("".join(reversed(sorted_lines(WORDS))), "not sorted"),
        (b"\x00" * 5000, "not a SHA-1"),
    ],
)
def test_a_file_that_is_not_as_it_should_be_is_not_opened(tmp_path, text, why):
    path = tmp_path / "leaked.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=why) as caught:
        BreachedPasswords(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="No such file"):
        BreachedPasswords(tmp_path / "nothing")
    with pytest.raises((ValueError, OSError), match="directory"):
        BreachedPasswords(tmp_path)


def test_a_disorder_that_was_not_seen_at_first_is_an_error_and_no_answer(write):
    lines = sorted_lines(f"{n}".encode() for n in range(20_000))
    for damage in ("Z" * 40 + ":1\n", lines[-1], lines[0]):
        middle = len(lines) // 2 + 150  # between two of the lines that are looked at first
        leaked = write("".join([*lines[: middle - 40], *[damage] * 80, *lines[middle + 40 :]]))
        wanted = next(n for n in range(20_000) if line(f"{n}".encode()) == lines[middle])
        with pytest.raises(Refusal) as caught:
            leaked.has(f"{wanted}".encode())
        assert caught.value.problem is UNAVAILABLE
        assert "at byte" in caught.value.detail


def test_a_file_that_was_cut_since_is_an_error_and_no_answer(write, tmp_path):
    leaked = write("".join(sorted_lines(WORDS)))
    (tmp_path / "leaked-0.txt").write_text("")
    with pytest.raises(Refusal):
        leaked.has(WORDS[0])
