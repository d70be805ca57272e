"""Finds passwords in connection strings and in clients' files."""

from collections.abc import Iterator, Mapping
from typing import Final

from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.detector import Detector, Ends
from tokenward.leaks.detectors.assignments.languages import only_tried
from tokenward.leaks.detectors.assignments.strength import randomness
from tokenward.leaks.detectors.connections import files, strings
from tokenward.leaks.detectors.connections.judgement import Verdict, judge
from tokenward.leaks.detectors.connections.login import Login
from tokenward.leaks.detectors.facts import shown, shown_user
from tokenward.leaks.detectors.published_examples import marked
from tokenward.leaks.entropy import entropy
from tokenward.leaks.findings import Candidate
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
        'DriverManager.getConnection("jdbc:mysql://db.shop.internal/shop", "shop", "{base62:16}")',
    ),
    counterexamples=(
        "postgres://user:password@localhost/db",
        "postgres://shop:${{DB_PASSWORD}}@db.shop.internal/shop",
        "amqp://guest:****@rabbit.shop.internal/",
        'DriverManager.getConnection("jdbc:h2:mem:shop", "sa", "sa")',
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
    examples=(
        "git clone https://robot:{base62:20}@git.shop.internal/shop.git",
        "git clone https://{base62:40}@git.shop.internal/shop.git",
        "curl https://{hex:32}:@api.shop.internal/v1/orders",
    ),
    counterexamples=(
        "https://user:pass@example.com/",
        "http://<user>:<password>@proxy.shop.internal:3128",
        "git clone https://continuous-integration@git.shop.internal/shop.git",
        "SENTRY_DSN=https://{hex:32}@errors.shop.internal/42",
    ),
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
_RANDOM: Final = 0.9  # how it has to look in a user's place, where no password follows
_RANDOM_HEX: Final = 0.5  # digits and six letters look less random than they are
_TRIGGERS: Final = (*strings.TRIGGERS.values(), *files.TRIGGERS)
_REACH: Final = 1200  # bytes: longer than any match of these
_HEX: Final = frozenset(b"0123456789abcdef")
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
    everything = dict.fromkeys(strings.TRIGGERS, start), dict.fromkeys((*files.TRIGGERS, ""), start)
    yield from map(marked, _find(text, *everything, recorder))


def near(text: Text, ends: Ends, recorder: Recorder) -> Iterator[Candidate]:
    """The same, of each form from where its trigger was found."""
    starts = {_TRIGGERS[nth]: max(0, where[0] - _REACH) for nth, where in ends.items()}
    in_strings = {form: starts[trigger] for form, trigger in strings.TRIGGERS.items() if trigger in starts}
    yield from map(marked, _find(text, in_strings, starts, recorder))


def _find(
    text: Text, in_strings: Mapping[str, int], in_files: Mapping[str, int], recorder: Recorder
) -> Iterator[Candidate]:
    data = text.data
    tried = only_tried(text)
    least = Severity.LOW if tried else None
    for rule, login in _logins(text, in_strings, in_files):
        # Without a host in the file it is a program's default one, and not this machine.
        host = login.host or ("a.registry" if rule is _CLIENT else "")
        verdict = judge(login.user, login.password, host, tried=tried)
        if login.alone and not _drawn(login.password):
            verdict = Verdict("the name of a user")
        if verdict.confidence is None:
            recorder.note("shape", rule.id, login.start, "dropped", verdict.why)
            continue
        facts = {
            "for" if rule is _CLIENT else "protocol": login.where,
            "user": shown_user(login.user),
            "host": shown(login.host),
        }
        yield Candidate(
            rule=rule.id,
            start=login.start,
            end=login.end,
            secret=login.secret,
            confidence=verdict.confidence,
            facts={name: value for name, value in facts.items() if value},
            severity=verdict.severity,
            guessable=verdict.guessable,
        )
    for begin, end, secret in files.hashes(data, in_files):
        yield Candidate(_HASH.id, begin, end, secret, _HASH.confidence, severity=least, guessable=True)
    for begin, end, secret in files.wordpress(data, in_files):
        if entropy(secret) >= _RANDOM_SALT:
            yield Candidate(_WORDPRESS.id, begin, end, secret, _WORDPRESS.confidence, severity=least)
        else:
            recorder.note("entropy", _WORDPRESS.id, begin, "dropped", "a phrase that asks to be replaced")


def _drawn(token: bytes) -> bool:
    """Whether a machine drew it, and nobody's name is like that."""
    return randomness(token) >= (_RANDOM_HEX if _HEX.issuperset(token) else _RANDOM)


def _logins(
    text: Text, in_strings: Mapping[str, int], in_files: Mapping[str, int]
) -> Iterator[tuple[Rule, Login]]:
    """Everything that a user and a password stand in, with the rule for it."""
    for login in strings.find(text.data, in_strings):
        yield (_ADDRESS if login.where in _WEB else _STRING), login
    for login in files.find(text, in_files):
        yield _CLIENT, login


CONNECTIONS: Final = Detector(
    rules=(_STRING, _ADDRESS, _CLIENT, _HASH, _WORDPRESS),
    triggers=_TRIGGERS,
    find=find,
    reach=_REACH,
    near=near,
    names=files.NAMES,
)
