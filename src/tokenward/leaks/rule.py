"""A rule: one kind of secret, what it looks like, how bad its loss is and where it is exchanged."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tokenward.base.severity import Confidence, Severity


class RuleError(ValueError):
    """A rule is not as it should be. The message names it, and the file where there is one."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A second part without which the first is useless, such as the id to a secret.

    Attributes:
        what: in words, such as "access key id".
        pattern: of the part, which is shown with the finding and so must be no secret itself; its group 1, or
            the whole match.
        within: how many lines before or after the secret it may stand.
        needed: without it there is no finding; otherwise its presence raises the confidence to high.
    """

    what: str
    pattern: str
    within: int = 5
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """An answer of a provider that says something about the credential.

    Attributes:
        status: of HTTP.
        at: names that lead to a member of the JSON body; () where the status says all.
        values: one of which it must be; () for anything but null.
    """

    status: int
    at: tuple[str, ...] = ()
    values: tuple[str | bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """The call by which a provider tells whose a credential is, and changes nothing.

    `{secret}` and `{pair}` stand for the credential and the second part beside it.

    Attributes:
        method: POST only where the provider's documentation says that it reads.
        url: https, of a fixed host; the two may stand in its path and query.
        headers: by name; the two may stand in their values.
        basic: user and password of HTTP Basic, such as "{pair}:{secret}"; "" where it is not used.
        body: of a POST, as it is.
        valid: answers by which the credential is live.
        refused: answers by which it is not. Any other says nothing.
        docs: page on which the provider describes the call.
    """

    method: Literal["GET", "POST"]
    url: str
    valid: tuple[Expected, ...]
    docs: str
    refused: tuple[Expected, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    basic: str = ""
    body: str = ""

    @property
    def host(self) -> str:
        """Who is asked."""
        return self.url.split("/")[2]

    @property
    def texts(self) -> tuple[str, ...]:
        """Everything in which the credential may stand."""
        return (self.url, self.basic, *self.headers.values())


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of a rule file.

    Attributes:
        id: unique, lower case with hyphens, such as "github-personal-access-token".
        provider: who issues it, such as "GitHub".
        what: in words, with an article never; "GitHub personal access token (classic)".
        pattern: in the syntax that RE2 and Hyperscan share, over bytes; group 1 is the secret, or the whole
            match where there is no group. Empty for rules of a detector that parses.
        keywords: at least one of these must stand in the text (compared without case); empty where the
            pattern is distinctive by itself.
        severity: if it is what it looks like.
        confidence: of a match that passes all conditions.
        rotate: address of the page on which its owner exchanges or revokes it.
        entropy: least Shannon entropy of the secret in bits a character; 0 asks for none.
        checksum: name of a function in `checksums.CHECKSUMS` which must accept the secret; "" where the
            format has none.
        paths: globs, one of which the file's path must match; empty for any. One without a slash is of the
            file's name, one with a slash of the path's end.
        not_paths: globs, none of which it may match.
        pair: a second part.
        guessable: a person may have chosen it.
        client_secret: it is an OAuth client's, which has no place in an application that people download.
        check: how to ask its provider whether it is live; None where there is no call that only tells.
        production: what it opens is live business, such as money: nobody is asked about it unasked.
        examples: templates of texts in which exactly one secret must be found.
        counterexamples: templates of texts in which none may be found.
    """

    id: str
    provider: str
    what: str
    pattern: str
    severity: Severity
    confidence: Confidence
    rotate: str
    keywords: tuple[str, ...] = ()
    entropy: float = 0.0
    checksum: str = ""
    paths: tuple[str, ...] = ()
    not_paths: tuple[str, ...] = ()
    pair: Pair | None = None
    guessable: bool = False
    client_secret: bool = False
    check: Check | None = None
    production: bool = False
    examples: tuple[str, ...] = ()
    counterexamples: tuple[str, ...] = ()
