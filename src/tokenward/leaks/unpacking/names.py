"""How members are called in a report: what a container says, made harmless to look at."""

import re

_DIGEST = re.compile(r"[0-9a-f]{64}")
_LONGEST = 1000  # characters of a name that are shown


def shown(name: str) -> str:
    """A member's name for a path: control characters escaped, digests cut to twelve digits."""
    name = _DIGEST.sub(lambda digest: digest[0][:12], name)
    if len(name) > _LONGEST:
        name = name[:_LONGEST] + "…"
    return name if name.isprintable() else "".join(map(_shown, name))


def _shown(character: str) -> str:
    """A byte that is no text (a lone surrogate) stays, as in the paths of sources."""
    if character.isprintable() or "\ud800" <= character <= "\udfff":
        return character
    return f"\\x{ord(character):02x}" if ord(character) < 256 else f"\\u{ord(character):04x}"


def base_name(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("!")[2].rpartition("/")[2]
