import os
import sys

import pytest

from git_repositories import Repository
from leaks.reading import message, names, read
from tokenward.leaks.sources import git as gits
from tokenward.leaks.sources.git_changes import Staged
from tokenward.leaks.sources.git_commits import commit_range, commits_since, pushed, received
from tokenward.leaks.sources.source import CannotScan, Source

ZERO = "0" * 40


def versions(source: Source) -> list[tuple[str, bytes, bytes | None]]:
    """Path, content and what was there before, of all but messages."""
    blobs, troubles = read(source)
    assert troubles == []
    return sorted((one.path, one.data, one.old) for one in blobs if not one.path.startswith("commit "))


def test_what_is_staged_comes_with_what_head_has(repository):
    repository.commit({"changed": "old", "removed": "x", "same": "same", "only in the tree": "x"})
    repository.write({"changed": "new", "added": "added", "only in the tree": "y", "sp ace\nline": "z"})
    repository.git("rm", "--quiet", "removed")
    repository.git("add", "changed", "added", "sp ace\nline")
    repository.write({"changed": "later"})
    assert versions(Staged(repository.path)) == [
        ("added", b"added", None),
        ("changed", b"new", b"old"),
        ("sp ace\nline", b"z", None),
    ]


def test_before_the_first_commit_everything_staged_is_new(repository):
    repository.write({"a": "a"})
    repository.git("add", "a")
    assert versions(Staged(repository.path)) == [("a", b"a", None)]


def test_what_was_moved_is_not_new(repository):
    repository.commit({"a": "content"})
    repository.git("mv", "a", "b")
    assert versions(Staged(repository.path)) == []
    repository.commit()
    assert versions(commit_range(repository.path, "HEAD~..HEAD")) == []


def test_a_tokenwardignore_of_the_working_tree_leaves_out_staged_files_and_says_so(repository):
    repository.write({".tokenwardignore": "fixtures/\n", "deep/.tokenwardignore": "*.pem\n"})
    repository.commit()
    repository.write({"fixtures/a/b": "x", "deep/c.pem": "x", "c.pem": "x"})
    repository.git("add", "--all")
    blobs, troubles = read(Staged(repository.path))
    assert [blob.path for blob in blobs] == ["c.pem"]
    assert [(one.path, one.skipped) for one in troubles] == [(".tokenwardignore", True)]
    assert len(versions(Staged(repository.path, ignore=False))) == 3
    repository.commit()
    paths = [blob.path for blob in read(commit_range(repository.path, "HEAD~..HEAD"))[0]]
    assert [path for path in paths if not path.startswith("commit ")] == ["c.pem"]


def test_a_tokenwardignore_that_is_not_added_leaves_out_nothing_and_that_is_said(repository):
    repository.commit({".tokenwardignore": "fixtures/\n", "a": "x"})
    repository.write({"fixtures/b": "x", "c": "x", ".tokenwardignore": "*\n", "deep/.tokenwardignore": "*\n"})
    repository.write({"deep/d": "x"})
    repository.git("add", "fixtures/b", "c", "deep/d")
    blobs, troubles = read(Staged(repository.path))
    told = {one.path: one.why for one in troubles}
    assert [blob.path for blob in blobs] == ["c", "deep/d"]
    assert "not added to git" in told["deep/.tokenwardignore"]
    assert told[".tokenwardignore"].endswith(": 1")  # as it is in the index


