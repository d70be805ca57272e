"""An authenticator in software, and the browser before it: makes passkeys and uses them, well or badly.

It writes its own CBOR, so that what it sends is not what the library under test would have written.
"""

import hashlib
import json
import secrets
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from tokenward.tokens import base64url

UP, UV, BE, BS, AT, ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80
ES256, EDDSA, RS256 = -7, -8, -257
AAGUID = bytes(range(16))


def cbor(value):
    """What of CBOR authenticators need: integers, bytes, texts, lists, dicts in their order, booleans."""
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor, value))
    return head(5, len(value)) + b"".join(cbor(key) + cbor(each) for key, each in value.items())


def head(major, argument):
    if argument < 24:
        return bytes([major << 5 | argument])
    size = next(size for size in range(4) if argument < 256**2**size)
    return bytes([major << 5 | 24 + size]) + argument.to_bytes(2**size)


def new_key(algorithm):
    if algorithm == ES256:
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == EDDSA:
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, 2048)


def cose(key):
    public = key.public_key()
    if isinstance(key, ec.EllipticCurvePrivateKey):
        numbers = public.public_numbers()
        return {1: 2, 3: ES256, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return {1: 1, 3: EDDSA, -1: 6, -2: public.public_bytes_raw()}
    numbers = public.public_numbers()
    return {1: 3, 3: RS256, -1: numbers.n.to_bytes(numbers.n.bit_length() // 8), -2: b"\x01\x00\x01"}


def sign(key, data):
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(SHA256()))
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    return key.sign(data, padding.PKCS1v15(), SHA256())


@dataclass
class Authenticator:
    """One passkey of one person. Every keyword of `create` and `use` replaces a part of what is right."""

    key: object
    user_handle: bytes
    rp_id: str = "id.example"
    origin: str = "https://id.example"
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    backup: int = BE | BS

    @property
    def id(self):
        return base64url.encode(self.credential_id)

    def client_data(self, kind, challenge, changed):
        facts = {
            "type": kind,
            "challenge": base64url.encode(challenge),
            "origin": self.origin,
            "crossOrigin": False,
        }
        return json.dumps({k: v for k, v in (facts | changed).items() if v is not None}).encode()

    def authenticator_data(self, *, rp_id=None, flags, count, tail=b""):
        hashed = hashlib.sha256((rp_id or self.rp_id).encode()).digest()
        return hashed + bytes([flags]) + count.to_bytes(4) + tail

    def create(
        self,
        challenge,
        *,
        rp_id=None,
        flags=None,
        count=0,
        public_key=None,
        attested_id=None,
        behind=b"",
        fmt="none",
        statement=None,
        client=None,
        client_data=None,
        attestation=None,
        response=None,
        whole=None,
    ):
        client_data = client_data or self.client_data("webauthn.create", challenge, client or {})
        credential_id = self.credential_id if attested_id is None else attested_id
        key = cbor(cose(self.key)) if public_key is None else public_key
        flags = UP | UV | AT | self.backup if flags is None else flags
        tail = AAGUID + len(credential_id).to_bytes(2) + credential_id + key if flags & AT else b""
        data = self.authenticator_data(rp_id=rp_id, flags=flags, count=count, tail=tail + behind)
        if statement == "self":
            signature = sign(self.key, data + hashlib.sha256(client_data).digest())
            statement = {"alg": cose(self.key)[3], "sig": signature}
        attested = {"fmt": fmt, "attStmt": {} if statement is None else statement, "authData": data}
        attested = cbor(attested) if attestation is None else attestation(attested)
        parts = {"clientDataJSON": client_data, "attestationObject": attested}
        return self.said(parts, {"transports": ["internal", "hybrid"]} | (response or {}), whole or {})

    def use(
        self,
        challenge,
        *,
        rp_id=None,
        flags=None,
        count=0,
        behind=b"",
        key=None,
        signature=None,
        client=None,
        client_data=None,
        response=None,
        whole=None,
    ):
        client_data = client_data or self.client_data("webauthn.get", challenge, client or {})
        flags = UP | UV | self.backup if flags is None else flags
        data = self.authenticator_data(rp_id=rp_id, flags=flags, count=count, tail=behind)
        if signature is None:
            signature = sign(key or self.key, data + hashlib.sha256(client_data).digest())
        parts = {"clientDataJSON": client_data, "authenticatorData": data, "signature": signature}
        handle = {"userHandle": base64url.encode(self.user_handle)}
        return self.said(parts, handle | (response or {}), whole or {})

    def said(self, parts, more, whole):
        response = {name: base64url.encode(bits) for name, bits in parts.items()} | more
        response = {name: value for name, value in response.items() if value is not None}
        facts = {"id": self.id, "rawId": self.id, "type": "public-key", "response": response}
        facts |= {"clientExtensionResults": {}, "authenticatorAttachment": "platform"} | whole
        return json.dumps({name: value for name, value in facts.items() if value is not None})
