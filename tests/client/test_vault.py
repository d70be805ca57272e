"""Tokens are kept sealed, bound and private; processes share one, and one of them asks for the next."""

import subprocess
import sys
import time

import keyring
import pytest
from keyring.backend import KeyringBackend

from tokenward.base.clock import ManualClock
from tokenward.client import Server, ServerUnavailable, SignIn, TokenError, Vault
from tokenward.client import vault as module
from tokenward.client.process_lock import locked

BINDING = b"issuer and client"


def test_what_is_kept_is_read_back_by_another_run_and_lies_nowhere_in_the_clear(vault, tmp_path):
    vault.save(BINDING, b"the token itself")
    assert Vault(vault.directory, key=vault._reference).load(BINDING) == b"the token itself"
    assert vault.load(b"another client") is None
    for path in vault.directory.iterdir():
        assert b"the token itself" not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0
    assert vault.directory.stat().st_mode & 0o077 == 0
    vault.forget(BINDING)
    assert vault.load(BINDING) is None


def test_a_file_in_the_place_of_another_is_worthless(vault):
    vault.save(BINDING, b"of one")
    vault.save(b"other", b"of another")
    vault._path(b"other").write_bytes(vault._path(BINDING).read_bytes())
    assert vault.load(b"other") is None


def test_a_file_that_was_changed_or_sealed_under_another_key_is_ignored(vault, tmp_path):
    vault.save(BINDING, b"content")
    (tmp_path / "key").write_text("fedcba9876543210" * 2)
    assert Vault(vault.directory, key=vault._reference).load(BINDING) is None


@pytest.mark.parametrize("spoil", ["directory", "file", "link"])
def test_a_place_to_which_others_have_access_is_refused(vault, tmp_path, spoil):
    vault.save(BINDING, b"content")
    path = vault._path(BINDING)
    if spoil == "directory":
        vault.directory.chmod(0o750)
    elif spoil == "file":
        path.chmod(0o640)
    else:
        path.rename(tmp_path / "moved")
        path.symlink_to(tmp_path / "moved")
    with pytest.raises(TokenError, match="storage_un"):
        vault.load(BINDING)


def test_a_directory_that_is_a_link_is_refused(vault, tmp_path):
    vault.save(BINDING, b"content")
    link = tmp_path / "link"
    link.symlink_to(vault.directory)
    with pytest.raises(TokenError, match="no directory of its own"):
        Vault(link, key=vault._reference).load(BINDING)


def test_a_key_that_could_be_guessed_and_a_literal_are_refused(tmp_path):
    with pytest.raises(ValueError, match="env:NAME"):
        Vault(tmp_path, key="0123456789abcdef" * 2)
    (tmp_path / "key").write_text("short")
    (tmp_path / "key").chmod(0o600)
    with pytest.raises(TokenError, match="under 32 characters"):
        Vault(tmp_path / "vault", key=f"file:{tmp_path / 'key'}").save(BINDING, b"x")


class Ring(KeyringBackend):
    """A keyring in memory."""

    priority = 1
    held = None

    def get_password(self, service, name):
        return self.held

    def set_password(self, service, name, value):
        Ring.held = value


def test_the_key_is_in_the_keyring_where_there_is_one(tmp_path, monkeypatch):
    monkeypatch.setattr(keyring, "get_keyring", Ring)
    monkeypatch.setattr(keyring, "get_password", Ring().get_password)
    monkeypatch.setattr(keyring, "set_password", Ring().set_password)
    monkeypatch.setattr(Ring, "__module__", "keyring.backends.SecretService")
    monkeypatch.setattr(Ring, "held", None)
    Vault(tmp_path / "a").save(BINDING, b"content")
    assert Ring.held
    assert not (tmp_path / "a" / "vault.key").exists()
    assert Vault(tmp_path / "a").load(BINDING) == b"content"


@pytest.mark.parametrize("name", ["keyring.backends.fail", "keyring.backends.null", "keyrings.alt.file"])
def test_a_keyring_that_keeps_nothing_or_in_the_clear_is_none(tmp_path, monkeypatch, name):
    monkeypatch.setattr(keyring, "get_keyring", Ring)
    monkeypatch.setattr(Ring, "__module__", name)
    Vault(tmp_path / "a").save(BINDING, b"content")
    assert (tmp_path / "a" / "vault.key").stat().st_mode & 0o077 == 0
    assert Vault(tmp_path / "a").load(BINDING) == b"content"


