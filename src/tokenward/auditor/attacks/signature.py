"""Family S, the signature: values that verify for nobody's reason, and other spellings of good ones."""

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import MD5, SHA1, SHA256, SHA512, Hash, HashAlgorithm

from tokenward.auditor.attacks.kit import Kit, b64, compact, decoded
from tokenward.auditor.attacks.table import Attack, bare, entry, note, signed

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
_P25519 = 2**255 - 19


def _fixed(signature: bytes, algorithm: str = "ES256") -> Callable[[Kit], str]:
    """Claims for somebody else under a signature that anybody can write down."""

    def forge(kit: Kit) -> str:
        head = kit.header(alg=algorithm, kid=kit.jwk(algorithm)["kid"])
        return kit.signed_by(lambda _: signature, head, kit.claims(sub="admin"))

    return forge


def _altered(change: Callable[[bytes], bytes], algorithm: str = "ES256") -> Callable[[Kit], str]:
    """A good signature by the issuer's key for `algorithm`, written differently."""

    def forge(kit: Kit) -> str:
        key = kit.key_for(algorithm)
        head = kit.header(alg=algorithm, kid=key.kid)
        return kit.signed_by(lambda data: change(key.sign(data)), head)

    return forge


def _p256(r: int, s: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _der(signature: bytes) -> bytes:
    r, s = signature[:32], signature[32:]
    parts = b"".join(b"\x02" + bytes([len(each)]) + each for each in (_integer(r), _integer(s)))
    return b"\x30" + bytes([len(parts)]) + parts


def _integer(octets: bytes) -> bytes:
    shortest = octets.lstrip(b"\0") or b"\0"
    return b"\0" + shortest if shortest[0] & 0x80 else shortest


def _twin(signature: bytes) -> bytes:
    """(r, n - s), which verifies whenever (r, s) does."""
    return _p256(int.from_bytes(signature[:32], "big"), P256_ORDER - int.from_bytes(signature[32:], "big"))


def _plus_order(signature: bytes) -> bytes:
    s = int.from_bytes(signature[32:], "little") + ED25519_ORDER
    return signature[:32] + s.to_bytes(32, "little")


def _modulus(change: Callable[[int], int], algorithm: str = "RS256") -> Callable[[Kit], str]:
    """A signature that follows from the public modulus."""

    def forge(kit: Kit) -> str:
        n = int.from_bytes(decoded(kit.jwk(algorithm)["n"]), "big")
        value = change(n).to_bytes((n.bit_length() + 7) // 8, "big")
        return _fixed(value, algorithm)(kit)

    return forge


_SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")  # RFC 8017 §9.2, note 1
_SHA256_INFO_WITHOUT_NULL = bytes.fromhex("302f300b0609608648016503040201 0420")
_SHA256_INFO_LONG = bytes.fromhex("308131300d060960864801650304020105000420")
_SHA1_INFO = bytes.fromhex("3021300906052b0e03021a05000414")
_SHA512_INFO = bytes.fromhex("3051300d060960864801650304020305000440")
_MD5_INFO = bytes.fromhex("3020300c06082a864886f70d020505000410")


def _digest(data: bytes, algorithm: HashAlgorithm) -> bytes:
    digest = Hash(algorithm)
    digest.update(data)
    return digest.finalize()


def pkcs1_encoded(data: bytes, size: int) -> bytes:
    """EMSA-PKCS1-v1_5 with SHA-256, as it should be (RFC 8017 §9.2); `size` in octets."""
    hashed = _SHA256_INFO + _digest(data, SHA256())
    return b"\0\1" + b"\xff" * (size - 3 - len(hashed)) + b"\0" + hashed


def _pkcs1(
    *,
    info: bytes = _SHA256_INFO,
    digest: HashAlgorithm = SHA256(),  # noqa: B008 - a value without state
    block: int = 1,
    fill: int = 0xFF,
    fill_length: int | None = None,
    after: Callable[[int], bytes] = bytes,
) -> Callable[[Kit], str]:
    """The issuer's RSA operation on a wrong encoding (RFC 8017 §9.2 has the right one)."""

    def forge(kit: Kit) -> str:
        key = kit.key_for("RS256")
        assert isinstance(key.private, rsa.RSAPrivateKey)  # noqa: S101 - follows from the algorithm
        numbers = key.private.private_numbers()
        n, size = numbers.public_numbers.n, key.private.key_size // 8

        def sign(data: bytes) -> bytes:
            hashed = info + _digest(data, digest)
            filling = bytes([fill]) * (size - 3 - len(hashed) if fill_length is None else fill_length)
            front = bytes([0, block]) + filling + b"\0" + hashed
            encoded = front + after(size - len(front))
            return pow(int.from_bytes(encoded, "big"), numbers.d, n).to_bytes(size, "big")

        return kit.signed_by(sign, kit.header(alg="RS256", kid=key.kid))

    return forge


def _pss(salt: int, mask: HashAlgorithm = SHA256()) -> Callable[[Kit], str]:  # noqa: B008 - a value without state
    def forge(kit: Kit) -> str:
        key = kit.key_for("PS256")
        assert isinstance(key.private, rsa.RSAPrivateKey)  # noqa: S101 - follows from the algorithm
        private, pad = key.private, padding.PSS(padding.MGF1(mask), salt)
        head = kit.header(alg="PS256", kid=key.kid)
        return kit.signed_by(lambda data: private.sign(data, pad, SHA256()), head)

    return forge


def _over(make: Callable[[Kit], bytes]) -> Callable[[Kit], str]:
    """The good header and claims, and the issuer's signature over something else."""
    return lambda kit: kit.signed_by(lambda _: kit.key.sign(make(kit)))


def _other_claims(kit: Kit) -> str:
    return kit.with_part(1, lambda _: b64(compact(kit.claims(sub="admin"))))


SIGNATURE: tuple[Attack, ...] = (
    *entry(
        "S05",
        "No signature to speak of",
        "The algorithm is named, and the signature is missing, cut off or not one.",
        "RFC 7515 §5.2; CVE-2020-28042",
        bare("empty", "malformed", lambda kit: _other_claims(kit).rpartition(".")[0] + "."),
        bare("removed with its dot", "malformed", lambda kit: _other_claims(kit).rpartition(".")[0]),
        bare("one octet", "bad_signature", _fixed(b"\0")),
        bare("random octets", "bad_signature", _fixed(bytes(range(64)))),
        bare("the text null", "bad_signature", lambda kit: kit.with_part(2, lambda _: b64(b"null"))),
        bare("the claims once more", "bad_signature", lambda kit: kit.with_part(2, lambda _: kit.parts[1])),
        signed("without its last octet", "bad_signature", _altered(lambda text: text[:-1])),
        signed("its first half", "bad_signature", _altered(lambda text: text[:32])),
        signed("twice", "bad_signature", _altered(lambda text: text * 2)),
        signed("one bit changed", "bad_signature", _altered(lambda text: text[:-1] + bytes([text[-1] ^ 1]))),
        signed("without its last octet, RS256", "bad_signature", _altered(lambda text: text[:-1], "RS256")),
        signed("without its last octet, EdDSA", "bad_signature", _altered(lambda text: text[:-1], "EdDSA")),
    ),
    *entry(
        "S06",
        "Psychic signature",
        "r or s is zero or the group's order, with which a careless verifier's equation always holds.",
        "RFC 7518 §3.4; CVE-2022-21449; CVE-2022-24884; CVE-2020-13895",
        bare("r and s zero", "bad_signature", _fixed(bytes(64))),
        bare("r zero", "bad_signature", _fixed(_p256(0, 1))),
        bare("s zero", "bad_signature", _fixed(_p256(1, 0))),
        bare("r and s one", "bad_signature", _fixed(_p256(1, 1))),
        bare("r and s the order", "bad_signature", _fixed(_p256(P256_ORDER, P256_ORDER))),
        bare("r the order", "bad_signature", _fixed(_p256(P256_ORDER, 1))),
        bare("s the order", "bad_signature", _fixed(_p256(1, P256_ORDER))),
        bare("r zero, s the order", "bad_signature", _fixed(_p256(0, P256_ORDER))),
        bare(
            "r and s one less than the order", "bad_signature", _fixed(_p256(P256_ORDER - 1, P256_ORDER - 1))
        ),
        bare("r and s all ones", "bad_signature", _fixed(b"\xff" * 64)),
        bare("zeros in DER", "bad_signature", _fixed(bytes.fromhex("3006020100020100"))),
        bare("empty DER sequence", "bad_signature", _fixed(bytes.fromhex("3000"))),
        bare("RS256: zeros", "bad_signature", _fixed(bytes(256), "RS256")),
        bare("RS256: one", "bad_signature", _modulus(lambda _: 1)),
        bare("RS256: the modulus", "bad_signature", _modulus(lambda n: n)),
        bare("RS256: the modulus less one", "bad_signature", _modulus(lambda n: n - 1)),
        bare("PS256: zeros", "bad_signature", _fixed(bytes(256), "PS256")),
        bare("PS256: one", "bad_signature", _modulus(lambda _: 1, "PS256")),
        bare("EdDSA: zeros", "bad_signature", _fixed(bytes(64), "EdDSA")),
    ),
    *entry(
        "S12",
        "RSA with other padding",
        "The issuer's RSA operation on an encoding that is not the one that the algorithm prescribes.",
        "RFC 8017 §8.2.2, §9.2; RFC 7518 §3.3, §3.5",
        signed("RS256: no NULL in the algorithm", "bad_signature", _pkcs1(info=_SHA256_INFO_WITHOUT_NULL)),
        signed("RS256: long form of a length", "bad_signature", _pkcs1(info=_SHA256_INFO_LONG)),
        signed("RS256: hash without its name", "bad_signature", _pkcs1(info=b"")),
        signed("RS256: SHA-1", "bad_signature", _pkcs1(info=_SHA1_INFO, digest=SHA1())),  # noqa: S303
        signed("RS256: MD5", "bad_signature", _pkcs1(info=_MD5_INFO, digest=MD5())),  # noqa: S303
        signed("RS256: SHA-512", "bad_signature", _pkcs1(info=_SHA512_INFO, digest=SHA512())),
        signed("RS256: SHA-512 called SHA-256", "bad_signature", _pkcs1(digest=SHA512())),
        signed("RS256: block type 0", "bad_signature", _pkcs1(block=0, fill=0)),
        signed("RS256: block type 2", "bad_signature", _pkcs1(block=2)),
        signed("RS256: filled with other octets", "bad_signature", _pkcs1(fill=0xFE)),
        signed("RS256: short filling, zeros after", "bad_signature", _pkcs1(fill_length=8)),
        signed(
            "RS256: short filling, garbage after",
            "bad_signature",
            _pkcs1(fill_length=8, after=lambda size: b"\x5a" * size),
        ),
        signed("RS256: no filling", "bad_signature", _pkcs1(fill_length=0)),
        signed("RS256: a zero octet before", "bad_signature", _altered(lambda text: b"\0" + text, "RS256")),
        signed("RS256: an octet after", "bad_signature", _altered(lambda text: text + b"\0", "RS256")),
        signed(
            "RS256: the modulus added",
            "bad_signature",
            lambda kit: _altered(lambda text: _plus_modulus(kit, text), "RS256")(kit),
        ),
        signed("PS256: no salt", "bad_signature", _pss(0)),
        signed("PS256: salt of 20 octets", "bad_signature", _pss(20)),
        signed("PS256: the longest salt", "bad_signature", _pss(222)),
        signed("PS256: mask from SHA-1", "bad_signature", _pss(32, SHA1())),  # noqa: S303
        signed("PS256: a zero octet before", "bad_signature", _altered(lambda text: b"\0" + text, "PS256")),
    ),
    *entry(
        "S13",
        "ECDSA in other forms",
        "The signature is good, and not exactly r ‖ s of 32 octets each.",
        "RFC 7518 §3.4; CVE-2020-14966",
        signed("DER", "bad_signature", _altered(_der)),
        signed(
            "zero octets before r and s",
            "bad_signature",
            _altered(lambda text: b"\0" + text[:32] + b"\0" + text[32:]),
        ),
        signed(
            "a zero octet before s", "bad_signature", _altered(lambda text: text[:32] + b"\0" + text[32:])
        ),
        signed("a zero octet before", "bad_signature", _altered(lambda text: b"\0" + text)),
        signed("an octet after", "bad_signature", _altered(lambda text: text + b"\0")),
        signed(
            "as wide as P-384",
            "bad_signature",
            _altered(lambda text: bytes(16) + text[:32] + bytes(16) + text[32:]),
        ),
        signed("s before r", "bad_signature", _altered(lambda text: text[32:] + text[:32])),
        signed("little-endian", "bad_signature", _altered(lambda text: text[31::-1] + text[:31:-1])),
        signed("hexadecimal", "bad_signature", _altered(lambda text: text.hex().encode())),
        signed("base64 twice", "bad_signature", _altered(lambda text: b64(text).encode())),
    ),
    *entry(
        "S14",
        "ECDSA twin",
        "",
        "RFC 7518 §3.4; FIPS 186-5 §6.4.2",
        note(
            signed("n less s", "", _altered(_twin)),
            "With (r, s), (r, n - s) is a signature, too: whoever holds a token can write a second one with"
            " the same claims. Nothing of ours takes a signature for a name: tokens are told apart by `jti`,"
            " and caches by all octets of the token.",
        ),
    ),
    *entry(
        "S15",
        "Ed25519 in other forms",
        "S is not reduced, or R or S is chosen so that a careless verifier's equation holds.",
        "RFC 8032 §5.1.7",
        signed("the order added to S", "bad_signature", _altered(_plus_order, "EdDSA")),
        signed(
            "the highest bit of S set",
            "bad_signature",
            _altered(lambda text: text[:63] + bytes([text[63] | 0x80]), "EdDSA"),
        ),
        signed(
            "the sign of R changed",
            "bad_signature",
            _altered(lambda text: text[:31] + bytes([text[31] ^ 0x80]) + text[32:], "EdDSA"),
        ),
        signed("an octet after", "bad_signature", _altered(lambda text: text + b"\0", "EdDSA")),
        signed("S before R", "bad_signature", _altered(lambda text: text[32:] + text[:32], "EdDSA")),
        bare("R neutral, S zero", "bad_signature", _fixed(b"\x01" + bytes(63), "EdDSA")),
        bare(
            "R neutral and not reduced, S zero",
            "bad_signature",
            _fixed((_P25519 + 1).to_bytes(32, "little") + bytes(32), "EdDSA"),
        ),
        bare(
            "R of order 2, S zero",
            "bad_signature",
            _fixed((_P25519 - 1).to_bytes(32, "little") + bytes(32), "EdDSA"),
        ),
        bare(
            "S the order",
            "bad_signature",
            _fixed(b"\x01" + bytes(31) + ED25519_ORDER.to_bytes(32, "little"), "EdDSA"),
        ),
    ),
    *entry(
        "S16",
        "Signature over something else",
        "The issuer has signed, but not this header and these claims.",
        "RFC 7515 §5.2",
        bare("other claims", "bad_signature", _other_claims),
        bare(
            "header with spaces",
            "bad_signature",
            lambda kit: kit.with_part(0, lambda _: b64(compact(kit.header()).replace(b",", b", "))),
        ),
        bare(
            "claims with spaces",
            "bad_signature",
            lambda kit: kit.with_part(1, lambda _: b64(compact(kit.claims()).replace(b",", b", "))),
        ),
        bare(
            "header without kid",
            "bad_signature",
            lambda kit: kit.with_part(0, lambda _: b64(compact(kit.header(x5t="AAAA")))),
        ),
        bare(
            "header and claims exchanged",
            "header_refused",
            lambda kit: ".".join([kit.parts[1], kit.parts[0], kit.parts[2]]),
        ),
        bare("the stranger's signature", "bad_signature", lambda kit: kit.token(key=kit.stranger)),
        bare(
            "the stranger's, and an expired token",
            "bad_signature",
            lambda kit: kit.token(claims=kit.claims(exp=1), key=kit.stranger),
        ),
        signed(
            "of another token",
            "bad_signature",
            lambda kit: kit.with_part(
                2, lambda _: kit.token(claims=kit.claims(sub="user-2")).rpartition(".")[2]
            ),
        ),
        signed("over the claims alone", "bad_signature", _over(lambda kit: kit.parts[1].encode())),
        signed(
            "over the decoded parts",
            "bad_signature",
            _over(lambda kit: decoded(kit.parts[0]) + b"." + decoded(kit.parts[1])),
        ),
        signed(
            "over the parts without a dot",
            "bad_signature",
            _over(lambda kit: (kit.parts[0] + kit.parts[1]).encode()),
        ),
        signed(
            "over the parts exchanged",
            "bad_signature",
            _over(lambda kit: f"{kit.parts[1]}.{kit.parts[0]}".encode()),
        ),
        signed("over nothing", "bad_signature", _over(lambda _: b"")),
    ),
)


def _plus_modulus(kit: Kit, signature: bytes) -> bytes:
    n = int.from_bytes(decoded(kit.jwk("RS256")["n"]), "big")
    return (int.from_bytes(signature, "big") + n).to_bytes(257, "big").lstrip(b"\0")
