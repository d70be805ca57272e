"""From a secret in a text to a proposal: the table of languages, and what must hold whatever they say."""

import re
from dataclasses import dataclass, field

from tokenward.base.references import Reference
from tokenward.leaks.distributed import distributed
from tokenward.leaks.fixing import compiled, documents, infrastructure, javascript, python, shell
from tokenward.leaks.fixing.compiled import CSHARP, JAVA, KOTLIN, PHP, RUBY, rewriter
from tokenward.leaks.fixing.rewriting import Rewrite
from tokenward.leaks.fixing.spot import ByHand, Source, Spot
from tokenward.leaks.text import Text


@dataclass(frozen=True, slots=True)
class Proposal:
    """An edit.

    Attributes:
        content: of the file afterwards.
        text: the same, as in `Source`.
        variable: the environment variable that it reads; "" for none.
        notes: what else has to be done, a sentence each.
    """

    content: bytes = field(repr=False)
    text: str = field(repr=False)
    variable: str = ""
    notes: tuple[str, ...] = ()


# The first row that fits the file's name, in lower case.
LANGUAGES: tuple[tuple[str, Rewrite], ...] = (
    (r"\.pyi?$", python.rewrite),
    (r"\.[cm]?[jt]sx?$", javascript.rewrite),
    (r"(?:^|\.)env(?:\.[\w.-]+)?$", shell.rewrite_entry),
    (r"\.(?:sh|bash|zsh|ksh)$|^\.(?:bash|zsh)(?:rc|_profile|env)$|^\.(?:profile|envrc)$", shell.rewrite),
    (r"^(?:dockerfile|containerfile)(?:\.[\w.-]+)?$|\.dockerfile$", infrastructure.dockerfile),
    (r"\.(?:tf|tfvars)$", infrastructure.terraform),
    (r"\.java$", rewriter(JAVA)),
    (r"\.kts?$", rewriter(KOTLIN)),
    (r"\.cs$", rewriter(CSHARP)),
    (r"\.go$", compiled.go),
    (r"\.rb$", rewriter(RUBY)),
    (r"\.php$", rewriter(PHP)),
    (r"\.(?:ya?ml|jsonc?|toml|ini|cfg|conf|properties)$|^\.npmrc$", documents.rewrite),
)


def propose(spot: Spot, source: Source, kept: Reference, name: str) -> Proposal:
    """The file without the secret at that spot.

    Args:
        spot: the secret.
        source: the file that it stands in.
        kept: where the secret is kept from now on.
        name: of an environment variable, where the language reads one.

    Raises:
        ByHand: no edit is sure to be right; it says what to write.
    """
    application = distributed(Text(spot.text.encode("latin-1"), spot.path), spot.start)
    if application is not None:
        raise ByHand(
            f"It stands in {application}, whose users all have it: no other secret helps. Make the client a "
            "public one (authorization code with PKCE)."
        )
    if (len(spot.before) - len(spot.before.rstrip("\\"))) % 2:
        raise ByHand("A backslash stands right before it.")
    rewrite = next((rewrite for pattern, rewrite in LANGUAGES if re.search(pattern, spot.name)), None)
    if rewrite is None and spot.text.startswith("#!") and re.match(r"#!.*\b(?:ba|z|k|da)?sh\b", spot.text):
        rewrite = shell.rewrite
    if rewrite is None and re.match(r"#!.*\bpython", spot.text):
        rewrite = python.rewrite
    if rewrite is None:
        raise ByHand(f"There is no idiom for {spot.name}: read it from {kept.scheme}:{kept.place}.")
    done = rewrite(spot, kept, name)
    return Proposal(source.content(done.text), done.text, done.variable, done.notes)
