"""Secrets and keys in a real Secret Service, unlocked and locked, and in a file where there is none."""

import subprocess
import sys

import pytest

from secret_service import environment, in_session

SECRET = "kept where no file shows it"

PERSON = """
import sys
from pathlib import Path
from tokenward.base import keyrings
from tokenward.base.references import resolve
from tokenward.base.secret import Secret
from tokenward.client import TokenError, Vault

vault = Vault(Path("vault"))
assert keyrings.usable() is (sys.argv[1] == "ring"), "another key store than was meant"
for step in sys.argv[2:]:
    try:
        if step == "keep":
            keyrings.keep("shop", "api_key", Secret("kept where no file shows it"))
        elif step == "refer":
            print(resolve("keyring:shop/api_key", base_dir=Path()).reveal())
        elif step == "save":
            vault.save(b"binding", b"a token that was sealed")
        else:
            print(vault.load(b"binding"))
    except (ValueError, TokenError) as error:
        print(type(error).__name__, error)
"""


@pytest.fixture
def person(tmp_path):
    """Runs steps as a process of a person; what it printed, line by line."""
    (tmp_path / "home").mkdir()

    def run(*steps, unlocked=True):
        done = in_session(
            tmp_path / "home", sys.executable, "-c", PERSON, "ring", *steps, unlocked=unlocked, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


def everything(directory):
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_a_reference_and_a_vault_live_in_the_keyring_and_the_next_session_finds_them(person, tmp_path):
    assert person("keep", "refer", "save", "load") == [SECRET, "b'a token that was sealed'"]
    assert person("refer", "load") == [SECRET, "b'a token that was sealed'"]
    files = everything(tmp_path)
    assert any("keyrings" in path.parts for path in files)
    assert not (tmp_path / "vault" / "vault.key").exists()
    for path, content in files.items():
        assert SECRET.encode() not in content, path
        assert b"a token that was sealed" not in content, path


def test_a_locked_keyring_says_so_and_gives_nothing_away(person, tmp_path):
    person("keep", "save")
    before = everything(tmp_path / "vault")
    refused = "the keyring is locked: unlock it, and try again"
    assert person("refer", "keep", "load", "save", unlocked=False) == [
        f"ValueError {refused}", f"ValueError {refused}",
        f"TokenError secret_unavailable: {refused}", f"TokenError secret_unavailable: {refused}",
    ]  # fmt: skip
    assert everything(tmp_path / "vault") == before
    assert not (tmp_path / "vault" / "vault.key").exists()
    assert person("refer", "load") == [SECRET, "b'a token that was sealed'"]


def test_without_a_keyring_the_vault_is_an_encrypted_file_and_a_reference_says_what_is_missing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PERSON, "file", "keep", "refer", "save", "load"],
        env=environment(tmp_path / "home") | {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent"},
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "ValueError the keyring cannot be written: NoKeyringError",
        "ValueError the keyring cannot be read: NoKeyringError",
        "b'a token that was sealed'",
    ]
    assert (tmp_path / "vault" / "vault.key").stat().st_mode & 0o077 == 0
    for content in everything(tmp_path / "vault").values():
        assert b"a token that was sealed" not in content
