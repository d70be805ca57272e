"""Whether our strict validator would take a token, with the keys that a person names."""

from collections.abc import Iterator, Sequence

from cryptography.hazmat.primitives.asymmetric import rsa

from tokenward.auditor.inspection.credential import Credential, Jwt
from tokenward.auditor.inspection.trust import NamedKey, Trust
from tokenward.auditor.inspection.verdict import Verdict
from tokenward.base.clock import Clock
from tokenward.base.entropy import identifier
from tokenward.tokens import claims as c
from tokenward.tokens import jwe, jws
from tokenward.tokens.algorithms import ALGORITHMS, MAX_RSA_BITS, PublicKey
from tokenward.tokens.dpop import HEADER as PROOF_HEADER
from tokenward.tokens.encryption_keys import ENCRYPTIONS, KEY_MANAGEMENT, DecryptionKey
from tokenward.tokens.errors import CODES, InvalidToken
from tokenward.tokens.jwk_set import public_key
from tokenward.tokens.key_lint import weak_modulus, weak_secret
from tokenward.tokens.key_source import FixedKeys
from tokenward.tokens.keys import VerificationKey, members, thumbprint
from tokenward.tokens.kinds import KINDS, Kind, rules
from tokenward.tokens.profiles import PROFILES
from tokenward.tokens.strict_json import read_object
from tokenward.tokens.validator import Engine

LEEWAY = 30
"""Seconds by which clocks may differ, as `JwtValidator` has it."""

_MAX_EXPONENT_BITS = 64
_YEAR = 365 * 86_400
_BOUND = "binding_required"


class _Impossible(Exception):  # noqa: N818 - says what it is
    """It cannot be told; the text says why."""


def verdict(credential: Credential, trust: Trust, clock: Clock) -> Verdict:
    """What our validator says of a signed token."""
    jwt = credential.jwt
    if jwt is None or len(jwt.parts) == 5:
        return Verdict("impossible", "not checked: only its issuer can tell whether it is good")
    if trust.trouble:
        return Verdict("impossible", f"not checked: {trust.trouble}")
    if jwt.alg not in ALGORITHMS:
        name = f"alg {jwt.alg}" if jwt.alg else "a header without alg"
        return _refused("algorithm_refused", f"{name} is never accepted, whatever the key")
    try:
        keys = list(_keys(jwt, trust))
    except _Impossible as impossible:
        return Verdict("impossible", f"not checked: {impossible}")
    except ValueError as error:
        return Verdict("impossible", f"not checked: {trust.where} cannot be used for {jwt.alg}: {error}")
    return _first_good([_judged(credential, trust, found, how, clock) for found, how in keys])


def proof_verdict(credential: Credential) -> Verdict:
    """Whether the key that a DPoP proof brings has signed it (RFC 9449 §4.3); that needs no other key."""
    jwt = credential.jwt
    assert jwt is not None  # noqa: S101 - a proof is a JWT
    try:
        unverified = jws.parse(
            jwt.text, [name for name, row in ALGORITHMS.items() if not row.symmetric], PROOF_HEADER
        )
        key = VerificationKey(None, jwt.alg, public_key(dict(unverified.header.jwk or {}), jwt.alg))
        jws.verify(unverified, (key,))
    except InvalidToken as refused:
        return _refused(refused.code)
    except ValueError as error:
        return _refused("header_type", f"the key that it brings cannot be used: {error}")
    return Verdict("good", f"good: {jwt.alg}, by the key that it brings")


def proof_thumbprint(jwk: object) -> str:
    """RFC 7638, SHA-256, of the key that a proof brings; "" where it brings none that can be used."""
    if not isinstance(jwk, dict):
        return ""
    for name, row in ALGORITHMS.items():
        if row.kty == jwk.get("kty") and row.crv in ("", jwk.get("crv")):
            try:
                return thumbprint(members(public_key(jwk, name)))
            except ValueError:
                return ""
    return ""


