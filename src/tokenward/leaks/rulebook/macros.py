"""Two abbreviations in patterns, so that what surrounds a value is written once.

    %assign(datadog|dd)(api_?key)%    one of these names, soon after it one of those kinds, an assignment,
                                      quotes; the value follows. Names and kinds are compared without
                                      case; `_?` stands for one of `._ -` or none.
    %assign(datadog|dd)%              the same with the usual kinds: key, token, secret, password ...
    %end%                             the value ends here: not within a longer run of base64 or a file name

An assignment is whatever stands between a name and its value in source code, configuration, shells, headers
and markup: `NAME=value`, `"name": "value"`, `name => 'value'`, `set_name("value")`, `ENV NAME value`,
`--name value`, `<name>value</name>`, `{"name": "NAME", "value": "value"}`, `name: String = "value"`.
"""

import re

_KINDS = "key|token|secret|passw|pwd|cred|auth|bearer"

# After the name: what identifiers, JSON objects and nested YAML are made of, but no sentence's punctuation.
_BETWEEN = r"""[\w.\-\[\]"'{(=:\s]{0,24}"""
# An assignment: an operator, a type and an operator, or `value` on its own, as in lists of variables.
_OPERATOR = (
    r"""[\w.\-]{0,16}\\?["'\]]{0,2}\s{0,4}"""
    r"""(?:=>|:=|\|\||\?[?=]|[=:,(>|]|[ \t](?:\w{1,12}\s{0,4}=)?|:\s{0,4}[&\w'\[\] ]{1,24}="""
    r"""|[,\s{]{0,40}["']?(?i:value|default)["']?\s{0,4}[:=])"""
)
_OPEN = r"""[\s=(\[|]{0,6}(?:[bru@]?\\?["'\x60]{1,3})?"""
_ASSIGNMENT = r"[\s\S]{1,100}?"  # as long as any of them
_SEPARATOR = "[._ -]?"
_END = r"""(?:[^\w+/=-]|$)"""

_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[^\\\[]", re.DOTALL)  # an escape, a class, a character
_MACRO = re.compile(r"%(assign)\(([^%]*?)\)(?:\(([^%]*?)\))?%|%(end)%")


def expand(pattern: str) -> str:
    """The pattern with its abbreviations written out."""
    return _MACRO.sub(_written_out, pattern)


def _written_out(macro: re.Match[str]) -> str:
    if macro[4]:
        return _END
    names, kinds = (words.replace("_?", _SEPARATOR) for words in (macro[2], macro[3] or _KINDS))
    return f"(?i:{names}){_BETWEEN}(?i:{kinds}){_OPERATOR}{_OPEN}"


def triggers(pattern: str) -> tuple[str, ...]:
    """What wakes the rule of that pattern: it is found wherever the pattern is, and hardly anywhere else.

    The assignment is left to the pattern: a database of hundreds of it, all in detail, takes twice as long to
    build. Each of alternative names has a trigger of its own: Vectorscan 5.4 misses `(?:ab|cde)x{0,9}fgh`
    where the middle part is empty and some text stands before it, and sees `abx{0,9}fgh`.
    """
    if not pattern.startswith("(?i:"):
        return (pattern,)
    pattern = pattern.replace(_OPERATOR + _OPEN, _ASSIGNMENT)
    found, depth, at = [""], 1, len("(?i:")
    while depth:
        token = _TOKEN.match(pattern, at)
        if token is None:  # an unfinished class or escape, of which the compiler says more
            return (pattern,)
        at = token.end()
        depth += (token[0] == "(") - (token[0] == ")")
        if token[0] == "|" and depth == 1:
            found.append("")
        elif depth:
            found[-1] += token[0]
    if pattern[at : at + 1] in {"?", "*", "+", "{"}:
        return (pattern,)
    return tuple(f"(?i:{name}){pattern[at:]}" for name in found)
