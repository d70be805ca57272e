import os
import shutil
from pathlib import Path

import pytest

from git_repositories import Repository
from leaks.reading import message, names, read
from tokenward.leaks.blob import Blob, Origin
from tokenward.leaks.sources import git_objects, windows
from tokenward.leaks.sources.git_history import GitHistory
from tokenward.leaks.sources.source import CannotScan, Item
from tokenward.leaks.sources.tree import Tree


def contents(source: GitHistory) -> dict[str, list[bytes]]:
    blobs, troubles = read(source)
    assert troubles == []
    seen: dict[str, list[bytes]] = {}
    for blob in blobs:
        if blob.path != "reflogs" and not blob.path.startswith("commit "):
            seen.setdefault(blob.path, []).append(blob.data)
    return {path: sorted(versions) for path, versions in seen.items()}


def test_each_version_is_read_once_and_messages_too(repository):
    first = repository.commit({"a": "one", "copy": "one", "dir/b": "b"}, "First\n\nwords")
    second = repository.commit({"a": "two", "dir/b": None}, "Second")
    repository.git("tag", "--annotate", "v1", "--message", "a release")
    blobs, troubles = read(GitHistory(repository.path))
    assert troubles == []
    assert sorted((blob.path, message(blob)) for blob in blobs if blob.path != "reflogs") == sorted(
        [
            ("copy", b"one"),
            ("a", b"two"),
            ("dir/b", b"b"),
            (f"commit {first}", b"First\n\nwords\n"),
            (f"commit {second}", b"Second\n"),
            ("tag v1", b"a release\n"),
        ]
    )
    assert {blob.object_id for blob in blobs} >= {first, second, repository.id_of("HEAD:a")}


def test_whatever_a_ref_or_a_reflog_leads_to_is_read(repository):
    repository.commit({"a": "main"})
    repository.git("checkout", "--quiet", "-b", "side")
    repository.commit({"a": "side"})
    repository.git("checkout", "--quiet", "main")
    repository.git("update-ref", "refs/remotes/origin/x", "side")
    repository.git("branch", "--quiet", "-D", "side")
    repository.commit({"a": "to be amended"})
    repository.write({"a": "amended"})
    repository.git("commit", "--quiet", "--all", "--amend", "--message", "x")
    repository.git("notes", "add", "--message", "a note")
    for content in ("stashed first", "stashed second"):
        repository.write({"a": content})
        repository.git("stash")
    repository.write({"a": "staged"})
    repository.git("add", "a")
    repository.write({"a": "not staged"})
    seen = contents(GitHistory(repository.path))
    assert seen.pop("a") == [
        b"amended", b"main", b"side", b"staged", b"stashed first", b"stashed second", b"to be amended",
    ]  # fmt: skip
    assert list(seen.values()) == [[b"a note\n"]]


def test_a_branch_alone_is_read_without_the_others(repository):
    repository.commit({"a": "main"})
    repository.git("checkout", "--quiet", "-b", "side")
    repository.commit({"a": "side"})
    assert contents(GitHistory(repository.path, branches=["main"])) == {"a": [b"main"]}


@pytest.mark.parametrize("name", ["nothing", "--all", "--upload-pack=touch x"])
def test_a_branch_that_is_none_is_said(repository, name):
    repository.commit({"a": "main"})
    with pytest.raises(CannotScan, match="no branch"):
        GitHistory(repository.path, branches=[name])


def test_what_nothing_refers_to_any_more_is_read_if_asked_for(repository):
    repository.commit({"a": "kept"})
    lost = repository.commit({"a": "lost"})
    blob = repository.id_of("HEAD:a")
    repository.git("reset", "--quiet", "--hard", "HEAD~")
    repository.git("reflog", "expire", "--expire=now", "--all")
    assert contents(GitHistory(repository.path)) == {"a": [b"kept"]}
    source = GitHistory(repository.path, unreachable=True)
    assert contents(source) == {"a": [b"kept"], f"object {blob}": [b"lost"]}
    assert [origin.commit for origin in source.attribute({blob})[blob]] == [lost]


