"""A rule: one kind of secret, what it looks like, how bad its loss is and where it is exchanged."""

from dataclasses import dataclass

from tokenward.leaks.findings import Confidence, Severity


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
    examples: tuple[str, ...] = ()
    counterexamples: tuple[str, ...] = ()
