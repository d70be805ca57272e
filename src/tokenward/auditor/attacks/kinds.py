"""Families T, E and X: tokens of another kind, encrypted ones, and those that resemble an accepted one."""

from collections.abc import Callable, Iterator

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from tokenward.auditor.attacks.kit import ABSENT, Kit, b64, compact, public_key
from tokenward.auditor.attacks.table import Attack, Part, bare, claims, control, entry, header, note, signed


def _of_kind(typ: object, **changes: object) -> Callable[[Kit], str]:
    """A token of another kind by the same issuer, whose claims would do."""
    return lambda kit: kit.token(kit.header(typ=typ), kit.claims(**changes))


_LOGOUT: dict[str, object] = {"http://schemas.openid.net/event/backchannel-logout": {}}
_OTHERS: dict[str, Callable[[Kit], str]] = {
    "ID token": _of_kind("JWT", nonce="n-1", at_hash="x", auth_time=0, client_id=ABSENT, scope=ABSENT),
    "ID token without typ": _of_kind(ABSENT, nonce="n-1", client_id=ABSENT, scope=ABSENT),
    "signed userinfo": _of_kind("JWT", email="user@example", client_id=ABSENT, scope=ABSENT),
    "authorization response": _of_kind("JWT", code="c", state="s", client_id=ABSENT, scope=ABSENT),
    "session cookie": _of_kind("JWT"),
    "refresh token": _of_kind("rt+jwt"),
    "logout token": _of_kind("logout+jwt", events=_LOGOUT),
    "security event": _of_kind("secevent+jwt", events={"urn:x": {}}),
    "client assertion": _of_kind("client-authentication+jwt"),
    "introspection response": _of_kind("token-introspection+jwt", token_introspection={"active": True}),
    "request object": _of_kind("oauth-authz-req+jwt", response_type="code"),
    "DPoP proof": _of_kind("dpop+jwt", htm="GET", htu="https://bank.example/"),
    "key binding": _of_kind("kb+jwt", nonce="n-1", sd_hash="x"),
    "verifiable credential": _of_kind("dc+sd-jwt", vct="urn:x"),
    "credential proof": _of_kind("openid4vci-proof+jwt", nonce="n-1"),
    "status list": _of_kind("statuslist+jwt", status_list={"bits": 1, "lst": "x"}),
    "entity statement": _of_kind("entity-statement+jwt", jwks={"keys": []}),
}


def _others() -> Iterator[Part[Attack]]:
    for name, forge in _OTHERS.items():
        yield signed(name, "typ_mismatch", forge)


def _encrypted(content: Callable[[Kit], bytes], alg: str, **changes: object) -> Callable[[Kit], str]:
    """A JWE that anybody can make: with the issuer's public key, or with a key of zeros."""

    def forge(kit: Kit) -> str:
        key = public_key(kit.jwk("RS256"))
        assert isinstance(key, rsa.RSAPublicKey)  # noqa: S101 - follows from the algorithm
        digest = SHA256() if alg == "RSA-OAEP-256" else SHA1()  # noqa: S303 - what the other name means
        cek, iv = bytes(32), bytes(12)
        oaep = padding.OAEP(padding.MGF1(digest), digest, None)
        encrypted_key = b"" if alg == "dir" else key.encrypt(cek, oaep)
        head = {"alg": alg, "enc": "A256GCM", "kid": kit.jwk("RS256")["kid"], "typ": "at+jwt"} | changes
        protected = b64(compact(head))
        sealed = AESGCM(cek).encrypt(iv, content(kit), protected.encode())
        return ".".join([protected, *map(b64, (encrypted_key, iv, sealed[:-16], sealed[-16:]))])

    return forge


def _claims(kit: Kit) -> bytes:
    return compact(kit.claims(sub="admin"))


def _plain(kit: Kit) -> bytes:
    return f"{b64(compact({'alg': 'none'}))}.{b64(_claims(kit))}.".encode()


def _same_claims(kit: Kit) -> str:
    """The claims of the good token under the attacker's signature."""
    return kit.token(key=kit.stranger)


def _last_character(text: str) -> str:
    """Another signature that differs in its last octet only."""
    return text[:-2] + ("AA" if text[-2:] != "AA" else "EA")


_INSENSITIVE = "Media types are compared without regard to case (RFC 7515 §4.1.9, RFC 6838 §4.2)."

