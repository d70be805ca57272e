"""What git calls before each commit: the same scan as any, without what would keep a person waiting."""

import gc
import re
import subprocess
import sys
from pathlib import Path

import pytest

from git_repositories import Repository, isolated
from tokenward.app.cli import BEFORE_A_COMMIT, before_commit, main
from tokenward.app.git_hooks import PRE_COMMIT, script
from tokenward.leaks.rulebook.templates import fill

PROGRAM = Path(sys.executable).with_name("tokenward")

# Each takes milliseconds to import, and a scan of ordinary sources needs none.
HEAVY = frozenset(
    {
        "argon2",
        "bz2",
        "cryptography",
        "email",
        "html",
        "importlib.metadata",
        "keyring",
        "lzma",
        "multiprocessing",
        "plistlib",
        "pydantic",
        "rich.progress",
        "sqlite3",
        "tarfile",
        "tempfile",
        "tomllib",
        "typer",
        "uuid",
        "zipfile",
        "zstandard",
        "tokenward.app.settings",
        "tokenward.leaks.baseline",
        "tokenward.leaks.detectors.private_keys.pem",
        "tokenward.leaks.rulebook.checksums",
        "tokenward.leaks.rulebook.reading",
        "tokenward.leaks.sources.tree",
        "tokenward.leaks.unpacking.streams",
    }
)

IMPORTED = """
import sys
sys.argv[1:] = ["scan", "--staged"]
from tokenward.app.cli import main
try:
    main()
except SystemExit as end:
    sys.stderr.write(f"{end.code} {' '.join(sys.modules)}")
"""


@pytest.fixture(autouse=True)
def _warm(scanner_cache, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(scanner_cache))


@pytest.fixture
def repository(tmp_path):
    made = Repository(tmp_path / "r")
    made.commit({"a.py": "x = 1\n"})
    made.write({"a.py": "x = 2\n", "b.yaml": "name: b\n", "c.md": "# C\n"})
    made.git("add", "--all")
    return made


def _run(directory, *command):
    return subprocess.run(
        command, cwd=directory, env=isolated(directory), capture_output=True, text=True, check=False
    )


def _staged(directory, *options):
    done = _run(directory, PROGRAM, "scan", "--staged", *options)
    return done.returncode, re.sub(r"in \d+\.\d s", "in 0.0 s", done.stdout), done.stderr


def test_nothing_is_imported_that_the_scan_does_not_need(repository):
    code, *modules = _run(repository.path, sys.executable, "-c", IMPORTED).stderr.split()
    assert code == "0"
    assert "tokenward.leaks.searching" in modules
    assert HEAVY & set(modules) == set()


def test_it_says_the_same_as_behind_the_parser_of_options(repository):
    # An option that changes nothing leads through the parser.
    assert _staged(repository.path) == _staged(repository.path, "--format", "terminal")
    assert _staged(repository.path)[0] == 0
    repository.write({"d.py": f"TOKEN = '{fill('{checksum:crc-of-body ghp_}', 'staged').decode()}'\n"})
    repository.git("add", "--all")
    assert _staged(repository.path) == _staged(repository.path, "--format", "terminal")
    assert _staged(repository.path)[0] == 1


def test_what_keeps_it_from_scanning_is_said_as_behind_the_parser(tmp_path):
    assert _staged(tmp_path) == _staged(tmp_path, "--format", "terminal")
    code, _, said = _staged(tmp_path)
    assert code == 2
    assert "no git repository" in said


def test_who_ends_it_sees_no_traceback(monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(before_commit, "scan", interrupted)
    monkeypatch.setattr(gc, "set_threshold", lambda _: None)
    monkeypatch.setattr(sys, "argv", ["tokenward", *BEFORE_A_COMMIT])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 130


def test_hooks_call_it_in_the_form_that_needs_no_parser():
    words = ["scan", *PRE_COMMIT.scan.split()]
    assert words == BEFORE_A_COMMIT
    assert f'"$tokenward" {" ".join(words)} >&2' in script(PRE_COMMIT, Path("/usr/bin/tokenward"))
    framework = Path(__file__).parents[2] / ".pre-commit-hooks.yaml"
    assert f"entry: tokenward {' '.join(words)}\n" in framework.read_text()
