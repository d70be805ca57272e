"""A proposed edit as people see it: what changes, and no secret in it."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from difflib import SequenceMatcher
from itertools import takewhile

from tokenward.leaks.fixing.spot import ascii_only

AROUND = 2
"""Lines shown before and after what changes."""

WIDEST = 160
"""Characters of a line that are shown: of a longer one, those around what changes."""

HIDDEN = "…"


def changes(before: str, after: str, *, hidden: Mapping[str, str], unseen: AbstractSet[int]) -> Iterator[str]:
    """The lines of a diff, each with ` `, `+` or `-` before it, or `@@` for where it goes on.

    Args:
        before: the text, as in `Source`.
        after: the proposed text.
        hidden: what is shown in the place of each secret.
        unseen: lines of `before`, from 1, that are not shown: a secret stands in them that cannot be hidden
            by what it is, because it is encoded.
    """
    old, new = before.removesuffix("\n").split("\n"), after.removesuffix("\n").split("\n")
    for count, group in enumerate(SequenceMatcher(None, old, new).get_grouped_opcodes(AROUND)):
        if count:
            yield "@@"
        for tag, i1, i2, j1, j2 in group:
            for number in range(i1, i2):
                focus = 0 if tag == "equal" else _focus(old[number], new[j1:j2])
                line = HIDDEN if number + 1 in unseen else _line(old[number], hidden, focus)
                yield (" " if tag == "equal" else "-") + line
            if tag != "equal":
                yield from ("+" + _line(each, hidden, _focus(each, old[i1:i2])) for each in new[j1:j2])


def _line(text: str, hidden: Mapping[str, str], focus: int = 0) -> str:
    start = max(0, focus - WIDEST // 2) if len(text) > WIDEST else 0
    marked = text[:start] + "\0" + text[start:]
    # Hidden before it is cut: nobody knows half a secret again, and it would be shown.
    for secret in sorted(hidden, key=len, reverse=True):
        marked = marked.replace(secret, ascii_only(hidden[secret]))
    before, _, rest = marked.partition("\0")
    if any(secret in before + rest for secret in hidden):
        return HIDDEN  # the cut would go through one
    decoded = rest.encode("latin-1").decode("utf-8", "replace").rstrip("\r")
    return (HIDDEN if before else "") + decoded[:WIDEST] + (HIDDEN if len(decoded) > WIDEST else "")


def _focus(line: str, others: list[str]) -> int:
    """Where the line begins to differ from the one among the others that is most like it."""
    return max(
        (
            sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(line, other, strict=False)))
            for other in others
        ),
        default=0,
    )
