"""The JWK Set that everybody trusts: what must not be in it, what is weak, what leaves a choice."""

import base64
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations
from math import gcd
from typing import Any

from tokenward.auditor.findings import Check, Place
from tokenward.auditor.servers.published import MOST_KEYS, Published
from tokenward.auditor.servers.rules import Found, Rule
from tokenward.base.severity import Severity
from tokenward.tokens import base64url, certificates
from tokenward.tokens.algorithms import ALGORITHMS, MIN_RSA_BITS
from tokenward.tokens.jwk_set import public_key
from tokenward.tokens.key_lint import weak_modulus
from tokenward.tokens.keys import members

_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
_OPERATIONS = {"sig": {"sign", "verify"}, "enc": {"encrypt", "decrypt", "wrapKey", "unwrapKey", "deriveKey"}}
_MATERIAL = ("kty", "crv", "x", "y", "n", "e")


def _keys(seen: Published) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    if seen.keys is None:
        return
    listed = seen.keys.data.get("keys")
    for index, jwk in enumerate(listed[:MOST_KEYS] if isinstance(listed, list) else ()):
        if isinstance(jwk, Mapping):
            yield Place(seen.keys.url, f"/keys/{index}"), jwk


def _name(jwk: Mapping[str, Any]) -> str:
    kid = jwk.get("kid")
    return f"The key {kid[:60]!r}" if isinstance(kid, str) else "A key without `kid`"


def _number(jwk: Mapping[str, Any], member: str) -> int:
    """A number of an RSA key; 0 where it is none."""
    value = jwk.get(member)
    try:
        return int.from_bytes(base64url.decode(value), "big") if isinstance(value, str) else 0
    except ValueError:
        return 0


def _none(seen: Published) -> Found:
    if seen.keys is not None and not any(True for _ in _keys(seen)):
        yield Place(seen.keys.url, "/keys"), ""


def _private(seen: Published) -> Found:
    for place, jwk in _keys(seen):
        found = [name for name in _PRIVATE if name in jwk]
        if found or jwk.get("kty") == "oct":
            yield place, f"{_name(jwk)} holds `{'`, `'.join(found) or 'kty: oct'}`."


def _small(seen: Published) -> Found:
    for place, jwk in _keys(seen):
        bits = _number(jwk, "n").bit_length()
        if jwk.get("kty") == "RSA" and bits < MIN_RSA_BITS:
            yield place, f"{_name(jwk)} has {bits} bits."


def _exponent(seen: Published) -> Found:
    for place, jwk in _keys(seen):
        exponent = _number(jwk, "e")
        if jwk.get("kty") == "RSA" and (exponent < 65537 or exponent % 2 == 0):
            said = f"the exponent {exponent}" if exponent < 65537 else "an even exponent"
            yield place, f"{_name(jwk)} has {said}."


def _breakable(seen: Published) -> Found:
    moduli = []
    for place, jwk in _keys(seen):
        n = _number(jwk, "n") if jwk.get("kty") == "RSA" else 0
        if n.bit_length() > MAX_LINTED_BITS or n < 2:
            continue
        why = weak_modulus(n)
        if why is not None:
            yield place, f"{_name(jwk)}: {why}."
        moduli.append((place, jwk, n))
    for (_, one, n), (place, other, m) in combinations(moduli, 2):
        if n != m and gcd(n, m) != 1:
            yield place, f"{_name(other)} has a prime in common with {_name(one).lower()}."


MAX_LINTED_BITS = 16_384
"""Of a modulus that is looked at: a hostile set must not keep us busy."""


def _unreadable(seen: Published) -> Found:
    """Points off the curve or of small order, texts that are no base64url, zeros before a number."""
    for place, jwk in _keys(seen):
        algorithm = _an_algorithm(jwk)
        if algorithm is None or any(name in jwk for name in _PRIVATE):
            continue
        try:
            public_key(jwk, algorithm)
        except ValueError as error:
            if "too weak" not in str(error):  # which other checks tell
                yield place, f"{_name(jwk)}: {error}."


def _an_algorithm(jwk: Mapping[str, Any]) -> str | None:
    """One that goes with the key's type and curve, whatever it says of itself."""
    fitting = (
        row.name
        for row in ALGORITHMS.values()
        if row.kty == jwk.get("kty") and row.crv in {"", jwk.get("crv")}
    )
    return None if jwk.get("kty") == "oct" else next(fitting, None)