@pytest.mark.parametrize("linked", [False, True])
def test_what_a_merged_branch_has_is_not_new(tmp_path, repository, monkeypatch, linked):
    repository.commit({"both": "base\n"})
    repository.git("checkout", "--quiet", "-b", "side")
    repository.commit({"both": "side\n", "theirs": "theirs\n"})
    repository.git("checkout", "--quiet", "main")
    repository.commit({"both": "main\n"})
    if linked:
        repository.git("checkout", "--quiet", "--detach")
        repository.git("worktree", "add", "--quiet", str(tmp_path / "tree"), "main")
        repository.path = tmp_path / "tree"
    repository.git("merge", "--quiet", "side", check=False)
    repository.write({"both": "main\nside\nnew\n", "ours": "ours\n"})
    repository.git("add", "--all")
    expected = [("both", b"main\nside\nnew\n", b"main\n\nside\n"), ("ours", b"ours\n", None)]
    assert versions(Staged(repository.path)) == expected
    monkeypatch.setenv("GIT_DIR", repository.git("rev-parse", "--absolute-git-dir"))
    monkeypatch.chdir(repository.path)
    assert versions(Staged()) == expected
    repository.commit()
    assert versions(commit_range(repository.path, "HEAD^!")) == expected


def test_a_merge_of_many_parents_is_read(repository):
    repository.commit({f"{n}": "base\n" for n in range(60)})
    base = repository.id_of("HEAD")
    parents = []
    for branch in range(20):
        repository.git("reset", "--quiet", "--hard", base)
        parents += ["-p", repository.commit({f"{n}": f"branch {branch}\n" for n in range(60)})]
    repository.commit({f"{n}": f"evil {n}\n" for n in range(60)})
    merge = repository.git("commit-tree", *parents, "-m", "x", "HEAD^{tree}")
    repository.git("update-ref", "refs/heads/merge", merge)
    repository.git("reset", "--quiet", "--hard", base)
    found = [old for _, _, old in versions(commit_range(repository.path, "merge^!"))]
    assert len(found) == 60
    assert all(old is not None and old.count(b"branch") == 8 for old in found)


def test_settings_that_narrow_a_diff_narrow_nothing(repository, monkeypatch):
    repository.commit({"a": "a", "deep/b": "b"})
    repository.git("config", "diff.relative", "true")
    repository.git("config", "diff.external", "false")
    repository.write({"a": "A", "deep/b": "B"})
    repository.git("add", "--all")
    monkeypatch.chdir(repository.path / "deep")
    assert [path for path, _, _ in versions(Staged())] == ["a", "deep/b"]


def test_a_hook_sees_the_index_that_git_made_for_the_commit(tmp_path, repository, monkeypatch):
    repository.commit({"a": "old", "b": "old"})
    repository.write({"a": "new", "b": "new"})
    repository.git("add", "b")
    # `git commit a` commits from an index of its own, and its hooks are told which.
    index = tmp_path / "index"
    repository.git("read-tree", "HEAD", GIT_INDEX_FILE=str(index))
    repository.git("add", "a", GIT_INDEX_FILE=str(index))
    monkeypatch.setenv("GIT_INDEX_FILE", str(index))
    monkeypatch.chdir(repository.path)
    assert versions(Staged()) == [("a", b"new", b"old")]


def test_the_staged_files_take_two_processes(repository, monkeypatch):
    repository.commit({"a": "old"})
    repository.write({"a": "new"})
    repository.git("add", "a")
    started = []
    real = gits.subprocess.Popen

    class Counted(real):
        def __init__(self, *arguments, **options):
            started.append(arguments[0])
            super().__init__(*arguments, **options)

    monkeypatch.setattr(gits.subprocess, "Popen", Counted)
    read(Staged(repository.path))
    assert len(started) == 2


def test_outside_of_a_repository_nothing_is_staged(tmp_path, repository, monkeypatch):
    with pytest.raises(CannotScan, match="no git repository"):
        list(Staged(tmp_path).items())
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(CannotScan, match="another user"):
        list(Staged(repository.path).items())


