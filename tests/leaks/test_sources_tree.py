import os
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from git_repositories import Repository
from tokenward.leaks.blob import Blob
from tokenward.leaks.findings import Trouble
from tokenward.leaks.sources import windows
from tokenward.leaks.sources.source import CannotScan, Item
from tokenward.leaks.sources.tree import Tree

pytestmark = pytest.mark.usefixtures("alone")


def put_at(file: Path, content: str | bytes = "x") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())


def listed(*roots: Path, **options) -> tuple[list[str], dict[str, Trouble]]:
    found = list(Tree(roots, **options).items())
    paths = sorted(one.path for one in found if isinstance(one, Item))
    return paths, {one.path: one for one in found if isinstance(one, Trouble)}


def read(*roots: Path, **options) -> tuple[dict[str, bytes], dict[str, Trouble]]:
    source = Tree(roots, **options)
    found = list(source.items())
    with source.reader() as reader:
        found += reader([one for one in found if isinstance(one, Item)])
    contents = {one.path: one.data for one in found if isinstance(one, Blob)}
    return contents, {one.path: one for one in found if isinstance(one, Trouble)}


def test_hidden_binary_and_deep_files_are_read_with_paths_below_the_root(tmp_path):
    put_at(tmp_path / ".env", "A=1")
    put_at(tmp_path / "a" / ".hidden" / "b.bin", b"\0\1")
    put_at(tmp_path / "empty", "")
    assert read(tmp_path) == ({".env": b"A=1", "a/.hidden/b.bin": b"\0\1"}, {})


def test_a_single_file_and_several_roots_keep_the_names_they_were_given(tmp_path):
    put_at(tmp_path / "one.txt", "1")
    put_at(tmp_path / "dir" / "two.txt", "2")
    link = tmp_path / "link"
    link.symlink_to("one.txt")
    assert read(tmp_path / "one.txt")[0] == {str(tmp_path / "one.txt"): b"1"}
    assert read(link)[0] == {str(link): b"1"}
    assert read(tmp_path / "one.txt", tmp_path / "dir")[0] == {
        str(tmp_path / "one.txt"): b"1",
        str(tmp_path / "dir/two.txt"): b"2",
    }


