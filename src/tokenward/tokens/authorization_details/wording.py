"""How a person is told what is asked for: a sentence of the operator's, with the client's values in it.

A value stays a value: it is handed on apart from the words around it, so that a page can mark it as such,
and none can pass for a part of our sentence. What the sentence does not hold is told below it, by its title.
There is no value that a person allows without having seen it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Any, NamedTuple

from tokenward.tokens.authorization_details.plain_text import why_misleading
from tokenward.tokens.authorization_details.schema import Mistake, Schema, leaves

MAX_TEXT = 200
"""Characters of a sentence before its values are put in."""


class Piece(NamedTuple):
    """A piece of what is told: our words, or a value that a client has `given`."""

    text: str
    given: bool


Pieces = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """One element of a request, for a person to read.

    Attributes:
        sentence: in the order of reading.
        rows: title → the value, for what is not in the sentence.
    """

    sentence: Pieces
    rows: tuple[tuple[str, Pieces], ...] = ()

    @property
    def text(self) -> str:
        """All of it in one line, for a place that can mark nothing: values stand in quotes."""
        sentence = "".join(f"“{piece.text}”" if piece.given else piece.text for piece in self.sentence)
        rows = (f"{title}: “{''.join(piece.text for piece in value)}”" for title, value in self.rows)
        return "; ".join((sentence, *rows))


def told(says: str, fields: Mapping[str, Schema], values: Mapping[str, Any]) -> Told:
    """Values that were checked, in words. `mistakes` must have found none in the sentence."""
    sentence: list[Piece] = []
    for words, name in _parts(says):
        if words:
            sentence.append(Piece(words, given=False))
        if name is not None:
            sentence += _pieces(_value(values, name))
    in_sentence = {name for _, name in _parts(says)}
    rows = (
        (str(schema["title"]), _pieces(value))
        for name, schema in leaves(fields)
        if name not in in_sentence and (value := _value(values, name)) is not None
    )
    return Told(tuple(sentence), tuple(rows))


def mistakes(
    says: str, fields: Mapping[str, Schema], optional: frozenset[str], broken: Collection[str] = ()
) -> Iterator[Mistake]:
    """What is wrong with a sentence, and fields that nobody would see; `broken` ones are passed over."""
    here = ("says",)
    try:
        parts = list(_parts(says))
    except ValueError:
        yield Mistake(here, "its braces cannot be read", "write {field}, and {{ for a brace itself")
        return
    if len(says) > MAX_TEXT or why_misleading(says):
        yield Mistake(here, "this is no sentence", f"write 1 to {MAX_TEXT} printable characters in one line")
    known = dict(leaves(fields))
    named = {name for _, name in parts if name is not None and name.partition(".")[0] not in broken}
    for name in sorted(named - known.keys()):
        there = ", ".join(known) or "none"
        yield Mistake(
            here, f"there is no field {name[:64]!r} to be told", f"fields with a value are: {there}"
        )
    for name in sorted(named & known.keys()):
        if name.partition(".")[0] in optional:
            remedy = "make it required, or take it out of the sentence and give it a title"
            yield Mistake(here, f"{name} may be missing, which would leave a hole in the sentence", remedy)
    for name, schema in known.items():
        if name not in named and "title" not in schema:
            text = f"nobody would be told {name} before allowing it"
            field, _, inner = name.partition(".")
            at = ("fields", field, *(("properties", inner) if inner else ()))
            yield Mistake(at, text, f"write {{{name}}} into `says`, or give it a title")


def _parts(says: str) -> Iterator[tuple[str, str | None]]:
    """Words, each with the name of the value that follows; ValueError where it holds more than names."""
    for words, name, form, conversion in Formatter().parse(says):
        if form or conversion or name == "":
            raise ValueError("only names stand in braces")
        yield words, name


def _value(values: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - any JSON
    outer, _, inner = name.partition(".")
    value = values.get(outer)
    return value.get(inner) if inner and isinstance(value, Mapping) else value


def _pieces(value: object) -> Pieces:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return (Piece(str(value), given=True),)
    pieces: list[Piece] = []
    for each in value:
        pieces += [Piece(", ", given=False)] * bool(pieces) + [Piece(str(each), given=True)]
    return tuple(pieces) or (Piece("–", given=False),)
