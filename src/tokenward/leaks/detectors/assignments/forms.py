"""The forms in which a value is given to a name, in programming languages and in configuration.

Each form is a pattern with two groups that matter: the name, the value in the last that took part. A
form is looked for only where it means something: a bare word is a value in a .env file and a variable in C.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from tokenward.leaks.detectors.assignments.languages import Kind
from tokenward.leaks.detectors.compiling import compiled

# Words of which a credential's name has one. The first are telling by themselves ...
_TELLING: Final = (
    r"(?:passw(?:or)?d|passwort|passphrase|passcode|pwd|pswd|secret|token|credential|bearer|api[_\-]?key|(?:access|auth|private|"
    r"encryption|signing|shared|account|master)[_\-]?key)"
)
# ... these are not, and what follows them has to look like a token all the more.
_VAGUE: Final = r"(?:key|auth|authorization|salt|pass|pw|creds?|seed|bearer|psk)"
_CLOSERS: Final = r"[\"'`\])}]{0,3}"
_TYPED: Final = r"(?:(?:\s?:\s?|\s)[\w.&*\[\]<>?|' ]{1,30}\s?=|\[\w{0,12}\]\s?=)"
# What may stand between a name and a literal.
_BETWEEN: Final = (
    r"(?:\s{0,12}(?:=>|:=|[!=]==?|=|:|\|\|=?|\?\??=?|<-|<<-)\s{0,12}|\s?\(\s{0,4}"
    r"|[\"']\)?\s?(?:,|\|\||\?\?|\bor\b)\s{0,8}"  # define('X', …), getenv("X") or …
    r"|[\"']?,?(?:\s?\{)?\s{1,24}[\"']?(?:value|default|defaultValue)[\"']?\s?[:=]\s?"  # name: X, value: …
    r"|[ \t]{1,8})"
)
_OPENING: Final = (
    r"(?:@|[bruBRUfLN]|String\.raw|\(char \*\)|\[\]byte\(|new String\(|Some\(|String::from\(|\w{1,12}\()?"
)
_QUOTED: Final = r"(?:\\?\"([^\"\s\\]{6,})\\?\"|\\?'([^'\s\\]{6,})\\?'|`([^`\s]{6,})`)"
_OPAQUE: Final = r"[\"'`]([A-Za-z0-9+/=_.\-!@#$%^&*]{16,})[\"'`]"
_BARE: Final = r"([^\s\"'`<>(){}\[\]$|,;*&!@%\-][^\s\"'`<>,;]{5,})"
_END: Final = r"(?:[\s,;]|$|\\n)"

# Words in any case, with what else makes up the name.
_NAME: Final = r"([\w.\-]*(?i:" + _TELLING + r")[\w.\-]{0,40})"
_VAGUE_NAME: Final = r"([\w.\-]*(?i:" + _VAGUE + r")\d?)"


@dataclass(frozen=True, slots=True)
class Form:
    """One way of assignment.

    Attributes:
        what: in words.
        pattern: as said above.
        kinds: of files in which it is looked for.
        marked: what stands before the name tells the form from prose, which has names and words, too.
    """

    what: str
    pattern: str
    kinds: frozenset[Kind]
    marked: bool = False


_EVERYWHERE: Final = frozenset(Kind)
_BARE_KINDS: Final = frozenset({Kind.CONFIG, Kind.SHELL, Kind.PROSE})

FORMS: Final = (
    Form(
        "a literal",
        _NAME + "(?:" + _TYPED + r"\s{0,12}|" + _CLOSERS + _BETWEEN + ")" + _OPENING + _QUOTED,
        _EVERYWHERE,
    ),
    Form(
        "a literal of a key",
        _VAGUE_NAME + _CLOSERS + r"\s{0,8}(?:=>|:=|=|:|,)\s{0,8}[@b]?" + _OPAQUE,
        _EVERYWHERE,
    ),
    Form("a bare word", _NAME + _CLOSERS + r"[ \t]{0,8}(?:=>|:=|=|:)[ \t]{0,8}" + _BARE + _END, _BARE_KINDS),
    Form(
        "a bare word of a key",
        _VAGUE_NAME + r"[ \t]{0,8}(?:=|:)[ \t]{0,8}([A-Za-z0-9+/=_.\-]{16,})" + _END,
        _BARE_KINDS,
    ),
    Form(
        "a parameter of a query",
        r"(?:[?&;#|\s\"'`]|^)" + _NAME + r"=([A-Za-z0-9_.~+/%\-]{8,}=?=?)",
        _EVERYWHERE,
    ),
    Form(
        "a line of configuration in a longer text",
        r"(?m:^)[\s*#/|>]{0,40}([\w.\-]*(?i:"
        + _TELLING
        + "|"
        + _VAGUE
        + r")\w{0,8})[ \t]?[=:][ \t]?([A-Za-z0-9+/=_\-]{16,})[ \t]*(?m:$)",
        frozenset({Kind.CODE}),
    ),
    Form(
        "an option",
        r"(?:^|[\s\"'`(\[,=|])--?"
        + _NAME
        + r"(?:=|\s|[\"'],\s?)[\"']?([^\s\"'`<>$(){}\[\]|\\\-][^\s\"'`<>|\\]{5,})",
        _EVERYWHERE,
        marked=True,
    ),
    Form(
        "an environment variable of an image",
        r"\b(?:ENV|ARG|env|setx|SetEnv|-e|-E|--env|--build-arg)[ \t]+"
        + _NAME
        + r"[ \t=]+[\"']?([^\s\"'`<>$(){}\[\]|\\][^\s\"'`<>|\\]{5,})",
        _EVERYWHERE - frozenset({Kind.QUOTED}),
        marked=True,
    ),
    Form(
        "an element",
        r"<" + _NAME + r"(?:\s[^<>]{0,80})?>\s{0,20}([^<>\s]{6,})\s{0,20}</",
        frozenset({Kind.MARKUP, Kind.CONFIG, Kind.PROSE}),
        marked=True,
    ),
    Form(
        "an argument of a command",
        r"\b(?:((?i:identified))(?i:\s+with\s+[\w']{1,40})?(?i:\s+by)(?i:\s+password)?\s+[\"']|"
        r"((?i:mysql|mysqldump|mysqladmin|mariadb))\s(?:[^\n\"'|;]{0,200}?\s)?-p[\"']?|"
        r"(sshpass)\s+-p\s?[\"']?|((?i:convertto-securestring))\s+(?:-String\s+)?[\"'])"
        r"([^\s\"'`<>$(){}\[\]|;,\\\-][^\s\"'`<>|;,\\]{5,})",
        _EVERYWHERE,
    ),
    Form(
        "an element after its key",
        r"<key>" + _NAME + r"</key>\s{0,12}<string>([^<>\s]{6,})</string>",
        frozenset({Kind.MARKUP, Kind.CONFIG}),
        marked=True,
    ),
    Form(
        "a value by its name",
        r"(?:name|key|variable|id)[\"']?\s?[:=]>?\s?[\"']?"
        + _NAME
        + r"[\"']?,?\s{1,40}[\"']?value[\"']?\s?[:=]\s?"
        + _BARE
        + _END,
        _BARE_KINDS,
    ),
)


def _trigger(form: Form) -> str:
    """The same without what does not narrow it: bounds that are long to compile, the name's beginning.

    It ends with the value, or in it, where an end would be told for each of the bytes that may end it.
    """
    pattern = form.pattern
    _before, name, rest = pattern.partition(r"([\w.\-]*")
    if name and not form.marked:
        pattern = "(" + rest
    for bounds in ("{0,40}", "{0,24}", "{0,20}", "{0,12}", "{0,8}"):
        pattern = pattern.replace(bounds, "*")
    pattern = pattern.replace("{1,40}", "+").replace("{1,24}", "+")
    return _OPEN_END.sub(r"{\1})", pattern)


_OPEN_END: Final = re.compile(r"\{(\d+),\}(?:=\?=\?)?\)$")

# They need a word, an assignment and a literal: mere identifiers wake nobody.
TRIGGERS: Final = tuple(map(_trigger, FORMS))


@cache
def patterns(kind: Kind) -> tuple[tuple[int, str, Any], ...]:
    """The forms to look for in a file of that kind: the index of the trigger, what it is, the pattern."""
    return tuple(
        (which, form.what, compiled(form.pattern)) for which, form in enumerate(FORMS) if kind in form.kinds
    )
