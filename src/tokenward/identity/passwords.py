"""Human passwords: argon2id, off the event loop, a few at once.

Only here is a slow hash right: what people choose can be guessed, what we generate cannot. The price is
64 MiB and some tens of milliseconds a try, which is why there is a limit on how many run and how many wait:
without it, sign-in would be the cheapest way to stop the process.
"""

import asyncio
import logging
import os
import sys
import threading
import unicodedata
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from threading import BoundedSemaphore
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError, VerifyMismatchError
from argon2.profiles import RFC_9106_LOW_MEMORY

from tokenward.base.entropy import random_bytes
from tokenward.base.problems import INVALID_INPUT, UNAVAILABLE, Refusal
from tokenward.base.secret import Secret
from tokenward.identity.breached import BreachedPasswords
from tokenward.identity.common_passwords import why_guessable

MIN_LENGTH = 12
MAX_LENGTH = 1024
PARAMETERS = replace(RFC_9106_LOW_MEMORY, parallelism=1)
"""Memory and passes of the second option that RFC 9106 §4 recommends, in one lane instead of four.

An attacker has as much to compute, and a hash takes one processor: what else runs keeps the others.
"""

AT_ONCE = max(1, (os.cpu_count() or 1) // 2)
"""Half of the processors may hash."""

WAITING = 16
NICE = 19

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")


class Passwords:
    """Hashes and verifies passwords on threads of its own.

    Args:
        hasher: the argon2 parameters of new hashes. Hashes made with others still verify.
        at_once: how many computations run at the same time.
        waiting: how many more may queue before callers are turned away.
        breached: leaked passwords that nobody may choose, or None.
    """

    def __init__(
        self,
        hasher: PasswordHasher | None = None,
        *,
        at_once: int = AT_ONCE,
        waiting: int = WAITING,
        breached: BreachedPasswords | None = None,
    ) -> None:
        self._breached = breached
        self._hasher = hasher or PasswordHasher.from_parameters(PARAMETERS)
        self._nobody = _hash_of_nothing(self._hasher)
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="argon2", initializer=_give_way)
        self._places = BoundedSemaphore(at_once + waiting)

    async def hash(self, password: Secret, *, username: str = "", issuer: str = "") -> str:
        """The PHC string of a new password, for whom and where as far as known.

        Raises:
            Refusal: INVALID_INPUT, it breaks a rule of `check_new`; UNAVAILABLE, too many are waiting, or the
                file of leaked passwords is unusable.
        """

        def compute() -> str:
            text = check_new(password, username=username, issuer=issuer, breached=self._breached)
            return self._hasher.hash(text)

        return await self._run(compute)

    async def rehash(self, password: Secret) -> str:
        """The PHC string under the present parameters of a password that was just right.

        It was set under the rules of its day, and is not held against today's.

        Raises:
            Refusal: UNAVAILABLE, too many are waiting.
        """
        text = _prepared(password)
        return await self._run(lambda: self._hasher.hash(text))

    def outdated(self, password_hash: str) -> bool:
        """Whether a hash was made with other parameters than new ones: once its password was right, `rehash`.

        An unusable hash is not: no password is right for it.
        """
        try:
            return self._hasher.check_needs_rehash(password_hash)
        except ValueError:  # InvalidHashError
            return False

    async def verify(self, password_hash: str | None, password: Secret) -> bool:
        """Whether the password belongs to the hash.

        None stands for a person who does not exist: it takes the same work and is never right, so that the
        time of an answer does not tell which user names exist.

        Raises:
            Refusal: UNAVAILABLE, too many are waiting.
        """
        text = _prepared(password)
        against = password_hash or self._nobody
        return await self._run(lambda: self._matches(against, text))

    def close(self) -> None:
        """Let running computations end and release the threads."""
        self._pool.shutdown(cancel_futures=True)

    def _matches(self, password_hash: str, password: bytes) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except VerifyMismatchError:
            return False
        except (ValueError, VerificationError) as error:  # InvalidHashError is a ValueError, as is not ASCII
            # Damaged, or written by something else: nobody can sign in with it, and an operator should know.
            _log.error("a stored password hash is unusable: %s", type(error).__name__)
            return False

    async def _run(self, compute: Callable[[], _Result]) -> _Result:
        if not self._places.acquire(blocking=False):
            raise Refusal(UNAVAILABLE, "too many password computations are waiting", retry_after=1)
        try:
            future: Future[_Result] = self._pool.submit(compute)
        except RuntimeError:
            self._places.release()
            raise Refusal(UNAVAILABLE, "the process is shutting down", retry_after=1) from None
        # The place is free when the computation is over, not when its caller has lost patience.
        future.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(future)


def _give_way() -> None:
    """Let this thread run when nobody else wants to.

    Without it a machine of one processor would share it evenly with whoever signs in. Linux keeps a priority
    a thread; elsewhere it would be the process's.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


def check_new(
    password: Secret, *, username: str = "", issuer: str = "", breached: BreachedPasswords | None = None
) -> bytes:
    """The bytes to hash of a password that is about to be set.

    It has to be long and not one that is guessed first (NIST SP 800-63B-4 §3.1.1.2); there are no rules of
    composition. Control characters are refused because a form cannot send them: such a password would lock
    its owner out. With `breached` it reads from the disk.

    Raises:
        Refusal: INVALID_INPUT, with words for whoever chose it as detail; UNAVAILABLE, the file of leaked
            passwords is unusable.
    """
    text = password.reveal()
    if not MIN_LENGTH <= len(text) <= MAX_LENGTH:
        raise Refusal(INVALID_INPUT, f"a password needs {MIN_LENGTH} to {MAX_LENGTH} characters")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        raise Refusal(INVALID_INPUT, "a password must not have control characters")
    if why := why_guessable(text, username=username, issuer=issuer):
        raise Refusal(INVALID_INPUT, why)
    prepared = _prepared(password)
    if breached is not None and breached.has(prepared):
        raise Refusal(INVALID_INPUT, "this password is in a list of leaked ones; choose another")
    return prepared


def _prepared(password: Secret) -> bytes:
    """UTF-8 of the password under the OpaqueString profile (RFC 8265 §4.2).

    One keyboard sends "é" as one code point, another as two, and some send no-break spaces: NFC and plain
    spaces make them the same password. NFKC would go further and make different passwords equal.
    """
    spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in password.reveal())
    return unicodedata.normalize("NFC", spaced).encode("utf-8", "surrogatepass")


def _hash_of_nothing(hasher: PasswordHasher) -> str:
    """A PHC string with the hasher's own cost and a random tag: as much work as any, and never right."""
    salt, tag = (b64encode(random_bytes(n)).decode().rstrip("=") for n in (hasher.salt_len, hasher.hash_len))
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${cost}${salt}${tag}"


def chosen(password: str, again: str) -> Secret:
    """A new password, typed twice.

    Raises:
        Refusal: INVALID_INPUT, the two differ.
    """
    if password != again:
        raise Refusal(INVALID_INPUT, "the two passwords differ")
    return Secret(password)
