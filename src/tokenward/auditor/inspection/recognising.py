"""What a credential is: by its form, and where that says nothing by what others know of it."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tokenward.auditor.findings import Entry
from tokenward.auditor.inspection import lenient, moments
from tokenward.auditor.inspection.credential import (
    Credential,
    Form,
    Jwt,
    Presented,
    Purpose,
)
from tokenward.auditor.recognition import Recogniser
from tokenward.base.severity import Confidence
from tokenward.tokens import base64url, opaque

_OURS = re.compile(r"([0-9A-Za-z]{1,16})_([a-z]{2})_([0-9A-Za-z]{11})([0-9A-Za-z]*)")
_OUR_BODY = 49  # characters after the locator: 43 random ones and the checksum
_PASETO = re.compile(r"v[1-4]\.(?:local|public)\.[0-9A-Za-z_-]+(?:\.[0-9A-Za-z_-]+)?")
_SEGMENTS = re.compile(r"[0-9A-Za-z_=+/-]*(?:\.[0-9A-Za-z_=+/-]*)+")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_HEX = re.compile(r"(?:[0-9a-f]{2}){8,}|(?:[0-9A-F]{2}){8,}")
_MOST_SHOWN, _LEAST_HIDDEN = 4, 16

# The media types of `typ` (without "application/"), and what each is.
_TYPES: Mapping[str, tuple[Purpose, str]] = {
    "at+jwt": ("access", "an OAuth access token in the form of a JWT (RFC 9068)"),
    "dpop+jwt": ("proof", "a DPoP proof (RFC 9449)"),
    "logout+jwt": ("logout", "a logout token (OpenID Connect Back-Channel Logout)"),
    "secevent+jwt": ("event", "a security event token (RFC 8417)"),
    "token-introspection+jwt": ("introspection", "an introspection response (RFC 9701)"),
    "oauth-authz-req+jwt": ("request", "an authorization request (RFC 9101)"),
    "client-authentication+jwt": ("assertion", "a client assertion (RFC 7523)"),
}


def recognise(presented: Presented, others: Recogniser, now: float) -> Credential:
    """What was presented.

    Args:
        presented: as it stood there.
        others: who knows the formats of other issuers.
        now: in seconds since 1970.
    """
    text = presented.text
    if presented.scheme in {"basic", "login"}:
        return _basic(presented)
    if "~" in text and (read := _compact(text.partition("~")[0])):
        why = "a signed JWT and disclosures, parted by ~; only its name is known here"
        return _named(presented, "an SD-JWT (RFC 9901)", why, read.parts[0][:_MOST_SHOWN])
    if (jwt := _compact(text)) is not None:
        return _jwt(presented, jwt)
    if _PASETO.fullmatch(text):
        version = ".".join(text.split(".")[:2])
        return _named(presented, f"a PASETO ({version})", f"it begins with {version}.", f"{version}.")
    if text.startswith("{"):
        members = lenient.read(text.encode("utf-8", "replace")).value
        if isinstance(members, dict) and "payload" in members and {"signature", "signatures"} & set(members):
            return _named(presented, "a JWS in JSON form (RFC 7515 §7.2)", "its members say so", "")
        if isinstance(members, dict) and "ciphertext" in members:
            return _named(presented, "a JWE in JSON form (RFC 7516 §7.2)", "its members say so", "")
    if (ours := _OURS.fullmatch(text)) and ours[2] in opaque.KINDS:
        return _opaque(presented, ours, now)
    found = [each for each in others(text) if each.line == 1 and each.secret in text]
    if found:
        best = max(found, key=lambda each: (each.confidence, len(each.secret)))
        by = (Entry("Issued by", best.provider),) if best.provider else ()
        what = f"{_article(best.what)} {best.what}"
        return Credential(presented, "foreign", what, best.confidence, "its format", best.masked, facts=by)
    return _unknown(presented)


def masked(text: str) -> str:
    """What may be shown of a text that nobody knows: four characters, if enough stay hidden."""
    shown = text[:_MOST_SHOWN] if len(text) >= _MOST_SHOWN + _LEAST_HIDDEN else ""
    return f"{shown}… ({len(text):,} characters)"


def read_jwt(text: str) -> Jwt | None:
    """A JWS or JWE in compact form, however badly written; None where it is none."""
    return _compact(text)


def _compact(text: str) -> Jwt | None:
    if text.count(".") not in {1, 2, 4} or not _SEGMENTS.fullmatch("".join(text.split())):
        return None
    parts = tuple(text.split("."))
    header, odd = lenient.octets(parts[0])
    read = lenient.Document(None, "it is no base64url") if header is None else lenient.read(header)
    if not isinstance(read.value, dict) and not parts[0].startswith("eyJ"):
        return None
    if isinstance(read.value, dict) and not {"alg", "enc", "typ"} & read.value.keys():
        return None
    wrong = {"header": odd} if odd else {}
    claims_read: lenient.Document | None = None
    signature = b""
    if len(parts) == 5:
        names = ("encrypted key", "initialisation vector", "ciphertext", "tag")
        wrong |= {
            name: why for name, part in zip(names, parts[1:], strict=True) if (why := lenient.octets(part)[1])
        }
    else:
        payload, odd = lenient.octets(parts[1])
        wrong |= {"claims": odd} if odd else {}
        claims_read = (
            lenient.Document(None, "they are no base64url") if payload is None else lenient.read(payload)
        )
        found, odd = lenient.octets(parts[2]) if len(parts) == 3 else (b"", "")
        wrong |= {"signature": odd} if odd else {}
        signature = found or b""
    claims = claims_read.value if claims_read and isinstance(claims_read.value, dict) else None
    return Jwt(
        parts,
        read.value if isinstance(read.value, dict) else {},
        claims,
        read,
        claims_read,
        signature,
        wrong,
    )


def _jwt(presented: Presented, jwt: Jwt) -> Credential:
    shown = f"{jwt.parts[0][:_MOST_SHOWN]}… ({len(presented.text):,} characters)"

    def credential(form: Form, purpose: Purpose, what: str, sure: Confidence, because: str) -> Credential:
        return Credential(presented, form, what, sure, because, shown, purpose, jwt)

    if len(jwt.parts) == 5:
        what = "an encrypted token (JWE, RFC 7516), of which only the header can be read without the key"
        return credential("jwe", "", what, Confidence.HIGH, "five parts, and a header that names enc")
    if len(jwt.parts) == 2:
        return credential(
            "jws", "", "a JWT whose signature was cut off", Confidence.MEDIUM, "two parts of three"
        )
    return credential("jws", *_purpose(jwt, presented))


def _purpose(jwt: Jwt, presented: Presented) -> tuple[Purpose, str, Confidence, str]:
    typ = jwt.header.get("typ")
    kind = typ.lower().removeprefix("application/") if isinstance(typ, str) else ""
    if kind in _TYPES:
        return *_TYPES[kind], Confidence.HIGH, f"its header says typ {typ}"
    claims = jwt.claims or {}
    for sign in _SIGNS:
        if told := sign(claims):
            return told
    if presented.scheme in {"bearer", "dpop"}:
        return "access", "an access token in the form of a JWT", Confidence.LOW, "it is presented as one"
    return "", "a signed token (JWT, RFC 7519)", Confidence.HIGH, "its form; nothing says what it is for"


def _says_itself(claims: Mapping[str, Any]) -> tuple[Purpose, str, Confidence, str] | None:
    said = {"Bearer": "access", "DPoP": "access", "ID": "id", "Refresh": "refresh", "Offline": "refresh",
            "access": "access", "id": "id"}  # fmt: skip
    for name in ("typ", "token_use"):
        value = claims.get(name)
        match said.get(value) if isinstance(value, str) else None:
            case "access":
                return "access", "an access token in the form of a JWT", Confidence.HIGH, f"its claim {name}"
            case "id":
                return "id", "an ID token (OpenID Connect)", Confidence.HIGH, f"its claim {name}"
            case "refresh":
                return "refresh", "a refresh token in the form of a JWT", Confidence.HIGH, f"its claim {name}"
    return None


def _events(claims: Mapping[str, Any]) -> tuple[Purpose, str, Confidence, str] | None:
    if "events" in claims:
        return "event", "a security event token (RFC 8417)", Confidence.MEDIUM, "its claim events"
    if "htm" in claims and "htu" in claims:
        return "proof", "a DPoP proof (RFC 9449)", Confidence.MEDIUM, "its claims htm and htu"
    return None


def _assertion(claims: Mapping[str, Any]) -> tuple[Purpose, str, Confidence, str] | None:
    if isinstance(claims.get("iss"), str) and claims.get("iss") == claims.get("sub"):
        return "assertion", "a client assertion (RFC 7523)", Confidence.MEDIUM, "iss and sub are the same"
    return None


def _id_token(claims: Mapping[str, Any]) -> tuple[Purpose, str, Confidence, str] | None:
    signs = [name for name in ("nonce", "at_hash", "c_hash") if name in claims]
    if signs and not {"scope", "scp"} & claims.keys():
        return "id", "an ID token (OpenID Connect)", Confidence.MEDIUM, f"its claim {signs[0]}"
    return None


def _access(claims: Mapping[str, Any]) -> tuple[Purpose, str, Confidence, str] | None:
    signs = [name for name in ("scope", "scp", "client_id", "cid", "permissions") if name in claims]
    if signs:
        return "access", "an access token in the form of a JWT", Confidence.MEDIUM, f"its claim {signs[0]}"
    return None


_SIGNS: tuple[Callable[[Mapping[str, Any]], tuple[Purpose, str, Confidence, str] | None], ...] = (
    _says_itself, _events, _id_token, _access, _assertion,
)  # fmt: skip


def _basic(presented: Presented) -> Credential:
    """User and password (RFC 7617 §2): in base64 in a header, in the clear in options and URLs."""
    text = presented.text
    because = "the scheme Basic"
    if presented.scheme == "basic":
        octets, _ = lenient.octets(text.rstrip("="))
        if octets is None:
            why = "the scheme Basic, but what follows is no base64"
            return Credential(
                presented, "unknown", "damaged Basic credentials", Confidence.LOW, why, masked(text)
            )
        text = octets.decode("utf-8", "replace")
    user, colon, password = text.partition(":")
    length = "no" if not password else "a short" if len(password) < 12 else "a"
    told = f"{length} password, which is not shown" if colon else "no password: curl would ask for it"
    facts = (Entry("User", user or "(none)"), Entry("Password", told))
    what = "Basic credentials: a user name and a password (RFC 7617)"
    return Credential(presented, "basic", what, Confidence.HIGH, because, f"{user}:…", facts=facts)


def _opaque(presented: Presented, found: re.Match[str], now: float) -> Credential:
    prefix, kind, token_id = found[1], found[2], found[3]
    facts = [
        Entry("Token id", token_id, "its public name, by which logs and `tokenward tokens revoke` know it")
    ]
    good = opaque.parse(presented.text, prefix=prefix) is not None
    if good:
        issued = moments.local(opaque.issued_at(token_id), now)
        facts.insert(0, Entry("Issued", issued, "which the token id tells"))
        facts.append(
            Entry("Checksum", "good", "so it was not mistyped; whether it is live only its issuer knows")
        )
    else:
        length = len(found[4])
        why = (
            "cut short"
            if length < _OUR_BODY
            else "longer than one"
            if length > _OUR_BODY
            else "mistyped or made up"
        )
        facts.append(Entry("Checksum", "bad", f"it is {why}"))
    what = f"{_article(opaque.KINDS[kind])} {opaque.KINDS[kind]} issued by Tokenward"
    sure = Confidence.HIGH if good else Confidence.MEDIUM
    shown = f"{prefix}_{kind}_{token_id}… ({len(presented.text)} characters)"
    because = "its prefix and checksum" if good else "its prefix"
    return Credential(presented, "ours", what, sure, because, shown, facts=tuple(facts))


def _named(presented: Presented, what: str, because: str, prefix: str) -> Credential:
    shown = f"{prefix}… ({len(presented.text):,} characters)"
    return Credential(presented, "named", what, Confidence.HIGH, because, shown)


def _unknown(presented: Presented) -> Credential:
    text = presented.text
    if _UUID.fullmatch(text):
        because = "it is a UUID, of which at most 122 bits are random"
    elif _HEX.fullmatch(text):
        because = f"{len(text)} hexadecimal digits: {len(text) // 2} octets, or a hash"
    elif len(text.split()) > 1:
        because = "it holds white space, which no token does"
    else:
        octets, odd = lenient.octets(text)
        told = (
            f"base64url of {len(octets):,} octets"
            if octets and not odd and not text.isalnum()
            else "no form is known"
        )
        because = f"{len(text):,} characters; {told}"
    what = "an opaque text: only its issuer can tell what it is"
    return Credential(presented, "unknown", what, Confidence.LOW, because, masked(text))


def thumbprint_of(text: str) -> str:
    """SHA-256 of a token in base64url, as `ath` has it (RFC 9449 §4.2)."""
    return base64url.encode(opaque.fingerprint(text))


def _article(noun: str) -> str:
    return "an" if noun[:1].lower() in "aeiou" else "a"
