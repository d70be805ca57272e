"""Finds passwords in connection strings and in clients' files."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from tokenward.leaks.detector import Detector
from tokenward.leaks.detectors.assignments.languages import only_tried
from tokenward.leaks.detectors.connections import files, strings
from tokenward.leaks.detectors.connections.judgement import judge
from tokenward.leaks.detectors.facts import shown
from tokenward.leaks.detectors.published_examples import published
from tokenward.leaks.entropy import entropy
from tokenward.leaks.findings import Candidate, Confidence, Severity
from tokenward.leaks.recording import Recorder
from tokenward.leaks.rule import Rule
from tokenward.leaks.text import Text

_STRING: Final = Rule(
    id="connection-string-password",
    provider="Generic",
    what="password in a connection string",
    pattern="",
    severity=Severity.HIGH,
    confidence=Confidence.HIGH,
    rotate="https://cheatsheetseries.owasp.org/cheatsheets/Database_Security_Cheat_Sheet.html",
    guessable=True,
    examples=(
        "DATABASE_URL=postgres://shop:{base62:16}@db.shop.internal:5432/shop",
        "Server=db.shop.internal;Database=shop;User Id=shop;Password={base62:16};",
        "jdbc:mysql://db.shop.internal:3306/shop?user=shop&password={base62:16}",
    ),
    counterexamples=(
        "postgres://user:password@localhost/db",
        "postgres://shop:${{DB_PASSWORD}}@db.shop.internal/shop",
        "amqp://guest:****@rabbit.shop.internal/",
    ),
)
_ADDRESS: Final = Rule(
    id="password-in-address",
    provider="Generic",
    what="password in the address of a website",
    pattern="",
    severity=Severity.HIGH,
    confidence=Confidence.HIGH,
    rotate="https://datatracker.ietf.org/doc/html/rfc3986#section-3.2.1",
    guessable=True,
    examples=("git clone https://robot:{base62:20}@git.shop.internal/shop.git",),
    counterexamples=("https://user:pass@example.com/", "http://<user>:<password>@proxy.shop.internal:3128"),
)
_CLIENT: Final = Rule(
    id="stored-password",
    provider="Generic",
    what="password that a program keeps in a file",
    pattern="",
    severity=Severity.HIGH,
    confidence=Confidence.HIGH,
    rotate="https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html",
    guessable=True,
    examples=(
        "machine git.shop.internal login robot password {base62:20}",
        "{path:.npmrc}//npm.shop.internal/:_authToken={base62:36}",
        "{path:.pgpass}db.shop.internal:5432:shop:shop:{base62:16}",
    ),
    counterexamples=("{path:.npmrc}//npm.shop.internal/:_authToken=${{NPM_TOKEN}}",),
)
_HASH: Final = Rule(
    id="password-hash",
    provider="Generic",
    what="password's hash in a file of users",
    pattern="",
    severity=Severity.LOW,
    confidence=Confidence.LOW,
    rotate="https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html",
)
_WORDPRESS: Final = Rule(
    id="wordpress-key",
    provider="WordPress",
    what="key or salt of a WordPress installation",
    pattern="",
    severity=Severity.HIGH,
    confidence=Confidence.HIGH,
    rotate="https://developer.wordpress.org/apis/wp-config-php/#security-keys",
)
_RANDOM_SALT: Final = 4.0  # bits a character; "put your unique phrase here" has 3.6
_WEB: Final = (
    "http",
    "https",
    "git",
    "ssh",
    "svn",
    "git+https",
    "git+http",
    "git+ssh",
    "ftp",
    "ftps",
    "sftp",
    "ws",
    "wss",
)


def find(text: Text, start: int, recorder: Recorder) -> Iterator[Candidate]:
    """Passwords, each with whose they are and where they are good, as far as it stands there."""
    tried = only_tried(text)
    for candidate in _find(text, start, recorder):
        if where := published(candidate.secret):
            yield replace(candidate, severity=Severity.LOW, facts={**candidate.facts, "published": where})
        elif tried:
            # What somebody wrote for a test is no loss, unless it was copied from where it is good.
            least = Confidence.LOW if candidate.confidence is Confidence.MEDIUM else candidate.confidence
            yield replace(candidate, severity=Severity.LOW, confidence=least)
        else:
            yield candidate


def _find(text: Text, start: int, recorder: Recorder) -> Iterator[Candidate]:
    data = text.data
    for found in strings.find(data, start):
        verdict = judge(found.user, found.plain, found.host)
        rule = _ADDRESS if found.protocol in _WEB else _STRING
        if verdict.confidence is None:
            recorder.note("shape", rule.id, found.start, "dropped", verdict.why)
            continue
        facts = _facts(("protocol", found.protocol), ("user", found.user), ("host", found.host))
        yield Candidate(
            rule=rule.id,
            start=found.start,
            end=found.end,
            secret=found.password,
            confidence=verdict.confidence,
            facts=facts,
            severity=verdict.severity,
            guessable=verdict.guessable,
        )
    for entry in files.find(text, start):
        # Without a host in the file it is a program's default one, and not this machine.
        verdict = judge(entry.user, entry.password, entry.host or "a.registry")
        if verdict.confidence is None:
            recorder.note("shape", _CLIENT.id, entry.start, "dropped", verdict.why)
            continue
        facts = _facts(("for", entry.what), ("user", entry.user), ("host", entry.host))
        yield Candidate(
            rule=_CLIENT.id,
            start=entry.start,
            end=entry.end,
            secret=entry.secret,
            confidence=verdict.confidence,
            facts=facts,
            severity=verdict.severity,
            guessable=verdict.guessable,
        )
    for begin, end, secret in files.hashes(data, start):
        yield Candidate(_HASH.id, begin, end, secret, _HASH.confidence, guessable=True)
    for begin, end, secret in files.wordpress(data, start):
        if entropy(secret) >= _RANDOM_SALT:
            yield Candidate(_WORDPRESS.id, begin, end, secret, _WORDPRESS.confidence)
        else:
            recorder.note("entropy", _WORDPRESS.id, begin, "dropped", "a phrase that asks to be replaced")


_LONGEST_USER: Final = 20  # characters; a longer name without an @ is more likely a token than a person


def _facts(*pairs: tuple[str, str | bytes]) -> dict[str, str]:
    texts = (
        (name, value if isinstance(value, str) else value.decode("utf-8", "replace")) for name, value in pairs
    )
    return {
        name: shown(value)
        for name, value in texts
        if value and not (name == "user" and len(value) > _LONGEST_USER and "@" not in value)
    }


CONNECTIONS: Final = Detector(
    rules=(_STRING, _ADDRESS, _CLIENT, _HASH, _WORDPRESS),
    triggers=(*strings.TRIGGERS, *files.TRIGGERS),
    find=find,
    reach=1200,
)
