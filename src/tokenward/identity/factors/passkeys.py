"""Passkeys: the options that a page hands to the browser, and what comes back (WebAuthn Level 3).

The `webauthn` library does the ceremonies of §7.1 and §7.2, with responses that `responses` has read. What it
leaves to its caller is done here: whose key it is, of which kind, flags that may not change, and counters,
which mean something only after the signature was right.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from tokenward.base.origins import origin_of
from tokenward.identity.factors.responses import by_library, read_assertion, read_creation, refused
from tokenward.tokens import base64url

TIMEOUT = 5 * 60
"""Seconds that a browser lets a person look for the key (§15.1)."""

_MAX_USER_HANDLE = 64  # bytes, §4 "user handle"
_MIN_CHALLENGE = 16  # bytes, §13.4.3

# COSE algorithm → key type and curve (RFC 9053 §2, RFC 8812 §2): ES256, EdDSA, RS256, in order of preference.
_ALGORITHMS: Mapping[int, tuple[int, int | None]] = {-7: (2, 1), -8: (1, 6), -257: (3, None)}
_RSA_BITS = range(2048, 4097)
_RSA_EXPONENT = 65537


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """For whom passkeys are: a host and all its pages.

    Attributes:
        id: the host. Passkeys are bound to it for good.
        name: what a person reads while they make one.
        origin: from where responses come.
    """

    id: str
    name: str
    origin: str


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A passkey that was just made; the attributes are those of the stored record."""

    credential_id: str
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]
    aaguid: str
    backup_eligible: bool
    backed_up: bool


@dataclass(frozen=True, slots=True)
class Assertion:
    """A passkey was used, by who could unlock it.

    Attributes:
        credential_id: which; base64url.
        sign_count: to store, in place of the last one.
        backed_up: whether it is on more than one device by now.
        user_verified: always, as long as we ask for it.
        user_handle: whose it is, as the authenticator says; None where it did not have to say.
    """

    credential_id: str
    sign_count: int
    backed_up: bool
    user_verified: bool
    user_handle: bytes | None


def relying_party(issuer_url: str, name: str) -> RelyingParty | None:
    """The relying party of an issuer; None where browsers have no passkeys.

    Those are addresses in place of a host name, and plain HTTP except on `localhost` (§5.1.3 step 8, and
    Secure Contexts §3.1).
    """
    parts = urlsplit(issuer_url)
    host = parts.hostname or ""
    if _is_address(host) or (parts.scheme != "https" and host != "localhost"):
        return None
    return RelyingParty(id=host, name=name, origin=origin_of(issuer_url))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def creation_options(
    rp: RelyingParty, *, user_handle: bytes, username: str, challenge: bytes, exclude: Sequence[str] = ()
) -> dict[str, Any]:
    """`PublicKeyCredentialCreationOptionsJSON` (§5.1.8), for `parseCreationOptionsFromJSON`.

    Args:
        rp: for whom the passkey is.
        user_handle: who the person is; opaque, 1 to 64 bytes.
        username: what the authenticator shows, so that the person can tell accounts apart.
        challenge: random, at least 16 bytes, good once.
        exclude: credential ids that the person has: an authenticator that holds one makes no second.

    Raises:
        ValueError: handle or challenge has another length.
    """
    if not 1 <= len(user_handle) <= _MAX_USER_HANDLE:
        raise ValueError(f"a user handle has 1 to {_MAX_USER_HANDLE} bytes")
    return {
        "rp": {"id": rp.id, "name": rp.name},
        "user": {"id": base64url.encode(user_handle), "name": username, "displayName": username},
        "challenge": _challenge(challenge),
        "pubKeyCredParams": [{"type": "public-key", "alg": algorithm} for algorithm in _ALGORITHMS],
        "timeout": TIMEOUT * 1000,
        "excludeCredentials": _descriptors(exclude),
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": True,  # for browsers of Level 1 (§5.4.4)
            "userVerification": "required",
        },
        # Which make it is decides nothing here, so nobody has to tell.
        "attestation": "none",
    }


def request_options(rp: RelyingParty, *, challenge: bytes, allow: Sequence[str] = ()) -> dict[str, Any]:
    """`PublicKeyCredentialRequestOptionsJSON` (§5.1.10), for `parseRequestOptionsFromJSON`.

    With `allow`, credential ids, only these will do; without, any passkey that the person has for us.

    Raises:
        ValueError: the challenge is too short.
    """
    return {
        "rpId": rp.id,
        "challenge": _challenge(challenge),
        "timeout": TIMEOUT * 1000,
        "allowCredentials": _descriptors(allow),
        "userVerification": "required",
    }


