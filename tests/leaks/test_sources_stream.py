import io
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenward.leaks.blob import Blob, Origin
from tokenward.leaks.findings import Trouble
from tokenward.leaks.sources import windows
from tokenward.leaks.sources.patches import patches
from tokenward.leaks.sources.source import Item, Source
from tokenward.leaks.sources.stream import Diff, Stream


def read(source: Source) -> list[Blob | Trouble]:
    items = [one for one in source.items() if isinstance(one, Item)]
    with source.reader() as reader:
        return list(reader(items))


def diffed(text: str | bytes) -> list[Blob | Trouble]:
    return [one for one in raw(text) if isinstance(one, Trouble) or not one.names]


def raw(text: str | bytes) -> list[Blob | Trouble]:
    return read(
        Diff(io.BytesIO(text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")))
    )


def test_names_that_are_new_and_authors_are_read_beside_the_contents(repository):
    repository.commit({"a": "one\n", "b": "two\n" * 9})
    repository.git("mv", "b", "moved to here")
    repository.commit({"a": "three\n", "new": "x"})
    shown = repository.git("log", "-p", "-M", "-1")
    told = [one.names for one in raw(shown) if isinstance(one, Blob) and one.names]
    commit = repository.id_of("HEAD")
    assert told == [(f"commit {commit} by Ann <ann@example.org>",), ("moved to here",), ("new",)]


def test_a_stream_is_one_file():
    assert read(Stream(io.BytesIO(b"a\nb"))) == [Blob("stdin", b"a\nb")]
    assert read(Stream(io.BytesIO(b"x"), "settings.py")) == [Blob("settings.py", b"x")]
    assert read(Stream(io.BytesIO(b""))) == []


def test_a_long_stream_comes_in_windows(monkeypatch):
    monkeypatch.setattr(windows, "WHOLE_TEXT", 2000)
    monkeypatch.setattr(windows, "WHOLE", 2000)
    monkeypatch.setattr(windows, "WINDOW", 1000)
    monkeypatch.setattr(windows, "_START", 100)
    monkeypatch.setattr(windows, "OVERLAP", 100)
    data = os.urandom(9000).replace(b"\n", b"x")
    seen = [one for one in read(Stream(io.BytesIO(data))) if isinstance(one, Blob)]
    assert all(one.window and data[one.offset :].startswith(one.data) for one in seen)
    assert seen[-1].offset + len(seen[-1].data) == 9000
    assert len(seen) > 7


def test_a_hunk_is_its_new_text_with_the_old_one_beside_it(repository):
    repository.commit({"a": "".join(f"{n}\n" for n in range(1, 31))})
    lines = [f"{n}\n" for n in range(1, 31)]
    lines[9] = "ten\n"
    lines.insert(25, "added\n")
    repository.write({"a": "".join(lines)})
    assert diffed(repository.git("diff") + "\n") == [
        Blob("a", b"7\n8\n9\nten\n11\n12\n13\n", first_line=7, old=b"7\n8\n9\n10\n11\n12\n13\n"),
        Blob("a", b"23\n24\n25\nadded\n26\n27\n28\n", first_line=23, old=b"23\n24\n25\n26\n27\n28\n"),
    ]


def test_what_is_only_removed_is_nothing_and_what_is_added_has_no_past(repository):
    repository.commit({"removed": "x\n", "shorter": "a\nb\n"})
    repository.git("rm", "--quiet", "removed")
    repository.write({"shorter": "a\n", "new": "one\ntwo\n"})
    repository.git("add", "--all")
    assert diffed(repository.git("diff", "--cached") + "\n") == [
        Blob("new", b"one\ntwo\n", first_line=1, old=b"")
    ]


@pytest.mark.parametrize(
    "options", [[], ["--no-prefix"], ["--color=always"], ["--src-prefix=i/", "--dst-prefix=w/"]]
)
@pytest.mark.parametrize("name", ["plain", "sp ace", 'dir/quo"te\n\t', "ü", "\udcff", "back\\slash"])
def test_names_come_through(repository, options, name):
    repository.commit({name: "old\n"})
    repository.write({name: "new\n"})
    file = repository.path / "diff"
    repository.git("diff", f"--output={file}", *options, name)
    (blob,) = diffed(file.read_bytes())
    assert isinstance(blob, Blob)
    assert (blob.path, blob.data, blob.old) == (name, b"new\n", b"old\n")


def test_a_renamed_file_has_its_new_name(repository):
    text = "".join(f"line {n}\n" for n in range(50))
    repository.commit({"a name": text, "c name": text * 2})
    repository.git("mv", "a name", "b name")
    repository.git("mv", "c name", "d name")
    repository.write({"b name": text + "more\n"})
    repository.git("add", "--all")
    (blob,) = diffed(repository.git("diff", "--cached", "--find-renames") + "\n")
    assert isinstance(blob, Blob)
    assert (blob.path, blob.first_line) == ("b name", 48)


def test_lines_that_look_like_heads_are_lines(repository):
    repository.commit({"a": "-- old\n+++ b/x\n"})
    repository.write({"a": "++ b/evil\n@@ -1 +1 @@\ndiff --git a/x b/x\n"})
    assert diffed(repository.git("diff") + "\n") == [
        Blob("a", b"++ b/evil\n@@ -1 +1 @@\ndiff --git a/x b/x\n", first_line=1, old=b"-- old\n+++ b/x\n")
    ]


def test_a_diff_of_another_program():
    text = (
        "--- old.py\t2020-01-01 00:00:00 +0000\n+++ new.py\t2020-01-02 00:00:00 +0000\n@@ -1 +1 @@\n-a\n+b\n"
    )
    assert diffed(text) == [Blob("new.py", b"b\n", first_line=1, old=b"a\n")]
    assert diffed(f"Index: new.py\n====\n{text}".replace("\n", "\r\n")) == [
        Blob("new.py", b"b\r\n", first_line=1, old=b"a\r\n")
    ]


def test_a_merge_gives_what_no_parent_had(repository):
    repository.commit({"a": "1\n2\n3\n"})
    repository.git("checkout", "--quiet", "-b", "side")
    repository.commit({"a": "one\n2\n3\n"})
    repository.git("checkout", "--quiet", "main")
    repository.commit({"a": "1\n2\nthree\n"})
    repository.git("merge", "--no-commit", "side")
    repository.commit({"a": "one\nevil\nthree\n"})
    (blob,) = diffed(repository.git("show", "--cc", "--format=") + "\n")
    assert isinstance(blob, Blob)
    assert (blob.path, blob.data, blob.first_line) == ("a", b"one\nevil\nthree\n", 1)
    assert blob.old is not None
    assert b"evil" not in blob.old
    assert b"one" in blob.old
    assert b"three" in blob.old


def test_binary_files_are_decoded_where_the_diff_has_them(repository):
    data = bytes(range(256)) * 3
    repository.commit({"other": "x"})
    repository.write({"new.bin": data})
    repository.git("add", "--all")
    assert diffed(repository.git("diff", "--cached", "--binary") + "\n") == [Blob("new.bin", data)]
    (trouble,) = diffed(repository.git("diff", "--cached") + "\n")
    assert isinstance(trouble, Trouble)
    assert (trouble.path, trouble.skipped) == ("new.bin", True)
    repository.commit()
    repository.write({"new.bin": data + b"\0"})
    (trouble,) = diffed(repository.git("diff", "--binary") + "\n")
    assert isinstance(trouble, Trouble)
    assert "not here" in trouble.why
    repository.git("rm", "--quiet", "--force", "new.bin")
    assert diffed(repository.git("diff", "--cached") + "\n") == []


@pytest.mark.parametrize(
    "body", ["", "literal 5\n\n", "literal 5\nZ~~~~~\n\n", "literal 9999999999\nzcmV\n\n", "x\n\n"]
)
def test_a_broken_binary_patch_is_trouble(body):
    found = diffed(f"diff --git a/x b/x\nnew file mode 100644\nGIT binary patch\n{body}")
    assert [type(one) for one in found] == [Trouble]


def test_a_log_names_the_commits_and_their_messages_are_read(repository):
    first = repository.commit({"a": "one\n"}, "First\n\nwords\n  indented")
    second = repository.commit({"a": "two\n"}, "Second")
    author = ("Ann <ann@example.org>", "2020-09-13T12:27:40+00:00")
    later = ("Ann <ann@example.org>", "2020-09-13T12:28:40+00:00")
    expected = [
        Blob(f"commit {second}", b"Second", origin=Origin(f"commit {second}", second, *later)),
        Blob("a", b"two\n", first_line=1, old=b"one\n", origin=Origin("a", second, *later)),
        Blob(
            f"commit {first}", b"First\n\nwords\n  indented", origin=Origin(f"commit {first}", first, *author)
        ),
        Blob("a", b"one\n", first_line=1, old=b"", origin=Origin("a", first, *author)),
    ]
    for options in (
        [],
        ["--format=fuller", "--date=rfc"],
        ["--format=raw"],
        ["--decorate"],
        ["--date=iso-strict"],
    ):
        assert diffed(repository.git("log", "-p", *options) + "\n") == expected, options


def test_mails_of_format_patch_name_their_commits(repository):
    repository.commit({"a": "one\n"})
    subject = "Ünicode subject that is so long that it has to be folded into two"
    commit = repository.commit({"a": "two\n"}, f"{subject}\n\nBody")
    mail = repository.git("format-patch", "--stdout", "HEAD~", "--from=Somebody else <b@example.org>")
    message, change = diffed(mail + "\n")
    assert isinstance(message, Blob)
    assert isinstance(change, Blob)
    assert message.data.decode() == f"[PATCH] {subject}\n\nBody"
    assert change == Blob(
        "a",
        b"two\n",
        first_line=1,
        old=b"one\n",
        origin=Origin("a", commit, "Ann <ann@example.org>", "2020-09-13T12:28:40+00:00"),
    )


def test_what_is_no_diff_is_said_and_no_change_is_fine():
    (trouble,) = diffed("password = 'x'\n")
    assert isinstance(trouble, Trouble)
    assert diffed("") == []


@pytest.mark.parametrize("hunk", ["-1,{} +1,2", "-{} +1,2", "-1 +{},2", "-1 +1,{}"])
def test_numbers_without_end_are_no_hunk(hunk):
    for digits, found in ((5000, 0), (18, 1)):
        numbers = hunk.format("9" * digits)
        assert len(diffed(f"--- a/x\n+++ b/x\n@@ {numbers} @@\n+a\n+b\n")) == found


def test_a_diff_that_breaks_off_gives_what_there_was():
    (blob,) = diffed("--- a/x\n+++ b/x\n@@ -1,3 +1,9 @@\n a\n+b\n")
    assert isinstance(blob, Blob)
    assert blob.data == b"a\nb\n"


LINE = st.sampled_from(
    [
        b"diff --git a/x b/x\n",
        b'diff --git "a/\\377" "b/\\7\n',
        b"--- a/x\n",
        b"+++ b/x\n",
        b"+++ /dev/null\n",
        b"rename to \n",
        b"@@ -1 +1,2 @@\n",
        b"@@@ -1 -1 +1 @@@\n",
        b"@@ -1,99999999999 +0,0 @@\n",
        b"+x\n",
        b"-x\n",
        b" x\n",
        b"++x\n",
        b"\x1b[32m+x\x1b[m\n",
        b"\n",
        b"\\ No newline\n",
        b"GIT binary patch\n",
        b"literal 3\n",
        b"zcmV\n",
        b"Binary files a/x and b/x differ\n",
        b"commit " + b"a" * 40 + b"\n",
        b"From " + b"a" * 40 + b" Mon Sep 17 00:00:00 2001\n",
        b"Date: x\n",
        b"Subject: =?utf-8?q?=zz?=\n",
        b"author a <b> 99999999999 +9999\n",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(LINE, max_size=20) | st.lists(st.binary(max_size=20), max_size=10))
def test_nothing_that_comes_breaks_the_reader(lines):
    for one in patches(lines, "diff"):
        assert isinstance(one, Blob | Trouble)
