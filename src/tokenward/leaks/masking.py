"""What may be shown of a secret: enough for its owner to know it again, too little to help anybody else.

- The public prefix of its format, such as `ghp_`: it is the same for everybody.
- Of a token of ours also the locator, which is its public name.
- Without a prefix the first four characters, if at least twenty are there: what stays hidden is plenty.
- Of what a person may have chosen nothing, and its length only roughly: both help to guess it.
"""

import re

from tokenward.leaks.prefixes import prefix_of
from tokenward.leaks.rule import Rule

MOST_SHOWN = 4
"""Characters of a secret itself, beside its format's prefix."""

LEAST_HIDDEN = 16
"""Characters that stay hidden; of shorter secrets nothing is shown."""

_OURS = re.compile(rb"[0-9A-Za-z]{1,16}_[a-z]{2}_[0-9A-Za-z]{11}(?=[0-9A-Za-z]{49}$)")
_PEM = re.compile(rb"-----BEGIN [A-Z0-9 ]{1,40}-----")
_CLASSES = ((8, "under 8"), (16, "8 to 15"), (32, "16 to 31"))


def masked(secret: bytes, rule: Rule, *, guessable: bool = False) -> str:
    """What may be shown, such as "ghp_… (40 characters)". Printable ASCII, but for the ellipsis.

    Args:
        secret: its bytes.
        rule: what it is.
        guessable: a person may have chosen this one, whatever the rule says of others.
    """
    length = len(secret)
    if guessable or rule.guessable:
        roughly = next((words for least, words in _CLASSES if length < least), "32 or more")
        return f"… ({roughly} characters)"
    shown = _public(secret, rule)
    if not shown and length >= MOST_SHOWN + LEAST_HIDDEN:
        shown = secret[:MOST_SHOWN]
    text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in shown)
    return f"{text}… ({length:,} characters)"


def _public(secret: bytes, rule: Rule) -> bytes:
    """What every secret of this format begins with, where this one does."""
    if rule.provider == "Tokenward" and (ours := _OURS.match(secret)):
        return ours[0]
    if header := _PEM.match(secret):
        return header[0]
    prefix = prefix_of(rule.pattern).match(secret)
    found = prefix[0] if prefix else b""
    return found if len(secret) - len(found) >= LEAST_HIDDEN else b""