def test_what_is_not_there_or_no_file_cannot_be_scanned(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in ("nothing", "pipe"):
        with pytest.raises(CannotScan, match=name):
            Tree([tmp_path / name])


def test_what_git_ignores_is_left_out_as_git_reads_its_rules(tmp_path):
    repository = Repository(tmp_path / "r")
    repository.write({
        ".gitignore": "*.log\n!keep.log\nnode_modules/\n/top\n",
        "a.log": "x", "keep.log": "x", "node_modules/m/index.js": "x", "top": "x", "deep/top": "x",
        "nested/.gitignore": "*\n!*/\n!*.py\n", "nested/x.c": "x", "nested/y/z.py": "x", "nested/y/z.c": "x",
        "excluded": "x", ".git/info/exclude": "excluded\n",
        "forced.log": "x",
    })  # fmt: skip
    repository.git("add", "--force", "forced.log")
    kept = [".git/config", ".gitignore", "deep/top", "forced.log", "keep.log", "nested/y/z.py"]
    paths, troubles = listed(repository.path)
    assert paths == kept
    # What the repository ignores, everybody sees; the rest is told.
    assert [(one.path, one.why[-3:], one.skipped) for one in troubles.values()] == [
        (".git/info/exclude", ": 1", True)
    ]
    everything, _ = listed(repository.path, ignore=False)
    assert {"a.log", "node_modules/m/index.js", "nested/.gitignore", "excluded"} < set(everything)


def test_rules_of_the_repository_hold_in_a_directory_of_it(tmp_path):
    repository = Repository(tmp_path / "r")
    repository.write({".gitignore": "*.log\nout/\n", "src/a.log": "x", "src/a.py": "x", "out/a.py": "x"})
    assert listed(repository.path / "src") == (["a.py"], {})
    # Who names an ignored directory wants it scanned.
    assert listed(repository.path / "out") == (["a.py"], {})


def test_the_excludes_of_the_user_hold(tmp_path):
    put_at(tmp_path / "home/.config/git/ignore", "*.swp\n")
    repository = Repository(tmp_path / "r")
    repository.write({"a.swp": "x", "a": "x"})
    paths, troubles = listed(repository.path)
    assert paths == [".git/config", "a"]
    assert list(troubles) == [str(tmp_path / "home/.config/git/ignore")]


def test_an_exclude_of_everything_is_no_silent_clean(tmp_path):
    repository = Repository(tmp_path / "r")
    repository.write({".git/info/exclude": "*\n", "a/b": "x", "c": "x"})
    paths, troubles = listed(repository.path)
    assert paths == [".git/config"]
    assert troubles[".git/info/exclude"].why.endswith(": 2")


def test_outside_of_a_repository_a_gitignore_says_nothing(tmp_path):
    put_at(tmp_path / ".gitignore", "dist/\n")
    put_at(tmp_path / "dist" / "app.js")
    assert listed(tmp_path)[0] == [".gitignore", "dist/app.js"]


def test_a_repository_within_another_has_its_own_rules(tmp_path):
    outer = Repository(tmp_path / "r")
    outer.write({".gitignore": "*.log\n"})
    inner = Repository(tmp_path / "r" / "vendor" / "inner")
    inner.write({".gitignore": "*.tmp\n", "a.log": "x", "a.tmp": "x"})
    assert listed(outer.path)[0] == [
        ".git/config",
        ".gitignore",
        "vendor/inner/.git/config",
        "vendor/inner/.gitignore",
        "vendor/inner/a.log",
    ]


def test_where_git_refuses_a_repository_its_ignored_files_are_scanned_and_that_is_said(tmp_path, monkeypatch):
    repository = Repository(tmp_path / "r")
    repository.write({".gitignore": "*.log\n", "a.log": "x"})
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    paths, troubles = listed(repository.path)
    assert "a.log" in paths
    assert "safe.directory" in troubles["."].why
    assert troubles["."].skipped  # too much was scanned, and nothing too little


def test_the_internals_of_git_are_left_out_but_not_what_people_write_there(tmp_path):
    repository = Repository(tmp_path / "r")
    repository.git("remote", "add", "origin", "https://ann:password@example.org/r.git")
    repository.write(
        {".git/hooks/pre-push": "x", ".git/hooks/old.sample": "x", ".git/hooks/pre-commit.sample": "x"}
    )
    put_at(repository.path / ".git/modules/lib/deep/HEAD")
    put_at(repository.path / ".git/modules/lib/deep/config", "url = x")
    contents, _ = read(repository.path, ignore=False)
    assert sorted(contents) == [".git/config", ".git/hooks/pre-push", ".git/modules/lib/deep/config"]
    assert b"ann:password@" in contents[".git/config"]


def test_a_bare_repository_is_read_with_its_objects(tmp_path):
    bare = Repository(tmp_path / "mirror.git", "--bare")
    bare.git("hash-object", "-w", "--stdin", given="x")
    bare.write({"hidden/secret": "x", "packed-refs": "x"})
    paths, _ = listed(tmp_path)
    assert {"mirror.git/config", "mirror.git/HEAD", "mirror.git/hidden/secret"} <= set(paths)
    # Its objects too: anything can be put in a directory of that name, and objects are opened.
    assert [path for path in paths if path.startswith("mirror.git/objects/")]


def test_rules_of_a_tokenwardignore_hold_below_it_wherever_the_scan_begins(tmp_path):
    repository = Repository(tmp_path / "r")
    repository.write({".tokenwardignore": "/src/fixtures/\n*.pem\n", "src/.tokenwardignore": "!b.pem\n"})
    repository.write({"src/fixtures/a": "x", "src/a.pem": "x", "src/b.pem": "x", "src/deep/a": "x"})
    assert listed(repository.path / "src")[0] == [".tokenwardignore", "b.pem", "deep/a"]
    assert listed(repository.path / "src/deep")[0] == ["a"]
    # Who names what is left out wants it scanned.
    assert listed(repository.path / "src/fixtures")[0] == ["a"]
    assert len(listed(repository.path / "src", ignore=False)[0]) == 5


def test_a_tokenwardignore_leaves_out_and_the_result_says_so(tmp_path):
    put_at(tmp_path / ".tokenwardignore", "fixtures/\n*.pem\n")
    put_at(tmp_path / "fixtures" / "a")
    put_at(tmp_path / "a.pem")
    put_at(tmp_path / "sub" / "b.pem")
    put_at(tmp_path / "sub" / ".tokenwardignore", "!b.pem\nc\n")
    put_at(tmp_path / "sub" / "c")
    paths, troubles = listed(tmp_path)
    assert paths == [".tokenwardignore", "sub/.tokenwardignore", "sub/b.pem"]
    assert {path: trouble.skipped for path, trouble in troubles.items()} == {
        ".tokenwardignore": True,
        "sub/.tokenwardignore": True,
    }
    assert "2 files and directories" in troubles[".tokenwardignore"].why
    assert "fixtures/a" in listed(tmp_path, ignore=False)[0]


def test_a_tokenwardignore_may_take_in_again_what_is_below_a_directory_it_leaves_out(tmp_path):
    put_at(tmp_path / ".tokenwardignore", "*\n!*/\n!*.py\n!.tokenwardignore\n")
    put_at(tmp_path / "a" / "b.py")
    put_at(tmp_path / "a" / "b.c")
    assert listed(tmp_path)[0] == [".tokenwardignore", "a/b.py"]


def test_a_tokenwardignore_that_is_a_link_or_a_pipe_is_none(tmp_path):
    put_at(tmp_path / "a")
    put_at(tmp_path / "linked" / "b")
    os.mkfifo(tmp_path / ".tokenwardignore")
    (tmp_path / "linked" / ".tokenwardignore").symlink_to("/dev/zero")
    assert listed(tmp_path)[0] == ["a", "linked/b"]


def test_links_are_not_followed(tmp_path):
    root = tmp_path / "root"
    put_at(root / "real", "secret")
    put_at(tmp_path / "outside", "x")
    (root / "inside").symlink_to("real")
    (root / "up").symlink_to(".")
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "nowhere").symlink_to("missing")
    (root / "loop").symlink_to("loop")
    paths, troubles = listed(root)
    assert paths == ["real"]
    assert set(troubles) == {"out", "loop"}
    assert "out of the tree" in troubles["out"].why


