"""The public beginning of a format, read from its rule's pattern: `ghp_`, `xox[bp]-`, `(?:AKIA|ASIA)`.

Only what the pattern spells out counts: literal characters, and choices among so few that they say next to
nothing. It ends at the first thing that varies.
"""

import re
from functools import lru_cache

MOST_CHOICES = 64
"""Of all choices together: six bits of a secret."""

_FLAGS = re.compile(r"\(\?[imsU]+\)")
_CAPTURE = re.compile(r"\((?!\?)|\(\?P?<[A-Za-z_]\w*>")
_ELEMENT = re.compile(
    r"(?P<literal>[A-Za-z0-9_~!@#%&=:;,/<>\"' -]|\\[^A-Za-z0-9\s])"
    r"|\[(?P<choice>[A-Za-z0-9_.]{1,16})\]"
    r"|\(\?:(?P<words>[A-Za-z0-9_|-]+)\)"
    r"|(?P<nothing>\\b|\^)"
)
_QUANTIFIERS = frozenset("?*+{")


@lru_cache(maxsize=4096)
def prefix_of(pattern: str) -> re.Pattern[bytes]:
    """What every secret of that pattern begins with; matches nothing where it is not known.

    Args:
        pattern: in the syntax of RE2, group 1 or the whole of it being the secret.
    """
    at = _start(pattern)
    found: list[str] = []
    choices = 1
    while element := _ELEMENT.match(pattern, at):
        at = element.end()
        if at < len(pattern) and pattern[at] in _QUANTIFIERS:
            break
        if element["nothing"]:
            continue
        choices *= len(set(element["choice"] or "x")) * len((element["words"] or "x").split("|"))
        if choices > MOST_CHOICES:
            break
        found.append(element[0])
    if not found:
        return re.compile(rb"(?!)")
    flags = re.IGNORECASE if _FLAGS.match(pattern) and "i" in pattern[: pattern.index(")")] else 0
    return re.compile("".join(found).encode(), flags)


def _start(pattern: str) -> int:
    """Where the secret begins in the pattern."""
    begin = flags.end() if (flags := _FLAGS.match(pattern)) else 0
    in_class = False
    at = begin
    while at < len(pattern):
        if pattern[at] == "\\":
            at += 2
            continue
        if in_class:
            in_class = pattern[at] != "]"
        elif pattern[at] == "[":
            in_class = True
        elif capture := _CAPTURE.match(pattern, at):
            return capture.end()
        at += 1
    return begin
