"""Checks on tokens: which rows of the attack table are one check, and what that check says."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from tokenward.auditor.attacks import ON_ACCESS_TOKENS, Attack
from tokenward.auditor.findings import Check
from tokenward.base.severity import Severity

_, _LOW, _MEDIUM, _HIGH, _CRITICAL = sorted(Severity)

_FORGES = "Whoever has seen one token, or none, writes another for any user with any scope."
_VARIES = (
    "Whoever holds a token has it pass where its text is known to be revoked, seen or replayed; or has one "
    "reader believe what another did not check."
)
_REUSES = "Whoever gets hold of a token uses it where or when it was never meant to be good."
STRICT = (
    "Verify with a strict validator before anything else is read: a list of allowed algorithms, keys from "
    "configuration, and no way around the signature. `tokenward.JwtValidator` does, and so does the gateway."
)
_FORM = (
    "Take exactly three base64url parts without padding, and JSON as RFC 8259 has it; refuse the rest, or "
    "put a strict validator before what cannot be changed."
)
_CLAIM = "Require the claim, its type and its value; most libraries check only what they are told to."


class _Family(NamedTuple):
    """Prose that the checks of a family share."""

    attack: str
    fix: str
    recommendation: str = "validate-thoroughly"


_SIGNED = _Family(_FORGES, STRICT)
_FORMED = _Family(_VARIES, _FORM)
_CLAIMED = _Family(_REUSES, _CLAIM)
_BOUND = _Family(
    "Whoever copies a token out of a log, a proxy or a browser uses it without the key that it is bound to.",
    "Refuse a token with `cnf` unless its proof came along: DPoP (RFC 9449 §7) or the client's certificate "
    "(RFC 8705 §3).",
    "trust-no-one",
)
_KINDS = _Family(
    "An ID token that a browser holds, or another JWT of the same issuer, is used to call the API.",
    "Require `typ: at+jwt` (RFC 9068 §4), or whatever tells the issuer's access tokens from its other JWTs.",
    "oauth-is-not-login",
)


class _Rows(NamedTuple):
    """Rows of the attack table that are one check.

    Attributes:
        patterns: of their ids; the first row of this table that matches counts.
        id: of the check, after "probe.".
        severity: of the check.
        family: what its checks share.
        title: instead of the entry's.
        why: instead of what the entry says is wrong.
    """

    patterns: str
    id: str
    severity: Severity
    family: _Family
    title: str = ""
    why: str = ""


_TABLE: tuple[_Rows, ...] = (
    _Rows("F01.*", "base64", _LOW, _FORMED),
    _Rows("F03.*", "parts", _MEDIUM, _FORMED),
    _Rows("F04.*", "json-serialization", _MEDIUM, _FORMED),
    _Rows("F05.*", "unprotected-header", _CRITICAL, _SIGNED),
    _Rows("F06.*", "not-json", _LOW, _FORMED),
    _Rows("F08.*", "size", _LOW, _FORMED),
    _Rows("F09.*", "critical-extension", _MEDIUM, _FORMED),
    _Rows("F10.*", "unencoded-payload", _MEDIUM, _FORMED),
    _Rows("S01.*", "alg-none", _CRITICAL, _SIGNED),
    _Rows("S02.*", "unknown-algorithm", _LOW, _FORMED),
    _Rows("S03.*", "key-confusion", _CRITICAL, _SIGNED),
    _Rows("S04.*", "guessable-secret", _CRITICAL, _SIGNED),
    _Rows("S05.*", "signature-cut-off", _CRITICAL, _SIGNED),
    _Rows("S06.*", "psychic-signature", _CRITICAL, _SIGNED),
    _Rows("S07.*", "key-in-header", _CRITICAL, _SIGNED),
    _Rows("S08.*", "certificate-in-header", _CRITICAL, _SIGNED),
    _Rows("S09.*", "key-address", _CRITICAL, _SIGNED),
    _Rows(
        "S10.a-number S10.null S10.true S10.an-array S10.an-object",
        "key-name-type",
        _LOW,
        _FORMED,
        "`kid` that is no text",
        "The name of the key is of a type that names none, and the token is good otherwise.",
    ),
    _Rows("S10.*", "key-name", _CRITICAL, _SIGNED),
    _Rows("S11.*", "other-algorithm", _MEDIUM, _SIGNED),
    _Rows("S12.*", "rsa-padding", _HIGH, _SIGNED),
    _Rows("S13.*", "ecdsa-form", _MEDIUM, _FORMED),
    _Rows("S15.*", "ed25519-form", _HIGH, _SIGNED),
    _Rows("S16.*", "signature", _CRITICAL, _SIGNED, "Signature not verified"),
    _Rows(
        "C01.exp-missing C01.exp-zero C01.exp-negative",
        "no-expiry",
        _MEDIUM,
        _CLAIMED,
        "Token without an end",
        "A token without `exp`, or with one that means no time, is accepted: it never ends.",
    ),
    _Rows(
        "C01.*",
        "expiry-type",
        _LOW,
        _CLAIMED,
        "`exp` that is no date",
        "`exp` is of a type that is no number of seconds, and two readers make different things of it.",
    ),
    _Rows(
        "C02.expired-for-a-day",
        "expired",
        _HIGH,
        _CLAIMED,
        "Expired token",
        "A token that expired a day ago is accepted: it never ends.",
    ),
    _Rows(
        "C02.expired-for* C02.not-valid-for-a-second",
        "leeway",
        _LOW,
        _CLAIMED,
        "Clocks may differ by more than 30 seconds",
        "A token is taken more than 30 seconds after its end, or before its beginning.",
    ),
    _Rows(
        "C02.not-valid-before-tomorrow",
        "not-yet-valid",
        _MEDIUM,
        _CLAIMED,
        "Token that is not valid yet",
        "A token is accepted a day before its issuer meant it to be.",
    ),
    _Rows(
        "C02.*",
        "time-type",
        _LOW,
        _CLAIMED,
        "`nbf` or `iat` that is no date",
        "The claim is of a type that is no number of seconds, and two readers make different things of it.",
    ),
    _Rows(
        "C03.another-api C03.two-other-apis C03.aud-missing C03.aud-null C03.aud-empty C03.aud-an-empty*",
        "audience",
        _HIGH,
        _CLAIMED,
        "Token for another API",
    ),
    _Rows(
        "C03.*",
        "audience-spelling",
        _MEDIUM,
        _CLAIMED,
        "Audience compared loosely",
        "`aud` is taken for ours although it is another text, or another type.",
    ),
    _Rows("C04.another-issuer-s*", "foreign-key", _CRITICAL, _SIGNED, "Another issuer's key"),
    _Rows("C04.*", "issuer", _MEDIUM, _CLAIMED, "Token of another issuer"),
    _Rows(
        "C05.*", "subject", _LOW, _CLAIMED, "`sub` that is no text", "`sub` is of a type that names nobody."
    ),
    _Rows("C06.*", "token-id", _LOW, _CLAIMED, "`jti` that is no text"),
    _Rows("T01.*", "token-kind", _HIGH, _KINDS),
    _Rows("T02.*", "typ", _LOW, _KINDS),
    _Rows("T04.*", "binding", _HIGH, _BOUND),
    _Rows("T09.*", "nested", _MEDIUM, _FORMED),
    _Rows("E01.*", "encrypted", _CRITICAL, _SIGNED),
    _Rows("E02.*", "encrypted-unsigned", _CRITICAL, _SIGNED),
    _Rows("X01.*", "cache", _CRITICAL, _SIGNED),
)


_PRESENTED: dict[str, str] = {
    "F01.authorization-scheme-before": "lenient-header",
    "F03.two-tokens-space-between": "lenient-header",
    "F03.two-tokens-comma-between": "several-credentials",
}
"""Rows that, in an `Authorization` field, are about the field and not about the token."""


def fired(row: Attack) -> bool:
    """Whether a probe fires a row: those that the specifications let nobody accept."""
    return row.verdict == "reject"


def check_of(row: Attack) -> str:
    """The id of the check that a row of the attack table belongs to.

    Raises:
        LookupError: the table does not know the row's entry.
    """
    return f"probe.{_PRESENTED.get(row.id) or _rows_of(row).id}"


def _rows_of(row: Attack) -> _Rows:
    for rows in _TABLE:
        if any(fnmatchcase(row.id, pattern) for pattern in rows.patterns.split()):
            return rows
    raise LookupError(row.id)


def token_checks() -> Iterator[Check]:
    """The checks of the rows that are fired, in the table's order."""
    firsts: dict[str, tuple[_Rows, Attack]] = {}
    for row in filter(fired, ON_ACCESS_TOKENS):
        rows = _rows_of(row)
        firsts.setdefault(rows.id, (rows, row))
    for rows, row in firsts.values():
        family = rows.family
        references = tuple(part.strip() for part in row.reference.split(";"))
        yield Check(
            f"probe.{rows.id}",
            rows.title or row.title,
            rows.severity,
            rows.why or row.wrong,
            family.attack,
            family.fix,
            references,
            family.recommendation,
        )
