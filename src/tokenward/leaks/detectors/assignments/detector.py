"""Finds values that are assigned to the names of credentials.

forms  ->  name  ->  placeholder, expression, strength  ->  kind of file
"""

from collections.abc import Iterator
from typing import Final

from tokenward.leaks.detector import Detector
from tokenward.leaks.detectors.assignments.forms import TRIGGERS, patterns
from tokenward.leaks.detectors.assignments.judgement import File, judge
from tokenward.leaks.detectors.assignments.languages import Kind, configures, kind, only_tried, translated
from tokenward.leaks.detectors.assignments.names import Promise
from tokenward.leaks.detectors.assignments.names import judge as judge_name
from tokenward.leaks.detectors.published_examples import published
from tokenward.leaks.findings import Candidate, Confidence, Severity
from tokenward.leaks.recording import Recorder
from tokenward.leaks.rule import Rule
from tokenward.leaks.text import Text

_ROTATE: Final = "https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html"
_TOKEN: Final = Rule(
    id="assigned-token",
    provider="Generic",
    what="token or key, by its name",
    pattern="",
    severity=Severity.HIGH,
    confidence=Confidence.LOW,
    rotate=_ROTATE,
    examples=('client_secret = "{base62:32}"', "{path:.env}API_TOKEN={hex:40}", '"apiKey": "{base62:24}"'),
    counterexamples=(
        'client_secret = "your-client-secret"',
        'token_type = "{base62:32}"',
        "token = read_token()",
    ),
)
_PASSWORD: Final = Rule(
    id="assigned-password",
    provider="Generic",
    what="password, by its name",
    pattern="",
    severity=Severity.MEDIUM,
    confidence=Confidence.LOW,
    rotate=_ROTATE,
    guessable=True,
    examples=("{path:app.yml}db_password: {base62:16}", 'password = "{base62:20}"'),
    counterexamples=('password = "Enter your password"', "{path:app.yml}password: ${{DB_PASSWORD}}"),
)
_REACH: Final = 700  # the longest assignment that a form can match, its name included


def find(text: Text, start: int, recorder: Recorder) -> Iterator[Candidate]:
    """Secrets by their names. None is of high confidence: only a name and a look speak for it."""
    data = text.data
    tried = only_tried(text)
    file = File(kind(text), tried or translated(text), configures(text))
    seen: set[int] = set()
    for form, pattern in patterns(file.kind):
        for match in pattern.finditer(data, start):
            which = 1 if match.start(1) >= 0 else next(n for n in range(2, 6) if match.start(n) >= 0)
            name = judge_name(match.group(which))
            if name.promise is Promise.NONE and not recorder.wanted:
                continue
            group = match.lastindex
            begin, end = match.span(group)
            if begin in seen:
                continue
            seen.add(begin)
            value: bytes = match.group(group)
            between = data[match.end(which) : begin]
            loose = _loose(between) or (file.kind is Kind.PROSE and b"=" not in between)
            rule = _PASSWORD if name.promise is Promise.PASSWORD else _TOKEN
            verdict = judge(name, value, file, loose=loose)
            if verdict.confidence is None:
                recorder.note(verdict.stage, rule.id, begin, "dropped", verdict.why)
                continue
            if recorder.wanted:
                recorder.note(verdict.stage, rule.id, begin, "passed", f"{form}; {name.why}; {verdict.why}")
            where = published(value)
            yield Candidate(
                rule=rule.id,
                start=begin,
                end=end,
                secret=value,
                confidence=verdict.confidence,
                facts={"published": where} if where else {},
                severity=Severity.LOW if tried or where else rule.severity,
                guessable=verdict.guessable,
            )


def _loose(between: bytes) -> bool:
    """Whether there is no more than a comma, quotes and white space between a name and a value."""
    return not between.strip(b" \t\r\n\"'`),[")


ASSIGNMENTS: Final = Detector(rules=(_TOKEN, _PASSWORD), triggers=TRIGGERS, find=find, reach=_REACH)
