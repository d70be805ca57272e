import asyncio
import hashlib
import logging
import os
import secrets
import sys
import threading
import unicodedata
from dataclasses import replace

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.profiles import CHEAPEST, RFC_9106_LOW_MEMORY
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenward.base.problems import INVALID_INPUT, UNAVAILABLE, Refusal
from tokenward.base.secret import Secret
from tokenward.identity.breached import BreachedPasswords
from tokenward.identity.passwords import NICE, Passwords, check_new

FINE = "four words of fish"
CHEAP = PasswordHasher.from_parameters(CHEAPEST)


def using(story, **settings):
    passwords = Passwords(settings.pop("hasher", CHEAP), **settings)
    try:
        return asyncio.run(story(passwords))
    finally:
        passwords.close()


def test_a_password_verifies_and_another_does_not():
    text = secrets.token_urlsafe(16)

    async def story(passwords):
        stored = await passwords.hash(Secret(text))
        assert await passwords.verify(stored, Secret(text))
        assert not await passwords.verify(stored, Secret(text + "x"))
        assert not await passwords.verify(stored, Secret(""))
        assert text not in stored

    using(story)


def test_the_default_cost_is_argon2id_as_rfc_9106_recommends():
    stored = using(lambda passwords: passwords.hash(Secret("a fine passphrase")), hasher=None)
    assert extract_parameters(stored) == replace(RFC_9106_LOW_MEMORY, parallelism=1)


@pytest.mark.parametrize("length", [12, 1024])
def test_the_lengths_that_are_allowed(length):
    assert check_new(Secret(secrets.token_urlsafe(1024)[:length]))


@pytest.mark.parametrize(
    "text", ["", "x" * 11, "x" * 1025, "with a\ttab inside", "with a \x00 zero", "surrogate \ud800!!"]
)
def test_passwords_that_nobody_could_type_or_everybody_could_guess_are_refused(text):
    with pytest.raises(Refusal) as caught:
        check_new(Secret(text))
    assert caught.value.problem is INVALID_INPUT
    assert not text or text not in str(caught.value)


@settings(max_examples=30, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=40))
def test_the_way_a_keyboard_composes_characters_does_not_matter(text):
    async def story(passwords):
        stored = await passwords.hash(Secret(unicodedata.normalize("NFD", FINE + text)))
        assert await passwords.verify(stored, Secret(unicodedata.normalize("NFC", FINE + text)))

    using(story)


def test_a_no_break_space_is_a_space_but_a_ligature_is_not_two_letters():
    async def story(passwords):
        stored = await passwords.hash(Secret("four words of fish"))
        assert await passwords.verify(stored, Secret("four\xa0words of fish"))
        assert not await passwords.verify(stored, Secret("four words of \ufb01sh"))

    using(story)


def test_nobody_costs_a_real_computation_and_never_matches(monkeypatch):
    ran = []
    verify = PasswordHasher.verify

    def watched(self, stored, password):
        ran.append(extract_parameters(stored))
        return verify(self, stored, password)

    monkeypatch.setattr(PasswordHasher, "verify", watched)

    async def story(passwords):
        assert not await passwords.verify(None, Secret("whatever it is"))
        stored = await passwords.hash(Secret("whatever it is"))
        assert await passwords.verify(stored, Secret("whatever it is"))

    using(story)
    nobody, somebody = ran
    assert nobody == somebody


@pytest.mark.parametrize("damaged", ["$argon2id$broken", "$argon2id$v=19$m=8,t=1,p=1$brokén$brokén"])
def test_a_damaged_hash_lets_nobody_in_and_is_reported_without_itself(caplog, damaged):
    with caplog.at_level(logging.ERROR):
        assert not using(lambda passwords: passwords.verify(damaged, Secret("whatever it is")))
    assert "unusable" in caplog.text
    assert "brok" not in caplog.text


def test_a_hash_of_other_parameters_is_outdated_and_made_anew_for_the_same_password():
    async def story(passwords):
        old = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY).hash("1234")
        assert passwords.outdated(old)
        assert await passwords.verify(old, Secret("1234"))
        new = await passwords.rehash(Secret("1234"))
        assert not passwords.outdated(new)
        assert await passwords.verify(new, Secret("1234"))
        assert not passwords.outdated("$argon2id$broken")
        assert not passwords.outdated("")

    using(story)


def test_a_password_is_refused_for_the_person_the_service_and_what_leaked(tmp_path):
    (tmp_path / "leaked").write_text(hashlib.sha1(FINE.encode()).hexdigest() + ":3\n")
    leaked = BreachedPasswords(tmp_path / "leaked")

    async def story(passwords):
        for text, facts in (
            ("ada.lovelace1", {"username": "ada.lovelace"}),
            ("Example-2026", {"issuer": "Example"}),
        ):
            assert await passwords.hash(Secret(text))
            with pytest.raises(Refusal) as caught:
                await passwords.hash(Secret(text), **facts)
            assert caught.value.problem is INVALID_INPUT
        with pytest.raises(Refusal, match="leaked"):
            await passwords.hash(Secret(FINE))
        with pytest.raises(Refusal, match="leaked"):
            check_new(Secret("four\xa0words of fish"), breached=leaked)
        assert check_new(Secret(FINE))

    try:
        using(story, breached=leaked)
    finally:
        leaked.close()


async def until(condition):
    while not condition():  # noqa: ASYNC110 - the condition is another thread's, which has no event to wait for
        await asyncio.sleep(0.01)


class Gate:
    """A hasher that waits until it is told to go on, and counts how many are in it."""

    salt_len, hash_len, memory_cost, time_cost, parallelism = 16, 32, 8, 1, 1

    def __init__(self):
        self.open = threading.Event()
        self.inside = self.most = 0
        self._lock = threading.Lock()

    def hash(self, _password):
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.open.wait(10)
        with self._lock:
            self.inside -= 1
        return "done"


def test_few_run_some_wait_and_the_rest_are_turned_away_while_the_loop_stays_free():
    gate = Gate()

    async def story(passwords):
        tasks = [asyncio.create_task(passwords.hash(Secret(FINE))) for _ in range(9)]
        await until(lambda: gate.inside == 2)
        gate.open.set()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert done.count("done") == 5
        refused = [outcome for outcome in done if isinstance(outcome, Refusal)]
        assert [refusal.problem for refusal in refused] == [UNAVAILABLE] * 4
        assert refused[0].retry_after == 1
        assert await passwords.hash(Secret(FINE)) == "done"

    using(story, hasher=gate, at_once=2, waiting=3)
    assert gate.most == 2


def test_a_caller_that_leaves_keeps_its_place_until_the_computation_ends():
    gate = Gate()

    async def story(passwords):
        task = asyncio.create_task(passwords.hash(Secret(FINE)))
        await until(lambda: gate.inside)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        with pytest.raises(Refusal):
            await passwords.hash(Secret(FINE))
        gate.open.set()
        await until(lambda: passwords._places._value)
        assert await passwords.hash(Secret(FINE)) == "done"

    using(story, hasher=gate, at_once=1, waiting=0)


def test_after_closing_it_refuses():
    async def story(passwords):
        passwords.close()
        with pytest.raises(Refusal) as caught:
            await passwords.hash(Secret(FINE))
        assert caught.value.problem is UNAVAILABLE

    using(story)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a priority is the process's")
def test_hashing_gives_way_to_what_else_the_process_does():
    def priority():
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    async def story(passwords):
        before = priority()
        assert await passwords._run(priority) == NICE > before
        assert priority() == before

    using(story)