KIND: tuple[Attack, ...] = (
    control("T", "typ with its full media type", _of_kind("application/at+jwt")),
    *entry(
        "T01",
        "Token of another kind",
        "The issuer signed it for another purpose; issuer, audience and times are those of an access token.",
        "RFC 9068 §2.1, §4; RFC 8725 §3.11, §3.12",
        *_others(),
    ),
    *entry(
        "T02",
        "typ that is not at+jwt",
        "`typ` is missing or does not say exactly that this is an access token.",
        "RFC 9068 §4; RFC 7515 §4.1.9",
        header("missing", "typ_mismatch", typ=ABSENT),
        header("empty", "header_type", typ=""),
        header("null", "header_type", typ=None),
        header("a number", "header_type", typ=1),
        header("an array", "header_type", typ=["at+jwt"]),
        header("another top-level type", "typ_mismatch", typ="text/at+jwt"),
        header("application twice", "typ_mismatch", typ="application/application/at+jwt"),
        header("with a parameter", "typ_mismatch", typ="at+jwt; charset=utf-8"),
        header("with a space after", "typ_mismatch", typ="at+jwt "),
        header("with a space before", "typ_mismatch", typ=" at+jwt"),
        header("with a NUL after", "typ_mismatch", typ="at+jwt\0"),
        header("two types", "typ_mismatch", typ="at+jwt,logout+jwt"),
        header("a hyphen for the plus", "typ_mismatch", typ="at-jwt"),
        header("a look-alike letter", "typ_mismatch", typ="\u0430t+jwt"),
        header("full-width letters", "typ_mismatch", typ="\uff41t+jwt"),
        note(header("in capitals", "", typ="AT+JWT"), _INSENSITIVE),
        note(header("in capitals, in full", "", typ="Application/AT+JWT"), _INSENSITIVE),
    ),
    *entry(
        "T09",
        "Nested",
        "The content is another token, whose signature nobody has asked for.",
        "RFC 7519 §5.2, §7.2",
        signed(
            "a good token inside",
            "header_refused",
            lambda kit: kit.token(kit.header(cty="JWT"), kit.good.encode()),
        ),
        signed(
            "an unsigned token inside",
            "header_refused",
            lambda kit: kit.token(kit.header(cty="JWT"), _plain(kit)),
        ),
        signed(
            "an unsigned token inside, not declared", "bad_json", lambda kit: kit.token(claims=_plain(kit))
        ),
        note(
            header("declared, and plain claims", "header_refused", cty="JWT"),
            "RFC 7519 §5.2 advises against `cty` where nothing is nested. Ours refuses it.",
        ),
    ),
    *entry(
        "T04",
        "Bound to a key, sent without proof",
        "`cnf` says that only who holds a key may use the token, and no proof came with it.",
        "RFC 7800 §3.1; RFC 9449 §7.1; RFC 8705 §3",
        claims("jkt", "binding_required", cnf={"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}),
        claims(
            "x5t#S256", "binding_required", cnf={"x5t#S256": "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"}
        ),
        claims("jwk", "binding_required", cnf={"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}}),
        claims("kid", "binding_required", cnf={"kid": "k"}),
        claims("an unknown confirmation", "binding_required", cnf={"urn:x": 1}),
        *[
            note(part, "`cnf` is malformed, and nobody says what then. Ours takes the token for bound.")
            for part in (
                claims("empty", "binding_required", cnf={}),
                claims("null", "binding_required", cnf=None),
                claims("a text", "binding_required", cnf="jkt"),
                claims("an array", "binding_required", cnf=[]),
                claims("false", "binding_required", cnf=False),
            )
        ],
    ),
    control("E", "the good token, signed", lambda kit: kit.good, needs=False),
    *entry(
        "E01",
        "Encrypted instead of signed",
        "A JWE, which anybody can make who has a public key, where a signature is expected.",
        "RFC 8725 §2.1, §3.1; CVE-2022-3102; CVE-2023-51774",
        bare("RSA-OAEP-256 with the public key", "malformed", _encrypted(_claims, "RSA-OAEP-256")),
        bare("RSA-OAEP with the public key", "malformed", _encrypted(_claims, "RSA-OAEP")),
        bare("dir with a key of zeros", "malformed", _encrypted(_claims, "dir")),
        bare("parts only", "malformed", lambda _: "e30.AA.AA.AA.AA"),
    ),
    *entry(
        "E02",
        "Encrypted and unsigned",
        "A JWE around a token that nobody has signed.",
        "RFC 7519 §11.2; CVE-2026-29000",
        bare("around alg none", "malformed", _encrypted(_plain, "RSA-OAEP-256", cty="JWT")),
        bare(
            "around the good token",
            "malformed",
            _encrypted(lambda kit: kit.good.encode(), "RSA-OAEP-256", cty="JWT"),
        ),
    ),
    control("X", "the good token once more", lambda kit: kit.good, needs=False),
    *entry(
        "X01",
        "Resembles one that was accepted",
        "It shares something with a token that was accepted a moment ago, by which a cache might know it.",
        "CVE-2026-35030; CVE-2026-35039",
        bare("the same claims", "bad_signature", _same_claims),
        bare(
            "the same header and claims, no signature",
            "malformed",
            lambda kit: kit.good.rpartition(".")[0] + ".",
        ),
        bare("all but the last characters", "bad_signature", lambda kit: kit.with_part(2, _last_character)),
        bare(
            "the same signature",
            "bad_signature",
            lambda kit: kit.with_part(1, lambda _: b64(compact(kit.claims(sub="admin", x=1)))),
        ),
        bare(
            "the same jti",
            "bad_signature",
            lambda kit: kit.token(claims=kit.claims(sub="admin"), key=kit.stranger),
        ),
        bare("the same text, twice", "malformed", lambda kit: f"{kit.good}.{kit.good}"),
    ),
)
