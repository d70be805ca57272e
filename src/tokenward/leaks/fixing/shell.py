"""Shell scripts, and files of environment variables, which no shell reads."""

import re
import shlex

from tokenward.base.references import Reference, keyring_entry
from tokenward.leaks.fixing.rewriting import Rewritten
from tokenward.leaks.fixing.spot import ByHand, Spot

_HERE = re.compile(r"(?<!<)<<-?\s*(?P<quote>[\"'\\]?)(?P<word>\w+)")
_ENTRY = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_]\w*)\s*=\s*(?P<quote>[\"']?)")


def fetched(kept: Reference, name: str) -> str:
    """What a shell replaces by the secret."""
    if kept.scheme == "keyring":
        return f"$(keyring get {' '.join(map(shlex.quote, keyring_entry(kept.place)))})"
    if kept.scheme == "file":
        return f"$(cat {shlex.quote(kept.place)})"
    if kept.scheme == "cmd":
        return f"$({kept.place})"
    return f"${{{name}:?}}"


def rewrite(spot: Spot, kept: Reference, name: str) -> Rewritten:
    """See `Rewrite`."""
    new = fetched(kept, name)
    variable = name if kept.scheme == "env" else ""
    here, open_before = _before(spot)
    if here is not None:
        if here["quote"]:
            raise ByHand(
                "It stands in a here-document whose end is quoted, so that nothing is replaced.", new
            )
        return Rewritten(spot.replaced(spot.start, spot.end, new), variable)
    if open_before:
        raise ByHand("It stands between quotes that opened on a line before.", new)
    state, opened = _state(spot.text, spot.line[0], spot.start)
    if state == "#":
        return Rewritten(spot.replaced(spot.start, spot.end, f"{kept.scheme}:{kept.place}"))
    if state == '"':
        inside = spot.text[opened : spot.start]
        if ("$(" in inside or "`" in inside) and inside.count("'") % 2:
            raise ByHand("It stands in single quotes of a command that stands in double ones.", f'"{new}"')
        return Rewritten(spot.replaced(spot.start, spot.end, new), variable)
    if state == "'":
        if spot.text[opened - 1 : opened] == "$":
            raise ByHand("It stands in a string of the form $'…'.", f'"{new}"')
        start, before = (opened, "") if opened + 1 == spot.start else (spot.start, "'")
        whole = spot.after.startswith("'")
        end, after = (spot.end + 1, "") if whole else (spot.end, "'")
        return Rewritten(spot.replaced(start, end, f'{before}"{new}"{after}'), variable)
    return Rewritten(spot.replaced(spot.start, spot.end, f'"{new}"'), variable)


def rewrite_entry(spot: Spot, kept: Reference, _name: str) -> Rewritten:
    """A file of environment variables: what reads it replaces nothing, so the entry goes."""
    if spot.before.lstrip().startswith("#"):
        return Rewritten(spot.replaced(spot.start, spot.end, f"{kept.scheme}:{kept.place}"))
    entry = _ENTRY.fullmatch(spot.before)
    if entry is None or not re.fullmatch(rf"{entry['quote']}\s*(?:#.*)?", spot.after):
        raise ByHand(
            "It is only a part of the variable: take the entry out, and give the variable otherwise."
        )
    where = "the environment" if kept.scheme == "env" else f"{kept.scheme}:{kept.place}"
    text = spot.replaced(*spot.line, f"# {entry['name']}: from {where}")
    return Rewritten(text, entry["name"])


def _state(text: str, begin: int, end: int, state: str = "") -> tuple[str, int]:
    """In what kind of quotes a line is at `end` ("#": in a comment), and where those opened.

    Args:
        text: of the file.
        begin: offset at which the line begins.
        end: offset up to which it is read.
        state: the quotes that are open at its beginning.
    """
    opened = begin
    at = begin
    while at < end:
        byte = text[at]
        if byte == "\\" and state != "'":
            at += 1
        elif state:
            state = "" if byte == state else state
        elif byte in "\"'":
            state, opened = byte, at
        elif byte == "#" and (at == begin or text[at - 1] in " \t;"):
            return "#", at
        at += 1
    return state, opened


def _before(spot: Spot) -> tuple[re.Match[str] | None, str]:
    """The here-document in which the secret's line is, and the quotes that are open where it begins.

    Quotes inside of `"$(…)"` are counted as if they were not nested: then more is left to people.
    """
    lines = spot.text.split("\n")
    last = {line.strip(): number for number, line in enumerate(lines)}
    here: re.Match[str] | None = None
    state, begin = "", 0
    for number, line in enumerate(lines):
        if begin >= spot.line[0]:
            break
        if here is not None:
            here = None if line.strip() == here["word"] else here
        else:
            was = state
            state, _ = _state(spot.text, begin, begin + len(line), state)
            found = None if was or line.lstrip().startswith("#") else _HERE.search(line)
            # What never ends is none: `<<` also shifts bits, and stands in strings.
            if found is not None and last.get(found["word"], 0) > number:
                here = found
            state = "" if state == "#" else state
        begin += len(line) + 1
    return here, state
