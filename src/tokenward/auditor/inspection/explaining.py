"""A credential in plain words: what it is, when it lives, and each header parameter and claim."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tokenward.auditor.findings import Entry, Section
from tokenward.auditor.inspection import meanings, moments
from tokenward.auditor.inspection.credential import Credential, Jwt
from tokenward.auditor.inspection.inside import Inside, masked
from tokenward.auditor.inspection.verdict import Verdict
from tokenward.base.severity import Confidence

MOST_VALUE = 400
"""Characters of a value that are shown."""

MOST_ENTRIES = 100
"""Header parameters, and claims, that are explained."""

_BY_AGE = frozenset({"proof", "introspection", "event"})  # what ends by its age, and needs no `exp`
_SURE = {Confidence.HIGH: "certain", Confidence.MEDIUM: "likely", Confidence.LOW: "possible"}


def sections(
    credential: Credential, verdict: Verdict, inside: Iterable[Inside], now: float
) -> Iterator[Section]:
    """What is told of a credential before anything is judged.

    Args:
        credential: what it is.
        verdict: whether its signature was checked.
        inside: credentials in its header and claims, which are not shown.
        now: in seconds since 1970.
    """
    what = credential.what[0].upper() + credential.what[1:]
    yield Section(what, tuple(_about(credential, verdict, now)))
    jwt = credential.jwt
    if jwt is None:
        return
    hidden = {each.path: each for each in inside}
    if jwt.header:
        header = masked(dict(jwt.header), ("header",), hidden)
        yield Section("Header", tuple(_members(header, now, header=True)))
    if jwt.claims:
        claims = masked(dict(jwt.claims), ("claims",), hidden)
        yield Section("Claims", tuple(_members(claims, now, header=False)))


def _about(credential: Credential, verdict: Verdict, now: float) -> Iterator[Entry]:
    yield Entry("Seen in", f"{credential.presented.place}, as {credential.shown}")
    yield Entry("Certainty", f"{_SURE[credential.sure]}: {credential.because}")
    yield from credential.facts
    if credential.jwt is None:
        return
    jwt = credential.jwt
    if jwt.header_read.why:
        yield Entry("Header", f"cannot be read: {jwt.header_read.why}")
    if jwt.claims_read is not None and jwt.claims is None:
        why = jwt.claims_read.why or "it is JSON, but no object"
        yield Entry("Claims", f"cannot be read: {why}")
    yield from _life(credential, jwt, now)
    yield Entry("Signature" if len(jwt.parts) != 5 else "Content", verdict.words)


def _life(credential: Credential, jwt: Jwt, now: float) -> Iterator[Entry]:
    claims = jwt.claims or {}
    exp, iat = claims.get("exp"), claims.get("iat")
    if moments.is_number(exp) and not isinstance(exp, str) and exp is not None:
        if exp >= moments.MILLISECONDS:
            state = "ends so late that milliseconds must be meant"
        elif exp <= now:
            state = (
                f"over since {moments.distance(exp, now).removesuffix(' ago')}" if now - exp >= 1 else "over"
            )
        else:
            state = f"ends {moments.distance(exp, now)}"
        if moments.is_number(iat) and iat is not None and iat < exp < moments.MILLISECONDS:
            state += f", after {moments.duration(exp - iat)} in all"
        yield Entry("Life", state)
    elif jwt.claims is not None and "exp" not in claims and credential.purpose not in _BY_AGE:
        yield Entry("Life", "without end: it has no exp")


def _members(members: Mapping[str, Any], now: float, *, header: bool) -> Iterator[Entry]:
    for number, (name, value) in enumerate(members.items()):
        if number == MOST_ENTRIES:
            yield Entry("…", f"and {len(members) - number:,} more")
            return
        meaning = meanings.header(name, encrypted="enc" in members) if header else meanings.claim(name)
        words = ": ".join(filter(None, [meaning.words, _told(name, value, now, header=header)]))
        known = _algorithm(name, value) if header else None
        source = f"{meaning.source}, {known.source}" if known else meaning.source
        yield Entry(name[:100], shown(value), words, source)


def _told(name: str, value: object, now: float, *, header: bool) -> str:
    """What this value says, beside what its name does."""
    if header:
        known = _algorithm(name, value)
        return known.words if known else ""
    if name in meanings.DATES and isinstance(value, int | float) and moments.is_number(value):
        if value >= moments.MILLISECONDS:
            return f"read as milliseconds, {moments.local(value / 1000, now)}"
        return moments.local(value, now)
    if name == "cnf" and isinstance(value, dict):
        return ", ".join(_CONFIRMATIONS.get(member, "") for member in value).strip(", ")
    if name == "amr" and isinstance(value, list):
        return ", ".join(_METHODS[each] for each in value if isinstance(each, str) and each in _METHODS)
    return ""


def _algorithm(name: str, value: object) -> meanings.Meaning | None:
    return meanings.ALGORITHMS.get(value) if name in {"alg", "enc"} and isinstance(value, str) else None


_CONFIRMATIONS = {
    "jkt": "a DPoP key",
    "x5t#S256": "a client's certificate",
    "jwk": "the key itself",
    "kid": "a key by its name",
}
# RFC 8176 §2.
_METHODS = {
    "pwd": "a password", "otp": "a one-time code", "mfa": "several factors", "hwk": "a hardware key",
    "swk": "a key in software", "sms": "a text message", "pin": "a PIN", "fpt": "a fingerprint",
    "face": "a face", "user": "the person was there", "sc": "a smart card", "tel": "a telephone call",
    "kba": "questions", "rba": "by the risk", "wia": "Windows sign-in", "mca": "several channels",
}  # fmt: skip


def shown(value: object) -> str:
    """A JSON value as text, cut short where it is long."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) > MOST_VALUE:
        return f"{text[:MOST_VALUE]}… ({len(text):,} characters)"
    return text or '""'


def subject(name: str, credentials: Iterable[Credential]) -> str:
    """What was looked at, in a line."""
    return f"{name}: {', '.join(each.what.partition(' (')[0].partition(':')[0] for each in credentials)}"