def decrypted(jwt: Jwt, trust: Trust) -> tuple[Verdict, bytes | None]:
    """The content of an encrypted token, if a private key or secret for it was named."""
    if trust.key is None or not (trust.key.private or trust.key.secrets):
        return Verdict("unchecked", "not opened: name the private key or the secret with --key"), None
    alg, enc = jwt.alg, jwt.header.get("enc")
    if "zip" in jwt.header:
        told = "not opened: it is compressed, and what it would grow to only its sender knows (RFC 8725 §3.6)"
        return Verdict("refused", told, "header_refused"), None
    if alg not in KEY_MANAGEMENT or enc not in ENCRYPTIONS:
        return Verdict("impossible", f"not opened: {alg} with {enc} is not supported here"), None
    kid = jwt.header.get("kid")
    name = kid if isinstance(kid, str) and 0 < len(kid) <= 256 else identifier()
    told = ""
    for material in (trust.key.private, *(secret for secret, _ in trust.key.secrets)):
        if material is None or isinstance(material, bytes) is not (alg == "dir"):
            continue
        try:
            lists = {"algorithms": (alg,), "encryptions": (enc,)}
            keys = (DecryptionKey(name, alg, material),)
            nested = str(jwt.header.get("cty", "")).lower() in {"jwt", "application/jwt"}
            if nested:
                content = jwe.decrypt_nested(jwt.text, keys, **lists).encode()
            else:
                content = jwe.decrypt(jwt.text, keys, **lists)
        except InvalidToken as refused:
            told = CODES[refused.code]
        except ValueError as error:
            told = str(error)
        else:
            return Verdict("good", f"opened with {trust.key.name}"), content
    return Verdict(
        "refused", f"not opened: {told or f'{trust.key.name} is of another type than {alg} takes'}"
    ), None


def weak_key(jwt: Jwt, trust: Trust) -> str:
    """Why the key that a person named is a weak one, in words; "" if it is not, or says nothing."""
    key = trust.key
    if key is None:
        return ""
    if key.public is not None and isinstance(key.public, rsa.RSAPublicKey) and not _is_oversized(key.public):
        bits, numbers = key.public.key_size, key.public.public_numbers()
        if bits < 2048:
            return f"the RSA key has {bits} bits, and 2048 are the least (RFC 7518 §3.3)"
        if numbers.e < 65537:
            return f"the RSA key has the exponent {numbers.e}"
        return weak_modulus(numbers.n) or ""
    if key.secrets and jwt.alg in ALGORITHMS and ALGORITHMS[jwt.alg].symmetric:
        secret = key.secrets[0][0]
        if not ALGORITHMS[jwt.alg].fits(secret):
            return f"the secret has {len(secret)} octets, too few for {jwt.alg} (RFC 7518 §3.2)"
        return weak_secret(secret) or ""
    return ""


def _keys(jwt: Jwt, trust: Trust) -> Iterator[tuple[tuple[VerificationKey, ...], str]]:
    """Sets of keys to try, each with how it was read."""
    if trust.key is None:
        if ALGORITHMS[jwt.alg].symmetric and not any(
            isinstance(each, dict) and each.get("kty") == "oct" for each in (trust.jwks or {}).get("keys", ())
        ):
            raise _Impossible(f"{jwt.alg} takes a secret, and {trust.where} has public keys")
        yield jws.configured_keys(dict(trust.jwks or {}), (jwt.alg,)), ""
        return
    kid = jwt.header.get("kid")
    name = kid if isinstance(kid, str) else None
    for material, how in _materials(jwt, trust.key):
        yield (VerificationKey(name, jwt.alg, material),), how