def test_a_range_gives_what_each_of_its_commits_brought_in(repository):
    repository.commit({"a": "one", "b": "b"})
    base = repository.id_of("HEAD")
    second = repository.commit({"a": "two"}, "Second")
    third = repository.commit({"a": "three", "c": "c", "b": None}, "Third")
    source = commit_range(repository.path, f"{base}..HEAD")
    assert versions(source) == [("a", b"three", b"two"), ("a", b"two", b"one"), ("c", b"c", None)]
    assert sorted(message(blob) for blob in read(source)[0] if blob.path.startswith("commit ")) == [
        b"Second\n",
        b"Third\n",
    ]
    ids = {repository.id_of(name) for name in ("HEAD:a", "HEAD~:a", "HEAD:c")}
    attributed = source.attribute(ids | {"f" * 40})
    assert {origins[0].commit for origins in attributed.values()} == {second, third}
    assert len(attributed) == 3
    assert source.head() == {repository.id_of("HEAD:a"), repository.id_of("HEAD:c")}


@pytest.mark.parametrize("revisions", ["nothing..HEAD", "--all", "--output=x", "", "HEAD~9..HEAD"])
def test_a_range_that_is_none_is_said(repository, revisions):
    repository.commit({"a": "a"})
    with pytest.raises(CannotScan, match="no commits"):
        commit_range(repository.path, revisions)


def test_a_secret_that_comes_back_within_a_range_is_there_again(repository):
    repository.commit({"a": "secret"})
    repository.commit({"a": "clean"})
    repository.commit({"a": "secret"})
    assert ("a", b"secret", b"clean") in versions(commit_range(repository.path, "HEAD~2..HEAD"))


def test_content_that_was_known_at_one_path_is_new_at_another(repository):
    repository.commit({"a": "secret"})
    repository.commit({"a": "secret and more"})
    repository.commit({"b": "secret and more"})
    assert versions(commit_range(repository.path, "HEAD~2..HEAD")) == [
        ("a", b"secret and more", b"secret"),
        ("b", b"secret and more", None),
    ]


def test_commits_since_a_date(repository):
    repository.commit({"a": "one"})
    repository.date += 3600
    repository.commit({"a": "two"})
    assert versions(commits_since(repository.path, "2020-09-13T13:00:00Z")) == [("a", b"two", b"one")]


@pytest.mark.parametrize("date", ["", "garbage", "--all", "once upon a time"])
def test_a_date_that_is_none_is_said(repository, date):
    repository.commit({"a": "a"})
    with pytest.raises(CannotScan, match="no date"):
        commits_since(repository.path, date)


def test_a_path_deeper_than_any_tree_is_looked_at(repository):
    repository.commit({".tokenwardignore": "*.pem\n"})
    path = "dir/" * 1500 + "x.py"
    stream = f"M 100644 inline {path}\ndata 4\ndeep\n"
    committer = "committer A <a@example.org> 1600000000 +0000"
    head = f"commit refs/heads/deep\n{committer}\ndata 1\nx\nfrom refs/heads/main\n"
    repository.git("fast-import", "--quiet", given=head + stream)
    assert [data for _, data, _ in versions(commit_range(repository.path, "main..deep"))] == [b"deep"]


@pytest.fixture
def remote(tmp_path, repository) -> Repository:
    """What the repository has pushed one commit to."""
    remote = Repository(tmp_path / "remote.git", "--bare")
    repository.git("remote", "add", "origin", str(remote.path))
    repository.commit({"a": "pushed"})
    repository.git("push", "--quiet", "origin", "main")
    return remote


def line(repository: Repository, what: str = "HEAD", old: str = ZERO) -> str:
    return f"refs/heads/x {repository.id_of(what)} refs/heads/x {old}\n"


def test_a_push_is_what_the_remote_does_not_have(repository, remote):
    repository.commit({"a": "new"})
    assert versions(pushed(repository.path, line(repository), "origin")) == [("a", b"new", b"pushed")]
    assert versions(pushed(repository.path, line(repository), str(remote.path))) == [("a", b"new", b"pushed")]
    # A remote that has nothing gets everything.
    repository.git("remote", "add", "fork", str(remote.path))
    assert len(versions(pushed(repository.path, line(repository), "fork"))) == 2