def test_a_file_that_became_a_link_or_a_pipe_is_not_read(tmp_path):
    put_at(tmp_path / "root" / "a", "x")
    put_at(tmp_path / "root" / "b", "x")
    put_at(tmp_path / "outside", "secret")
    source = Tree([tmp_path / "root"])
    items = list(source.items())
    for name in "ab":
        (tmp_path / "root" / name).unlink()
    (tmp_path / "root" / "a").symlink_to(tmp_path / "outside")
    os.mkfifo(tmp_path / "root" / "b")
    with source.reader() as reader:
        answers = list(reader(items))
    assert [type(answer) for answer in answers] == [Trouble, Trouble]


def test_pipes_and_sockets_are_said_to_be_left_out(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as end:
        end.bind("socket")
        paths, troubles = listed(tmp_path)
    assert paths == []
    assert {path: trouble.skipped for path, trouble in troubles.items()} == {"pipe": True, "socket": True}


def test_what_cannot_be_read_is_said_and_the_rest_is_read(tmp_path, monkeypatch):
    put_at(tmp_path / "closed", "x")
    put_at(tmp_path / "open", "y")
    put_at(tmp_path / "locked" / "x", "z")
    refuse(monkeypatch, "open", tmp_path / "closed")
    refuse(monkeypatch, "scandir", f"{tmp_path}/locked/")
    contents, troubles = read(tmp_path)
    assert contents == {"open": b"y"}
    assert {path: trouble.why for path, trouble in troubles.items()} == {
        "closed": "it cannot be read: Permission denied",
        "locked/": "it cannot be read: Permission denied",
    }


def refuse(monkeypatch, name: str, path: object) -> None:
    real = getattr(os, name)

    def refusing(what, *arguments):
        if str(what) == str(path):
            raise PermissionError(13, "Permission denied")
        return real(what, *arguments)

    monkeypatch.setattr(os, name, refusing)


def test_a_file_that_vanished_is_said(tmp_path):
    put_at(tmp_path / "a")
    source = Tree([tmp_path])
    items = list(source.items())
    (tmp_path / "a").unlink()
    with source.reader() as reader:
        (answer,) = reader(items)
    assert isinstance(answer, Trouble)
    assert "vanished" in answer.why


def test_a_file_that_grew_is_read_to_its_new_end(tmp_path):
    put_at(tmp_path / "a", "one")
    source = Tree([tmp_path])
    items = list(source.items())
    put_at(tmp_path / "a", "one two")
    with source.reader() as reader:
        (answer,) = reader(items)
    assert answer == Blob("a", b"one two")


def test_names_that_are_no_text_are_read(tmp_path):
    root = os.fsencode(tmp_path)
    for name in (b"\xff\xfe", b"a\nb\x1b[31m"):
        Path(os.fsdecode(root + b"/" + name)).write_bytes(b"x")
    put_at(tmp_path / ".tokenwardignore", "*.pem\n")
    assert set(read(tmp_path)[0]) == {"\udcff\udcfe", "a\nb\x1b[31m", ".tokenwardignore"}


def test_a_pointer_of_lfs_says_that_its_content_is_elsewhere(tmp_path):
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12\n"
    put_at(tmp_path / "big.bin", pointer)
    contents, troubles = read(tmp_path)
    assert contents == {"big.bin": pointer.encode()}, "what looks like a pointer may hold more"
    assert troubles["big.bin"].skipped


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(windows, "WINDOW", 1000)
    monkeypatch.setattr(windows, "_START", 100)
    monkeypatch.setattr(windows, "OVERLAP", 100)
    monkeypatch.setattr(windows, "WHOLE_TEXT", 2000)
    monkeypatch.setattr(windows, "WHOLE", 4000)


def test_what_may_be_a_container_is_held_longer_than_text(tmp_path, small):
    put_at(tmp_path / "archive", b"\0" * 3000)
    put_at(tmp_path / "large archive", b"\0" * 5000)
    put_at(tmp_path / "text", "x" * 3000)
    source = Tree([tmp_path])
    with source.reader() as reader:
        seen = list(reader(list(source.items())))
    assert {one.path: one.window for one in seen} == {"archive": False, "large archive": True, "text": True}
    assert max(len(one.data) for one in seen if one.window) == 1000


@pytest.mark.parametrize("line", [10, 37, 5000])
def test_a_large_file_comes_in_windows_that_overlap_and_keep_their_places(tmp_path, small, line):
    data = b"".join(b"%07d%s" % (n, b"\n" if n * 7 % line < 7 else b".") for n in range(1, 1500))
    put_at(tmp_path / "large", data)
    source = Tree([tmp_path])
    with source.reader() as reader:
        seen = list(reader(list(source.items())))
    assert len(seen) > 10
    covered = 0
    for one in seen:
        assert one.window
        assert len(one.data) <= 1000
        assert data[one.offset : one.offset + len(one.data)] == one.data
        assert one.first_line == data.count(b"\n", 0, one.offset) + 1
        assert one.offset == 0 or covered - one.offset >= 50
        covered = one.offset + len(one.data)
    assert covered == len(data)


def test_a_file_that_grows_beyond_the_bound_comes_in_windows(tmp_path, small, monkeypatch):
    put_at(tmp_path / "log", "x" * 5000)
    source = Tree([tmp_path])
    items = list(source.items())
    # As if it had been shorter when its size was asked for.
    then = SimpleNamespace(st_mode=(tmp_path / "log").stat().st_mode, st_size=1)
    monkeypatch.setattr(os, "fstat", lambda _descriptor: then)
    with source.reader() as reader:
        seen = list(reader(items))
    assert all(one.window for one in seen)
    assert seen[-1].offset + len(seen[-1].data) == 5000