def _materials(jwt: Jwt, key: NamedKey) -> Iterator[tuple[PublicKey | bytes, str]]:
    row = ALGORITHMS[jwt.alg]
    if row.symmetric:
        if not key.secrets:
            raise _Impossible(f"{jwt.alg} takes a secret, and {key.name} is no secret")
        yield from key.secrets
        return
    if key.jwk is not None:
        yield public_key(key.jwk, jwt.alg), ""
        return
    if key.public is None:
        raise _Impossible(f"{jwt.alg} takes a public key, and {key.name} holds none")
    if isinstance(key.public, rsa.RSAPublicKey):
        if _is_oversized(key.public):
            raise _Impossible(f"{key.name} is larger than any key that we compute with")
        if row.kty == "RSA":
            yield key.public, ""
            return
    elif row.fits(key.public):
        yield key.public, ""
        return
    raise _Impossible(f"{key.name} is of another type than {jwt.alg} takes")


def _is_oversized(key: rsa.RSAPublicKey) -> bool:
    return key.key_size > MAX_RSA_BITS or key.public_numbers().e.bit_length() > _MAX_EXPONENT_BITS


def _judged(
    credential: Credential,
    trust: Trust,
    keys: tuple[VerificationKey, ...],
    how: str,
    clock: Clock,
) -> Verdict:
    """Signature first, so that it can be told apart from the claims; then everything."""
    jwt = credential.jwt
    assert jwt is not None  # noqa: S101 - the caller has looked
    try:
        unverified = jws.parse(jwt.text, (jwt.alg,))
        payload = jws.verify(unverified, keys)
    except (InvalidToken, ValueError) as error:
        return _refused(error.code if isinstance(error, InvalidToken) else "bad_signature")
    signed = f"{jwt.alg}, by {trust.where or 'the key'}{f' ({how})' if how else ''}"
    try:
        claims = read_object(payload)
    except ValueError:
        return _refused("bad_json", signed=signed)
    engine = Engine(
        _kind(credential, jwt),
        issuer=trust.issuer or _text(claims.get("iss")) or "(none)",
        audience=trust.audience or _first(claims.get("aud")) or "(none)",
        keys=FixedKeys(keys),
        algorithms=(jwt.alg,),
        leeway=LEEWAY,
        max_lifetime=None,
        clock=clock,
    )
    try:
        engine.validate(jwt.text, None)
    except InvalidToken as refused:
        if refused.code != _BOUND:
            return _refused(refused.code, signed=signed)
        signed += "; it is bound to a key, so that it is worth nothing without a proof of that"
    return Verdict("good", f"good: {signed}{_not_held(trust)}")


def _kind(credential: Credential, jwt: Jwt) -> Kind:
    """The rules for a token of this purpose; for what has none, what every JWT must keep to."""
    typ = jwt.header.get("typ")
    media = jws.media_type(typ) if isinstance(typ, str) else None
    named = media.removeprefix("application/") if media else ""
    if named in KINDS:
        return KINDS[named]
    if credential.purpose == "id":
        return KINDS["id_token"]
    if credential.purpose in {"access", ""}:
        return PROFILES["jwt"]
    return Kind("jwt", frozenset({media}), rules(c.Rule("sub", False, c.text)), max_lifetime=_YEAR)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _first(value: object) -> str:
    return _text(value[0] if isinstance(value, list) and value else value)


def _first_good(verdicts: Sequence[Verdict]) -> Verdict:
    """The best of several readings of one key; a bad signature says least."""
    rank = {"good": 0, "refused": 1}
    return min(verdicts, key=lambda each: (rank.get(each.state, 2), each.code == "bad_signature"))


def _not_held(trust: Trust) -> str:
    missing = [name for name, value in (("iss", trust.issuer), ("aud", trust.audience)) if value is None]
    if not missing:
        return ""
    options = " and ".join({"iss": "--issuer", "aud": "--audience"}[name] for name in missing)
    verb = "was" if len(missing) == 1 else "were"
    return f". {' and '.join(missing)} {verb} held against nothing: name {options}"


def _refused(code: str, why: str = "", *, signed: str = "") -> Verdict:
    told = why or CODES[code]
    words = f"good ({signed}), but the token is refused: {told}" if signed else f"refused: {told}"
    return Verdict("refused", words.replace("`", ""), code)
