"""DPoP proofs, alone and beside the token that they come with (RFC 9449 §4.3)."""

from collections.abc import Iterator

from tokenward.auditor.findings import Check
from tokenward.auditor.inspection import moments
from tokenward.auditor.inspection.checks.kit import Hit, Lint, Subject
from tokenward.auditor.inspection.credential import Credential, Purpose
from tokenward.auditor.inspection.recognising import thumbprint_of
from tokenward.base.severity import Severity

_REQUIRED = ("jti", "htm", "htu", "iat")
_FRESH = 300  # seconds
_PROOF: frozenset[Purpose] = frozenset({"proof"})


def _incomplete(subject: Subject) -> Iterator[Hit]:
    absent = [name for name in _REQUIRED if name not in subject.claims]
    if "jwk" not in subject.header:
        absent.append("jwk (in the header)")
    if absent and subject.jwt.claims is not None:
        yield Hit(f"It has no {', '.join(absent)}.", "/claims")


def _symmetric(subject: Subject) -> Iterator[Hit]:
    if subject.jwt.alg.startswith("HS") or subject.jwt.alg.lower() == "none":
        yield Hit(f"alg is {subject.jwt.alg}.", "/header/alg")


def _tokens(subject: Subject) -> Iterator[Credential]:
    for other in subject.others:
        if other.purpose != "proof" and other.presented.scheme in {"dpop", "bearer"}:
            yield other


def _other_token(subject: Subject) -> Iterator[Hit]:
    for token in _tokens(subject):
        if "ath" not in subject.claims:
            yield Hit("It has no ath, and comes with an access token.", "/claims")
        elif subject.claims["ath"] != thumbprint_of(token.presented.text):
            yield Hit("ath is the hash of another token than the one beside it.", "/claims/ath")


def _other_key(subject: Subject) -> Iterator[Hit]:
    from tokenward.auditor.inspection.verifying import proof_thumbprint  # noqa: PLC0415 - brings cryptography

    for token in _tokens(subject):
        cnf = (token.jwt.claims or {}).get("cnf") if token.jwt else None
        bound_to = cnf.get("jkt") if isinstance(cnf, dict) else None
        if isinstance(bound_to, str) and bound_to != proof_thumbprint(subject.header.get("jwk")):
            yield Hit(
                "The token beside it is bound to another key than the one of this proof.", "/header/jwk"
            )


def _stale(subject: Subject) -> Iterator[Hit]:
    iat = subject.claims.get("iat")
    if isinstance(iat, int | float) and moments.is_number(iat) and subject.now - iat > _FRESH:
        yield Hit(f"It was made {moments.distance(iat, subject.now)}.", "/claims/iat")


LINTS = (
    Lint(
        Check(
            "token.proof-incomplete",
            "The proof does not say what it is for",
            Severity.HIGH,
            why="A proof is good for one request: its method, its URL, its moment, once.",
            attack="A proof that leaves one of them open is used again, for another request.",
            fix="Make proofs with a library that knows RFC 9449; refuse incomplete ones.",
            references=("RFC 9449 §4.2", "RFC 9449 §4.3"),
            recommendation="trust-no-one",
        ),
        _incomplete,
        purposes=_PROOF,
    ),
    Lint(
        Check(
            "token.proof-symmetric",
            "The proof proves no key",
            Severity.CRITICAL,
            why="Only a private key proves possession; with HMAC or none everybody can make such a proof.",
            attack="A thief of the token makes a proof of their own.",
            fix="Sign proofs with ES256 or EdDSA; refuse every symmetric algorithm.",
            references=("RFC 9449 §4.3",),
            recommendation="trust-no-one",
        ),
        _symmetric,
        purposes=_PROOF,
    ),
    Lint(
        Check(
            "token.proof-other-token",
            "The proof is not for the token beside it",
            Severity.HIGH,
            why="ath ties a proof to one token; without it a proof serves every token of the same key.",
            attack="A proof that was made for one token is presented with another.",
            fix="Put the hash of the very token into ath, and have the API compare it.",
            references=("RFC 9449 §4.3", "RFC 9449 §7"),
            recommendation="trust-no-one",
        ),
        _other_token,
        purposes=_PROOF,
    ),
    Lint(
        Check(
            "token.proof-other-key",
            "The proof is by another key than the token is bound to",
            Severity.HIGH,
            why="The token says by cnf.jkt which key must prove it; this proof is by another.",
            attack="A thief of the token makes proofs with a key of their own; an API that does not "
            "compare takes them.",
            fix="Use the key with which the token was obtained. Have the API compare cnf.jkt.",
            references=("RFC 9449 §6.1", "RFC 9449 §4.3"),
            recommendation="trust-no-one",
        ),
        _other_key,
        purposes=_PROOF,
    ),
    Lint(
        Check(
            "token.proof-stale",
            "The proof is old",
            Severity.INFO,
            why="A proof is made for one request, and good for seconds.",
            attack="Where servers take old proofs, one from a log is used again.",
            fix="Make a new proof for each request. Servers can ask for a nonce.",
            references=("RFC 9449 §11.1", "RFC 9449 §8"),
            recommendation="trust-no-one",
        ),
        _stale,
        purposes=_PROOF,
    ),
)