def verify_creation(rp: RelyingParty, response_json: str, *, challenge: bytes) -> NewPasskey:
    """The passkey that the browser made, as `RegistrationResponseJSON` (§5.1.8; ceremony: §7.1).

    Raises:
        Refusal: PASSKEY_REFUSED, whatever is wrong with it.
    """
    read = read_creation(response_json)

    import webauthn  # noqa: PLC0415 - costs 0.12 s, which a server without passkeys need not pay
    from webauthn.helpers import decode_credential_public_key  # noqa: PLC0415

    verified = by_library(
        lambda: webauthn.verify_registration_response(
            credential=read.credential(),
            expected_challenge=challenge,
            expected_rp_id=rp.id,
            expected_origin=rp.origin,
            require_user_verification=True,
        )
    )
    if verified.credential_id != read.credential_id_bytes:
        raise refused("the credential id is not the authenticator's")
    by_library(lambda: _check_key(decode_credential_public_key(verified.credential_public_key)))
    return NewPasskey(
        credential_id=read.credential_id,
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        transports=read.transports,
        aaguid=verified.aaguid,
        backup_eligible=read.backup_eligible,
        backed_up=verified.credential_backed_up,
    )


def credential_id_of(response_json: str) -> str:
    """Which passkey an assertion says it is by, to look up its key. Nothing of it is verified yet.

    Raises:
        Refusal: PASSKEY_REFUSED, it is no assertion.
    """
    return read_assertion(response_json).credential_id


def verify_assertion(
    rp: RelyingParty,
    response_json: str,
    *,
    challenge: bytes,
    public_key: bytes,
    sign_count: int,
    backup_eligible: bool,
    user_handle: bytes,
    allow: Sequence[str] = (),
) -> Assertion:
    """What an `AuthenticationResponseJSON` (§5.1.8) proves (ceremony: §7.2).

    Args:
        rp: for whom the passkey was made.
        response_json: what the browser sent.
        challenge: the one of the request options; whether it was used before is the caller's to know.
        public_key: of the stored passkey that `credential_id_of` names.
        sign_count: its last count.
        backup_eligible: whether it said when it was made that it may be copied.
        user_handle: of its owner.
        allow: as the request options had it. Only with it, when we knew who was asked, may the authenticator
            leave out whose passkey it is (step 6).

    Raises:
        Refusal: PASSKEY_REFUSED, whatever is wrong with it.
    """
    read = read_assertion(response_json)
    if allow and read.credential_id not in allow:  # step 5
        raise refused("not one of the passkeys that were asked for")
    if read.user_handle != user_handle and not (read.user_handle is None and allow):  # step 6
        raise refused("another person's user handle" if read.user_handle else "the user handle is missing")
    if read.backup_eligible != backup_eligible:  # step 18
        raise refused("it may be copied, or may not, other than when it was made")

    import webauthn  # noqa: PLC0415 - as above

    verified = by_library(
        lambda: webauthn.verify_authentication_response(
            credential=read.credential(),
            expected_challenge=challenge,
            expected_rp_id=rp.id,
            expected_origin=rp.origin,
            credential_public_key=public_key,
            # The library looks at the count before the signature: who holds no key could raise the alarm.
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    )
    # Step 22. Authenticators that do not count, as all that synchronise, always say 0.
    if (verified.new_sign_count or sign_count) and verified.new_sign_count <= sign_count:
        raise refused(f"possibly a copy: its count is {verified.new_sign_count} after {sign_count}")
    return Assertion(
        credential_id=read.credential_id,
        sign_count=verified.new_sign_count,
        backed_up=verified.credential_backed_up,
        user_verified=verified.user_verified,
        user_handle=read.user_handle,
    )


def amr_of(backup_eligible: bool, user_verified: bool) -> tuple[str, ...]:
    """What using a passkey was, in the words of RFC 8176 §2.

    A key that may be copied to other devices is software's, whatever chip it sits in now. `mfa`: the device
    that holds the key, and what unlocked it.
    """
    return ("swk" if backup_eligible else "hwk", "user", *(("mfa",) if user_verified else ()))


def _check_key(key: Any) -> None:  # noqa: ANN401 - one of four classes that have little in common
    """Let only keys pass that are what their algorithm says, and on the curve.

    Raises:
        Refusal: PASSKEY_REFUSED.
    """
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415
    from webauthn.helpers import decoded_public_key_to_cryptography  # noqa: PLC0415

    if _ALGORITHMS.get(key.alg) != (key.kty, getattr(key, "crv", None)):
        raise refused("an algorithm that was not asked for, or a key of another type")
    usable = decoded_public_key_to_cryptography(key)
    if isinstance(usable, RSAPublicKey) and (
        usable.key_size not in _RSA_BITS or usable.public_numbers().e != _RSA_EXPONENT
    ):
        raise refused("an RSA key of another size or exponent")


def _challenge(challenge: bytes) -> str:
    if len(challenge) < _MIN_CHALLENGE:
        raise ValueError(f"a challenge has at least {_MIN_CHALLENGE} bytes")
    return base64url.encode(challenge)


def _descriptors(credential_ids: Sequence[str]) -> list[dict[str, str]]:
    return [{"type": "public-key", "id": credential_id} for credential_id in credential_ids]
