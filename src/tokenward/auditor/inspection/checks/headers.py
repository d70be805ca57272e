"""What the header tells the verifier to do, and lets an attacker choose."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from tokenward.auditor.findings import Check
from tokenward.auditor.inspection.checks.kit import JWTS, SIGNED, Hit, Lint, Subject
from tokenward.auditor.inspection.credential import Purpose
from tokenward.base.severity import Severity

_ISSUED: frozenset[Purpose] = frozenset(
    {"access", "id", "refresh", "logout", "assertion", "request", "introspection", "event", ""}
)

_LONGEST_KID = 256  # characters: more than any issuer writes, and all that is searched
_KIDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("a path", re.compile(r"\.\./|\.\.\\|^/[a-z]{2,}/|^[A-Za-z]:\\|/dev/|/proc/|/etc/|file:")),
    (
        "SQL",
        re.compile(
            r"(?i)['\"`].*(?:\b(?:or|and|union|select|insert|drop|sleep)\b|--|;)|\bunion\s+(?:all\s+)?select\b"
        ),
    ),
    ("a URL", re.compile(r"(?i)^[a-z][a-z0-9+.-]*://")),
    ("a command", re.compile(r"[|;&`<>\n\r]|\$\(|\$\{")),
    ("LDAP", re.compile(r"\*\)|\(\||\)\(")),
    ("control characters", re.compile(r"[\x00-\x1f\x7f]")),
)


def _no_type(subject: Subject) -> Iterator[Hit]:
    if subject.header and "typ" not in subject.header:
        yield Hit("The header has no typ.", "/header")
    elif subject.header and not isinstance(subject.header["typ"], str):
        yield Hit("typ is no text.", "/header/typ")


def _generic_type(subject: Subject) -> Iterator[Hit]:
    typ = subject.header.get("typ")
    if isinstance(typ, str) and typ.lower().removeprefix("application/") == "jwt":
        yield Hit(f"typ is {typ}, and at+jwt would say what it is.", "/header/typ")


def _hostile_kid(subject: Subject) -> Iterator[Hit]:
    kid = subject.header.get("kid")
    if "kid" in subject.header and not isinstance(kid, str):
        yield Hit("kid is no text.", "/header/kid")
        return
    if isinstance(kid, str):
        what = next((what for what, pattern in _KIDS if pattern.search(kid[:_LONGEST_KID])), "")
        if what:
            # Some issuers name keys by URLs, and nobody by the others.
            severity = Severity.LOW if what == "a URL" else None
            yield Hit(f"kid looks like {what}.", "/header/kid", severity)
        elif len(kid) > _LONGEST_KID:
            yield Hit(f"kid has {len(kid):,} characters.", "/header/kid", Severity.MEDIUM)


def _no_kid(subject: Subject) -> Iterator[Hit]:
    asymmetric = subject.jwt.alg[:2] in {"RS", "PS", "ES", "Ed"}
    if asymmetric and not {"kid", "jwk", "x5t#S256", "x5c"} & subject.header.keys():
        yield Hit("The header has no kid.", "/header")


def _key_url(subject: Subject) -> Iterator[Hit]:
    for name in ("jku", "x5u"):
        value = subject.header.get(name)
        if name not in subject.header:
            continue
        scheme, host = "", ""
        if isinstance(value, str):
            try:
                parts = urlsplit(value)
                scheme, host = parts.scheme, parts.hostname or ""
            except ValueError:
                pass
        told = f"{name} leads to {host[:100]}" if host else f"{name} is no https URL"
        plain = "" if scheme == "https" else ", and not by https"
        yield Hit(f"{told}{plain}.", f"/header/{name}", None if scheme == "https" else Severity.HIGH)


def _embedded_key(subject: Subject) -> Iterator[Hit]:
    for name in ("jwk", "x5c"):
        if name in subject.header:
            yield Hit(f"The header brings {name}.", f"/header/{name}")


def _critical(subject: Subject) -> Iterator[Hit]:
    header = subject.header
    if "crit" in header:
        crit = header["crit"]
        good = (
            isinstance(crit, list) and crit and all(isinstance(each, str) and each in header for each in crit)
        )
        told = (
            ", ".join(each[:40] for each in crit[:5])
            if good
            else "something that is no list of names in the header"
        )
        yield Hit(f"crit names {told}.", "/header/crit", None if good else Severity.HIGH)
    if header.get("b64", True) is not True:
        yield Hit("b64 is false: what is signed is not what stands there.", "/header/b64", Severity.HIGH)


def _sha1(subject: Subject) -> Iterator[Hit]:
    if "x5t" in subject.header and "x5t#S256" not in subject.header:
        yield Hit("x5t stands there without x5t#S256.", "/header/x5t")


LINTS = (
    Lint(
        Check(
            "token.type-missing",
            "The header does not say what kind of token it is",
            Severity.LOW,
            why="Without typ one kind of token of an issuer can be taken for another, such as an ID token "
            "for an access token.",
            attack="The attacker presents a token that they may have in the place of one that they may not.",
            fix="Have the issuer write typ at+jwt (or the type of its kind), and refuse every other.",
            references=("RFC 8725 §3.11", "RFC 7515 §4.1.9", "RFC 9068 §2.1"),
            recommendation="oauth-is-not-login",
        ),
        _no_type,
        SIGNED,
    ),
    Lint(
        Check(
            "token.type-generic",
            "An access token says of itself only that it is a JWT",
            Severity.LOW,
            why="RFC 9068 gives access tokens typ at+jwt, so that no ID token passes for one.",
            attack="A client sends the ID token of a person who signed in to it to an API, which takes it.",
            fix="Have the issuer write typ at+jwt. Until then check claims that only access tokens have.",
            references=("RFC 9068 §2.1", "RFC 9068 §4", "RFC 8725 §3.12"),
            recommendation="oauth-is-not-login",
        ),
        _generic_type,
        SIGNED,
        frozenset({"access"}),
    ),
    Lint(
        Check(
            "token.kid-injection",
            "The name of the key looks like an attack",
            Severity.HIGH,
            why="No issuer names keys like this. A verifier that looks the name up in files, a database "
            "or a shell does what the name says.",
            attack="kid leads to a file whose content the attacker knows (/dev/null, a style sheet), or "
            "makes a query return a key of theirs; then they sign with it.",
            fix="Compare kid with the names of known keys, exactly, and use it for nothing else. Look who "
            "sent this token.",
            references=("RFC 8725 §3.10", "RFC 7515 §4.1.4"),
            recommendation="validate-thoroughly",
        ),
        _hostile_kid,
        JWTS,
    ),
    Lint(
        Check(
            "token.kid-missing",
            "The header does not name its key",
            Severity.INFO,
            why="Without kid a verifier must try every key, and keys cannot be exchanged without a moment "
            "in which tokens fail.",
            attack="None by itself; but verifiers that try keys in turn mix algorithms and issuers sooner.",
            fix="Have the issuer name the key: its thumbprint will do (RFC 7638).",
            references=("RFC 7515 §4.1.4", "OpenID Connect Core §10.1"),
            recommendation="validate-thoroughly",
        ),
        _no_kid,
        SIGNED,
    ),
    Lint(
        Check(
            "token.key-url",
            "The header says where to fetch the key",
            Severity.MEDIUM,
            why="A verifier that follows jku or x5u lets the token choose by which key it is judged, and "
            "whom the verifier calls.",
            attack="The attacker signs with a key of their own and points there; or makes the verifier "
            "call addresses inside your network (SSRF).",
            fix="Configure where the issuer's keys are, and ignore or refuse these parameters.",
            references=("RFC 8725 §3.10", "RFC 7515 §4.1.2", "GHSA-993g-76c3-p5m4"),
            recommendation="validate-thoroughly",
        ),
        _key_url,
        JWTS,
    ),
    Lint(
        Check(
            "token.embedded-key",
            "The token brings the key by which it is to be judged",
            Severity.MEDIUM,
            why="A key in the token proves nothing about who sent it: everybody can send a key along.",
            attack="The attacker signs with a key of their own, puts it into jwk, and a verifier that "
            "uses it finds the signature good.",
            fix="Take keys only from the issuer's configured set. Only DPoP proofs bring their key.",
            references=("RFC 7515 §4.1.3", "CVE-2018-0114", "CVE-2026-27962"),
            recommendation="validate-thoroughly",
        ),
        _embedded_key,
        SIGNED,
        _ISSUED,
    ),
    Lint(
        Check(
            "token.critical-header",
            "The header changes the rules",
            Severity.LOW,
            why="crit names extensions that a reader must understand or refuse. Many readers overlook it, "
            "and verify something else than was signed.",
            attack="With b64 false, or an extension that is ignored, the attacker has something signed "
            "that is read as something else.",
            fix="JWTs need neither crit nor b64: have the issuer leave them out, and refuse them.",
            references=("RFC 7515 §4.1.11", "RFC 7797 §7", "CVE-2025-59420"),
            recommendation="validate-thoroughly",
        ),
        _critical,
        JWTS,
    ),
    Lint(
        Check(
            "token.sha1-thumbprint",
            "The certificate is named by SHA-1",
            Severity.INFO,
            why="SHA-1 is broken: two certificates can be made that have the same thumbprint.",
            attack="Where x5t decides which certificate is trusted, the attacker makes one that fits.",
            fix="Write x5t#S256, or only kid.",
            references=("RFC 7515 §4.1.7", "RFC 7515 §4.1.8"),
            recommendation="validate-thoroughly",
        ),
        _sha1,
        JWTS,
    ),
)
