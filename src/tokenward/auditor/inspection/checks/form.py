"""How it is written: what some parsers refuse and others read in ways of their own."""

from collections.abc import Iterator

from tokenward.auditor.findings import Check
from tokenward.auditor.inspection.checks.kit import JWTS, Hit, Lint, Subject
from tokenward.base.severity import Severity

_SIZES = ((8_192, Severity.MEDIUM), (4_096, Severity.LOW), (1_024, Severity.INFO))


def _documents(subject: Subject) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    jwt = subject.jwt
    yield "header", jwt.header_read.twice, jwt.header_read.odd
    if jwt.claims_read is not None:
        yield "claims", jwt.claims_read.twice, jwt.claims_read.odd


def _unreadable(subject: Subject) -> Iterator[Hit]:
    jwt = subject.jwt
    if not jwt.header:
        yield Hit(f"The header: {jwt.header_read.why or 'no object, or an empty one'}.", "/header")
    if jwt.claims_read is not None and jwt.claims is None:
        yield Hit(f"The claims: {jwt.claims_read.why or 'no object'}.", "/claims")


def _misspelt(subject: Subject) -> Iterator[Hit]:
    for part, why in subject.jwt.misspelt.items():
        yield Hit(f"The {part}: {why}.", f"/{part.replace(' ', '_')}")


def _twice(subject: Subject) -> Iterator[Hit]:
    for part, twice, _ in _documents(subject):
        if twice:
            yield Hit(f"In the {part}: {', '.join(name[:40] for name in twice[:10])}.", f"/{part}")


def _odd(subject: Subject) -> Iterator[Hit]:
    for part, _, odd in _documents(subject):
        if odd:
            yield Hit(f"In the {part}: {', '.join(odd[:5])}.", f"/{part}")


def _size(subject: Subject) -> Iterator[Hit]:
    length = len(subject.credential.presented.text)
    for least, severity in _SIZES:
        if length > least:
            yield Hit(f"It has {length:,} characters.", "", severity)
            return


LINTS = (
    Lint(
        Check(
            "token.unreadable",
            "A part cannot be read",
            Severity.MEDIUM,
            why="What cannot be read cannot be checked: nothing more can be said of it here.",
            attack="A parser that is made to fail in an unusual way may crash, or leave the token unchecked.",
            fix="Hand over the whole token, as it was issued. If a client sends it like this, refuse it "
            "with 401.",
            references=("RFC 7519 §7.2", "RFC 7515 §5.2"),
            recommendation="validate-thoroughly",
        ),
        _unreadable,
        JWTS,
    ),
    Lint(
        Check(
            "token.noncanonical-base64url",
            "A part is not spelled as base64url",
            Severity.MEDIUM,
            why="Several spellings of the same token differ as texts: what is kept by the text, such as a "
            "list of revoked tokens or of used ones, does not know it again.",
            attack="The attacker changes the spelling of a revoked or used token, and it passes as a new "
            "one.",
            fix="Refuse padding, white space, the other alphabet and stray bits; revoke by jti, not by text.",
            references=("RFC 7515 §2", "RFC 4648 §3.5"),
            recommendation="validate-thoroughly",
        ),
        _misspelt,
        JWTS,
    ),
    Lint(
        Check(
            "token.duplicate-member",
            "A name stands twice",
            Severity.HIGH,
            why="One parser takes the first, another the last: two programs read two different tokens.",
            attack="The gateway checks one aud, exp or alg, and the backend acts on the other.",
            fix="Refuse such a token. If your issuer writes them, it builds JSON by hand.",
            references=("RFC 7519 §4", "RFC 7515 §4", "RFC 7493 §2.3"),
            recommendation="validate-thoroughly",
        ),
        _twice,
        JWTS,
    ),
    Lint(
        Check(
            "token.odd-json",
            "Its JSON is read in different ways",
            Severity.MEDIUM,
            why="Parsers disagree about numbers beyond 2⁵³, about what is no UTF-8, and about NaN.",
            attack="What one program reads as one id or time, the next reads as another.",
            fix="Write ids as texts, numbers within 2⁵³ - 1, and UTF-8.",
            references=("RFC 7493 §2.2", "RFC 8725 §3.7", "RFC 8259 §8.1"),
            recommendation="validate-thoroughly",
        ),
        _odd,
        JWTS,
    ),
    Lint(
        Check(
            "token.size",
            "The token is large",
            Severity.LOW,
            why="It travels with every request. Servers refuse headers of more than 8 kB in all, some of "
            "4 kB, and browsers cut cookies at 4 kB.",
            attack="Nobody needs to attack: a person in one group more cannot sign in any more. And each "
            "claim is one more thing that leaks.",
            fix="Put less into it: ids instead of profiles, scopes instead of lists of groups; or an "
            "opaque token outside, and a JWT for each backend inside.",
            references=("RFC 9110 §5.4", "RFC 6265 §6.1"),
            recommendation="mind-the-claims",
        ),
        _size,
        JWTS,
        frozenset({"access", "id", "refresh", "proof", ""}),  # what travels in headers
    ),
)