def _wrong_algorithm(seen: Published) -> Found:
    for place, jwk in _keys(seen):
        said = jwk.get("alg")
        row = ALGORITHMS.get(said) if isinstance(said, str) else None
        if said == "none" or (
            row is not None and (row.kty != jwk.get("kty") or row.crv not in {"", jwk.get("crv")})
        ):
            yield place, f"{_name(jwk)} of type {jwk.get('kty')} says `alg` {said!r}."


def _same_name(seen: Published) -> Found:
    counted = Counter(jwk["kid"] for _, jwk in _keys(seen) if isinstance(jwk.get("kid"), str))
    for place, jwk in _keys(seen):
        if isinstance(jwk.get("kid"), str) and counted.pop(jwk["kid"], 1) > 1:
            yield place, f"{_name(jwk)} is there more than once."


def _nameless(seen: Published) -> Found:
    keys = list(_keys(seen))
    for place, jwk in keys if len(keys) > 1 else ():
        if not isinstance(jwk.get("kid"), str):
            yield place, ""


def _unsaid(seen: Published) -> Found:
    for place, jwk in _keys(seen):
        missing = [
            name for name in ("use", "alg") if name not in jwk and not (name == "use" and "key_ops" in jwk)
        ]
        if missing:
            yield place, f"{_name(jwk)} does not say `{'` and `'.join(missing)}`."


def _two_uses(seen: Published) -> Found:
    uses: dict[tuple[object, ...], tuple[Mapping[str, Any], set[str]]] = {}
    for place, jwk in _keys(seen):
        material = tuple(str(jwk.get(name)) for name in _MATERIAL)
        operations = jwk.get("key_ops")
        said = {str(each) for each in operations} if isinstance(operations, list) else set()
        both = {use for use, operations_of in _OPERATIONS.items() if said & operations_of}
        both |= {jwk["use"]} if isinstance(jwk.get("use"), str) else set()
        first, known = uses.setdefault(material, (jwk, set()))
        if not {"sig", "enc"} <= known and {"sig", "enc"} <= known | both:
            beside = "" if first is jwk else f", and is the same as {_name(first).lower()}"
            yield place, f"{_name(jwk)} is for signatures and for encryption{beside}."
        known |= both


def _bad_certificate(seen: Published) -> Found:
    for place, jwk in _keys(seen):
        chain = jwk.get("x5c")
        if not isinstance(chain, list) or not chain:
            continue
        try:
            certificate = certificates.parse(base64.b64decode(str(chain[0]), validate=True))
            certificates.check_period(certificate, seen.at)
            said = members(certificate.public_key())  # type: ignore[arg-type]  # a type that we do not know raises
        except ValueError as error:
            yield place, f"{_name(jwk)}: its certificate: {error}."
            continue
        if any(jwk.get(name) != value for name, value in said.items()):
            yield place, f"{_name(jwk)}: its certificate is of another key."