def test_a_push_leaves_out_what_git_says_the_remote_has(repository, remote):
    there = repository.commit({"a": "there by another way"})
    repository.commit({"a": "new"})
    assert versions(pushed(repository.path, line(repository, old=there), "origin")) == [
        ("a", b"new", b"there by another way")
    ]
    # One that is not here is of no use, and no trouble.
    assert len(versions(pushed(repository.path, line(repository, old="1" * 40), "origin"))) == 2


def test_a_push_that_deletes_or_has_nothing_new_is_nothing(repository, remote):
    for lines in ("", f"(delete) {ZERO} refs/heads/x {repository.id_of('HEAD')}\n", line(repository)):
        assert read(pushed(repository.path, lines, "origin")) == ([], [])


def test_tags_and_blobs_that_are_pushed_are_read_and_a_tree_is_said(repository, remote):
    repository.git("tag", "--annotate", "v1", "--message", "a message")
    blob = repository.git("hash-object", "-w", "--stdin", given="tagged")
    repository.git("tag", "blob", blob)
    repository.git("tag", "tree", "HEAD^{tree}")
    lines = "".join(
        f"refs/tags/{tag} {repository.id_of(f'refs/tags/{tag}')} refs/tags/{tag} {ZERO}\n"
        for tag in ("v1", "blob", "tree")
    )
    blobs, troubles = read(pushed(repository.path, lines, "origin"))
    assert {(one.path, message(one)) for one in blobs} == {
        ("tag v1", b"a message\n"),
        ("refs/tags/blob", b"tagged"),
    }
    assert [one.path for one in troubles] == ["refs/tags/tree"]


@pytest.mark.parametrize("lines", ["x\n", f"a {'g' * 40} b {ZERO}\n", f"a --all b {ZERO}\n", "a b c d e\n"])
def test_lines_that_are_none_of_git_are_refused(repository, lines):
    with pytest.raises(CannotScan, match="githooks"):
        pushed(repository.path, lines, "origin")


def test_a_push_of_what_is_not_here_is_no_clean_push(repository, remote):
    lines = f"refs/heads/x {'1' * 40} refs/heads/x {ZERO}\n"
    assert read(pushed(repository.path, lines, "origin"))[1] != []


HOOK = """#!/bin/sh
exec {python} {script} > {out}
"""

SCRIPT = """
import sys
from tokenward.leaks.sources.git_commits import received
source = received(sys.stdin.read())
items = list(source.items())
with source.reader() as reader:
    for one in reader(items):
        print(one.path if one.path[:7] != "commit " else "message", one.data[:5], one.old)
"""


def test_a_server_sees_what_is_still_in_quarantine(tmp_path, repository, remote):
    script, out = tmp_path / "script.py", tmp_path / "out"
    script.write_text(SCRIPT)
    hook = remote.path / "hooks/pre-receive"
    hook.write_text(HOOK.format(python=sys.executable, script=script, out=out))
    hook.chmod(0o755)
    repository.commit({"a": "new"}, "Words")
    repository.git("push", "--quiet", "origin", "main", PYTHONPATH=os.pathsep.join(sys.path))
    assert sorted(out.read_text().splitlines()) == ["a b'new' b'pushed'", "message b'Words' None"]
    assert read(received("")) == ([], [])


def test_only_names_that_are_new_count(repository):
    repository.commit({"a": "content", "b": "b", "changed": "1"})
    repository.git("mv", "a", "moved")
    repository.write({"changed": "2"})
    repository.git("add", "--all")
    assert names(Staged(repository.path)) == ["moved"]
    assert [one.path for one in Staged(repository.path).items() if not one.old] == ["moved"]
    repository.commit({"copy": "b"})
    assert names(commit_range(repository.path, "HEAD~..HEAD")) == ["moved"]
    repository.commit({"copy of what is new": "new", "the same again": "new"})
    [alone] = names(commit_range(repository.path, "HEAD~..HEAD"))
    assert alone in {"copy of what is new", "the same again"}


def test_the_name_of_a_branch_that_is_pushed_counts(repository, remote):
    repository.commit({"a": "new"})
    assert names(pushed(repository.path, line(repository), "origin"))[0].startswith("refs/")
