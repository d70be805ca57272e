"""How it is signed or encrypted, and how strong the key is, as far as the token tells."""

from collections.abc import Iterator

from tokenward.auditor.findings import Check
from tokenward.auditor.inspection import meanings
from tokenward.auditor.inspection.checks.kit import ENCRYPTED, JWTS, Hit, Lint, Subject
from tokenward.auditor.inspection.guessing import HASHES
from tokenward.base.severity import Severity

# Octets of a signature (RFC 7518 §3.1, RFC 8037 §3.1).
_LENGTHS = {
    "HS256": (32,), "HS384": (48,), "HS512": (64,), "ES256": (64,), "ES384": (96,), "ES512": (132,),
    "ES256K": (64,), "Ed25519": (64,), "Ed448": (114,), "EdDSA": (64, 114),
}  # fmt: skip
_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_LEAST_RSA = 256  # octets: 2048 bits (RFC 7518 §3.3)
_KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP", "HS": "oct"}
_MOST_ROUNDS = 1_200_000
_LEAST_ROUNDS = 310_000


def _unsigned(subject: Subject) -> Iterator[Hit]:
    alg = subject.header.get("alg")
    if isinstance(alg, str) and alg.strip("\0 \t").lower() == "none":
        yield Hit(f"The header says alg {alg}.", "/header/alg")


def _signature_removed(subject: Subject) -> Iterator[Hit]:
    alg = subject.jwt.alg
    if alg.strip("\0 \t").lower() != "none":
        if len(subject.jwt.parts) == 2:
            yield Hit(f"The header says alg {alg}, and the third part is missing.", "/signature")
        elif not subject.jwt.parts[2]:
            yield Hit(f"The header says alg {alg}, and the signature is empty.", "/signature")


def _unknown(subject: Subject) -> Iterator[Hit]:
    alg = subject.header.get("alg")
    if "alg" not in subject.header:
        if subject.header:
            yield Hit("The header has no alg.", "/header")
    elif not isinstance(alg, str):
        yield Hit("alg is no text.", "/header/alg")
    elif alg.lower() != "none" and alg not in meanings.ALGORITHMS:
        yield Hit(f"alg is {alg[:40]}.", "/header/alg")


def _symmetric(subject: Subject) -> Iterator[Hit]:
    if subject.jwt.alg in HASHES:
        yield Hit(f"alg is {subject.jwt.alg}.", "/header/alg")


def _guessed(subject: Subject) -> Iterator[Hit]:
    if subject.secret is not None:
        length = len(subject.secret)
        told = "is empty, or all zeros" if not length else f"of {length} octets is on a list of known ones"
        yield Hit(f"The secret {told}; it was found by trying.", "/signature")


def _pkcs1(subject: Subject) -> Iterator[Hit]:
    if subject.jwt.alg.startswith("RS") and subject.jwt.alg in _RSA:
        yield Hit(f"alg is {subject.jwt.alg}.", "/header/alg")


def _length(subject: Subject) -> Iterator[Hit]:
    lengths, found = _LENGTHS.get(subject.jwt.alg), len(subject.jwt.signature)
    if lengths and found and found not in lengths:
        wanted = " or ".join(map(str, lengths))
        yield Hit(f"{subject.jwt.alg} makes {wanted} octets, and here are {found}.", "/signature")


def _short_rsa(subject: Subject) -> Iterator[Hit]:
    found = len(subject.jwt.signature)
    if subject.jwt.alg in _RSA and 0 < found < _LEAST_RSA:
        yield Hit(f"The signature has {found} octets, so that the key has {found * 8} bits.", "/signature")


def _weak_key(subject: Subject) -> Iterator[Hit]:
    if subject.weak_key:
        yield Hit(f"{subject.weak_key[0].upper()}{subject.weak_key[1:]}.")


def _blank(subject: Subject) -> Iterator[Hit]:
    signature = subject.jwt.signature
    half = len(signature) // 2
    if (
        subject.jwt.alg.startswith("ES")
        and signature
        and not (any(signature[:half]) and any(signature[half:]))
    ):
        yield Hit("One half of the signature is zero.", "/signature")


def _key_type(subject: Subject) -> Iterator[Hit]:
    jwk = subject.header.get("jwk")
    wanted = _KEY_TYPES.get(subject.jwt.alg[:2])
    if isinstance(jwk, dict) and wanted and jwk.get("kty") != wanted:
        kty = str(jwk.get("kty"))[:20]
        yield Hit(f"alg {subject.jwt.alg} takes a key of type {wanted}, and jwk is {kty}.", "/header/jwk")


def _rsa15(subject: Subject) -> Iterator[Hit]:
    if subject.jwt.alg == "RSA1_5":
        yield Hit("alg is RSA1_5.", "/header/alg")