KEYS: tuple[Rule, ...] = (
    Rule(
        Check(
            "server.keys-private",
            "Private or secret keys are published",
            Severity.CRITICAL,
            why="Whoever reads the set can sign as the issuer.",
            attack="Tokens for any user and any scope are written by anybody, and every API takes them.",
            fix="Take the set from the network now, make new keys, and end every session and token that"
            " the old ones signed.",
            references=("RFC 7517 §9.2", "RFC 7518 §6.2.2", "RFC 7518 §6.3.2"),
            recommendation="secrets-leak",
        ),
        _private,
    ),
    Rule(
        Check(
            "server.keys-none",
            "The set of keys is empty",
            Severity.MEDIUM,
            why="There is nothing to check a signature with.",
            attack="A client that is to work all the same is configured not to check.",
            fix="Publish the keys that sign.",
            references=("RFC 7517 §5.1", "RFC 8414 §2"),
            recommendation="validate-thoroughly",
        ),
        _none,
    ),
    Rule(
        Check(
            "server.keys-small",
            "An RSA key is too small",
            Severity.HIGH,
            why="2048 bits are the least; 1024 are within reach of a state, and 512 of anybody.",
            attack="The key is factored once, and tokens are signed from then on.",
            fix="Make a new key, of an elliptic curve or of 2048 bits or more.",
            references=("RFC 7518 §3.3", "RFC 8725 §3.5"),
            recommendation="validate-thoroughly",
        ),
        _small,
    ),
    Rule(
        Check(
            "server.keys-exponent",
            "An RSA key has an exponent that is too small or even",
            Severity.HIGH,
            why="With 1 everything is its own signature; with 3, careless checks of the padding can be"
            " passed.",
            attack="Signatures are made without the key.",
            fix="Make a new key with the exponent 65537.",
            references=("NIST SP 800-56B §6.2", "CVE-2006-4339"),
            recommendation="validate-thoroughly",
        ),
        _exponent,
    ),
    Rule(
        Check(
            "server.keys-breakable",
            "An RSA key of sufficient size can be factored",
            Severity.CRITICAL,
            why="It has small, close or shared primes, or comes from a generator that is known to be"
            " broken (ROCA).",
            attack="The private key is computed from the public one.",
            fix="Make a new key with another program or device, and end what the old one signed.",
            references=("CVE-2017-15361", "CVE-2022-26320", "RFC 8725 §3.5"),
            recommendation="validate-thoroughly",
        ),
        _breakable,
    ),
    Rule(
        Check(
            "server.keys-malformed",
            "A key is not what a key of its type is",
            Severity.HIGH,
            why="A point that is off the curve or of small order, or a number that is none, passes in lax"
            " libraries.",
            attack="Against a point of small order, signatures can be made that fit without the key.",
            fix="Publish the key as RFC 7518 has it.",
            references=("RFC 7518 §6", "RFC 8037 §2", "RFC 8032 §8.9"),
            recommendation="validate-thoroughly",
        ),
        _unreadable,
    ),
    Rule(
        Check(
            "server.keys-wrong-alg",
            "A key says an algorithm that it cannot have",
            Severity.HIGH,
            why="`alg` is what a client goes by: `none`, or HMAC beside a public key, is the classic"
            " confusion.",
            attack="A token is signed with the public key as the secret.",
            fix="Name the algorithm that the key signs with.",
            references=("RFC 7517 §4.4", "RFC 8725 §2.1", "RFC 8725 §3.1"),
            recommendation="validate-thoroughly",
        ),
        _wrong_algorithm,
    ),
    Rule(
        Check(
            "server.keys-same-kid",
            "Two keys have one name",
            Severity.MEDIUM,
            why="Which of them a token means is left to chance; some clients take the first and fail, some"
            " try all.",
            attack="A key that somebody added under a known name is used in its place.",
            fix="Give each key a name of its own, such as its thumbprint.",
            references=("RFC 7517 §4.5", "RFC 7638 §1"),
            recommendation="validate-thoroughly",
        ),
        _same_name,
    ),
    Rule(
        Check(
            "server.keys-nameless",
            "One of several keys has no name",
            Severity.LOW,
            why="Tokens cannot say which key they mean, so clients try all of them.",
            attack="A key of another purpose is tried, too.",
            fix="Give each key a `kid`.",
            references=("RFC 7517 §4.5", "OpenID Connect Core §10.1"),
            recommendation="validate-thoroughly",
        ),
        _nameless,
    ),
    Rule(
        Check(
            "server.keys-unsaid",
            "A key does not say what it is for",
            Severity.INFO,
            why="Without `use` and `alg` a client takes the key for whatever a token asks for.",
            attack="A key for encryption is used to check signatures, or RS256 is taken where PS256 was"
            " meant.",
            fix="Publish `use` and `alg` with every key.",
            references=("RFC 7517 §4.2", "RFC 7517 §4.4", "RFC 8725 §3.1"),
            recommendation="validate-thoroughly",
        ),
        _unsaid,
    ),
    Rule(
        Check(
            "server.keys-two-uses",
            "One key signs and decrypts",
            Severity.MEDIUM,
            why="What goes wrong with one of the two gives the other away.",
            attack="A service that decrypts is made to sign, or the other way round.",
            fix="Use two keys.",
            references=("RFC 7517 §4.2", "RFC 8725 §3.5", "NIST SP 800-57 §5.2"),
            recommendation="validate-thoroughly",
        ),
        _two_uses,
    ),
    Rule(
        Check(
            "server.keys-certificate",
            "A key's certificate is out of date, unreadable or of another key",
            Severity.LOW,
            why="Clients that look at `x5c` refuse the key, and those that do not trust what its issuer no"
            " longer vouches for.",
            attack="Two clients that read the same entry trust two different keys.",
            fix="Renew the certificate, or leave `x5c` out.",
            references=("RFC 7517 §4.7",),
            recommendation="validate-thoroughly",
        ),
        _bad_certificate,
    ),
)
