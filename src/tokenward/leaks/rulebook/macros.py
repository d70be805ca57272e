"""Two abbreviations in patterns, so that what surrounds a value is written once.

    %assign(datadog|dd)(api_?key)%    one of these names, later on the line one of those kinds, an assignment,
                                      quotes; the value follows. Names and kinds are compared without case.
    %assign(datadog|dd)%              the same with the usual kinds: key, token, secret, password ...
    %end%                             the value ends here: not within a longer run of base64 or a file name

An assignment is whatever stands between a name and its value in source code, configuration, shells, headers
and markup: `NAME=value`, `"name": "value"`, `name => 'value'`, `set_name("value")`, `ENV NAME value`,
`--name value`, `<name>value</name>`.
"""

import re

_KINDS = "key|token|secret|passw|pwd|cred|auth|bearer"

# After the name: what identifiers and JSON objects are made of, but no new line and no sentence.
_BETWEEN = r"""[\w.\-\[\]"'{: ]{0,24}"""
_OPERATOR = r"""[\w.\-]{0,16}\\?["'\]]{0,2}\s{0,4}(?:=>|:=|\|\|=|[=:,(>]|[ \t])"""
_OPEN = r"""[\s=(\[]{0,6}(?:[bru]|\\)?["'\x60]{0,3}"""
_END = r"""(?:[^\w+/=-]|$)"""

_MACRO = re.compile(r"%(assign)\(([^%]*?)\)(?:\(([^%]*?)\))?%|%(end)%")


def expand(pattern: str) -> str:
    """The pattern with its abbreviations written out."""
    return _MACRO.sub(_written_out, pattern)


def _written_out(macro: re.Match[str]) -> str:
    if macro[4]:
        return _END
    return f"(?i:{macro[2]}){_BETWEEN}(?i:{macro[3] or _KINDS}){_OPERATOR}{_OPEN}"
