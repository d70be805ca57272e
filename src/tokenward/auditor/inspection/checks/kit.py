"""What a check of a credential is made of, and what it looks at."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tokenward.auditor.findings import Check
from tokenward.auditor.inspection.credential import Credential, Form, Jwt, Purpose
from tokenward.auditor.inspection.inside import Inside
from tokenward.auditor.inspection.verdict import UNCHECKED, Verdict
from tokenward.base.severity import Confidence, Severity


@dataclass(frozen=True, slots=True)
class Subject:
    """A credential, and what was found out about it before anything is judged.

    Attributes:
        credential: it.
        now: in seconds since 1970.
        others: what was handed over together with it.
        inside: credentials in its header and claims.
        secret: the secret of its HMAC, if it could be guessed. Never shown.
        verdict: what verifying came to.
        weak_key: why the key that a person named is a weak one; "" if it is not.
    """

    credential: Credential
    now: float
    others: tuple[Credential, ...] = ()
    inside: tuple[Inside, ...] = ()
    secret: bytes | None = field(default=None, repr=False)
    verdict: Verdict = UNCHECKED
    weak_key: str = ""

    @property
    def jwt(self) -> Jwt:
        """Its parts; only for checks of JWTs."""
        assert self.credential.jwt is not None  # noqa: S101 - `Lint.of` has seen to it
        return self.credential.jwt

    @property
    def header(self) -> Mapping[str, Any]:
        """The header; {} where it cannot be read."""
        return self.jwt.header

    @property
    def claims(self) -> Mapping[str, Any]:
        """The claims; {} where they cannot be read."""
        return self.jwt.claims or {}


class Hit(NamedTuple):
    """A check has found something.

    Attributes:
        detail: what is peculiar to this one, in a sentence. Never holds a credential.
        pointer: into the credential, such as "/claims/exp".
        severity: where it is not that of the check.
        confidence: None where there is no doubt.
    """

    detail: str
    pointer: str = ""
    severity: Severity | None = None
    confidence: Confidence | None = None


Find = Callable[[Subject], Iterator[Hit]]

SIGNED: frozenset[Form] = frozenset({"jws"})
ENCRYPTED: frozenset[Form] = frozenset({"jwe"})
JWTS = SIGNED | ENCRYPTED
ANY: frozenset[Form] = frozenset({"jws", "jwe", "named", "ours", "foreign", "basic", "unknown"})


@dataclass(frozen=True, slots=True)
class Lint:
    """A row of the table.

    Attributes:
        check: what is looked for.
        find: yields what was found.
        of: the forms that it looks at.
        purposes: the purposes of JWTs that it looks at; empty for all.
    """

    check: Check
    find: Find
    of: frozenset[Form] = SIGNED
    purposes: frozenset[Purpose] = frozenset()

    def hits(self, subject: Subject) -> Iterator[Hit]:
        """What it finds in that credential."""
        credential = subject.credential
        if credential.form in self.of and (not self.purposes or credential.purpose in self.purposes):
            yield from self.find(subject)


def pointer(*keys: str) -> str:
    """A JSON pointer (RFC 6901 §3)."""
    return "".join(f"/{key.replace('~', '~0').replace('/', '~1')}" for key in keys)
