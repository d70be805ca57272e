"""How a credential is presented: where it stands, and over which line it goes."""

import re
from collections.abc import Iterator

from tokenward.auditor.findings import Check
from tokenward.auditor.inspection.checks.kit import ANY, SIGNED, Hit, Lint, Subject
from tokenward.base.severity import Severity

_LOCAL = re.compile(r"http://(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?")


def _in_url(subject: Subject) -> Iterator[Hit]:
    presented = subject.credential.presented
    if presented.scheme == "url" or (presented.scheme == "login" and "URL" in presented.place):
        yield Hit(f"It stands in {presented.place}.")


def _plain(subject: Subject) -> Iterator[Hit]:
    to = subject.credential.presented.to
    if to.startswith("http://") and not _LOCAL.fullmatch(to):
        yield Hit(f"It goes to {to[:100]}.")


def _basic(subject: Subject) -> Iterator[Hit]:
    yield Hit(f"It stands in {subject.credential.presented.place}.")


def _damaged(subject: Subject) -> Iterator[Hit]:
    for fact in subject.credential.facts:
        if fact.name == "Checksum" and fact.value == "bad":
            yield Hit(f"{fact.meaning[0].upper()}{fact.meaning[1:]}.")


def _bound_as_bearer(subject: Subject) -> Iterator[Hit]:
    cnf = subject.claims.get("cnf")
    if isinstance(cnf, dict) and "jkt" in cnf and subject.credential.presented.scheme == "bearer":
        yield Hit("It has cnf.jkt, and is sent as Bearer.", "/claims/cnf")


def _refused(subject: Subject) -> Iterator[Hit]:
    if subject.verdict.state == "refused":
        words = subject.verdict.words
        yield Hit(
            f"{words[0].upper()}{words[1:]}.", "/signature" if subject.verdict.code == "bad_signature" else ""
        )


LINTS = (
    Lint(
        Check(
            "token.in-url",
            "It stands in a URL",
            Severity.HIGH,
            why="URLs are kept: in histories, in logs of servers and proxies, in Referer headers.",
            attack="Whoever reads a log or a history has the credential.",
            fix="Send it in the Authorization header, and end this one.",
            references=("RFC 9700 §4.3.2", "RFC 6750 §5.3", "RFC 6750 §2.3"),
            recommendation="like-passwords",
        ),
        _in_url,
        ANY,
    ),
    Lint(
        Check(
            "token.plain-http",
            "It goes over a line that everybody can read",
            Severity.HIGH,
            why="Over plain HTTP everybody between here and there reads the credential.",
            attack="Somebody on the same network copies it, and uses it.",
            fix="Use https, and end this one if the command was run.",
            references=("RFC 6750 §5.2", "RFC 9700 §2.6", "OWASP API8:2023"),
            recommendation="trust-no-one",
        ),
        _plain,
        ANY,
    ),
    Lint(
        Check(
            "token.basic",
            "User name and password are sent with every request",
            Severity.MEDIUM,
            why="Basic authentication has no end, no scope and no second factor, and the password opens "
            "more than this API.",
            attack="One log or one backend that keeps headers gives the password away.",
            fix="Use OAuth: a token with scope and end for the application; for machines private_key_jwt "
            "or workload identity.",
            references=("RFC 7617 §4", "RFC 9700 §2.4", "OWASP API2:2023"),
            recommendation="no-basic",
        ),
        _basic,
        frozenset({"basic"}),
    ),
    Lint(
        Check(
            "token.damaged",
            "Its checksum is wrong",
            Severity.LOW,
            why="It is not as it was issued: no server of Tokenward takes it.",
            attack="Somebody may be trying made-up tokens.",
            fix="Copy it anew, to its end.",
            references=(),
            recommendation="api-keys",
        ),
        _damaged,
        frozenset({"ours"}),
    ),
    Lint(
        Check(
            "token.bound-as-bearer",
            "A bound token is sent as if it were none",
            Severity.MEDIUM,
            why="It is bound to a DPoP key, and the request says Bearer: an API that takes it does not "
            "check the binding.",
            attack="A thief leaves the proof away, and says Bearer.",
            fix="Send it with the scheme DPoP and a proof; have the API refuse bound tokens as Bearer.",
            references=("RFC 9449 §7.1", "RFC 9449 §7.2"),
            recommendation="trust-no-one",
        ),
        _bound_as_bearer,
    ),
    Lint(
        Check(
            "token.refused",
            "A strict validator refuses it",
            Severity.HIGH,
            why="It is not what it should be: forged, changed, over, or for somebody else.",
            attack="An API that takes it all the same takes others as well: that is what to look for.",
            fix="Get a token that is good. If your API takes this one, see which check it leaves out.",
            references=("RFC 7515 §5.2", "RFC 7519 §7.2", "RFC 9068 §4"),
            recommendation="validate-thoroughly",
        ),
        _refused,
        SIGNED | frozenset({"jwe"}),
    ),
)