def test_a_blob_is_laid_to_the_first_commit_at_each_of_its_paths(repository):
    first = repository.commit({"a": "x"})
    moved = repository.commit({"b": "x", "a": "y"})
    repository.commit({"a": "x"})
    blob = repository.id_of("HEAD:a")
    attributed = GitHistory(repository.path).attribute({blob})
    assert attributed == {
        blob: (
            Origin("a", first, "Ann <ann@example.org>", "2020-09-13T12:27:40+00:00"),
            Origin("b", moved, "Ann <ann@example.org>", "2020-09-13T12:28:40+00:00"),
        )
    }


def test_what_only_a_merge_brought_in_is_laid_to_the_merge(repository):
    repository.commit({"a": "base"})
    repository.git("checkout", "--quiet", "-b", "side")
    side = repository.commit({"b": "side"})
    repository.git("checkout", "--quiet", "main")
    repository.commit({"c": "main"})
    repository.git("merge", "--quiet", "--no-commit", "side")
    merge = repository.commit({"a": "evil"})
    blobs = {name: repository.id_of(f"HEAD:{name}") for name in "ab"}
    attributed = GitHistory(repository.path).attribute(set(blobs.values()))
    assert [origin.commit for origin in attributed[blobs["a"]]] == [merge]
    assert [origin.commit for origin in attributed[blobs["b"]]] == [side]


def test_messages_are_laid_to_their_commit_and_tag(repository):
    commit = repository.commit({}, "Empty, with a message")
    repository.git("tag", "--annotate", "v1", "--message", "x", GIT_COMMITTER_DATE="1600000000 +0000")
    tag = repository.id_of("v1")
    attributed = GitHistory(repository.path).attribute({commit, tag})
    assert [(one.path, one.commit) for one in attributed[commit]] == [(f"commit {commit}", commit)]
    assert attributed[tag] == (
        Origin("tag v1", commit, "Ann <ann@example.org>", "2020-09-13T12:26:40+00:00"),
    )


def test_what_no_commit_brought_in_is_laid_to_nobody(repository):
    repository.commit({"a": "x"})
    repository.write({"b": "staged"})
    repository.git("add", "b")
    assert GitHistory(repository.path).attribute({repository.id_of(":b")}) == {}
    assert GitHistory(repository.path).attribute(set()) == {}


def test_head_says_what_it_holds(repository):
    source = GitHistory(repository.path)
    assert source.head() == frozenset()
    repository.commit({"a": "old", "deep/b": "b"})
    old = repository.id_of("HEAD:a")
    repository.commit({"a": "new"})
    assert source.head() == {repository.id_of("HEAD:a"), repository.id_of("HEAD:deep/b")}
    assert old not in source.head()


def test_strange_names_come_through(repository):
    names = ["new\nline", 'quo"te', "tab\t", "\udcff", ":colon", "-dash"]
    repository.commit({"plain": "x"})
    commit = repository.commit({name: name.encode("utf-8", "surrogateescape") for name in names})
    source = GitHistory(repository.path)
    blobs, _ = read(source)
    ids = {blob.data.decode("utf-8", "surrogateescape"): blob.object_id for blob in blobs}
    attributed = source.attribute(set(ids.values()))
    for name in names:
        assert [(one.path, one.commit) for one in attributed[ids[name]]] == [(name, commit)]


@pytest.mark.parametrize("kind", ["sha256", "bare", "detached", "worktree", "shared"])
def test_repositories_of_all_kinds_are_read(tmp_path, kind):
    repository = Repository(tmp_path / "r", *(["--object-format=sha256"] if kind == "sha256" else []))
    repository.commit({"a": "one"})
    repository.commit({"a": "two"})
    place = repository.path
    if kind == "bare":
        place = tmp_path / "bare.git"
        repository.git("clone", "--quiet", "--bare", ".", str(place))
    elif kind == "detached":
        repository.git("checkout", "--quiet", "--detach")
        repository.commit({"a": "three"})
        repository.git("reflog", "expire", "--expire=now", "--all")
    elif kind == "worktree":
        place = tmp_path / "tree"
        repository.git("worktree", "add", "--quiet", "--detach", str(place))
    elif kind == "shared":  # through an alternate
        place = tmp_path / "shared"
        repository.git("clone", "--quiet", "--shared", ".", str(place))
    expected = [b"one", b"three", b"two"] if kind == "detached" else [b"one", b"two"]
    source = GitHistory(place)
    assert contents(source) == {"a": expected}
    blobs, _ = read(source)
    assert all(source.attribute({blob.object_id}) for blob in blobs if blob.object_id)


