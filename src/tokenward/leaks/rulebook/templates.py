"""Examples as templates, so that no text of the repository is itself what scanners look for.

A template is a text with fields in braces:

    {base62:36}          36 random characters of an alphabet; the alphabets are in `ALPHABETS`
    {base62:20-40}       between 20 and 40 of them
    {uuid}               a random UUID
    {checksum:NAME ...}  a whole token, made by `checksums.CHECKSUMS[NAME]` from what follows the name
    {<} and {>}          nothing: between them stands the secret, where the rule's pattern must not say it
    {path:.npmrc}        nothing: the path of the file that the text is in
    {{ and }}            braces

What fills the fields follows from a seed. It does not come from `base.entropy`, as it has to be the same each
time: an example that proved a rule yesterday proves it today, and a planted corpus can be found again.
Nothing that is made here is ever a credential of anybody.
"""

import re
from dataclasses import dataclass, field
from hashlib import shake_256
from uuid import UUID

from tokenward.base.entropy import BASE62
from tokenward.leaks.rulebook.checksums import CHECKSUMS, Draw

_DIGITS, _LOWER = "0123456789", "abcdefghijklmnopqrstuvwxyz"
_UPPER = _LOWER.upper()

ALPHABETS: dict[str, str] = {
    "digits": _DIGITS,
    "dull": "01ab",  # of little entropy, and in nearly every other one
    "DULL": "01AB",
    "hex": "0123456789abcdef",
    "HEX": "0123456789ABCDEF",
    "lower": _LOWER,
    "upper": _UPPER,
    "letters": _UPPER + _LOWER,
    "lowerdigits": _DIGITS + _LOWER,
    "UPPERDIGITS": _DIGITS + _UPPER,
    "base32": _UPPER + "234567",
    "base58": "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
    "base62": BASE62,
    "base64": BASE62 + "+/",
    "base64url": BASE62 + "-_",
    "word": BASE62 + "_",
}

_PATH = "example.txt"
_FIELD = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_COUNT = re.compile(r"(\d+)(?:-(\d+))?")


class TemplateError(ValueError):
    """A template that says nothing that can be filled in."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A filled template.

    Attributes:
        data: the text, in UTF-8.
        path: of the file that it is said to be in.
        secret: offsets of the secret in `data`, begin and end; None where the template does not mark it.
    """

    data: bytes = field(repr=False)
    path: str = _PATH
    secret: tuple[int, int] | None = None


def fill(template: str, seed: str) -> bytes:
    """The text of that template for that seed.

    Raises:
        TemplateError: a field is unknown or malformed.
    """
    return sample(template, seed).data


def sample(template: str, seed: str) -> Sample:
    """The text, and what the template says of it.

    Raises:
        TemplateError: a field is unknown or malformed, or the marks of the secret are not a pair.
    """
    draw = _stream(seed)
    data = bytearray()
    marks: dict[str, int] = {}
    path = _PATH
    at = 0
    for match in _FIELD.finditer(template):
        data += template[at : match.start()].encode()
        at = match.end()
        name = match[1]
        if name is None:
            if len(match[0]) == 1:
                raise TemplateError(f"a single brace at {match.start()}; {{{{ and }}}} stand for braces")
            data += match[0][:1].encode()
        elif name in {"<", ">"}:
            if name in marks:
                raise TemplateError(f"{{{name}}} stands twice")
            marks[name] = len(data)
        elif name.startswith("path:"):
            path = name.removeprefix("path:")
        else:
            data += _made(name, draw)
    data += template[at:].encode()
    if len(marks) == 1 or marks.get("<", 0) > marks.get(">", 0):
        raise TemplateError("{<} and {>} stand for the beginning and the end of the secret, in this order")
    return Sample(bytes(data), path, (marks["<"], marks[">"]) if marks else None)


def _made(name: str, draw: Draw) -> bytes:
    """What a field that stands for text is filled with."""
    kind, _, argument = name.partition(":")
    if name == "uuid":
        return str(UUID(hex=draw(ALPHABETS["hex"], 32), version=4)).encode()
    if kind == "checksum":
        of, _, wanted = argument.partition(" ")
        if of not in CHECKSUMS:
            raise TemplateError(f"no checksum is named {of!r}")
        return CHECKSUMS[of].make(draw, wanted)
    count = _COUNT.fullmatch(argument)
    if kind not in ALPHABETS or count is None:
        raise TemplateError(f"no such field: {{{name}}}")
    least = int(count[1])
    most = int(count[2] or least)
    if most < least:
        raise TemplateError(f"the bounds of {{{name}}} are in the wrong order")
    return draw(ALPHABETS[kind], least + _below(most - least + 1, draw)).encode()


def _below(bound: int, draw: Draw) -> int:
    """A number from 0 up to `bound`; asks for no randomness where there is no choice."""
    return 0 if bound == 1 else int(draw(ALPHABETS["hex"], 8), 16) % bound


def _stream(seed: str) -> Draw:
    """Random characters that follow from the seed; each call continues where the last one ended."""
    made = b""
    used = 0

    def draw(alphabet: str, count: int) -> str:
        nonlocal made, used
        fair = 256 - 256 % len(alphabet)  # the bytes above it would favour the first characters
        drawn: list[str] = []
        while len(drawn) < count:
            if used == len(made):
                made = shake_256(seed.encode()).digest(2 * len(made) + 512)
            value = made[used]
            used += 1
            if value < fair:
                drawn.append(alphabet[value % len(alphabet)])
        return "".join(drawn)

    return draw