def _password(subject: Subject) -> Iterator[Hit]:
    if not subject.jwt.alg.startswith("PBES2"):
        return
    rounds = subject.header.get("p2c")
    if not isinstance(rounds, int) or isinstance(rounds, bool) or rounds < 1:
        yield Hit("p2c is no number of rounds.", "/header/p2c", Severity.HIGH)
    elif rounds > _MOST_ROUNDS:
        yield Hit(f"p2c makes its reader hash {rounds:,} times.", "/header/p2c", Severity.HIGH)
    elif rounds < _LEAST_ROUNDS:
        yield Hit(f"The password is hashed only {rounds:,} times.", "/header/p2c")
    else:
        yield Hit("The key is made from a password.", "/header/alg", Severity.LOW)


def _compressed(subject: Subject) -> Iterator[Hit]:
    if "zip" in subject.header:
        yield Hit("It was not opened, whatever it may grow to.", "/header/zip")


def _unauthenticated_sender(subject: Subject) -> Iterator[Hit]:
    cty = subject.header.get("cty")
    nested = isinstance(cty, str) and cty.lower() in {"jwt", "application/jwt"}
    if not nested and subject.jwt.alg != "dir":
        yield Hit("cty does not say that a signed token is inside.", "/header/cty")


LINTS = (
    Lint(
        Check(
            "token.unsigned",
            "The token is not signed",
            Severity.CRITICAL,
            why="Without a signature anybody can write it, and change every claim.",
            attack="Whoever wants to be somebody else writes their id into sub and sends it; a verifier "
            "that takes alg none believes it.",
            fix="Have the issuer sign with ES256 or EdDSA, and verify with a fixed list of algorithms, in "
            "which none is not.",
            references=("RFC 8725 §3.1", "RFC 7518 §3.6", "CVE-2015-2951", "CVE-2022-23540"),
            recommendation="validate-thoroughly",
        ),
        _unsigned,
    ),
    Lint(
        Check(
            "token.signature-removed",
            "The signature is missing",
            Severity.CRITICAL,
            why="The header promises a signature, and there is none: it was cut off, by accident or not.",
            attack="Some libraries skip verification when there is nothing to verify, and take the claims.",
            fix="Hand over the whole token. If it came like this from outside, look who sent it; make "
            "sure that your verifier refuses an empty signature.",
            references=("RFC 7515 §5.2", "CVE-2020-28042"),
            recommendation="validate-thoroughly",
        ),
        _signature_removed,
    ),
    Lint(
        Check(
            "token.unknown-algorithm",
            "The algorithm is none that is registered",
            Severity.MEDIUM,
            why="No specification says how to verify it, so that what a verifier does is an accident.",
            attack="A library that falls back to another algorithm, or to none, takes what nobody signed.",
            fix="Use a registered algorithm, spelled exactly: ES256, EdDSA or PS256.",
            references=("RFC 7518 §3.1", "RFC 8725 §3.1"),
            recommendation="validate-thoroughly",
        ),
        _unknown,
        JWTS,
    ),
    Lint(
        Check(
            "token.symmetric-algorithm",
            "Whoever can verify it can also write it",
            Severity.LOW,
            why="HMAC has one secret for both sides: each API that verifies can make tokens for every other.",
            attack="The weakest of all verifiers gives the secret away, and with it every identity. A "
            "token is also enough to guess the secret offline.",
            fix="Sign with ES256 or EdDSA, and give verifiers the public key only. Where HMAC must stay, "
            "take 32 random octets or more, and one secret for each audience.",
            references=("RFC 8725 §3.5", "RFC 7518 §3.2"),
            recommendation="validate-thoroughly",
        ),
        _symmetric,
    ),
    Lint(
        Check(
            "token.weak-secret",
            "The secret can be guessed",
            Severity.CRITICAL,
            why="The secret with which it was signed is on a list that everybody can have.",
            attack="Whoever sees one token tries the list offline, in seconds, and then signs tokens of "
            "their own for any user.",
            fix="Make a new secret of 32 random octets or more (openssl rand -base64 48), end what was "
            "signed with the old one, and look for tokens that you did not issue. Better: sign with "
            "ES256.",
            references=("RFC 7518 §3.2", "RFC 8725 §3.5", "OWASP API2:2023"),
            recommendation="validate-thoroughly",
        ),
        _guessed,
    ),
    Lint(
        Check(
            "token.weak-key",
            "The key is weak",
            Severity.HIGH,
            why="A key that can be computed or guessed signs for whoever does so.",
            attack="The attacker factors the modulus, or guesses the secret, and signs their own tokens.",
            fix="Make a new key: P-256 (ES256), Ed25519, RSA of 3072 bits, or 32 random octets; end what "
            "was signed with the old one.",
            references=("RFC 7518 §3.2", "RFC 7518 §3.3", "RFC 8725 §3.5"),
            recommendation="validate-thoroughly",
        ),
        _weak_key,
    ),
    Lint(
        Check(
            "token.short-rsa-key",
            "The RSA key is too short",
            Severity.HIGH,
            why="The length of the signature gives away the length of the key, which must be 2048 bits.",
            attack="RSA of 1024 bits is within reach of those with much hardware; shorter keys are broken "
            "on a few machines.",
            fix="Have the issuer make a key of 3072 bits, or better one for ES256.",
            references=("RFC 7518 §3.3", "NIST SP 800-131A"),
            recommendation="validate-thoroughly",
        ),
        _short_rsa,
    ),
    Lint(
        Check(
            "token.pkcs1-padding",
            "RSA with the old padding",
            Severity.INFO,
            why="PKCS #1 v1.5 signatures are not broken, and the most common; PSS and ECDSA have better "
            "proofs, and verifiers of v1.5 have been wrong about its padding.",
            attack="A verifier that reads the padding carelessly takes forged signatures (Bleichenbacher "
            "2006).",
            fix="For a new issuer prefer ES256 or EdDSA. OpenID Connect asks for RS256 in ID tokens.",
            references=("RFC 7518 §3.3", "RFC 8017 §8"),
            recommendation="validate-thoroughly",
        ),
        _pkcs1,
    ),
    Lint(
        Check(
            "token.signature-length",
            "The signature has a length that its algorithm does not make",
            Severity.MEDIUM,
            why="It cannot be good: it was cut, changed, encoded as DER, or made with another algorithm.",
            attack="Libraries that take several encodings, or shorter signatures, can be led to take "
            "forged ones.",
            fix="Look how the token was copied. ECDSA signatures of JWS are r and s side by side, not DER.",
            references=("RFC 7518 §3.4", "CVE-2020-14966"),
            recommendation="validate-thoroughly",
        ),
        _length,
    ),
    Lint(
        Check(
            "token.blank-signature",
            "The signature is made of zeros",
            Severity.CRITICAL,
            why="No signer makes such a signature; somebody tries whether the verifier takes it.",
            attack='The "psychic signature" of zeros passed for every message in some versions of Java.',
            fix="Refuse it, and look who sent it. Update the verifier, and test it with tokenward's table "
            "of attacks.",
            references=("CVE-2022-21449",),
            recommendation="validate-thoroughly",
        ),
        _blank,
    ),
    Lint(
        Check(
            "token.key-type",
            "The algorithm does not fit the key that comes along",
            Severity.HIGH,
            why="A key is of one type, and an algorithm takes one: here they differ.",
            attack="Algorithm confusion: the verifier uses a public key as the secret of an HMAC, and "
            "takes what anybody signed with that public key.",
            fix="Refuse it. Let each key have its algorithm in the verifier's configuration, and never "
            "follow the header.",
            references=("RFC 8725 §2.1", "RFC 8725 §3.1", "CVE-2015-9235"),
            recommendation="validate-thoroughly",
        ),
        _key_type,
    ),
    Lint(
        Check(
            "token.rsa1-5",
            "The key is encrypted with a padding that talks",
            Severity.HIGH,
            why="Who can send changed copies and see how they fail can read the content (Bleichenbacher "
            "1998).",
            attack="Some thousands of requests, timed or told apart by their errors, decrypt the token.",
            fix="Use ECDH-ES+A256KW or RSA-OAEP-256.",
            references=("RFC 8725 §3.2", "RFC 7518 §4.2", "RFC 7516 §11.5"),
            recommendation="mind-the-claims",
        ),
        _rsa15,
        ENCRYPTED,
    ),
    Lint(
        Check(
            "token.password-encryption",
            "The key is made from a password",
            Severity.MEDIUM,
            why="A password is guessed offline, and the number of rounds is chosen by whoever wrote the "
            "token.",
            attack="The attacker guesses the password; or sends p2c in the billions, and the reader "
            "computes for hours.",
            fix="Use a key and no password (dir, ECDH-ES+A256KW). Refuse p2c above 1,200,000.",
            references=("RFC 7518 §4.8", "RFC 8725 §3.5", "CVE-2023-6681"),
            recommendation="mind-the-claims",
        ),
        _password,
        ENCRYPTED,
    ),
    Lint(
        Check(
            "token.compressed",
            "The content is compressed",
            Severity.MEDIUM,
            why="What it grows to is known only when it is opened; and the length of what is compressed "
            "tells about what it says.",
            attack="A few kilobytes grow to gigabytes in the reader's memory. Or the attacker puts text "
            "into the token, and reads a secret beside it from the length.",
            fix="Do not compress, and refuse zip.",
            references=("RFC 8725 §3.6", "CVE-2024-28180", "CVE-2024-33664"),
            recommendation="mind-the-claims",
        ),
        _compressed,
        ENCRYPTED,
    ),
    Lint(
        Check(
            "token.encrypted-only",
            "Encryption does not say who sent it",
            Severity.INFO,
            why="Whoever has the recipient's public key can encrypt. Only a signature inside proves the "
            "sender.",
            attack="The attacker encrypts claims of their own for the recipient, who takes them because "
            "they could be decrypted.",
            fix="Sign first, then encrypt, and say so with cty JWT; refuse encrypted tokens with nothing "
            "signed inside.",
            references=("RFC 7519 §11.2", "RFC 8725 §2.3", "CVE-2023-51774"),
            recommendation="validate-thoroughly",
        ),
        _unauthenticated_sender,
        ENCRYPTED,
    ),
)