def test_an_empty_repository_has_nothing(repository):
    source = GitHistory(repository.path)
    assert read(source) == ([], [])
    assert source.head() == frozenset()


def test_a_shallow_clone_says_that_its_history_is_cut(tmp_path, repository):
    repository.commit({"a": "one"})
    repository.commit({"a": "two"})
    place = tmp_path / "shallow"
    repository.git("clone", "--quiet", "--depth", "1", f"file://{repository.path}", str(place))
    blobs, troubles = read(GitHistory(place))
    assert [blob.data for blob in blobs if blob.path == "a"] == [b"two"]
    assert [trouble.why for trouble in troubles] == [
        "the clone is shallow: what came before its oldest commits is not here"
    ]


def test_replacements_and_grafts_hide_nothing(repository):
    repository.commit({"a": "hidden by a graft"})
    second = repository.commit({"a": "hidden by a replacement"})
    repository.git(
        "replace", repository.id_of("HEAD:a"), repository.git("hash-object", "-w", "--stdin", given="x")
    )
    repository.write({".git/info/grafts": f"{second}\n"})
    repository.git("reflog", "expire", "--expire=now", "--all")
    assert b"hidden by a replacement" in contents(GitHistory(repository.path))["a"]
    assert b"hidden by a graft" in contents(GitHistory(repository.path))["a"]


def object_file(repository: Repository, object_id: str) -> Path:
    return repository.path / ".git/objects" / object_id[:2] / object_id[2:]


def test_a_missing_blob_is_trouble_and_the_rest_is_read(repository):
    repository.commit({"a": "a", "b": "b", "c": "c"})
    missing = repository.id_of("HEAD:b")
    object_file(repository, missing).unlink()
    blobs, troubles = read(GitHistory(repository.path))
    assert {"a", "c"} < {blob.path for blob in blobs}
    assert [(trouble.path, trouble.skipped) for trouble in troubles] == [(f"object {missing}", False)]


def test_a_corrupt_blob_is_trouble_and_the_rest_is_read(repository):
    repository.commit({name: name * 5000 for name in "abc"})
    file = object_file(repository, repository.id_of("HEAD:b"))
    data = file.read_bytes()
    file.chmod(0o644)
    file.write_bytes(data[: len(data) - 8])
    blobs, troubles = read(GitHistory(repository.path))
    assert {"a", "c"} < {blob.path for blob in blobs}
    assert [trouble.path for trouble in troubles] == ["b"]
    assert "corrupt" in troubles[0].why


@pytest.mark.parametrize("what", ["HEAD~", "HEAD~^{tree}"])
def test_where_the_history_cannot_be_walked_what_is_stored_is_read(repository, what):
    for content in ("one", "two", "three"):
        repository.commit({"a": content})
    file = object_file(repository, repository.id_of(what))
    file.chmod(0o644)
    file.write_bytes(b"")
    repository.git("reflog", "expire", "--expire=now", "--all", check=False)
    blobs, troubles = read(GitHistory(repository.path))
    assert {b"one", b"two", b"three"} < {blob.data for blob in blobs}
    assert any("could not walk the whole history" in trouble.why for trouble in troubles)
    assert GitHistory(repository.path).attribute({repository.git("hash-object", "a")}) is not None


def test_submodules_are_named(tmp_path, repository):
    inner = Repository(tmp_path / "inner")
    inner.commit({"x": "inner"})
    repository.git("submodule", "--quiet", "add", str(inner.path), "lib/inner")
    repository.commit()
    blobs, troubles = read(GitHistory(repository.path))
    assert b"inner" not in {blob.data for blob in blobs}
    assert [(trouble.path, trouble.skipped) for trouble in troubles] == [("lib/inner", True)]


