"""How long it lives, and whether its times make sense."""

from collections.abc import Iterator

from tokenward.auditor.findings import Check
from tokenward.auditor.inspection import moments
from tokenward.auditor.inspection.checks.kit import Hit, Lint, Subject
from tokenward.base.severity import Severity

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
# Seconds that it may live, and how bad it is to live longer.
_LIMITS = ((_DAY, Severity.HIGH), (_HOUR, Severity.MEDIUM), (15 * _MINUTE, Severity.LOW))
_SECONDS = ("exp", "nbf", "iat", "auth_time")
_CLOCKS_DIFFER = 60


def _date(subject: Subject, name: str) -> float | None:
    """A claim that is a date in seconds."""
    value = subject.claims.get(name)
    if isinstance(value, int | float) and moments.is_number(value) and 0 <= value < moments.MILLISECONDS:
        return value
    return None


def _endless(subject: Subject) -> Iterator[Hit]:
    if subject.jwt.claims is not None and "exp" not in subject.claims:
        yield Hit("It has no exp.", "/claims")


def _long(subject: Subject) -> Iterator[Hit]:
    exp = _date(subject, "exp")
    iat = _date(subject, "iat")
    nbf = _date(subject, "nbf")
    begins = iat if iat is not None else nbf if nbf is not None else subject.now
    if exp is None:
        return
    for least, severity in _LIMITS:
        if exp - begins > least:
            yield Hit(f"It lives {moments.duration(exp - begins)}.", "/claims/exp", severity)
            return


def _long_sign_in(subject: Subject) -> Iterator[Hit]:
    exp, iat = _date(subject, "exp"), _date(subject, "iat")
    if exp is not None and iat is not None and exp - iat > _DAY:
        yield Hit(f"It lives {moments.duration(exp - iat)}.", "/claims/exp")


def _milliseconds(subject: Subject) -> Iterator[Hit]:
    for name in _SECONDS:
        value = subject.claims.get(name)
        if isinstance(value, int | float) and moments.is_number(value) and value >= moments.MILLISECONDS:
            yield Hit(f"{name} is {value}, which in seconds is thousands of years away.", f"/claims/{name}")


def _no_date(subject: Subject) -> Iterator[Hit]:
    for name in _SECONDS:
        if name not in subject.claims:
            continue
        value = subject.claims[name]
        if not moments.is_number(value):
            kind = {str: "a text", bool: "true or false", type(None): "null"}.get(type(value), "no number")
            yield Hit(f"{name} is {kind}.", f"/claims/{name}")
        elif value < 0:
            yield Hit(f"{name} is before 1970.", f"/claims/{name}")


def _future(subject: Subject) -> Iterator[Hit]:
    iat = _date(subject, "iat")
    if iat is not None and iat > subject.now + _CLOCKS_DIFFER:
        yield Hit(f"iat is {moments.distance(iat, subject.now)}.", "/claims/iat")


def _order(subject: Subject) -> Iterator[Hit]:
    exp = _date(subject, "exp")
    for name in ("iat", "nbf"):
        begins = _date(subject, name)
        if exp is not None and begins is not None and exp <= begins:
            yield Hit(f"exp is not after {name}.", "/claims/exp")


LINTS = (
    Lint(
        Check(
            "token.no-expiry",
            "The token never ends",
            Severity.HIGH,
            why="Whoever gets hold of it can use it for ever, and nobody may notice.",
            attack="A token in an old log, a backup or a browser's history works years later.",
            fix="Have the issuer write exp: at most 15 minutes for an access token; and refuse tokens "
            "without.",
            references=("RFC 9068 §2.2", "RFC 7519 §4.1.4", "OWASP API2:2023"),
            recommendation="oauth",
        ),
        _endless,
        purposes=frozenset({"access", "id", "refresh", "logout", "assertion", "request", ""}),
    ),
    Lint(
        Check(
            "token.long-lived",
            "The token lives long",
            Severity.MEDIUM,
            why="A JWT cannot be called back from those who verify it by themselves: until exp it is good.",
            attack="A stolen token works until it ends, whatever the person or the operator does.",
            fix="Issue access tokens for 15 minutes at most, and let clients refresh them; bind longer "
            "ones to a key (DPoP, mTLS).",
            references=("RFC 9700 §2.2.1", "RFC 6819 §5.1.5.3", "OWASP API2:2023"),
            recommendation="oauth",
        ),
        _long,
        purposes=frozenset({"access", ""}),
    ),
    Lint(
        Check(
            "token.long-lived-sign-in",
            "The sign-in lasts long",
            Severity.LOW,
            why="An ID token tells of a sign-in that has just happened; it is no session.",
            attack="Where it is taken for a session, a stolen one is a session of days.",
            fix="End ID tokens and assertions after minutes, and keep sessions by a cookie of your own.",
            references=("OpenID Connect Core §2", "RFC 7523 §3"),
            recommendation="oauth-is-not-login",
        ),
        _long_sign_in,
        purposes=frozenset({"id", "assertion", "request", "logout"}),
    ),
    Lint(
        Check(
            "token.milliseconds",
            "A time is in milliseconds",
            Severity.HIGH,
            why="NumericDate counts seconds: read as such, it lies thousands of years ahead.",
            attack="A token whose exp is in milliseconds never ends, for every verifier that keeps to the "
            "specification.",
            fix="Divide by 1000 where the token is made (in JavaScript: Math.floor(Date.now() / 1000)).",
            references=("RFC 7519 §2", "RFC 7519 §4.1.4"),
            recommendation="validate-thoroughly",
        ),
        _milliseconds,
    ),
    Lint(
        Check(
            "token.bad-date",
            "A time is no number of seconds",
            Severity.MEDIUM,
            why="Verifiers that expect a number refuse it, or take it for missing and check nothing.",
            attack="A text in exp is treated by some libraries as if there were none: the token never ends.",
            fix="Write a number of seconds since 1970, and refuse everything else.",
            references=("RFC 7519 §2", "CVE-2026-25537"),
            recommendation="validate-thoroughly",
        ),
        _no_date,
    ),
    Lint(
        Check(
            "token.issued-in-future",
            "It was issued in the future",
            Severity.LOW,
            why="The clock of its issuer, or of this machine, is wrong; or somebody prepared it.",
            attack="With proofs and assertions: made ahead on somebody's machine, to be used later from "
            "elsewhere.",
            fix="Keep clocks by NTP, and refuse iat that is more than a minute ahead.",
            references=("RFC 7519 §4.1.6", "RFC 9449 §11.2"),
            recommendation="validate-thoroughly",
        ),
        _future,
    ),
    Lint(
        Check(
            "token.dates-out-of-order",
            "It ends before it begins",
            Severity.MEDIUM,
            why="There is no moment at which such a token is good.",
            attack="A verifier that takes it does not check all of its times.",
            fix="Look how the issuer computes exp.",
            references=("RFC 7519 §4.1.4", "RFC 7519 §4.1.5"),
            recommendation="validate-thoroughly",
        ),
        _order,
    ),
)