def test_a_lock_has_one_holder_at_a_time(tmp_path, vault, monkeypatch):
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.05)
    with vault.locked(BINDING):
        with pytest.raises(ServerUnavailable, match="another process holds"), vault.locked(BINDING):
            pass
        with vault.locked(b"other"):
            pass
    with locked(tmp_path / "lock", 0), pytest.raises(TimeoutError), locked(tmp_path / "lock", 0.05):
        pass


def test_another_run_shows_the_same_token_and_goes_on_with_its_key(fake, source, vault):
    fake.token_type = "DPoP"
    first = source(dpop=True, vault=vault).token()
    second = source(dpop=True, vault=vault).token()
    assert second.value.reveal() == first.value.reveal()
    assert second.key.key.kid == first.key.key.kid
    assert fake.issued == 1


@pytest.mark.parametrize(
    "change",
    [{"client_id": "others"}, {"scope": ["more"]}, {"resource": "https://other.example"}],
    ids=["client", "scope", "resource"],
)
def test_a_token_is_not_found_by_who_asks_for_another(fake, source, vault, change):
    source(vault=vault).token()
    source(vault=vault, **change).token()
    assert fake.issued == 2


def test_a_token_that_an_api_refused_is_not_taken_from_the_vault_again(fake, source, vault):
    reports, others = source(vault=vault), source(vault=vault)
    first = reports.token()
    assert others.token().value.reveal() == first.value.reveal()
    assert reports.reject(first)
    second = reports.token()
    assert second.value.reveal() != first.value.reveal()
    assert others.reject(others._kept.token)
    assert others.token().value.reveal() == second.value.reveal()
    assert fake.issued == 2


def test_a_token_that_is_dated_in_the_future_is_not_trusted(fake, source, vault):
    clock = ManualClock()
    source(vault=vault, server=Server(fake.issuer, clock=clock)).token()
    clock.advance(-600)
    source(vault=vault, server=Server(fake.issuer, clock=clock)).token()
    assert fake.issued == 2


def test_a_full_disk_is_no_reason_to_be_without_a_token(fake, source, vault, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    reports = source(vault=vault)
    monkeypatch.setattr(module, "_write_private", full)
    assert reports.token().value.reveal() == "access-1"
    assert reports._record is not None
    monkeypatch.undo()


WORKER = """
import sys, threading, time
from pathlib import Path
from tokenward.client import ClientCredentials, ClientSecret, Server, SignIn, Vault

issuer, directory, key, kind = sys.argv[1:]
end = time.time() + 5
vault, server = Vault(Path(directory), key=key), Server(issuer, timeout=20)
if kind == "person":
    source = SignIn(server, client_id="notes", vault=vault)
else:
    source = ClientCredentials(server, client_id="reports",
        authentication=ClientSecret("env:FAKE_SECRET"), vault=vault)
calls, failed = [], []

def work():
    while time.time() < end:
        try:
            token = source.token()
            if token.expires_at <= time.time() - 0.5:
                failed.append("dead")
            calls.append(token.value.reveal())
        except Exception as error:
            failed.append(repr(error))
        time.sleep(0.05)

threads = [threading.Thread(target=work) for _ in range(50)]
for each in threads: each.start()
for each in threads: each.join()
print(len(calls), len(set(calls)), failed[:3])
"""


class Rotation(list):
    """Scripts without end: each refresh token counts once, and a second use ends them all."""

    def __init__(self, fake):
        super().__init__([self.answer])
        self.fake, self.good, self.reused = fake, "refresh-0", 0

    def pop(self, _index):
        return self.answer

    def answer(self, form, _headers):
        if form["grant_type"] == "refresh_token" and form["refresh_token"] != self.good:
            self.good, self.reused = "", self.reused + 1
            return 400, {"error": "invalid_grant"}
        self.good = f"refresh-{self.fake.issued}"
        return 200, self.fake.token(refresh_token=self.good)


@pytest.mark.parametrize("kind", ["service", "person"])
def test_four_processes_of_fifty_threads_ask_once_a_life_and_no_call_fails(
    fake, source, vault, browser, kind
):  # fmt: skip
    fake.lifetime = 2
    if kind == "person":
        fake.lets_people_in()
        fake.scripts = rotation = Rotation(fake)
        SignIn(Server(fake.issuer), client_id="notes", vault=vault).sign_in(open_browser=browser)
    began = time.time()
    arguments = [sys.executable, "-c", WORKER, fake.issuer, str(vault.directory), vault._reference, kind]
    workers = [subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    shown = [worker.communicate(timeout=120)[0].strip() for worker in workers]
    assert all(line.endswith("[]") for line in shown), shown
    # One to begin with, and then one in 70 % of a life at the most.
    assert 1 < fake.issued <= 2 + (time.time() - began) / (2 * 0.7), shown
    if kind == "person":
        assert rotation.reused == 0