def test_the_content_of_lfs_is_read_where_it_was_fetched(repository):
    here, away = "a" * 64, "b" * 64
    form = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 7\n"
    repository.commit({"here": form.format(here), "away": form.format(away)})
    repository.write({f".git/lfs/objects/aa/aa/{here}": "content"})
    blobs, troubles = read(GitHistory(repository.path))
    assert next(blob.data for blob in blobs if blob.path == "here") == b"content"
    assert [(trouble.path, trouble.skipped) for trouble in troubles] == [("away", True)]


def test_a_large_blob_comes_in_windows(repository, monkeypatch):
    for module in (windows, git_objects):
        monkeypatch.setattr(module, "WHOLE_TEXT", 2000)
    monkeypatch.setattr(windows, "WINDOW", 1000)
    monkeypatch.setattr(windows, "_START", 100)
    monkeypatch.setattr(windows, "OVERLAP", 100)
    data = b"".join(b"%07d\n" % n for n in range(1000))
    repository.commit({"a": "first", "large": data, "z": "last"})
    source = GitHistory(repository.path)
    blobs, _ = read(source)
    pieces = [blob for blob in blobs if blob.path == "large"]
    assert len(pieces) > 8
    for blob in pieces:
        assert blob.window
        assert data[blob.offset :].startswith(blob.data)
        assert blob.first_line == data.count(b"\n", 0, blob.offset) + 1
    assert {b"first", b"last"} < {blob.data for blob in blobs}
    # Who stops in the middle of it gets true answers to the next question.
    items = {item.path: item for item in source.items() if isinstance(item, Item)}
    with source.reader() as reader:
        next(iter(reader([items["large"]])))
        assert [blob.data for blob in reader([items["a"]]) if isinstance(blob, Blob)] == [b"first"]


def test_many_objects_fit_through_the_pipe(repository):
    repository.commit({f"dir{n % 7}/{n}": f"content {n}" for n in range(1500)})
    assert sum(len(versions) for versions in contents(GitHistory(repository.path)).values()) == 1500


HOSTILE = """
[core]
    fsmonitor = touch CANARY
    sshCommand = touch CANARY
    hooksPath = {path}/hooks
    pager = touch CANARY
    editor = touch CANARY
    alternateRefsCommand = touch CANARY
    gitProxy = touch CANARY
[diff]
    external = touch CANARY
[diff "evil"]
    command = touch CANARY
    textconv = touch CANARY
[filter "evil"]
    clean = touch CANARY
    smudge = touch CANARY
    process = touch CANARY
[alias]
    rev-list = !touch CANARY
    cat-file = !touch CANARY
[gpg]
    program = {path}/program
[log]
    showSignature = true
[credential]
    helper = !touch CANARY
[extensions]
    partialClone = evil
[remote "evil"]
    url = ext::touch% CANARY
    promisor = true
    uploadpack = touch CANARY
[protocol]
    allow = always
[uploadpack]
    packObjectsHook = touch CANARY
[include]
    path = {path}/included
"""


@pytest.fixture
def canary(tmp_path, repository):
    """A repository that tries to run something on every occasion, and what would be there if it did."""
    canary = tmp_path / "canary"
    repository.commit({"a": "a", "b": "b", ".gitattributes": "* filter=evil diff=evil\n"})
    missing = repository.id_of("HEAD:b")
    evil = tmp_path / "evil"
    script = f"#!/bin/sh\ntouch {canary}\n"
    for name in ("pre-commit", "post-index-change", "reference-transaction", "fsmonitor-watchman"):
        file = evil / "hooks" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(script)
        file.chmod(0o755)
    (evil / "program").write_text(script)
    (evil / "program").chmod(0o755)
    hostile = HOSTILE.format(path=evil).replace("CANARY", str(canary))
    (evil / "included").write_text(hostile.replace("[include]", "[ignored]"))
    config = repository.path / ".git/config"
    config.write_text(
        config.read_text().replace("repositoryformatversion = 0", "repositoryformatversion = 1") + hostile
    )
    object_file(repository, missing).unlink()
    (repository.path / "a").write_text("changed")
    return canary


