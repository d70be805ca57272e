"""Where on its line a secret stands: in a literal, in a comment, or bare."""

import re
from dataclasses import dataclass
from typing import Literal as OneOf

from tokenward.leaks.fixing.spot import ByHand, Spot, ascii_only


@dataclass(frozen=True, slots=True)
class Context:
    """What is around the secret.

    Attributes:
        kind: what it stands in.
        begin: offset at which the literal begins, with its prefix.
        open: offset just after its opening quote.
        close: offset of its closing quote.
        end: offset just after that.
        prefix: letters before the quote, such as Python's `b`.
        quote: the quote.
    """

    kind: OneOf["literal", "comment", "bare"]
    begin: int = 0
    open: int = 0
    close: int = 0
    end: int = 0
    prefix: str = ""
    quote: str = ""


_INSIDE = re.compile(r"[$#]\{[^}]*\Z")
BARE = Context("bare")
COMMENT = Context("comment")


def around(
    spot: Spot, *, quotes: str, comments: tuple[str, ...], prefixes: str = "", raw: str = ""
) -> Context:
    """What is around the secret, by reading its line from the beginning.

    Args:
        spot: the secret.
        quotes: characters that open a literal, and close it.
        comments: what begins a comment that goes to the end of the line.
        prefixes: letters that may stand before a quote and belong to the literal.
        raw: of the quotes those in which a backslash is one.
    """
    text, (at, stop) = spot.text, spot.line
    while at < spot.start:
        if any(text.startswith(mark, at) for mark in comments):
            return COMMENT
        quote = text[at]
        if quote not in quotes:
            at += 1
            continue
        opened, at = at, at + 1
        while at < stop and text[at] != quote:
            at += 1 + (text[at] == "\\" and quote not in raw)
        if at >= spot.end:
            if at >= stop:
                return BARE  # it is open at the end of the line
            begin = opened
            while begin > spot.line[0] and text[begin - 1] in prefixes:
                begin -= 1
            return Context("literal", begin, opened + 1, at, at + 1, text[begin:opened], quote)
        if at >= spot.start:
            return BARE
        at += 1
    return BARE


def in_place(spot: Spot, context: Context, expression: str, plus: str = " + ") -> str:
    """The text with an expression in the place of the secret; what else its literal holds is joined to it."""
    edge = context.prefix + context.quote
    before, after = spot.text[context.open : spot.start], spot.text[spot.end : context.close]
    parts = [
        *([f"{edge}{before}{context.quote}"] if before else []),
        ascii_only(expression),
        *([f"{edge}{after}{context.quote}"] if after else []),
    ]
    joined = plus.join(parts)
    if len(parts) > 1:
        joined = f"({joined})"
    return spot.text[: context.begin] + joined + spot.text[context.end :]


def literal(spot: Spot, context: Context, write: str) -> Context:
    """The literal.

    Raises:
        ByHand: it stands in none, or in an expression inside of one.
    """
    if context.kind == "literal" and _INSIDE.search(spot.text[context.open : spot.start]):
        raise ByHand("It stands in an expression inside of a string.", write)
    if context.kind != "literal":
        raise ByHand("It stands in no string that begins and ends on its line.", write)
    return context
