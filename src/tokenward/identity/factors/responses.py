"""What browsers send of passkeys, read strictly before the `webauthn` library sees it (WebAuthn Level 3 §5).

Bounded, one meaning per byte, of the attestation that we ask for, and not from somebody else's frame: what
the library takes leniently or leaves to its caller. What goes on to the library is spelled anew.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from tokenward.base.problems import PASSKEY_REFUSED, Refusal
from tokenward.identity.factors.cbor import item_end
from tokenward.tokens import base64url, strict_json

MAX_RESPONSE = 16_384
"""Bytes of a response as JSON. One with an RSA key and the longest credential id has some 4,000."""

_CREDENTIAL_ID = range(16, 1024)  # bytes: §4 "credential ID", §7.1 step 25
_TRANSPORTS = frozenset({"usb", "nfc", "ble", "smart-card", "hybrid", "internal"})  # §5.8.4

# §6.1: authenticator data are the hash of the rp id (32 bytes), flags (1), count (4), and what flags tell of.
_FLAGS_AT, _HEADER, _AAGUID = 32, 37, 16
_BACKUP_ELIGIBLE, _ATTESTED, _EXTENDED = 0x08, 0x40, 0x80

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Response:
    """A response of a well-formed passkey. Nothing says yet that it is anybody's.

    Attributes:
        credential_id: base64url.
        credential_id_bytes: the same.
        bits: the members that the library verifies.
        backup_eligible: whether it says that it may be copied.
        transports: how it says that it can be reached.
        user_handle: whose it says that it is.
    """

    credential_id: str
    credential_id_bytes: bytes
    bits: Mapping[str, bytes]
    backup_eligible: bool
    transports: tuple[str, ...]
    user_handle: bytes | None

    def credential(self) -> dict[str, Any]:
        """For the library: only what was read here, spelled as we would."""
        return {
            "id": self.credential_id,
            "rawId": self.credential_id,
            "type": "public-key",
            "response": {name: base64url.encode(value) for name, value in self.bits.items()},
        }


def read_creation(response_json: str) -> Response:
    """What `RegistrationResponseJSON` says (§5.1.8).

    Raises:
        Refusal: PASSKEY_REFUSED.
    """
    return _read(response_json, "attestationObject", _authenticator_data_of)


def read_assertion(response_json: str) -> Response:
    """What `AuthenticationResponseJSON` says (§5.1.8).

    Raises:
        Refusal: PASSKEY_REFUSED.
    """
    return _read(response_json, "authenticatorData", bytes, "signature")


def by_library(compute: Callable[[], _Result]) -> _Result:
    """What the library computes, or a refusal.

    Raises:
        Refusal: PASSKEY_REFUSED; its detail says nothing that the sender said.
    """
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415 - see `passkeys`

    try:
        return compute()
    except Refusal:
        raise
    except WebAuthnException as error:
        # What stands in quotation marks is the sender's.
        raise refused(str(error).partition('"')[0].strip()) from None
    except Exception as error:  # noqa: BLE001 - whatever a parser of hostile bytes raises is a refusal
        raise refused(f"the library raised {type(error).__name__}") from None


def refused(detail: str) -> Refusal:
    """PASSKEY_REFUSED, to be raised."""
    return Refusal(PASSKEY_REFUSED, f"passkey: {detail}")


def _read(
    response_json: str, signed: str, authenticator_data: Callable[[bytes], bytes], *more: str
) -> Response:
    if len(response_json) > MAX_RESPONSE:
        raise refused("the response is too large")
    try:
        whole = strict_json.read_object(response_json.encode("utf-8"))
    except ValueError:
        raise refused("the response is not a JSON object") from None
    if whole.get("type") != "public-key":
        raise refused("another type of credential")
    credential_id, response = whole.get("id"), whole.get("response")
    if not isinstance(credential_id, str) or not isinstance(response, dict):
        raise refused("id or response is missing")
    raw = _decoded(credential_id)
    if len(raw) not in _CREDENTIAL_ID:
        raise refused("the credential id has another length")
    if whole.get("rawId") != credential_id:
        raise refused("id and rawId differ")
    bits = {name: _decoded(response.get(name)) for name in ("clientDataJSON", signed, *more)}
    _refuse_other_frames(bits["clientDataJSON"])
    flags = _checked_flags(authenticator_data(bits[signed]))
    transports, handle = response.get("transports"), response.get("userHandle")
    known = _TRANSPORTS.intersection(map(str, transports)) if isinstance(transports, list) else ()
    return Response(
        credential_id=credential_id,
        credential_id_bytes=raw,
        bits=bits,
        backup_eligible=flags & _BACKUP_ELIGIBLE != 0,
        transports=tuple(sorted(known)),
        user_handle=None if handle is None else _decoded(handle),
    )


def _decoded(text: object) -> bytes:
    if not isinstance(text, str):
        raise refused("a part of the response is missing")
    try:
        return base64url.decode(text)
    except ValueError:
        raise refused("a part of the response is not base64url") from None


def _refuse_other_frames(client_data: bytes) -> None:
    """Our pages are in nobody's frame (§5.8.1, §13.4.9): in one, they were used behind somebody's back."""
    try:
        read = strict_json.read_object(client_data)
    except ValueError:
        raise refused("the client data are not a JSON object") from None
    if read.get("crossOrigin", False) is not False or "topOrigin" in read:
        raise refused("made in a frame of another origin")


def _authenticator_data_of(attestation_object: bytes) -> bytes:
    """The authenticator data in an attestation object (§6.5.4) of a format that we asked for."""
    from webauthn.helpers.parse_cbor import parse_cbor  # noqa: PLC0415 - see `passkeys`

    if _end(attestation_object, 0) != len(attestation_object):
        raise refused("bytes behind the attestation object")
    read = by_library(lambda: parse_cbor(attestation_object))
    authenticator_data = read.get("authData") if isinstance(read, dict) else None
    if not isinstance(authenticator_data, bytes):
        raise refused("the attestation object has no authenticator data")
    # §5.1.3 step 21: where we ask for none, browsers leave only none, or a signature by the key itself.
    form, statement = read.get("fmt"), read.get("attStmt")
    by_itself = form == "packed" and isinstance(statement, dict) and statement.keys() == {"alg", "sig"}
    if not by_itself and (form != "none" or statement != {}):
        raise refused("an attestation that was not asked for")
    return authenticator_data


def _checked_flags(data: bytes) -> int:
    """The flags of authenticator data that have the parts that these announce, and nothing behind them."""
    if len(data) < _HEADER:
        raise refused("the authenticator data are too short")
    flags, end = data[_FLAGS_AT], _HEADER
    if flags & _ATTESTED:
        length_at = end + _AAGUID
        end = _end(data, length_at + 2 + int.from_bytes(data[length_at : length_at + 2]))
    if flags & _EXTENDED:
        end = _end(data, end)
    if end != len(data):
        raise refused("bytes behind the authenticator data")
    return flags


def _end(data: bytes, at: int) -> int:
    try:
        return item_end(data, at)
    except ValueError as error:
        raise refused(str(error)) from None
