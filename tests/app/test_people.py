"""What `people` says in the configuration, and what comes of it."""

import asyncio
import hashlib

import pytest

from app.test_cli import run  # noqa: F401 - a fixture
from app.test_config import GOOD, write  # noqa: F401 - a fixture
from identity.test_branding import SVG
from tokenward.app.config import load
from tokenward.app.people import branding_of, passwords_of, session_limits
from tokenward.base.problems import Refusal
from tokenward.base.secret import Secret
from tokenward.identity.sessions import SessionLimits
from tokenward.identity.static_files import Branding

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


PROVIDER = (
    "{name: corp, label: Corp, issuer: https://login.corp.example, client_id: us, client_secret: env:S}"
)


def without_passwords(tmp_path):
    path = tmp_path / "tokenward.yaml"
    path.write_text(path.read_text() + f"people: {{passwords: false, upstream: [{PROVIDER}]}}\n")


def test_where_nobody_has_a_password_none_is_asked_for_or_taken(run, tmp_path):  # noqa: F811
    run("init")
    run("users", "add", "old", "--claim", "email=old@corp.example", stdin="correct horse battery\n")
    without_passwords(tmp_path)
    assert "through a provider" in run("users", "add", "alice").output
    (tmp_path / "password").write_text("correct horse battery")
    refused = run("users", "add", "bob", "--password", "@password", code=1)
    assert "there are no passwords" in refused.output
    listed = run("users", "list").output
    assert "bob" not in listed
    assert "password" not in listed
    assert listed.count("nothing yet") == 2
    assert "password" not in run("users", "reset-factors", "old").output


def test_who_is_invited_where_nobody_has_a_password_gets_no_link_to_choose_one(run, tmp_path):  # noqa: F811
    run("init")
    without_passwords(tmp_path)
    said = run("users", "invite", "alice", "--claim", "email=alice@corp.example")
    assert "link" not in said.output
    assert "alice signs in through a provider" in said.output
    assert "alice" in run("users", "list").output
    assert "alice@corp.example" in run("users", "show", "alice").output


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


def test_pages_look_as_the_configuration_says(write, tmp_path):  # noqa: F811
    (tmp_path / "logo.svg").write_bytes(SVG)
    findings, configuration = found(write('people: {branding: {logo: logo.svg, colour: "#7A1F5C"}}\n' + GOOD))
    assert findings == []
    (tmp_path / "logo.svg").write_text("not any more")  # what was read when it was checked is what is shown
    look = branding_of(configuration)
    assert look.logo.content == SVG
    assert b"--accent: #7a1f5c;" in look.style.content
    assert branding_of(found(write(GOOD))[1]) == Branding()


@pytest.mark.parametrize(
    ("said", "code", "told"),
    [
        ('colour: "#ffcc00"', "colour", 'choose a darker one, such as "#8'),
        ('colour: "#777777"', "colour", "the contrast is 4.48, and 4.5 is needed"),
        ("colour: red", "colour", "no colour"),
        ("colour: #1b5e8c", "wrong-type", "quote it"),
        ("logo: none.svg", "logo", "none.svg cannot be read"),
        ("logo: bank.yaml", "logo", "neither a PNG nor an SVG"),
        ("logo: .", "logo", "cannot be read"),
        ("font: Arial", "unknown-key", "means nothing"),
    ],
)
def test_a_look_that_cannot_be_is_an_error(write, said, code, told):  # noqa: F811
    (finding,) = load(write(f"people:\n  branding:\n    {said}\n" + GOOD)).findings
    assert (finding.severity, finding.code) == ("error", code)
    assert told in f"{finding.text}; {finding.remedy}"