def test_a_hostile_repository_runs_nothing(repository, canary):
    source = GitHistory(repository.path, unreachable=True)
    blobs, troubles = read(source)
    assert b"a" in {blob.data for blob in blobs}
    assert len(troubles) == 1  # the object that it would have fetched
    source.attribute({blob.object_id or "" for blob in blobs})
    source.head()
    list(Tree([repository.path]).items())
    assert not canary.exists()


def test_the_hostile_repository_of_these_tests_is_hostile(repository, canary):
    # Without our settings, git runs what the repository says: the test above can fail.
    repository.git("status", check=False)
    assert canary.exists()


def test_a_repository_of_somebody_else_is_refused_as_git_refuses_it(repository, monkeypatch):
    repository.commit({"a": "a"})
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(CannotScan, match=r"belongs to another user; .*--add safe\.directory"):
        GitHistory(repository.path)


def test_where_there_is_no_repository_or_no_git_that_is_said(tmp_path, repository, monkeypatch):
    with pytest.raises(CannotScan, match="no git repository"):
        GitHistory(tmp_path)
    with pytest.raises(CannotScan, match="cannot change to"):
        GitHistory(tmp_path / "missing")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotScan, match="git is not installed"):
        GitHistory(repository.path)


def test_a_named_repository_is_read_whatever_the_environment_of_a_hook_says(
    tmp_path, repository, monkeypatch
):
    repository.commit({"a": "this"})
    other = Repository(tmp_path / "other")
    other.commit({"a": "other"})
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    assert contents(GitHistory(repository.path)) == {"a": [b"this"]}
    assert contents(GitHistory()) == {"a": [b"other"]}


def test_no_git_is_left_running(repository):
    listing = Path(f"/proc/self/task/{os.getpid()}/children")
    others = listing.read_text()  # of tests before this one in the same process
    repository.commit({"a": "a"})
    source = GitHistory(repository.path)
    items = source.items()
    next(items)
    items.close()
    with source.reader() as reader:
        answers = reader([Item("a", 1, repository.id_of("HEAD:a"))])
        next(iter(answers))
    assert listing.read_text() == others
    shutil.rmtree(repository.path)


def test_names_of_refs_are_listed_and_who_made_a_commit_or_a_tag_is_read(repository):
    repository.commit({"a": "one"}, "Words")
    repository.git("branch", "gone")
    repository.git("checkout", "--quiet", "gone")
    repository.git("checkout", "--quiet", "main")
    repository.git("branch", "--quiet", "-D", "gone")
    repository.git("tag", "--annotate", "v1", "--message", "a release")
    source = GitHistory(repository.path)
    assert names(source) == ["refs/heads/main", "refs/tags/v1"]
    seen = {blob.path.partition(" ")[0]: blob.data for blob in read(source)[0]}
    assert b"Words\nauthor Ann <ann@example.org> " in seen["commit"]
    assert b"\ncommitter Ann <ann@example.org> " in seen["commit"]
    assert b"a release\ntag v1\ntagger Ann <ann@example.org> " in seen["tag"]
    assert b"moving from main to gone" in seen["reflogs"]


def test_a_tag_that_was_merged_is_read_and_a_signature_is_not(repository):
    head = (
        "tree {}\nauthor A <a> 1 +0000\ncommitter B <b> 1 +0000\nmergetag object {}\n type commit\n"
        " tag inner\n \n inside\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n c2lnbmF0dXJl\n\nWords\n"
    )
    repository.commit({"a": "one"})
    tree = repository.id_of("HEAD^{tree}")
    made = repository.git(
        "hash-object", "-w", "-t", "commit", "--stdin", given=head.format(tree, repository.id_of("HEAD"))
    )
    repository.git("update-ref", "refs/heads/main", made)
    [data] = [blob.data for blob in read(GitHistory(repository.path))[0] if blob.path == f"commit {made}"]
    assert data.startswith(b"Words\nauthor A <a>")
    assert b"inside" in data
    assert b"c2ln" not in data
