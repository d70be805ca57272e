"""What `people` says in the configuration, and what comes of it."""

import asyncio
import hashlib

import pytest

from app.test_cli import run  # noqa: F401 - a fixture
from app.test_config import GOOD, write  # noqa: F401 - a fixture
from tokenward.app.config import load
from tokenward.app.people import passwords_of, session_limits
from tokenward.base.problems import Refusal
from tokenward.base.secret import Secret
from tokenward.identity.sessions import SessionLimits

LEAKED = "four leaked words together"


def sha1(text):
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest().upper()


def found(path):
    loaded = load(path)
    return [(it.line, it.code) for it in loaded.findings], loaded.configuration


def test_nobody_chooses_what_leaked(write, tmp_path):  # noqa: F811
    (tmp_path / "leaked.txt").write_text("".join(sorted(f"{sha1(it)}:3\n" for it in (LEAKED, "a", "b"))))
    findings, configuration = found(write("people: {breached_passwords: leaked.txt}\n" + GOOD))
    assert findings == []
    passwords = passwords_of(configuration)
    try:
        with pytest.raises(Refusal, match="leaked"):
            asyncio.run(passwords.hash(Secret(LEAKED)))
        assert asyncio.run(passwords.hash(Secret(LEAKED + "!")))
    finally:
        passwords.close()


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "no hash\n",
        f"{sha1('a')}:1\n{sha1('a')}:1\n",
        f"{'F' * 40}:1\n{'0' * 40}:1\n",
        f"{sha1('a')}:x\n",
    ],
)
def test_an_unusable_file_of_leaked_passwords_is_an_error_at_its_place(write, tmp_path, content):  # noqa: F811
    if content is not None:
        (tmp_path / "leaked.txt").write_text(content)
    findings, configuration = found(write("people: {breached_passwords: leaked.txt}\n" + GOOD))
    assert (findings, configuration) == ([(1, "breached-passwords")], None)


def test_a_person_is_not_added_with_a_leaked_password(run, tmp_path):  # noqa: F811
    (tmp_path / "leaked.txt").write_text(f"{sha1(LEAKED)}:3\n")
    run("init")
    path = tmp_path / "tokenward.yaml"
    path.write_text(path.read_text() + "people: {breached_passwords: leaked.txt}\n")
    (tmp_path / "password").write_text(LEAKED)
    assert "leaked" in run("users", "add", "alice", "--password", "@password", code=1).output
    assert "alice" not in run("users", "list").output


def test_sessions_end_as_the_configuration_says(write):  # noqa: F811
    _, configuration = found(write("people: {sessions: {idle: 10m, absolute: 1h}}\n" + GOOD))
    assert session_limits(configuration.settings) == SessionLimits(idle=600, absolute=3600)
    assert session_limits(found(write(GOOD))[1].settings) == SessionLimits()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("{idle: 4m}", "duration"),
        ("{idle: 2d}", "duration"),
        ("{absolute: 31d}", "duration"),
        ("{absolute: 4m}", "duration"),
        ("{idle: 1h, absolute: 30m}", "lifetimes"),
        ("{forever: true}", "unknown-key"),
    ],
)
def test_limits_that_are_none_are_errors(write, said, code):  # noqa: F811
    assert found(write(f"people: {{sessions: {said}}}\n" + GOOD)) == ([(1, code)], None)
