"""Whether a password beside a user and a host is one, and how much is lost with it."""

import ipaddress
from dataclasses import dataclass, replace
from typing import Final

from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.detectors.assignments.expressions import expression
from tokenward.leaks.detectors.assignments.placeholders import about_secrets, placeholder
from tokenward.leaks.detectors.assignments.strength import randomness

# What products ship with and tutorials use: of no use to anybody but on a machine that nobody else reaches.
_DEFAULTS: Final = frozenset(
    b"""
    admin administrator root toor postgres mysql mariadb mongo mongodb redis rabbit rabbitmq guest
    default test testing tester dev develop developer demo user username pass passwd password password1
    password123 pwd secret mysecretpassword docker oracle sa tiger system manager changeit app api db
    database web service local example foo bar baz foobar me you alice bob joe john name login token key
    abc abc123 abcd xyz a b c x y z p u 123 1234 12345 123456 12345678 qwerty letmein anonymous nobody
    ftp mail smtp ldap my yours placeholder sample bitnami vagrant travis circleci postgrespw
    supersecret
    """.split()
)
_PLACES_FOR_USERS: Final = frozenset(b"user username usr uname your_user login usuario name".split())
_NAMES_OF_VARIABLES: Final = (b"password", b"passwd", b"secret", b"token", b"your", b"user", b"pass")
_EXAMPLES: Final = (
    ".example.com",
    ".example.org",
    ".example.net",
    ".example",
    ".test",
    ".invalid",
    ".tld",
    "domain.com",
)
_RANDOM: Final = 0.5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a password: `confidence` is None where it is none.

    Attributes:
        why: in words.
        confidence: as a candidate has it.
        severity: None for the rule's own.
        guessable: a person chose it.
    """

    why: str
    confidence: Confidence | None = None
    severity: Severity | None = None
    guessable: bool = False


def judge(user: bytes, password: bytes, host: str, *, tried: bool = False) -> Verdict:
    """The verdict on a password.

    Args:
        user: whose it is.
        password: without the escapes of where it stands.
        host: "" where none is known.
        tried: it stands in a test or an example.
    """
    verdict = _judge(user, password, host)
    if not tried or verdict.confidence is None:
        return verdict
    # What somebody wrote for a test is no loss, unless it was copied from where it is good.
    least = Confidence.LOW if verdict.confidence is Confidence.MEDIUM else verdict.confidence
    return replace(verdict, confidence=least, severity=Severity.LOW)


def _judge(user: bytes, password: bytes, host: str) -> Verdict:
    reach = _reach(host)
    default = _default(user.lower(), password.lower(), reach)
    if default is not None:
        return default
    why = placeholder(password)
    if why:
        return Verdict(why)
    random = randomness(password)
    what = expression(password)
    if (what and what != "a version or a number" and random < _RANDOM) or password.startswith(b"$"):
        return Verdict(what or "a variable")
    if about_secrets(password):
        return Verdict("what a password is called", Confidence.LOW, guessable=True)
    if reach == "an example":
        return Verdict("for a host of examples", Confidence.LOW, Severity.LOW, guessable=random < _RANDOM)
    if random >= _RANDOM:
        local = reach == "this machine"
        return Verdict("looks random", Confidence.HIGH, Severity.MEDIUM if local else None)
    if reach == "this machine":
        return Verdict("words, for this machine", Confidence.LOW, Severity.LOW, guessable=True)
    return Verdict("a word where a password stands", Confidence.MEDIUM, guessable=True)


def _default(user: bytes, password: bytes, reach: str) -> Verdict | None:
    """The verdict on a password that many have, in lower case; None where it is none of these."""
    known = password in _DEFAULTS or password.rstrip(b"0123456789!_-") in _DEFAULTS
    if known and user in _PLACES_FOR_USERS:
        return Verdict("places for a name and a password")
    if not known and password != user:
        return None
    if reach == "a host of its own" and not password.startswith(_NAMES_OF_VARIABLES):
        return Verdict("a default password", Confidence.LOW, Severity.MEDIUM, guessable=True)
    if reach == "this machine" and password != b"password" and not password.startswith((b"your", b"user")):
        return Verdict("a default, for this machine", Confidence.LOW, Severity.LOW, guessable=True)
    return Verdict(f"a default, for {reach}")


def _reach(host: str) -> str:
    """How far away the host is, in words."""
    name = host.rsplit("@", 1)[-1].strip("[]").lower()
    if name.count(":") == 1:
        name = name.split(":")[0]
    if name == "host.docker.internal":
        return "this machine"
    if (f".{name}").endswith(_EXAMPLES):
        return "an example"
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        # A name without a dot is a service's in a composition of containers, or a placeholder.
        return "a host of its own" if "." in name else "this machine"
    return "this machine" if address.is_loopback or address.is_unspecified else "a host of its own"
