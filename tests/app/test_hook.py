import os
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from git_repositories import Repository, isolated
from tokenward.app import git_hooks
from tokenward.app.cli import application
from tokenward.app.git_hooks import CLIENT, PRE_COMMIT, PRE_RECEIVE, script
from tokenward.leaks.rulebook.templates import fill

LEAK = fill("token = '{checksum:crc-of-body ghp_}'\n", "a").decode()


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch, scanner_cache):
    monkeypatch.setenv("XDG_CACHE_HOME", str(scanner_cache))
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for name, value in isolated(tmp_path / "home").items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def repository(tmp_path) -> Repository:
    return Repository(tmp_path / "r")


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(application, ["hook", *arguments])
    assert result.exit_code == code, result.output
    return result.output


def commit(repository: Repository, files: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    repository.write(files)
    repository.git("add", "--all")
    return subprocess.run(
        ["git", "-c", "user.name=Ann", "-c", "user.email=a@example.org", "commit", "-m", "x", *options],
        cwd=repository.path, env=isolated(repository.path), capture_output=True, text=True, check=False,
    )  # fmt: skip


def existing(repository: Repository, name: str, text: str) -> Path:
    hook = repository.path / ".git/hooks" / name
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{text}\n")
    hook.chmod(0o755)
    return hook


def test_a_commit_with_a_credential_is_stopped_and_the_secret_is_not_shown(repository):
    run("install", str(repository.path))
    assert commit(repository, {"a.py": "x = 1\n"}).returncode == 0
    refused = commit(repository, {"a.py": LEAK})
    assert refused.returncode != 0
    assert "Nothing was committed." in refused.stderr
    assert "a.py:1" in refused.stderr
    assert "SHW3" not in refused.stderr + refused.stdout
    assert commit(repository, {}, "--no-verify").returncode == 0
    # It is in HEAD now; who changes the file has not brought it in.
    assert commit(repository, {"a.py": LEAK + "x = 1\n"}).returncode == 0


def test_a_push_with_a_credential_is_stopped(tmp_path, repository):
    remote = Repository(tmp_path / "remote.git", "--bare")
    repository.git("remote", "add", "origin", str(remote.path))
    repository.commit({"a.py": "x = 1\n"})
    run("install", str(repository.path))
    repository.git("push", "--quiet", "origin", "main")
    commit(repository, {"a.py": LEAK}, "--no-verify")
    with pytest.raises(AssertionError, match="Nothing was pushed"):
        repository.git("push", "origin", "main")
    repository.git("reset", "--quiet", "--hard", "HEAD~")
    commit(repository, {"a.py": "x = 2\n"})
    repository.git("push", "--quiet", "origin", "main")
    repository.git("push", "--quiet", "origin", "main")  # nothing new
    repository.git("push", "--quiet", "origin", "main:other")
    repository.git("push", "--quiet", "--delete", "origin", "other")


def test_a_server_refuses_a_credential(tmp_path, repository):
    remote = Repository(tmp_path / "remote.git", "--bare")
    run("install", "--server", str(remote.path))
    repository.git("remote", "add", "origin", str(remote.path))
    repository.commit({"a.py": "x = 1\n"})
    repository.git("push", "--quiet", "origin", "main")
    head = remote.git("rev-parse", "main")
    repository.commit({"a.py": LEAK})
    repository.commit({"a.py": "x = 2\n"})
    with pytest.raises(AssertionError, match=r"a\.py:1(.|\n)*Nothing was taken in") as refused:
        repository.git("push", "origin", "main")
    assert "SHW3" not in str(refused.value)
    assert remote.git("rev-parse", "main") == head


def test_what_is_pushed_cannot_let_itself_pass(tmp_path, repository):
    remote = Repository(tmp_path / "remote.git", "--bare")
    run("install", "--server", str(remote.path))
    repository.git("remote", "add", "origin", str(remote.path))
    repository.commit({"b.py": "x = 1\n"})
    repository.git("push", "--quiet", "origin", "main")
    commented = LEAK.rstrip() + "  # tokenward:allow reason=made up\n"
    repository.commit({"a.py": commented, ".tokenwardignore": "*\n"})
    with pytest.raises(AssertionError, match=r"a\.py:1(.|\n)*does not count(.|\n)*Nothing was taken in"):
        repository.git("push", "origin", "main")
    # The server's own people decide: by a file that nobody can push, or by what they tell the hook.
    ours = remote.path / ".tokenwardignore"
    ours.write_text("a.py\n")
    repository.git("push", "--quiet", "origin", "main")
    ours.unlink()
    run("install", "--server", "--scan-options", "--comments --rules 'no such file'", str(remote.path))
    assert (
        "scan --pre-receive --comments --rules 'no such file' "
        in (remote.path / "hooks/pre-receive").read_text()
    )
    run("install", "--server", "--scan-options", "--comments", str(remote.path))
    repository.commit({"c.py": commented.replace("made up", "of c")})
    repository.git("push", "--quiet", "origin", "main")


def test_options_that_are_no_words_are_refused(repository):
    run("install", "--scan-options", "'", str(repository.path), code=2)
    assert not (repository.path / ".git/hooks/pre-commit").exists()


def test_a_server_refuses_what_takes_too_long(tmp_path):
    if shutil.which("timeout") is None:
        pytest.skip("no timeout(1)")
    slow = tmp_path / "tokenward"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    hook = tmp_path / "pre-receive"
    hook.write_text(script(PRE_RECEIVE, slow).replace("timeout 60", "timeout 1"))
    done = subprocess.run(["sh", str(hook)], input="x", capture_output=True, text=True, check=False)
    assert done.returncode == 124
    assert "could not be scanned within 60 seconds" in done.stderr


@pytest.mark.parametrize("hook", [*CLIENT, PRE_RECEIVE], ids=lambda hook: hook.name)
def test_without_a_scanner_nothing_goes_on(tmp_path, monkeypatch, hook):
    file = tmp_path / "hook"
    file.write_text(script(hook, tmp_path / "gone"))
    done = subprocess.run(
        ["/bin/sh", str(file), "origin", "x"], input="x", capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode not in {0, 1}
    assert "could not be scanned" in done.stderr
    assert hook.otherwise in done.stderr


def test_a_hook_that_was_there_is_called_first_and_is_back_in_the_end(repository):
    hook = existing(repository, "pre-commit", f'echo "$@" > {repository.path}/called; exit 0')
    text = hook.read_text()
    assert "after pre-commit.before-tokenward" in run("install", str(repository.path))
    assert commit(repository, {"a.py": "x = 1\n"}).returncode == 0
    assert (repository.path / "called").exists()
    assert commit(repository, {"a.py": LEAK}).returncode != 0
    run("install", str(repository.path))  # once more is the same
    assert (hook.parent / "pre-commit.before-tokenward").read_text() == text
    assert "the one before is back" in run("uninstall", str(repository.path))
    assert hook.read_text() == text
    assert os.access(hook, os.X_OK)
    assert sorted(path.name for path in hook.parent.iterdir() if path.suffix != ".sample") == ["pre-commit"]


def test_a_hook_that_was_there_and_refuses_ends_it(repository):
    existing(repository, "pre-commit", "echo no >&2; exit 7")
    run("install", str(repository.path))
    refused = commit(repository, {"a.py": LEAK})
    assert refused.returncode != 0
    assert refused.stderr == "no\n"


def test_a_push_hook_that_was_there_hears_what_git_tells(tmp_path, repository):
    remote = Repository(tmp_path / "remote.git", "--bare")
    repository.git("remote", "add", "origin", str(remote.path))
    heard = tmp_path / "heard"
    existing(repository, "pre-push", f'echo "$1" > {heard}; cat >> {heard}')
    run("install", str(repository.path))
    commit = repository.commit({"a.py": "x = 1\n"})
    repository.git("push", "--quiet", "origin", "main")
    assert heard.read_text() == f"origin\nrefs/heads/main {commit} refs/heads/main {'0' * 40}\n"


def test_a_hook_that_is_switched_off_stays_so(repository):
    existing(repository, "pre-commit", "exit 7").chmod(0o644)
    run("install", str(repository.path))
    assert commit(repository, {"a.py": "x = 1\n"}).returncode == 0


def test_two_hooks_of_others_are_not_mixed(repository):
    first = existing(repository, "pre-commit", "exit 0")
    run("install", str(repository.path))
    first.write_text("#!/bin/sh\n# written over ours\n")
    output = run("install", str(repository.path), code=2)
    assert "put what you need of both into one" in " ".join(output.split())
    assert "not ours, left alone" in run("uninstall", str(repository.path))
    assert "written over ours" in first.read_text()


def test_a_link_that_was_there_is_kept_and_not_written_through(repository):
    target = repository.path / "script"
    target.write_text("#!/bin/sh\nexit 0\n")
    link = repository.path / ".git/hooks/pre-commit"
    link.parent.mkdir(exist_ok=True)
    link.symlink_to("../../script")
    run("install", str(repository.path))
    assert target.read_text() == "#!/bin/sh\nexit 0\n"
    run("uninstall", str(repository.path))
    assert link.readlink() == Path("../../script")


def test_hooks_go_where_git_looks_for_them(tmp_path, repository):
    repository.commit({"deep/a": "x"})
    repository.git("config", "core.hooksPath", "own hooks")
    run("install", str(repository.path / "deep"))
    assert (repository.path / "own hooks/pre-commit").exists()
    assert commit(repository, {"a.py": LEAK}).returncode != 0
    repository.git("config", "--unset", "core.hooksPath")
    tree = tmp_path / "tree"
    repository.git("worktree", "add", "--quiet", str(tree))
    run("install", str(tree))
    assert (repository.path / ".git/hooks/pre-commit").exists()
    linked = Repository.__new__(Repository)
    linked.path, linked.date = tree, 0
    assert "Nothing was committed." in commit(linked, {"a.py": LEAK}).stderr


def test_where_the_hooks_are_those_of_every_repository_it_is_said(tmp_path, repository):
    path = str(repository.path)
    assert "every repository" not in run("install", path) + run("status", path)
    repository.git("config", "core.hooksPath", "own")
    assert "every repository" not in run("install", path)
    repository.git("config", "--unset", "core.hooksPath")
    everywhere = tmp_path / "hooks of all"
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "home" / ".gitconfig").write_text(f'[core]\n\thooksPath = "{everywhere}"\n')
    for command in ("install", "status"):
        said = " ".join(run(command, path).split())
        assert "every repository" in said, command
        assert str(tmp_path / "home" / ".gitconfig") in said, command
    assert (everywhere / "pre-commit").exists()


def test_status_says_what_scans(repository):
    path = str(repository.path)
    assert "none" in run("status", path, code=1)
    run("install", path)
    assert run("status", path).count(": scans\n") == 2
    run("uninstall", path)
    existing(repository, "pre-push", "exit 0")
    assert "somebody else" in run("status", path, code=1)
    assert "none" in run("uninstall", path)


def test_outside_of_a_repository_nothing_is_installed(tmp_path, monkeypatch):
    for command in ("install", "uninstall", "status"):
        assert "no git repository" in " ".join(run(command, str(tmp_path), code=2).split())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "git is not installed" in run("status", str(tmp_path), code=2)


def test_what_is_printed_changes_nothing(repository):
    hooks = repository.path / ".git/hooks"
    before = sorted(hooks.iterdir()) if hooks.exists() else []
    printed = run("install", "--print", "--server", str(repository.path))
    assert printed.strip() == script(PRE_RECEIVE, git_hooks.program()).strip()
    assert "- id: tokenward" in run("install", "--pre-commit-framework", str(repository.path))
    assert (sorted(hooks.iterdir()) if hooks.exists() else []) == before


def test_a_hook_runs_in_a_strict_shell_and_with_odd_paths(tmp_path):
    odd = tmp_path / "it's a $(touch x) dir"
    odd.mkdir()
    scanner = odd / "tokenward"
    scanner.write_text("#!/bin/sh\nexit 0\n")
    scanner.chmod(0o755)
    file = tmp_path / "hook"
    file.write_text(script(PRE_COMMIT, scanner))
    assert subprocess.run(["sh", "-eu", str(file)], cwd=tmp_path, check=False).returncode == 0
    assert not (tmp_path / "x").exists()
