"""What was handed over, and what it turned out to be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tokenward.auditor.findings import Entry
from tokenward.auditor.inspection.lenient import Document
from tokenward.base.severity import Confidence

Scheme = Literal["", "bearer", "dpop", "basic", "login", "proof", "cookie", "url"]
Form = Literal["jws", "jwe", "named", "ours", "foreign", "basic", "unknown"]
Purpose = Literal[
    "", "access", "id", "refresh", "proof", "logout", "assertion", "request", "introspection", "event"
]


@dataclass(frozen=True, slots=True)
class Presented:
    """A credential as it stood in what was handed over.

    Attributes:
        text: the credential itself. Never shown.
        place: where it stood, in words, such as "the Authorization header".
        scheme: how it is presented there; "" where nothing says so. Of `basic` the text is what follows in
            the header, of `login` user and password as they are.
        to: the origin to which the command would send it, such as "http://api.example.com"; "" if unknown.
    """

    text: str = field(repr=False)
    place: str
    scheme: Scheme = ""
    to: str = ""


@dataclass(frozen=True, slots=True)
class Jwt:
    """A JWS or JWE in compact form, read without trusting any of it.

    Attributes:
        parts: between the dots.
        header: the protected header; {} where it is no object.
        claims: the claims; None where the content is no JSON object, or encrypted.
        header_read: how reading the header went.
        claims_read: how reading the content went; None where it is encrypted.
        signature: decoded; b"" where there is none, or it cannot be decoded.
        misspelt: for each part that is no canonical base64url, its name and what is wrong.
    """

    parts: tuple[str, ...] = field(repr=False)
    header: Mapping[str, Any]
    claims: Mapping[str, Any] | None
    header_read: Document
    claims_read: Document | None
    signature: bytes = field(repr=False)
    misspelt: Mapping[str, str]

    @property
    def text(self) -> str:
        """As it came, but for white space around it."""
        return ".".join(self.parts)

    @property
    def alg(self) -> str:
        """The algorithm that the header names; "" where it names none."""
        alg = self.header.get("alg")
        return alg if isinstance(alg, str) else ""


@dataclass(frozen=True, slots=True)
class Credential:
    """What it turned out to be.

    Attributes:
        presented: as it came.
        form: how it is built.
        what: in words, such as "an OAuth access token in the form of a JWT".
        sure: of that.
        because: why, in words.
        shown: what may be shown of it.
        purpose: what a JWT is for, as far as can be told.
        jwt: the parts of a JWT.
        facts: what else is known of it.
    """

    presented: Presented
    form: Form
    what: str
    sure: Confidence
    because: str
    shown: str
    purpose: Purpose = ""
    jwt: Jwt | None = None
    facts: tuple[Entry, ...] = ()
