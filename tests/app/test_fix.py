"""`tokenward fix`, as people run it: on files, on reports, with an issuer and a keyring of its own."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import httpx
import keyring
import keyring.backend
import keyring.backends.fail
import pytest
from typer.testing import CliRunner

from git_repositories import Repository, isolated
from secret_service import environment, in_session
from tokenward.app.cli import application
from tokenward.app.config import load
from tokenward.app.foundation import foundation
from tokenward.app.servers import issuer_app
from tokenward.base.files import Changed, rewrite
from tokenward.issuer.clients import register
from tokenward.leaks.rulebook.templates import fill
from tokenward.store.usage import UsageLog

TOKEN = fill("{checksum:crc-of-body ghp_}", "a").decode()
OTHER = fill("{checksum:crc-of-body ghp_}", "b").decode()
ISSUER = "http://127.0.0.1:8080"
LINE = f'GITHUB_TOKEN = "{TOKEN}"\nprint(GITHUB_TOKEN)\n'


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch, scanner_cache):
    """No keyring, no files of this person's, no git of theirs."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for name, value in isolated(tmp_path / "home").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(scanner_cache))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    before = keyring.get_keyring()
    keyring.set_keyring(keyring.backends.fail.Keyring())
    yield
    keyring.set_keyring(before)


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A directory with a leak in it, which is the current one."""
    directory = tmp_path / "shop"
    directory.mkdir()
    (directory / "a.py").write_text(LINE)
    monkeypatch.chdir(directory)
    return directory


def fix(*arguments, code=0, typed=""):
    result = CliRunner().invoke(application, ["fix", *map(str, arguments)], input=typed)
    assert result.exit_code == code, result.output
    for secret in (TOKEN, OTHER):
        assert secret not in result.output
        assert secret[4:12] not in result.output
    return result.output


def report(*arguments):
    result = CliRunner().invoke(application, ["scan", "--format", "json", *map(str, arguments)])
    assert result.exit_code == 1, result.output
    Path("../leaks.json").write_text(result.stdout)
    return json.loads(result.stdout)["findings"]


def everything(directory):
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_what_was_found_goes_to_a_file_of_its_owner_and_the_program_reads_it_there(shop, tmp_path):
    (shop / "a.py").chmod(0o750)
    said = fix("--yes", "--no-hook")
    home = tmp_path / "config/tokenward/secrets/shop/GITHUB_TOKEN"
    assert f"kept at file:{home}" in said
    assert home.read_text() == TOKEN
    assert home.stat().st_mode & 0o077 == 0
    assert (shop / "a.py").stat().st_mode & 0o777 == 0o750
    done = subprocess.run([sys.executable, "a.py"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == TOKEN
    assert [path.name for path in shop.iterdir()] == ["a.py"]
    assert CliRunner().invoke(application, ["scan"]).exit_code == 0
    assert "https://github.com/settings/tokens" in said
    assert fix() == "nothing to mend\n"


def test_nothing_is_done_in_a_dry_run_or_after_a_no(shop, tmp_path):
    before = everything(tmp_path)
    assert "+from pathlib import Path" in fix("--dry-run", code=1)
    assert everything(tmp_path) == before
    said = fix("--no-hook", code=1, typed="env:MY_TOKEN\nn\n")
    assert '+GITHUB_TOKEN = os.environ["MY_TOKEN"]' in said
    assert everything(tmp_path) == before
    fix("--no-hook", code=1, typed="")
    assert everything(tmp_path) == before


def test_where_the_environment_has_it_the_secret_lies_elsewhere_and_how_to_start_is_said(shop, tmp_path):
    said = fix("--yes", "--no-hook", "--to", "env:MY_TOKEN")
    home = tmp_path / "config/tokenward/secrets/shop/MY_TOKEN"
    assert f'Where it starts: MY_TOKEN="$(cat {home})" COMMAND' in said
    started = f'MY_TOKEN="$(cat {home})" {sys.executable} a.py'
    done = subprocess.run(["sh", "-c", started], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == TOKEN


def test_every_place_of_a_secret_is_mended_and_two_secrets_do_not_share_a_name(shop, tmp_path):
    (shop / "a.py").write_bytes((LINE * 2).replace("\n", "\r\n").encode())
    (shop / "run.sh").write_text(f"#!/bin/sh\nGITHUB_TOKEN='{OTHER}'\necho \"$GITHUB_TOKEN\" '{TOKEN}'\n")
    fix("--yes", "--no-hook")
    kept = {path.read_text() for path in (tmp_path / "config").rglob("GITHUB_TOKEN*")}
    assert kept == {TOKEN, OTHER}
    done = subprocess.run(["sh", "run.sh"], capture_output=True, text=True, check=True)
    assert done.stdout == f"{OTHER} {TOKEN}\n"
    done = subprocess.run([sys.executable, "a.py"], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [TOKEN, TOKEN]
    content = (shop / "a.py").read_bytes()
    assert content.count(b"\n") == content.count(b"\r\n")


def test_a_finding_of_a_report_is_mended_by_its_number_or_its_fingerprint_and_no_other_is(shop):
    (shop / "b.py").write_text(f'x = "{OTHER}"\n')
    findings = report()
    number = next(n for n, each in enumerate(findings, 1) if each["locations"][0]["path"] == "b.py")
    fix("--yes", "--no-hook", "--report", "@../leaks.json", "--finding", number)
    assert (shop / "a.py").read_text() == LINE
    assert OTHER not in (shop / "b.py").read_text()
    name = next(each["fingerprint"] for each in findings if each["locations"][0]["path"] == "a.py")
    fix("--yes", "--no-hook", "--report", "@../leaks.json", "--finding", name.partition(":")[2][:12])
    assert TOKEN not in (shop / "a.py").read_text()
    for which in ("3", "0", "ffffffff"):
        fix("--report", "@../leaks.json", "--finding", which, code=2)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda path: path.write_text("\n" + LINE), "changed since the report was made"),
        (lambda path: path.write_text(LINE.replace(TOKEN, OTHER)), "changed since the report was made"),
        (lambda path: path.unlink(), "It is not there"),
        (lambda path: (path.rename("../a.py"), path.symlink_to("../a.py")), "It is a link"),
    ],
    ids=["moved", "another", "gone", "link"],
)
def test_a_file_that_changed_since_the_report_is_left_alone(shop, tmp_path, change, why):
    report()
    change(shop / "a.py")
    before = everything(tmp_path)
    assert why in fix("--yes", "--report", "@../leaks.json", code=2)
    assert everything(tmp_path) == before


def test_a_report_leads_out_of_nothing(shop, tmp_path):
    report()
    outside = tmp_path / "outside.py"
    outside.write_text(LINE)
    (shop / "linked").symlink_to(tmp_path)
    for path in ("../outside.py", str(outside), "linked/outside.py"):
        told = json.loads(Path("../leaks.json").read_text())
        told["findings"][0]["locations"][0]["path"] = path
        Path("../leaks.json").write_text(json.dumps(told))
        assert "outside of what was named" in fix("--yes", "--report", "@../leaks.json", code=2)
    assert outside.read_text() == LINE


def test_a_fingerprint_that_says_nothing_needs_a_file_as_old_as_the_report(shop):
    password = fill("{base62:24}", "a").decode()
    (shop / "a.py").write_text(f'db_password = "{password}"\n')
    findings = report()
    assert [each["fingerprint"][:5] for each in findings] == ["hmac:"]
    later = (shop / "a.py").stat().st_mtime + 60
    os.utime(shop / "a.py", (later, later))
    assert "changed since" in fix("--yes", "--report", "@../leaks.json", code=2)
    os.utime(shop / "a.py", (later - 60, later - 60))
    fix("--yes", "--no-hook", "--report", "@../leaks.json")
    assert password not in (shop / "a.py").read_text()


@pytest.mark.parametrize(
    "text",
    ["no json", "{}", '{"format": "tokenward-report"}', "[" * 5000],
    ids=["text", "empty", "part", "deep"],
)
def test_what_is_no_report_is_refused(shop, text):
    Path("../leaks.json").write_text(text)
    assert "no report" in fix("--report", "@../leaks.json", code=2)


def test_a_file_in_the_tree_must_be_one_that_git_ignores(tmp_path, monkeypatch):
    repository = Repository(tmp_path / "r")
    repository.write({"a.py": LINE})
    monkeypatch.chdir(repository.path)
    assert "does not ignore it" in fix("--yes", "--to", "file:data/token", code=2)
    assert (repository.path / "a.py").read_text() == LINE
    assert not (repository.path / "data").exists()
    repository.write({".gitignore": "/data/\n"})
    fix("--yes", "--to", "file:data/token")
    assert (repository.path / "data/token").read_text() == TOKEN
    assert (repository.path / "data/token").stat().st_mode & 0o077 == 0


def test_another_secret_is_never_written_over(shop, tmp_path):
    there = tmp_path / "there"
    there.write_text("another secret")
    there.chmod(0o600)
    assert "holds another secret" in fix("--yes", "--to", f"file:{there}", code=2)
    assert there.read_text() == "another secret"
    assert (shop / "a.py").read_text() == LINE


def test_a_command_must_give_something_before_a_line_depends_on_it(shop, tmp_path):
    assert "failed with exit status 1" in fix("--yes", "--to", "cmd:false", code=2)
    assert (shop / "a.py").read_text() == LINE
    fix("--yes", "--no-hook", "--to", "cmd:printf abc")
    done = subprocess.run([sys.executable, "a.py"], capture_output=True, text=True, check=True)
    assert done.stdout == "abc\n"
    assert not (tmp_path / "config").exists()


def test_a_literal_in_the_place_of_a_reference_is_refused_and_not_repeated(shop):
    said = fix("--yes", "--to", "hunter2:x", code=2)
    assert "env:NAME" in said
    assert "hunter2" not in said


def test_what_no_language_can_say_is_left_with_what_to_write(shop):
    (shop / "a.py").rename(shop / "notes.txt")
    said = fix("--yes", "--no-hook", code=1)
    assert "notes.txt:1: by hand" in said
    assert TOKEN in (shop / "notes.txt").read_text()


def test_hooks_scan_from_then_on_and_a_history_is_told_of(tmp_path, monkeypatch):
    repository = Repository(tmp_path / "r")
    repository.commit({"a.py": LINE})
    monkeypatch.chdir(repository.path)
    said = fix("--yes")
    assert "The history of a.py may hold it" in said
    assert (repository.path / ".git/hooks/pre-commit").exists()
    assert "pre-commit" not in fix("--yes")


def test_no_program_is_given_a_secret_as_an_argument(tmp_path, monkeypatch):
    repository = Repository(tmp_path / "r")
    repository.commit({"a.py": LINE})
    monkeypatch.chdir(repository.path)
    called, begin = [], subprocess.Popen.__init__

    def noted(self, arguments, *rest, **named):
        called.append(repr((arguments, named.get("env"))))
        begin(self, arguments, *rest, **named)

    monkeypatch.setattr(subprocess.Popen, "__init__", noted)
    fix("--yes")
    assert len(called) > 3
    assert not any(TOKEN in each for each in called)


def test_a_write_that_fails_leaves_the_file_and_says_so(shop, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left" in fix("--yes", "--no-hook", code=2)
    assert everything(shop) == {shop / "a.py": LINE.encode()}


def test_a_rewrite_is_of_the_file_that_was_read(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(b"now")
    with pytest.raises(Changed):
        rewrite(path, b"next", was=b"before")
    (tmp_path / "b").hardlink_to(path)
    with pytest.raises(Changed):
        rewrite(path, b"next", was=b"now")
    (tmp_path / "b").unlink()
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(Changed):
        rewrite(tmp_path / "link", b"next", was=b"now")
    assert path.read_bytes() == b"now"

    def changing(_):
        path.write_bytes(b"meanwhile")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", changing)
        with pytest.raises(Changed):
            rewrite(path, b"next", was=b"now")
    assert path.read_bytes() == b"meanwhile"
    path.write_bytes(b"now")
    rewrite(path, b"next", was=b"now")
    assert path.read_bytes() == b"next"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a", "link"]


# Credentials of an issuer of ours, on its machine.


@pytest.fixture
def issuer(shop):
    """Runs `tokenward` beside a configuration."""

    def run(*arguments):
        result = CliRunner().invoke(application, arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    run("init")
    (shop / ".tokenwardignore").write_text("/data/\n/tokenward.yaml\n")
    return run


def test_a_client_gets_a_new_secret_that_nobody_sees(shop, tmp_path, issuer):
    secret = issuer("clients", "add", "Reports", "--type", "service", "--id", "reports").split()[-1]
    (shop / "a.py").write_text(f'CLIENT_SECRET = "{secret}"\nprint(CLIENT_SECRET)\n')
    said = fix("--yes", "--no-hook")
    new = (tmp_path / "config/tokenward/secrets/shop/CLIENT_SECRET").read_text()
    assert "Client reports is registered here" in said
    assert new not in said
    assert secret not in said
    assert new != secret
    done = subprocess.run([sys.executable, "a.py"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == new
    shown = issuer("clients", "show", "reports")
    assert shown.count("over") == 1
    assert new.rpartition("_")[2][:11] in shown


def test_a_token_that_leaked_is_ended_where_it_was_issued(shop, issuer):
    configuration = load(shop / "tokenward.yaml").configuration

    async def issued():
        async with foundation(configuration) as ground:
            client, secret = await register(
                ground.client_desk, name="App", client_type="service", scopes=["leaks:read"]
            )
            app, *_ = await issuer_app(ground, UsageLog(ground.store))
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ISSUER) as http:
                auth = (client.client_id, secret.reveal())
                answer = await http.post("/token", data={"grant_type": "client_credentials"}, auth=auth)
            assert answer.status_code == 200, answer.text
            return answer.json()["access_token"]

    async def over(token):
        async with foundation(configuration) as ground:
            return (await ground.store.access_token(token.split("_")[2][:11])).revoked

    token = asyncio.run(issued())
    (shop / "a.py").write_text(f'TOKEN = "{token}"\n')
    assert "end it?" in fix("--no-hook", code=1, typed="\ny\nn\n")
    assert not asyncio.run(over(token))
    (shop / "a.py").write_text(f'TOKEN = "{token}"\n')
    said = fix("--yes", "--no-hook")
    assert "It is over." in said
    assert token not in said
    assert asyncio.run(over(token))


def test_what_is_asked_is_done_only_on_a_yes(shop, issuer):
    secret = issuer("clients", "add", "Reports", "--type", "service", "--id", "reports").split()[-1]
    (shop / "a.py").write_text(f'CLIENT_SECRET = "{secret}"\n')
    fix("--no-hook", code=1, typed="\ny\nn\n")
    assert "over" not in issuer("clients", "show", "reports")
    assert secret not in (shop / "a.py").read_text()


def test_without_a_place_for_the_new_secret_the_old_one_is_not_ended(shop, issuer):
    secret = issuer("clients", "add", "Reports", "--type", "service", "--id", "reports").split()[-1]
    (shop / "a.py").write_text(f'CLIENT_SECRET = "{secret}"\n')
    said = fix("--yes", "--no-hook", "--to", "cmd:printf abc", code=1)
    assert "exchanged by hand" in said
    assert "over" not in issuer("clients", "show", "reports")


def test_the_new_secret_is_not_put_over_another_either(shop, tmp_path, issuer):
    secret = issuer("clients", "add", "Reports", "--type", "service", "--id", "reports").split()[-1]
    (shop / "a.py").write_text(f'CLIENT_SECRET = "{secret}"\n')
    there = tmp_path / "there"
    there.write_text("another secret")
    there.chmod(0o600)
    said = fix("--no-hook", "--to", f"file:{there}", code=1, typed="n\ny\n")
    assert "holds another secret" in said
    assert there.read_text() == "another secret"
    assert "over" not in issuer("clients", "show", "reports")


# With a keyring.


class Open(keyring.backend.KeyringBackend):
    """One that keeps what it gets where everybody reads it, perhaps."""

    priority = 1
    held: ClassVar[dict[tuple[str, str], str]] = {}

    def get_password(self, service, name):
        return self.held.get((service, name))

    def set_password(self, service, name, value):
        self.held[service, name] = value


def test_a_keyring_that_may_keep_in_the_clear_is_none(shop):
    keyring.set_keyring(Open())
    assert "no keyring that keeps secrets sealed" in fix("--yes", "--to", "keyring", code=2)
    assert not Open.held
    assert (shop / "a.py").read_text() == LINE


def test_the_keyring_gets_it_and_the_program_reads_it_there(shop, tmp_path):
    (tmp_path / "ring").mkdir()
    command = [sys.executable, "-m", "tokenward.app.cli", "fix", "--yes", "--no-hook"]
    run = f"{' '.join(command)} && {sys.executable} a.py > ../printed"
    done = in_session(tmp_path / "ring", "sh", "-c", run, cwd=shop)
    assert done.returncode == 0, done.stderr + done.stdout
    assert TOKEN not in done.stdout + done.stderr
    assert "kept at keyring:shop/GITHUB_TOKEN" in done.stdout
    assert "keyring set shop GITHUB_TOKEN" in done.stdout
    assert (tmp_path / "printed").read_text().strip() == TOKEN
    assert 'keyring.get_password("shop", "GITHUB_TOKEN")' in (shop / "a.py").read_text()
    assert not any(TOKEN.encode() in content for content in everything(tmp_path / "ring").values())


def test_a_locked_keyring_leaves_everything_as_it_is(shop, tmp_path):
    (tmp_path / "ring").mkdir()
    in_session(tmp_path / "ring", sys.executable, "-c", "import keyring; keyring.set_password('a', 'b', 'c')")
    command = [sys.executable, "-m", "tokenward.app.cli", "fix", "--yes", "--to", "keyring"]
    done = in_session(tmp_path / "ring", *command, cwd=shop, unlocked=False)
    assert done.returncode == 2
    assert "the keyring is locked" in done.stderr
    assert (shop / "a.py").read_text() == LINE
    assert environment(tmp_path / "ring")["HOME"] == str(tmp_path / "ring")
